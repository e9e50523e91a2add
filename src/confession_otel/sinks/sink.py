"""What a sink is: it takes what was recorded of one confession to where OTLP cannot carry it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from confession_otel.composition import Record


@runtime_checkable
class Sink(Protocol):
    """A backend's own place for scores.

    `send` is called on a thread in the background, once for each confession, once more where an evaluation has
    contradicted that since (`record.flagged` and `record.contradictions` then say so), and again if it raises: an
    `OSError`, as a network has them, is tried again a few times; anything else, and an HTTP status that says that the
    request itself is wrong, is not. So what it does must come to the same when it is done twice, and what is sent last
    must take the place of what was sent before: `record.id` is the same then.
    """

    def send(self, record: Record) -> None:
        """Take it there.

        Args:
            record: verdict, flag, score, `objective` and `why` under the capture rules, ids of the answer's span.
        """


def explanation(record: Record) -> str | None:
    """The deciding objective and the model's reason, of words that may leave; `None` where none may, or none are."""
    return ": ".join(part for part in (record.objective, record.why) if part) or None

"""The one gate through which the model's or a user's words leave: capture level, redaction, limit, well-formedness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from .guard import drop
from .semconv import Dropped
from .settings import Capture

if TYPE_CHECKING:
    from .redaction import Redactor
    from .settings import Settings

_MARGIN: Final = 4096
"""Characters redacted beyond the limit: a secret across the cut is still seen whole, and what shrinks is filled up."""
_HALF: Final = 128
"""Characters at the end of a text cut before redaction that may be half of a number with spaces in it."""


class Released(NamedTuple):
    """A text that may leave."""

    text: str
    truncated: bool


def release(text: str, settings: Settings, limit: int | None = None) -> Released | None:
    """What of a text may leave the process.

    Args:
        text: any text that the model or a user wrote.
        settings: `capture`, `redact` and `text_limit` (characters) decide.
        limit: characters, where less than `text_limit` may leave.

    Returns:
        The text that may leave, and whether the limit cut it; `None` when nothing may: capture is `verdict`, or the
        redactor failed (which is counted: a text that could not be redacted stays here).
    """
    if settings.capture is Capture.VERDICT:
        return None
    limit = settings.text_limit if limit is None else min(limit, settings.text_limit)
    truncated = len(text) > limit
    if settings.redact is not None:
        redacted = _redact(text, settings.redact, 2 * limit + _MARGIN)
        if redacted is None:
            return None
        text = redacted
    return Released(well_formed(text[:limit]), truncated or len(text) > limit)


def _redact(text: str, redact: Redactor, most: int) -> str | None:
    """The first `most` characters of the text, redacted, with no half of a secret at their end."""
    cut = len(text) > most
    if cut:
        # Back to white space: a word that is cut in two is one that no pattern knows.
        text = text[
            : max(text.rfind(" ", most - _MARGIN, most), text.rfind("\n", most - _MARGIN, most), most - _MARGIN)
        ]
    try:
        redacted = redact(text)
    except Exception as error:  # noqa: BLE001 - a stranger's code, whose failure must not let the text out
        drop(Dropped.REDACTION, "redact", "the redactor raised %s: the text is left out", type(error).__name__)
        return None
    if not isinstance(redacted, str):
        drop(Dropped.REDACTION, "redact.type", "the redactor gave %s: the text is left out", type(redacted).__name__)
        return None
    return redacted[:-_HALF] if cut else redacted


def well_formed(text: str) -> str:
    """The text without lone surrogates, which no exporter can encode: one of them would lose the whole batch."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")

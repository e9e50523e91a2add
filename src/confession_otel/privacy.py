"""The one gate through which the model's or a user's words leave: capture level, redaction, limit, well-formedness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .guard import drop
from .semconv import Dropped
from .settings import Capture

if TYPE_CHECKING:
    from .settings import Settings

_MARGIN: Final = 4096
"""Characters redacted beyond the limit and then cut: a secret across the cut is still seen whole."""


@dataclass(frozen=True, slots=True)
class Released:
    """A text that may leave."""

    text: str
    truncated: bool


def release(text: str, settings: Settings) -> Released | None:
    """What of a text may leave the process.

    Args:
        text: any text that the model or a user wrote.
        settings: `capture`, `redact` and `text_limit` (characters) decide.

    Returns:
        The text that may leave, and whether the limit cut it; `None` when nothing may: capture is `verdict`, or the
        redactor failed (which is counted: a text that could not be redacted stays here).
    """
    if settings.capture is Capture.VERDICT:
        return None
    limit = settings.text_limit
    truncated = len(text) > limit
    if settings.redact is not None:
        beyond = len(text) > limit + _MARGIN
        try:
            text = settings.redact(text[: limit + _MARGIN])
            if beyond:
                # The last of what was redacted may be half of something: it goes, however far redaction moved it.
                text = text[: max(0, len(text) - _MARGIN)]
        except Exception as error:  # noqa: BLE001 - a redactor is a stranger's code, and its failure must not let the text out
            drop(
                Dropped.REDACTION,
                "privacy.redact",
                "the redactor raised %s: the text is left out",
                type(error).__name__,
            )
            return None
        if not isinstance(text, str):
            drop(
                Dropped.REDACTION,
                "privacy.redact.type",
                "the redactor gave %s: the text is left out",
                type(text).__name__,
            )
            return None
    return Released(well_formed(text[:limit]), truncated or len(text) > limit)


def well_formed(text: str) -> str:
    """The text without lone surrogates, which no exporter can encode: one of them would lose the whole batch."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")

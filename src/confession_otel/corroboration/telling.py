"""What a confession tells in its own words: does it speak of this?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from confession_otel.confession import Compliance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from confession_otel.confession import Confession

_SENTENCE: Final = re.compile(r"[.!?;](?:\s+|$)|[\n|]")
_FAILED: Final = re.compile(
    r"\b(?:fail\w*|error\w*|unavailable|unreachable|unsuccessful\w*|exceptions?|tim(?:ed?|ing)[ -]?out|timeouts?"
    r"|crash\w*|refused|denied|rejected|declined|aborted|broke|broken|down|offline|invalid|missing|conflict"
    r"|gave up|not found|(?:came|found|gave|returned|got) (?:empty|nothing)|unable to|instead of|in vain"
    r"|(?:could|can|did|does|do|was|were|is|has|have|had|would)(?: not|n[o'’]t|not)\b[^,]{0,40}"
    r"|no (?:answer|access|connection|data|hits?|matches|reply|response|results?)"
    r"|[45]\d\d)\b",
    re.IGNORECASE,
)
_NOT_SO: Final = re.compile(
    r"\b(?:no|not|never|without|none|neither|nor|zero|avoid\w*|free of|(?:did|does|do|has|have|was|were|is)n[’']t)"
    r"\s+(?:\w+\s+){0,2}\Z",
    re.IGNORECASE,
)


_BEFORE: Final = 60
"""Characters before what failed in which it may be denied."""


def sentences(text: str) -> list[str]:
    """The sentences of a text, its lines and its cells."""
    return [sentence for sentence in _SENTENCE.split(text) if sentence.strip()]


def reasons(confession: Confession) -> Iterator[str]:
    """The sentences in which it gives its reasons; of a text without objectives, all."""
    if not confession.objectives:
        yield from sentences(confession.text)
    for objective in confession.objectives:
        yield from sentences(objective.why)
    for uncertainty in confession.uncertainties:
        yield from sentences(uncertainty)


def speaks_of_failure(sentence: str) -> bool:
    """Does the sentence say that something failed, and not that it did not?"""
    return any(
        not _NOT_SO.search(sentence, max(0, match.start() - _BEFORE), match.start())
        for match in _FAILED.finditer(sentence)
    )


def admits(confession: Confession, what: re.Pattern[str]) -> bool:
    """Does an objective that is not said to be met, or an uncertainty, speak of this?"""
    return any(what.search(text) for text in confession.uncertainties) or any(
        what.search(f"{objective.objective}\n{objective.why}")
        for objective in confession.objectives
        if objective.compliance is not Compliance.COMPLIED
    )

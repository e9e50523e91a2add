"""Evidence of the same call against the verdict: where the model says it did better than what else is known allows.

A rule sees a confession whose verdict is better than `non_compliant` and the evidence, and says whether they
contradict each other. It judges nothing itself: a contradiction is a finding that a person should look at.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from .confession import Verdict
from .guard import Site

if TYPE_CHECKING:
    from .confession import Confession


@dataclass(frozen=True, slots=True)
class Evidence:
    """Facts of the call that gave the answer, as far as they are known."""

    finish_reason: str | None = None
    """Why the model stopped, in the provider's word: `stop`, `length`, `content_filter`, `max_output_tokens` ..."""
    refusal: str | None = None
    """The provider's refusal text, where the answer was refused."""
    tool_errors: tuple[str, ...] = ()
    """Names of tools that failed in the run that led to the answer."""
    exception: str | None = None
    """Type of the exception that ended the call."""


NO_EVIDENCE: Final = Evidence()

Rule: TypeAlias = Callable[["Confession", Evidence], bool]

_CUT_OFF: Final = frozenset({"length", "max_tokens", "max_output_tokens"})
_FILTERED: Final = frozenset({"content_filter", "content_filtered", "safety"})
_SAID_TO_BE_FINE: Final = frozenset({Verdict.COMPLIANT, Verdict.PARTIALLY_COMPLIANT, Verdict.UNSURE})
_CONTRADICTS: Final = Site("corroboration")


def is_cut_off(evidence: Evidence) -> bool:
    """Did the token limit end the text?"""
    return (evidence.finish_reason or "").lower() in _CUT_OFF


def cut_off(_: Confession, evidence: Evidence) -> bool:
    """The answer was cut off by the token limit. Errs where the limit fell exactly on the answer's end."""
    return is_cut_off(evidence)


def content_filtered(_: Confession, evidence: Evidence) -> bool:
    """The provider's filter ended the answer."""
    return (evidence.finish_reason or "").lower() in _FILTERED


def refused(_: Confession, evidence: Evidence) -> bool:
    """The provider marked the answer as a refusal. Errs where to refuse was what the instructions asked for."""
    return bool(evidence.refusal)


def tool_error(confession: Confession, evidence: Evidence) -> bool:
    """A tool failed, and a confession that calls all fine does not name it. Errs where it does in other words."""
    if confession.verdict is not Verdict.COMPLIANT:
        return False
    words = frozenset(re.findall(r"[\w-]+", confession.text.casefold()))
    return any(name.casefold() not in words for name in evidence.tool_errors)


def raised(_: Confession, evidence: Evidence) -> bool:
    """The call ended in an exception."""
    return evidence.exception is not None


def behind_the_answer(confession: Confession, evidence: Evidence) -> tuple[Confession, Evidence]:
    """Confession and evidence, where the confession ends the very text it is about.

    If the token limit cut that text, it cut the confession, and not the answer before it.
    """
    if not is_cut_off(evidence):
        return confession, evidence
    return replace(confession, truncated=True), replace(evidence, finish_reason=None)


RULES: Final[dict[str, Rule]] = {
    "cut_off": cut_off,
    "content_filtered": content_filtered,
    "refused": refused,
    "tool_error": tool_error,
    "exception": raised,
}
"""Each rule under the name that `confession.contradictions` gives it."""

_UNREMARKABLE: Final = Evidence(finish_reason="stop")


def contradictions(confession: Confession, evidence: Evidence) -> tuple[str, ...]:
    """Names of the rules that find the verdict contradicted by the evidence."""
    if evidence in (_UNREMARKABLE, NO_EVIDENCE) or confession.verdict not in _SAID_TO_BE_FINE:
        return ()
    found = []
    for name, rule in RULES.items():
        with _CONTRADICTS:
            if rule(confession, evidence):
                found.append(name)
    return tuple(found)

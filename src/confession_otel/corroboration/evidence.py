"""What else is known of the call that gave an answer."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from confession_otel.confession import Confession


@dataclass(frozen=True, slots=True)
class Evidence:
    """Facts of the call that gave the answer, as far as they are known. None of its words leave: rules only look."""

    finish_reason: str | None = None
    """Why the model stopped, in the provider's word: `stop`, `length`, `content_filter`, `max_output_tokens` ..."""
    refusal: str | None = None
    """The provider's refusal text, where the answer was refused."""
    tool_errors: tuple[str, ...] = ()
    """Names of tools that failed in the run that led to the answer."""
    exception: str | None = None
    """Type of the exception that ended the call."""
    request_text: str | None = None
    """What was asked: the system's instructions and the user's last message; a form feed between what are two texts."""
    output_text: str | None = None
    """What the model gave, without the confession."""
    output_schema: Mapping[str, Any] | None = field(default=None, hash=False)
    """The JSON schema that the request wanted the output to follow."""
    evaluations: tuple[str, ...] = ()
    """Names of other evaluations of the same answer that failed."""


NO_EVIDENCE: Final = Evidence()


def ended(finish_reason: str | None, refusal: str | None = None) -> Evidence:
    """How a model ended its answer, and nothing else. Arguments as of `Evidence`."""
    # Servers may give anything.
    if finish_reason is not None and not isinstance(finish_reason, str):
        finish_reason = str(finish_reason)
    return Evidence(finish_reason, refusal) if refusal else _ended(finish_reason)


# Nearly always one of a handful, and to make a frozen record takes its time.
@functools.lru_cache(maxsize=32)
def _ended(finish_reason: str | None) -> Evidence:
    return Evidence(finish_reason)


class Asked(NamedTuple):
    """What a request says of the answer that it wants."""

    text: str | None = None
    """As `Evidence.request_text`."""
    schema: Mapping[str, Any] | None = None
    """As `Evidence.output_schema`."""


PART: Final = "\n\f\n"
"""Between two texts of a request: what one says of itself is not said of the other."""

_CUT_OFF: Final = frozenset(
    {"length", "max_tokens", "max_output_tokens", "model_length", "model_context_window_exceeded"}
)


def stopped_by(evidence: Evidence) -> str:
    """The reason to stop as `max_tokens`, also where it is `FinishReason.MAX_TOKENS` or `max-tokens`; may be empty."""
    return (evidence.finish_reason or "").rpartition(".")[2].lower().replace("-", "_")


def is_cut_off(evidence: Evidence) -> bool:
    """Did the token limit end the text?"""
    return stopped_by(evidence) in _CUT_OFF


def behind_the_answer(confession: Confession, evidence: Evidence) -> tuple[Confession, Evidence]:
    """Confession and evidence, where the confession ends the very text it is about.

    If the token limit cut that text, it cut the confession, and not the answer before it.
    """
    if not is_cut_off(evidence):
        return confession, evidence
    return replace(confession, truncated=True), replace(evidence, finish_reason=None)

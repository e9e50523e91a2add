"""What both APIs give, streamed or not, in one shape: the answers of one call, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from confession_otel import semconv
from confession_otel.answer import Answer
from confession_otel.corroboration import ended

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(slots=True)
class Completion:
    """What the model gave in one call."""

    id: str | None = None
    answers: list[Answer] = field(default_factory=list)
    """One for each choice that is finished; whose span they are on is still to be said."""
    attributes: dict[str, Any] = field(default_factory=dict)
    """Of an answer span, known after the call."""
    pending: bool = False
    """The provider still works on it, in the background."""
    response: Any = None
    """The SDK's own object, where there is one whole."""
    failure: str | None = None
    """What went wrong, where the provider says so and raises nothing."""


def answer(
    text: str, finish_reason: str | None, refusal: str | None, *, response_id: str | None, tool_turn: bool
) -> Answer:
    """One answer.

    Args:
        text: what the model wrote.
        finish_reason: in the words of chat completions where there is one.
        refusal: the model's words where it refused.
        response_id: of the call.
        tool_turn: it waits for the caller to run tools: nobody expects a confession of it.
    """
    return Answer(text=text, final=not tool_turn, response_id=response_id, evidence=ended(finish_reason, refusal))


def attributes(
    response_id: str | None, model: str | None, answers: Sequence[Answer], usage: dict[str, int]
) -> dict[str, Any]:
    """Attributes of an answer span that are known after the call; `usage` is added to."""
    known: dict[str, Any] = usage
    if response_id:
        known[semconv.GEN_AI_RESPONSE_ID] = response_id
    if model:
        known[semconv.GEN_AI_RESPONSE_MODEL] = model
    reasons = [one.evidence.finish_reason or "" for one in answers]
    if any(reasons):
        known[semconv.GEN_AI_FINISH_REASONS] = reasons
    return known


def tokens(usage: object, names: tuple[str, str, str, str]) -> dict[str, int]:
    """Counts of tokens by attribute.

    Args:
        usage: an object of the SDK's, or `None`.
        names: of its fields: tokens of the prompt, their details, tokens of the answer, their details.
    """
    if usage is None:
        return {}
    incoming, cached, outgoing, reasoning = names
    given = (
        (semconv.GEN_AI_INPUT_TOKENS, getattr(usage, incoming, None)),
        (semconv.GEN_AI_OUTPUT_TOKENS, getattr(usage, outgoing, None)),
        (semconv.GEN_AI_CACHE_READ_TOKENS, getattr(getattr(usage, cached, None), "cached_tokens", None)),
        (semconv.GEN_AI_REASONING_TOKENS, getattr(getattr(usage, reasoning, None), "reasoning_tokens", None)),
    )
    counts = {}
    for key, count in given:
        # Zero says no more than absence does.
        if count and isinstance(count, int):
            counts[key] = count  # noqa: PERF403 - before Python 3.12 a comprehension is a call
    return counts

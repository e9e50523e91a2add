"""What both APIs give, streamed or not, in one shape: the choices of one call, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from confession_otel import semconv
from confession_otel.answer import Answer
from confession_otel.corroboration import Evidence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.trace import Span


@dataclass(slots=True)
class Choice:
    """One of the answers of a call."""

    index: int = 0
    text: str = ""
    finish_reason: str | None = None
    """In the words of chat completions where there is one; `None` while it is still coming."""
    refusal: str | None = None
    tool_turn: bool = False
    """It waits for the caller to run tools: nobody expects a confession of it."""


@dataclass(slots=True)
class Completion:
    """What the model gave in one call."""

    id: str | None = None
    model: str | None = None
    choices: list[Choice] = field(default_factory=list)
    ended: bool = True
    """False for what the provider still works on, or stopped working on."""
    conversation_id: str | None = None
    usage: dict[str, int] = field(default_factory=dict)
    """Counts of tokens by attribute."""

    def attributes(self) -> dict[str, Any]:
        """Attributes of an answer span that are known after the call."""
        attributes: dict[str, Any] = dict(self.usage)
        if self.id:
            attributes[semconv.GEN_AI_RESPONSE_ID] = self.id
        if self.model:
            attributes[semconv.GEN_AI_RESPONSE_MODEL] = self.model
        reasons = [choice.finish_reason or "" for choice in self.choices]
        if any(reasons):
            attributes[semconv.GEN_AI_FINISH_REASONS] = reasons
        return attributes

    def answers(self, span: Span, request_model: str | None, provider: str) -> list[Answer]:
        """One answer for each choice."""
        several = len(self.choices) > 1
        return [
            Answer(
                text=choice.text,
                span=span,
                final=self.ended and not choice.tool_turn,
                choice=choice.index if several else None,
                request_model=request_model,
                response_id=self.id,
                conversation_id=self.conversation_id,
                provider=provider,
                evidence=Evidence(finish_reason=choice.finish_reason, refusal=choice.refusal),
            )
            for choice in self.choices
        ]


def tokens(usage: Any, names: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """Counts of tokens by attribute, from the SDK's usage object, whose parts may be missing.

    Args:
        usage: the object, or `None`.
        names: attribute -> the fields that lead to its count.
    """
    counts: dict[str, int] = {}
    for key, path in names.items():
        value = usage
        for name in path:
            value = getattr(value, name, None)
        # Zero says no more than absence does.
        if isinstance(value, int) and value:
            counts[key] = value
    return counts

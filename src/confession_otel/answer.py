"""One answer of a model: its text, the span that carries it, and what is known of the call that gave it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.trace import INVALID_SPAN, NonRecordingSpan, Span, SpanContext

from . import dialects, semconv
from .corroboration import NO_EVIDENCE, Evidence

if TYPE_CHECKING:
    from collections.abc import Callable

    from .corroboration import Asked


@dataclass(slots=True)
class Told:
    """An instruction to append a confession, and what came of it."""

    role: str
    """In whose name it was given."""
    confession: str | None = None
    """What stood in the block, which is no longer in the answer's text; `None` where there was none."""
    truncated: bool = False
    """The block has no end; with no confession, it was cut off before the first word of one."""

    @property
    def took_any(self) -> bool:
        """Was anything taken out of the answer?"""
        return self.confession is not None or self.truncated

    def took(self, confession: str, *, truncated: bool) -> None:
        """Note what was taken out of the answer."""
        self.confession = None if truncated and not confession else confession
        self.truncated = truncated


def _now() -> float:
    return time.monotonic()


# Not frozen, unlike every other record: one is made for each answer, and to freeze it doubles what that costs.
@dataclass(slots=True)
class Answer:
    """What a hook knows of one answer; a call that gave several choices gave several answers."""

    text: str = ""
    """What the model wrote, a confession in it included."""
    span: Span = INVALID_SPAN
    """The answer span: live, ended, or only its ids (`NonRecordingSpan`)."""
    final: bool = True
    """False for a turn that only calls tools, and for what is still being made: nobody expects a confession of it."""
    choice: int | None = None
    """Index of the choice, where the call gave more than one."""
    request_model: str | None = None
    response_id: str | None = None
    conversation_id: str | None = None
    provider: str | None = None
    agent_name: str | None = None
    evidence: Evidence = NO_EVIDENCE
    truncated: bool = False
    """Of the text, only a part was to be had."""
    asked: Callable[[], Asked] | None = None
    """Gives what the request says of the answer that it wants, where the hook knows; called for a confession only."""
    follow_up: Callable[[Answer], Any] | None = None
    """Gives the `FollowUp` by which its conversation can go on, where the hook knows one."""
    told: Told | None = None
    """How the model was told to append its confession, and what it appended; in the way in-band."""
    output: str | None = None
    """The text without the confession at its end, where it was divided already."""
    at: float = field(default_factory=_now, compare=False)
    """When it came, of `time.monotonic()`; it may be brought later, as where a node of LangGraph has to end first."""


_COPIED: Final = {
    "request_model": semconv.GEN_AI_REQUEST_MODEL,
    "response_id": semconv.GEN_AI_RESPONSE_ID,
    "conversation_id": semconv.GEN_AI_CONVERSATION_ID,
    "provider": semconv.GEN_AI_PROVIDER,
    "agent_name": semconv.GEN_AI_AGENT_NAME,
}


def attributes_of(span: Span) -> dict[str, Any]:
    """Attributes of a span of the SDK, live or ended, as they are now; empty for spans that cannot be read."""
    try:
        # The SDK's own mapping takes its time for each key, and locks; it makes a copy in a tenth of what `dict` takes.
        copy: dict[str, Any] = span.attributes.copy()  # type: ignore[attr-defined] # not in the API
    except AttributeError:
        return dict(getattr(span, "attributes", None) or {})
    return copy


def is_inference(span: Span) -> bool:
    """Is this live span some instrumentation's span of a model call? Spans of agents, tools and chains are not."""
    return span.is_recording() and dialects.is_inference(attributes_of(span))


def of_span(span: Span | SpanContext, evidence: Evidence) -> Answer:
    """The answer that a span stands for, with what its attributes say of the call."""
    if isinstance(span, SpanContext):
        return Answer(span=NonRecordingSpan(span), evidence=evidence)
    written = dialects.read(attributes_of(span))
    # The keys are fields of the answer, all of them `str | None`.
    return Answer(span=span, evidence=evidence, **written.fields() if written else {})  # type: ignore[arg-type]


def slim(answer: Answer) -> Answer:
    """What says which answer it is, to be kept: without words, conversation and live span."""
    return Answer(
        span=NonRecordingSpan(answer.span.get_span_context()),
        choice=answer.choice,
        request_model=answer.request_model,
        response_id=answer.response_id,
        conversation_id=answer.conversation_id,
        provider=answer.provider,
        agent_name=answer.agent_name,
    )


def copied_attributes(answer: Answer) -> dict[str, str]:
    """What of the answer goes onto its confession span."""
    copies: dict[str, str] = {}
    for name, key in _COPIED.items():
        value = getattr(answer, name)
        if value is not None:
            copies[key] = value
    return copies

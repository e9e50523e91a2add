"""The dialects: how each instrumentation marks its spans, and where on them it writes what the model gave.

To know one more, add an entry; nothing else asks which instrumentation a span is of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from confession_otel import semconv

from .shapes import Choice, choices_of, grouped

Attributes: TypeAlias = Mapping[str, Any]
Reader: TypeAlias = "Callable[[Attributes], list[Choice]]"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one family of instrumentations writes."""

    name: str
    mark: str
    """Attribute that says what a span is of."""
    inference: frozenset[str]
    """Its values on the span of one call of a model."""
    tool: frozenset[str] = frozenset()
    """Its values on the span of one call of a tool."""
    outputs: tuple[Reader, ...] = ()
    """Where the output is, the likeliest first."""
    fields: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Field of the answer, and the attributes that may hold it."""
    finish_reason: tuple[str, ...] = ()
    tool_name: tuple[str, ...] = ()
    elsewhere: Callable[[Attributes], bool] | None = None
    """Will another span, still to come, hold the output of this one?"""
    decides: bool = False
    """Its mark holds whatever the other marks of the span say."""


def _in(*keys: str) -> tuple[Reader, ...]:
    """Each of these attributes may hold all of the output."""

    def reader(key: str) -> Reader:
        return lambda attributes: _whole(choices_of(attributes.get(key)))

    return tuple(reader(key) for key in keys)


def _under(prefix: str) -> Reader:
    """The output is a list, flattened: `prefix.0.content`, `prefix.0.role`, ..."""
    return lambda attributes: grouped(
        (key.removeprefix(prefix), value) for key, value in attributes.items() if key.startswith(prefix)
    )


def _whole(choices: list[Choice]) -> list[Choice]:
    """The answers, also where each chunk of a stream is a message: then the last one alone says why the model stopped.

    So write Google ADK and OpenTelemetry's instrumentation of Google's SDK.
    """
    if len(choices) < 2 or choices[0].finish_reason is not None or choices[-1].finish_reason is None:  # noqa: PLR2004
        return choices
    answers: list[Choice] = []
    begun: Choice | None = None
    for choice in choices:
        if begun is None:
            answers.append(choice)
            begun = choice
        else:
            begun.text += choice.text
            begun.refusal = begun.refusal or choice.refusal
            begun.tool_turn = begun.tool_turn or choice.tool_turn
            begun.truncated = begun.truncated or choice.truncated
        if choice.finish_reason is not None:
            begun.because(choice.finish_reason)
            begun = None
    return answers


def _values(*values: str) -> frozenset[str]:
    return frozenset(values)


DIALECTS: Final = (
    Dialect(
        "Logfire",
        "logfire.span_type",
        inference=frozenset(),
        # The span of a stream ends where the stream begins; what was streamed comes with a log, which is a span too.
        elsewhere=lambda attributes: (
            attributes["logfire.span_type"] == "span" and semconv.GEN_AI_RESPONSE_ID not in attributes
        ),
    ),
    Dialect(
        "LangSmith",
        "langsmith.span.kind",
        inference=_values("llm"),
        tool=_values("tool"),
        outputs=_in("gen_ai.completion"),
        fields=(("request_model", (semconv.GEN_AI_REQUEST_MODEL,)), ("provider", ("gen_ai.system",))),
        tool_name=("langsmith.trace.name",),
        # Its spans of prompts say that they are of the operation `chat` as well.
        decides=True,
    ),
    Dialect(
        "OpenTelemetry GenAI",
        semconv.GEN_AI_OPERATION,
        # LiteLLM has names of its own for what it was called by.
        inference=_values(
            "chat", "generate_content", "text_completion", "acompletion", "atext_completion", "responses", "aresponses"
        ),
        tool=_values("execute_tool"),
        outputs=(*_in("gen_ai.output.messages"), _under("gen_ai.completion."), *_in("gen_ai.completion")),
        fields=(
            ("request_model", (semconv.GEN_AI_REQUEST_MODEL, semconv.GEN_AI_RESPONSE_MODEL)),
            ("response_id", (semconv.GEN_AI_RESPONSE_ID,)),
            ("conversation_id", (semconv.GEN_AI_CONVERSATION_ID,)),
            ("provider", (semconv.GEN_AI_PROVIDER, "gen_ai.system")),
            ("agent_name", (semconv.GEN_AI_AGENT_NAME,)),
        ),
        # Without content, the spans of Anthropic's own SDK have no other.
        finish_reason=(semconv.GEN_AI_FINISH_REASONS, "anthropic.message.stop_reason"),
        tool_name=("gen_ai.tool.name",),
    ),
    Dialect(
        "OpenInference",
        semconv.OPENINFERENCE_SPAN_KIND,
        inference=_values("LLM"),
        tool=_values("TOOL"),
        outputs=(_under("llm.output_messages."), *_in(semconv.OPENINFERENCE_OUTPUT)),
        fields=(
            ("request_model", ("llm.model_name",)),
            ("conversation_id", ("session.id",)),
            ("provider", ("llm.provider", "llm.system")),
            ("agent_name", ("agent.name",)),
        ),
        finish_reason=("llm.finish_reason",),
        tool_name=("tool.name",),
    ),
    Dialect(
        "Langfuse",
        "langfuse.observation.type",
        inference=_values("generation"),
        tool=_values("tool"),
        outputs=_in("langfuse.observation.output"),
        fields=(("request_model", ("langfuse.observation.model.name",)), ("conversation_id", ("session.id",))),
        finish_reason=("langfuse.observation.metadata.finish_reason",),
    ),
    Dialect(
        "OpenLLMetry",
        "llm.request.type",
        inference=_values("chat", "completion"),
        outputs=(_under("gen_ai.completion."),),
        fields=(
            ("request_model", (semconv.GEN_AI_REQUEST_MODEL,)),
            ("response_id", (semconv.GEN_AI_RESPONSE_ID,)),
            ("provider", ("gen_ai.system",)),
        ),
    ),
    Dialect(
        # Before 0.55, its spans of responses say nowhere else what they are.
        "OpenLLMetry, responses",
        "gen_ai.completion.0.role",
        inference=_values("assistant"),
        outputs=(_under("gen_ai.completion."),),
        fields=(
            ("request_model", (semconv.GEN_AI_REQUEST_MODEL,)),
            ("response_id", (semconv.GEN_AI_RESPONSE_ID,)),
            ("provider", ("gen_ai.system",)),
        ),
    ),
    Dialect(
        "OpenLLMetry, spans of frameworks",
        "traceloop.span.kind",
        inference=frozenset(),
        tool=_values("tool"),
        tool_name=("traceloop.entity.name",),
    ),
)

_CHOICE: Final = "gen_ai.choice"
_DETAILS: Final = "gen_ai.client.inference.operation.details"


def _choice(attributes: Attributes, body: object) -> list[Choice]:
    """One choice: in the body of a log record, or, with Strands, in an attribute of an event on the span."""
    if body is not None:
        return choices_of(body)
    found = choices_of(attributes.get("message"))
    reason = attributes.get("finish_reason")
    if isinstance(reason, str):
        for choice in found:
            choice.because(reason)
    return found


def _details(attributes: Attributes, _: object) -> list[Choice]:
    return _whole(choices_of(attributes.get("gen_ai.output.messages")))


EVENTS: Final[Mapping[str, Callable[[Attributes, object], list[Choice]]]] = {_CHOICE: _choice, _DETAILS: _details}
"""Events that hold output, on the span or beside it as log records: name -> reader of attributes and body."""

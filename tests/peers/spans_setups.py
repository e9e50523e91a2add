"""The peers whose spans are read, their settings, and what came of each call: the rows of docs/peers.md.

Peers that resolve together share an environment; each is alone in its process.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# What came of a call.
THEIRS: Final = "on the peer's span"
HOLLOW: Final = "no words there, counted as `no_content`"
NOTHING: Final = "nothing counted"
TWICE: Final = "no words there, counted as `no_content` twice"
MERGED: Final = "on the peer's span, once for both choices"

STREAMS: Final = ("messages, streamed", "messages, streamed, async", "messages.stream", "messages.stream, async")


@dataclass(frozen=True)
class Environment:
    """Packages that are installed together."""

    name: str
    pins: str
    packages: tuple[str, ...]


NEWEST: Final = Environment(
    "spans",
    "pins-spans.txt",
    (
        "confession-otel[openai,langchain,otlp]",
        "anthropic",
        "langchain",
        "langchain-openai",
        "langfuse",
        "logfire",
        "openai-agents",
        "openinference-instrumentation-anthropic",
        "openinference-instrumentation-langchain",
        "openinference-instrumentation-openai",
        "openinference-instrumentation-openai-agents",
        "opentelemetry-instrumentation-anthropic",
        "opentelemetry-instrumentation-genai-anthropic",
        "opentelemetry-instrumentation-genai-langchain",
        "opentelemetry-instrumentation-genai-openai",
        "opentelemetry-instrumentation-langchain",
        "opentelemetry-instrumentation-openai",
        "opentelemetry-instrumentation-openai-agents",
        "pydantic-ai-slim[anthropic,openai]",
    ),
)
OPENAI_2: Final = Environment(
    "spans-openai-2",
    "pins-spans-openai-2.txt",
    (
        "confession-otel[openai,otlp]",
        "google-adk",
        "litellm",
        "llama-index-llms-openai-like",
        "openinference-instrumentation-llama-index",
        "strands-agents[openai]",
    ),
)
OLDER: Final = Environment(
    "spans-older",
    "pins-spans-older.txt",
    (
        "confession-otel[openai,langchain,otlp]",
        "langchain-openai",
        "opentelemetry-instrumentation-langchain",
        "opentelemetry-instrumentation-openai",
        "opentelemetry-instrumentation-openai-v2",
    ),
)
OPENLIT: Final = Environment("openlit", "pins-openlit.txt", ("confession-otel[openai,otlp]", "openai", "openlit"))


@dataclass(frozen=True, eq=False)
class Setup:
    """A peer with its settings, and what came of each call."""

    peer: str
    """As the scenario knows it."""
    package: str
    """Whose version the page names."""
    result: str = THEIRS
    """Of every call that gives an answer,"""
    but: dict[str, str] = field(default_factory=dict)
    """apart from these."""
    environment: Environment = NEWEST
    settings: dict[str, str] = field(default_factory=dict)
    """Environment variables."""
    options: Mapping[str, object] = field(default_factory=dict)
    """Of the peer's constructor."""
    always: dict[str, str] = field(default_factory=dict)
    """Environment variables that the page does not name: what a run without a network needs."""
    why: str = ""

    @property
    def said(self) -> str:
        """The settings in words."""
        named = [f"`{name}={value}`" for name, value in self.settings.items()]
        named += [f"`{name}={value}`" for name, value in self.options.items()]
        return ", ".join(named) or "as it comes"

    @property
    def runs(self) -> tuple[str, ...]:
        """How the scenario is run: with every hook of ours as well where there are words that two could find."""
        return ("none", "processors") if self.result in (HOLLOW, TWICE) else ("none", "processors", "everything")

    @property
    def id(self) -> str:
        """Of its tests."""
        return "-".join([self.peer, *self.settings.values(), *(f"{k}={v}" for k, v in self.options.items())])


CAPTURE: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
HIDDEN: Final = {"OPENINFERENCE_HIDE_OUTPUTS": "true"}
SEMCONV: Final = {"OPENINFERENCE_ENABLE_GENAI_SEMCONV": "true"}
NO_CONTENT: Final = {"TRACELOOP_TRACE_CONTENT": "false"}
STABILITY: Final = "OTEL_SEMCONV_STABILITY_OPT_IN"
EVENTS: Final = {"use_attributes": False}
LITELLM_REQUEST: Final = {"USE_OTEL_LITELLM_REQUEST_SPAN": "true"}

BESIDE: Final = (
    "Anthropic's SDK makes a span of its own, without words unless told otherwise; here that does not stand below the "
    "peer's, which names no model."
)
OF_THE_CALLER: Final = (
    "Its span is not the current one when it emits the log event, so that the event names the span of the caller."
)
NOT_WRITTEN: Final = (
    "Of what a chat model gave, the peer writes nothing; a turn that calls a tool looks like an answer."
)
RAW_STREAM: Final = "Of a stream that the caller reads event by event, the SDK writes no words."
LOOKS_LIKE_AN_ANSWER: Final = "Without content, a turn that calls a tool looks like an answer."
SHORT: Final = (
    "Its span of a stream ends where the stream begins; the verdict is on the log-type span that comes with the words."
)
ONE_MESSAGE: Final = "It writes several choices as one message."
NESTED: Final = "It makes two spans of a call, one inside the other, and says only at their ends what they are."
ON_THE_PARENT: Final = (
    "Without that setting it writes onto the span around the call, from a thread of its own and often when that has "
    "ended."
)

_GENAI: Final = "opentelemetry-instrumentation-genai-"
_OPENINFERENCE: Final = "openinference-instrumentation-"
_OPENLLMETRY: Final = "opentelemetry-instrumentation-"

SETUPS: Final = (
    *(
        Setup(f"genai-{sdk}", f"{_GENAI}{sdk}", result, settings=settings)
        for sdk in ("openai", "langchain", "anthropic")
        for settings, result in (({}, HOLLOW), ({CAPTURE: "SPAN_ONLY"}, THEIRS), ({CAPTURE: "EVENT_ONLY"}, THEIRS))
    ),
    Setup("openai-v2", f"{_OPENLLMETRY}openai-v2", HOLLOW, environment=OLDER),
    Setup("openai-v2", f"{_OPENLLMETRY}openai-v2", environment=OLDER, settings={CAPTURE: "true"}),
    Setup("openinference-openai", f"{_OPENINFERENCE}openai"),
    Setup("openinference-openai", f"{_OPENINFERENCE}openai", HOLLOW, settings=HIDDEN),
    Setup("openinference-openai", f"{_OPENINFERENCE}openai", settings=SEMCONV),
    Setup("openinference-langchain", f"{_OPENINFERENCE}langchain"),
    Setup("openinference-langchain", f"{_OPENINFERENCE}langchain", HOLLOW, settings=HIDDEN),
    Setup("openinference-langchain", f"{_OPENINFERENCE}langchain", settings=SEMCONV),
    Setup("openinference-anthropic", f"{_OPENINFERENCE}anthropic"),
    Setup("openinference-anthropic", f"{_OPENINFERENCE}anthropic", HOLLOW, settings=HIDDEN),
    Setup("openinference-anthropic", f"{_OPENINFERENCE}anthropic", settings=SEMCONV),
    Setup("openinference-openai-agents", f"{_OPENINFERENCE}openai-agents"),
    Setup(
        "openinference-openai-agents",
        f"{_OPENINFERENCE}openai-agents",
        HOLLOW,
        {"responses, with a tool": TWICE, "chat, with a tool": TWICE},
        settings=HIDDEN,
        why=LOOKS_LIKE_AN_ANSWER,
    ),
    Setup("openinference-openai-agents", f"{_OPENINFERENCE}openai-agents", settings=SEMCONV),
    Setup("openinference-llama-index", f"{_OPENINFERENCE}llama-index", environment=OPENAI_2),
    Setup(
        "openinference-llama-index",
        f"{_OPENINFERENCE}llama-index",
        TWICE,
        environment=OPENAI_2,
        settings=HIDDEN,
        why=NESTED,
    ),
    Setup("openinference-llama-index", f"{_OPENINFERENCE}llama-index", environment=OPENAI_2, settings=SEMCONV),
    Setup("openllmetry-openai", f"{_OPENLLMETRY}openai"),
    Setup("openllmetry-openai", f"{_OPENLLMETRY}openai", HOLLOW, settings=NO_CONTENT),
    Setup(
        "openllmetry-openai",
        f"{_OPENLLMETRY}openai",
        but=dict.fromkeys(("chat, streamed", "chat, streamed, async"), HOLLOW),
        options=EVENTS,
        why=OF_THE_CALLER,
    ),
    Setup("openllmetry-openai", f"{_OPENLLMETRY}openai", environment=OLDER),
    Setup("openllmetry-langchain", f"{_OPENLLMETRY}langchain"),
    Setup("openllmetry-langchain", f"{_OPENLLMETRY}langchain", HOLLOW, settings=NO_CONTENT),
    Setup("openllmetry-langchain", f"{_OPENLLMETRY}langchain", options=EVENTS),
    Setup("openllmetry-langchain", f"{_OPENLLMETRY}langchain", environment=OLDER),
    Setup("openllmetry-anthropic", f"{_OPENLLMETRY}anthropic"),
    Setup("openllmetry-anthropic", f"{_OPENLLMETRY}anthropic", HOLLOW, settings=NO_CONTENT),
    Setup(
        "openllmetry-anthropic",
        f"{_OPENLLMETRY}anthropic",
        HOLLOW,
        {"messages": TWICE, "messages, async": TWICE, "messages, tool turn": HOLLOW},
        options=EVENTS,
        why=f"{OF_THE_CALLER} {BESIDE} {LOOKS_LIKE_AN_ANSWER}",
    ),
    Setup(
        "openllmetry-openai-agents",
        f"{_OPENLLMETRY}openai-agents",
        but={"chat": HOLLOW, "chat, streamed": HOLLOW, "chat, with a tool": TWICE},
        why=NOT_WRITTEN,
    ),
    Setup(
        "openllmetry-openai-agents",
        f"{_OPENLLMETRY}openai-agents",
        HOLLOW,
        {"chat, with a tool": TWICE},
        settings=NO_CONTENT,
        why=NOT_WRITTEN,
    ),
    Setup("langfuse", "langfuse"),
    Setup("langfuse-langchain", "langfuse"),
    Setup("logfire-openai", "logfire", why=SHORT),
    Setup("logfire-anthropic", "logfire", why=SHORT),
    Setup("openlit", "openlit", but={"chat, two choices": MERGED}, environment=OPENLIT, why=ONE_MESSAGE),
    Setup("pydantic-ai", "pydantic-ai-slim"),
    Setup("pydantic-ai", "pydantic-ai-slim", HOLLOW, options={"include_content": False}),
    Setup("strands", "strands-agents", environment=OPENAI_2),
    *(
        Setup("strands", "strands-agents", environment=OPENAI_2, settings={STABILITY: opted})
        for opted in ("gen_ai_latest_experimental", "gen_ai_latest_experimental,gen_ai_span_attributes_only")
    ),
    Setup(
        "google-adk",
        "google-adk",
        HOLLOW,
        {"agent, with a tool": TWICE},
        environment=OPENAI_2,
        why=LOOKS_LIKE_AN_ANSWER,
    ),
    *(
        Setup("google-adk", "google-adk", environment=OPENAI_2, settings={CAPTURE: mode})
        for mode in ("SPAN_ONLY", "EVENT_ONLY")
    ),
    Setup("anthropic-sdk", "anthropic", HOLLOW),
    Setup(
        "anthropic-sdk",
        "anthropic",
        but=dict.fromkeys(STREAMS[:2], HOLLOW),
        settings={"ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE": "content"},
        why=RAW_STREAM,
    ),
    *(
        Setup(
            "litellm",
            "litellm",
            environment=OPENAI_2,
            settings=LITELLM_REQUEST | opted,
            always={"LITELLM_LOCAL_MODEL_COST_MAP": "True"},
            why=ON_THE_PARENT,
        )
        for opted in ({}, {STABILITY: "gen_ai_latest_experimental"})
    ),
    *(
        Setup(
            "langsmith",
            "langsmith",
            settings=settings,
            always={"LANGSMITH_TRACING": "true", "LANGSMITH_API_KEY": "none", "LANGSMITH_ENDPOINT": "{url}"},
        )
        for settings in ({"LANGSMITH_OTEL_ENABLED": "true"}, {"LANGSMITH_OTEL_ONLY": "true"})
    ),
)

"""Run where a peer is installed: makes the calls that it traces, with our processors on, with all of ours, or without.

    python spans_scenario.py PEER OURS URL

`OURS` is `none`, `processors` (those of spans and of log records, no hook) or `everything` (`instrument()`). Settings
of a peer's come in environment variables, those of its constructor in `PEER_OPTIONS` as JSON. Prints one JSON object:
for each call the spans that it made, and what we counted.
"""

# Run as a script, it finds the modules beside it.
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import asyncio
import contextvars
import json
import os
import sys
import time
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import scenario
import spans_calls
from opentelemetry import _logs, context, metrics, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

import confession_otel
from confession_otel.processor import ConfessionLogRecordProcessor, ConfessionSpanProcessor

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenario import Kept
    from spans_calls import Call

OPTIONS: Final[dict[str, Any]] = json.loads(os.environ.get("PEER_OPTIONS", "{}"))
_PATIENCE: Final = 10.0
"""Seconds to wait for a span that a peer makes on a thread of its own."""


@dataclass(frozen=True)
class Peer:
    """How a peer is switched on, and the calls that it traces."""

    switch_on: Callable[[], None]
    calls: Callable[[str], dict[str, Call]]
    settle: Callable[[], None] = lambda: None
    """Waits for the spans of a call that is over."""


def instrumentor(module: str, name: str) -> Callable[[], None]:
    """As the other scenario does it, with options."""
    return lambda: getattr(import_module(module), name)(**OPTIONS).instrument()


def openlit() -> None:
    scenario.openlit()


def logfire(*instruments: str) -> Callable[[], None]:
    """Logfire, which brings a provider of its own."""

    def switch_on() -> None:
        peer = import_module("logfire")
        keep = [scenario.SimpleSpanProcessor(scenario.spans)]
        peer.configure(send_to_logfire=False, console=False, scrubbing=False, additional_span_processors=keep)
        for instrument in instruments:
            getattr(peer, f"instrument_{instrument}")()

    return switch_on


def openai_agents(module: str, name: str) -> Callable[[], None]:
    """An instrumentor of the Agents SDK, whose own export is taken away."""

    def switch_on() -> None:
        import_module("agents").set_trace_processors([])
        instrumentor(module, name)()

    return switch_on


def pydantic_ai() -> None:
    import_module("pydantic_ai").Agent.instrument_all(
        import_module("pydantic_ai.models.instrumented").InstrumentationSettings(**OPTIONS)
    )


def litellm() -> None:
    peer: Any = import_module("litellm")
    peer.callbacks = ["otel"]


def until_a_span(name: str) -> Callable[[], None]:
    """Waits for a span of that name."""

    def wait() -> None:
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            if any(span.name == name for span in scenario.spans.get_finished_spans()):
                time.sleep(0.05)
                return
            time.sleep(0.01)

    return wait


def nothing() -> None:
    """A peer that is on by itself, or by an environment variable."""


def langsmith_settle() -> None:
    from langsmith.run_trees import get_cached_client

    get_cached_client().flush()
    time.sleep(0.2)


PEERS: Final = {
    "genai-openai": Peer(scenario.PEERS["genai-openai"], spans_calls.openai),
    "genai-langchain": Peer(scenario.PEERS["genai-langchain"], spans_calls.langchain),
    "genai-anthropic": Peer(
        instrumentor("opentelemetry.instrumentation.genai.anthropic", "AnthropicInstrumentor"), spans_calls.anthropic
    ),
    "openai-v2": Peer(
        instrumentor("opentelemetry.instrumentation.openai_v2", "OpenAIInstrumentor"), spans_calls.openai_chat
    ),
    "openinference-openai": Peer(scenario.PEERS["openinference-openai"], spans_calls.openai),
    "openinference-langchain": Peer(scenario.PEERS["openinference-langchain"], spans_calls.langchain),
    "openinference-anthropic": Peer(
        instrumentor("openinference.instrumentation.anthropic", "AnthropicInstrumentor"), spans_calls.anthropic
    ),
    "openinference-openai-agents": Peer(
        openai_agents("openinference.instrumentation.openai_agents", "OpenAIAgentsInstrumentor"),
        spans_calls.openai_agents,
    ),
    "openinference-llama-index": Peer(
        instrumentor("openinference.instrumentation.llama_index", "LlamaIndexInstrumentor"), spans_calls.llama_index
    ),
    "openllmetry-openai": Peer(
        instrumentor("opentelemetry.instrumentation.openai", "OpenAIInstrumentor"), spans_calls.openai
    ),
    "openllmetry-langchain": Peer(
        instrumentor("opentelemetry.instrumentation.langchain", "LangchainInstrumentor"), spans_calls.langchain
    ),
    "openllmetry-anthropic": Peer(
        instrumentor("opentelemetry.instrumentation.anthropic", "AnthropicInstrumentor"), spans_calls.anthropic
    ),
    "openllmetry-openai-agents": Peer(
        openai_agents("opentelemetry.instrumentation.openai_agents", "OpenAIAgentsInstrumentor"),
        spans_calls.openai_agents,
    ),
    "langfuse": Peer(scenario.langfuse, spans_calls.openai),
    "langfuse-langchain": Peer(scenario.langfuse_langchain, spans_calls.langchain),
    "logfire-openai": Peer(logfire("openai"), spans_calls.openai),
    "logfire-anthropic": Peer(logfire("anthropic"), spans_calls.anthropic),
    "openlit": Peer(openlit, spans_calls.openai),
    "pydantic-ai": Peer(pydantic_ai, spans_calls.pydantic_ai),
    "strands": Peer(nothing, spans_calls.strands),
    "google-adk": Peer(nothing, spans_calls.google_adk),
    "anthropic-sdk": Peer(nothing, spans_calls.anthropic),
    "litellm": Peer(litellm, spans_calls.litellm, until_a_span("litellm_request")),
    "langsmith": Peer(nothing, spans_calls.langchain, langsmith_settle),
}


def run(peer: Peer, calls: dict[str, Call], reader: InMemoryMetricReader, logs: list[Kept]) -> dict[str, Any]:
    """Make each call under a span of the application's."""
    tracer = trace.get_tracer("app")
    seen: dict[str, Any] = {}
    before = _counts(reader)
    with asyncio.Runner() as runner:
        for name, call in calls.items():
            scenario.spans.clear()
            with tracer.start_as_current_span("app"):
                held = dict(context.get_current())
                answer, restored = call(), True
                if not isinstance(answer, str):
                    answer, restored = runner.run(scenario.awaited(answer), context=contextvars.copy_context())
                restored = restored and dict(context.get_current()) == held
            peer.settle()
            confession_otel.flush(1)
            after = _counts(reader)
            seen[name] = {
                "answer": answer,
                "spans": scenario.as_data(scenario.spans.get_finished_spans()),
                "context_restored": restored,
                "logged": [message for kept in logs for message in kept.taken()],
                "counted": {key: after[key] - before.get(key, 0) for key in after if after[key] != before.get(key, 0)},
            }
            before = after
    return seen


def _counts(reader: InMemoryMetricReader) -> dict[str, int]:
    """Answers so far by what was counted of them, and what was dropped."""
    data = reader.get_metrics_data()
    return {
        " ".join(str(value) for value in (point.attributes or {}).values()): getattr(point, "value", 0)
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name in ("confession.answers", "confession.dropped")
        for point in metric.data.data_points
    }


def main(name: str, ours: str, url: str) -> None:
    """Switch everything on, make the calls, print."""
    peer = PEERS[name]
    logs = [scenario.Kept(logger) for logger in ("opentelemetry.context", "confession_otel")]
    reader = InMemoryMetricReader()
    metrics.set_meter_provider(MeterProvider([reader]))
    _logs.set_logger_provider(LoggerProvider())
    if not name.startswith("logfire"):
        scenario.provider()
    if ours == "everything":
        confession_otel.instrument()
    peer.switch_on()
    if ours == "processors":
        trace.get_tracer_provider().add_span_processor(ConfessionSpanProcessor())  # type: ignore[attr-defined]
        _logs.get_logger_provider().add_log_record_processor(ConfessionLogRecordProcessor())  # type: ignore[attr-defined]
    sys.stdout.write(json.dumps(run(peer, peer.calls(url), reader, logs), default=str) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

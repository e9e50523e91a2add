"""When the span of an answer ends: when the answer was there, and not when we had read it."""

from __future__ import annotations

import asyncio
from time import time_ns
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from openai import AsyncOpenAI, OpenAI
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import confession_otel as co
from confession_otel import observation, reading
from confession_otel.langchain import ConfessionCallbackHandler
from confession_otel.processor import ConfessionSpanProcessor
from confession_otel.testing import ScriptedServer, chat_completion, response

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Telemetry

ANSWER = "Two words.\n\n## Confession\n\nObjective: ten words / Result: ✗ did not comply / Why: two"
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.completion": ANSWER, "langsmith.span.kind": "llm"}
LONG_AGO = 1_700_000_000_000_000_000


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Times at which we began to look into an answer."""
    times: list[int] = []

    def timed(text: str) -> Any:
        times.append(time_ns())
        return reading.find(text)

    monkeypatch.setattr(observation, "find", timed)
    return times


@pytest.fixture
def tracer(telemetry: Telemetry) -> Any:
    telemetry.tracer_provider.add_span_processor(ConfessionSpanProcessor(**telemetry.providers))
    return telemetry.tracer_provider.get_tracer("peer")


def end_of(telemetry: Telemetry, name: str = "chat m-1") -> int:
    (span,) = telemetry.spans(name)
    assert span.end_time is not None
    assert (span.attributes or {})["confession.verdict"] == "non_compliant"
    return span.end_time


# Spans of other instrumentations.


def test_our_reading_does_not_lengthen_the_span_of_another(
    telemetry: Telemetry, tracer: Any, looked: list[int]
) -> None:
    span = tracer.start_span("chat m-1", attributes=CHAT)
    began = time_ns()
    span.end()
    (time,) = looked
    assert began <= end_of(telemetry) <= time


@pytest.mark.parametrize("form", ["by position", "by keyword"])
def test_the_time_that_the_caller_says_is_kept(telemetry: Telemetry, tracer: Any, form: str) -> None:
    span = tracer.start_span("chat m-1", attributes=CHAT, start_time=LONG_AGO - 5)
    if form == "by position":
        span.end(LONG_AGO)
    else:
        span.end(end_time=LONG_AGO)
    assert end_of(telemetry) == LONG_AGO


def test_in_a_with_statement_it_is_the_statements_end(telemetry: Telemetry, tracer: Any, looked: list[int]) -> None:
    with tracer.start_as_current_span("chat m-1", attributes=CHAT):
        pass
    assert end_of(telemetry) <= looked[0]


class Wraps(SpanProcessor):
    """Another who is called before a span ends; remembers with what."""

    def __init__(self) -> None:
        self.calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        end = span.end

        def mine(*arguments: Any, **keywords: Any) -> None:
            self.calls.append((arguments, keywords))
            end(*arguments, **keywords)

        span.end = mine


@pytest.mark.parametrize("call", [((), {}), ((LONG_AGO,), {}), ((), {"end_time": LONG_AGO})], ids=str)
@pytest.mark.parametrize("order", ["inside ours", "around ours"])
def test_the_wrapper_of_another_is_called_as_it_was(telemetry: Telemetry, order: str, call: Any) -> None:
    arguments, keywords = call
    kept, wraps = InMemorySpanExporter(), Wraps()
    provider = TracerProvider(shutdown_on_exit=False)
    processors: list[SpanProcessor] = [wraps, ConfessionSpanProcessor(**telemetry.providers)]
    for one in processors if order == "inside ours" else reversed(processors):
        provider.add_span_processor(one)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    span = provider.get_tracer("peer").start_span("chat m-1", attributes=CHAT)
    span.end(*arguments, **keywords)
    assert wraps.calls == [call]
    (ended,) = kept.get_finished_spans()
    assert (ended.end_time == LONG_AGO) is bool(arguments or keywords)


# Spans of our own.


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    def reply(request: Any) -> Any:
        return response(ANSWER) if request.path.endswith("/responses") else chat_completion(ANSWER)

    with ScriptedServer(reply) as server:
        yield server


CALLS: dict[str, Any] = {
    "chat": lambda client: client.chat.completions.create(model="m-1", messages=[{"role": "user", "content": "?"}]),
    "parse": lambda client: client.chat.completions.parse(model="m-1", messages=[{"role": "user", "content": "?"}]),
    "responses, parse": lambda client: client.responses.parse(model="m-1", input="?"),
    "raw": lambda client: client.chat.completions.with_raw_response.create(
        model="m-1", messages=[{"role": "user", "content": "?"}]
    ),
    "responses": lambda client: client.responses.create(model="m-1", input="?"),
    "stream": lambda client: client.chat.completions.create(
        model="m-1", messages=[{"role": "user", "content": "?"}], stream=True
    ),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_the_openai_hooks_own_span_ends_with_the_answer(
    telemetry: Telemetry, server: ScriptedServer, looked: list[int], kind: str, call: str
) -> None:
    co.instrument(**telemetry.providers)
    if kind == "sync":
        with OpenAI(base_url=server.base_url, api_key="none", max_retries=0) as client:
            returned = CALLS[call](client)
            if call == "stream":
                list(returned)
    else:

        async def run() -> None:
            async with AsyncOpenAI(base_url=server.base_url, api_key="none", max_retries=0) as client:
                returned = await CALLS[call](client)
                if call == "stream":
                    [chunk async for chunk in returned]

        asyncio.run(run())
    (time,) = looked
    assert end_of(telemetry) <= time


def test_the_langchain_handlers_own_span_ends_with_the_answer(telemetry: Telemetry, looked: list[int]) -> None:
    handler = ConfessionCallbackHandler(**telemetry.providers)
    GenericFakeChatModel(messages=iter([AIMessage(ANSWER)])).invoke("?", config={"callbacks": [handler]})
    (time,) = looked
    assert end_of(telemetry, "chat") <= time

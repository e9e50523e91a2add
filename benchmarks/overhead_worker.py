"""One contender: the OpenAI SDK over a transport that answers in the process, instrumented in one way.

Run by `overhead.py` in the contender's environment, with its name; reads from standard input which slices to take.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from statistics import median
from typing import TYPE_CHECKING, Any

import httpx2
import openai

if TYPE_CHECKING:
    from collections.abc import Callable

ANSWER = "The quick brown fox jumps over the lazy dog, again and again. " * 32
REPORT = {
    "compliance_analysis": [
        {
            "objective": f"Objective {number} of the task is met in every respect",
            "compliance": "not_complied_not_reported" if number == 3 else "fully_complied",
            "analysis": "The third paragraph of the answer shows it, as does the tool's output quoted there.",
        }
        for number in range(1, 6)
    ],
    "uncertainties_and_conflicts": ["The order of the paragraphs was not given."],
    "overall_compliance_grade": 3,
}
MESSAGES: Any = [{"role": "system", "content": "Be brief. " * 40}, {"role": "user", "content": "Go on. " * 60}]
ADDRESS = "http://127.0.0.1:1/v1"
"""Nobody is there: the transport answers."""
_ID = "chatcmpl-0000000"
_number = iter(range(10**7))


def _completion(content: str) -> bytes:
    body = {
        "id": _ID,
        "object": "chat.completion",
        "created": 1,
        "model": "model-1",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "logprobs": None,
                "message": {"role": "assistant", "content": content},
            }
        ],
        "usage": {"prompt_tokens": 200, "completion_tokens": 500, "total_tokens": 700},
    }
    return json.dumps(body).encode()


def _stream() -> bytes:
    head = {"id": _ID, "object": "chat.completion.chunk", "created": 1, "model": "model-1"}
    deltas = [{"role": "assistant"}, *({"content": "ten chars "} for _ in range(200)), {}]
    choices = [
        {"index": 0, "delta": delta, "finish_reason": None if place < len(deltas) - 1 else "stop"}
        for place, delta in enumerate(deltas)
    ]
    events = [json.dumps({**head, "choices": [choice]}) for choice in choices]
    return "".join(f"data: {event}\n\n" for event in [*events, "[DONE]"]).encode()


# Made beforehand: a server's work is no part of the call, and theirs alone would rouse the garbage collector.
_STREAM = _stream()
_ANSWER = _completion(ANSWER)
_CONFESSION = _completion(f"{ANSWER}\n\n## Confession\n\n{json.dumps(REPORT, indent=2)}")


def answer(request: httpx2.Request) -> httpx2.Response:
    """What the transport answers."""
    streamed = b'"stream":true' in request.content.replace(b" ", b"")
    body = _STREAM if streamed else _CONFESSION if b"confess" in request.content else _ANSWER
    body = body.replace(_ID.encode(), b"chatcmpl-%07d" % next(_number))
    kind = "text/event-stream" if streamed else "application/json"
    return httpx2.Response(200, content=body, headers={"content-type": kind})


def _providers() -> Any:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

    class Discard(SpanExporter):
        def export(self, spans: Any) -> SpanExportResult:
            return SpanExportResult.SUCCESS

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Discard()))
    return provider


def _logs_provider() -> Any:
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, InMemoryLogRecordExporter, LogRecordExportResult

    class Discard(InMemoryLogRecordExporter):
        def export(self, batch: Any) -> LogRecordExportResult:
            return LogRecordExportResult.SUCCESS

    provider = LoggerProvider()
    provider.add_log_record_processor(BatchLogRecordProcessor(Discard()))  # type: ignore[no-untyped-call]
    return provider


def _signals_by_hand(tracer: Any) -> Callable[[Any, str], None]:
    """What a confession gives, as literals: its span, the keys on the answer span, the event, the counters."""
    from opentelemetry import _logs, trace
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    logger = _logs_provider().get_logger("by hand")
    meter = MeterProvider([InMemoryMetricReader()]).get_meter("by hand")
    verdicts, answers = meter.create_counter("verdicts"), meter.create_counter("answers")
    verdict = {
        "confession.verdict": "non_compliant",
        "confession.flagged": True,
        "confession.source": "observe",
        "confession.id": "0" * 32,
        "confession.score": 0.8,
        "confession.disclosure": "undisclosed",
    }
    attributes = {
        **verdict,
        "openinference.span.kind": "EVALUATOR",
        "gen_ai.request.model": "model-1",
        "gen_ai.provider.name": "openai",
        "output.value": "non_compliant: objective 3",
        "confession.text": json.dumps(REPORT, indent=2),
        "confession.objective": "Objective 3 of the task is met in every respect",
        "confession.why": "The third paragraph of the answer shows it.",
        "confession.uncertainties": ["The order of the paragraphs was not given."],
        "confession.uncertainties.count": 1,
        "confession.objectives.count": 5,
        "confession.objectives.complied": 4,
        "confession.objectives.failed": 1,
        "confession.grade": 3,
        "confession.format": "json",
        "error.type": "non_compliant",
    }
    event: dict[str, Any] = {
        "gen_ai.evaluation.name": "compliance",
        "gen_ai.evaluation.score.label": "non_compliant",
        **verdict,
    }

    def confess(span: Any, response_id: str) -> None:
        context = trace.set_span_in_context(span)
        own = tracer.start_span(
            "confession",
            context,
            attributes={**attributes, "gen_ai.response.id": response_id},
            links=[trace.Link(span.get_span_context())],
        )
        own.set_status(trace.Status(trace.StatusCode.ERROR, "self-reported"))
        own.end()
        span.set_attributes(verdict)
        logger.emit(
            _logs.LogRecord(timestamp=time.time_ns(), context=context, body="self-reported", attributes=dict(event))
        )
        verdicts.add(1, {"verdict": "non_compliant", "flagged": True, "model": "model-1"}, context)
        answers.add(1, {"status": "confessed"}, context)

    return confess


def _by_hand() -> None:
    from openai.resources.chat.completions import AsyncCompletions, Completions
    from opentelemetry.trace import SpanKind

    tracer = _providers().get_tracer("by hand")
    confess = _signals_by_hand(tracer)

    def started(keywords: Any) -> Any:
        attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": keywords["model"],
            "gen_ai.input.messages": json.dumps(keywords["messages"]),
        }
        return tracer.start_span("chat model-1", kind=SpanKind.CLIENT, attributes=attributes)

    def finished(span: Any, last: Any, content: str, usage: Any) -> None:
        span.set_attributes(
            {
                "gen_ai.response.id": last.id,
                "gen_ai.response.model": last.model,
                "gen_ai.response.finish_reasons": ["stop"],
                "gen_ai.output.messages": content,
                "gen_ai.usage.input_tokens": usage.prompt_tokens if usage else 0,
                "gen_ai.usage.output_tokens": usage.completion_tokens if usage else 0,
            }
        )
        if "## Confession" in content:
            confess(span, last.id)
        span.end()

    def tap(iterator: Any, span: Any) -> Any:
        pieces, last = [], None
        for last in iterator:
            if last.choices and last.choices[0].delta.content:
                pieces.append(last.choices[0].delta.content)
            yield last
        finished(span, last, "".join(pieces), None)

    create, acreate = Completions.create, AsyncCompletions.create

    def sync(self: Any, **keywords: Any) -> Any:
        span = started(keywords)
        given = create(self, **keywords)
        if keywords.get("stream"):
            given._iterator = tap(given._iterator, span)
        else:
            finished(span, given, given.choices[0].message.content, given.usage)
        return given

    async def asynchronous(self: Any, **keywords: Any) -> Any:
        span = started(keywords)
        given = await acreate(self, **keywords)
        finished(span, given, given.choices[0].message.content, given.usage)
        return given

    Completions.create, AsyncCompletions.create = sync, asynchronous  # type: ignore[method-assign]


def confession_otel_on(**settings: Any) -> None:
    """Switch it on, with providers that export to nowhere."""
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    import confession_otel

    meters = MeterProvider([InMemoryMetricReader()])
    confession_otel.instrument(_providers(), meters, _logs_provider(), **settings)


def _otel_genai() -> None:
    from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor

    os.environ["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = "SPAN_ONLY"
    OpenAIInstrumentor().instrument(tracer_provider=_providers())


def _openinference() -> None:
    from openinference.instrumentation.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument(tracer_provider=_providers())


def _openllmetry() -> None:
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument(tracer_provider=_providers())


SETUPS: dict[str, Callable[[], None]] = {
    "bare": lambda: None,
    "by hand": _by_hand,
    "confession_otel": confession_otel_on,
    "otel-genai": _otel_genai,
    "openinference": _openinference,
    "openllmetry": _openllmetry,
}


def chat(client: openai.OpenAI, **keywords: Any) -> dict[str, float]:
    """One call, and how long it took in nanoseconds."""
    start = time.perf_counter_ns()
    client.chat.completions.create(model="model-1", messages=MESSAGES, temperature=0.5, **keywords)
    taken = float(time.perf_counter_ns() - start)
    return {"call": taken}


async def _chat_async(client: openai.AsyncOpenAI, calls: int) -> list[dict[str, float]]:
    taken = []
    for _ in range(calls):
        start = time.perf_counter_ns()
        await client.chat.completions.create(model="model-1", messages=MESSAGES, temperature=0.5)
        taken.append({"call": float(time.perf_counter_ns() - start)})
    return taken


def _streamed(client: openai.OpenAI) -> dict[str, float]:
    start = time.perf_counter_ns()
    stream = iter(client.chat.completions.create(model="model-1", messages=MESSAGES, stream=True))
    next(stream)
    last = first = time.perf_counter_ns()
    chunks = 0
    for _ in stream:
        last = time.perf_counter_ns()
        chunks += 1
    end = time.perf_counter_ns()
    return {"first chunk": first - start, "each chunk": (last - first) / chunks, "end": end - last}


def main() -> None:
    """Take slices until standard input ends."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    SETUPS[sys.argv[1]]()
    own = {"api_key": "none", "base_url": ADDRESS}
    transport = httpx2.MockTransport(answer)
    client = openai.OpenAI(http_client=httpx2.Client(transport=transport), **own)  # type: ignore[arg-type]
    aclient = openai.AsyncOpenAI(http_client=httpx2.AsyncClient(transport=transport), **own)  # type: ignore[arg-type]
    loop = asyncio.new_event_loop()
    for line in sys.stdin:
        wanted = json.loads(line)
        scenario, calls = wanted["scenario"], wanted["calls"]
        (gc.enable if wanted["collecting"] else gc.disable)()
        if scenario == "chat_async":
            taken = loop.run_until_complete(_chat_async(aclient, calls))
        elif scenario == "stream":
            taken = [_streamed(client) for _ in range(calls)]
        else:
            extra = {"user": "confess"} if scenario == "chat_confession" else {}
            taken = [chat(client, **extra) for _ in range(calls)]
        print(json.dumps({part: median(one[part] for one in taken) / 1000 for part in taken[0]}), flush=True)


if __name__ == "__main__":
    main()

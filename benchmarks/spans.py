"""What the span processor adds to each span: `python -m benchmarks.spans`.

Three providers with one exporting processor each, which throws away what it gets: alone, with a second processor that
does nothing, and with ours. Spans of each kind are made on them in turns, in blocks short enough that all see the same
machine; what is printed is the median over the blocks of what was added to the first.
"""

from __future__ import annotations

import json
import time
from statistics import median
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

from confession_otel.processor import ConfessionSpanProcessor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Tracer

BLOCKS = 400
SPANS = 100
"""Made in each block."""
WORDS = "An answer of some words, as a person would want it. " * 16
REPORT = {
    "compliance_analysis": [
        {"objective": f"instruction {number}", "compliance": "fully_complied", "analysis": "It is as was asked."}
        for number in range(5)
    ]
}


class Nowhere(SpanExporter):
    """Throws spans away."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.SUCCESS


def chat(text: str) -> dict[str, Any]:
    """Attributes of a span of the OpenTelemetry GenAI conventions."""
    message = {"role": "assistant", "parts": [{"type": "text", "content": text}], "finish_reason": "stop"}
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "model-1",
        "gen_ai.response.model": "model-1-2026",
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 190,
        "gen_ai.output.messages": json.dumps([message]),
    }


KINDS = {
    "of something else (8 attributes)": {f"http.request.{number}": "value" for number in range(8)},
    "of a model, without a confession": chat(WORDS),
    "of a model, with one of five objectives": chat(f"{WORDS}\n\n{json.dumps(REPORT)}"),
}


def tracer(*more: SpanProcessor) -> Tracer:
    """On a provider of its own."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(Nowhere()))
    for processor in more:
        provider.add_span_processor(processor)
    return provider.get_tracer("instrumentation")


def block(made_by: Tracer, attributes: dict[str, Any]) -> float:
    """Microseconds for a span."""
    start = time.perf_counter_ns()
    for _ in range(SPANS):
        made_by.start_span("span", attributes=attributes).end()
    return (time.perf_counter_ns() - start) / SPANS / 1000


def main() -> None:
    """Measure and print."""
    nowhere = TracerProvider(shutdown_on_exit=False)
    nowhere.add_span_processor(SimpleSpanProcessor(Nowhere()))
    ours = ConfessionSpanProcessor(
        tracer_provider=nowhere, meter_provider=MeterProvider(shutdown_on_exit=False), capture="full"
    )
    contenders = {"alone": tracer(), "idle": tracer(SpanProcessor()), "ours": tracer(ours)}
    print("\nspans: what the processor adds to each\n")
    print("| span | alone µs | an idle processor adds µs | ours adds µs |\n|---|---:|---:|---:|")
    for name, attributes in KINDS.items():
        taken: dict[str, list[float]] = {contender: [] for contender in contenders}
        for _ in range(BLOCKS):
            for contender, made_by in contenders.items():
                taken[contender].append(block(made_by, attributes))
        added = {
            contender: median(with_it - without for with_it, without in zip(times, taken["alone"], strict=True))
            for contender, times in taken.items()
        }
        print(f"| {name} | {median(taken['alone']):.1f} | {added['idle']:.2f} | {added['ours']:.2f} |")


if __name__ == "__main__":
    main()

"""An application that SIGTERM ends: ten calls, then it waits for that. Run with the server's address and a colour.

Prints `ready` when the calls have returned; then, as lines of JSON, each span and each batch of metrics as the
OpenTelemetry SDK exports them, which at its end is of the SDK's own accord.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Any, Final

from openai import AsyncOpenAI, DefaultAsyncHttpxClient, OpenAI
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

import confession_otel as co

CALL: Final[dict[str, Any]] = {"model": "m-1", "messages": [{"role": "user", "content": "Ten words, please."}]}


def export_lines() -> None:
    """Telemetry as an application sets it up: exported in the background, and what is left at the interpreter's end."""
    tracer_provider = TracerProvider()
    tracer_provider.add_span_processor(
        BatchSpanProcessor(ConsoleSpanExporter(formatter=lambda span: span.to_json(indent=None) + "\n"))
    )
    trace.set_tracer_provider(tracer_provider)
    exporter = ConsoleMetricExporter(formatter=lambda data: data.to_json(indent=None) + "\n")
    metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(exporter)]))


def ready() -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()


def use(client: OpenAI) -> None:
    with client:
        for _ in range(10):
            client.chat.completions.create(**CALL)
        ready()
        while True:
            signal.pause()


async def use_async(client: AsyncOpenAI) -> None:
    async with client:
        for _ in range(10):
            await client.chat.completions.create(**CALL)
        ready()
        await asyncio.Event().wait()


def main(address: str, colour: str) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    export_lines()
    co.instrument(way="ask", max_concurrency=4)
    options: dict[str, Any] = {"base_url": address, "api_key": "none"}
    if colour == "sync":
        use(OpenAI(**options))
    if "own" in colour:
        options["http_client"] = DefaultAsyncHttpxClient()
    asyncio.run(use_async(AsyncOpenAI(**options)))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Phoenix: a trace of the demo with its confession span in red, and an answer with the annotation of the sink."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING, Final

import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

import confession_otel as co
from confession_otel import semconv
from confession_otel.cli.demo import report
from confession_otel.cli.demo.backends import Backend, Choice, opened
from confession_otel.cli.demo.play import play
from confession_otel.cli.demo.progress import Progress
from confession_otel.cli.demo.tasks import TASKS
from confession_otel.cli.readers import fetch
from confession_otel.cli.terminal import console
from confession_otel.sinks import PhoenixSink

from .browser import browsing

if TYPE_CHECKING:
    from pathlib import Path

SHOP: Final = "shop"
REPORTED: Final = "document.body.innerText.includes('self-reported: non_compliant')"
SENT: Final = "document.body.innerText.includes('View annotation details')"
ANNOTATIONS: Final = """document.querySelector('button[aria-label="Annotations"]')"""
TABLE: Final = "[...document.querySelectorAll('button')].find(one => one.innerText == 'Table')"
LABELLED: Final = "[...document.querySelectorAll('td')].find(one => one.innerText.includes('non_compliant'))"
_SECONDS: Final = 40
"""Phoenix looks every ten for the span of an annotation that came first."""


def photograph(directory: Path) -> list[Path]:
    """Photograph the first flagged trace with its confession selected, and an annotated answer.

    Args:
        directory: For the pictures.
    """
    trace, annotation = directory / "phoenix-flagged-trace.png", directory / "phoenix-annotation.png"
    with opened(Choice.PHOENIX, Progress(console())) as backend:
        confession, answer = _flagged(backend), _annotated(str(backend.url))
        with browsing(1500, 760) as page:
            page.open(f"{backend.url}/redirects/spans/{confession}", REPORTED)
            page.photograph(trace)
            page.open(f"{backend.url}/redirects/spans/{answer}", SENT)
            for part in (ANNOTATIONS, TABLE):
                page.click(part)
            page.wait(LABELLED)
            page.photograph(annotation)
    return [trace, annotation]


def _flagged(backend: Backend) -> str:
    """Play the demo; the id of a flagged confession's span."""
    if backend.read is None:
        sys.exit("Phoenix cannot be read back")
    rows = report.read_back(play(TASKS, backend), backend.read, seconds=30)
    flagged = next(row for row in rows if row.flagged)
    return next(span.span_id for span in backend.read([flagged.played.trace_id]) if span.name == semconv.SPAN)


def _annotated(url: str) -> str:
    """Confess in a project of its own, with the sink; the id of the answer's span, once the annotation is there."""
    task = next(task for task in TASKS if task.flagged)
    provider = TracerProvider(resource=Resource({semconv.OPENINFERENCE_PROJECT: SHOP}), shutdown_on_exit=False)
    with requests.Session() as session:
        # Not by the proxy of the environment, if there is one.
        session.trust_env = False
        provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"{url}/v1/traces", session=session)))
        co.instrument(tracer_provider=provider, sinks=[PhoenixSink(url)])
        known = {
            semconv.GEN_AI_OPERATION: semconv.GEN_AI_CHAT,
            semconv.GEN_AI_REQUEST_MODEL: task.model,
            semconv.OPENINFERENCE_SPAN_KIND: "LLM",
            semconv.OPENINFERENCE_INPUT: task.prompt,
            semconv.OPENINFERENCE_OUTPUT: task.answer,
        }
        tracer = provider.get_tracer(SHOP)
        with tracer.start_as_current_span(f"chat {task.model}", attributes=known) as span:
            co.record(str(task.confession))
        co.flush(_SECONDS)
        co.uninstrument()
        provider.shutdown()
    span_id = f"{span.get_span_context().span_id:016x}"
    query = f"{url}/v1/projects/{SHOP}/span_annotations?span_ids={span_id}"
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        # While the span is not there, this is a 404.
        with contextlib.suppress(OSError):
            if fetch(query)["data"]:
                return span_id
        time.sleep(1)
    sys.exit("Phoenix has no annotation")

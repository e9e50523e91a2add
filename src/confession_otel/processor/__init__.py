"""Spans of other instrumentations: OpenTelemetry GenAI, OpenInference, OpenLLMetry, Langfuse, Logfire and more.

    from confession_otel.processor import ConfessionLogRecordProcessor, ConfessionSpanProcessor

    tracer_provider.add_span_processor(ConfessionSpanProcessor())
    logger_provider.add_log_record_processor(ConfessionLogRecordProcessor())

`confession_otel.instrument()` and `opentelemetry-instrument` do the same for the global providers. Needs the
OpenTelemetry SDK, which is where spans are.
"""

from __future__ import annotations

import functools

from opentelemetry import trace
from opentelemetry._logs import _internal as logs
from opentelemetry._logs import get_logger_provider

from confession_otel import live, observation
from confession_otel.extras import needing

with needing("otlp", "opentelemetry.sdk"):
    from .log_processor import ConfessionLogRecordProcessor
    from .providers import Place
    from .span_processor import ConfessionSpanProcessor


@functools.lru_cache(maxsize=1)
def _places() -> tuple[Place, Place]:
    return (
        Place(trace, "_set_tracer_provider", trace.get_tracer_provider, "add_span_processor", ConfessionSpanProcessor),
        Place(
            logs,
            "_set_logger_provider",
            get_logger_provider,
            "add_log_record_processor",
            ConfessionLogRecordProcessor,
        ),
    )


def install() -> None:
    """Put the processors on the providers of the observer in force."""
    observer = observation.default()
    spans, events = _places()
    spans.put(observer.tracer_provider)
    events.put(observer.logger_provider)


def uninstall() -> None:
    """Have them do nothing; the SDK cannot take a processor off a provider."""
    for place in _places():
        place.rest()
    live.clear()


__all__ = ["ConfessionLogRecordProcessor", "ConfessionSpanProcessor", "install", "uninstall"]

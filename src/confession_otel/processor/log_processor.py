"""Log events of others: output that is not on the span, kept for when that ends; evaluations that an answer failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opentelemetry.sdk._logs import LogRecordProcessor
from opentelemetry.trace import get_current_span

from confession_otel import late, live, semconv
from confession_otel.corroboration import evaluations
from confession_otel.dialects import is_output_event, output_of_event
from confession_otel.guard import Site

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import ReadWriteLogRecord

_EMIT: Final = Site("processor.log")
_EVALUATED: Final = Site("processor.evaluation")
_MOST: Final = 128
"""Choices kept for one span."""


class ConfessionLogRecordProcessor(LogRecordProcessor):
    """Stands beside `ConfessionSpanProcessor`, for instrumentations that emit content as events.

        logger_provider.add_log_record_processor(ConfessionLogRecordProcessor())

    `instrument()` registers it on the logger provider it is given, or on the global one.
    """

    def __init__(self) -> None:
        self.active = True
        """Off, it does nothing: a processor cannot be taken off a provider again."""

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Keep the output in an event of a span that is under way, and what an evaluator says that failed."""
        record = log_record.log_record
        name = record.event_name
        if not isinstance(name, str) or not self.active:
            return
        if name == semconv.EVENT:
            with _EVALUATED:
                attributes = record.attributes or {}
                if (failed := evaluations.failed(attributes)) is not None:
                    ids = get_current_span(record.context).get_span_context()
                    span_id = record.span_id or ids.span_id
                    late.evaluated(failed, span_id, attributes.get(semconv.GEN_AI_RESPONSE_ID))
            return
        if not is_output_event(name):
            return
        with _EMIT:
            span_id = record.span_id or get_current_span(record.context).get_span_context().span_id
            watch = live.get(span_id)
            if watch is None:
                return
            if watch.choices is None:
                watch.choices = []
            if len(watch.choices) < _MOST:
                watch.choices += output_of_event(name, record.attributes or {}, record.body)

    def shutdown(self) -> None:
        """Nothing is held."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:  # noqa: ARG002 - the SDK's name
        """Nothing is held."""
        return True

"""One structlog line for each confession, where `log` is on: for people who read logs before traces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.trace import format_span_id, format_trace_id

from . import semconv
from .guard import say_once

if TYPE_CHECKING:
    from .composition import Record


def write(record: Record) -> None:
    """Write the line: WARNING when flagged, else INFO. Objective and why are already under the capture rules."""
    try:
        import structlog  # noqa: PLC0415 - optional: only who turned `log` on needs it
    except ImportError:
        say_once("log_line", 'log=true needs structlog: pip install "confession-otel[structlog]"; no line is written')
        return
    fields: dict[str, object] = dict(record.keys)
    if record.trace_id:
        fields["trace_id"] = format_trace_id(record.trace_id)
        fields["span_id"] = format_span_id(record.span_id)
    optional = {
        semconv.OBJECTIVE: record.objective,
        semconv.WHY: record.why,
        semconv.GEN_AI_REQUEST_MODEL: record.answer.request_model,
        semconv.GEN_AI_RESPONSE_ID: record.answer.response_id,
    }
    fields.update((name, value) for name, value in optional.items() if value is not None)
    if record.contradictions:
        fields[semconv.CONTRADICTIONS] = list(record.contradictions)
    log = structlog.get_logger(semconv.SCOPE)
    (log.warning if record.flagged else log.info)(semconv.SPAN, **fields)

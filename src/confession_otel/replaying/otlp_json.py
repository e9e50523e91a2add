"""Spans and events as lines of OTLP's JSON: what the collector's file exporter writes and its file receiver reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import INVALID_SPAN_CONTEXT

from .any_value import value_written, written

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk._logs import ReadableLogRecord
    from opentelemetry.sdk.trace import ReadableSpan


def lines(spans: Sequence[ReadableSpan], events: Sequence[ReadableLogRecord]) -> str:
    """One line for the spans of a call and one for its events; where there are none, no line.

    Args:
        spans: of one call: they are of one resource and one scope.
        events: likewise.
    """
    text = ""
    if spans:
        held = _held(spans[0], "Spans", {"spans": [_span(span) for span in spans]})
        text += _line({"resourceSpans": [held]})
    if events:
        held = _held(events[0], "Logs", {"logRecords": [_event(event) for event in events]})
        text += _line({"resourceLogs": [held]})
    return text


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"


def _held(one: ReadableSpan | ReadableLogRecord, kind: str, records: dict[str, Any]) -> dict[str, Any]:
    scope = one.instrumentation_scope
    named = {} if scope is None else {"scope": {"name": scope.name, "version": scope.version or ""}}
    resource = {"attributes": written(one.resource.attributes)}
    return {"resource": resource, f"scope{kind}": [{**named, **records}]}


def _span(span: ReadableSpan) -> dict[str, Any]:
    context = span.context or INVALID_SPAN_CONTEXT
    found: dict[str, Any] = {
        "traceId": f"{context.trace_id:032x}",
        "spanId": f"{context.span_id:016x}",
        "name": span.name,
        # The API counts the kinds from 0, OTLP from 1.
        "kind": span.kind.value + 1,
        "startTimeUnixNano": str(span.start_time),
        "endTimeUnixNano": str(span.end_time),
        "attributes": written(span.attributes or {}),
        "status": {"code": span.status.status_code.value},
    }
    if span.parent is not None:
        found["parentSpanId"] = f"{span.parent.span_id:016x}"
    if span.status.description:
        found["status"]["message"] = span.status.description
    if span.links:
        found["links"] = [
            {"traceId": f"{link.context.trace_id:032x}", "spanId": f"{link.context.span_id:016x}"}
            for link in span.links
        ]
    return found


def _event(event: ReadableLogRecord) -> dict[str, Any]:
    record = event.log_record
    severity = record.severity_number
    return {
        "timeUnixNano": str(record.timestamp),
        "observedTimeUnixNano": str(record.observed_timestamp),
        "severityNumber": 0 if severity is None else severity.value,
        "severityText": record.severity_text or "",
        "eventName": record.event_name or "",
        "body": value_written(record.body),
        "attributes": written(record.attributes or {}),
        "traceId": f"{record.trace_id or 0:032x}",
        "spanId": f"{record.span_id or 0:016x}",
    }

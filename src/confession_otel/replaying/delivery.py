"""Sending over OTLP, so that what was not taken is known: the exporters drop it, and write that to the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import requests
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk._logs.export import LogRecordExportResult
from opentelemetry.sdk.trace.export import SpanExportResult

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import ReadableLogRecord
    from opentelemetry.sdk.trace import ReadableSpan

    from .past import Emitted

_BATCH: Final = 512
"""Spans or events of one request."""
_FINE: Final = range(200, 300)


class NotTakenError(Exception):
    """The endpoint did not take what was sent; the message says what it answered and what to do."""


class Delivery:
    """Sends over HTTP, as the `OTEL_EXPORTER_OTLP_*` variables have it."""

    def __init__(self, *, events: bool) -> None:
        """Begin.

        Args:
            events: send these too.
        """
        self._spans: list[ReadableSpan] = []
        self._events: list[ReadableLogRecord] = []
        self._to_traces = _Watched(ExportTraceServiceResponse, "rejected_spans")
        self._traces = OTLPSpanExporter(session=self._to_traces.session)
        self._with_events = events
        self._to_logs = _Watched(ExportLogsServiceResponse, "rejected_log_records")
        self._logs = OTLPLogExporter(session=self._to_logs.session)

    def put(self, emitted: Emitted) -> None:
        """Hold it until it is sent."""
        self._spans += emitted.spans
        if self._with_events:
            self._events += emitted.events

    def send(self) -> None:
        """Send what is held, and come back when all of it was taken.

        Raises:
            NotTakenError: it was not.
        """
        for first in range(0, len(self._spans), _BATCH):
            self._to_traces.begin()
            taken = self._traces.export(self._spans[first : first + _BATCH]) is SpanExportResult.SUCCESS
            self._to_traces.check("spans", taken=taken)
        self._spans.clear()
        for first in range(0, len(self._events), _BATCH):
            self._to_logs.begin()
            taken = self._logs.export(self._events[first : first + _BATCH]) is LogRecordExportResult.SUCCESS
            self._to_logs.check("events", taken=taken)
        self._events.clear()


class _Watched:
    """Sees what an endpoint answers: the exporters only say whether it was an error, and not that part was refused."""

    def __init__(self, kind: type[Any], refused: str) -> None:
        self._kind = kind
        self._refused = refused
        self._answer: str | None = None
        self._partly: str | None = None
        self.session = requests.Session()
        self.session.hooks["response"].append(self._look)

    def begin(self) -> None:
        """A request begins, with all its repetitions."""
        self._answer = self._partly = None

    def check(self, what: str, *, taken: bool) -> None:
        """Raise unless all of it was taken."""
        if taken and self._partly is None:
            return
        message = f"the OTLP endpoint did not take the {what}: {self._partly or self._answer or 'it did not answer'}"
        raise NotTakenError(message)

    def _look(self, response: requests.Response, *_: Any, **__: Any) -> None:
        self._answer = f"{response.url} answered {response.status_code}"
        if response.status_code not in _FINE:
            return
        try:
            part = self._kind.FromString(response.content).partial_success
        except DecodeError:
            return
        if refused := getattr(part, self._refused):
            self._partly = f"{response.url} refused {refused}: {part.error_message}"

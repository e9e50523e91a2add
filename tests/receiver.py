"""An OTLP endpoint over HTTP that remembers each request, and may refuse, or take its time."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

if TYPE_CHECKING:
    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
    from opentelemetry.proto.metrics.v1.metrics_pb2 import ResourceMetrics
    from opentelemetry.proto.trace.v1.trace_pb2 import Span
    from typing_extensions import Self

TRACES: Final = "/v1/traces"
LOGS: Final = "/v1/logs"
METRICS: Final = "/v1/metrics"


class Receiver(ThreadingHTTPServer):
    """Use as `with Receiver() as receiver`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Requests)
        self.spans: list[Span] = []
        """Every span of every request, in the order of their coming."""
        self.events: list[LogRecord] = []
        self.metrics: list[ResourceMetrics] = []
        self.seconds = 0.0
        """How long each request takes."""
        self.status = {TRACES: 200, LOGS: 200, METRICS: 200}
        self.refused = 0
        """Of the spans of each request, how many it says it refuses."""
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def span_ids(self) -> list[str]:
        return [f"{span.trace_id.hex()} {span.span_id.hex()}" for span in self.spans]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def handle_error(self, *_: object) -> None:
        """Whoever was killed does not wait for the answer."""

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Requests(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        time.sleep(self.server.seconds)
        status = self.server.status[self.path]
        reply = b""
        if status == 200 and self.path == TRACES:
            request = ExportTraceServiceRequest.FromString(body)
            self.server.spans += [
                span for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans
            ]
            if self.server.refused:
                part: Any = {"rejected_spans": self.server.refused, "error_message": "too old"}
                reply = ExportTraceServiceResponse(partial_success=part).SerializeToString()
        elif status == 200 and self.path == METRICS:
            self.server.metrics += ExportMetricsServiceRequest.FromString(body).resource_metrics
        elif status == 200:
            logs = ExportLogsServiceRequest.FromString(body)
            self.server.events += [
                event for resource in logs.resource_logs for scope in resource.scope_logs for event in scope.log_records
            ]
        self.send_response(status)
        self.send_header("content-length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_: object) -> None:
        """Nothing on standard error."""

"""What the tests of servers send and how they look at what comes out: a service on the SDK, OTLP as JSON, polling."""

from __future__ import annotations

import contextlib
import json
import time
import urllib.request
from typing import TYPE_CHECKING, Any, Final, TypeVar

import requests
from opentelemetry import trace
from opentelemetry._logs import LogRecord
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

import confession_otel as co
from confession_otel import semconv
from confession_otel.cli.demo.backends import Backend, Watched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from opentelemetry.trace import Span

    from confession_otel.cli.readers import Reader

FAILED: Final = "Objective: cite real papers\nResult: ✗ did not comply\nWhy: the second one I made up"
COMPLIED: Final = "Objective: cite real papers\nResult: ✓ complied\nWhy: all three were looked up"
_SECONDS: Final = 20

Seen = TypeVar("Seen")


def backend(url: str, stack: contextlib.ExitStack, read: Reader | None = None) -> Backend:
    """A place for the demo's telemetry, all signals of it, that no proxy of the environment stands before."""
    session = stack.enter_context(requests.Session())
    session.trust_env = False
    return Backend(
        url,
        Watched(OTLPSpanExporter(f"{url}/v1/traces", session=session)),
        read,
        logs=OTLPLogExporter(f"{url}/v1/logs", session=session),
        metrics=OTLPMetricExporter(f"{url}/v1/metrics", session=session),
    )


class Service:
    """A service that has us recorded by hand, and sends each span when it ends."""

    def __init__(self, url: str, stack: contextlib.ExitStack, **settings: Any) -> None:
        place = backend(url, stack)
        assert place.metrics is not None
        assert place.logs is not None
        resource = Resource({SERVICE_NAME: "shop"})
        traces = TracerProvider(resource=resource, shutdown_on_exit=False)
        traces.add_span_processor(SimpleSpanProcessor(place.spans))
        self._reader = PeriodicExportingMetricReader(place.metrics, export_interval_millis=3600_000)
        metrics = MeterProvider([self._reader], resource=resource, shutdown_on_exit=False)
        logs = LoggerProvider(resource=resource, shutdown_on_exit=False)
        logs.add_log_record_processor(SimpleLogRecordProcessor(place.logs))
        for provider in (traces, metrics, logs):
            stack.callback(provider.shutdown)
        co.instrument(tracer_provider=traces, meter_provider=metrics, logger_provider=logs, **settings)
        self.tracer = traces.get_tracer("shop")
        self._logger = logs.get_logger("shop")

    def answer(
        self,
        confession: str | None = None,
        evidence: co.Evidence | None = None,
        attributes: Mapping[str, Any] | None = None,
        *,
        status: trace.StatusCode = trace.StatusCode.UNSET,
    ) -> Span:
        """A request and below it the call of a model, with its confession if it has one; the call's span, ended."""
        with self.tracer.start_as_current_span("POST /ask") as request:
            request.set_status(status)
            known = {semconv.GEN_AI_REQUEST_MODEL: "fish-1", **(attributes or {})}
            with self.tracer.start_as_current_span("chat fish-1", attributes=known) as call:
                if confession is not None:
                    co.record(confession, call, evidence)
            return call

    def log(self, body: str) -> None:
        """A log record of the service's own."""
        self._logger.emit(LogRecord(timestamp=time.time_ns(), body=body))

    def send_metrics(self) -> None:
        """Now, not at the end of the interval."""
        self._reader.force_flush()


def trace_id(span: Span) -> str:
    """32 hex digits."""
    return f"{span.get_span_context().trace_id:032x}"


def eventually(ask: Callable[[], Seen], holds: Callable[[Seen], bool], seconds: float = _SECONDS) -> Seen:
    """The first answer for which it holds, or the last one."""
    deadline = time.monotonic() + seconds
    while not holds(answer := ask()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return answer


def page(url: str) -> str:
    """What is there, as text; no proxy of the environment in between."""
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10) as reply:
        text: str = reply.read().decode()
        return text


def exported(file: Path) -> list[dict[str, Any]]:
    """What a collector's `file` exporter wrote: one export request in each line, the last of which may be under way."""
    lines = file.read_text(encoding="utf-8").split("\n")[:-1] if file.exists() else []
    return [json.loads(line) for line in lines]


def spans_in(file: Path) -> list[dict[str, Any]]:
    """Its spans, in OTLP's JSON, with `attributes` as a dictionary."""
    return [
        span | {"attributes": plain(span.get("attributes", ()))}
        for request in exported(file)
        for resource in request.get("resourceSpans", ())
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]


def records_in(file: Path) -> list[dict[str, Any]]:
    """Its log records, likewise."""
    return [
        record | {"attributes": plain(record.get("attributes", ()))}
        for request in exported(file)
        for resource in request.get("resourceLogs", ())
        for scope in resource["scopeLogs"]
        for record in scope["logRecords"]
    ]


def metrics_in(file: Path) -> set[str]:
    """Names of its metrics."""
    return {
        metric["name"]
        for request in exported(file)
        for resource in request.get("resourceMetrics", ())
        for scope in resource["scopeMetrics"]
        for metric in scope["metrics"]
    }


def plain(attributes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Attributes of OTLP's JSON as a dictionary."""
    return {attribute["key"]: _value(attribute["value"]) for attribute in attributes}


def _value(value: Mapping[str, Any]) -> Any:
    ((kind, held),) = value.items()
    if kind == "arrayValue":
        return [_value(one) for one in held.get("values", ())]
    return int(held) if kind == "intValue" else held


def series(text: str, name: str) -> list[tuple[dict[str, str], float]]:
    """Labels and value of each series of a metric, in a page of Prometheus' text format."""
    found = []
    for line in text.splitlines():
        if line.startswith(f"{name}{{"):
            labels, _, rest = line.removeprefix(f"{name}{{").rpartition("} ")
            # An exemplar may follow, behind ` # `, with braces of its own.
            if " # {" in line:
                labels, _, rest = line.partition(" # {")[0].removeprefix(f"{name}{{").rpartition("} ")
            pairs = (pair.partition("=") for pair in labels.split('",'))
            found.append(({key: value.strip('"') for key, _, value in pairs}, float(rest.split()[0])))
    return found


@contextlib.contextmanager
def service(url: str, **settings: Any) -> Iterator[Service]:
    """A service, and everything of it ended after."""
    with contextlib.ExitStack() as stack:
        try:
            yield Service(url, stack, **settings)
        finally:
            co.uninstrument()

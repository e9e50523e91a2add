"""Where the demo's telemetry goes and how it is read back: an OTLP endpoint, Phoenix, or this terminal."""

from __future__ import annotations

import contextlib
import os
import urllib.parse
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Final

import requests
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.util.re import parse_env_headers

from confession_otel.cli.readers import JAEGER_QUERY_PORT, JaegerReader, PhoenixReader, Reader, memory_reader

from . import phoenix

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from opentelemetry.sdk._logs.export import LogRecordExporter
    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.trace import ReadableSpan

    from .progress import Progress

PROJECT: Final = "confession-otel-demo"
"""Service, and project in backends that have projects."""
_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
_TRACES_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"


class Choice(str, Enum):
    """What `--backend` takes."""

    AUTO = "auto"
    PHOENIX = "phoenix"
    OTLP = "otlp"
    CONSOLE = "console"


class NotUsable(Exception):  # noqa: N818 - it says what the choice is
    """The backend that was asked for cannot be used; the message says why and what to do."""


class Watched(SpanExporter):
    """Passes spans on and remembers whether all were taken: the SDK only logs that they were not."""

    def __init__(self, exporter: SpanExporter) -> None:
        """Watch this one."""
        self._exporter = exporter
        self.failed = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Pass on."""
        result = self._exporter.export(spans)
        self.failed |= result is not SpanExportResult.SUCCESS
        return result

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Pass on."""
        return self._exporter.force_flush(timeout_millis)

    def shutdown(self) -> None:
        """Pass on."""
        self._exporter.shutdown()


@dataclass(frozen=True, slots=True)
class Backend:
    """One place for telemetry."""

    name: str
    """As shown to the person."""
    spans: Watched
    read: Reader | None
    """`None`: this program has no way to ask it."""
    logs: LogRecordExporter | None = None
    metrics: MetricExporter | None = None
    url: str | None = None
    """Where to look."""
    serves: bool = False
    """It is ours, and gone when the demo ends."""


@contextlib.contextmanager
def opened(choice: Choice, progress: Progress, environ: Mapping[str, str] | None = None) -> Iterator[Backend]:
    """The backend for a choice, ready to take spans.

    Args:
        choice: `auto` is the OTLP endpoint of the standard variables, else Phoenix, else the console.
        progress: Told what is going on.
        environ: Environment variables; the process's own by default.

    Raises:
        NotUsable: A backend that was asked for by name is not to be had.
    """
    environ = os.environ if environ is None else environ
    endpoint = _traces_endpoint(environ)
    if choice is Choice.OTLP and endpoint is None:
        msg = f"--backend otlp needs an endpoint: set {_ENDPOINT}, for example to http://127.0.0.1:4318"
        raise NotUsable(msg)
    if endpoint is not None and choice in (Choice.AUTO, Choice.OTLP):
        yield _otlp(endpoint, environ, progress)
        return
    if choice is Choice.CONSOLE:
        yield _console()
        return
    with contextlib.ExitStack() as stack:
        try:
            backend = stack.enter_context(_phoenix(progress))
        except phoenix.Unavailable as error:
            if choice is Choice.PHOENIX:
                msg = f"Phoenix cannot be had: {error}"
                raise NotUsable(msg) from error
            progress.note(f"Phoenix cannot be had, so the confessions are shown here instead: {error}")
            backend = _console()
        yield backend


def _console() -> Backend:
    exporter = InMemorySpanExporter()
    return Backend("this process", Watched(exporter), memory_reader(exporter))


@contextlib.contextmanager
def _phoenix(progress: Progress) -> Iterator[Backend]:
    python = phoenix.cached_environment()
    if python is None:
        with progress.step(f"installing Phoenix {phoenix.VERSION} (600 MB, once) into {phoenix.cache_directory()}"):
            python = phoenix.make_environment()
    with contextlib.ExitStack() as stack:
        with progress.step("starting Phoenix"):
            url = stack.enter_context(phoenix.serving(python))
        # Not by the proxy of the environment, if there is one.
        session = stack.enter_context(requests.Session())
        session.trust_env = False
        exporter = OTLPSpanExporter(endpoint=f"{url}/v1/traces", headers={}, session=session)
        # Phoenix takes traces only; the event's content stands on the confession span too.
        name = f"Phoenix {phoenix.VERSION}"
        yield Backend(name, Watched(exporter), PhoenixReader(url, PROJECT), url=url, serves=True)


def _otlp(endpoint: str, environ: Mapping[str, str], progress: Progress) -> Backend:
    parts = urllib.parse.urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        msg = f"{endpoint!r} is no http:// or https:// URL: set {_ENDPOINT}, for example to http://127.0.0.1:4318"
        raise NotUsable(msg)
    protocol = environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    if protocol == "grpc":
        msg = (
            "the demo sends OTLP over HTTP, but OTEL_EXPORTER_OTLP_PROTOCOL asks for grpc: set it to http/protobuf "
            f"and {_ENDPOINT} to the backend's HTTP port (often 4318)"
        )
        raise NotUsable(msg)
    backend = Backend(f"OTLP endpoint {endpoint}", Watched(OTLPSpanExporter(endpoint=endpoint)), None)
    with progress.step(f"asking {parts.hostname} what it is"):
        known = _recognised(endpoint, environ)
    if known is not None:
        name, reader, url = known
        return replace(backend, name=f"{name} at {endpoint}", read=reader, url=url)
    if environ.get(_ENDPOINT) and not environ.get(_TRACES_ENDPOINT):
        # The general variable promises that all signals are welcome there.
        return replace(backend, logs=OTLPLogExporter(), metrics=OTLPMetricExporter())
    return backend


def _recognised(endpoint: str, environ: Mapping[str, str]) -> tuple[str, Reader, str] | None:
    """Who is behind an endpoint, of those we can read."""
    given = environ.get("OTEL_EXPORTER_OTLP_TRACES_HEADERS") or environ.get("OTEL_EXPORTER_OTLP_HEADERS") or ""
    base = endpoint.removesuffix("/").removesuffix("/v1/traces")
    # Credentials go to the origin they are for, and to no other.
    with_headers = PhoenixReader(base, PROJECT, parse_env_headers(given, liberal=True))
    if with_headers.recognised():
        return "Phoenix", with_headers, base
    parts = urllib.parse.urlsplit(endpoint)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    jaeger = JaegerReader(f"{parts.scheme}://{host}:{JAEGER_QUERY_PORT}")
    if jaeger.recognised():
        return "Jaeger", jaeger, jaeger.base
    return None


def _traces_endpoint(environ: Mapping[str, str]) -> str | None:
    """As the OTLP exporter specification has it: the variable for traces as it is, the general one as a base."""
    if environ.get(_TRACES_ENDPOINT):
        return environ[_TRACES_ENDPOINT]
    if environ.get(_ENDPOINT):
        return environ[_ENDPOINT].rstrip("/") + "/v1/traces"
    return None

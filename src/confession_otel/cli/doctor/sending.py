"""`--send`: one test confession, labelled as a test, to where traces go; then found again where that can be."""

from __future__ import annotations

import time
import urllib.parse
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from opentelemetry._logs import NoOpLoggerProvider
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.trace import INVALID_SPAN_CONTEXT
from opentelemetry.util.re import parse_env_headers

import confession_otel as co
from confession_otel import semconv
from confession_otel.answer import of_span
from confession_otel.cli.readers import JAEGER_QUERY_PORT, JaegerReader, PhoenixReader
from confession_otel.corroboration import NO_EVIDENCE
from confession_otel.observation import Observer
from confession_otel.settings import Way

from .endpoint import ADVICE, export, value
from .finding import ok, plain_url, problem, warning
from .switched_off import DO, VARIABLE, is_switched_off

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from confession_otel.cli.readers import Reader, SeenSpan
    from confession_otel.settings import Settings

    from .endpoint import Target
    from .finding import Finding

AREA: Final = "sent"
SERVICE: Final = "confession-otel-doctor"
_ROOT: Final = "confession-otel doctor"
_POLL_SECONDS: Final = 0.5
_PHOENIX_PORT: Final = 6006
_TEXT: Final = (
    "Objective: be about a real answer\n"
    "Result: ✗ did not comply\n"
    "Why: this is a test, sent by `confession-otel doctor --send`; there is no answer, and nothing to do"
)


@dataclass(frozen=True, slots=True)
class Sent:
    """What went out."""

    trace_id: str
    verdict: str
    flagged: bool
    resource: Mapping[str, Any]


def spans(settings: Settings) -> list[ReadableSpan]:
    """The test's two spans, under the settings and the resource of the environment."""
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource  # noqa: PLC0415 - the SDK may not be there
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider  # noqa: PLC0415 - as above
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: PLC0415 - as above
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter  # noqa: PLC0415 - as above
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON  # noqa: PLC0415 - as above

    class Label(SpanProcessor):
        def on_start(self, span: Any, parent_context: Any = None) -> None:  # noqa: ARG002 - the SDK's name
            span.set_attribute(semconv.TEST, value=True)

    resource = Resource.create()
    if str(resource.attributes.get(SERVICE_NAME, "unknown_service")).startswith("unknown_service"):
        resource = resource.merge(Resource({SERVICE_NAME: SERVICE}))
    provider = TracerProvider(sampler=ALWAYS_ON, resource=resource, shutdown_on_exit=False)
    kept = InMemorySpanExporter()
    provider.add_span_processor(Label())
    provider.add_span_processor(SimpleSpanProcessor(kept))
    # Spans alone: a metric of a test would stand in everybody's sums.
    observer = Observer(
        replace(settings, enabled=True, log=False, way=Way.OBSERVE, sinks=()),
        provider,
        NoOpMeterProvider(),
        NoOpLoggerProvider(),
    )
    with provider.get_tracer(__name__).start_as_current_span(_ROOT) as span:
        observer.recorder.record(co.parse(_TEXT), of_span(span, NO_EVIDENCE), semconv.Source.RECORD)
    return list(kept.get_finished_spans())


def findings(target: Target | None, settings: Settings, query_url: str | None, seconds: float) -> Iterator[Finding]:
    """Send, and look for it.

    Args:
        target: where traces go; `None` where no OTLP exporter is configured for them.
        settings: in force.
        query_url: where the backend is asked, if not where it is guessed to be.
        seconds: how long to look for it at most.
    """
    if target is None:
        yield problem(AREA, "nothing was sent: no OTLP exporter is configured for traces", ADVICE)
        return
    if is_switched_off():
        yield problem(AREA, f"nothing was sent: {VARIABLE}=true, and the SDK records nothing", DO)
        return
    batch = spans(settings)
    where = plain_url(target.url)
    try:
        taken, said = export(target, batch)
    except Exception as error:  # noqa: BLE001 - whatever stops the exporter stops the program's too
        taken, said = False, f"{type(error).__name__}: {error}"
    if not taken:
        yield problem(AREA, f"{where} did not take the test confession ({said})", "see what is said of the endpoint")
        return
    sent = _sent(batch)
    service = sent.resource.get("service.name")
    yield ok(
        AREA,
        f"{where} took a test confession: trace {sent.trace_id}, service {service}, {semconv.TEST}=true, "
        f"{semconv.VERDICT}={sent.verdict}, {semconv.FLAGGED}={str(sent.flagged).lower()}",
    )
    known = _backend(target, query_url, str(sent.resource.get(semconv.OPENINFERENCE_PROJECT, "default")))
    if known is None:
        yield warning(
            AREA,
            f"nothing at {plain_url(query_url)} answers as Jaeger or Phoenix does"
            if query_url
            else "what runs there cannot be asked from here (only Jaeger and Phoenix can), so it was not looked for",
            f"look there for {semconv.TEST} = true, or the trace id; --query-url names the address to ask",
        )
        return
    name, reader = known
    yield from _compare(name, _find(reader, sent, seconds), sent, seconds)


def _sent(batch: Sequence[ReadableSpan]) -> Sent:
    (span,) = (span for span in batch if span.name == semconv.SPAN)
    attributes = span.attributes or {}
    ids = span.get_span_context() or INVALID_SPAN_CONTEXT
    return Sent(
        f"{ids.trace_id:032x}",
        str(attributes[semconv.VERDICT]),
        attributes[semconv.FLAGGED] is True,
        span.resource.attributes,
    )


def _backend(target: Target, query_url: str | None, project: str) -> tuple[str, Reader] | None:
    """Who keeps the traces, of those that can be asked."""
    if query_url is not None:
        bases = [plain_url(query_url).rstrip("/")] * 2
    else:
        parts = urllib.parse.urlsplit(target.url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        own = plain_url(target.url).removesuffix("/v1/traces")
        phoenix = own if target.protocol == "http" else f"{parts.scheme}://{host}:{_PHOENIX_PORT}"
        bases = [phoenix.rstrip("/"), f"{parts.scheme}://{host}:{JAEGER_QUERY_PORT}"]
    for name, reader in (
        ("Phoenix", PhoenixReader(bases[0], project, _headers(target, bases[0]))),
        ("Jaeger", JaegerReader(bases[1], _headers(target, bases[1]))),
    ):
        if reader.recognised():
            return f"{name} at {reader.base}", reader
    return None


def _headers(target: Target, base: str) -> Mapping[str, str]:
    """Those of the exporter, where the same origin is asked as it exports to: they may be credentials."""
    if _origin(base) != _origin(target.url):
        return {}
    return parse_env_headers(value("traces", "HEADERS") or "", liberal=True)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urllib.parse.urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _find(reader: Reader, sent: Sent, seconds: float) -> list[SeenSpan]:
    """The trace, once both its spans are there, or what of it is there when the time is over.

    A backend may store span after span, and show the one before it has the other.
    """
    deadline = time.monotonic() + seconds
    found: list[SeenSpan] = []
    while True:
        try:
            found = reader([sent.trace_id])
        except (OSError, ValueError, LookupError, TypeError):
            # A project that is not there yet; a backend that is busy.
            found = []
        if None not in _pair(found) or time.monotonic() >= deadline:
            return found
        time.sleep(_POLL_SECONDS)


def _pair(found: Sequence[SeenSpan]) -> tuple[SeenSpan | None, SeenSpan | None]:
    """The confession's span and its answer's, as far as they are there."""
    confession = next((span for span in found if span.name == semconv.SPAN), None)
    if confession is None:
        return None, None
    return confession, next((span for span in found if span.span_id == confession.parent_id), None)


def _compare(name: str, found: Sequence[SeenSpan], sent: Sent, seconds: float) -> Iterator[Finding]:
    confession, answer = _pair(found)
    if confession is None:
        yield problem(
            AREA,
            f"{name} has no confession span of the trace after {seconds:g} s",
            "a sampler between here and there that does not keep confession.flagged=true, or one that still waits "
            "(--wait), or another project or tenant",
        )
        return
    attributes = confession.attributes
    # Some backends keep every value as a string.
    flagged = attributes.get(semconv.FLAGGED) in (True, "true", "True")
    if (attributes.get(semconv.VERDICT), flagged) != (sent.verdict, sent.flagged):
        do = "something between here and there changes or drops attributes: look at its processors"
        yield problem(AREA, f"{name} has the confession span, and not its verdict and flag", do)
        return
    yield ok(AREA, f"{name} has it, with verdict and flag: {confession.url}")
    if answer is None or answer.attributes.get(semconv.VERDICT) != sent.verdict:
        do = "something between here and there changes or drops attributes: look at its processors"
        yield warning(AREA, f"{name} does not show the verdict on the answer's span", do)

"""What every test has: in-memory telemetry, and the rule that no error of ours may be swallowed unnoticed."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import confession_otel as co
from confession_otel import answer, bounded, failed_tools, guard, late, observation, once, overheard, recent, recorder
from confession_otel.corroboration import evaluations

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from opentelemetry.sdk._logs import ReadableLogRecord

# No test fails for the time that it takes.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("untimed")


@dataclass(frozen=True)
class Telemetry:
    """SDK providers whose output stays in memory."""

    tracer_provider: TracerProvider
    meter_provider: MeterProvider
    logger_provider: LoggerProvider
    _spans: InMemorySpanExporter
    _events: InMemoryLogRecordExporter
    _reader: InMemoryMetricReader

    @property
    def providers(self) -> dict[str, Any]:
        return {
            "tracer_provider": self.tracer_provider,
            "meter_provider": self.meter_provider,
            "logger_provider": self.logger_provider,
        }

    def spans(self, name: str | None = None) -> list[ReadableSpan]:
        return [span for span in self._spans.get_finished_spans() if name is None or span.name == name]

    def confession(self) -> ReadableSpan:
        """The one confession span."""
        (span,) = self.spans("confession")
        return span

    def events(self) -> list[ReadableLogRecord]:
        return list(self._events.get_finished_logs())

    def counts(self, metric: str) -> list[tuple[dict[str, Any], Any]]:
        """Data points of a counter: labels and value."""
        data = self._reader.get_metrics_data()
        return [
            (dict(point.attributes or {}), getattr(point, "value", None))
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for found in scope.metrics
            if found.name == metric
            for point in found.data.data_points
        ]

    def exemplars(self, metric: str) -> list[Any]:
        data = self._reader.get_metrics_data()
        return [
            exemplar
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for found in scope.metrics
            if found.name == metric
            for point in found.data.data_points
            for exemplar in point.exemplars
        ]


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    spans, events, reader = InMemorySpanExporter(), InMemoryLogRecordExporter(), InMemoryMetricReader()  # type: ignore[no-untyped-call]
    tracer_provider = TracerProvider(shutdown_on_exit=False)
    tracer_provider.add_span_processor(SimpleSpanProcessor(spans))
    logger_provider = LoggerProvider(shutdown_on_exit=False)
    logger_provider.add_log_record_processor(SimpleLogRecordProcessor(events))
    meter_provider = MeterProvider([reader], shutdown_on_exit=False)
    yield Telemetry(tracer_provider, meter_provider, logger_provider, spans, events, reader)
    meter_provider.shutdown()
    logger_provider.shutdown()
    tracer_provider.shutdown()


@pytest.fixture
def swallowed() -> list[tuple[str, Exception]]:
    """Errors that the guard swallowed; a test that provokes some asks for this list and empties it."""
    return []


@pytest.fixture(autouse=True)
def nothing_swallowed(swallowed: list[tuple[str, Exception]]) -> Iterator[None]:
    """Production code swallows its own errors; here each one fails the test that caused it."""

    def remember(site: str, error: Exception) -> None:
        swallowed.append((site, error))

    guard.on_swallow.append(remember)
    yield
    guard.on_swallow.remove(remember)
    if swallowed:
        site, error = swallowed[0]
        message = f"{len(swallowed)} errors were swallowed, the first in {site}"
        raise AssertionError(message) from error


@pytest.fixture(autouse=True)
def clean_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No setting of the machine's and no state of another test's."""
    import os

    for variable in list(os.environ):
        if variable.startswith(("CONFESSION_OTEL_", "OTEL_")):
            monkeypatch.delenv(variable)
    guard._tally.begin()
    guard._logged.clear()
    recorder.latest.clear()
    once.clear()
    failed_tools.clear()
    evaluations.clear()
    late.clear()
    recent.clear()
    yield
    co.uninstrument()
    observation.set_default(None)
    observation.forget_own()


class Clock:
    """Stands for the module `time`; seconds pass when told to."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock by which answers are remembered and wait."""
    clock = Clock()
    monkeypatch.setattr(answer, "time", clock)
    monkeypatch.setattr(bounded, "time", clock)
    monkeypatch.setattr(overheard, "time", clock)
    return clock


AtOnce = Callable[[Callable[[str], None], str], None]


@pytest.fixture
def at_once() -> AtOnce:
    """Calls a function with each letter of a word, each on a thread of its own, which take turns all the time."""

    def run(work: Callable[[str], None], names: str) -> None:
        together = threading.Barrier(len(names))

        def working(name: str) -> None:
            together.wait()
            work(name)

        threads = [threading.Thread(target=working, args=(name,)) for name in names]
        before = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            sys.setswitchinterval(before)

    return run


@pytest.fixture
async def http_clients() -> AsyncIterator[dict[str, Any]]:
    """Arguments of a `ChatOpenAI`: clients that are closed at the end. Its own ones LangChain keeps open in a cache."""
    from openai import DefaultAsyncHttpxClient, DefaultHttpxClient

    with DefaultHttpxClient() as client:
        async with DefaultAsyncHttpxClient() as async_client:
            yield {"http_client": client, "http_async_client": async_client}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="fail where a test that should run was skipped")


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if session.config.getoption("--no-skips") and reporter is not None and reporter.stats.get("skipped"):
        reporter.write_line("--no-skips: skipped tests count as failures", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED

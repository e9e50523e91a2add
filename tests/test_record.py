"""`record()` with whatever it may be given: the host sees nothing but its own result."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter
from opentelemetry.trace import INVALID_SPAN

import confession_otel as co
from confession_otel import guard

if TYPE_CHECKING:
    from conftest import Telemetry

FAILED = "Objective: o\nResult: ✗ did not comply\nWhy: w"


def test_it_returns_what_it_read(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers)
    assert co.record(FAILED).verdict is co.Verdict.NON_COMPLIANT
    parsed = co.parse(FAILED)
    assert co.record(parsed) is parsed


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_text_is_recorded_as_unparsed_and_said_once(
    telemetry: Telemetry, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    co.instrument(**telemetry.providers)
    with caplog.at_level(logging.WARNING, "confession_otel"):
        assert co.record(text).problem is co.Problem.EMPTY
    assert [record.getMessage() for record in caplog.records] == [
        "record() got an empty confession: it is recorded as unparsed (said once)"
    ]
    assert (telemetry.confession().attributes or {})["confession.problem"] == "empty"


@pytest.mark.parametrize("thing", [None, b"Result: failed", 7, ["x"], object()])
def test_what_is_no_text_is_counted_and_said_once(
    telemetry: Telemetry, caplog: pytest.LogCaptureFixture, thing: Any
) -> None:
    co.instrument(**telemetry.providers)
    with caplog.at_level(logging.WARNING, "confession_otel"):
        for _ in range(2):
            assert co.record(thing).verdict is co.Verdict.UNPARSED
    assert telemetry.spans() == []
    assert telemetry.counts("confession.dropped") == [({"confession.reason": "not_text"}, 2)]
    (record,) = caplog.records
    assert type(thing).__name__ in record.getMessage()


def test_ten_megabytes_are_read_and_capped(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers)
    text = FAILED + " and so on" * 1_000_000
    assert co.record(text).verdict is co.Verdict.NON_COMPLIANT
    attributes = telemetry.confession().attributes or {}
    assert attributes["confession.text.length"] == len(text)
    assert attributes["confession.truncated"] is True
    assert all(len(str(value)) <= 8192 for value in attributes.values())


@pytest.mark.parametrize("span", [INVALID_SPAN, "a span", 3])
def test_a_span_that_is_none_costs_only_the_answer(telemetry: Telemetry, span: Any) -> None:
    co.instrument(**telemetry.providers)
    co.record(FAILED, span=span)
    assert telemetry.confession().parent is None


def test_evidence_that_is_none_costs_only_the_evidence(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers)
    co.record(FAILED, evidence={"finish_reason": "stop"})  # type: ignore[arg-type] # that is the point
    assert (telemetry.confession().attributes or {})["confession.verdict"] == "non_compliant"
    assert telemetry.counts("confession.dropped") == [({"confession.reason": "not_evidence"}, 1)]


def test_after_uninstrument_it_goes_on_under_the_settings_that_were_in_force(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers, capture="verdict")
    co.uninstrument()
    co.record(FAILED)
    assert "confession.text" not in (telemetry.confession().attributes or {})


def test_without_an_sdk_it_reads_counts_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "confession_otel"):
        assert co.record(FAILED).verdict is co.Verdict.NON_COMPLIANT
        co.record(FAILED)
    assert guard.tally() == {"no_provider": 2}
    assert len(caplog.records) == 1
    assert "no OpenTelemetry SDK" in caplog.text


class RaisingExporter(SpanExporter):
    """An exporter with a bug."""

    def export(self, spans: Any) -> Any:
        raise OSError


class RaisingProcessor:
    """A processor with a bug; the SDK lets what it raises through to whoever ends the span."""

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        raise OSError

    def on_end(self, span: Any) -> None:
        raise OSError

    def _on_ending(self, span: Any) -> None:
        raise OSError

    def shutdown(self) -> None: ...

    def force_flush(self, timeout_millis: int = 0) -> bool:
        return True


def test_an_exporter_that_raises_is_not_noticed(telemetry: Telemetry) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(RaisingExporter()))
    co.instrument(**{**telemetry.providers, "tracer_provider": provider})
    assert co.record(FAILED).verdict is co.Verdict.NON_COMPLIANT
    assert len(telemetry.events()) == 1


def test_a_span_processor_that_raises_costs_the_span_alone(
    telemetry: Telemetry, swallowed: list[tuple[str, Exception]]
) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(RaisingProcessor())  # type: ignore[arg-type] # its shape is what counts
    co.instrument(**{**telemetry.providers, "tracer_provider": provider})
    assert co.record(FAILED).verdict is co.Verdict.NON_COMPLIANT
    assert len(telemetry.events()) == 1
    assert [count for _, count in telemetry.counts("confession.verdicts")] == [1]
    assert telemetry.counts("confession.dropped") == [({"confession.reason": "internal_error"}, 1)]
    swallowed.clear()


class RaisingMeterProvider:
    """A metrics provider with a bug."""

    def get_meter(self, *_: Any, **__: Any) -> Any:
        raise OSError


class RaisingCounter:
    """An instrument with a bug."""

    def add(self, *_: Any, **__: Any) -> None:
        raise OSError


class MeterProviderOfRaisingCounters:
    """A metrics provider whose instruments have one."""

    def get_meter(self, *_: Any, **__: Any) -> Any:
        return self

    def create_counter(self, *_: Any, **__: Any) -> RaisingCounter:
        return RaisingCounter()

    def create_observable_counter(self, *_: Any, **__: Any) -> RaisingCounter:
        return RaisingCounter()


@pytest.mark.parametrize("provider", [RaisingMeterProvider(), MeterProviderOfRaisingCounters()])
def test_a_metrics_provider_that_raises_costs_the_metrics_alone(
    telemetry: Telemetry, swallowed: list[tuple[str, Exception]], provider: Any
) -> None:
    co.instrument(**{**telemetry.providers, "meter_provider": provider})
    assert co.record(FAILED).verdict is co.Verdict.NON_COMPLIANT
    assert telemetry.confession().name == "confession"
    assert len(telemetry.events()) == 1
    assert swallowed
    swallowed.clear()


def test_switched_off_it_reads_and_records_nothing(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers, enabled=False)
    assert co.record(FAILED).verdict is co.Verdict.NON_COMPLIANT
    assert telemetry.spans() == []
    assert telemetry.events() == []


def test_flush_and_shutdown_return_at_once_with_nothing_under_way(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers)
    assert co.flush(timeout=0) is True
    assert co.shutdown(timeout=0) is True

"""Log lines that name their trace and its last verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import structlog
from opentelemetry.trace import format_span_id, format_trace_id
from structlog.testing import capture_logs

import confession_otel as co
from confession_otel.structlog import add_confession

if TYPE_CHECKING:
    from conftest import Telemetry

FAILED = "Objective: keep it short\nResult: ✗ did not comply\nWhy: it is long"


def lines(*processors: Any) -> Any:
    return capture_logs(processors=list(processors))


def test_a_line_names_its_trace_and_the_traces_last_verdict(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers)
    with (
        telemetry.tracer_provider.get_tracer("host").start_as_current_span("work") as span,
        lines(add_confession) as out,
    ):
        structlog.get_logger().info("before")
        co.record(FAILED)
        structlog.get_logger().info("after")
    ids = span.get_span_context()
    trace = {"trace_id": format_trace_id(ids.trace_id), "span_id": format_span_id(ids.span_id)}
    assert out == [
        {"event": "before", "log_level": "info", **trace},
        {
            "event": "after",
            "log_level": "info",
            **trace,
            "confession.verdict": "non_compliant",
            "confession.flagged": True,
        },
    ]


def test_outside_a_trace_a_line_is_left_as_it_is() -> None:
    with lines(add_confession) as out:
        structlog.get_logger().info("hello", number=1)
    assert out == [{"event": "hello", "log_level": "info", "number": 1}]


def test_what_the_line_already_says_is_kept(telemetry: Telemetry) -> None:
    with telemetry.tracer_provider.get_tracer("host").start_as_current_span("work"), lines(add_confession) as out:
        structlog.get_logger().info("hello", trace_id="mine")
    assert out[0]["trace_id"] == "mine"


def test_no_failure_of_ours_breaks_a_log_call(
    telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch, swallowed: list[tuple[str, Exception]]
) -> None:
    monkeypatch.setattr("confession_otel.structlog.get_current_span", lambda: 1 / 0)
    with lines(add_confession) as out:
        structlog.get_logger().info("hello")
    assert out == [{"event": "hello", "log_level": "info"}]
    swallowed.clear()


@pytest.mark.parametrize(
    ("text", "level"), [(FAILED, "warning"), (FAILED.replace("✗ did not comply", "complied"), "info")]
)
def test_with_log_on_each_confession_is_one_line(telemetry: Telemetry, text: str, level: str) -> None:
    co.instrument(**telemetry.providers, log=True)
    with telemetry.tracer_provider.get_tracer("host").start_as_current_span("work") as span, lines() as out:
        co.record(text)
    (line,) = out
    assert line["log_level"] == level
    assert line["event"] == "confession"
    assert line["trace_id"] == format_trace_id(span.get_span_context().trace_id)
    assert line["confession.why"] == "it is long"


def test_the_line_follows_the_capture_level(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers, log=True, capture="verdict")
    with lines() as out:
        co.record(FAILED)
    (line,) = out
    assert line["confession.verdict"] == "non_compliant"
    assert "long" not in repr(line)
    assert "short" not in repr(line)


def test_without_log_there_is_no_line(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers)
    with lines() as out:
        co.record(FAILED)
    assert out == []

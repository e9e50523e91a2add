"""Ground truth on an answer: counted beside what was confessed, tied to the answer, harmless to the host."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.trace import INVALID_SPAN, SpanContext, SpanKind, StatusCode, TraceFlags

import confession_otel as co
from confession_otel import outcomes, recent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Telemetry

FAILED = "Objective: o\nResult: ✗ did not comply\nWhy: w"
COMPLIED = "Objective: o\nResult: ✓ complied\nWhy: w"
UNSURE = "Objective: o\nResult: unsure\nWhy: w"
GENAI = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m-1", "gen_ai.response.id": "r-1"}


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    recent.clear()
    outcomes._sources.clear()
    yield
    recent.clear()


def answered(telemetry: Telemetry, text: str | None = FAILED, **settings: Any) -> Any:
    """The span of an answer, ended, on which the text was recorded."""
    co.instrument(**telemetry.providers, **settings)
    with telemetry.tracer_provider.get_tracer("host").start_as_current_span("chat m-1", attributes=GENAI) as span:
        if text is not None:
            co.record(text)
    return span


def labels(telemetry: Telemetry) -> dict[str, Any]:
    ((found, count),) = telemetry.counts("confession.outcomes")
    assert count == 1
    return found


def test_a_missed_failure_gives_a_whole_span(telemetry: Telemetry) -> None:
    answer = answered(telemetry, COMPLIED)
    co.record_outcome(failed=True, answer=answer, source="test")
    (span,) = telemetry.spans("confession.outcome")
    assert dict(span.attributes or {}) == {
        "openinference.span.kind": "EVALUATOR",
        "confession.outcome.failed": True,
        "confession.outcome.confessed": "false",
        "confession.outcome.source": "test",
        "confession.verdict": "compliant",
        "gen_ai.request.model": "m-1",
        "gen_ai.response.id": "r-1",
    }
    assert span.kind is SpanKind.INTERNAL
    assert span.parent is not None
    assert span.parent.span_id == answer.context.span_id
    assert [link.context for link in span.links] == [answer.context]
    assert span.start_time == span.end_time
    assert span.status.status_code is StatusCode.UNSET


def test_one_event_stands_in_the_answers_context(telemetry: Telemetry) -> None:
    answer = answered(telemetry)
    before = time.time_ns()
    co.record_outcome(failed=True, answer=answer)
    record = telemetry.events()[-1].log_record
    assert (record.event_name, record.body, record.severity_text) == ("confession.outcome", "outcome: failed", "INFO")
    assert (record.trace_id, record.span_id) == (answer.context.trace_id, answer.context.span_id)
    assert record.timestamp is not None
    assert before <= record.timestamp <= time.time_ns()
    assert dict(record.attributes or {}) == {
        "confession.outcome.failed": True,
        "confession.outcome.confessed": "true",
        "confession.outcome.source": "human",
        "confession.verdict": "non_compliant",
        "gen_ai.request.model": "m-1",
        "gen_ai.response.id": "r-1",
    }


@pytest.mark.parametrize(
    ("text", "confessed"),
    [(FAILED, "true"), (COMPLIED, "false"), (UNSURE, "false"), ("nothing to read", "unknown"), (None, "unknown")],
)
@pytest.mark.parametrize("failed", [True, False])
def test_it_is_counted_beside_what_was_confessed(
    telemetry: Telemetry, text: str | None, confessed: str, failed: bool
) -> None:
    co.record_outcome(failed, answered(telemetry, text))
    assert labels(telemetry) == {
        "confession.outcome.failed": failed,
        "confession.outcome.confessed": confessed,
        "confession.outcome.source": "human",
        "gen_ai.request.model": "m-1",
    }


def hexadecimal(span: Any) -> tuple[str, str]:
    return f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}"


@pytest.mark.parametrize("name", [lambda s: s, lambda s: s.context, lambda s: "r-1", hexadecimal])
def test_whichever_way_the_answer_is_named_it_is_found(telemetry: Telemetry, name: Any) -> None:
    answer = answered(telemetry)
    co.record_outcome(failed=True, answer=name(answer))
    (span,) = telemetry.spans("confession.outcome")
    attributes = span.attributes or {}
    assert [link.context.span_id for link in span.links] == [answer.context.span_id]
    assert (attributes["confession.outcome.confessed"], attributes["gen_ai.request.model"]) == ("true", "m-1")
    assert attributes["gen_ai.response.id"] == "r-1"


def test_by_default_it_is_of_the_current_span(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers)
    with telemetry.tracer_provider.get_tracer("host").start_as_current_span("chat m-1", attributes=GENAI) as answer:
        co.record_outcome(failed=False)
    (span,) = telemetry.spans("confession.outcome")
    assert span.parent == answer.get_span_context()


def test_an_outcome_of_an_answer_from_long_ago_does_not_stretch_its_trace(
    telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = answered(telemetry)
    later = time.monotonic() + outcomes.FRESH + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    co.record_outcome(failed=True, answer=answer)
    (span,) = telemetry.spans("confession.outcome")
    assert span.parent is None
    assert span.context is not None
    assert span.context.trace_id != answer.context.trace_id
    assert [link.context for link in span.links] == [answer.context]
    assert (span.attributes or {})["confession.outcome.confessed"] == "true"


def test_an_answer_of_another_process_is_linked_and_what_it_confessed_unknown(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers)
    co.record_outcome(failed=True, answer=("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"))
    (span,) = telemetry.spans("confession.outcome")
    assert span.parent is None
    assert [(link.context.trace_id, link.context.span_id) for link in span.links] == [
        (0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331)
    ]
    assert (span.attributes or {})["confession.outcome.confessed"] == "unknown"


@pytest.mark.parametrize(
    ("given", "confessed", "verdict"),
    [
        ({"confessed": False}, "false", "non_compliant"),
        ({"verdict": "compliant"}, "false", "compliant"),
        ({"verdict": co.Verdict.UNPARSED}, "unknown", "unparsed"),
        ({"verdict": "unsure", "confessed": True}, "true", "unsure"),
    ],
)
def test_what_the_caller_knows_of_the_confession_comes_first(
    telemetry: Telemetry, given: dict[str, Any], confessed: str, verdict: str
) -> None:
    co.record_outcome(failed=True, answer=answered(telemetry), **given)
    attributes = telemetry.spans("confession.outcome")[0].attributes or {}
    assert (attributes["confession.outcome.confessed"], attributes["confession.verdict"]) == (confessed, verdict)


def test_of_several_choices_of_one_call_the_worst_confession_counts(telemetry: Telemetry) -> None:
    from openai import OpenAI

    from confession_otel.testing import ScriptedServer, chat_completion

    texts = [f"Done.\n\n## Confession\n{text}" for text in (COMPLIED, FAILED, COMPLIED)]
    body = chat_completion(*texts)
    co.instrument(**telemetry.providers)
    with ScriptedServer(lambda _: body) as server, OpenAI(base_url=server.base_url, api_key="k") as client:
        client.chat.completions.create(model="m-1", n=3, messages=[{"role": "user", "content": "?"}])
    assert len(telemetry.spans("confession")) == 3
    co.record_outcome(failed=True, answer=str(body["id"]))
    assert labels(telemetry)["confession.outcome.confessed"] == "true"


@pytest.mark.parametrize("failed", [None, 1, "true", [], object()])
def test_what_is_no_outcome_is_counted_and_said_once(
    telemetry: Telemetry, caplog: pytest.LogCaptureFixture, failed: Any
) -> None:
    co.instrument(**telemetry.providers)
    with caplog.at_level(logging.WARNING, "confession_otel"):
        for _ in range(2):
            co.record_outcome(failed)
    assert telemetry.spans() == []
    assert telemetry.counts("confession.outcomes") == []
    assert telemetry.counts("confession.dropped") == [({"confession.reason": "not_an_outcome"}, 2)]
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    "answer",
    ["", 7, object(), ("a",), ("a", "b", "c"), ("0", "0"), ("x", "y"), (1, 2), ("f" * 33, "1"), b"r-1", ["-1", "1"]],
)
def test_an_answer_that_is_none_costs_only_the_answer(telemetry: Telemetry, answer: Any) -> None:
    co.instrument(**telemetry.providers)
    co.record_outcome(failed=True, answer=answer)
    (span,) = telemetry.spans("confession.outcome")
    assert (span.parent, list(span.links)) == (None, [])
    assert telemetry.counts("confession.dropped") == [({"confession.reason": "not_an_answer"}, 1)]


@pytest.mark.parametrize("given", [{"verdict": "bad"}, {"verdict": []}, {"confessed": "yes"}, {"confessed": 1}])
def test_a_verdict_that_is_none_costs_only_the_verdict(telemetry: Telemetry, given: dict[str, Any]) -> None:
    co.record_outcome(failed=True, answer=answered(telemetry), **given)
    assert labels(telemetry)["confession.outcome.confessed"] == "true"
    assert telemetry.counts("confession.dropped") == [({"confession.reason": "not_a_verdict"}, 1)]


def test_without_an_answer_span_the_outcome_is_counted_all_the_same(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers)
    nobody = SpanContext(0, 0, is_remote=False, trace_flags=TraceFlags(0))
    answers: list[Any] = [INVALID_SPAN, nobody, "r-9"]
    for answer in answers:
        co.record_outcome(failed=False, answer=answer)
    assert [count for _, count in telemetry.counts("confession.outcomes")] == [3]
    assert [list(span.links) for span in telemetry.spans("confession.outcome")] == [[], [], []]


def test_sources_cannot_fill_the_metric(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers)
    for number in range(40):
        co.record_outcome(failed=True, source=f"user {number}")
    co.record_outcome(failed=True, source="x" * 65)
    co.record_outcome(failed=True, source=None)  # type: ignore[arg-type] # that is the point
    found = {point["confession.outcome.source"]: count for point, count in telemetry.counts("confession.outcomes")}
    assert len(found) == 33
    assert found["other"] == 10


def test_switched_off_nothing_is_recorded(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers, enabled=False)
    co.record_outcome(failed=True)
    assert telemetry.spans() == []
    assert telemetry.counts("confession.outcomes") == []


def test_without_an_sdk_it_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "confession_otel"):
        co.record_outcome(failed=True, answer="r-1")
    assert caplog.records == []


def test_what_is_remembered_of_answers_is_bounded(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers)
    for number in range(4200):
        attributes = {**GENAI, "gen_ai.response.id": f"r-{number}"}
        with telemetry.tracer_provider.get_tracer("host").start_as_current_span("chat", attributes=attributes):
            co.record(FAILED)
    assert len(recent._table) == 4096
    co.record_outcome(failed=True, answer="r-0")
    co.record_outcome(failed=True, answer="r-4199")
    confessed = [point["confession.outcome.confessed"] for point, _ in telemetry.counts("confession.outcomes")]
    assert confessed == ["unknown", "true"]

"""Evaluations that fail afterwards: each choice of that call is corrected, and no other call."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import baggage
from opentelemetry._logs import LogRecord
from opentelemetry.context import attach, detach
from opentelemetry.sdk._logs import LogRecordProcessor
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.trace import set_span_in_context

import confession_otel as co
from confession_otel import observation
from confession_otel.answer import Answer

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk._logs import ReadWriteLogRecord
    from opentelemetry.sdk.trace import Span

    from conftest import Telemetry

CALL = {"gen_ai.operation.name": "chat", "gen_ai.response.id": "r-1"}


def call(telemetry: Telemetry, whys: str) -> Any:
    """An ended span of a call with a choice for each letter, all compliant."""
    text = "A.\n\n<confession>\nObjective: be brief\nResult: ✓ complied\nWhy: %s\n</confession>"
    output = [{"role": "assistant", "parts": [{"type": "text", "content": text % why}]} for why in whys]
    span = telemetry.tracer_provider.get_tracer("peer").start_span(
        "chat", attributes={**CALL, "gen_ai.output.messages": json.dumps(output)}
    )
    span.end()
    return span


def evaluate(telemetry: Telemetry, span: Any = None, response_id: Any = None) -> None:
    """An evaluation that fails: in this span, of the answer with this id; there may be none of either."""
    named = {} if response_id is None else {"gen_ai.response.id": response_id}
    telemetry.logger_provider.get_logger("evaluator").emit(
        LogRecord(
            event_name="gen_ai.evaluation.result",
            context=None if span is None else set_span_in_context(span),
            attributes={"gen_ai.evaluation.name": "correctness", "gen_ai.evaluation.score.label": "fail", **named},
        )
    )


def fail(telemetry: Telemetry, span: Any = None) -> None:
    """An evaluation of the answer with this span; without one, of that with the response id."""
    evaluate(telemetry, span, "r-1" if span is None else None)


def confessions(telemetry: Telemetry, *, corrected: bool) -> list[tuple[Any, int]]:
    """Id, and id of the answer's span, of each confession, or of each correction."""
    return sorted(
        ((span.attributes or {})["confession.id"], span.parent.span_id if span.parent is not None else 0)
        for span in telemetry.spans("confession")
        if ("failed_evaluation" in str((span.attributes or {}).get("confession.contradictions"))) is corrected
    )


@pytest.mark.parametrize("by", ["response id", "span"])
def test_every_choice_of_the_call_is_corrected_and_once(telemetry: Telemetry, by: str) -> None:
    co.instrument(**telemetry.providers)
    span = call(telemetry, "abc")
    for _ in range(2):
        fail(telemetry, span if by == "span" else None)
    first = confessions(telemetry, corrected=False)
    assert len({one for one, _ in first}) == 3
    assert confessions(telemetry, corrected=True) == first


def test_of_two_calls_with_one_response_id_only_the_evaluated_one_is_corrected(telemetry: Telemetry) -> None:
    # Some servers give every answer the same.
    co.instrument(**telemetry.providers)
    spans = [call(telemetry, "ab"), call(telemetry, "cd")]
    both = confessions(telemetry, corrected=False)
    assert len(both) == 4
    fail(telemetry, spans[0])
    of_first = [one for one in both if one[1] == spans[0].get_span_context().span_id]
    assert confessions(telemetry, corrected=True) == of_first
    fail(telemetry, spans[1])
    assert confessions(telemetry, corrected=True) == both


def test_by_a_response_id_that_two_calls_have_the_newer_is_meant(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers)
    call(telemetry, "ab")
    newer = call(telemetry, "cd")
    fail(telemetry)
    corrected = confessions(telemetry, corrected=True)
    assert len(corrected) == 2
    assert {span_id for _, span_id in corrected} == {newer.get_span_context().span_id}


TEXT = "A.\n\n<confession>\nObjective: be brief\nResult: ✓ complied\nWhy: it is\n</confession>"


def give(span: Any, *response_ids: str | None) -> None:
    """Answers that are all on one span, as where the hooks make none of their own; they may have no id."""
    for response_id in response_ids:
        observation.default().observe([Answer(TEXT, span, response_id=response_id)], "openai")


def contradicted(telemetry: Telemetry) -> list[object]:
    """Response ids of the answers whose confession was contradicted, at once or by a correction."""
    found = [span.attributes or {} for span in telemetry.spans("confession")]
    return [one.get("gen_ai.response.id") for one in found if one.get("confession.contradicted")]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (["A", "B", None], [], ["B"]),
        (["A", "B"], ["C", None], ["B"]),
        (["A"], ["B", "C"], ["B"]),
        ([], ["A", "C", "B"], ["B"]),
        (["A", None], ["C"], [None]),
        (["A"], ["C", None], [None]),
    ],
    ids=["recorded", "others after it", "to come", "all to come", "of no known id", "of no known id, to come"],
)
def test_of_the_answers_on_a_span_the_one_that_the_event_names_is_meant(
    telemetry: Telemetry, before: list[str | None], after: list[str | None], expected: list[str | None]
) -> None:
    co.instrument(**telemetry.providers)
    with telemetry.tracer_provider.get_tracer("web").start_as_current_span("POST") as span:
        give(span, *before)
        for _ in range(2):
            evaluate(telemetry, span, "B")
        give(span, *after)
    assert contradicted(telemetry) == expected


def test_an_event_that_names_none_is_of_the_answers_on_its_span(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers)
    tracer = telemetry.tracer_provider.get_tracer("web")
    span, other = tracer.start_span("POST"), tracer.start_span("GET")
    give(span, "A", None)
    give(other, "B")
    evaluate(telemetry, span, response_id=span.get_span_context().span_id)
    give(span, "C")
    assert contradicted(telemetry) == ["A", None, "C"]


def test_each_answer_of_a_span_is_corrected_by_its_own_evaluation(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers)
    span = telemetry.tracer_provider.get_tracer("web").start_span("POST")
    give(span, "A", "B", "C")
    for response_id in ("C", "A"):
        evaluate(telemetry, None, response_id)
    assert contradicted(telemetry) == ["C", "A"]


def test_what_another_finding_had_flagged_stays_flagged(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers, flag_on=["compliant"])
    span = telemetry.tracer_provider.get_tracer("web").start_span("POST")
    give(span, "A")
    evaluate(telemetry, span)
    assert [(one.attributes or {})["confession.flagged"] for one in telemetry.spans("confession")] == [True, True]
    assert [(one.attributes or {})["error.type"] for one in telemetry.spans("confession")] == ["compliant"] * 2


def test_a_correction_has_nothing_of_the_evaluators_context(telemetry: Telemetry) -> None:
    contexts: list[tuple[str, Any]] = []

    class Baggage(SpanProcessor):
        def on_start(self, span: Span, parent_context: Context | None = None) -> None:
            contexts.append((span.name, baggage.get_baggage("user", parent_context)))

    class BaggageOfEvents(LogRecordProcessor):
        def on_emit(self, log_record: ReadWriteLogRecord) -> None:
            record = log_record.log_record
            contexts.append((str(record.body), baggage.get_baggage("user", record.context)))

        def shutdown(self) -> None:
            pass

        def force_flush(self, timeout_millis: int = 0) -> bool:
            return True

    telemetry.tracer_provider.add_span_processor(Baggage())
    telemetry.logger_provider.add_log_record_processor(BaggageOfEvents())
    co.instrument(**telemetry.providers)
    tracer = telemetry.tracer_provider.get_tracer("web")
    for user in ("alice", "an evaluator"):
        token = attach(baggage.set_baggage("user", user))
        try:
            if user == "alice":
                span = tracer.start_span("POST")
                give(span, "A")
            else:
                evaluate(telemetry, None, "A")
        finally:
            detach(token)
    assert contexts == [
        ("POST", "alice"),
        ("confession", "alice"),
        ("self-reported: compliant", "alice"),
        ("None", "an evaluator"),
        ("confession", None),
        ("self-reported: compliant, contradicted", None),
    ]

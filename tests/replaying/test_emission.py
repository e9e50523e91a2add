"""Calls of an archive to telemetry: the same as live, at the times of then."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import SpanKind, StatusCode

import confession_otel as co
from confession_otel import Settings, semconv
from confession_otel.replaying import PassedOver, read_line
from confession_otel.replaying.emission import Emitter
from confession_otel.replaying.otlp_json import lines
from confession_otel.testing import chat_completion

from .archive import ANSWER, COMPLIED, FAILED, NOON, NOON_NS, SPAN, TRACE, batch, call, genai, otlp

if TYPE_CHECKING:
    import pytest

    from confession_otel.replaying.past import Emitted
    from conftest import Telemetry


def emit(settings: Settings | None = None, /, **fields: Any) -> Emitted:
    return Emitter(settings or Settings.read({}), Resource({"service.name": "then"})).emit(call(**fields))


def test_the_signals_are_those_of_a_live_service(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers)
    co.record(ANSWER.partition("\n\n## Confession\n\n")[2])
    (live,), (live_event,) = telemetry.spans("confession"), telemetry.events()
    emitted = emit(time=NOON, output=ANSWER)
    (confession, answer), (event,) = emitted.spans, emitted.events

    own = {semconv.ID, semconv.SOURCE}
    attributes = dict(confession.attributes or {})
    assert {k: v for k, v in attributes.items() if k not in own} == {
        k: v for k, v in (live.attributes or {}).items() if k not in own
    }
    assert confession.name == live.name == semconv.SPAN
    assert (confession.kind, confession.status.status_code) == (SpanKind.INTERNAL, StatusCode.ERROR)
    assert confession.status.description == live.status.description
    assert confession.parent == answer.context
    assert [link.context for link in confession.links] == [answer.context]
    assert confession.instrumentation_scope == live.instrumentation_scope
    assert (answer.kind, answer.status.status_code, answer.parent) == (SpanKind.CLIENT, StatusCode.UNSET, None)
    assert answer.attributes is not None
    six = (semconv.VERDICT, semconv.FLAGGED, semconv.SCORE, semconv.SOURCE, semconv.ID)
    assert [answer.attributes[key] for key in six] == [attributes[key] for key in six]

    record, live_record = event.log_record, live_event.log_record
    assert (record.event_name, record.body, record.severity_number) == (
        live_record.event_name,
        live_record.body,
        live_record.severity_number,
    )
    assert record.attributes is not None
    assert record.attributes[semconv.ID] == attributes[semconv.ID]
    assert (record.trace_id, record.span_id) == (answer.context.trace_id, answer.context.span_id)


def test_all_times_are_those_of_then() -> None:
    emitted = emit(time=NOON, duration=2, output=ANSWER)
    confession, answer = emitted.spans
    ended = NOON_NS + 2 * 10**9
    assert (answer.start_time, answer.end_time) == (NOON_NS, ended)
    assert (confession.start_time, confession.end_time) == (ended, ended)
    assert [(e.log_record.timestamp, e.log_record.observed_timestamp) for e in emitted.events] == [(ended, ended)]


def test_the_same_again_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "archive")
    texts = []
    for _ in range(2):
        emitter = Emitter(Settings.read({}))
        made = [
            emitter.emit(one) for one in (call(time=NOON, output=ANSWER), call(time=5, answer="x", confession=FAILED))
        ]
        texts.append("".join(lines(one.spans, one.events) for one in made))
    assert texts[0] == texts[1]
    assert '"archive"' in texts[0]


def test_ids_differ_within_a_call_and_between_calls() -> None:
    both = emit(**batch({**chat_completion(ANSWER, ANSWER), "created": 5})).spans
    other = emit(time=NOON, output=ANSWER).spans
    assert len({span.context.span_id for span in (*both, *other)}) == 5
    assert [span.name for span in both] == ["confession", "confession", "chat scripted"]


def test_an_answer_span_is_made_only_where_there_is_none() -> None:
    (confession,) = emit(time=NOON, output=ANSWER, trace_id=TRACE, span_id=SPAN).spans
    assert confession.parent is not None
    assert (confession.parent.trace_id, confession.parent.span_id) == (int(TRACE, 16), int(SPAN, 16))
    (one,) = read_line(otlp(genai(number=7), service__name="shop")).calls
    (confession,) = Emitter(Settings.read({})).emit(one).spans
    assert confession.parent is not None
    assert (confession.parent.span_id, confession.resource.attributes) == (7, {"service.name": "shop"})


def test_an_answer_without_a_confession_is_an_answer_span() -> None:
    emitted = emit(time=NOON, model="m", output="Fish swim.", exception="TimeoutError")
    (answer,) = emitted.spans
    assert (answer.name, answer.status.status_code) == ("chat m", StatusCode.ERROR)
    assert answer.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "error.type": "TimeoutError",
    }
    assert (emitted.events, emitted.absent, dict(emitted.verdicts)) == ([], 1, {})
    (one,) = read_line(otlp(genai("Fish swim."))).calls
    assert Emitter(Settings.read({})).emit(one).spans == []


def test_evidence_contradicts() -> None:
    fine = {"time": NOON, "answer": "One fish. Two fish.", "confession": COMPLIED}
    assert emit(**fine).flagged == 0
    for evidence in (
        {"finish_reason": "length"},
        {"tool_errors": ["book_room"]},
        {"request": "Answer in one sentence."},
    ):
        emitted = emit(**fine, **evidence)
        assert (emitted.spans[0].attributes or {})[semconv.CONTRADICTED] is True, evidence
        assert emitted.flagged == 1


def test_where_the_limit_cut_the_confession_the_answer_is_not_contradicted() -> None:
    output = f"Fish swim.\n\n## Confession\n\n{COMPLIED}\nObjective: swim"
    attributes = emit(time=NOON, output=output, finish_reason="length").spans[0].attributes or {}
    assert semconv.CONTRADICTED not in attributes
    assert attributes[semconv.TRUNCATED] is True


def test_what_looks_like_one_in_the_middle_is_suspected() -> None:
    output = f"He wrote <confession>{COMPLIED}</confession>\n\nThat is all that the letter says."
    emitted = emit(time=NOON, output=output)
    (answer,) = emitted.spans
    assert (answer.attributes or {})[semconv.SPOOF_SUSPECTED] is True
    assert emitted.absent == 1


def test_capture_keeps_every_word_in() -> None:
    emitted = emit(
        Settings.read({"CONFESSION_OTEL_CAPTURE": "verdict"}), time=NOON, output=ANSWER, request="the canary"
    )
    text = lines(emitted.spans, emitted.events) + encode_spans(emitted.spans).SerializeToString().decode("latin-1")
    assert not [word for word in ("Fish", "ten words", "there are two", "canary") if word in text]
    assert "non_compliant" in text


def test_without_answer_spans_a_confession_is_a_root_and_stays_apart_from_its_like() -> None:
    settings = Settings.read({"CONFESSION_OTEL_ANSWER_SPANS": "never"})
    spans = [emit(settings, time=time, output=ANSWER).spans for time in (5, 6, 6)]
    ids = [[(span.context.trace_id, span.context.span_id) for span in one] for one in spans]
    assert [len(one) for one in ids] == [1, 1, 1]
    assert ids[0] != ids[1] == ids[2]
    assert [span.parent for one in spans for span in one] == [None] * 3


def test_no_metric_is_emitted(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers)
    emit(time=NOON, output=ANSWER)
    assert telemetry.counts("confession.verdicts") == []
    assert telemetry.counts("confession.answers") == []


def test_what_is_written_as_json_is_read_as_done() -> None:
    emitted = emit(time=NOON, output=ANSWER)
    spans, events = lines(emitted.spans, emitted.events).splitlines()
    assert read_line(spans.encode()).passed_over == {PassedOver.ALREADY_RECORDED: 2}
    assert read_line(events.encode()).passed_over == {PassedOver.OTHER_SIGNAL: 1}


def test_json_and_protobuf_say_the_same() -> None:
    emitted = emit(**batch({**chat_completion(ANSWER, ANSWER, model="m"), "created": 5}))
    (of_resource,) = encode_spans(emitted.spans).resource_spans
    (scope,) = of_resource.scope_spans
    written = json.loads(lines(emitted.spans, []))["resourceSpans"][0]["scopeSpans"][0]
    assert written["scope"] == {"name": scope.scope.name, "version": scope.scope.version}
    for mine, theirs in zip(written["spans"], scope.spans, strict=True):
        assert bytes.fromhex(mine["traceId"]) == theirs.trace_id
        assert bytes.fromhex(mine["spanId"]) == theirs.span_id
        assert bytes.fromhex(mine.get("parentSpanId", "")) == theirs.parent_span_id
        assert (mine["name"], mine["kind"], int(mine["startTimeUnixNano"])) == (
            theirs.name, theirs.kind, theirs.start_time_unix_nano
        )  # fmt: skip
        assert (mine["status"]["code"], mine["status"].get("message", "")) == (
            theirs.status.code,
            theirs.status.message,
        )
        assert [pair["key"] for pair in mine["attributes"]] == [pair.key for pair in theirs.attributes]
        assert [link["spanId"] for link in mine.get("links", [])] == [link.span_id.hex() for link in theirs.links]


@hypothesis_settings(max_examples=200)
@given(
    st.fixed_dictionaries(
        {"time": st.just(5)},
        optional={
            name: st.text(st.characters(), max_size=40) | st.just(ANSWER)
            for name in "id model output answer confession finish_reason refusal exception provider agent_name".split()
        },
    )
)
def test_whatever_can_be_read_can_be_sent(fields: dict[str, Any]) -> None:
    for one in read_line(json.dumps(fields).encode()).calls:
        emitted = Emitter(Settings.read({}), Resource({})).emit(one)
        assert encode_spans(emitted.spans).SerializeToString() or not emitted.spans
        lines(emitted.spans, emitted.events).encode()

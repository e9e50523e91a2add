"""One line of an archive: to calls, or to why not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from confession_otel.replaying import LONGEST, PassedOver, Read, Reason, read_line
from confession_otel.semconv import Source
from confession_otel.testing import chat_completion, response

from .archive import ANSWER, FAILED, NOON, NOON_NS, SPAN, TRACE, attributes, batch, call, genai, line, otlp, read, span


def test_an_output_is_an_answer_at_its_time() -> None:
    one = call(id="a1", time=NOON, duration=1.5, model="m", output=ANSWER, conversation_id="c", agent_name="office")
    (answer,) = one.answers
    assert (answer.text, answer.confession, answer.source, answer.choice) == (ANSWER, None, Source.OBSERVE, None)
    assert (one.began, one.ended) == (NOON_NS, NOON_NS + 1_500_000_000)
    assert one.known == {
        "request_model": "m",
        "response_id": "a1",
        "conversation_id": "c",
        "agent_name": "office",
    }
    assert not one.has_span
    assert one.resource is None


def test_a_confession_may_stand_beside_its_answer() -> None:
    (answer,) = call(time=NOON, answer="Fish swim.", confession=FAILED).answers
    assert (answer.text, answer.confession, answer.source) == ("Fish swim.", FAILED, Source.RECORD)
    (answer,) = call(time=NOON, output="Fish swim.", confession=FAILED, source="ask").answers
    assert (answer.text, answer.confession, answer.source) == ("Fish swim.", FAILED, Source.ASK)
    (answer,) = call(time=NOON, confession="").answers
    assert (answer.text, answer.confession) == ("", "")


def test_evidence_comes_along() -> None:
    one = call(
        time=NOON,
        output=ANSWER,
        finish_reason="length",
        refusal="no",
        tool_errors=["book_room"],
        exception="TimeoutError",
        failed_evaluations="Correctness",
        request={
            "model": "m-2",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Before."},
                {"role": "user", "content": [{"type": "text", "text": "At most 50 words."}]},
            ],
            "response_format": {"type": "json_object"},
        },
    )
    evidence = one.answers[0].evidence
    assert (evidence.finish_reason, evidence.refusal, evidence.exception) == ("length", "no", "TimeoutError")
    assert (evidence.tool_errors, evidence.evaluations) == (("book_room",), ("Correctness",))
    assert evidence.request_text is not None
    assert evidence.request_text.split("\n\f\n") == ["Be brief.", "At most 50 words."]
    assert evidence.output_schema == {"type": "object"}
    assert one.known["request_model"] == "m-2"
    assert one.attributes["gen_ai.response.finish_reasons"] == ["length"]


@pytest.mark.parametrize(
    ("request_", "text", "schema"),
    [
        ("Ten words.", "Ten words.", None),
        ([{"role": "user", "content": "Ten words."}], "Ten words.", None),
        ({"input": "Ten words."}, "Ten words.", None),
        ({"instructions": "Brief.", "input": [{"role": "user", "content": "Ten."}]}, "Brief.\n\f\nTen.", None),
        (
            {"input": "x", "text": {"format": {"type": "json_schema", "schema": {"type": "array"}}}},
            "x",
            {"type": "array"},
        ),
        (
            {"messages": [], "response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "array"}}}},
            "",
            {"type": "array"},
        ),
        ({"tokens": 5}, None, None),
        (7, None, None),
    ],
)
def test_what_was_asked_is_read_from_every_form_of_request(request_: object, text: str | None, schema: object) -> None:
    evidence = call(time=NOON, output=ANSWER, request=request_).answers[0].evidence
    assert (evidence.request_text, evidence.output_schema) == (text, schema)


def test_a_batch_line_is_what_the_api_sent() -> None:
    body = chat_completion(ANSWER, model="gpt", id="chatcmpl-1", finish_reason="length", cached_tokens=3)
    one = call(**batch({**body, "created": 1_772_366_400}))
    assert (one.began, one.ended) == (NOON_NS, NOON_NS)
    assert one.known == {"request_model": "gpt", "response_id": "chatcmpl-1", "provider": "openai"}
    assert one.attributes == {
        "gen_ai.response.model": "gpt",
        "gen_ai.response.finish_reasons": ["length"],
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": one.attributes["gen_ai.usage.output_tokens"],
        "gen_ai.usage.cache_read.input_tokens": 3,
    }
    (answer,) = one.answers
    assert (answer.text, answer.evidence.finish_reason, answer.final) == (ANSWER, "length", True)


def test_each_choice_is_an_answer() -> None:
    one = call(**batch(chat_completion("one", None, ANSWER, finish_reason="stop")))
    assert [(answer.choice, answer.text) for answer in one.answers] == [(0, "one"), (1, ""), (2, ANSWER)]


def test_a_turn_that_calls_tools_is_not_final() -> None:
    calls = [("book_room", "{}")]
    assert not call(**batch(chat_completion(tool_calls=calls))).answers[0].final
    assert not call(**batch(response(tool_calls=calls))).answers[0].final


def test_responses_are_read_too() -> None:
    body = response(ANSWER, model="gpt", id="resp_1", reasoning="hm", incomplete="max_output_tokens")
    one = call(**batch({**body, "created_at": 1_772_366_400, "completed_at": 1_772_366_403}))
    assert (one.began, one.ended) == (NOON_NS, NOON_NS + 3 * 10**9)
    (answer,) = one.answers
    assert (answer.text, answer.evidence.finish_reason) == (ANSWER, "max_output_tokens")
    assert call(**batch(response(refusal="I will not."))).answers[0].evidence.refusal == "I will not."


@pytest.mark.parametrize(
    "fields",
    [
        {**batch(chat_completion(ANSWER)), "response": None, "error": {"code": "batch_expired"}},
        batch({"error": {"message": "no such model"}}, status=404),
        batch(response(failed="overloaded")),
        batch(response(pending="queued")),
        batch({**chat_completion(ANSWER), "choices": []}),
    ],
)
def test_a_request_that_failed_is_passed_over(fields: dict[str, Any]) -> None:
    assert read(**fields) == Read(passed_over={PassedOver.FAILED_REQUEST: 1})


def test_the_same_answer_has_the_same_ids_however_it_is_wrapped() -> None:
    body = {**chat_completion(ANSWER, id="chatcmpl-1", model="gpt"), "created": 1_772_366_400}
    ones = [
        call(**body),
        call(**batch(body)),
        call(**batch(body, custom_id="another")),
        call(response=body),
        call(output=body),
        call(id="chatcmpl-1", time=NOON, model="gpt", output=ANSWER),
        call(id="chatcmpl-1", time=1_772_366_400_000, model="gpt", output=ANSWER, tool_errors=["t"], note="later"),
    ]
    assert {(one.trace_id, one.span_id) for one in ones} == {(ones[0].trace_id, ones[0].span_id)}


def test_another_answer_has_other_ids() -> None:
    first: dict[str, Any] = {"id": "a1", "time": NOON, "model": "m", "output": ANSWER}
    changed: list[dict[str, Any]] = [
        {"id": "a2"}, {"time": "2026-03-01T12:00:01Z"}, {"model": "n"}, {"output": "x"}, {"confession": FAILED},
        {"choice": 1}, {"id": None},
    ]  # fmt: skip
    ids = [call(**{**first, **change}) for change in [{}, *changed]]
    assert len({one.trace_id for one in ids}) == len({one.span_id for one in ids}) == 1 + len(changed)


def test_ids_of_then_are_kept() -> None:
    one = call(time=NOON, output=ANSWER, trace_id=TRACE.upper(), span_id=SPAN)
    assert (one.trace_id, one.span_id, one.has_span) == (int(TRACE, 16), int(SPAN, 16), True)
    one = call(time=NOON, output=ANSWER, trace_id=TRACE)
    assert (one.trace_id, one.has_span) == (int(TRACE, 16), False)


def test_a_time_for_those_without_changes_no_id() -> None:
    bare = line(id="a1", output=ANSWER)
    first, second = (read_line(bare, otherwise=time).calls[0] for time in (10**18, 2 * 10**18))
    assert (first.began, second.began) == (10**18, 2 * 10**18)
    assert (first.trace_id, first.span_id) == (second.trace_id, second.span_id)


@pytest.mark.parametrize(
    ("bad", "reason", "detail"),
    [
        (b"\xff", Reason.NOT_UTF8, "byte 0"),
        (b"{", Reason.NOT_JSON, "character 1"),
        (b"nothing", Reason.NOT_JSON, "Expecting value"),
        (b'{"time": 1, "output": ' + b"9" * 5000 + b"}", Reason.NOT_JSON, "beyond"),
        (b"[" * 100_000, Reason.NOT_JSON, "beyond"),
        (b"[]", Reason.NOT_AN_OBJECT, "one JSON object"),
        (b'"text"', Reason.NOT_AN_OBJECT, "one JSON object"),
        (b"{}", Reason.NO_ANSWER, "`output`"),
        (line(time=NOON, output=None), Reason.NO_ANSWER, "`output`"),
        (line(output=ANSWER), Reason.NO_TIME, "--time"),
        (line(output=ANSWER, time="yesterday"), Reason.BAD_FIELD, "time: a time is"),
        (line(output=ANSWER, time=NOON, duration="long"), Reason.BAD_FIELD, "duration: "),
        (line(output=7, time=NOON), Reason.BAD_FIELD, "output: "),
        (line(answer=[], time=NOON), Reason.BAD_FIELD, "answer: "),
        (line(answer="x", confession={}, time=NOON), Reason.BAD_FIELD, "confession: "),
        (line(output=ANSWER, time=NOON, id=[]), Reason.BAD_FIELD, "id: "),
        (line(output=ANSWER, time=NOON, model=True), Reason.BAD_FIELD, "model: "),
        (line(output=ANSWER, time=NOON, choice=-1), Reason.BAD_FIELD, "choice: "),
        (line(output=ANSWER, time=NOON, tool_errors=[1]), Reason.BAD_FIELD, "tool_errors: "),
        (line(output=ANSWER, time=NOON, source="guessed"), Reason.BAD_FIELD, "source: must be one of observe"),
        (line(output=ANSWER, time=NOON, trace_id="0" * 32), Reason.BAD_FIELD, "trace_id: "),
        (line(output=ANSWER, time=NOON, trace_id="1_" * 16), Reason.BAD_FIELD, "trace_id: "),
        (line(output=ANSWER, time=NOON, trace_id=TRACE, span_id="xyz"), Reason.BAD_FIELD, "span_id: "),
        (line(output=ANSWER, time=NOON, span_id=SPAN), Reason.BAD_FIELD, "span_id: needs"),
        (line(**batch({"object": "list", "data": []})), Reason.NO_ANSWER, "`choices`"),
        (line(**batch("text")), Reason.BAD_FIELD, "response: "),
        (line(**batch({"choices": ["x"], "created": 1})), Reason.BAD_FIELD, "choices: "),
        (line(response={**chat_completion("a", "b")}, confession=FAILED), Reason.BAD_FIELD, "confession: is one"),
        (otlp({**genai(), "traceId": "zz"}), Reason.BAD_SPAN, "traceId: "),
        (otlp({**genai(), "spanId": ""}), Reason.BAD_SPAN, "a spanId"),
        (otlp({**genai(), "endTimeUnixNano": "later"}), Reason.BAD_SPAN, "endTimeUnixNano: "),
        (b'{"resourceSpans": 1}', Reason.BAD_SPAN, "resourceSpans must be"),
        (b'{"resourceSpans": [1]}', Reason.BAD_SPAN, "resourceSpans must be"),
    ],
)
def test_a_bad_line_says_why(bad: bytes, reason: Reason, detail: str) -> None:
    found = read_line(bad)
    assert found.rejection is not None
    assert (found.rejection.reason, found.calls) == (reason, ())
    assert detail in found.rejection.detail


def test_a_line_beyond_all_bounds_is_rejected_unread() -> None:
    found = read_line(b'{"output": "' + b"x" * LONGEST)
    assert found.rejection is not None
    assert found.rejection.reason is Reason.TOO_LONG


def test_no_rejection_repeats_the_words_of_its_line() -> None:
    canary = "Wellington"
    for fields in (
        {"output": canary},
        {"output": 1, "time": canary},
        {canary: canary},
        {"time": NOON, "source": canary, "output": ""},
    ):
        rejection = read(**fields).rejection
        assert rejection is not None
        assert canary not in rejection.detail


@pytest.mark.parametrize("blank", [b"", b"\r", b"  \t", "\ufeff".encode()])
def test_blank_lines_are_passed_over(blank: bytes) -> None:
    assert read_line(blank) == Read(passed_over={PassedOver.BLANK: 1})


@pytest.mark.parametrize("signal", ["resourceLogs", "resourceMetrics"])
def test_other_signals_are_passed_over(signal: str) -> None:
    assert read(**{signal: []}) == Read(passed_over={PassedOver.OTHER_SIGNAL: 1})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | st.text(max_size=20) | st.just(ANSWER),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    "id time created_at duration model output answer confession response request choice finish_reason refusal"
    " tool_errors exception trace_id span_id source custom_id error object choices status usage conversation body"
    " incomplete_details resourceSpans scopeSpans spans attributes status_code created".split()
)


def seems_fine(found: Read) -> None:
    assert found.rejection is None or found.rejection.reason is not Reason.INTERNAL_ERROR
    assert found.rejection is None or not found.calls
    for one in found.calls:
        assert 0 < one.trace_id < 2**128
        assert 0 < one.span_id < 2**64
        assert 0 < one.began <= one.ended or one.has_span
        assert one.answers


@settings(max_examples=400)
@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_give_calls_or_a_rejection(bad: bytes) -> None:
    seems_fine(read_line(bad))


@settings(max_examples=600)
@given(st.dictionaries(FIELDS, JSON | st.dictionaries(FIELDS, JSON, max_size=4), max_size=6), st.booleans())
def test_any_fields_give_calls_or_a_rejection(fields: dict[str, Any], timed: bool) -> None:
    found = read_line(json.dumps({**fields, **({"time": NOON} if timed else {})}).encode())
    seems_fine(found)
    assert found == read_line(json.dumps({**fields, **({"time": NOON} if timed else {})}).encode())


@pytest.mark.parametrize("odd", [[], {}, 3])
@pytest.mark.parametrize("where", ["status", "type"])
def test_a_name_that_is_none_is_no_error_of_ours(where: str, odd: object) -> None:
    body: Any = {**response(ANSWER), "created_at": 5}
    (body if where == "status" else body["output"][0])[where] = odd
    seems_fine(read_line(json.dumps(batch(body)).encode()))


SOUND = (
    {"id": "a1", "time": NOON, "model": "m", "output": ANSWER, "tool_errors": ["t"], "request": {"messages": []}},
    batch({**chat_completion(ANSWER, ANSWER), "created": 5}),
    batch({**response(ANSWER, reasoning="hm"), "created_at": 5}),
    json.loads(otlp(genai(), span(2, openinference__span__kind="LLM", output__value=ANSWER))),
    {
        "resourceSpans": [
            {"resource": {"attributes": attributes(service__name="x")}, "scopeSpans": [{"spans": [genai()]}]}
        ]
    },
)


@st.composite
def damaged(draw: st.DrawFn) -> object:
    """A sound line, one value somewhere in it replaced by something else."""
    whole = json.loads(json.dumps(draw(st.sampled_from(SOUND))))
    at: Any = whole
    while True:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        key = draw(st.sampled_from(keys))
        if isinstance(at[key], (dict, list)) and at[key] and draw(st.integers(0, 3)):
            at = at[key]
            continue
        at[key] = draw(JSON)
        return whole


@settings(max_examples=800)
@given(damaged())
def test_a_sound_line_with_one_thing_wrong_gives_calls_or_a_rejection(value: object) -> None:
    seems_fine(read_line(json.dumps(value).encode()))

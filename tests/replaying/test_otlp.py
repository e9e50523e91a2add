"""Spans of other instrumentations, from the collector's file exporter."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from confession_otel.replaying import PassedOver, Read, read_line

from .archive import ANSWER, COMPLIED, NOON_NS, TRACE, attributes, genai, otlp, span

if TYPE_CHECKING:
    from confession_otel.replaying import Call


def calls(read: Read) -> list[Call]:
    assert read.rejection is None, read.rejection
    return list(read.calls)


def test_the_original_span_is_the_answer_span() -> None:
    (one,) = calls(read_line(otlp(genai(number=7, gen_ai__conversation__id="c"), service__name="shop", team="sea")))
    assert (one.trace_id, one.span_id, one.has_span) == (int(TRACE, 16), 7, True)
    assert (one.began, one.ended) == (NOON_NS, NOON_NS + 10**9)
    assert one.known == {"request_model": "m", "response_id": "resp-7", "conversation_id": "c"}
    assert one.resource == {"service.name": "shop", "team": "sea"}
    (answer,) = one.answers
    assert (answer.text, answer.evidence.finish_reason, answer.final) == (ANSWER, "stop", True)


def test_other_dialects_are_read() -> None:
    openinference = span(
        openinference__span__kind="LLM",
        llm__model_name="m",
        llm__output_messages__0__message__content=ANSWER,
        llm__output_messages__0__message__role="assistant",
    )
    (one,) = calls(read_line(otlp(openinference, scope="openinference.instrumentation.openai")))
    assert (one.answers[0].text, one.known["request_model"]) == (ANSWER, "m")


def test_output_may_stand_in_events_on_the_span() -> None:
    message = json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": ANSWER}]}])
    details = "gen_ai.client.inference.operation.details"
    events = [{"name": details, "attributes": attributes(gen_ai__output__messages=message)}]
    bare = {**span(gen_ai__operation__name="chat"), "events": events}
    (one,) = calls(read_line(otlp(bare)))
    assert one.answers[0].text == ANSWER


def test_lists_and_maps_in_attributes_are_read() -> None:
    content = {"kvlistValue": {"values": [{"key": "type", "value": {"stringValue": "text"}}, {"key": "content", "value": {"stringValue": ANSWER}}]}}  # fmt: skip # noqa: E501
    message = {
        "kvlistValue": {
            "values": [
                {"key": "role", "value": {"stringValue": "assistant"}},
                {"key": "parts", "value": {"arrayValue": {"values": [content]}}},
            ]
        }
    }
    whole = span(gen_ai__operation__name="chat")
    whole["attributes"].append({"key": "gen_ai.output.messages", "value": {"arrayValue": {"values": [message]}}})
    (one,) = calls(read_line(otlp(whole)))
    assert one.answers[0].text == ANSWER


def test_spans_that_carry_a_confession_are_passed_over() -> None:
    answer = genai(number=1, confession__verdict="compliant")
    confession = span(2, parent=1, name="confession", confession__id="x", openinference__span__kind="EVALUATOR")
    read = read_line(otlp(answer, confession))
    assert (read.calls, read.passed_over) == ((), {PassedOver.ALREADY_RECORDED: 2})


def test_a_confession_span_stands_for_its_answer_span() -> None:
    confession = span(2, parent=1, name="confession", confession__id="x")
    read = read_line(otlp(genai(number=1), confession))
    assert (read.calls, read.passed_over) == ((), {PassedOver.ALREADY_RECORDED: 1, PassedOver.SAME_CALL: 1})


def test_of_spans_around_one_call_the_innermost_is_read() -> None:
    outer, inner = genai(number=1, gen_ai__response__id="x"), {**genai(number=2), "parentSpanId": f"{1:016x}"}
    outer["endTimeUnixNano"] = str(NOON_NS + 2 * 10**9)
    for order in ((outer, inner), (inner, outer)):
        read = read_line(otlp(*order))
        assert [one.span_id for one in calls(read)] == [2]
        assert read.passed_over == {PassedOver.SAME_CALL: 1}


def test_beside_each_other_two_instrumentations_show_one_call_and_one_shows_two() -> None:
    mine, other = (json.loads(otlp(genai(number=n), scope=f"scope-{n}"))["resourceSpans"][0] for n in (1, 2))
    read = read_line(json.dumps({"resourceSpans": [mine, other]}).encode())
    assert [one.span_id for one in calls(read)] == [1]
    assert len(calls(read_line(otlp(genai(number=1), genai(number=2))))) == 2


def test_a_tool_that_failed_before_in_the_trace_is_evidence() -> None:
    def tool(number: int, name: str, **more: object) -> dict[str, object]:
        named = {"gen_ai__operation__name": "execute_tool", "gen_ai__tool__name": name}
        return {**span(number, **named, error=True), **more}  # type: ignore[arg-type] # what a span takes

    read = read_line(
        otlp(
            tool(1, "book_room"),
            tool(2, "later", endTimeUnixNano=str(NOON_NS + 5 * 10**9)),
            tool(3, "elsewhere", traceId="1" * 32),
            {**tool(4, "fine"), "status": {}},
            genai(f"Booked.\n\n## Confession\n\n{COMPLIED}", number=5, end=NOON_NS + 2 * 10**9),
        )
    )
    (one,) = calls(read)
    assert one.answers[0].evidence.tool_errors == ("book_room",)
    assert read.passed_over == {PassedOver.OTHER_SPAN: 4}


def test_what_holds_no_answer_is_passed_over() -> None:
    bare, failed = (genai(number=number) for number in (1, 2))
    for one in (bare, failed):
        one["attributes"] = attributes(gen_ai__operation__name="chat")
    failed["status"] = {"code": "STATUS_CODE_ERROR"}
    read = read_line(otlp(bare, failed, span(3, name="GET /")))
    assert read == Read(passed_over={PassedOver.OTHER_SPAN: 1, PassedOver.NO_CONTENT: 1, PassedOver.FAILED_REQUEST: 1})


def test_a_span_of_something_else_may_be_as_broken_as_it_likes() -> None:
    read = read_line(otlp({"name": 7, "attributes": [{"key": [], "value": 1}]}, genai()))
    assert len(calls(read)) == 1

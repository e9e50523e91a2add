"""Spans of other instrumentations: looked at just before they end, whoever made them, and never harmed."""

from __future__ import annotations

import gc
import json
import threading
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from openai import OpenAI
from opentelemetry import trace
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NonRecordingSpan, StatusCode, set_span_in_context

import confession_otel as co
from confession_otel import live
from confession_otel.processor import ConfessionLogRecordProcessor, ConfessionSpanProcessor, on_ending
from confession_otel.suppression import own_request
from confession_otel.testing import ScriptedServer, chat_completion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Telemetry

FAILED = "Objective: ten words / Result: ✗ did not comply / Why: two"
ANSWER = f"Two words.\n\n## Confession\n\n{FAILED}"


def messages(text: str = ANSWER, **more: Any) -> str:
    return json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": text}], **more}])


def chat(text: str = ANSWER, **more: Any) -> dict[str, Any]:
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m-1",
        "gen_ai.provider.name": "them",
        "gen_ai.output.messages": messages(text),
        **more,
    }


@pytest.fixture
def processor(telemetry: Telemetry) -> ConfessionSpanProcessor:
    processor = ConfessionSpanProcessor(**telemetry.providers)
    telemetry.tracer_provider.add_span_processor(processor)
    return processor


@pytest.fixture
def tracer(telemetry: Telemetry, processor: ConfessionSpanProcessor) -> trace.Tracer:
    return telemetry.tracer_provider.get_tracer("peer")


def call(tracer: trace.Tracer, attributes: dict[str, Any], name: str = "chat m-1", **keywords: Any) -> Any:
    """What an instrumentation does: begin a span, learn the output, end it."""
    span = tracer.start_span(name, **keywords)
    span.set_attributes(attributes)
    span.end()
    return span


def absent(reason: str | None = None) -> dict[str, str]:
    return {"confession.status": "absent", **({} if reason is None else {"confession.reason": reason})}


def test_the_verdict_is_on_the_span_when_it_is_exported(telemetry: Telemetry, tracer: trace.Tracer) -> None:
    call(tracer, chat(**{"gen_ai.response.id": "r-1", "gen_ai.agent.name": "a-1"}))
    (answer,) = telemetry.spans("chat m-1")
    confession = telemetry.confession()
    assert answer.attributes is not None
    assert answer.attributes["confession.verdict"] == "non_compliant"
    assert answer.attributes["confession.flagged"] is True
    assert answer.status.status_code is StatusCode.UNSET
    assert confession.parent is not None
    assert confession.parent.span_id == answer.context.span_id
    assert confession.attributes is not None
    assert {key: confession.attributes[key] for key in sorted(confession.attributes) if key.startswith("gen_ai.")} == {
        "gen_ai.agent.name": "a-1",
        "gen_ai.provider.name": "them",
        "gen_ai.request.model": "m-1",
        "gen_ai.response.id": "r-1",
    }
    assert telemetry.counts("confession.answers") == [({"confession.status": "confessed"}, 1)]


def test_it_works_wherever_among_the_processors_it_stands(telemetry: Telemetry) -> None:
    for place in (0, 1):
        kept = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        processors: list[SpanProcessor] = [SimpleSpanProcessor(kept)]
        processors.insert(place, ConfessionSpanProcessor(**telemetry.providers))
        for one in processors:
            provider.add_span_processor(one)
        call(provider.get_tracer("peer"), chat())
        (span,) = kept.get_finished_spans()
        assert span.attributes is not None
        assert span.attributes["confession.verdict"] == "non_compliant"


def test_where_the_sdk_lets_a_processor_write_that_is_the_way(
    telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from opentelemetry.sdk import trace as sdk

    end = sdk.Span.end

    def mended(span: Any, end_time: int | None = None) -> None:
        span._span_processor._on_ending(span)
        with monkeypatch.context() as patch:
            patch.setattr(type(span._span_processor), "_on_ending", lambda *_: None)
            end(span, end_time)

    monkeypatch.setattr(sdk.Span, "end", mended)
    on_ending.can_write.cache_clear()
    try:
        assert on_ending.can_write()
        telemetry.tracer_provider.add_span_processor(ConfessionSpanProcessor(**telemetry.providers))
        span = telemetry.tracer_provider.get_tracer("peer").start_span("chat m-1", attributes=chat())
        assert "end" not in vars(span)
        span.end()
    finally:
        on_ending.can_write.cache_clear()
    (answer,) = telemetry.spans("chat m-1")
    assert answer.attributes is not None
    assert answer.attributes["confession.verdict"] == "non_compliant"
    assert len(telemetry.spans("confession")) == 1


def test_todays_sdk_does_not_let_it() -> None:
    # If this fails, the SDK is mended: the official way is taken by itself, and the test above shows that it works.
    assert not on_ending.can_write()


def test_an_answer_without_a_confession_is_counted(telemetry: Telemetry, tracer: trace.Tracer) -> None:
    call(tracer, chat("Two words."))
    assert telemetry.spans("confession") == []
    assert telemetry.counts("confession.answers") == [(absent(), 1)]


def test_without_content_it_says_so(telemetry: Telemetry, tracer: trace.Tracer) -> None:
    attributes = chat()
    del attributes["gen_ai.output.messages"]
    call(tracer, attributes)
    # Another span of the same call may yet bring the words.
    assert telemetry.counts("confession.answers") == []
    co.flush(1)
    assert telemetry.counts("confession.answers") == [(absent("no_content"), 1)]


@pytest.mark.parametrize("first", ["without words", "with words"])
def test_a_span_without_words_beside_one_with_them_is_no_answer_of_its_own(telemetry: Telemetry, first: str) -> None:
    provider = telemetry.tracer_provider
    provider.add_span_processor(ConfessionSpanProcessor(**telemetry.providers))
    spans = {"with words": chat(**{"gen_ai.response.id": "r-1"})}
    spans["without words"] = {key: value for key, value in spans["with words"].items() if "output" not in key}
    with provider.get_tracer("app").start_as_current_span("app"):
        for name in sorted(spans, key=lambda name: name != first):
            call(provider.get_tracer(name), spans[name])
    co.flush(1)
    assert len(telemetry.spans("confession")) == 1
    assert telemetry.counts("confession.answers") == [({"confession.status": "confessed"}, 1)]


@pytest.mark.parametrize(
    "more",
    [
        {"gen_ai.response.finish_reasons": ("tool_calls",)},
        {"gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [{"type": "tool_call", "name": "f"}]}])},
        {"gen_ai.operation.name": "embeddings"},
        {"gen_ai.operation.name": "invoke_agent"},
    ],
)
def test_what_is_no_final_answer_is_not_counted(
    telemetry: Telemetry, tracer: trace.Tracer, more: dict[str, Any]
) -> None:
    attributes = {**chat("Two words."), **more}
    if "gen_ai.output.messages" not in more:
        del attributes["gen_ai.output.messages"]
    call(tracer, attributes)
    assert telemetry.counts("confession.answers") == []


def test_a_call_that_failed_gave_no_answer(telemetry: Telemetry, tracer: trace.Tracer) -> None:
    for attributes in ({"gen_ai.operation.name": "chat"}, chat("Two.")):
        span = tracer.start_span("chat m-1", attributes=attributes)
        span.set_status(StatusCode.ERROR)
        span.end()
    assert telemetry.counts("confession.answers") == []
    assert telemetry.spans("confession") == []


def test_each_choice_has_its_own(telemetry: Telemetry, tracer: trace.Tracer) -> None:
    several = json.dumps([*json.loads(messages()), *json.loads(messages("Two words."))])
    call(tracer, chat(**{"gen_ai.output.messages": several}))
    assert telemetry.confession().attributes is not None
    assert telemetry.confession().attributes["confession.choice"] == 0  # type: ignore[index]
    assert sorted(telemetry.counts("confession.answers"), key=str) == [
        (absent(), 1),
        ({"confession.status": "confessed"}, 1),
    ]


def test_a_limit_that_cuts_the_json_leaves_what_it_left_and_says_so(telemetry: Telemetry) -> None:
    provider = TracerProvider(span_limits=SpanLimits(max_span_attribute_length=140), shutdown_on_exit=False)
    provider.add_span_processor(ConfessionSpanProcessor(**telemetry.providers))
    tracer = provider.get_tracer("peer")
    text = f"Two.\n\n## Confession\n\nObjective: ten words\nResult: ✗ did not comply\nWhy: {'very ' * 100}few"
    call(
        tracer,
        {
            **chat(),
            "gen_ai.output.messages": json.dumps(
                [{"parts": [{"content": text, "type": "text"}], "role": "assistant"}], ensure_ascii=False
            ),
        },
    )
    confession = telemetry.confession()
    assert confession.attributes is not None
    assert confession.attributes["confession.verdict"] == "non_compliant"
    assert confession.attributes["confession.truncated"] is True
    call(tracer, chat("words " * 100 + ANSWER))
    assert (absent("truncated"), 1) in telemetry.counts("confession.answers")


def test_a_tool_that_failed_before_contradicts_a_confession_that_is_silent_on_it(
    telemetry: Telemetry, tracer: trace.Tracer
) -> None:
    fine = "Booked.\n\n## Confession\n\nObjective: book a table / Result: ✓ complied / Why: it is booked"
    with tracer.start_as_current_span("agent", attributes={"gen_ai.operation.name": "invoke_agent"}):
        tool = tracer.start_span("execute_tool reserve", attributes={"gen_ai.operation.name": "execute_tool"})
        tool.set_attribute("gen_ai.tool.name", "reserve")
        tool.set_status(StatusCode.ERROR)
        tool.end()
        call(tracer, chat(fine))
    call(tracer, chat(fine), name="another trace")
    contradicted = [(span.attributes or {}).get("confession.contradictions") for span in telemetry.spans("confession")]
    assert contradicted == [("tool_error",), None]


# The other shapes of output.


def test_output_in_events_of_the_span(telemetry: Telemetry, tracer: trace.Tracer) -> None:
    span = tracer.start_span("chat m-1", attributes={"gen_ai.operation.name": "chat"})
    span.add_event("gen_ai.choice", {"message": json.dumps([{"text": ANSWER}]), "finish_reason": "end_turn"})
    span.end()
    assert telemetry.confession().attributes is not None


@pytest.mark.parametrize("current", [True, False])
def test_output_in_log_events_while_the_span_lives(
    telemetry: Telemetry, tracer: trace.Tracer, *, current: bool
) -> None:
    telemetry.logger_provider.add_log_record_processor(ConfessionLogRecordProcessor())
    logger = telemetry.logger_provider.get_logger("peer")
    span = tracer.start_span("chat m-1", attributes={"gen_ai.operation.name": "chat"})
    body: Any = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": ANSWER}}
    if current:
        with trace.use_span(span):
            logger.emit(LogRecord(event_name="gen_ai.choice", body=body))
    else:
        logger.emit(LogRecord(event_name="gen_ai.choice", body=body, context=set_span_in_context(span)))
    logger.emit(LogRecord(event_name="gen_ai.choice", body=body))
    logger.emit(LogRecord(event_name="gen_ai.user.message", body=body, context=set_span_in_context(span)))
    span.end()
    assert telemetry.confession().parent == span.get_span_context()
    # An event that comes too late finds nobody.
    logger.emit(LogRecord(event_name="gen_ai.choice", body=body, context=set_span_in_context(span)))
    assert telemetry.counts("confession.answers") == [({"confession.status": "confessed"}, 1)]


@pytest.mark.parametrize("name", [["gen_ai.choice"], {"a": 1}, 5, b"gen_ai.choice", ""], ids=repr)
def test_an_event_whose_name_is_no_text_is_the_hosts_own(telemetry: Telemetry, tracer: trace.Tracer, name: Any) -> None:
    telemetry.logger_provider.add_log_record_processor(ConfessionLogRecordProcessor())
    with tracer.start_as_current_span("chat m-1", attributes={"gen_ai.operation.name": "chat"}):
        body = {"message": {"content": ANSWER}}
        telemetry.logger_provider.get_logger("peer").emit(LogRecord(event_name=name, body=body))
    assert len(telemetry.events()) == 1
    assert telemetry.spans("confession") == []


def test_the_span_of_a_stream_leaves_the_words_to_its_log(telemetry: Telemetry, tracer: trace.Tracer) -> None:
    begun = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m-1", "logfire.span_type": "span"}
    call(tracer, begun)
    assert telemetry.counts("confession.answers") == []
    call(tracer, chat(**{"logfire.span_type": "log"}), name="streaming response")
    assert telemetry.confession().attributes is not None
    assert telemetry.counts("confession.answers") == [({"confession.status": "confessed"}, 1)]


# Once for each answer.


def test_one_call_in_two_spans_one_inside_the_other_is_one_answer(telemetry: Telemetry) -> None:
    provider = telemetry.tracer_provider
    provider.add_span_processor(ConfessionSpanProcessor(**telemetry.providers))
    outer = provider.get_tracer("outer").start_span("outer", attributes={"openinference.span.kind": "LLM"})
    between = provider.get_tracer("app").start_span("between", set_span_in_context(outer))
    call(provider.get_tracer("inner"), chat(), context=set_span_in_context(between))
    between.end()
    outer.set_attribute("output.value", ANSWER)
    outer.end()
    assert len(telemetry.spans("confession")) == 1
    assert telemetry.counts("confession.answers") == [({"confession.status": "confessed"}, 1)]


def test_where_the_inner_one_has_no_words_the_outer_one_is_taken(telemetry: Telemetry, tracer: trace.Tracer) -> None:
    outer = tracer.start_span("outer", attributes={"openinference.span.kind": "LLM"})
    call(tracer, {"gen_ai.operation.name": "chat"}, context=set_span_in_context(outer))
    outer.set_attribute("output.value", ANSWER)
    outer.end()
    assert telemetry.confession().parent == outer.get_span_context()
    assert telemetry.counts("confession.answers") == [({"confession.status": "confessed"}, 1)]


def test_two_calls_with_ids_of_their_own_are_two_answers_though_one_is_inside_the_other(
    telemetry: Telemetry, tracer: trace.Tracer
) -> None:
    outer = tracer.start_span("outer", attributes=chat(**{"gen_ai.response.id": "r-2"}))
    call(tracer, chat(**{"gen_ai.response.id": "r-1"}), context=set_span_in_context(outer))
    outer.end()
    assert len(telemetry.spans("confession")) == 2


def test_two_instrumentations_beside_each_other_are_told_by_the_id_or_by_the_words(telemetry: Telemetry) -> None:
    provider = telemetry.tracer_provider
    provider.add_span_processor(ConfessionSpanProcessor(**telemetry.providers))
    one, other = provider.get_tracer("one"), provider.get_tracer("other")
    with provider.get_tracer("app").start_as_current_span("app"):
        call(one, chat(**{"gen_ai.response.id": "r-1"}))
        call(other, chat(**{"gen_ai.response.id": "r-1", "gen_ai.output.messages": messages("Otherwise.")}))
        assert len(telemetry.spans("confession")) == 1
        call(one, chat())
        call(other, chat(ANSWER.replace("\n\n", "\n")))
        assert len(telemetry.spans("confession")) == 2
        # The same words again, from one that has said them: another call.
        call(one, chat())
        assert len(telemetry.spans("confession")) == 3
    # In another trace nobody has said them.
    call(other, chat())
    assert len(telemetry.spans("confession")) == 4


def test_two_processors_on_a_provider_are_one_too_many_and_do_no_harm(telemetry: Telemetry) -> None:
    for _ in range(2):
        telemetry.tracer_provider.add_span_processor(ConfessionSpanProcessor(**telemetry.providers))
    span = call(telemetry.tracer_provider.get_tracer("peer"), chat())
    assert len(telemetry.spans("confession")) == 1
    assert "end" not in vars(span)


def test_what_was_recorded_by_hand_is_not_looked_for(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers)
    with telemetry.tracer_provider.get_tracer("peer").start_as_current_span("chat m-1", attributes=chat()):
        co.record(FAILED)
    assert len(telemetry.spans("confession")) == 1
    assert telemetry.confession().attributes["confession.source"] == "record"  # type: ignore[index]


def test_the_request_for_a_confession_is_never_looked_at(telemetry: Telemetry, tracer: trace.Tracer) -> None:
    with own_request(NonRecordingSpan(trace.INVALID_SPAN_CONTEXT)):
        call(tracer, chat())
    assert telemetry.spans("confession") == []
    assert telemetry.counts("confession.answers") == []


@pytest.mark.parametrize(("way", "reason"), [("ask", "no_client"), ("in_band", "not_told")])
def test_where_confessions_are_asked_for_it_only_counts_what_nobody_asks_about(
    telemetry: Telemetry, way: str, reason: str
) -> None:
    co.instrument(**telemetry.providers, way=way)
    call(telemetry.tracer_provider.get_tracer("peer"), chat())
    attributes = chat()
    del attributes["gen_ai.output.messages"]
    call(telemetry.tracer_provider.get_tracer("peer"), attributes)
    assert telemetry.spans("confession") == []
    assert telemetry.counts("confession.answers") == []
    co.flush(1)
    labels = {"confession.status": "not_asked", "confession.reason": reason}
    assert telemetry.counts("confession.answers") == [(labels, 2)]


# Never harmed.


def test_a_span_that_ended_holds_nothing_and_is_as_it_was(telemetry: Telemetry, tracer: trace.Tracer) -> None:
    span: Any = tracer.start_span("app")
    assert "end" in vars(span)
    span.end()
    assert "end" not in vars(span)
    gc.disable()
    try:
        gone = weakref.ref(span)
        del span
        # By its count of references alone: no circle is left for the collector.
        assert gone() is None
    finally:
        gc.enable()
    assert len(live._live) == 0


def test_a_span_that_is_never_ended_is_not_kept(telemetry: Telemetry, tracer: trace.Tracer) -> None:
    gone = weakref.ref(tracer.start_span("app"))
    gc.collect()
    assert gone() is None


def test_the_table_of_spans_is_bounded(
    telemetry: Telemetry, tracer: trace.Tracer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST", 50)
    spans = [tracer.start_span("chat m-1", attributes=chat()) for _ in range(200)]
    assert len(live._live) == 50
    for span in spans:
        span.end()
    # Those that the table had no room for are looked at all the same.
    assert len(telemetry.spans("confession")) == 200
    assert len(live._live) == 0


def test_a_span_ended_twice_is_looked_at_once(
    telemetry: Telemetry, tracer: trace.Tracer, caplog: pytest.LogCaptureFixture
) -> None:
    span = call(tracer, chat())
    span.end()
    assert "Calling end() on an ended span" in caplog.text
    assert len(telemetry.spans("confession")) == 1


def test_ended_in_two_threads_at_once_it_is_looked_at_once(telemetry: Telemetry, tracer: trace.Tracer) -> None:
    for _ in range(50):
        span = tracer.start_span("chat m-1", attributes=chat())
        ready = threading.Barrier(2)

        def end(span: Any = span, ready: Any = ready) -> None:
            ready.wait()
            span.end()

        threads = [threading.Thread(target=end) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(telemetry.spans("chat m-1")) == 50
    assert len(telemetry.spans("confession")) == 50


def test_the_end_that_somebody_took_before_still_ends_it(telemetry: Telemetry, tracer: trace.Tracer) -> None:
    end = tracer.start_span("chat m-1", attributes=chat()).end
    gc.collect()
    end(1_700_000_000_000_000_000)
    (span,) = telemetry.spans("chat m-1")
    assert span.end_time == 1_700_000_000_000_000_000
    assert len(telemetry.spans("confession")) == 1


def test_another_who_has_the_same_idea_is_not_cut_off(telemetry: Telemetry) -> None:
    seen = []

    class Other(SpanProcessor):
        def on_start(self, span: Any, parent_context: Any = None) -> None:
            end = span.end

            def mine(*arguments: Any) -> None:
                seen.append(span.name)
                end(*arguments)

            span.end = mine

    for order in ("before", "after"):
        provider = TracerProvider(shutdown_on_exit=False)
        both = [Other(), ConfessionSpanProcessor(**telemetry.providers)]
        for one in both if order == "before" else reversed(both):
            provider.add_span_processor(one)
        call(provider.get_tracer("peer"), chat(), name=order)
    assert seen == ["before", "after"]
    assert len(telemetry.spans("confession")) == 2


HOSTILE: list[dict[str, Any]] = [
    {"gen_ai.output.messages": "[{"},
    {"gen_ai.output.messages": '[{"role": "assistant", "parts": ['},
    {"gen_ai.output.messages": "[" * 100_000},
    {"gen_ai.output.messages": '{"parts":' * 50_000},
    {"gen_ai.output.messages": "x" * 1_000_000},
    {"gen_ai.output.messages": messages("x" * 1_000_000)},
    {"gen_ai.output.messages": messages("\\ud83d \ud83d" + ANSWER)},
    {"gen_ai.output.messages": 5},
    {"gen_ai.output.messages": ("a", "b")},
    {"gen_ai.output.messages": json.dumps({"parts": {"parts": [1, None, {"text": 5}]}})},
    {"gen_ai.output.messages": json.dumps([[[[[[[[messages()]]]]]]]])},
    {"gen_ai.response.id": 5},
    {"gen_ai.response.finish_reasons": 5},
    {"gen_ai.response.finish_reasons": ()},
    {"gen_ai.response.finish_reasons": '["stop'},
    {"llm.output_messages.x.message.content": "a", "openinference.span.kind": "LLM"},
    {"llm.output_messages.": "a", "llm.output_messages.0": "b", "llm.output_messages.0.message.content": "c"},
]


@pytest.mark.parametrize("attributes", HOSTILE, ids=range(len(HOSTILE)))
def test_whatever_is_written_the_span_ends_as_it_would(
    telemetry: Telemetry, tracer: trace.Tracer, attributes: dict[str, Any]
) -> None:
    # Nothing may be swallowed either: the fixtures of all tests see to that.
    call(tracer, {**chat(), **attributes})
    (span,) = telemetry.spans("chat m-1")
    assert span.end_time is not None


def test_attributes_that_others_change_meanwhile(telemetry: Telemetry, tracer: trace.Tracer) -> None:
    stop = threading.Event()
    spans: list[Any] = []

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            for span in spans[-1:]:
                if span.is_recording():
                    # The SDK warns who writes to a span that ends just then.
                    span._attributes._dict[f"k.{number % 100}"] = number

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(300):
            span: Any = tracer.start_span("chat m-1", attributes=chat())
            spans.append(span)
            span.end()
    finally:
        stop.set()
        thread.join()
    assert len(telemetry.spans("chat m-1")) == 300


def test_a_provider_shut_down_in_between(telemetry: Telemetry) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(ConfessionSpanProcessor(**telemetry.providers))
    span = provider.get_tracer("peer").start_span("chat m-1", attributes=chat())
    provider.shutdown()
    span.end()
    call(provider.get_tracer("peer"), chat())


def test_an_error_of_ours_is_swallowed_and_the_span_ends(
    telemetry: Telemetry,
    tracer: trace.Tracer,
    processor: ConfessionSpanProcessor,
    swallowed: list[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: Any) -> None:
        message = "ours"
        raise RuntimeError(message)

    monkeypatch.setattr(processor, "look_at", broken)
    call(tracer, chat())
    monkeypatch.setattr(live, "begin", broken)
    call(tracer, chat())
    assert [site for site, _ in swallowed] == ["processor.end", "processor.start"]
    assert len(telemetry.spans("chat m-1")) == 2
    swallowed.clear()


def test_an_interrupt_passes_and_the_span_ends(
    telemetry: Telemetry, tracer: trace.Tracer, processor: ConfessionSpanProcessor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(processor, "look_at", interrupted)
    with pytest.raises(KeyboardInterrupt):
        call(tracer, chat())
    assert len(telemetry.spans("chat m-1")) == 1


def test_no_word_leaves_where_none_may(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers, capture="verdict")
    call(telemetry.tracer_provider.get_tracer("peer"), chat("canary\n\n" + ANSWER.replace("two", "canary")))
    assert "canary" not in str([dict(span.attributes or {}) for span in telemetry.spans("confession")])
    assert "canary" not in str(telemetry.events())


# On which providers.


@pytest.fixture
def no_providers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The API as it is before anybody has set a provider."""
    from opentelemetry._logs import _internal as logs
    from opentelemetry.util._once import Once

    for module, name in ((trace, "TRACER"), (logs, "LOGGER")):
        monkeypatch.setattr(module, f"_{name}_PROVIDER", None)
        monkeypatch.setattr(module, f"_{name}_PROVIDER_SET_ONCE", Once())
    yield
    co.uninstrument()


def test_instrument_puts_it_on_the_provider_that_it_is_given_and_takes_it_off(telemetry: Telemetry) -> None:
    tracer = telemetry.tracer_provider.get_tracer("peer")
    for _ in range(3):
        co.instrument(**telemetry.providers)
        call(tracer, chat())
        co.uninstrument()
        call(tracer, chat())
    assert len(telemetry.spans("confession")) == 3
    assert len(telemetry.tracer_provider._active_span_processor._span_processors) == 2


def test_off_it_watches_nothing(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers)
    span: Any = telemetry.tracer_provider.get_tracer("peer").start_span("chat m-1", attributes=chat())
    co.uninstrument()
    span.end()
    assert telemetry.spans("confession") == []
    assert "end" not in vars(telemetry.tracer_provider.get_tracer("peer").start_span("app"))


def test_global_providers_that_are_set_later_get_it_then(telemetry: Telemetry, no_providers: None) -> None:
    from opentelemetry._logs import get_logger, set_logger_provider

    before = trace._set_tracer_provider
    co.instrument(meter_provider=telemetry.meter_provider)
    early = trace.get_tracer("peer")
    early_logger = get_logger("peer")
    trace.set_tracer_provider(telemetry.tracer_provider)
    set_logger_provider(telemetry.logger_provider)
    call(early, chat())
    assert len(telemetry.spans("confession")) == 1
    with early.start_as_current_span("chat m-1", attributes={"gen_ai.operation.name": "chat"}):
        body = {"message": {"content": ANSWER}}
        early_logger.emit(LogRecord(event_name="gen_ai.choice", body=body))
    assert len(telemetry.spans("confession")) == 2
    co.uninstrument()
    assert trace._set_tracer_provider is before


def test_a_provider_set_after_it_was_switched_off_does_not_get_it(telemetry: Telemetry, no_providers: None) -> None:
    co.instrument()
    co.uninstrument()
    trace.set_tracer_provider(telemetry.tracer_provider)
    call(telemetry.tracer_provider.get_tracer("peer"), chat())
    assert telemetry.spans("confession") == []


def test_one_processor_serves_several_providers(telemetry: Telemetry) -> None:
    processor = ConfessionSpanProcessor(**telemetry.providers)
    for name in ("one", "other"):
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(processor)
        call(provider.get_tracer(name), chat())
    assert len(telemetry.spans("confession")) == 2


def test_a_provider_that_takes_no_processors_is_named(caplog: pytest.LogCaptureFixture) -> None:
    class Own(trace.TracerProvider):
        def get_tracer(self, *_: Any, **__: Any) -> trace.Tracer:
            return trace.NoOpTracer()

    co.instrument(tracer_provider=Own(), logger_provider=LoggerProvider(shutdown_on_exit=False))
    assert "Own takes no processors" in caplog.text


def test_a_setting_of_its_own(telemetry: Telemetry) -> None:
    telemetry.tracer_provider.add_span_processor(ConfessionSpanProcessor(**telemetry.providers, error_status=False))
    call(telemetry.tracer_provider.get_tracer("peer"), chat())
    assert telemetry.confession().status.status_code is StatusCode.UNSET
    with pytest.raises(TypeError, match="no setting"):
        ConfessionSpanProcessor(colour="red")


def test_spans_that_are_not_sampled_are_not_seen(telemetry: Telemetry) -> None:
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

    provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    provider.add_span_processor(ConfessionSpanProcessor(**telemetry.providers))
    call(provider.get_tracer("peer"), chat())
    assert telemetry.counts("confession.answers") == []


def test_a_span_in_a_with_statement_ends_by_here_too(telemetry: Telemetry, tracer: trace.Tracer) -> None:
    with tracer.start_as_current_span("chat m-1") as span:
        span.set_attributes(chat())
    assert len(telemetry.spans("confession")) == 1


def test_a_failed_tool_is_held_against_an_answer_that_another_hook_brings(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers)
    fine = "Booked.\n\n## Confession\n\nObjective: book a table / Result: ✓ complied / Why: it is booked"
    tracer = telemetry.tracer_provider.get_tracer("peer")
    with ScriptedServer(lambda _: chat_completion(fine)) as server, tracer.start_as_current_span("agent"):
        tool = tracer.start_span("tool", attributes={"openinference.span.kind": "TOOL", "tool.name": "reserve"})
        tool.set_status(StatusCode.ERROR)
        tool.end()
        with OpenAI(base_url=server.base_url, api_key="none") as client:
            client.chat.completions.create(model="m-1", messages=[{"role": "user", "content": "Book a table."}])
    assert telemetry.confession().attributes["confession.contradictions"] == ("tool_error",)  # type: ignore[index]

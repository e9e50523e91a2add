"""Answers that only spans tell of: counted once, when it is sure that no hook brings them, and never twice."""

from __future__ import annotations

import gc
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.trace import NonRecordingSpan, SpanContext

import confession_otel as co
from confession_otel import observation, once, overheard
from confession_otel.answer import Answer, Told
from confession_otel.overheard import Overheard

if TYPE_CHECKING:
    from conftest import Clock, Telemetry

REPORT = "Objective: be brief\nResult: ✓ complied\nWhy: it is brief"
CONFESSED = {"confession.status": "confessed"}
NOT_TOLD = {"confession.status": "not_asked", "confession.reason": "not_told"}
NO_CLIENT = {"confession.status": "not_asked", "confession.reason": "no_client"}
NO_CONTENT = {"confession.status": "absent", "confession.reason": "no_content"}


class Counter:
    """What waits, and how many of it were counted."""

    def __init__(self) -> None:
        self.count = 0
        self.waiting = Overheard(once.is_nobodys, self.add)

    def add(self) -> None:
        self.count += 1

    def hear(
        self, source: str, text: str = "", response_id: str | None = None, trace: int = 7, model: str | None = None
    ) -> None:
        self.waiting.add([answer(text, response_id, trace, model)], source)


@pytest.fixture
def counter() -> Counter:
    return Counter()


def answer(text: str = "", response_id: str | None = None, trace: int = 7, model: str | None = None) -> Answer:
    span = NonRecordingSpan(SpanContext(trace, 1, is_remote=False))
    return Answer(text=text, span=span, response_id=response_id, request_model=model)


BOTH = pytest.mark.parametrize("names", [{"response_id": "r-1"}, {"text": "The answer."}], ids=["id", "words"])


def brought(clock: Clock, **names: Any) -> None:
    """By one hook, where another brings answers too."""
    assert once.is_first(7, names.get("text", "other words"), names.get("response_id"), "openai", clock.now)
    assert once.is_first(8, "of another call", "r-2", "langchain", clock.now)


@BOTH
@pytest.mark.parametrize("seconds", [0, 61, 1800])
def test_what_a_hook_brought_is_not_counted_however_late_one_looks(
    clock: Clock, counter: Counter, names: dict[str, Any], seconds: float
) -> None:
    brought(clock, **names)
    counter.hear("spans", **names)
    clock.now += seconds
    counter.waiting.settle()
    assert counter.count == 0


@BOTH
@pytest.mark.parametrize("seconds", [0, 61, 1800])
def test_so_it_is_where_the_hook_came_after(
    clock: Clock, counter: Counter, names: dict[str, Any], seconds: float
) -> None:
    counter.hear("spans", **names)
    brought(clock, **names)
    clock.now += seconds
    counter.waiting.settle()
    assert counter.count == 0


@BOTH
@pytest.mark.parametrize("pause", [0.0, 5.0])
def test_what_two_overhear_is_counted_once(clock: Clock, counter: Counter, names: dict[str, Any], pause: float) -> None:
    for source in ("spans of one", "spans of another", "spans of a third"):
        counter.hear(source, **names)
        clock.now += pause
    clock.now += 61
    counter.waiting.settle()
    assert counter.count == 1
    # It is over: the same names are another answer now.
    counter.hear("spans of another", **names)
    counter.waiting.settle()
    assert counter.count == 2


def test_one_who_knows_the_id_and_one_who_does_not_agree_in_the_words(counter: Counter) -> None:
    counter.hear("spans of one", "The answer.", "r-1")
    counter.hear("spans of another", "The answer.")
    counter.waiting.settle()
    assert counter.count == 1


@pytest.mark.parametrize(
    "others",
    [
        [("one", "", None), ("another", "", None)],
        [("one", "", ""), ("another", "", "")],
        [("one", "Yes.", None), ("one", "Yes.", None)],
        [("one", "", "r-1"), ("another", "", "r-2")],
    ],
    ids=["unnamed", "empty ids", "by the same source", "other ids"],
)
def test_what_nothing_says_to_be_the_same_is_counted_for_itself(
    counter: Counter, others: list[tuple[str, str, str | None]]
) -> None:
    for source, text, response_id in others:
        counter.hear(source, text, response_id)
    counter.waiting.settle()
    assert counter.count == 2


@pytest.mark.parametrize(
    ("other", "pause", "count"),
    [
        ({}, 0.5, 0),
        ({"response_id": ""}, 0.5, 0),
        ({}, 2.0, 1),
        ({"model": "m-2"}, 0.5, 1),
        ({"model": None}, 0.5, 1),
        ({"trace": 8}, 0.5, 1),
        ({"response_id": "r-2"}, 0.5, 1),
        ({"source": "sdk"}, 0.5, 1),
    ],
    ids=["the same", "an empty id", "later", "another model", "no model", "another trace", "another id", "its own"],
)
def test_a_span_without_words_beside_the_one_that_has_them_is_no_second_answer(
    clock: Clock, counter: Counter, other: dict[str, Any], pause: float, count: int
) -> None:
    """Anthropic's SDK makes one for a stream, next to those of OpenInference and Logfire."""
    known: dict[str, Any] = {"text": "Words.", "trace": 7, "model": "m-1", "source": "peer", **other}
    source = known.pop("source")
    counter.hear("sdk", "", "r-1", 7, "m-1")
    clock.now += pause
    counter.waiting.brought(answer(**known), source)
    counter.waiting.settle()
    assert counter.count == count


def test_where_neither_has_words_it_is_counted_once(counter: Counter) -> None:
    for source, response_id in (("sdk", "r-1"), ("peer", None), ("sdk", "r-2"), ("peer", None)):
        counter.hear(source, "", response_id, model="m-1")
    counter.waiting.settle()
    assert counter.count == 2


def test_nothing_of_what_has_no_trace_is_beside_another(counter: Counter) -> None:
    counter.hear("sdk", "", "r-1", trace=0, model="m-1")
    counter.waiting.brought(answer("Words.", None, 0, "m-1"), "peer")
    counter.waiting.settle()
    assert counter.count == 1


def test_of_calls_that_end_together_each_span_stands_for_one(counter: Counter) -> None:
    for number in range(3):
        counter.hear("sdk", "", f"r-{number}", model="m-1")
    for number in range(2):
        counter.waiting.brought(answer(f"Words {number}.", model="m-1"), "peer")
    counter.waiting.settle()
    assert counter.count == 1


@pytest.mark.parametrize("way", ["observe", "ask"])
def test_two_instrumentations_side_by_side_show_one_answer(telemetry: Telemetry, way: str) -> None:
    co.instrument(**telemetry.providers, way=way)
    sdk, peer = (telemetry.tracer_provider.get_tracer(name) for name in ("sdk", "peer"))
    call = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m-1"}
    with telemetry.tracer_provider.get_tracer("app").start_as_current_span("request"):
        outer = peer.start_span("chat", attributes=call)
        sdk.start_span("chat", attributes={**call, "gen_ai.response.id": "r-1"}).end()
        said = {"role": "assistant", "parts": [{"type": "text", "content": f"Done.\n\n## Confession\n{REPORT}"}]}
        outer.set_attribute("gen_ai.output.messages", json.dumps([said]))
        outer.end()
    co.flush(0)
    assert telemetry.counts("confession.answers") == [(CONFESSED if way == "observe" else NO_CLIENT, 1)]


def test_what_waits_is_counted_after_a_minute_and_not_before(clock: Clock, counter: Counter) -> None:
    counter.hear("spans", "one", "r-1")
    clock.now += 59
    counter.hear("spans", "two", "r-2")
    assert counter.count == 0
    clock.now += 2
    counter.hear("spans", "three", "r-3")
    assert counter.count == 1


@pytest.mark.parametrize(("way", "counted"), [("observe", NO_CONTENT), ("ask", NO_CLIENT), ("in_band", NOT_TOLD)])
def test_so_it_is_when_the_counter_is_read_and_no_other_comes(
    telemetry: Telemetry, clock: Clock, way: str, counted: dict[str, str]
) -> None:
    co.instrument(**telemetry.providers, way=way)
    tracer = telemetry.tracer_provider.get_tracer("peer")
    for number in range(3):
        call = {"gen_ai.operation.name": "chat", "gen_ai.response.id": f"r-{number}"}
        tracer.start_span("chat", attributes=call).end()
        clock.now += 10
    clock.now += 29
    assert telemetry.counts("confession.answers") == []
    clock.now += 2
    assert telemetry.counts("confession.answers") == [(counted, 1)]
    clock.now += 3600
    assert telemetry.counts("confession.answers") == [(counted, 3)]


def test_nothing_is_kept_of_what_is_over(clock: Clock, counter: Counter) -> None:
    for number in range(200):
        counter.hear("spans", f"Answer {number}.", f"r-{number}", trace=number + 1)
        clock.now += 30
    assert len(counter.waiting._waiting) <= 3
    assert len(counter.waiting._sources) <= 6


@pytest.mark.parametrize("way", ["in_band", "ask", "observe"])
def test_an_answer_a_minute_each_in_a_hook_and_in_a_span_is_counted_once(
    telemetry: Telemetry, clock: Clock, way: str
) -> None:
    co.instrument(**telemetry.providers, way=way)
    observer = observation.default()
    tracer, peer = (telemetry.tracer_provider.get_tracer(name) for name in ("app", "peer"))
    for number in range(8):
        known = {"gen_ai.operation.name": "chat", "gen_ai.response.id": f"r-{number}"}
        with tracer.start_as_current_span("request") as span:
            text = f"The answer is {number}.\n\n<confession>\n{REPORT}\n</confession>"
            told = Told("user", REPORT) if way == "in_band" else None
            observer.observe([Answer(text=text, span=span, response_id=f"r-{number}", told=told)], "openai")
            peer.start_span("chat", attributes=known).end()
        clock.now += 45
    clock.now += 1800
    co.flush(0)
    expected = NO_CLIENT if way == "ask" else CONFESSED
    assert telemetry.counts("confession.answers") == [(expected, 8)]


def test_to_instrument_again_counts_what_waited(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers)
    call = {"gen_ai.operation.name": "chat", "gen_ai.response.id": "r-1"}
    telemetry.tracer_provider.get_tracer("peer").start_span("chat", attributes=call).end()
    assert telemetry.counts("confession.answers") == []
    co.instrument(**telemetry.providers, way="in_band")
    gc.collect()
    assert telemetry.counts("confession.answers") == [(NO_CONTENT, 1)]
    co.flush(0)
    assert telemetry.counts("confession.answers") == [(NO_CONTENT, 1)]


def test_what_waits_is_the_parents_to_count(counter: Counter) -> None:
    for number in range(3):
        counter.hear("spans", f"Answer {number}.", f"r-{number}")
    child = os.fork()
    if child == 0:
        overheard.settle()
        inherited = counter.count
        # What comes in the child is the child's, though somebody else overheard the same in the parent.
        counter.hear("spans of another", "Answer 0.", "r-0")
        overheard.settle()
        os._exit((inherited, counter.count) != (0, 1))
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    overheard.settle()
    assert counter.count == 3


def test_what_is_under_settings_that_are_gone_is_forgotten() -> None:
    counter = Counter()
    (there,) = [one for one in overheard._all if one() is counter.waiting]
    del counter
    gc.collect()
    assert there not in overheard._all

"""One answer asked about: whatever happens, it ends as exactly one of confessed, not asked and failed."""

from __future__ import annotations

import gc
import json
import threading
import time
import weakref
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from openai import OpenAI
from openai._models import FinalRequestOptions
from opentelemetry import baggage
from opentelemetry.context import Context, attach, detach
from opentelemetry.sdk.trace import Span, SpanProcessor
from opentelemetry.trace import StatusCode

from confession_otel.answer import Answer
from confession_otel.asking import Asker
from confession_otel.asking.follow_up import Reply as Said
from confession_otel.asking.worker import Worker
from confession_otel.openai import chat
from confession_otel.openai.follow_up import OpenAIFollowUp
from confession_otel.recorder import Recorder
from confession_otel.settings import Settings
from confession_otel.suppression import is_ours
from confession_otel.testing import Reply, ScriptedServer, chat_completion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from confession_otel.asking.own_loop import OwnLoop
    from conftest import Telemetry

SOON = 20.0
REPORT = json.dumps(
    {
        "compliance_analysis": [{"objective": "ten words", "compliance": "fully_complied", "analysis": "counted"}],
        "uncertainties_and_conflicts": [],
        "overall_compliance_grade": 7,
    }
)


class By:
    """A hook's way to go on that does as it is told, and remembers."""

    role = "user"

    def __init__(self, act: Callable[[], Said]) -> None:
        self.act = act
        self.own: list[bool] = []

    def transcript(self) -> str:
        return ""

    def send(self, question: str, *, seconds: float, tokens: int, own_loop: Callable[[], OwnLoop] | None) -> Said:
        assert question
        assert (seconds, tokens) == (30.0, 2000)
        self.own.append(is_ours())
        return self.act()

    async def asend(self, question: str, *, seconds: float, tokens: int) -> Said:
        return self.send(question, seconds=seconds, tokens=tokens, own_loop=None)


@dataclass
class Desk:
    telemetry: Telemetry
    askers: list[Asker] = field(default_factory=list)

    def asker(self, **settings: Any) -> Asker:
        read = Settings.read({}, way="ask", **settings)
        asker = Asker(read, Recorder(read, **self.telemetry.providers))
        self.askers.append(asker)
        return asker

    def answer(self, text: str = "Ten words.") -> Answer:
        """One whose span has not ended."""
        span = self.telemetry.tracer_provider.get_tracer("host").start_span("chat m-1")
        return Answer(text=text, span=span, request_model="m-1", response_id="r-1")

    def answers(self) -> dict[str, int]:
        return {
            " ".join(str(labels[key]) for key in ("confession.status", "confession.reason") if key in labels): count
            for labels, count in self.telemetry.counts("confession.answers")
        }


@pytest.fixture
def desk(telemetry: Telemetry) -> Iterator[Desk]:
    desk = Desk(telemetry)
    yield desk
    for asker in desk.askers:
        asker.worker.shutdown(5)


def raising(error: BaseException) -> Callable[[], Said]:
    def act() -> Said:
        raise error

    return act


def said() -> Said:
    return Said(REPORT, response_id="c-1", input_tokens=11, cached_tokens=5, output_tokens=7)


def test_where_the_hook_knows_no_way_to_go_on_that_is_counted(desk: Desk) -> None:
    assert desk.asker().ask(desk.answer(), None, spoof_suspected=False) is None
    assert desk.answers() == {"not_asked no_client": 1}


def test_a_conversation_that_cannot_go_on_is_counted(desk: Desk, swallowed: list[tuple[str, Exception]]) -> None:
    asker = desk.asker()

    def follow_up(_: Answer) -> By:
        raise LookupError

    assert asker.ask(desk.answer(), follow_up, spoof_suspected=False) is None
    assert desk.answers() == {"not_asked no_client": 1}
    assert [(site, type(error)) for site, error in swallowed] == [("asking", LookupError)]
    swallowed.clear()


def test_what_was_prepared_is_asked_about_when_it_is_time_under_the_budget_of_then(desk: Desk) -> None:
    asker = desk.asker(ask_mode="inline", max_requests_per_minute=1)
    answers = [desk.answer(), desk.answer(), replace(desk.answer(), final=False)]
    for choice, answer in enumerate(answers):
        answer.choice = choice
    bys: list[By] = []

    def follow_up(_: Answer) -> By:
        bys.append(By(said))
        return bys[-1]

    prepared = [asker.prepared(answers, follow_up) for _ in range(2)]
    assert len(bys) == 4
    ask = asker.ask(answers[1], prepared[0], spoof_suspected=False)
    assert ask is not None
    ask.now()
    assert [len(by.own) for by in bys] == [0, 1, 0, 0]
    assert asker.ask(answers[0], prepared[0], spoof_suspected=False) is None
    assert desk.answers() == {"confessed": 1, "not_asked request_rate": 1}
    assert asker.prepared(answers, None) is None


def test_the_sample_is_drawn_once_and_what_it_has_not_is_not_prepared(desk: Desk) -> None:
    drawn: list[Answer] = []

    def sample(answer: Answer) -> bool:
        drawn.append(answer)
        return False

    asker, answer = desk.asker(sample=sample), desk.answer()
    prepared = asker.prepared([answer], By)  # type: ignore[arg-type] # is not called
    assert asker.ask(answer, prepared, spoof_suspected=False) is None
    assert drawn == [answer]
    assert desk.answers() == {"not_asked sampled_out": 1}
    assert prepared is not None
    with pytest.raises(LookupError):
        prepared(answer)


def test_one_that_cannot_be_prepared_is_counted_when_it_is_time(
    desk: Desk, swallowed: list[tuple[str, Exception]]
) -> None:
    asker, answer = desk.asker(), desk.answer()

    def follow_up(_: Answer) -> By:
        raise LookupError

    prepared = asker.prepared([answer], follow_up)
    assert desk.answers() == {}
    assert asker.ask(answer, prepared, spoof_suspected=False) is None
    assert desk.answers() == {"not_asked no_client": 1}
    swallowed.clear()


class Raises(SpanProcessor):
    """A host's, with a bug."""

    def on_start(self, span: Span, parent_context: object = None) -> None:
        if span.name == "confession":
            raise OSError


@pytest.mark.parametrize("way", ["later", "now", "anow"])
async def test_where_the_confession_span_cannot_begin_it_is_asked_all_the_same(
    desk: Desk, swallowed: list[tuple[str, Exception]], way: str
) -> None:
    desk.telemetry.tracer_provider.add_span_processor(Raises())
    asker = desk.asker(ask_mode="inline")
    for act in (said, raising(ValueError())):
        ask = asker.ask(desk.answer(), lambda _, act=act: By(act), spoof_suspected=False)  # type: ignore[misc] # as below
        assert ask is not None
        if way == "anow":
            await ask.anow()
        else:
            getattr(ask, way)()
        assert asker.worker.flush(SOON)
    assert desk.answers() == {"confessed": 1, "failed ValueError": 1}
    assert [count for _, count in desk.telemetry.counts("confession.verdicts")] == [1]
    # The one that came is tried with once more.
    assert [site for site, _ in swallowed] == ["recorder.confession_span"] * 3
    swallowed.clear()


def test_in_the_background_it_is_asked_and_recorded(desk: Desk) -> None:
    asker = desk.asker()
    by = By(said)
    assert asker.ask(desk.answer(), lambda _: by, spoof_suspected=True) is None
    assert asker.worker.flush(SOON)
    assert by.own == [True]
    assert not is_ours()
    attributes = desk.telemetry.confession().attributes or {}
    assert attributes["confession.verdict"] == "compliant"
    assert attributes["confession.spoof_suspected"] is True
    assert attributes["confession.asking.response.id"] == "c-1"
    assert attributes["confession.asking.cached_tokens"] == 5
    assert desk.answers() == {"confessed": 1}


def test_in_the_background_our_span_has_the_baggage_of_the_answers_and_the_request_has_none(desk: Desk) -> None:
    users: list[object] = []
    sent: list[object] = []

    class Baggage(SpanProcessor):
        def on_start(self, span: Span, parent_context: Context | None = None) -> None:
            if span.name == "confession":
                users.append(baggage.get_baggage("user", parent_context))

    def act() -> Said:
        sent.append(dict(baggage.get_all()))
        return said()

    desk.telemetry.tracer_provider.add_span_processor(Baggage())
    asker = desk.asker(max_concurrency=1)
    for user in ("alice", None, "bob"):
        token = attach(Context() if user is None else baggage.set_baggage("user", user, Context()))
        asker.ask(desk.answer(), lambda _: By(act), spoof_suspected=False)
        detach(token)
    assert asker.worker.flush(SOON)
    assert users == ["alice", None, "bob"]
    assert sent == [{}] * 3


def test_in_the_background_the_answers_span_is_neither_held_nor_written_to(desk: Desk) -> None:
    asker = desk.asker(max_concurrency=1)
    opened = threading.Event()

    def waits() -> Said:
        opened.wait(SOON)
        return said()

    answer = desk.answer()
    span: Any = answer.span
    held = weakref.ref(span)
    asker.ask(answer, lambda _: By(waits), spoof_suspected=False)
    span.end()
    del span
    desk.telemetry._spans.clear()
    gc.collect()
    assert held() is None
    opened.set()
    assert asker.worker.flush(SOON)
    assert desk.answers() == {"confessed": 1}


def test_inline_nothing_happens_before_it_is_carried_out(desk: Desk) -> None:
    asker = desk.asker(ask_mode="inline")
    by = By(said)
    answer = desk.answer()
    ask = asker.ask(answer, lambda _: by, spoof_suspected=False)
    assert ask is not None
    assert by.own == []
    ask.now()
    assert by.own == [True]
    assert getattr(answer.span, "attributes", {})["confession.verdict"] == "compliant"
    assert desk.answers() == {"confessed": 1}


def test_inline_may_be_left_for_later(desk: Desk) -> None:
    asker = desk.asker(ask_mode="inline")
    ask = asker.ask(desk.answer(), lambda _: By(said), spoof_suspected=False)
    assert ask is not None
    ask.later()
    assert asker.worker.flush(SOON)
    assert desk.answers() == {"confessed": 1}


@pytest.mark.parametrize("way", ["later", "now", "anow"])
@pytest.mark.parametrize(
    ("error", "name"),
    [(ValueError("secret"), "ValueError"), (TimeoutError("secret"), "timeout")],
    ids=["other", "time"],
)
async def test_whatever_is_raised_is_named_by_its_type_alone(desk: Desk, way: str, error: Exception, name: str) -> None:
    asker = desk.asker(ask_mode="inline")
    ask = asker.ask(desk.answer(), lambda _: By(raising(error)), spoof_suspected=False)
    assert ask is not None
    if way == "anow":
        await ask.anow()
    else:
        getattr(ask, way)()
    assert asker.worker.flush(SOON)
    span = desk.telemetry.confession()
    assert (span.attributes or {})["error.type"] == name
    assert span.status.status_code is StatusCode.ERROR
    assert "secret" not in span.to_json()
    assert desk.answers() == {f"failed {name}": 1}


@pytest.mark.parametrize("way", ["now", "anow"])
async def test_what_is_no_exception_passes_and_is_recorded_and_pauses_nothing(desk: Desk, way: str) -> None:
    asker = desk.asker(ask_mode="inline")
    for _ in range(6):
        ask = asker.ask(desk.answer(), lambda _: By(raising(KeyboardInterrupt())), spoof_suspected=False)
        assert ask is not None
        with pytest.raises(KeyboardInterrupt):
            await ask.anow() if way == "anow" else ask.now()
        assert not is_ours()
    assert desk.answers() == {"failed KeyboardInterrupt": 6}


def test_failures_in_a_row_pause_it_and_nothing_is_counted_twice(desk: Desk) -> None:
    asker = desk.asker()
    for _ in range(8):
        asker.ask(desk.answer(), lambda _: By(raising(ValueError())), spoof_suspected=False)
        assert asker.worker.flush(SOON)
    assert desk.answers() == {"failed ValueError": 5, "not_asked paused": 3}


def test_what_comes_after_the_shutdown_is_told_to_nobody(desk: Desk) -> None:
    asker = desk.asker(max_concurrency=1)
    begun, opened, ended = threading.Event(), threading.Event(), threading.Event()

    def waits() -> Said:
        begun.set()
        opened.wait(SOON)
        ended.set()
        return said()

    for _ in range(3):
        asker.ask(desk.answer(), lambda _: By(waits), spoof_suspected=False)
    assert begun.wait(SOON)
    assert asker.worker.shutdown(0.05) is False
    expected = {"failed shut_down": 1, "not_asked shut_down": 2}
    assert desk.answers() == expected
    opened.set()
    assert ended.wait(SOON)
    time.sleep(0.1)
    assert desk.answers() == expected
    assert (desk.telemetry.confession().attributes or {})["error.type"] == "shut_down"
    assert desk.telemetry.counts("confession.asking.tokens") == []


def test_what_is_said_of_policies_is_looked_up_in_the_reply(desk: Desk) -> None:
    asker = desk.asker(policies=["ten words", "cite sources"])
    assert "2. cite sources" in asker.question
    asker.ask(desk.answer(), lambda _: By(said), spoof_suspected=False)
    assert asker.worker.flush(SOON)
    attributes = desk.telemetry.confession().attributes or {}
    assert attributes["confession.objectives.unaddressed"] == ("cite sources",)


def test_asking_costs_nothing_before_the_first_answer(desk: Desk) -> None:
    before = threading.active_count()
    asker = desk.asker()
    assert threading.active_count() == before
    assert isinstance(asker.worker, Worker)
    assert asker.worker._crews == {}


def test_through_a_client_of_the_sdk_the_whole_way(desk: Desk) -> None:
    """No hook at all: the client is told to go on, and its own request is an ordinary one."""
    with ScriptedServer(lambda _: Reply(chat_completion(REPORT, prompt_tokens=40, completion_tokens=9))) as server:
        asker = desk.asker()
        options = FinalRequestOptions.construct(
            method="post",
            url="/chat/completions",
            json_data={"model": "m-1", "messages": [{"role": "user", "content": "Ten words, please."}]},
        )
        with OpenAI(base_url=server.base_url, api_key="none") as client:
            asker.ask(
                desk.answer(),
                lambda answer: OpenAIFollowUp(client, chat, options, answer, None),
                spoof_suspected=False,
            )
        assert asker.worker.flush(SOON)
        assert asker.worker.shutdown(SOON)
    (request,) = server.requests
    assert [message["role"] for message in request.json["messages"]] == ["user", "assistant", "user"]
    assert request.json["messages"][-1]["content"] == asker.question
    assert desk.answers() == {"confessed": 1}
    assert sorted(count for _, count in desk.telemetry.counts("confession.asking.tokens")) == [9, 40]

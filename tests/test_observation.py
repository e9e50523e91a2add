"""Observers: one for all hooks that ask for the same, and no choice of a call lost by another's error."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from langchain_openai import ChatOpenAI
from opentelemetry.sdk.trace import TracerProvider
from pydantic import SecretStr

import confession_otel as co
from confession_otel import asking, observation, reading
from confession_otel.answer import Answer
from confession_otel.asking.follow_up import Reply as Said
from confession_otel.langchain import ConfessionCallbackHandler
from confession_otel.settings import Settings
from confession_otel.testing import ScriptedServer, chat_completion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Telemetry

REPORT = json.dumps(
    {"compliance_analysis": [{"objective": "ten words", "compliance": "fully_complied", "analysis": "counted"}]}
)
ANSWER = "Two words.\n\n## Confession\n\nObjective: ten words / Result: ✗ did not comply / Why: two"


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    yield
    asking.shutdown(5)


def test_a_confession_that_something_follows_is_none_and_is_marked(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers)
    tracer = telemetry.tracer_provider.get_tracer("app")
    with tracer.start_as_current_span("chat") as span:
        observation.default().observe([Answer(text=f"{ANSWER}\n\n## Sources\n\n- a book", span=span)], "app")
    (answer,) = telemetry.spans()
    assert dict(answer.attributes or {}) == {"confession.spoof_suspected": True}
    assert telemetry.counts("confession.answers") == [({"confession.status": "absent"}, 1)]


def own(**keywords: Any) -> observation.Observer:
    observer = observation.own(**keywords)
    assert observer is not None
    return observer()


def answers(telemetry: Telemetry) -> dict[str, int]:
    return {
        " ".join(str(labels[key]) for key in ("confession.status", "confession.reason") if key in labels): count
        for labels, count in telemetry.counts("confession.answers")
    }


def test_hooks_with_equal_keywords_share_an_observer(telemetry: Telemetry) -> None:
    keywords = {**telemetry.providers, "way": "ask", "max_requests_per_minute": 10}
    first = own(**keywords)
    assert own(**keywords) is first
    assert own(**dict(reversed(keywords.items())), sample=None) is first


@pytest.mark.parametrize("given", [{"redact": "email,phone"}, {"redact": ["all"]}, {"capture": "redacted"}])
def test_so_they_do_with_the_ready_patterns(telemetry: Telemetry, given: dict[str, Any]) -> None:
    assert own(**telemetry.providers, **given) is own(**telemetry.providers, **given)
    assert own(**telemetry.providers, **given) is not own(**telemetry.providers, redact="ip")


@pytest.mark.parametrize(
    "more",
    [
        {"max_requests_per_minute": 11},
        {"way": "observe"},
        {"tracer_provider": TracerProvider(shutdown_on_exit=False)},
        {"meter_provider": None},
        {"logger_provider": None},
    ],
    ids=lambda more: next(iter(more)),
)
def test_other_keywords_or_providers_have_an_observer_of_their_own(telemetry: Telemetry, more: dict[str, Any]) -> None:
    keywords = {**telemetry.providers, "way": "ask", "max_requests_per_minute": 10}
    first = own(**keywords)
    other = own(**{**keywords, **more})
    assert other is not first
    assert own(**keywords) is first
    assert own(**{**keywords, **more}) is other


def test_settings_in_force_that_changed_are_heeded(telemetry: Telemetry) -> None:
    first = own(**telemetry.providers)
    co.instrument(**telemetry.providers, capture="verdict")
    assert own(**telemetry.providers).settings.capture == "verdict"
    assert own(**telemetry.providers) is not first


def test_without_keywords_there_is_none_of_its_own() -> None:
    assert observation.own(tracer_provider=None, way=None) is None


def test_those_kept_are_few(telemetry: Telemetry) -> None:
    for number in range(100):
        own(**telemetry.providers, max_requests_per_minute=number + 1)
    assert len(observation._own) == 16


def test_a_handler_for_each_request_is_held_to_one_budget(telemetry: Telemetry, http_clients: dict[str, Any]) -> None:
    with ScriptedServer(lambda _: chat_completion(REPORT)) as server:
        model = ChatOpenAI(model="m-1", base_url=server.base_url, api_key=SecretStr("none"), **http_clients)
        for _ in range(5):
            handler = ConfessionCallbackHandler(**telemetry.providers, way="ask", max_requests_per_minute=2)
            model.invoke("?", config={"callbacks": [handler]})
        assert co.flush(20)
        # What lives in the threads' loops is closed while the server is there.
        assert asking.shutdown(10)
    assert len(server.requests) == 5 + 2
    assert answers(telemetry) == {"confessed": 2, "not_asked request_rate": 3}


def test_after_a_shutdown_a_handler_with_equal_keywords_asks_again(
    telemetry: Telemetry, http_clients: dict[str, Any]
) -> None:
    with ScriptedServer(lambda _: chat_completion(REPORT)) as server:
        model = ChatOpenAI(model="m-1", base_url=server.base_url, api_key=SecretStr("none"), **http_clients)
        before = ConfessionCallbackHandler(**telemetry.providers, way="ask")
        model.invoke("?", config={"callbacks": [before]})
        assert co.shutdown(20)
        for handler in (before, ConfessionCallbackHandler(**telemetry.providers, way="ask")):
            model.invoke("?", config={"callbacks": [handler]})
        assert co.flush(20)
        assert asking.shutdown(10)
    assert answers(telemetry) == {"confessed": 2, "not_asked shut_down": 1}


class Goes:
    """A way to go on with a conversation."""

    role = "user"

    def transcript(self) -> str:
        return ""

    def send(self, question: str, **_: Any) -> Said:
        assert question
        return Said(REPORT)

    async def asend(self, question: str, **_: Any) -> Said:
        return self.send(question)


def test_a_choice_that_cannot_be_asked_about_is_counted_and_the_others_are_asked(
    telemetry: Telemetry, swallowed: list[tuple[str, Exception]]
) -> None:
    def follow_up(answer: Answer) -> Goes:
        if answer.choice == 0:
            raise LookupError
        return Goes()

    observer = observation.Observer(Settings.read({}, way="ask"), **telemetry.providers)
    observer.observe([Answer(text="Yes.", choice=number) for number in range(3)], "openai", follow_up)
    assert co.flush(20)
    assert answers(telemetry) == {"not_asked no_client": 1, "confessed": 2}
    assert [(site, type(error)) for site, error in swallowed] == [("asking", LookupError)]
    swallowed.clear()


@pytest.mark.parametrize("way", ["observe", "ask", "in_band"])
def test_an_error_over_one_choice_costs_that_choice_alone(
    telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch, swallowed: list[tuple[str, Exception]], way: str
) -> None:
    def failing(text: str) -> Any:
        if text == "bad":
            raise LookupError
        return reading.find(text)

    monkeypatch.setattr(observation, "find", failing)
    monkeypatch.setattr(observation, "may_confess", failing)
    observer = observation.Observer(Settings.read({}, way=way), **telemetry.providers)
    texts = ["bad", ANSWER, "bad", "Two words."]
    observer.observe([Answer(text=text, choice=number) for number, text in enumerate(texts)], "openai")
    expected = {
        "observe": {"confessed": 1, "absent": 1},
        "ask": {"not_asked no_client": 2},
        "in_band": {"not_asked not_told": 2},
    }
    assert answers(telemetry) == expected[way]
    assert [site for site, _ in swallowed] == ["observation", "observation"]
    swallowed.clear()

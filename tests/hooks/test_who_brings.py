"""Who brings an answer where several could: calls in calls, beside them, after them. None is lost, none is two."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.language_models import BaseChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from openai import AsyncOpenAI, DefaultAsyncHttpxClient, OpenAI
from opentelemetry.sdk.trace import SpanProcessor
from wrapt import wrap_function_wrapper

import confession_otel as co
from confession_otel.testing import Reply, ScriptedServer, chat_completion, error

if TYPE_CHECKING:
    from conftest import Telemetry
    from hooks.conftest import Script

CONFESSED = "Four.\n\n## Confession\nObjective: cite papers\nResult: did not comply\nWhy: the second one I made up"
PLAIN = "Four."
MESSAGES: Any = [{"role": "user", "content": "2 + 2?"}]


def answers(telemetry: Telemetry) -> dict[str, int]:
    found: dict[str, int] = {}
    for attributes, count in telemetry.counts("confession.answers"):
        status = attributes["confession.status"]
        found[status] = found.get(status, 0) + count
    return found


def another_instrumentations_span(telemetry: Telemetry) -> None:
    """A model's call, seen by an instrumentation that writes its output onto its span."""
    tracer = telemetry.tracer_provider.get_tracer("somebody")
    said = [{"role": "assistant", "parts": [{"type": "text", "content": CONFESSED}], "finish_reason": "stop"}]
    with tracer.start_as_current_span("chat claude", attributes={"gen_ai.operation.name": "chat"}) as span:
        span.set_attribute("gen_ai.output.messages", json.dumps(said))


class Router(BaseChatModel):
    """Asks one provider, and gives the answer of another."""

    client: Any
    own_id: str | None = None

    @property
    def _llm_type(self) -> str:
        return "router"

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **_: Any) -> ChatResult:
        with contextlib.suppress(Exception):
            self.client.chat.completions.create(model="first", messages=MESSAGES)
        metadata = {} if self.own_id is None else {"id": self.own_id}
        return ChatResult(generations=[ChatGeneration(message=AIMessage(CONFESSED, response_metadata=metadata))])


def test_a_model_that_falls_back_on_another_provider_is_heard(
    telemetry: Telemetry, client: OpenAI, script: Script
) -> None:
    co.instrument(**telemetry.providers)
    script.reply = Reply(error("down"), status=503)
    Router(client=client).invoke("2 + 2?")
    assert answers(telemetry) == {"confessed": 1}
    assert telemetry.confession().parent is not None


@pytest.mark.parametrize("own_id", [None, "msg_1"])
def test_so_is_one_that_asks_somebody_else_beforehand(
    telemetry: Telemetry, client: OpenAI, script: Script, own_id: str | None
) -> None:
    co.instrument(**telemetry.providers)
    script.reply = chat_completion("harmless")
    Router(client=client, own_id=own_id).invoke("2 + 2?")
    assert answers(telemetry) == {"absent": 1, "confessed": 1}


def test_one_that_gives_the_answer_it_got_is_heard_once(telemetry: Telemetry, client: OpenAI, script: Script) -> None:
    co.instrument(**telemetry.providers)
    script.reply = chat_completion(CONFESSED)
    Router(client=client).invoke("2 + 2?")
    assert answers(telemetry) == {"confessed": 1}
    assert len(telemetry.spans("confession")) == 1


def test_what_is_called_between_the_chunks_of_a_stream_is_no_part_of_it(
    telemetry: Telemetry, client: OpenAI, script: Script
) -> None:
    co.instrument(**telemetry.providers)
    script.reply = chat_completion("harmless")
    model = GenericFakeChatModel(messages=iter([AIMessage(CONFESSED)]))
    for number, _ in enumerate(model.stream("2 + 2?")):
        if number == 0:
            client.chat.completions.create(model="moderator", messages=MESSAGES)
    assert answers(telemetry) == {"absent": 1, "confessed": 1}


def test_nor_is_what_another_instrumentation_sees_there(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers)
    model = GenericFakeChatModel(messages=iter([AIMessage("only plain words")]))
    for number, _ in enumerate(model.stream("2 + 2?")):
        if number == 0:
            another_instrumentations_span(telemetry)
    assert answers(telemetry) == {"absent": 1, "confessed": 1}


@pytest.mark.parametrize("then", ["other settings", "nothing more"])
def test_a_call_under_way_when_the_settings_change_blinds_nobody(telemetry: Telemetry, then: str) -> None:
    co.instrument(**telemetry.providers)
    inside, go_on = threading.Event(), threading.Event()

    class Slow(GenericFakeChatModel):
        def _generate(self, *arguments: Any, **keywords: Any) -> ChatResult:
            inside.set()
            go_on.wait(30)
            return super()._generate(*arguments, **keywords)

    def call() -> None:
        Slow(messages=iter([AIMessage(CONFESSED)])).invoke("2 + 2?")
        another_instrumentations_span(telemetry)

    thread = threading.Thread(target=call)
    thread.start()
    inside.wait(30)
    co.uninstrument()
    if then == "other settings":
        co.instrument(**telemetry.providers, text_limit=4096)
    go_on.set()
    thread.join(30)
    assert answers(telemetry) == ({"confessed": 2} if then == "other settings" else {})


async def test_a_task_begun_in_a_call_is_not_in_it_for_ever(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers)
    over, tasks = asyncio.Event(), []

    async def later() -> None:
        await over.wait()
        another_instrumentations_span(telemetry)

    async def starts_it(_: Any) -> None:
        tasks.append(asyncio.create_task(later()))

    with ScriptedServer(lambda _: chat_completion(PLAIN)) as server:
        http_client = DefaultAsyncHttpxClient(event_hooks={"request": [starts_it]})
        async with AsyncOpenAI(base_url=server.base_url, api_key="none", http_client=http_client) as client:
            await client.chat.completions.create(model="m", messages=MESSAGES)
    over.set()
    await tasks[0]
    assert answers(telemetry) == {"absent": 1, "confessed": 1}


@pytest.fixture
def own_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host has a `request` of its own, which leads on to the SDK's."""

    def request(self: OpenAI, *arguments: Any, **keywords: Any) -> Any:
        return super(OpenAI, self).request(*arguments, **keywords)

    monkeypatch.setattr(OpenAI, "request", request, raising=False)


@pytest.mark.usefixtures("own_request")
@pytest.mark.parametrize("way", ["observe", "in_band"])
def test_a_client_whose_request_leads_to_the_sdks_is_seen_once(
    telemetry: Telemetry, client: OpenAI, script: Script, way: str
) -> None:
    co.instrument(**telemetry.providers, way=way)
    script.reply = chat_completion(CONFESSED)
    client.chat.completions.create(model="m", messages=MESSAGES)
    assert sum(answers(telemetry).values()) == 1
    assert len(telemetry.spans("chat m")) == 1


def test_so_it_is_where_others_wrap_it_before_and_after(
    telemetry: Telemetry, client: OpenAI, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OpenAI, "request", OpenAI.request, raising=False)

    def wrapper(wrapped: Any, _: Any, arguments: Any, keywords: Any) -> Any:
        return wrapped(*arguments, **keywords)

    def depth() -> int:
        method, found = vars(OpenAI)["request"], 0
        while method is not None:
            method, found = getattr(method, "__wrapped__", None), found + 1
        return found

    wrap_function_wrapper("openai", "OpenAI.request", wrapper)
    co.instrument(**telemetry.providers)
    wrap_function_wrapper("openai", "OpenAI.request", wrapper)
    before = depth()
    for _ in range(3):
        co.instrument(**telemetry.providers)
    assert depth() == before
    script.reply = chat_completion(CONFESSED)
    client.chat.completions.create(model="m", messages=MESSAGES)
    assert answers(telemetry) == {"confessed": 1}


def test_an_interrupt_while_a_call_begins_leaves_nothing_behind(
    telemetry: Telemetry, client: OpenAI, script: Script
) -> None:
    class Interrupting(SpanProcessor):
        def on_start(self, span: Any, parent_context: Any = None) -> None:
            if span.name == "chat interrupted":
                raise KeyboardInterrupt

    telemetry.tracer_provider.add_span_processor(Interrupting())
    co.instrument(**telemetry.providers)
    script.reply = chat_completion(PLAIN)
    with pytest.raises(KeyboardInterrupt):
        client.chat.completions.create(model="interrupted", messages=MESSAGES)
    another_instrumentations_span(telemetry)
    assert answers(telemetry) == {"confessed": 1}

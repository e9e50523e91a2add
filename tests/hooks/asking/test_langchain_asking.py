"""`way=ask` with LangChain: what is recorded, for every way to call a model, and that nobody else notices."""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import threading
import time
from typing import TYPE_CHECKING, Any, Final

import pytest
from langchain.agents import create_agent
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.globals import set_llm_cache
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from pydantic import SecretStr

import confession_otel as co
from confession_otel.langchain import ConfessionCallbackHandler, capture
from confession_otel.patching import Patch
from confession_otel.testing import Reply, Request, chat_completion, error

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from hooks.asking.conftest import Scene

METHODS: Final = ("generate", "agenerate", "stream", "astream")
SHAPES: Final = ("invoke", "ainvoke", "stream", "astream", "batch", "abatch", "chain", "agent", "aagent", "graph")


def original() -> dict[str, Any]:
    return {name: vars(BaseChatModel)[name] for name in METHODS}


ORIGINAL: Final = original()


def model_at(scene: Scene, **given: Any) -> ChatOpenAI:
    options = {"model": "m-1", "base_url": scene.server.base_url, "api_key": SecretStr("none"), "max_retries": 0}
    return ChatOpenAI(**{**options, **scene.http_clients, **given})


@pytest.fixture(autouse=True)
def closed(http_clients: dict[str, Any], scene: Scene) -> None:
    """Clients are closed when the server has gone, and with it whatever hung in them."""
    scene.http_clients = http_clients


def handler_of(scene: Scene, **settings: Any) -> ConfessionCallbackHandler:
    handler = ConfessionCallbackHandler(**scene.telemetry.providers, **{"way": "ask", "timeout": 20, **settings})
    asker = handler._observer()._asker
    assert asker is not None
    scene.workers.append(asker.worker)
    return handler


@tool
def population(city: str) -> str:
    """Of a city."""
    return f"{city}: 3677472"


def with_a_tool_turn(request: Request) -> Any:
    """A model that calls a tool before it answers, where it is given one."""
    messages = request.json["messages"]
    if request.json.get("tools") and messages[-1]["role"] != "tool":
        return chat_completion(None, tool_calls=[("population", '{"city": "Berlin"}')], model="m-1-2026")
    return chat_completion("3.7 million.", model="m-1-2026", id="chatcmpl-1")


async def play(scene: Scene, shape: str, config: Any, **given: Any) -> Any:
    """An application: one answer, and all that it gets of it, without what differs from run to run."""
    model = model_at(scene, **given)
    said: Any = "How many live in Berlin?"
    if "agent" in shape or shape == "graph":
        return await play_graph(model, shape, {"messages": [("user", said)]}, config)
    match shape:
        case "invoke":
            return model.invoke(said, config).text
        case "ainvoke":
            return (await model.ainvoke(said, config)).text
        case "stream":
            return [chunk.text for chunk in model.stream(said, config)]
        case "astream":
            return [chunk.text async for chunk in model.astream(said, config)]
        case "batch":
            return [one.text for one in model.batch([said], config)]
        case "abatch":
            return [one.text for one in await model.abatch([said], config)]
        case _:
            return (ChatPromptTemplate.from_template("{q}") | model | StrOutputParser()).invoke({"q": said}, config)


async def play_graph(model: ChatOpenAI, shape: str, given: Any, config: Any) -> Any:
    """The same with LangGraph."""
    agent: Any = create_agent(model, [population])
    if shape == "agent":
        return [(one.type, one.text) for one in agent.invoke(given, config)["messages"]]
    if shape == "aagent":
        return [(one.type, one.text) for one in (await agent.ainvoke(given, config))["messages"]]
    graph = StateGraph(MessagesState)
    graph.add_node("n", lambda state: {"messages": [model.invoke(state["messages"])]})
    graph.add_edge(START, "n")
    parts: Any = graph.compile().stream(given, config, stream_mode="messages")
    return [(part[0].text, part[1]["langgraph_node"]) for part in parts]


@pytest.fixture(autouse=True)
def given_back() -> Iterator[None]:
    yield
    gc.collect()
    co.uninstrument()
    assert original() == ORIGINAL


# --- What is recorded -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["background", "inline"])
@pytest.mark.parametrize("shape", SHAPES)
async def test_each_final_answer_is_asked_about_once_in_its_conversation(scene: Scene, shape: str, mode: str) -> None:
    scene.answer = with_a_tool_turn
    before = await play(scene, shape, {})
    sent = [request.json for request in scene.requests]
    scene.requests.clear()
    assert await play(scene, shape, {"callbacks": [handler_of(scene, ask_mode=mode)]}) == before
    assert await asyncio.to_thread(co.flush)

    assert len(scene.asked) == 1
    last = scene.requests[-1].json
    assert len(scene.requests) == len(sent)
    assert [one for one in scene.question["messages"][:-2] if one["role"] != "assistant"] == [
        {**one, **({"tool_call_id": again["tool_call_id"]} if "tool_call_id" in one else {})}
        for one, again in zip(sent[-1]["messages"], last["messages"], strict=True)
        if one["role"] != "assistant"
    ]
    assert scene.question["messages"][:-2] == last["messages"]
    assert scene.question["messages"][-2] == {"role": "assistant", "content": "3.7 million."}
    assert scene.question["messages"][-1]["role"] == "user"
    assert scene.question.get("tools") == last.get("tools")
    assert scene.question.get("tool_choice") == ("none" if last.get("tools") else None)
    assert scene.question["max_completion_tokens"] == 2000
    assert not scene.question.get("stream")

    answer = scene.telemetry.spans("chat m-1")[-1]
    span = scene.telemetry.confession()
    assert span.parent == answer.context
    attributes = dict(span.attributes or {})
    expected = {
        "confession.verdict": "compliant",
        "confession.source": "ask",
        "confession.question.role": "user",
        "confession.asking.input_tokens": 101,
        "confession.asking.cached_tokens": 64,
        "confession.asking.output_tokens": 23,
        "gen_ai.request.model": "m-1",
    }
    assert {key: attributes.get(key) for key in expected} == expected
    assert str(attributes["confession.asking.response.id"]).startswith("chatcmpl-")
    assert scene.answers() == {"confessed": 1}
    assert ("confession.verdict" in (answer.attributes or {})) is (mode == "inline")
    assert answer.end_time is not None
    assert span.start_time is not None
    assert answer.end_time <= span.start_time


@pytest.mark.parametrize("shape", ["invoke", "ainvoke", "stream", "astream"])
async def test_over_the_openai_sdk_with_both_hooks_on_there_is_one_request(scene: Scene, shape: str) -> None:
    scene.instrument()
    await play(scene, shape, {})
    await play(scene, shape, {"callbacks": [ConfessionCallbackHandler()]})
    assert await asyncio.to_thread(scene.flush)
    assert (len(scene.requests), len(scene.asked)) == (2, 2)
    assert scene.answers() == {"confessed": 2}
    assert len(scene.telemetry.spans("chat m-1")) == 2


def test_instrument_asks_with_no_callback_and_uninstrument_gives_all_back(scene: Scene) -> None:
    scene.instrument()
    assert all(vars(BaseChatModel)[name] is not ORIGINAL[name] for name in METHODS)
    model = GenericFakeChatModel(messages=iter([AIMessage("Four."), AIMessage(scene.report()), AIMessage("Five.")]))
    assert model.invoke("2 + 2?").content == "Four."
    assert scene.flush()
    assert scene.answers() == {"confessed": 1}
    co.uninstrument()
    assert original() == ORIGINAL
    assert model.invoke("2 + 3?").content == "Five."
    assert scene.answers() == {"confessed": 1}


async def test_to_observe_patches_nothing_and_sends_nothing(scene: Scene) -> None:
    co.instrument(**scene.telemetry.providers)
    for shape in SHAPES:
        await play(scene, shape, {"callbacks": [ConfessionCallbackHandler(**scene.telemetry.providers)]})
    assert original() == ORIGINAL
    assert scene.asked == []


def test_who_patched_after_us_keeps_his_patch_and_ours_lets_all_pass(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    import functools

    scene.instrument()
    ours = vars(BaseChatModel)["generate"]

    @functools.wraps(ours)
    def theirs(*arguments: Any, **keywords: Any) -> Any:
        return ours(*arguments, **keywords)

    monkeypatch.setattr(BaseChatModel, "generate", theirs)
    co.uninstrument()
    assert vars(BaseChatModel)["generate"] is theirs
    model = GenericFakeChatModel(messages=iter([AIMessage("1"), AIMessage("2"), AIMessage(scene.report())]))
    assert model.invoke("?").content == "1"
    scene.instrument()
    assert vars(BaseChatModel)["generate"] is theirs
    assert model.invoke("?").content == "2"
    assert scene.flush()
    assert scene.answers() == {"confessed": 1}
    co.uninstrument()
    monkeypatch.undo()
    BaseChatModel.generate = ORIGINAL["generate"]  # type: ignore[method-assign]


def test_a_handler_that_goes_takes_nothing_from_the_one_that_comes(scene: Scene) -> None:
    first = handler_of(scene)
    patched = original()
    assert all(patched[name] is not ORIGINAL[name] for name in METHODS)
    del first
    gc.collect()
    assert original() == patched
    model = GenericFakeChatModel(messages=iter([AIMessage("1"), AIMessage("2"), AIMessage(scene.report())]))
    assert model.invoke("?").content == "1"
    second = handler_of(scene)
    assert original() == patched
    assert model.invoke("?", {"callbacks": [second]}).content == "2"
    assert co.flush()
    assert scene.answers() == {"confessed": 1}
    co.uninstrument()
    assert original() == patched


def test_one_that_comes_while_the_methods_are_given_back_has_them(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    giving_back, go_on = threading.Event(), threading.Event()
    remove = Patch.remove

    def slowly(patch: Patch) -> None:
        if patch._owner is BaseChatModel:
            giving_back.set()
            go_on.wait()
        remove(patch)

    scene.instrument()
    monkeypatch.setattr(Patch, "remove", slowly)
    handlers: list[ConfessionCallbackHandler] = []
    one = threading.Thread(target=co.uninstrument)
    other = threading.Thread(target=lambda: handlers.append(handler_of(scene)))
    one.start()
    giving_back.wait()
    other.start()
    # Long enough to be done, where nothing holds it up.
    other.join(0.5)
    go_on.set()
    one.join()
    other.join()
    assert all(vars(BaseChatModel)[name] is not ORIGINAL[name] for name in METHODS)


def test_a_child_forked_in_the_midst_of_it_can_ask(scene: Scene) -> None:
    with capture._lock:
        child = os.fork()
        if child == 0:
            # Another thread of the parent's holds it, for all that the child knows.
            handlers: list[object] = []
            asks = threading.Thread(target=lambda: handlers.append(handler_of(scene)), daemon=True)
            asks.start()
            asks.join(5)
            os._exit(0 if handlers else 1)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


# --- That nobody else notices -----------------------------------------------------------------------------------------


class Everything(BaseCallbackHandler):
    """A handler of the application's, or a tracer."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.ids: set[UUID] = set()

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("on_"):

            def note(*_: Any, run_id: UUID, **__: Any) -> None:
                self.seen.append(name)
                self.ids.add(run_id)

            return note
        return super().__getattribute__(name)


@pytest.mark.parametrize("mode", ["background", "inline"])
@pytest.mark.parametrize("shape", SHAPES)
async def test_no_callback_sees_another_run(
    scene: Scene, shape: str, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from contextvars import ContextVar

    from langchain_core.tracers import context

    scene.answer = with_a_tool_turn
    monkeypatch.setattr(context, "_configure_hooks", list(context._configure_hooks))
    seen = []
    for on in (False, True):
        tracer, users = Everything(), Everything()
        context.register_configure_hook(ContextVar("tracer", default=tracer), inheritable=True)
        ours = [handler_of(scene, ask_mode=mode)] if on else []
        await play(scene, shape, {"callbacks": [users, *ours]}, callbacks=[users])
        assert await asyncio.to_thread(co.flush)
        seen.append((tracer.seen, len(tracer.ids), users.seen, len(users.ids)))
        context._configure_hooks.pop()
    assert len(scene.asked) == 1
    assert seen[0] == seen[1]


async def test_langsmith_is_told_of_no_other_run(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    from langchain_core.tracers import langchain

    told: list[str] = []

    class Tracer(Everything):
        def __init__(self, **_: Any) -> None:
            super().__init__()
            self.seen = told

        def copy_with_metadata_defaults(self, **_: Any) -> Tracer:
            return self

    monkeypatch.setattr(langchain, "LangChainTracer", Tracer)
    monkeypatch.setenv("LANGCHAIN_TRACING_V2", "true")
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    from langsmith import utils

    variable: Any = utils.get_env_var
    variable.cache_clear()
    try:
        await play(scene, "ainvoke", {})
        before = list(told)
        told.clear()
        await play(scene, "ainvoke", {"callbacks": [handler_of(scene)]})
        assert await asyncio.to_thread(co.flush)
    finally:
        monkeypatch.undo()
        variable.cache_clear()
    assert before
    assert told == before
    assert len(scene.asked) == 1


@pytest.mark.parametrize("mode", ["background", "inline"])
@pytest.mark.parametrize("kind", ["model", "agent"])
async def test_event_streams_are_those_of_an_unobserved_run(scene: Scene, kind: str, mode: str) -> None:
    scene.answer = with_a_tool_turn
    seen = []
    for on in (False, True):
        config: Any = {"callbacks": [handler_of(scene, ask_mode=mode)] if on else []}
        model = model_at(scene)
        subject: Any = model if kind == "model" else create_agent(model, [population])
        given: Any = "?" if kind == "model" else {"messages": [("user", "?")]}
        seen.append([(event["event"], event["name"]) async for event in subject.astream_events(given, config)])
        assert await asyncio.to_thread(co.flush)
    assert len(scene.asked) == 1
    assert seen[0] == seen[1]


@pytest.mark.parametrize("mode", ["background", "inline"])
@pytest.mark.parametrize("where", ["global", "model"])
def test_the_cache_is_neither_read_nor_written(scene: Scene, where: str, mode: str) -> None:
    calls: list[str] = []

    class Cache(InMemoryCache):
        def lookup(self, *arguments: Any) -> Any:
            calls.append("read")
            return super().lookup(*arguments)

        def update(self, *arguments: Any) -> None:
            calls.append("written")
            super().update(*arguments)

    cache = Cache()
    set_llm_cache(cache if where == "global" else None)
    try:
        model = model_at(scene, **({"cache": cache} if where == "model" else {}))
        model.invoke("?", {"callbacks": [handler_of(scene, ask_mode=mode)]})
        assert co.flush()
    finally:
        set_llm_cache(None)
    assert len(scene.asked) == 1
    assert calls == ["read", "written"]


# --- When -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_call_returns_at_once_in_the_background(scene: Scene, shape: str) -> None:
    scene.confession = scene.slow(2.0)
    began = time.perf_counter()
    await play(scene, shape, {"callbacks": [handler_of(scene)]})
    assert time.perf_counter() - began < 1.5
    assert scene.answers() == {}


@pytest.mark.parametrize("shape", SHAPES)
async def test_inline_a_call_waits_and_its_event_loop_does_not(scene: Scene, shape: str) -> None:
    scene.confession = scene.slow(0.5)
    longest, asking = 0.0, True

    async def tick() -> None:
        nonlocal longest
        last = time.perf_counter()
        while asking:
            await asyncio.sleep(0.01)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0)
    await play(scene, shape, {"callbacks": [handler_of(scene, ask_mode="inline")]})
    assert scene.answers() == {"confessed": 1}
    asking = False
    await ticking
    if shape.startswith("a") and shape != "agent":
        assert longest < 0.45


async def test_whoever_cancels_while_he_waits_is_cancelled_and_it_is_counted(scene: Scene) -> None:
    scene.confession = scene.slow(5.0)
    task = asyncio.create_task(play(scene, "ainvoke", {"callbacks": [handler_of(scene, ask_mode="inline")]}))
    while not scene.asked:  # noqa: ASYNC110 - its server is in another thread
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert scene.answers() == {"failed CancelledError": 1}


FAILURES: Final[dict[str, tuple[Any, str]]] = {
    "500": (Reply(error("Oh."), status=500), "OpenAIAPIError"),
    "no choice": ({**chat_completion("x"), "choices": []}, "NoReply"),
    "a tool call": (chat_completion(None, tool_calls=[("population", "{}")]), "NoReply"),
    "endless": (lambda _: Reply(itertools.repeat(b" "), pause=0.02), "timeout"),
    "never": (Reply(b"{}", delay=30), "timeout"),
}


@pytest.mark.parametrize("mode", ["background", "inline"])
@pytest.mark.parametrize("shape", ["invoke", "ainvoke"])
@pytest.mark.parametrize("case", FAILURES)
async def test_a_request_that_fails_is_recorded_and_the_run_goes_on(
    scene: Scene, case: str, shape: str, mode: str
) -> None:
    scene.confession, expected = FAILURES[case]
    began = time.perf_counter()
    config = {"callbacks": [handler_of(scene, timeout=1, ask_mode=mode)]}
    assert await play(scene, shape, config) == '{"words": 10}'
    assert await asyncio.to_thread(co.flush)
    assert time.perf_counter() - began < 5
    assert scene.answers() == {f"failed {expected}": 1}
    assert len(scene.asked) == 1


async def test_a_hundred_at_once_are_all_accounted_for(scene: Scene) -> None:
    now: list[int] = []
    most = 0

    def slowly(request: Request) -> Any:
        nonlocal most
        now.append(1)
        most = max(most, len(now))
        time.sleep(0.01)
        now.pop()
        return chat_completion(scene.report(objective=request.json["messages"][0]["content"]))

    scene.confession = slowly
    handler = handler_of(scene, max_concurrency=4, max_requests_per_minute=1000)
    model = model_at(scene)
    await asyncio.gather(*(model.ainvoke(f"no. {n}", {"callbacks": [handler]}) for n in range(100)))
    assert await asyncio.to_thread(co.flush)
    assert scene.answers() == {"confessed": 100}
    assert most <= 4
    assert len({request.json["messages"][0]["content"] for request in scene.asked}) == 100

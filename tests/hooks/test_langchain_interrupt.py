"""Interrupts of LangGraph: what a model said before one in the same node is no answer; the resumed node gives it."""

from __future__ import annotations

import asyncio
import itertools
import re
import threading
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from langchain.agents import create_agent
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphBubbleUp, GraphInterrupt, ParentCommand
from langgraph.func import entrypoint, task
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, interrupt
from openai import DefaultAsyncHttpxClient, DefaultHttpxClient
from pydantic import SecretStr

import confession_otel as co
from confession_otel.langchain import ConfessionCallbackHandler, everywhere
from confession_otel.langchain.nodes import Node, Waiting, node_of
from confession_otel.langchain.runs import Runs
from confession_otel.testing import ScriptedServer, chat_completion

if TYPE_CHECKING:
    from collections.abc import Callable

    from confession_otel.testing import Request
    from conftest import Telemetry

CONFESSION = "## Confession\n\nObjective: ten words / Result: ✗ did not comply / Why: there are two"
QUESTION = b"an honest account of how far your last answer"
REPORT = '{"compliance_analysis": [{"objective": "o", "compliance": "fully_complied", "analysis": "a"}]}'


class Model(GenericFakeChatModel):
    """Says what it is given to say, and can be given tools."""

    def bind_tools(self, tools: Any, **_: Any) -> Any:
        return self


def says(text: str | AIMessage = f"Two words.\n\n{CONFESSION}", *more: str | AIMessage) -> Model:
    """The texts, then the last of them again and again, in any number of threads."""

    def message(one: str | AIMessage) -> AIMessage:
        return AIMessage(one) if isinstance(one, str) else one

    texts = itertools.chain((text, *more), itertools.repeat((text, *more)[-1]))
    # No generator: threads cannot share one.
    return Model(messages=map(message, texts))


class Confessor(Model):
    """Answers, and confesses when it is asked to."""

    asked: list[str] = []  # noqa: RUF012 - pydantic copies it for each model

    def _generate(self, messages: Any, *arguments: Any, **keywords: Any) -> Any:
        if "an honest account of how far your last answer" in str(messages[-1].content):
            self.asked.append(str(messages[-2].content))
            return Model(messages=iter([AIMessage(REPORT)]))._generate(messages)
        return super()._generate(messages, *arguments, **keywords)


def graph(*nodes: Any, **options: Any) -> Any:
    """One node after the other."""
    built: Any = StateGraph(MessagesState)
    before = START
    for number, node in enumerate(nodes):
        built.add_node(f"node_{number}", node)
        built.add_edge(before, f"node_{number}")
        before = f"node_{number}"
    return built.compile(**options)


def speaking(model: Model) -> Callable[[Any], Any]:
    return lambda _: {"messages": [model.invoke("?")]}


def asking_a_person(_: Any) -> Any:
    interrupt("May I?")
    return {}


def speaking_and_asking(model: Model) -> Callable[[Any], Any]:
    def node(_: Any) -> Any:
        said = model.invoke("?")
        interrupt("May I?")
        return {"messages": [said]}

    return node


def statuses(telemetry: Telemetry) -> dict[Any, Any]:
    return {labels["confession.status"]: count for labels, count in telemetry.counts("confession.answers")}


def verdicts(telemetry: Telemetry, span: str) -> list[Any]:
    return [(one.attributes or {}).get("confession.verdict") for one in telemetry.spans(span)]


@pytest.fixture
def handler(telemetry: Telemetry) -> ConfessionCallbackHandler:
    return ConfessionCallbackHandler(**telemetry.providers)


def config_of(*handlers: Any) -> dict[str, Any]:
    return {"callbacks": list(handlers), "configurable": {"thread_id": "1"}}


async def play(runnable: Any, given: Any, config: Any, shape: str) -> Any:
    match shape:
        case "invoke":
            return runnable.invoke(given, config)
        case "ainvoke":
            return await runnable.ainvoke(given, config)
        case "stream":
            return list(runnable.stream(given, config))
        case _:
            return [part async for part in runnable.astream(given, config)]


SHAPES = ("invoke", "ainvoke", "stream", "astream")


@pytest.mark.parametrize("on", ["given", "everywhere"])
@pytest.mark.parametrize("shape", SHAPES)
async def test_an_answer_before_an_interrupt_in_its_node_counts_when_it_is_given_again(
    telemetry: Telemetry, handler: ConfessionCallbackHandler, shape: str, on: str
) -> None:
    if on == "everywhere":
        co.instrument(**telemetry.providers)
    config = config_of(*([handler] if on == "given" else []))
    run = graph(speaking_and_asking(says()), checkpointer=InMemorySaver())
    await play(run, {"messages": []}, config, shape)
    assert (telemetry.spans("confession"), telemetry.events(), statuses(telemetry)) == ([], [], {})
    assert telemetry.counts("confession.verdicts") == []
    await play(run, Command(resume="yes"), config, shape)
    assert statuses(telemetry) == {"confessed": 1}
    assert verdicts(telemetry, "confession") == ["non_compliant"]
    assert len(telemetry.events()) == 1
    # The model was called twice, and each call says on its span what that call said.
    assert verdicts(telemetry, "chat") == ["non_compliant", "non_compliant"]
    assert telemetry.confession().parent == telemetry.spans("chat")[1].context
    assert len(handler._runs) == len(everywhere._everywhere._runs) == 0


@pytest.mark.parametrize("shape", SHAPES)
async def test_so_with_asking(telemetry: Telemetry, shape: str) -> None:
    handler = ConfessionCallbackHandler(way="ask", **telemetry.providers)
    model = Confessor(messages=iter([AIMessage("Four."), AIMessage("Five.")]))
    run, config = graph(speaking_and_asking(model), checkpointer=InMemorySaver()), config_of(handler)
    await play(run, {"messages": []}, config, shape)
    assert await asyncio.to_thread(co.flush)
    assert (model.asked, telemetry.spans("confession")) == ([], [])
    await play(run, Command(resume="yes"), config, shape)
    assert await asyncio.to_thread(co.flush)
    assert model.asked == ["Five."]
    assert statuses(telemetry) == {"confessed": 1}
    assert telemetry.confession().parent == telemetry.spans("chat")[1].context


def test_inline_the_question_is_a_part_of_the_call_and_waits_for_nothing(telemetry: Telemetry) -> None:
    handler = ConfessionCallbackHandler(way="ask", ask_mode="inline", **telemetry.providers)
    model = Confessor(messages=iter([AIMessage("Four."), AIMessage("Five.")]))
    graph(speaking_and_asking(model), checkpointer=InMemorySaver()).invoke({"messages": []}, config_of(handler))
    assert model.asked == ["Four."]
    assert verdicts(telemetry, "chat") == ["compliant"]


def test_what_the_node_does_to_the_message_afterwards_is_not_in_the_question(telemetry: Telemetry) -> None:
    handler = ConfessionCallbackHandler(way="ask", **telemetry.providers)
    model = Confessor(messages=iter([AIMessage("Four.")]))

    def node(_: Any) -> Any:
        said = model.invoke("?")
        said.content = "Nothing."
        return {"messages": [said]}

    graph(node).invoke({"messages": []}, config_of(handler))
    assert co.flush()
    assert model.asked == ["Four."]


INNER = graph(speaking(says()), asking_a_person)
FINISHED = graph(speaking(says()))
FORGETFUL = graph(speaking(says()), checkpointer=False)


def in_a_subgraph(_: Any) -> Any:
    return {"messages": INNER.invoke({"messages": []})["messages"]}


def behind_a_subgraph(_: Any) -> Any:
    done = FINISHED.invoke({"messages": []})
    interrupt("May I?")
    return {"messages": done["messages"]}


def behind_a_forgetful_subgraph(_: Any) -> Any:
    done = FORGETFUL.invoke({"messages": []})
    interrupt("May I?")
    return {"messages": done["messages"]}


def before_a_subgraph(_: Any) -> Any:
    said = says().invoke("?")
    graph(asking_a_person).invoke({"messages": []})
    return {"messages": [said]}


@task
def a_task(_: Any) -> str:
    return str(says().invoke("?").text)


@entrypoint(checkpointer=InMemorySaver())
def after_a_task(_: Any) -> Any:
    said = a_task(1).result()
    interrupt("May I?")
    return said


@entrypoint(checkpointer=InMemorySaver())
def in_the_entrypoint(_: Any) -> Any:
    said = says().invoke("?")
    interrupt("May I?")
    return said.text


RUNS: dict[str, tuple[Callable[[], Any], int]] = {
    "before the model": (lambda: graph(asking_a_person, speaking(says())), 0),
    "in a later node": (lambda: graph(speaking(says()), asking_a_person), 1),
    "in a later node of a subgraph": (lambda: graph(INNER), 1),
    "in a later node of a graph called in a node": (lambda: graph(in_a_subgraph), 1),
    "in a later node of a subgraph with a saver of its own": (
        lambda: graph(graph(speaking(says()), asking_a_person, checkpointer=InMemorySaver())),
        1,
    ),
    "in a later node of a subgraph with a history of its own": (
        lambda: graph(graph(speaking(says()), asking_a_person, checkpointer=True)),
        1,
    ),
    "in a later node of a forgetful subgraph": (
        lambda: graph(graph(speaking(says()), asking_a_person, checkpointer=False)),
        0,
    ),
    "in a later node of a subgraph of a forgetful one": (
        lambda: graph(graph(graph(speaking(says()), asking_a_person), checkpointer=False)),
        0,
    ),
    "in a later node of a subgraph, with a history of its own, of a forgetful one": (
        lambda: graph(graph(graph(speaking(says()), asking_a_person, checkpointer=True), checkpointer=False)),
        0,
    ),
    "in a later node than a forgetful subgraph": (lambda: graph(FORGETFUL, asking_a_person), 1),
    "in a later node of a subgraph than a forgetful one": (lambda: graph(graph(FORGETFUL, asking_a_person)), 1),
    "behind a graph called in the same node": (lambda: graph(behind_a_subgraph), 1),
    "behind a forgetful graph called in the same node": (lambda: graph(behind_a_forgetful_subgraph), 0),
    "in a graph called behind the model": (lambda: graph(before_a_subgraph), 0),
    "after a task": (lambda: after_a_task, 1),
    "after a model in the entrypoint": (lambda: in_the_entrypoint, 0),
}
"""Where the interrupt is, and how many answers count by then; in the end it is one."""


@pytest.mark.parametrize("shape", ["invoke", "astream"])
@pytest.mark.parametrize("where", RUNS)
async def test_wherever_the_interrupt_is_the_answer_counts_once(
    telemetry: Telemetry, handler: ConfessionCallbackHandler, where: str, shape: str
) -> None:
    make, by_then = RUNS[where]
    run, config = make(), config_of(handler)
    if hasattr(run, "nodes") and run.checkpointer is None:
        run.checkpointer = InMemorySaver()
    config["configurable"]["thread_id"] = str(uuid4())
    await play(run, {"messages": []}, config, shape)
    assert statuses(telemetry) == ({"confessed": by_then} if by_then else {})
    await play(run, Command(resume="yes"), config, shape)
    assert statuses(telemetry) == {"confessed": 1}
    assert len(telemetry.spans("confession")) == 1
    assert len(handler._runs) == 0


@pytest.mark.parametrize("on", ["given", "everywhere"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("checkpointer", "by_then"), [(None, 1), (True, 1), (False, 0)])
async def test_what_a_subgraph_said_stands_if_it_is_not_said_again(
    telemetry: Telemetry, handler: ConfessionCallbackHandler, checkpointer: Any, by_then: int, shape: str, on: str
) -> None:
    if on == "everywhere":
        co.instrument(**telemetry.providers)
    model, config = Confessor(messages=iter(map(AIMessage, "abcd"))), config_of(*([handler] if on == "given" else []))

    async def aspeaking(_: Any) -> Any:
        return {"messages": [await model.ainvoke("?")]}

    def called(_: Any) -> Any:
        return {"messages": subgraph.invoke({"messages": []})["messages"]}

    async def acalled(_: Any) -> Any:
        return {"messages": (await subgraph.ainvoke({"messages": []}))["messages"]}

    asynchronous = shape.startswith("a")
    subgraph = graph(aspeaking if asynchronous else speaking(model), asking_a_person, checkpointer=checkpointer)
    run = graph(subgraph, acalled if asynchronous else called, checkpointer=InMemorySaver())
    await play(run, {"messages": []}, config, shape)
    assert statuses(telemetry) == ({"absent": by_then} if by_then else {})
    await play(run, Command(resume="yes"), config, shape)
    assert statuses(telemetry) == {"absent": 1 + by_then}
    await play(run, Command(resume="yes"), config, shape)
    assert statuses(telemetry) == {"absent": 2}
    # That which is said again is said by the model again.
    assert len(telemetry.spans("chat")) == (2 if by_then else 4)
    assert len(handler._runs) == len(everywhere._everywhere._runs) == 0


async def test_a_forgetful_agent_counts_once(telemetry: Telemetry, handler: ConfessionCallbackHandler) -> None:
    @tool
    def approve(place: str) -> str:
        """Ask a person."""
        return str(interrupt(place))

    calling = AIMessage("", tool_calls=[{"id": "1", "name": "approve", "args": {"place": "Ulm"}}])
    speaks = graph(speaking(says()), create_agent(says(calling, calling, "Done."), [approve]), checkpointer=False)
    run: Any = graph(speaks, checkpointer=InMemorySaver())
    await run.ainvoke({"messages": []}, config_of(handler))
    assert statuses(telemetry) == {}
    await run.ainvoke(Command(resume="yes"), config_of(handler))
    assert statuses(telemetry) == {"confessed": 1, "absent": 1}


def test_two_interrupts_in_one_node_are_two_runs_more_of_it(
    telemetry: Telemetry, handler: ConfessionCallbackHandler
) -> None:
    def node(_: Any) -> Any:
        first = says().invoke("?")
        interrupt("May I?")
        second = says().invoke("?")
        interrupt("May I now?")
        return {"messages": [first, second]}

    run, config = graph(node, checkpointer=InMemorySaver()), config_of(handler)
    for given, counted in (({"messages": []}, {}), (Command(resume="1"), {}), (Command(resume="2"), {"confessed": 2})):
        run.invoke(given, config)
        assert statuses(telemetry) == counted


def test_a_branch_beside_the_interrupted_one_keeps_its_answer(
    telemetry: Telemetry, handler: ConfessionCallbackHandler
) -> None:
    built: Any = StateGraph(MessagesState)
    for name, node in (("speaks", speaking(says())), ("asks", asking_a_person), ("both", speaking_and_asking(says()))):
        built.add_node(name, node)
        built.add_edge(START, name)
    run, config = built.compile(checkpointer=InMemorySaver()), config_of(handler)
    interrupts = run.invoke({"messages": []}, config)["__interrupt__"]
    assert statuses(telemetry) == {"confessed": 1}
    run.invoke(Command(resume={one.id: "yes" for one in interrupts}), config)
    assert statuses(telemetry) == {"confessed": 2}


def test_a_pause_before_or_after_a_node_takes_nothing_back(
    telemetry: Telemetry, handler: ConfessionCallbackHandler
) -> None:
    run = graph(speaking(says()), lambda _: {}, checkpointer=InMemorySaver(), interrupt_after=["node_0"])
    run.invoke({"messages": []}, config_of(handler))
    assert statuses(telemetry) == {"confessed": 1}
    run.invoke(None, config_of(handler))
    assert statuses(telemetry) == {"confessed": 1}


def test_a_node_that_hands_over_to_the_graph_above_has_done_its_work(
    telemetry: Telemetry, handler: ConfessionCallbackHandler
) -> None:
    def hands_over(_: Any) -> Any:
        return Command(graph=Command.PARENT, goto="other", update={"messages": [says().invoke("?")]})

    built: Any = StateGraph(MessagesState)
    built.add_node("inner", graph(hands_over), destinations=("other",))
    built.add_node("other", asking_a_person)
    built.add_edge(START, "inner")
    run = built.compile(checkpointer=InMemorySaver())
    run.invoke({"messages": []}, config_of(handler))
    assert statuses(telemetry) == {"confessed": 1}
    run.invoke(Command(resume="yes"), config_of(handler))
    assert statuses(telemetry) == {"confessed": 1}


def test_a_node_that_fails_has_given_its_answer(telemetry: Telemetry, handler: ConfessionCallbackHandler) -> None:
    def fails(_: Any) -> Any:
        says().invoke("?")
        msg = "no"
        raise ValueError(msg)

    with pytest.raises(ValueError, match="no"):
        graph(fails).invoke({"messages": []}, config_of(handler))
    assert statuses(telemetry) == {"confessed": 1}


async def test_so_has_one_that_is_cancelled(telemetry: Telemetry, handler: ConfessionCallbackHandler) -> None:
    said = asyncio.Event()

    async def hangs(_: Any) -> Any:
        await says().ainvoke("?")
        said.set()
        await asyncio.sleep(60)

    running = asyncio.create_task(graph(hangs).ainvoke({"messages": []}, config_of(handler)))
    await said.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert statuses(telemetry) == {"confessed": 1}
    assert len(handler._runs) == 0


@pytest.mark.parametrize("shape", ["invoke", "ainvoke"])
async def test_a_model_in_a_tool_that_asks_a_person_counts_once(
    telemetry: Telemetry, handler: ConfessionCallbackHandler, shape: str
) -> None:
    @tool
    def approve(place: str) -> str:
        """Ask a person."""
        says("Shall I?").invoke("?")
        return str(interrupt(place))

    calling = AIMessage("", tool_calls=[{"id": "1", "name": "approve", "args": {"place": "Ulm"}}])
    run: Any = create_agent(says(calling, "Done."), [approve], checkpointer=InMemorySaver())
    await play(run, {"messages": [("user", "?")]}, config_of(handler), shape)
    assert statuses(telemetry) == {}
    await play(run, Command(resume="yes"), config_of(handler), shape)
    assert statuses(telemetry) == {"absent": 2}


@pytest.mark.parametrize("parallel", [1, 50])
async def test_runs_side_by_side_never_mix(
    telemetry: Telemetry, handler: ConfessionCallbackHandler, parallel: int
) -> None:
    run = graph(speaking_and_asking(says()), checkpointer=InMemorySaver())
    configs = [{"callbacks": [handler], "configurable": {"thread_id": str(one)}} for one in range(parallel)]
    await asyncio.gather(*(run.ainvoke({"messages": []}, one) for one in configs))
    assert statuses(telemetry) == {}
    resumed = configs[::2]
    await asyncio.gather(*(run.ainvoke(Command(resume="yes"), one) for one in resumed))
    assert statuses(telemetry) == {"confessed": len(resumed)}
    assert len(handler._runs) == 0


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("way", ["observe", "ask", "in_band"])
async def test_a_call_of_the_openai_sdk_waits_for_its_node_as_well(
    telemetry: Telemetry, way: str, *, asynchronous: bool
) -> None:
    asked: list[Request] = []

    def reply(request: Request) -> dict[str, Any]:
        if QUESTION in request.content:
            asked.append(request)
            return chat_completion(REPORT)
        told = re.findall(rb'confession id=\\"([0-9a-f]{16})', request.content)
        if told:
            return chat_completion(f'Hi.\n\n<confession id="{told[-1].decode()}">\n{REPORT}\n</confession>')
        return chat_completion(f"Two words.\n\n{CONFESSION}")

    co.instrument(way=way, **telemetry.providers)
    with ScriptedServer(reply) as server, DefaultHttpxClient() as client:
        async with DefaultAsyncHttpxClient() as aclient:
            model = ChatOpenAI(
                model="m",
                base_url=server.base_url,
                api_key=SecretStr("none"),
                max_retries=0,
                http_client=client,
                http_async_client=aclient,
            )
            await _is_answered_once(telemetry, model, asked, way, asynchronous=asynchronous)


async def _is_answered_once(
    telemetry: Telemetry, model: ChatOpenAI, asked: list[Request], way: str, *, asynchronous: bool
) -> None:

    def node(_: Any) -> Any:
        said = model.invoke("?")
        interrupt("Is this right?")
        return {"messages": [said]}

    async def anode(_: Any) -> Any:
        said = await model.ainvoke("?")
        interrupt("Is this right?")
        return {"messages": [said]}

    runnable = graph(anode if asynchronous else node, checkpointer=InMemorySaver())
    for given, answers in (({"messages": []}, 0), (Command(resume="yes"), 1)):
        await play(runnable, given, config_of(), "ainvoke" if asynchronous else "invoke")
        assert await asyncio.to_thread(co.flush)
        assert sum(count for _, count in telemetry.counts("confession.answers")) == answers
        assert len(telemetry.spans("confession")) == answers
        assert len(asked) == (answers if way == "ask" else 0)


@pytest.mark.parametrize("below", ["langchain", "openai"])
@pytest.mark.parametrize(("sample", "reason"), [(1.0, "no_client"), (0.0, "sampled_out")])
def test_a_conversation_that_cannot_be_kept_costs_no_count_and_none_is_kept_without_need(
    telemetry: Telemetry,
    monkeypatch: pytest.MonkeyPatch,
    swallowed: list[tuple[str, Exception]],
    below: str,
    sample: float,
    reason: str,
) -> None:
    def broken(*_: Any) -> Any:
        message = "a conversation that cannot be copied"
        raise TypeError(message)

    monkeypatch.setattr("confession_otel.langchain.handler.LangChainFollowUp", broken)
    monkeypatch.setattr("confession_otel.openai.call.OpenAIFollowUp", broken)
    co.instrument(way="ask", sample=sample, **telemetry.providers)
    with ScriptedServer(lambda _: chat_completion("Two words.")) as server, DefaultHttpxClient() as client:
        key = SecretStr("none")
        chat = ChatOpenAI(model="m", base_url=server.base_url, api_key=key, max_retries=0, http_client=client)
        graph(speaking(says() if below == "langchain" else chat)).invoke({"messages": []})  # type: ignore[arg-type] # is one
    ((labels, count),) = telemetry.counts("confession.answers")
    assert (labels["confession.status"], labels["confession.reason"], count) == ("not_asked", reason, 1)
    assert [site for site, _ in swallowed] == (["asking"] if sample else [])
    swallowed.clear()


def test_a_live_span_of_another_instrumentation_has_its_keys_before_it_ends(
    telemetry: Telemetry, handler: ConfessionCallbackHandler
) -> None:
    tracer = telemetry.tracer_provider.get_tracer("peer")

    def node(_: Any) -> Any:
        with tracer.start_as_current_span("theirs", attributes={"gen_ai.operation.name": "chat"}):
            return {"messages": [says().invoke("?")]}

    graph(node).invoke({"messages": []}, config_of(handler))
    assert verdicts(telemetry, "theirs") == ["non_compliant"]
    (theirs,) = telemetry.spans("theirs")
    assert (theirs.attributes or {})["confession.id"] == (telemetry.confession().attributes or {})["confession.id"]
    assert telemetry.confession().parent == theirs.context


def test_whoever_takes_us_off_loses_no_answer(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers)

    def node(_: Any) -> Any:
        said = says().invoke("?")
        assert statuses(telemetry) == {}
        co.uninstrument()
        return {"messages": [said]}

    graph(node).invoke({"messages": []})
    assert statuses(telemetry) == {"confessed": 1}


def test_outside_of_nodes_an_answer_counts_at_once(telemetry: Telemetry, handler: ConfessionCallbackHandler) -> None:
    seen: list[Any] = []
    (says() | (lambda _: seen.append(statuses(telemetry)))).invoke("?", {"callbacks": [handler]})
    assert seen == [{"confessed": 1}]


# --- What waits -------------------------------------------------------------------------------------------------------


def node_in(waiting: Waiting) -> Node:
    node = node_of(uuid4(), {"langgraph_checkpoint_ns": "one:1"}, None, waiting)
    assert node is not None
    return node


@pytest.mark.parametrize(
    ("error", "brought"),
    [
        (None, [1]),
        (ValueError(), [1]),
        (asyncio.CancelledError(), [1]),
        (ParentCommand(Command()), [1]),
        (GraphInterrupt(), []),
        (GraphBubbleUp(), []),
    ],
    ids=repr,
)
def test_what_ends_a_node_decides(error: BaseException | None, brought: list[int]) -> None:
    waiting, seen = Waiting(size=9, seconds=9), list[int]()
    node = node_in(waiting)
    node.wait(lambda: seen.append(1))
    assert (seen, len(waiting)) == ([], 1)
    node.end(error)
    assert (seen, len(waiting)) == (brought, 0)
    # In a thread that the node left behind.
    node.wait(lambda: seen.append(1))
    assert (seen, len(waiting)) == (brought * 2, 0)


def test_the_oldest_are_brought_rather_than_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting, seen = Waiting(size=2, seconds=60), list[int]()
    node = node_in(waiting)
    for number in range(4):
        node.wait(lambda number=number: seen.append(number))  # type: ignore[misc]
    assert (seen, len(waiting)) == ([0, 1], 2)
    now = time.monotonic() + 61
    monkeypatch.setattr("confession_otel.langchain.nodes.time.monotonic", lambda: now)
    node_in(waiting).wait(lambda: seen.append(4))
    assert (seen, len(waiting)) == ([0, 1, 2, 3], 1)
    node.end(GraphInterrupt())
    assert seen == [0, 1, 2, 3]


def test_one_that_fails_costs_no_other(swallowed: list[Any]) -> None:
    waiting, seen = Waiting(size=9, seconds=9), list[int]()
    node = node_in(waiting)
    node.wait(lambda: seen.remove(1))
    node.wait(lambda: seen.append(1))
    node.end(None)
    assert seen == [1]
    assert [site for site, _ in swallowed] == ["langchain.node"]
    swallowed.clear()


def test_many_threads_bring_each_answer_once() -> None:
    waiting, seen = Waiting(size=64, seconds=60), list[int]()
    nodes = [node_in(waiting) for _ in range(8)]

    def work(first: int) -> None:
        for number in range(500):
            nodes[(first + number) % 8].wait(lambda number=number: seen.append(first * 1000 + number))  # type: ignore[misc]
            if number % 50 == 0:
                nodes[number % 8].end(None)

    threads = [threading.Thread(target=work, args=(one,)) for one in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    waiting.clear()
    assert sorted(seen) == sorted(one * 1000 + number for one in range(8) for number in range(500))


def test_a_chain_in_a_node_is_in_that_node_and_a_node_in_it_is_another() -> None:
    runs, outer, chain, inner, model = Runs(), uuid4(), uuid4(), uuid4(), uuid4()
    runs.begin(outer, None, {"langgraph_checkpoint_ns": "a:1"})
    runs.begin(chain, outer, {"langgraph_checkpoint_ns": "a:1"})
    runs.begin(inner, chain, {"langgraph_checkpoint_ns": "a:1|b:2"})
    first, second = runs.begin_call(model, chain, {}).node, runs.begin_call(model, inner, {}).node
    assert first is not None
    assert second is not None
    assert (first.run_id, second.run_id) == (outer, inner)

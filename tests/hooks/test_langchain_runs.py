"""LangChain runs as a whole: agents, graphs, retries, interrupts; what failed on the way is held against the answer."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import subprocess
import sys
import threading
import tracemalloc
from typing import TYPE_CHECKING, Annotated, Any, TypedDict
from uuid import uuid4

import pytest
from langchain.agents import create_agent
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, AnyMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langchain_core.tools import BaseTool, ToolException, tool
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphInterrupt, ParentCommand
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Command, interrupt
from opentelemetry.trace import INVALID_SPAN, StatusCode, get_current_span
from pydantic import SecretStr

import confession_otel as co
from confession_otel.langchain import ConfessionCallbackHandler, everywhere
from confession_otel.langchain.messages import asked, failed_tools
from confession_otel.langchain.runs import Root, Runs
from confession_otel.testing import Request, ScriptedServer, chat_completion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Telemetry

FINE = "Done.\n\n## Confession\n\nObjective: look it up / Result: ✓ complied / Why: it was looked up"
FAILED = "Two words.\n\n## Confession\n\nObjective: ten words / Result: ✗ did not comply / Why: there are two"


class Model(GenericFakeChatModel):
    """Says what it is given to say, and can be given tools."""

    def bind_tools(self, tools: Any, **_: Any) -> Any:
        return self


def says(*messages: str | AIMessage | Exception, repeat: bool = False) -> Model:
    def each() -> Iterator[AIMessage]:
        while True:
            for message in messages:
                if isinstance(message, Exception):
                    raise message
                yield AIMessage(message) if isinstance(message, str) else message.model_copy()
            if not repeat:
                return

    return Model(messages=each())


def calls(name: str, **arguments: Any) -> AIMessage:
    return AIMessage("", tool_calls=[{"id": f"call_{name}", "name": name, "args": arguments}])


@tool
def broken(place: str) -> str:
    """Raises."""
    raise RuntimeError(place)


@tool
def sour(place: str) -> str:
    """Raises what becomes its output."""
    raise ToolException(place)


sour.handle_tool_error = True


@tool
def told(place: str) -> Command[Any]:
    """Says by command that it failed."""
    return Command(update={"messages": [ToolMessage("no", tool_call_id="call_told", name="told", status="error")]})


@tool
def good(place: str) -> str:
    """Works."""
    return place


def caught(request: Any, handler: Any) -> Any:
    try:
        return handler(request)
    except RuntimeError as error:
        return ToolMessage(str(error), tool_call_id=request.tool_call["id"], status="error")


def agent(model: Any, *tools: BaseTool, **options: Any) -> Any:
    from langchain.agents.middleware import wrap_tool_call

    return create_agent(model, list(tools), middleware=[wrap_tool_call(caught)], **options)


def contradictions(telemetry: Telemetry) -> Any:
    return (telemetry.confession().attributes or {}).get("confession.contradictions", ())


def statuses(telemetry: Telemetry) -> dict[Any, Any]:
    return {labels["confession.status"]: count for labels, count in telemetry.counts("confession.answers")}


@pytest.fixture
def handler(telemetry: Telemetry) -> ConfessionCallbackHandler:
    return ConfessionCallbackHandler(**telemetry.providers)


# --- Evidence ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("failing", [broken, sour, told], ids=lambda one: one.name)
def test_a_tool_that_failed_contradicts_the_agents_compliant_confession(
    telemetry: Telemetry, handler: ConfessionCallbackHandler, failing: BaseTool
) -> None:
    run = agent(says(calls(failing.name, place="Ulm"), FINE), failing)
    run.invoke({"messages": "?"}, config={"callbacks": [handler]})
    assert contradictions(telemetry) == ("tool_error",)
    assert (telemetry.confession().attributes or {})["confession.flagged"] is True
    assert statuses(telemetry) == {"confessed": 1}


async def test_so_it_does_when_all_is_asynchronous(telemetry: Telemetry, handler: ConfessionCallbackHandler) -> None:
    run: Any = create_agent(says(calls("sour", place="Ulm"), FINE), [sour])
    async for _ in run.astream({"messages": [("user", "?")]}, config={"callbacks": [handler]}):
        pass
    assert contradictions(telemetry) == ("tool_error",)


def test_a_confession_that_names_the_tool_is_not_contradicted(
    telemetry: Telemetry, handler: ConfessionCallbackHandler
) -> None:
    names = FINE.replace("it was looked up", "the tool sour failed and I said so")
    agent(says(calls("sour", place="Ulm"), names), sour).invoke({"messages": "?"}, config={"callbacks": [handler]})
    assert contradictions(telemetry) == ()


def test_a_tool_that_worked_contradicts_nothing(telemetry: Telemetry, handler: ConfessionCallbackHandler) -> None:
    agent(says(calls("good", place="Ulm"), FINE), good).invoke({"messages": "?"}, config={"callbacks": [handler]})
    assert contradictions(telemetry) == ()


def test_a_tool_that_failed_in_an_agent_within_a_tool_counts_for_the_whole_run(
    telemetry: Telemetry, handler: ConfessionCallbackHandler
) -> None:
    inner = agent(says(calls("sour", place="Ulm"), "Nothing found."), sour)

    @tool
    def ask_the_other(question: str) -> str:
        """An agent."""
        return str(inner.invoke({"messages": question})["messages"][-1].text)

    run = agent(says(calls("ask_the_other", question="?"), FINE), ask_the_other)
    run.invoke({"messages": "?"}, config={"callbacks": [handler]})
    assert contradictions(telemetry) == ("tool_error",)
    assert statuses(telemetry) == {"confessed": 1, "absent": 1}


async def test_runs_side_by_side_never_mix(telemetry: Telemetry, handler: ConfessionCallbackHandler) -> None:
    runs: list[Any] = [
        create_agent(says(calls(used.name, place="Ulm"), FINE.replace("Done", f"Done {place}")), [used])
        for place, used in enumerate([sour, good] * 10)
    ]
    config: RunnableConfig = {"callbacks": [handler]}
    await asyncio.gather(*(run.ainvoke({"messages": [("user", "?")]}, config=config) for run in runs))
    found = [bool((span.attributes or {}).get("confession.contradictions")) for span in telemetry.spans("confession")]
    assert sorted(found) == [False] * 10 + [True] * 10
    assert len(handler._runs) == 0


def test_agent_and_thread_are_named(telemetry: Telemetry, handler: ConfessionCallbackHandler) -> None:
    run = agent(says(FINE), name="clerk", checkpointer=InMemorySaver())
    run.invoke({"messages": "?"}, config={"callbacks": [handler], "configurable": {"thread_id": "t-1"}})
    attributes = telemetry.confession().attributes or {}
    assert (attributes["gen_ai.agent.name"], attributes["gen_ai.conversation.id"]) == ("clerk", "t-1")


@pytest.mark.parametrize(
    ("output", "named"),
    [
        ("no", ()),
        (None, ()),
        (ToolMessage("no", tool_call_id="1", status="error"), ("mine",)),
        (ToolMessage("no", tool_call_id="1", name="its", status="error"), ("its",)),
        (ToolMessage("yes", tool_call_id="1", name="its"), ()),
        ([ToolMessage("no", tool_call_id="1", name="its", status="error"), "x"], ("its",)),
        (Command(update={"messages": [ToolMessage("no", tool_call_id="1", status="error")]}), ("mine",)),
        (Command(update=[("messages", 1)]), ()),
        (Command(goto="there"), ()),
        ({"update": 1}, ()),
    ],
    ids=str,
)
def test_what_a_tool_gives_may_say_that_it_failed(output: object, named: tuple[str, ...]) -> None:
    assert failed_tools(output, "mine") == named


def test_of_tools_that_fail_at_the_same_time_none_is_lost() -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(300):
            root, together = Root(), threading.Barrier(4)

            def fail(name: str, root: Root = root, together: threading.Barrier = together) -> None:
                together.wait()
                root.failed((name, "all"))

            threads = [threading.Thread(target=fail, args=(name,)) for name in "abcd"]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert sorted(root.failed_tools) == ["a", "all", "b", "c", "d"]
    finally:
        sys.setswitchinterval(interval)


def test_control_flow_and_cancellation_are_no_failure_of_a_tool() -> None:
    for error, failed in (
        (GraphInterrupt(), ()),
        (ParentCommand(Command()), ()),
        (asyncio.CancelledError(), ()),
        (ValueError(), ("it",)),
    ):
        runs, top, within = Runs(), uuid4(), uuid4()
        runs.begin(top, None)
        runs.begin_tool(within, top, "it")
        runs.tool_failed(within, error)
        call = runs.begin_call(uuid4(), top, {})
        assert call.root is not None
        assert call.root.failed_tools == failed


# --- Which answers are final ------------------------------------------------------------------------------------------

INVALID = {"id": "1", "name": "search", "args": "{", "error": "no JSON", "type": "invalid_tool_call"}


@pytest.mark.parametrize(
    ("message", "counted"),
    [
        (AIMessage("", tool_calls=[{"id": "1", "name": "search", "args": {}}]), {}),
        (AIMessage("", invalid_tool_calls=[INVALID]), {}),
        (AIMessage([{"type": "text", "text": "Let me see.", "phase": "commentary"}]), {}),
        (AIMessage([{"type": "text", "text": FINE, "phase": "final_answer"}]), {"confessed": 1}),
        (
            AIMessage(
                [
                    {"type": "text", "text": "Let me see.", "phase": "commentary"},
                    {"type": "text", "text": FINE, "phase": "final_answer"},
                ]
            ),
            {"confessed": 1},
        ),
        (AIMessage([{"type": "reasoning", "reasoning": "Hm."}, {"type": "text", "text": "No."}]), {"absent": 1}),
        (AIMessage(["No."]), {"absent": 1}),
    ],
    ids=["tool calls", "invalid tool calls", "commentary", "final answer", "both", "reasoning", "bare text"],
)
def test_only_a_final_answer_counts(
    telemetry: Telemetry, handler: ConfessionCallbackHandler, message: AIMessage, counted: dict[str, int]
) -> None:
    # As a provider's integration would call back: the fake model is for text alone.
    run_id = uuid4()
    handler.on_chat_model_start({}, [[]], run_id=run_id)
    handler.on_llm_end(LLMResult(generations=[[ChatGeneration(message=message)]]), run_id=run_id)
    assert statuses(telemetry) == counted


@pytest.mark.parametrize(
    ("content", "odd"),
    [
        (FINE, {"response_metadata": {"incomplete_details": "max_tokens"}}),
        (FINE, {"response_metadata": {"finish_reason": ["stop"], "stop_reason": 7, "model_name": {"a": 1}}}),
        (FINE, {"response_metadata": "none"}),
        (FINE, {"usage_metadata": "none"}),
        (FINE, {"usage_metadata": {"input_tokens": "7", "output_tokens": None}}),
        (FINE, {"additional_kwargs": {"refusal": {"a": 1}}}),
        (FINE, {"additional_kwargs": "none"}),
        ([{"type": "text", "text": FINE}, {"type": ["text"]}, {"type": "text", "text": 7}], {}),
    ],
    ids=["incomplete", "reasons", "metadata", "usage", "tokens", "refusal", "keywords", "blocks"],
)
def test_metadata_of_an_unexpected_form_costs_only_itself(
    telemetry: Telemetry, handler: ConfessionCallbackHandler, content: Any, odd: dict[str, Any]
) -> None:
    message, run_id = AIMessage(content), uuid4()
    for name, value in odd.items():
        # No model of a provider's is held to it after the message was made.
        setattr(message, name, value)
    handler.on_chat_model_start({}, [[]], run_id=run_id)
    handler.on_llm_end(LLMResult(generations=[[ChatGeneration(message=message)]]), run_id=run_id)
    assert statuses(telemetry) == {"confessed": 1}
    assert len(telemetry.spans("chat")) == 1


@pytest.mark.parametrize(("said", "error"), [(FINE, None), (ConnectionError(), ConnectionError)])
def test_whatever_fails_in_us_our_span_of_the_call_ends(
    telemetry: Telemetry,
    handler: ConfessionCallbackHandler,
    monkeypatch: pytest.MonkeyPatch,
    swallowed: list[Any],
    said: Any,
    error: type[Exception] | None,
) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise OSError

    monkeypatch.setattr("confession_otel.langchain.handler.answer_of", fails)
    monkeypatch.setattr("confession_otel.langchain.handler.Status", fails)
    with contextlib.nullcontext() if error is None else pytest.raises(error):
        says(said).invoke("?", {"callbacks": [handler]})
    assert len(telemetry.spans("chat")) == 1
    assert swallowed
    swallowed.clear()


def test_a_schema_of_an_unexpected_form_is_none() -> None:
    wanted = {"response_format": {"type": "json_schema", "json_schema": "words"}}
    assert asked([], wanted).schema is None


def test_each_of_several_choices_is_an_answer(telemetry: Telemetry, handler: ConfessionCallbackHandler) -> None:
    run_id = uuid4()
    handler.on_chat_model_start({}, [[]], run_id=run_id)
    choices: Any = [ChatGeneration(message=AIMessage(text)) for text in (FAILED, "Two words.")]
    handler.on_llm_end(LLMResult(generations=[choices]), run_id=run_id)
    assert statuses(telemetry) == {"confessed": 1, "absent": 1}
    assert len(telemetry.spans("chat")) == 1


def test_a_stream_left_early_has_no_answer(telemetry: Telemetry, handler: ConfessionCallbackHandler) -> None:
    stream = says(FAILED).stream("?", config={"callbacks": [handler]})
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert (telemetry.spans(), statuses(telemetry), len(handler._runs)) == ([], {}, 0)


async def test_nor_has_an_asynchronous_one(telemetry: Telemetry, handler: ConfessionCallbackHandler) -> None:
    stream: Any = says(FAILED).astream("?", config={"callbacks": [handler]})
    await anext(stream)
    await stream.aclose()
    assert (telemetry.spans(), statuses(telemetry), len(handler._runs)) == ([], {}, 0)


# --- Forms of a run ---------------------------------------------------------------------------------------------------


def test_a_retried_model_shows_each_try_and_counts_one_answer(
    telemetry: Telemetry, handler: ConfessionCallbackHandler
) -> None:
    tries = iter([ValueError("busy"), None])

    class Flaky(Model):
        def _generate(self, *arguments: Any, **keywords: Any) -> Any:
            if (error := next(tries)) is not None:
                raise error
            return super()._generate(*arguments, **keywords)

    model = Flaky(messages=iter([AIMessage(FAILED)]))
    model.with_retry(wait_exponential_jitter=False).invoke("?", config={"callbacks": [handler]})
    assert [span.status.status_code for span in telemetry.spans("chat")] == [StatusCode.ERROR, StatusCode.UNSET]
    assert statuses(telemetry) == {"confessed": 1}
    assert len(handler._runs) == 0


def test_a_fallback_gives_the_answer(telemetry: Telemetry, handler: ConfessionCallbackHandler) -> None:
    class Down(Model):
        def _generate(self, *arguments: Any, **keywords: Any) -> Any:
            msg = "down"
            raise ValueError(msg)

    model = Down(messages=iter(())).with_fallbacks([says(FAILED)])
    model.invoke("?", config={"callbacks": [handler]})
    assert [(span.attributes or {}).get("error.type") for span in telemetry.spans("chat")] == ["ValueError", None]
    assert statuses(telemetry) == {"confessed": 1}


class State(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]


@pytest.mark.parametrize("switched_on", ["given", "everywhere"])
def test_subgraphs_and_parallel_branches_are_observed_once_each(
    telemetry: Telemetry, handler: ConfessionCallbackHandler, switched_on: str
) -> None:
    def node(text: str) -> Any:
        model = says(text, repeat=True)
        return lambda state: {"messages": [model.invoke("?")]}

    inner = StateGraph(State)
    inner.add_node("deep", node(FAILED))
    inner.add_edge(START, "deep")
    graph: Any = StateGraph(State)
    graph.add_node("left", inner.compile())
    graph.add_node("right", node(FINE))
    graph.add_node("last", node("Only this."))
    graph.add_edge(START, "left")
    graph.add_edge(START, "right")
    graph.add_edge(["left", "right"], "last")
    graph.add_edge("last", END)
    if switched_on == "everywhere":
        co.instrument(**telemetry.providers)
    with telemetry.tracer_provider.get_tracer("host").start_as_current_span("request") as request:
        graph.compile().invoke({"messages": []}, config={"callbacks": [handler]} if switched_on == "given" else None)
        assert get_current_span() is request
    assert statuses(telemetry) == {"confessed": 2, "absent": 1}
    assert [span.parent for span in telemetry.spans("chat")] == [request.get_span_context()] * 3
    assert len(handler._runs) == len(everywhere._everywhere._runs) == 0


# --- Interrupts -------------------------------------------------------------------------------------------------------


def errors(telemetry: Telemetry) -> list[str]:
    return [span.name for span in telemetry.spans() if "error.type" in (span.attributes or {})]


def test_an_interrupted_node_is_no_error_and_the_resumed_one_gives_the_answer(
    telemetry: Telemetry, handler: ConfessionCallbackHandler
) -> None:
    model = says("Only this.", repeat=True)

    def ask_first(state: State) -> Any:
        interrupt("May I?")
        return {"messages": [model.invoke("?")]}

    graph: Any = StateGraph(State)
    graph.add_node("ask_first", ask_first)
    graph.add_edge(START, "ask_first")
    compiled = graph.compile(checkpointer=InMemorySaver())
    config: Any = {"callbacks": [handler], "configurable": {"thread_id": "1"}}
    assert "__interrupt__" in compiled.invoke({"messages": []}, config)
    assert (telemetry.spans(), statuses(telemetry)) == ([], {})
    compiled.invoke(Command(resume="yes"), config)
    assert errors(telemetry) == []
    assert statuses(telemetry) == {"absent": 1}
    assert len(handler._runs) == 0


def test_a_tool_that_waits_for_a_person_has_not_failed(
    telemetry: Telemetry, handler: ConfessionCallbackHandler
) -> None:
    @tool
    def approve(place: str) -> str:
        """Asks a person."""
        return str(interrupt(place))

    run = agent(says(calls("approve", place="Ulm"), FINE), approve, checkpointer=InMemorySaver())
    config: Any = {"callbacks": [handler], "configurable": {"thread_id": "1"}}
    run.invoke({"messages": [("user", "?")]}, config)
    assert statuses(telemetry) == {}
    run.invoke(Command(resume="yes"), config)
    assert errors(telemetry) == []
    assert contradictions(telemetry) == ()
    assert statuses(telemetry) == {"confessed": 1}


@pytest.mark.parametrize("error", [GraphInterrupt(), ParentCommand(Command())], ids=["interrupt", "parent command"])
def test_control_flow_out_of_a_model_call_is_no_error(
    telemetry: Telemetry, handler: ConfessionCallbackHandler, error: Exception
) -> None:
    run_id = uuid4()
    handler.on_chat_model_start({}, [[]], run_id=run_id)
    handler.on_llm_error(error, run_id=run_id)
    assert telemetry.spans() == []


# --- Contexts and memory ----------------------------------------------------------------------------------------------


def streaming_graph(model: Any) -> Any:
    async def node(state: MessagesState) -> Any:
        return {"messages": [await model.ainvoke(state["messages"])]}

    graph: Any = StateGraph(MessagesState)
    graph.add_node("one", node)
    graph.add_node("two", RunnableLambda(lambda state: {"messages": []}))
    graph.add_edge(START, "one")
    graph.add_edge("one", "two")
    return graph.compile()


async def test_fifty_graphs_at_once_keep_their_requests_apart(
    telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    co.instrument(**telemetry.providers)
    tracer = telemetry.tracer_provider.get_tracer("host")
    requests: dict[str, Any] = {}

    async def request(number: int) -> None:
        with tracer.start_as_current_span(f"request {number}") as span:
            requests[f"t-{number}"] = span.get_span_context()
            config: Any = {"metadata": {"thread_id": f"t-{number}"}}
            question = {"messages": [("user", f"{number}")]}
            async for _ in streaming_graph(says(FAILED)).astream(question, config, stream_mode="messages"):
                assert get_current_span() is span
                await asyncio.sleep(0)
            assert get_current_span() is span

    with caplog.at_level(logging.DEBUG, "opentelemetry.context"):
        await asyncio.gather(*(request(number) for number in range(50)))
    assert [record for record in caplog.records if record.name == "opentelemetry.context"] == []
    answers = {span.context.span_id: span for span in telemetry.spans("chat") if span.context is not None}
    found: dict[Any, Any] = {}
    for confession in telemetry.spans("confession"):
        assert confession.parent is not None
        thread = (confession.attributes or {})["gen_ai.conversation.id"]
        found[thread] = answers[confession.parent.span_id].parent
    assert found == requests
    assert len(everywhere._everywhere._runs) == 0


async def test_memory_is_flat_over_many_runs(telemetry: Telemetry) -> None:
    co.instrument(capture="verdict")
    graph = streaming_graph(says(FAILED, repeat=True))

    async def round_of(runs: int) -> int:
        async def one() -> None:
            async for _ in graph.astream({"messages": [("user", "?")]}):
                pass

        for _ in range(runs // 10):
            await asyncio.gather(*(one() for _ in range(10)))
        gc.collect()
        kept = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, "*/confession_otel/langchain/*")])  # noqa: FBT003
        return sum(statistic.size for statistic in kept.statistics("filename"))

    tracemalloc.start()
    try:
        await round_of(10)
        first, second = await round_of(20), await round_of(60)
    finally:
        tracemalloc.stop()
    assert len(everywhere._everywhere._runs) == 0
    # The table of answers brought keeps as many strings as it may, and no more.
    assert second - first < 60 * 300


def test_no_run_leaves_anything_current(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers)
    for _ in says(FAILED).stream("?"):
        assert get_current_span() is INVALID_SPAN
    says(FAILED).invoke("?")
    agent(says(calls("sour", place="Ulm"), FINE), sour).invoke({"messages": "?"})
    assert get_current_span() is INVALID_SPAN


@pytest.mark.parametrize(
    "module",
    [
        "langchain_core.callbacks.manager",
        "langchain_core.language_models",
        "langchain_core.language_models.chat_models",
        "langchain_core.language_models.llms",
        "langchain_core.messages",
        "langchain_core.runnables",
        "langchain_core.runnables.config",
        "langchain_core.tracers",
        "langchain_openai",
        "langgraph.graph",
    ],
)
def test_whichever_module_is_imported_first_every_run_is_observed(module: str) -> None:
    code = (
        f"import confession_otel, importlib; confession_otel.instrument(); importlib.import_module('{module}');"
        "from langchain_core.language_models import FakeListChatModel as Model; Model(responses=['No.']).invoke('?');"
        "from confession_otel import guard, observation;"
        "counted = observation.default().recorder.instruments.answers.read();"
        "print(dict(guard.tally()), [[str(status), count] for (status, _), count in counted.items()])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.stdout.strip() == "{} [['absent', 1]]", done.stderr


def test_chunks_are_messages_too(telemetry: Telemetry, handler: ConfessionCallbackHandler) -> None:
    run_id = uuid4()
    handler.on_chat_model_start({}, [[]], run_id=run_id)
    chunk = AIMessageChunk(content=[{"type": "text", "text": FAILED, "index": 0}])
    handler.on_llm_end(LLMResult(generations=[[ChatGeneration(message=chunk)]]), run_id=run_id)
    assert statuses(telemetry) == {"confessed": 1}


def test_the_hook_of_an_sdk_below_knows_of_the_run_as_well(telemetry: Telemetry, http_clients: dict[str, Any]) -> None:
    def model(request: Request) -> dict[str, object]:
        if request.json["messages"][-1]["role"] == "tool":
            return chat_completion(FINE)
        return chat_completion(None, tool_calls=[("reserve", "{}")])

    @tool
    def reserve() -> str:
        """Reserve a seat."""
        msg = "none left"
        raise ToolException(msg)

    reserve.handle_tool_error = True
    co.instrument(**telemetry.providers)
    with ScriptedServer(model) as server:
        key = SecretStr("none")
        chat = ChatOpenAI(model="m-1", base_url=server.base_url, api_key=key, max_retries=0, **http_clients)
        clerk: Any = create_agent(chat, [reserve], name="clerk")
        clerk.invoke({"messages": "?"}, {"metadata": {"thread_id": "t-1"}})
    attributes = telemetry.confession().attributes or {}
    assert attributes["confession.contradictions"] == ("tool_error",)
    assert (attributes["gen_ai.agent.name"], attributes["gen_ai.conversation.id"]) == ("clerk", "t-1")
    assert len(telemetry.spans("chat m-1")) == 2
    assert statuses(telemetry) == {"confessed": 1}

"""The middleware of `create_agent`: one confession for each run, in the state and on the spans; the agent as it was."""

from __future__ import annotations

import asyncio
import gc
import json
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware, ModelCallLimitMiddleware, wrap_tool_call
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from opentelemetry.instrumentation.utils import suppress_instrumentation
from pydantic import BaseModel, PrivateAttr, SecretStr

import confession_otel as co
import confession_otel.langchain
from confession_otel.langchain import ConfessionCallbackHandler
from confession_otel.langchain.middleware import ConfessionMiddleware
from confession_otel.langchain.middleware.run import Runs, Turn
from confession_otel.testing import Request, ScriptedServer, chat_completion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from conftest import Telemetry

ASKED: Final = "For the record, give an honest account"
TAG: Final = re.compile(r'<confession id="(\w+)">')
CANARY: Final = "zebra"


def report(
    compliance: str = "fully_complied", objective: str = "Do as told", why: str = f"The {CANARY} said so"
) -> str:
    one = {"objective": objective, "compliance": compliance, "analysis": why}
    return json.dumps({"compliance_analysis": [one], "uncertainties_and_conflicts": [], "overall_compliance_grade": 5})


class Fake(BaseChatModel):
    """Says what its script says to the messages; streams where it is streamed."""

    script: Any
    """(messages) -> AIMessage, text, or an error to raise."""
    pause: float = 0
    _heard: list[list[BaseMessage]] = PrivateAttr(default_factory=list)
    _tools: list[Any] = PrivateAttr(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "fake"

    @property
    def asked(self) -> list[list[BaseMessage]]:
        """The conversations in which a confession was asked for."""
        return [messages for messages in self._heard if str(messages[-1].text).startswith(ASKED)]

    def bind_tools(self, tools: Sequence[Any], **keywords: Any) -> Any:
        names = [getattr(one, "name", None) or getattr(one, "__name__", "?") for one in tools]
        return self.bind(tools=names, **keywords)

    def _answer(self, messages: list[BaseMessage], keywords: dict[str, Any]) -> AIMessage:
        self._heard.append(messages)
        self._tools.append(keywords.get("tools"))
        time.sleep(self.pause)
        said = self.script(messages)
        if isinstance(said, BaseException):
            raise said
        return said if isinstance(said, AIMessage) else AIMessage(said)

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **keywords: Any
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self._answer(messages, keywords))])

    def _stream(self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **keywords: Any) -> Any:
        said = self._answer(messages, keywords)
        text = str(said.text)
        calls: list[Any] = [
            {"id": call["id"], "name": call["name"], "args": json.dumps(call["args"]), "index": number}
            for number, call in enumerate(said.tool_calls)
        ]
        for start in range(0, len(text), 5):
            chunk = ChatGenerationChunk(message=AIMessageChunk(content=text[start : start + 5]))
            if run_manager:
                run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk
        yield ChatGenerationChunk(message=AIMessageChunk(content="", tool_call_chunks=calls, chunk_position="last"))


@tool
def book(day: str) -> str:
    """Book a room."""
    if day == "never":
        message = "no room"
        raise ValueError(message)
    return f"booked {day}"


@wrap_tool_call
def tell_errors(request: Any, handler: Any) -> Any:
    try:
        return handler(request)
    except ValueError as error:
        call = request.tool_call
        return ToolMessage(str(error), tool_call_id=call["id"], name=call["name"], status="error")


def calling(name: str = "book", **arguments: str) -> AIMessage:
    return AIMessage("", tool_calls=[{"id": "1", "name": name, "args": arguments}])


def scripted(*turns: Any, confession: Any = None) -> Callable[[list[BaseMessage]], Any]:
    """One turn after the other since the user's last message; a confession when asked, in whichever way."""

    def script(messages: list[BaseMessage]) -> Any:
        said = confession or report()
        last = str(messages[-1].text)
        if last.startswith(ASKED):
            return said
        users = [number for number, one in enumerate(messages) if isinstance(one, HumanMessage) and one.text != last]
        since = messages[max(users, default=0) :]
        turn = turns[sum(isinstance(one, AIMessage) for one in since) % len(turns)]
        if isinstance(turn, str) and (tag := TAG.search(last)):
            return f'{turn}\n\n<confession id="{tag[1]}">{said}</confession>'
        return turn

    return script


BOOKS: Final = (calling(day="Monday"), "Booked.")


def agent_of(model: BaseChatModel, *middleware: Any, **keywords: Any) -> Any:
    return create_agent(model, [book], middleware=middleware, **keywords)


def bare(model: BaseChatModel, *middleware: Any) -> Any:
    return create_agent(model, middleware=middleware)


def ask(agent: Any, question: str = "Book a room.", **keywords: Any) -> dict[str, Any]:
    result: dict[str, Any] = agent.invoke({"messages": question}, **keywords)
    return result


def alike(messages: list[BaseMessage]) -> list[tuple[str, Any, Any]]:
    return [(one.type, one.content, getattr(one, "tool_calls", None)) for one in messages]


def attributes(telemetry: Telemetry) -> dict[str, Any]:
    return dict(telemetry.confession().attributes or {})


@pytest.mark.parametrize("way", ["ask", "in_band", "observe"])
@pytest.mark.parametrize("asynchronous", [False, True])
async def test_each_way_gives_one_confession_in_the_state_and_on_the_spans(
    telemetry: Telemetry, way: str, asynchronous: bool
) -> None:
    end = "Booked." if way != "observe" else f"Booked.\n\n<confession>{report('not_complied_reported')}</confession>"
    model = Fake(script=scripted(calling(day="Monday"), end, confession=report("not_complied_reported")))
    agent = agent_of(model, ConfessionMiddleware(way=way, **telemetry.providers))
    given: Any = {"messages": "Book a room."}
    result = await agent.ainvoke(given) if asynchronous else agent.invoke(given)
    plain = create_agent(Fake(script=scripted(calling(day="Monday"), end)), [book]).invoke(given)
    assert set(result) == {*plain, "confession"}
    assert alike(result["messages"]) == alike(plain["messages"])
    confession = result["confession"]
    assert (confession["verdict"], confession["flagged"], confession["source"]) == ("non_compliant", True, way)
    span = telemetry.confession()
    _, last = telemetry.spans("chat fake") or telemetry.spans("chat")
    assert last.context is not None
    assert span.parent is not None
    assert span.parent.span_id == last.context.span_id
    assert attributes(telemetry)["confession.id"] == confession["id"]
    assert telemetry.counts("confession.answers") == [({"confession.status": "confessed"}, 1)]
    assert len(model.asked) == (way == "ask")


def test_it_asks_by_default_unless_the_environment_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ConfessionMiddleware()._way == "ask"
    monkeypatch.setenv("CONFESSION_OTEL_WAY", "observe")
    assert ConfessionMiddleware()._way == "observe"
    assert ConfessionMiddleware(way="in_band")._way == "in_band"
    with pytest.raises(ValueError, match="takes one of"):
        ConfessionMiddleware(way="beg")
    with pytest.raises(TypeError, match="no setting"):
        ConfessionMiddleware(polices=["x"])


def test_what_is_asked_follows_the_true_system_prompt_tools_and_transcript(telemetry: Telemetry) -> None:
    model = Fake(script=scripted(*BOOKS))
    agent = agent_of(
        model, ConfessionMiddleware(**telemetry.providers, policies=["Be kind"]), system_prompt="Be brief."
    )
    ask(agent)
    (messages,) = model.asked
    assert isinstance(messages[0], SystemMessage)
    assert [one.text for one in messages[:-1]] == ["Be brief.", "Book a room.", "", "booked Monday", "Booked."]
    assert "1. Be kind" in messages[-1].text
    assert model._tools == [["book"]] * 3


def test_a_tool_that_failed_contradicts_a_confession_that_passes_over_it(telemetry: Telemetry) -> None:
    model = Fake(script=scripted(calling(day="never"), "All done."))
    confession = ask(agent_of(model, tell_errors, ConfessionMiddleware(**telemetry.providers)))["confession"]
    assert (confession["verdict"], confession["flagged_by"]) == ("compliant", "contradicted")
    assert confession["contradictions"] == ["tool_error"]
    assert attributes(telemetry)["confession.contradictions"] == ("tool_error",)


def test_tools_that_failed_in_an_earlier_run_of_the_thread_are_no_evidence(telemetry: Telemetry) -> None:
    days = iter(["never", "Monday"])
    turns = scripted("call", "Done.")
    model = Fake(script=lambda messages: calling(day=next(days)) if turns(messages) == "call" else turns(messages))
    agent = agent_of(model, tell_errors, ConfessionMiddleware(**telemetry.providers), checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    assert ask(agent, config=config)["confession"]["flagged"] is True
    assert ask(agent, "Another one.", config=config)["confession"]["flagged"] is False
    assert len(telemetry.spans("confession")) == 2


def test_the_state_survives_a_checkpointer_and_is_never_that_of_the_run_before(
    telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANGGRAPH_STRICT_MSGPACK", "true")
    replies = iter([report(), RuntimeError("down")])
    model = Fake(script=lambda messages: next(replies) if messages[-1].text.startswith(ASKED) else "Hello.")
    agent = agent_of(model, ConfessionMiddleware(**telemetry.providers), checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    confession = ask(agent, "Hello?", config=config)["confession"]
    assert agent.get_state(config).values["confession"] == confession
    assert json.loads(json.dumps(confession)) == confession
    assert ask(agent, "Again?", config=config)["confession"] is None


def test_concurrent_runs_of_one_agent_never_mix(telemetry: Telemetry) -> None:
    def script(messages: list[BaseMessage]) -> str:
        texts = [str(one.text) for one in messages]
        number = texts[0]
        assert all(number in text for text in texts[:-1])
        return report(objective=f"Number {number}") if texts[-1].startswith(ASKED) else f"You said {number}."

    agent = bare(Fake(script=script, pause=0.01), ConfessionMiddleware(**telemetry.providers))
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda number: ask(agent, f"<{number}>"), range(24)))

    async def all_at_once() -> Any:
        return await asyncio.gather(*(agent.ainvoke({"messages": f"<{number}>"}) for number in range(24)))

    for number, result in [*enumerate(results), *enumerate(asyncio.run(all_at_once()))]:
        assert result["confession"]["objective"] == f"Number <{number}>"
    assert len(telemetry.spans("confession")) == 48


async def test_agents_called_by_a_tool_confess_for_themselves(telemetry: Telemetry) -> None:
    middleware = ConfessionMiddleware(**telemetry.providers)
    helper: Any = create_agent(
        Fake(script=lambda m: report(objective=f"of {m[0].text}") if m[-1].text.startswith(ASKED) else "Helped."),
        middleware=[middleware],
    )
    confessed: list[str] = []

    @tool
    async def delegate(to: str) -> str:
        """Delegate."""
        results = await asyncio.gather(*(helper.ainvoke({"messages": f"{to} {part}"}) for part in (1, 2)))
        confessed.extend(result["confession"]["objective"] for result in results)
        return "helped"

    turn = AIMessage("", tool_calls=[{"id": who, "name": "delegate", "args": {"to": who}} for who in ("a", "b")])
    model = Fake(script=scripted(turn, "Done.", confession=report(objective="of the whole")))
    given: Any = {"messages": "Go."}
    result = await create_agent(model, [delegate], middleware=[middleware]).ainvoke(given)
    assert sorted(confessed) == ["of a 1", "of a 2", "of b 1", "of b 2"]
    assert result["confession"]["objective"] == "of the whole"
    assert len(telemetry.spans("confession")) == 5


class Booking(BaseModel):
    day: str


@pytest.mark.parametrize("way", ["ask", "in_band"])
def test_a_run_that_ends_in_structured_output_is_confessed_as_a_whole(telemetry: Telemetry, way: str) -> None:
    middleware = ConfessionMiddleware(way=way, **telemetry.providers)
    by_tool = Fake(script=scripted(calling(day="Monday"), calling("Booking", day="Monday")))
    by_provider = Fake(script=scripted(calling(day="Monday"), '{"day": "Monday"}'))
    for model, kind in ((by_tool, ToolStrategy(Booking)), (by_provider, ProviderStrategy(Booking))):
        result = ask(agent_of(model, middleware, response_format=kind))
        assert result["structured_response"] == Booking(day="Monday")
        if way == "ask":
            assert result["confession"]["verdict"] == "compliant"
            (messages,) = model.asked
            assert [one.type for one in messages][:4] == ["human", "ai", "tool", "ai"]
        else:
            # There is no room in it for another text: the model is not told.
            assert result["confession"] is None
    assert "Booking" in by_tool._tools[-1]
    if way == "in_band":
        labels = {"confession.status": "not_asked", "confession.not_asked.reason": "not_told"}
        ((found, count),) = telemetry.counts("confession.answers")
        assert set(labels.values()) == set(found.values())
        assert count == 2


def test_a_run_that_ends_with_a_tool_that_returns_directly_is_confessed_as_a_whole(telemetry: Telemetry) -> None:
    @tool(return_direct=True)
    def look(day: str) -> str:
        """Look."""
        return f"{day} is free"

    model = Fake(script=scripted(calling("look", day="Monday")))
    agent = create_agent(model, [look], middleware=[ConfessionMiddleware(**telemetry.providers)])
    result = ask(agent)
    assert result["messages"][-1].text == "Monday is free"
    assert result["confession"]["verdict"] == "compliant"
    (messages,) = model.asked
    assert [one.type for one in messages] == ["human", "ai", "tool", "human"]


def test_an_interrupted_run_has_no_confession_until_it_is_resumed_and_ends(telemetry: Telemetry) -> None:
    model = Fake(script=scripted(*BOOKS))
    pausing = HumanInTheLoopMiddleware(interrupt_on={"book": True})
    agent = agent_of(model, pausing, ConfessionMiddleware(**telemetry.providers), checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    paused = ask(agent, config=config)
    assert paused["__interrupt__"]
    assert paused.get("confession") is None
    assert telemetry.spans("confession") == []
    assert telemetry.counts("confession.answers") == []
    result = agent.invoke(Command(resume={"decisions": [{"type": "approve"}]}), config)
    assert result["confession"]["verdict"] == "compliant"
    assert [one.type for one in model.asked[0]] == ["human", "ai", "tool", "ai", "human"]
    assert len(telemetry.spans("confession")) == 1


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_run_that_is_resumed_and_calls_no_model_is_asked_about_where_that_is_known(
    telemetry: Telemetry, elsewhere: bool
) -> None:
    @tool(return_direct=True)
    def look(day: str) -> str:
        """Look."""
        return f"{day} is free"

    middleware = ConfessionMiddleware(**telemetry.providers)
    pausing = HumanInTheLoopMiddleware(interrupt_on={"look": True})
    model = Fake(script=scripted(calling("look", day="Monday")))
    agent: Any = create_agent(model, [look], middleware=[pausing, middleware], checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    assert ask(agent, config=config)["__interrupt__"]
    if elsewhere:
        middleware._runs = Runs()
    result = agent.invoke(Command(resume={"decisions": [{"type": "approve"}]}), config)
    assert result["messages"][-1].text == "Monday is free"
    ((labels, count),) = telemetry.counts("confession.answers")
    assert count == 1
    if elsewhere:
        # Which model it was, with which prompt, was known in the process before.
        assert result["confession"] is None
        assert sorted(labels.values()) == ["no_client", "not_asked"]
    else:
        assert result["confession"]["verdict"] == "compliant"
        assert [one.type for one in model.asked[0]] == ["human", "ai", "tool", "human"]


def test_evidence_decides_about_which_runs_it_asks(telemetry: Telemetry) -> None:
    middleware = ConfessionMiddleware(triggers="on_evidence", **telemetry.providers)
    assert ask(agent_of(Fake(script=scripted(*BOOKS)), tell_errors, middleware))["confession"] is None
    failing = agent_of(Fake(script=scripted(calling(day="never"), "Booked.")), tell_errors, middleware)
    assert ask(failing)["confession"]["flagged"] is True


async def test_the_question_is_no_event_of_the_run(telemetry: Telemetry) -> None:
    agent = agent_of(Fake(script=scripted(*BOOKS)), ConfessionMiddleware(**telemetry.providers))
    events = [event async for event in agent.astream_events({"messages": "Book a room."}, version="v2")]
    assert len([event for event in events if event["event"] == "on_chat_model_start"]) == 2
    assert ASKED not in str(events)
    assert len(telemetry.spans("confession")) == 1


def test_an_older_langgraph_is_said_once_and_breaks_nothing(
    telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    runs = ConfessionMiddleware(**telemetry.providers)
    runtime: Any = type("Runtime", (), {})()
    state: Any = {"messages": [HumanMessage("Hi.", id="1"), AIMessage("Hello.", id="2")]}
    assert runs.before_agent(state, runtime) == {"confession": None}
    assert runs.after_agent(state, runtime) == {"confession": None}
    assert caplog.text.count("LangGraph 1.2") == 1


@pytest.mark.parametrize("way", ["ask", "in_band", "observe"])
def test_a_run_that_fails_has_none_and_fails_as_it_did(telemetry: Telemetry, way: str) -> None:
    agent = agent_of(Fake(script=scripted(calling(day="never"))), ConfessionMiddleware(way=way, **telemetry.providers))
    with pytest.raises(ValueError, match="no room"):
        ask(agent)
    broken = agent_of(Fake(script=lambda _: RuntimeError("down")), ConfessionMiddleware(**telemetry.providers))
    with pytest.raises(RuntimeError, match="down"):
        ask(broken)
    assert telemetry.spans("confession") == []
    assert telemetry.counts("confession.answers") == []


@pytest.mark.parametrize("config", [{}, {"configurable": {"thread_id": "1"}}])
@pytest.mark.parametrize("way", ["ask", "in_band", "observe"])
def test_of_runs_that_fail_no_conversation_is_kept(telemetry: Telemetry, way: str, config: Any) -> None:
    model = Fake(script=scripted(calling(day="never")))
    agent = agent_of(model, ConfessionMiddleware(way=way, **telemetry.providers))
    question = f"Book a room. {way}"
    for _ in range(3):
        with pytest.raises(ValueError, match="no room"):
            ask(agent, question, config=config)
    model._heard.clear()
    gc.collect()
    assert [one for one in gc.get_objects() if isinstance(one, BaseMessage) and question in str(one.content)] == []


def test_what_an_interrupted_run_leaves_to_the_next_is_without_its_words(telemetry: Telemetry) -> None:
    @tool(return_direct=True)
    def look(day: str) -> str:
        """Look."""
        return f"{day} is free"

    middleware = ConfessionMiddleware(**telemetry.providers)
    pausing = HumanInTheLoopMiddleware(interrupt_on={"look": True})
    model = Fake(script=scripted(calling("look", day="Monday")))
    agent: Any = create_agent(
        model, [look], system_prompt="Look.", middleware=[pausing, middleware], checkpointer=InMemorySaver()
    )
    config = {"configurable": {"thread_id": "1"}}
    assert ask(agent, "On which day?", config=config)["__interrupt__"]
    heard = [*model._heard[0]]
    model._heard.clear()
    gc.collect()
    (left,) = (one for one in gc.get_objects() if isinstance(one, Turn))
    assert (left.messages, left.result) == (None, [])
    assert agent.invoke(Command(resume={"decisions": [{"type": "approve"}]}), config)["confession"]
    (conversation,) = model.asked
    assert alike(conversation[:2]) == alike(heard)
    assert [one.type for one in conversation] == ["system", "human", "ai", "tool", "human"]


def test_a_run_whose_model_was_never_called_has_nothing_to_confess(telemetry: Telemetry) -> None:
    limit = ModelCallLimitMiddleware(run_limit=0)
    result = ask(agent_of(Fake(script=scripted("?")), limit, ConfessionMiddleware(**telemetry.providers)))
    assert result["confession"] is None
    assert telemetry.counts("confession.answers") == []


def test_a_run_that_a_limit_ended_is_asked_about_with_every_call_answered(telemetry: Telemetry) -> None:
    model = Fake(script=scripted(calling(day="Monday")))
    limit = ModelCallLimitMiddleware(run_limit=2)
    result = ask(agent_of(model, limit, ConfessionMiddleware(**telemetry.providers)))
    assert result["confession"]["verdict"] == "compliant"
    assert [one.type for one in model.asked[0]] == ["human", "ai", "tool", "ai", "tool", "ai", "human"]


@pytest.mark.parametrize("mode", ["messages", "updates", "values"])
async def test_streams_are_those_of_the_agent_alone_and_the_question_is_in_none(
    telemetry: Telemetry, mode: Any
) -> None:
    def streamed(*middleware: Any) -> list[Any]:
        agent = agent_of(Fake(script=scripted(*BOOKS)), *middleware)
        return list(agent.stream({"messages": "Book a room."}, stream_mode=mode))

    def told(pieces: list[Any]) -> list[Any]:
        if mode == "messages":
            return [(type(piece), piece.content) for piece, _ in pieces]
        if mode == "values":
            steps = [alike(piece["messages"]) for piece in pieces]
            return [step for number, step in enumerate(steps) if step not in steps[:number]]
        return [next(iter(piece)) for piece in pieces]

    middleware = ConfessionMiddleware(**telemetry.providers)
    with_it, without = streamed(middleware), streamed()
    nodes = ["ConfessionMiddleware.before_agent", "ConfessionMiddleware.after_agent"]
    assert [one for one in told(with_it) if one not in nodes] == told(without)
    agent = agent_of(Fake(script=scripted(*BOOKS)), middleware)
    again = [piece async for piece in agent.astream({"messages": "Book a room."}, stream_mode=mode)]
    assert told(again) == told(with_it)
    assert ASKED not in str([with_it, again])
    assert len(telemetry.spans("confession")) == 2
    if mode == "values":
        assert set(with_it[-1]) == {"messages", "confession"}
    if mode == "messages":
        assert CANARY not in str(with_it)


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_model_that_fails_when_asked_costs_only_the_confession(
    telemetry: Telemetry, asynchronous: bool
) -> None:
    model = Fake(script=scripted(*BOOKS, confession=RuntimeError("down")))
    agent = agent_of(model, ConfessionMiddleware(**telemetry.providers))
    given: Any = {"messages": "Book a room."}
    result = await agent.ainvoke(given) if asynchronous else agent.invoke(given)
    assert result["messages"][-1].text == "Booked."
    assert result["confession"] is None
    assert attributes(telemetry)["error.type"] == "RuntimeError"
    ((labels, count),) = telemetry.counts("confession.answers")
    assert (labels["confession.status"], count) == ("failed", 1)


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_it_waits_no_longer_than_the_timeout(telemetry: Telemetry, asynchronous: bool) -> None:
    def script(messages: list[BaseMessage]) -> str:
        if messages[-1].text.startswith(ASKED):
            time.sleep(1.5)
        return "Hello."

    agent = bare(Fake(script=script), ConfessionMiddleware(timeout=0.2, **telemetry.providers))
    begun = time.monotonic()
    given: Any = {"messages": "Hello?"}
    result = await agent.ainvoke(given) if asynchronous else agent.invoke(given)
    assert time.monotonic() - begun < 1.2
    assert result["confession"] is None
    assert attributes(telemetry)["error.type"] == "timeout"


def test_the_budget_is_that_of_the_middleware(telemetry: Telemetry) -> None:
    agent = create_agent(
        Fake(script=scripted("Hello.")),
        middleware=[ConfessionMiddleware(max_requests_per_minute=1, **telemetry.providers)],
    )
    confessions = [ask(agent, "Hello?")["confession"] for _ in range(3)]
    assert [one is None for one in confessions] == [False, True, True]
    assert len(telemetry.spans("confession")) == 1


def test_one_made_for_each_agent_has_the_budget_of_all_with_its_settings(telemetry: Telemetry) -> None:
    model = Fake(script=scripted("Hello."))
    limited = {"max_requests_per_minute": 1, **telemetry.providers}
    confessions = [ask(bare(model, ConfessionMiddleware(**limited)), "Hello?")["confession"] for _ in range(3)]
    assert [one is None for one in confessions] == [False, True, True]
    ask(bare(model, ConfessionMiddleware(way="observe", **limited)), "Hello?")
    assert len(model.asked) == 1


def test_the_budget_of_instrument_is_that_of_the_middleware_too(telemetry: Telemetry) -> None:
    co.instrument(way="ask", max_requests_per_minute=1, **telemetry.providers)
    model = Fake(script=scripted("Hello."))
    model.invoke("Hello?")
    assert co.flush()
    assert ask(bare(model, ConfessionMiddleware()), "Hello?")["confession"] is None
    assert len(model.asked) == 1


@pytest.mark.parametrize("way", ["ask", "in_band", "observe"])
def test_with_capture_verdict_no_word_of_it_leaves_in_telemetry_or_state(telemetry: Telemetry, way: str) -> None:
    end = "Hello." if way != "observe" else f"Hello.\n\n<confession>{report()}</confession>"
    model = Fake(script=scripted(end))
    middleware = ConfessionMiddleware(way=way, capture="verdict", **telemetry.providers)
    result = ask(create_agent(model, middleware=[middleware]), "Hello?")
    assert result["confession"]["verdict"] == "compliant"
    assert CANARY not in str(result["confession"])
    spans = [
        (span.name, dict(span.attributes or {}), span.events, span.status.description) for span in telemetry.spans()
    ]
    assert telemetry.spans("confession")
    assert CANARY not in str(spans)
    assert CANARY not in str([(event.log_record.body, event.log_record.attributes) for event in telemetry.events()])


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    def script(request: Request) -> dict[str, object]:
        messages = request.json["messages"]
        said = str(messages[-1]["content"])
        if said.startswith(ASKED):
            return chat_completion(report())
        if messages[-1]["role"] == "user" and len(messages) < 3:
            return chat_completion(tool_calls=[("book", '{"day": "Monday"}')])
        tag = TAG.search(said)
        block = f'\n\n<confession id="{tag[1]}">{report()}</confession>' if tag else ""
        return chat_completion(f"Booked.{block}", completion_tokens=77)

    with ScriptedServer(script) as server:
        yield server


@pytest.fixture
def chat(server: ScriptedServer, http_clients: dict[str, Any]) -> ChatOpenAI:
    key = SecretStr("none")
    return ChatOpenAI(model="m-1", base_url=server.base_url, api_key=key, max_retries=0, **http_clients)


@pytest.mark.parametrize("everywhere", ["observe", "ask", "in_band"])
@pytest.mark.parametrize("way", ["ask", "in_band"])
async def test_beside_every_other_hook_there_is_one_confession_and_one_span_for_each_call(
    telemetry: Telemetry, server: ScriptedServer, chat: ChatOpenAI, everywhere: str, way: str
) -> None:
    co.instrument(**telemetry.providers, way=everywhere, ask_mode="inline")
    agent = agent_of(chat, ConfessionMiddleware(way=way))
    config: Any = {"callbacks": [ConfessionCallbackHandler()]}
    results = [ask(agent, config=config), await agent.ainvoke({"messages": "Book a room."}, config)]
    for result in results:
        assert result["messages"][-1].text == "Booked."
        assert result["messages"][-1].usage_metadata["output_tokens"] == 77
        assert result["confession"]["source"] == way
    assert sorted(span.name for span in telemetry.spans()) == ["chat m-1"] * 4 + ["confession"] * 2
    assert telemetry.counts("confession.answers") == [({"confession.status": "confessed"}, 2)]
    assert len(server.requests) == (6 if way == "ask" else 4)


@pytest.mark.parametrize("length", [len("<confession"), 16, 24, 34])
def test_of_a_confession_cut_off_before_its_first_word_nothing_is_left(telemetry: Telemetry, length: int) -> None:
    def cut(messages: list[BaseMessage]) -> str:
        (tag,) = TAG.findall(str(messages[-1].text))
        return "Booked.\n\n" + f'<confession id="{tag}">'[:length]

    result = ask(bare(Fake(script=cut), ConfessionMiddleware(way="in_band", **telemetry.providers)))
    assert result["messages"][-1].text == "Booked."
    assert result.get("confession") is None
    reason = {"confession.status": "absent", "confession.reason": "truncated"}
    assert telemetry.counts("confession.answers") == [(reason, 1)]


async def test_the_replaced_message_of_in_band_keeps_its_id_also_where_it_was_streamed(
    telemetry: Telemetry, server: ScriptedServer, chat: ChatOpenAI
) -> None:
    agent = agent_of(chat, ConfessionMiddleware(way="in_band", **telemetry.providers))
    modes: Any = ["messages", "values"]
    streamed, final = set(), {}
    for mode, piece in agent.stream({"messages": "Book a room."}, stream_mode=modes):
        if mode == "values":
            final = piece
        elif isinstance(piece[0], AIMessageChunk):
            streamed.add(piece[0].id)
    last = final["messages"][-1]
    assert last.id in streamed
    assert last.text == "Booked."
    assert final["confession"]["source"] == "in_band"
    assert [len(final["messages"]), len(server.requests)] == [4, 2]
    # What a turn was told is in no later request.
    assert len(TAG.findall(str(server.requests[-1].json["messages"]))) == 1


def test_the_request_that_asks_is_the_conversation_with_its_tools_and_calls_none(
    telemetry: Telemetry, server: ScriptedServer, chat: ChatOpenAI
) -> None:
    ask(agent_of(chat, ConfessionMiddleware(**telemetry.providers), system_prompt="Be brief."))
    first, second, asking = (request.json for request in server.requests)
    assert asking["messages"][: len(second["messages"])] == second["messages"]
    assert asking["tools"] == second["tools"] == first["tools"]
    assert asking["tool_choice"] == "none"
    assert asking["messages"][-1]["content"].startswith(ASKED)


def test_a_live_genai_span_is_where_it_belongs(telemetry: Telemetry) -> None:
    agent = bare(Fake(script=scripted("Hi.")), ConfessionMiddleware(**telemetry.providers))
    tracer = telemetry.tracer_provider.get_tracer("peer")
    with tracer.start_as_current_span("chat theirs", attributes={"gen_ai.operation.name": "chat"}):
        ask(agent)
    assert [span.name for span in telemetry.spans()] == ["confession", "chat theirs"]


def test_with_no_answer_spans_it_is_below_the_span_of_the_request(telemetry: Telemetry) -> None:
    middleware = ConfessionMiddleware(answer_spans="never", **telemetry.providers)
    agent = bare(Fake(script=scripted("Hi.")), middleware)
    with telemetry.tracer_provider.get_tracer("host").start_as_current_span("request") as request:
        ask(agent)
    assert telemetry.confession().parent == request.get_span_context()


@pytest.mark.parametrize("off", ["disabled", "suppressed"])
def test_switched_off_it_lets_the_agent_pass(telemetry: Telemetry, off: str) -> None:
    model = Fake(script=scripted(*BOOKS))
    agent = agent_of(model, ConfessionMiddleware(enabled=off != "disabled", **telemetry.providers))
    if off == "disabled":
        result = ask(agent)
    else:
        with suppress_instrumentation():
            result = ask(agent)
    assert result["messages"][-1].text == "Booked."
    assert result["confession"] is None
    assert telemetry.spans() == []
    assert len(model._heard) == 2


@pytest.mark.parametrize("place", ["run._place", "hooks.ModelCall", "ending._as_one_answer", "ending.as_data"])
@pytest.mark.parametrize("way", ["ask", "in_band"])
def test_whatever_fails_in_us_the_agent_goes_on(
    telemetry: Telemetry,
    monkeypatch: pytest.MonkeyPatch,
    swallowed: list[tuple[str, Exception]],
    place: str,
    way: str,
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError

    monkeypatch.setattr(f"confession_otel.langchain.middleware.{place}", broken)
    model = Fake(script=scripted(*BOOKS))
    result = ask(agent_of(model, ConfessionMiddleware(way=way, **telemetry.providers)))
    assert result["messages"][-1].text == "Booked."
    assert result["confession"] is None
    assert swallowed
    swallowed.clear()


def test_a_message_that_other_middleware_gives_instead_of_the_model_is_no_trouble(telemetry: Telemetry) -> None:
    from langchain.agents.middleware import wrap_model_call

    @wrap_model_call
    def canned(request: Any, handler: Any) -> Any:
        return AIMessage("Come back tomorrow.")

    model = Fake(script=scripted("?"))
    result = ask(bare(model, ConfessionMiddleware(**telemetry.providers), canned))
    assert result["messages"][-1].text == "Come back tomorrow."
    assert result["confession"]["verdict"] == "compliant"


def test_instrument_after_the_agent_was_made_decides_on_words_and_providers(telemetry: Telemetry) -> None:
    agent = bare(Fake(script=scripted("Hi.")), ConfessionMiddleware())
    co.instrument(**telemetry.providers, capture="verdict")
    assert ask(agent)["confession"]["why"] is None
    assert "confession.text" not in attributes(telemetry)


def test_without_the_package_langchain_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [one for one in sys.modules if one == "langchain" or one.startswith("langchain.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "langchain", None)
    monkeypatch.delitem(sys.modules, "confession_otel.langchain.middleware")
    monkeypatch.delitem(vars(confession_otel.langchain), "ConfessionMiddleware", raising=False)
    with pytest.raises(ImportError, match=r"pip install .*langchain"):
        _ = confession_otel.langchain.ConfessionMiddleware
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = confession_otel.langchain.nothing

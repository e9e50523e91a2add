"""Every form of call of LangChain on everything that can be called: the caller notices nothing, we notice the answer.

Each cell is played unobserved and observed, with the handler given in the call's config, on the model, or everywhere,
and what the caller saw is compared: results, chunks, events, exceptions, with identifiers replaced by their order. Then
once more with each function of ours made to raise. The table in `docs/langchain.md` is what the cells say;
`WRITE_DOCS=1 pytest tests/hooks/test_langchain_matrix.py` writes it.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
import os
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import ToolException, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt
from opentelemetry.trace import INVALID_SPAN, get_current_span
from pydantic import BaseModel

import confession_otel as co
from confession_otel import calls, observation, recorder
from confession_otel.langchain import ConfessionCallbackHandler, everywhere, handler, messages, peers, runs

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from conftest import Telemetry

DOCS: Final = Path(__file__).parents[2] / "docs" / "langchain.md"
FAILED: Final = "Ten words.\n\n## Confession\n\nObjective: ten words / Result: ✗ did not comply / Why: there are two"
SHORT: Final = "Ten words."

# --- The table --------------------------------------------------------------------------------------------------------

FORMS: Final = {
    "invoke": "`invoke`",
    "stream": "`stream`",
    "batch": "`batch` of two",
    "events": "`astream_events`",
    "events_v3": "`stream_events`, v3",
}
COLOURS: Final = ("sync", "async")
SUBJECTS: Final = {
    "model": "a model, a confession in its answer",
    "without": "a model, none in it",
    "two_choices": "two choices, a confession in one",
    "chain": "prompt, model, parser",
    "retried": "`with_retry`, the first try fails",
    "fallback": "`with_fallbacks`, the first model fails",
    "tools": "a model that calls a tool",
    "structured": "structured output",
    "agent": "`create_agent`, a tool works",
    "agent_failing": "`create_agent`, a tool fails",
    "graph": "LangGraph, the model in a subgraph",
    "interrupted": "LangGraph, interrupted before the model",
    "failing": "a model that raises",
}
SWITCHES: Final = ("given", "on_the_model", "everywhere")
AGENTS: Final = frozenset({"agent", "agent_failing"})
GRAPHS: Final = AGENTS | {"graph", "interrupted"}
MODELS: Final = frozenset({"model", "without", "two_choices", "tools", "failing"})


@dataclass(frozen=True)
class Cell:
    subject: str
    form: str
    colour: str

    def __str__(self) -> str:
        return f"{self.subject}-{self.form}-{self.colour}"

    @property
    def makes_sense(self) -> bool:
        if self.form == "events":
            return self.colour == "async"
        if self.form == "events_v3":
            # What has it: models and graphs.
            return self.subject in MODELS | GRAPHS and self.subject != "two_choices"
        # Nothing retries a stream.
        return not (self.subject == "retried" and self.form == "stream")

    @property
    def expected(self) -> str:
        """What is recorded, for one of the runs of a batch."""
        match self.subject:
            case "without" | "structured":
                return "absent"
            case "two_choices":
                return "confession, absent"
            case "tools" | "interrupted":
                return "no answer"
            case "retried" if self.form == "events":
                # Its run is a stream.
                return "`ValueError`"
            case "retried" | "fallback":
                return "`ValueError`, confession"
            case "agent_failing":
                return "confession, contradicted"
            case "failing":
                return "`ValueError`"
        return "confession"


CELLS: Final = [
    cell for cell in (Cell(*place) for place in itertools.product(SUBJECTS, FORMS, COLOURS)) if cell.makes_sense
]

# --- What is called ---------------------------------------------------------------------------------------------------


class Model(BaseChatModel):
    """Answers by what it has been told, word by word where it is streamed."""

    says: str = FAILED
    fails: int = 0
    calls_first: str | None = None
    choices: int = 1
    structured: bool = False

    @property
    def _llm_type(self) -> str:
        return "matrix"

    def bind_tools(self, tools: Any, **_: Any) -> Any:
        return self

    def _answer(self, messages: list[BaseMessage]) -> AIMessage:
        if self.fails:
            self.fails -= 1
            msg = "busy"
            raise ValueError(msg)
        if self.calls_first is not None and not any(message.type == "tool" for message in messages):
            call = {"id": "call_1", "name": self.calls_first, "args": {"place": "Ulm"}}
            return AIMessage("", tool_calls=[call], id="m-1")
        return AIMessage(self.says, id="m-2", response_metadata={"finish_reason": "stop"})

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        chosen = [ChatGeneration(message=self._answer(messages))]
        chosen += [ChatGeneration(message=AIMessage(SHORT)) for _ in range(self.choices - 1)]
        return ChatResult(generations=chosen)

    def _stream(self, messages: list[BaseMessage], *_: Any, **__: Any) -> Iterator[ChatGenerationChunk]:
        answer = self._answer(messages)
        for call in answer.tool_calls:
            pieces = [{"name": call["name"], "args": '{"place": "Ulm"}', "id": call["id"], "index": 0}]
            yield ChatGenerationChunk(message=AIMessageChunk(content="", tool_call_chunks=pieces, id=answer.id))  # type: ignore[arg-type]
        for word in re.findall(r"\S+\s*", str(answer.text)):
            yield ChatGenerationChunk(message=AIMessageChunk(content=word, id=answer.id))
        yield ChatGenerationChunk(message=AIMessageChunk(content="", id=answer.id, chunk_position="last"))


class TwoChoices(Model):
    """Is not streamed."""

    choices: int = 2

    def _should_stream(self, **_: Any) -> bool:
        return False


class Shape(BaseModel):
    words: int


@tool
def good(place: str) -> str:
    """Works."""
    return place


@tool
def sour(place: str) -> str:
    """Fails, and says so."""
    raise ToolException(place)


sour.handle_tool_error = True


def graph(node: Any, **options: Any) -> Any:
    builder: Any = StateGraph(MessagesState)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    return builder.compile(**options)


def subject(cell: Cell, callbacks: list[Any] | None) -> Any:  # noqa: PLR0911 - a table
    """What is called, made anew; the callbacks go onto its models."""
    model: Any = Model(callbacks=callbacks)

    def node(state: MessagesState) -> Any:
        return {"messages": [model.invoke(state["messages"])]}

    def asking_node(state: MessagesState) -> Any:
        interrupt("May I?")
        return node(state)

    match cell.subject:
        case "without":
            return Model(says=SHORT, callbacks=callbacks)
        case "two_choices":
            return TwoChoices(callbacks=callbacks)
        case "chain":
            return ChatPromptTemplate.from_template("{question}") | model | StrOutputParser()
        case "retried":
            failing = Model(fails=2 if cell.form == "batch" else 1, callbacks=callbacks)
            return failing.with_retry(wait_exponential_jitter=False, stop_after_attempt=3)
        case "fallback":
            return Model(fails=9, callbacks=callbacks).with_fallbacks([model])
        case "tools":
            return Model(calls_first="good", callbacks=callbacks)
        case "structured":
            from langchain_core.output_parsers import PydanticOutputParser

            return Model(says='{"words": 2}', callbacks=callbacks) | PydanticOutputParser(pydantic_object=Shape)
        case "agent":
            return create_agent(Model(calls_first="good", callbacks=callbacks), [good])
        case "agent_failing":
            fine = FAILED.replace("✗ did not comply", "✓ complied")
            return create_agent(Model(says=fine, calls_first="sour", callbacks=callbacks), [sour])
        case "graph":
            return graph(graph(node))
        case "interrupted":
            return graph(asking_node, checkpointer=InMemorySaver())
        case "failing":
            return Model(fails=9, callbacks=callbacks)
    return model


def question(cell: Cell) -> Any:
    if cell.subject in GRAPHS:
        return {"messages": [("user", "Ten words, please.")]}
    return {"question": "Ten words, please."} if cell.subject == "chain" else "Ten words, please."


# --- The caller's side ------------------------------------------------------------------------------------------------


async def caller(cell: Cell, callbacks: list[Any] | None, on_the_model: list[Any] | None) -> list[Any]:
    """An application: calls, and notes down all that it sees."""
    seen: list[Any] = [get_current_span() is INVALID_SPAN]
    called, asked = subject(cell, on_the_model), question(cell)

    def config(thread: int = 1) -> Any:
        given: dict[str, Any] = {"configurable": {"thread_id": f"t-{thread}"}}
        if cell.form == "batch":
            # One after the other, so that two plays of it see the same.
            given["max_concurrency"] = 1
        return given if callbacks is None else {**given, "callbacks": callbacks}

    prefix = "a" if cell.colour == "async" else ""
    try:
        match cell.form:
            case "invoke":
                seen.append(await settled(getattr(called, f"{prefix}invoke")(asked, config())))
            case "batch":
                both = [config(1), config(2)]
                seen.append(await settled(getattr(called, f"{prefix}batch")([asked, asked], both)))
            case "stream":
                await read(getattr(called, f"{prefix}stream")(asked, config()), seen)
            case "events":
                await read(called.astream_events(asked, config(), version="v2"), seen)
            case "events_v3":
                await read(
                    await settled(getattr(called, f"{prefix}stream_events")(asked, config(), version="v3")), seen
                )
    except Exception as raised:  # noqa: BLE001 - whatever it is, it is noted
        seen.append((type(raised), str(raised)))
    seen.append(get_current_span() is INVALID_SPAN)
    if cell.colour == "async" and cell.form == "batch":
        # The other one of the batch goes on where the first has failed.
        await asyncio.sleep(0.01)
    return seen


async def settled(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


async def read(pieces: Any, seen: list[Any]) -> None:
    seen.append(type(pieces))
    # Noted one by one: what came before an exception counts too.
    if hasattr(pieces, "__anext__") or not hasattr(pieces, "__iter__"):
        async for piece in pieces:
            seen.append((piece, get_current_span() is INVALID_SPAN))  # noqa: PERF401
    else:
        for piece in pieces:
            seen.append((piece, get_current_span() is INVALID_SPAN))  # noqa: PERF401


def _without_a_loop(calling: Coroutine[Any, Any, list[Any]]) -> list[Any]:
    # Synchronous calls never wait; under an event loop, LangGraph's third version of the events would.
    try:
        calling.send(None)
    except StopIteration as over:
        seen: list[Any] = over.value
        return seen
    message = "a synchronous call waited"
    raise AssertionError(message)


_IDENTIFIER: Final = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")
_VOLATILE: Final = re.compile(r"'timestamp': \d+|0x[0-9a-f]+|'ts': '[^']*'")


def play(cell: Cell, callbacks: list[Any] | None = None, on_the_model: list[Any] | None = None) -> str:
    """What the caller sees, as text in which identifiers are numbered as they come."""
    with warnings.catch_warnings():
        # The third version of the events is a beta.
        warnings.simplefilter("ignore")
        calling = caller(cell, callbacks, on_the_model)
        seen = asyncio.run(calling) if cell.colour == "async" else _without_a_loop(calling)
    numbers: dict[str, str] = {}
    text = "\n".join(repr(one) for one in seen)
    text = _IDENTIFIER.sub(lambda found: numbers.setdefault(found.group(), f"id-{len(numbers)}"), text)
    return _VOLATILE.sub("(volatile)", text)


# --- The tests --------------------------------------------------------------------------------------------------------

_bare: Final[dict[Cell, str]] = {}
_recorded: Final[dict[Cell, set[str]]] = {}


def bare(cell: Cell) -> str:
    """What the caller sees without us."""
    if cell not in _bare:
        _bare[cell] = play(cell)
    return _bare[cell]


def observed(cell: Cell, switch: str, telemetry: Telemetry) -> str:
    if switch == "everywhere":
        co.instrument(**telemetry.providers)
        return play(cell)
    ours = ConfessionCallbackHandler(**telemetry.providers)
    return play(cell, callbacks=[ours]) if switch == "given" else play(cell, on_the_model=[ours])


@pytest.mark.parametrize("switch", SWITCHES)
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_the_caller_sees_the_same_and_the_answer_is_seen(
    telemetry: Telemetry, caplog: pytest.LogCaptureFixture, cell: Cell, switch: str
) -> None:
    unobserved = bare(cell)
    seen = observed(cell, switch, telemetry)
    # Where handlers are, LangChain streams what it would else not; ours on the model alone are none of the run's.
    assert seen == unobserved
    assert [record.name for record in caplog.records if record.name.startswith(("opentelemetry", "langchain"))] == []
    outcome = outcome_of(telemetry, 2 if cell.form == "batch" else 1)
    if cell.subject == "agent_failing" and switch == "on_the_model":
        # A handler on the model hears of no tool.
        assert outcome == "confession"
    else:
        _recorded.setdefault(cell, set()).add(outcome)
        assert outcome == cell.expected
    assert len(everywhere._everywhere._runs) == 0


def outcome_of(telemetry: Telemetry, times: int) -> str:
    """What was recorded of one of as many calls, in the words of the table."""
    failures = [f"`{name}`" for span in telemetry.spans("chat") if (name := (span.attributes or {}).get("error.type"))]
    counted = {labels["confession.status"]: count for labels, count in telemetry.counts("confession.answers")}
    confessions = telemetry.spans("confession")
    assert counted.get("confessed", 0) == len(confessions)
    found = [*failures[::times], *["confession"] * (len(confessions) // times)]
    found += ["absent"] * (counted.get("absent", 0) // times)
    if any((span.attributes or {}).get("confession.contradictions") for span in confessions):
        found.append("contradicted")
    return ", ".join(found) or "no answer"


BOUNDARY: Final = {
    # What LangChain calls, and what stands between the host and the guard: a few lines without a condition.
    *(f"handler.ConfessionCallbackHandler.on_{event}" for event in ("chain_start", "chain_end", "chain_error")),
    *(f"handler.ConfessionCallbackHandler.on_{event}" for event in ("tool_start", "tool_end", "tool_error")),
    *(f"handler.ConfessionCallbackHandler.on_{event}" for event in ("chat_model_start", "llm_start")),
    *(f"handler.ConfessionCallbackHandler.on_{event}" for event in ("llm_new_token", "llm_end", "llm_error")),
    # Run when a person calls them, and when modules are loaded.
    "everywhere._Everywhere.switch_on",
    "everywhere._Everywhere.switch_off",
    "everywhere._first",
    "everywhere.install",
    "everywhere.uninstall",
    "observation.own",
    "observation.forget_own",
    "observation.expect",
    "observation.set_default",
}
"""Our functions that are not made to raise, by module and name."""

MODULES: Final = (handler, messages, runs, peers, everywhere, calls, observation, recorder)


def ours() -> Iterator[tuple[str, Any, str]]:
    """Each function of the modules that a run passes through: its name, its owner, its name there."""
    for module in MODULES:
        classes = [one for _, one in inspect.getmembers(module, inspect.isclass) if one.__module__ == module.__name__]
        short = module.__name__.rpartition(".")[2]
        owners: list[Any] = [module, *classes]
        for owner in owners:
            for name, function in vars(owner).items():
                named = f"{short}.{name}" if owner is module else f"{short}.{owner.__name__}.{name}"
                at_home = inspect.isfunction(function) and function.__module__ == module.__name__
                if at_home and named not in BOUNDARY and name != "__init__":
                    yield named, owner, name


SITES: Final = {named: (owner, name) for named, owner, name in ours()}
TRIED: Final = [
    cell
    for cell in CELLS
    if cell.colour == "async"
    and (
        (cell.subject in ("model", "agent_failing", "failing") and cell.form in ("invoke", "events"))
        or (cell.subject, cell.form) in (("chain", "stream"), ("interrupted", "invoke"))
    )
]


@pytest.mark.parametrize("site", SITES)
def test_whatever_of_ours_raises_the_caller_sees_the_same(
    telemetry: Telemetry,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    swallowed: list[tuple[str, Exception]],
    site: str,
) -> None:
    unobserved = {cell: bare(cell) for cell in TRIED}
    co.instrument(**telemetry.providers)
    given = ConfessionCallbackHandler(**telemetry.providers)
    owner, name = SITES[site]

    def raising(*_: Any, **__: Any) -> None:
        msg = f"{site} was made to raise"
        raise ZeroDivisionError(msg)

    original: Callable[..., Any] = vars(owner)[name]
    for module in MODULES:
        for alias, value in list(vars(module).items()):
            if value is original:
                monkeypatch.setattr(module, alias, raising)
    monkeypatch.setattr(owner, name, raising)
    changed = [str(cell) for cell in TRIED if play(cell) != unobserved[cell]]
    changed += [str(cell) for cell in TRIED if play(cell, callbacks=[given]) != unobserved[cell]]
    swallowed.clear()
    assert changed == []
    # LangChain would swallow what a handler raises, and write it to the log: not even that.
    assert [record.getMessage() for record in caplog.records if record.name.startswith("langchain")] == []


def table() -> str:
    """What the cells say, as the documentation shows it."""
    rows = ["| | " + " | ".join(FORMS.values()) + " |", "|---|" + "---|" * len(FORMS)]
    for name, words in SUBJECTS.items():
        cells = []
        for form in FORMS:
            found = {text for colour in COLOURS for text in _recorded.get(Cell(name, form, colour), ())}
            cells.append(" / ".join(sorted(found)))
        rows.append(f"| {words} | " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"


MARK: Final = re.compile(r"(?<=<!-- table -->\n\n).*?(?=\n<!-- end of table -->)", re.DOTALL)


def test_the_table_in_the_documentation_is_what_was_seen() -> None:
    committed = DOCS.read_text(encoding="utf-8")
    # Only some of the cells may have been asked for: what the rules give then stands for the others.
    for cell in CELLS:
        _recorded.setdefault(cell, {cell.expected})
    seen = MARK.sub(lambda _: table(), committed)
    if os.environ.get("WRITE_DOCS"):
        DOCS.write_text(seen, encoding="utf-8")
        return
    assert committed == seen, "out of date: WRITE_DOCS=1 pytest tests/hooks/test_langchain_matrix.py"

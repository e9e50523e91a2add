"""Every shape of call of the OpenAI SDK with every way it can go: the caller notices nothing, and we notice the answer.

Each cell is played bare and observed, against a real server, and what the caller saw is compared: types, values, the
sequence of chunks, exceptions. Then once more for each function of ours, with that function raising. The table in
`docs/openai.md` is what the cells say; `WRITE_DOCS=1 pytest tests/hooks/test_openai_matrix.py` writes it.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
import itertools
import json
import os
import re
import socket
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletion
from openai.types.responses import Response
from opentelemetry.trace import INVALID_SPAN, StatusCode, get_current_span
from pydantic import BaseModel

import confession_otel as co
from confession_otel import calls, observation, recorder
from confession_otel.openai import (
    background,
    call,
    chat,
    collector,
    completion,
    door,
    fields,
    opening,
    passed,
    responses,
    stream,
)
from confession_otel.testing import Reply, ScriptedServer, chat_completion, error, response

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator

    from conftest import Telemetry

DOCS: Final = Path(__file__).parents[2] / "docs" / "openai.md"
FAILED: Final = "Ten words.\n\n## Confession\n\nObjective: ten words / Result: ✗ did not comply / Why: there are two"
SHORT: Final = "Ten words."

# --- The table --------------------------------------------------------------------------------------------------------

APIS: Final = ("chat", "responses")
COLOURS: Final = ("sync", "async")
SHAPES: Final = {
    "create": "`create()`",
    "parse": "`parse()`",
    "stream": "`create(stream=True)`",
    "helper": "`.stream()`",
    "raw": "`with_raw_response`",
    "raw_stream": "`with_raw_response`, `stream=True`",
    "streaming_response": "`with_streaming_response`, parsed",
    "unread": "`with_streaming_response`, left unread",
}
OUTCOMES: Final = {
    "confession": "a confession in the answer",
    "none": "none in it",
    "two_choices": "`n=2`, a confession in one",
    "tool_turn": "a tool call",
    "refusal": "a refusal",
    "cut_off": "a confession, cut off by length",
    "misfit": "a text that does not fit its format",
    "failed": "status `failed`",
    "bad_request": "400",
    "retried": "429, then a confession",
    "server_error": "500",
    "timeout": "timeout",
    "refused": "connection refused",
    "broken": "connection broken in the stream",
    "left_early": "stream left early",
    "forgotten": "stream forgotten half way",
    "never_started": "stream never begun",
    "cancelled": "task cancelled",
}
CHUNKED: Final = frozenset({"stream", "helper", "raw_stream"})
ERRORS: Final = {
    "bad_request": "BadRequestError",
    "server_error": "InternalServerError",
    "timeout": "APITimeoutError",
    "refused": "APIConnectionError",
    "broken": "APIConnectionError",
    "cancelled": "CancelledError",
}
"""Outcome -> what the caller gets instead of an answer."""


@dataclass(frozen=True)
class Cell:
    api: str
    colour: str
    shape: str
    outcome: str

    def __str__(self) -> str:
        return f"{self.api}-{self.colour}-{self.shape}-{self.outcome}"

    @property
    def makes_sense(self) -> bool:
        match self.outcome:
            case "two_choices":
                return self.api == "chat"
            case "failed":
                return self.api == "responses"
            case "misfit":
                return self.shape in ("parse", "helper")
            case "broken" | "left_early":
                return self.shape in CHUNKED
            case "forgotten" | "never_started":
                # The helper's own context manager closes the stream.
                return self.shape in ("stream", "raw_stream")
            case "cancelled":
                return self.colour == "async"
        return True

    @property
    def expected(self) -> str:
        """What is recorded; where several things are, in this order."""
        if self.outcome in ERRORS:
            return f"`{ERRORS[self.outcome]}`"
        # The helper parses as it goes, and gives up at the first word that does not fit.
        given_up = self.shape == "helper" and self.outcome == "misfit"
        if given_up or self.outcome in ("left_early", "forgotten", "never_started"):
            return "no answer"
        if self.shape == "unread":
            return "unread"
        return {
            "none": "absent",
            "refusal": "absent",
            "tool_turn": "no answer",
            "failed": "`server_error`",
            "two_choices": "confession, absent",
        }.get(self.outcome, "confession")

    @property
    def raises_after_the_answer(self) -> str | None:
        """`parse` reads an answer, then raises: the span of the call says so."""
        if self.shape == "parse" and self.outcome == "misfit":
            return "ValidationError"
        if (self.api, self.shape, self.outcome) == ("chat", "parse", "cut_off"):
            return "LengthFinishReasonError"
        return None


CELLS: Final = [
    cell for cell in (Cell(*place) for place in itertools.product(APIS, COLOURS, SHAPES, OUTCOMES)) if cell.makes_sense
]

# --- The server's side ------------------------------------------------------------------------------------------------

TOOL: Final = ("look_up", '{"place": "Ulm"}')
CITATION: Final = {"end_index": 3, "start_index": 0, "title": "Ten", "url": "https://example.org/ten"}


def chat_body(cell: Cell, texts: list[str | None], reason: str | None = None) -> dict[str, Any]:
    body: dict[str, Any] = chat_completion(
        *texts,
        id="chatcmpl-1",
        model="m-1-2026",
        finish_reason=reason,
        tool_calls=[TOOL] if cell.outcome == "tool_turn" else (),
        refusal="I will not." if cell.outcome == "refusal" else None,
        cached_tokens=3,
        reasoning_tokens=7,
    )
    body["x_vendor"] = {"region": "north"}
    for choice in body["choices"]:
        token = {"token": "Ten", "bytes": [84, 101, 110], "logprob": -0.1, "top_logprobs": []}
        choice["logprobs"] = {"content": [token], "refusal": None}
        choice["x_filter"] = {"hate": {"filtered": False}}
        choice["message"]["annotations"] = [{"type": "url_citation", "url_citation": CITATION}]
        choice["message"]["x_thoughts"] = "Two are fewer than ten."
    return body


def response_body(cell: Cell, text: str | None) -> dict[str, Any]:
    body: dict[str, Any] = response(
        text,
        id="resp_1",
        model="m-1-2026",
        reasoning="Two are fewer than ten.",
        tool_calls=[TOOL] if cell.outcome == "tool_turn" else (),
        refusal="I will not." if cell.outcome == "refusal" else None,
        incomplete="max_output_tokens" if cell.outcome == "cut_off" else None,
        failed="Out of order." if cell.outcome == "failed" else None,
        cached_tokens=3,
        reasoning_tokens=7,
    )
    body["x_vendor"] = {"region": "north"}
    for item in body["output"]:
        item["x_item"] = 1
        for part in item.get("content", ()):
            if part["type"] == "output_text":
                part["annotations"] = [{"type": "url_citation", **CITATION}]
                token = {"token": "Ten", "bytes": [84, 101, 110], "logprob": -0.1, "top_logprobs": []}
                part["logprobs"] = [token]
                part["x_part"] = None
    return body


def body_of(cell: Cell) -> dict[str, Any]:
    text: str | None = FAILED
    if cell.outcome == "none":
        text = SHORT
    elif cell.outcome in ("tool_turn", "refusal"):
        text = None
    elif cell.outcome == "cut_off":
        text = FAILED.replace("✗ did not comply", "✓ complied")
    if cell.api == "responses":
        return response_body(cell, text)
    texts = [text, SHORT] if cell.outcome == "two_choices" else [text]
    return chat_body(cell, texts, "length" if cell.outcome == "cut_off" else None)


def replies(cell: Cell) -> Iterator[Reply]:
    """What the server says to the first request, the second ..."""
    headers = {"x-request-id": "req_1"}
    good = Reply(BODIES[cell], headers=headers, piece=40)
    match cell.outcome:
        case "bad_request":
            yield Reply(error("No."), status=400, headers=headers)
        case "server_error":
            yield Reply(error("Oh."), status=500, headers=headers)
        case "retried":
            yield Reply(error("Slow down."), status=429, headers={**headers, "retry-after-ms": "1"})
            yield good
        case "timeout":
            yield replace(good, delay=1.0)
        case "broken":
            yield replace(good, cut_after=5)
        case "cancelled":
            yield replace(good, pause=0.02) if cell.shape in CHUNKED else replace(good, delay=1.0)
        case _:
            yield good


class World:
    """One server, one loop, and a client of each colour for all cells."""

    def __init__(self, server: ScriptedServer) -> None:
        self.server = server
        self.script: Iterator[Reply] = iter(())
        self.loop = asyncio.new_event_loop()
        options: dict[str, Any] = {"base_url": server.base_url, "api_key": "none", "max_retries": 0}
        self.sync = OpenAI(**options)
        self.asynchronous = AsyncOpenAI(**options)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.nobody = f"http://127.0.0.1:{free.getsockname()[1]}/v1"

    def play(self, cell: Cell) -> list[Any]:
        """What the caller sees, in a context of its own."""
        self.script = replies(cell)
        seen: list[Any] = []

        async def played() -> None:
            task = self.loop.create_task(caller(cell, self.client(cell), seen))
            if cell.outcome == "cancelled" and cell.shape not in CHUNKED:
                before = len(self.server.requests)
                while len(self.server.requests) == before:  # noqa: ASYNC110 - the request arrives on a thread
                    await asyncio.sleep(0.001)
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            del task
            # What was forgotten is collected, and what its generators then want of the loop is done.
            if cell.outcome in ("forgotten", "never_started"):
                for _ in range(2):
                    gc.collect()
                    await asyncio.sleep(0)

        self.loop.run_until_complete(played())
        return seen

    def client(self, cell: Cell) -> Any:
        client: Any = self.sync if cell.colour == "sync" else self.asynchronous
        match cell.outcome:
            case "retried":
                return client.with_options(max_retries=2)
            case "timeout":
                return client.with_options(timeout=0.03)
            case "refused":
                return client.with_options(base_url=self.nobody)
        return client


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    here: list[World] = []
    # To collect then means to look at what the cells left, and not at every module that is loaded.
    gc.collect()
    gc.freeze()
    with ScriptedServer(lambda _: next(here[0].script)) as server:
        here.append(World(server))
        yield here[0]
        gc.unfreeze()
        here[0].sync.close()
        here[0].loop.run_until_complete(here[0].asynchronous.close())
        here[0].loop.run_until_complete(here[0].loop.shutdown_asyncgens())
        here[0].loop.close()


# --- The caller's side ------------------------------------------------------------------------------------------------


class Shape(BaseModel):
    words: int


async def caller(cell: Cell, client: Any, seen: list[Any]) -> None:
    """An application: calls, and notes down all that it sees."""
    seen.append(get_current_span() is INVALID_SPAN)
    try:
        await PLAYS[cell.shape](cell, client.chat.completions if cell.api == "chat" else client.responses, seen)
    except BaseException as raised:  # noqa: BLE001 - whatever it is, it is noted
        seen.append(
            (type(raised), str(raised), type(raised.__cause__), getattr(raised, "status_code", None), repr(raised))
        )
    seen.append(get_current_span() is INVALID_SPAN)


def arguments(cell: Cell) -> dict[str, Any]:
    given: dict[str, Any] = {"model": "m-1"}
    if cell.api == "chat":
        given["messages"] = [{"role": "user", "content": "Ten words, please."}]
    else:
        given["input"] = "Ten words, please."
    if cell.outcome == "two_choices":
        given["n"] = 2
    if cell.outcome == "misfit":
        given["response_format" if cell.api == "chat" else "text_format"] = Shape
    return given


async def settled(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


async def each(chunks: Any) -> AsyncGenerator[Any, None]:
    if hasattr(chunks, "__aiter__"):
        async for chunk in chunks:
            yield chunk
    else:
        for chunk in chunks:
            yield chunk


@contextlib.asynccontextmanager
async def entered(manager: Any) -> AsyncIterator[Any]:
    if hasattr(manager, "__aenter__"):
        async with manager as value:
            yield value
    else:
        with manager as value:
            yield value


def noted(value: Any) -> Any:
    return (type(value), value.model_dump(mode="json", warnings=False)) if isinstance(value, BaseModel) else type(value)


async def read(chunks: Any, cell: Cell, seen: list[Any]) -> None:
    seen.append((type(chunks), isinstance(chunks, (openai.Stream, openai.AsyncStream))))
    if cell.outcome == "never_started":
        return
    count = 0
    async with contextlib.aclosing(each(chunks)) as chunks_in_order:
        async for chunk in chunks_in_order:
            seen.append((noted(chunk), get_current_span() is INVALID_SPAN))
            count += 1
            if count == 3 and cell.outcome in ("left_early", "forgotten"):
                break
            if count == 3 and cell.outcome == "cancelled":
                task = asyncio.current_task()
                assert task is not None
                task.cancel()


async def create(cell: Cell, resource: Any, seen: list[Any]) -> None:
    seen.append(noted(await settled(resource.create(**arguments(cell)))))


async def parse(cell: Cell, resource: Any, seen: list[Any]) -> None:
    seen.append(noted(await settled(resource.parse(**arguments(cell)))))


async def streamed(cell: Cell, resource: Any, seen: list[Any]) -> None:
    chunks = await settled(resource.create(**arguments(cell), stream=True))
    await read(chunks, cell, seen)
    if cell.outcome == "left_early":
        await settled(chunks.close())
        await settled(chunks.close())
    if cell.outcome not in ("forgotten", "never_started"):
        seen.append((chunks.response.is_closed, chunks.response.status_code))


async def helper(cell: Cell, resource: Any, seen: list[Any]) -> None:
    async with entered(resource.stream(**arguments(cell))) as events:
        await read(events, cell, seen)
        if cell.outcome != "left_early":
            final = events.get_final_completion if cell.api == "chat" else events.get_final_response
            seen.append(noted(await settled(final())))


async def raw(cell: Cell, resource: Any, seen: list[Any]) -> None:
    given = await settled(resource.with_raw_response.create(**arguments(cell)))
    seen.extend([type(given), given.status_code, given.headers["x-request-id"], given.text, given.retries_taken])
    seen.extend([noted(given.parse()), given.parse() is given.parse(), given.parse()._request_id])


async def raw_stream(cell: Cell, resource: Any, seen: list[Any]) -> None:
    given = await settled(resource.with_raw_response.create(**arguments(cell), stream=True))
    seen.extend([type(given), given.status_code, given.headers["x-request-id"]])
    chunks = given.parse()
    seen.append(given.parse() is chunks)
    await read(chunks, cell, seen)
    if cell.outcome == "left_early":
        await settled(chunks.close())


async def streaming_response(cell: Cell, resource: Any, seen: list[Any]) -> None:
    async with entered(resource.with_streaming_response.create(**arguments(cell))) as given:
        seen.extend([type(given), given.status_code, given.is_closed])
        seen.append(noted(await settled(given.parse())))
    seen.append(given.is_closed)


async def unread(cell: Cell, resource: Any, seen: list[Any]) -> None:
    async with entered(resource.with_streaming_response.create(**arguments(cell))) as given:
        seen.extend([type(given), given.status_code])
    seen.append(given.is_closed)


PLAYS: Final[dict[str, Callable[[Cell, Any, list[Any]], Awaitable[None]]]] = {
    "create": create,
    "parse": parse,
    "stream": streamed,
    "helper": helper,
    "raw": raw,
    "raw_stream": raw_stream,
    "streaming_response": streaming_response,
    "unread": unread,
}

# --- The tests --------------------------------------------------------------------------------------------------------

BODIES: Final = {cell: body_of(cell) for cell in CELLS}
_bare: Final[dict[Cell, list[Any]]] = {}
_recorded: Final[dict[Cell, str]] = {}


def bare(world: World, cell: Cell) -> list[Any]:
    """What the caller sees without us; the same each time, hence seen once."""
    if cell not in _bare:
        _bare[cell] = world.play(cell)
    return _bare[cell]


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_bodies_are_what_the_sdk_declares(cell: Cell) -> None:
    declared = ChatCompletion if cell.api == "chat" else Response
    declared.model_validate_json(json.dumps(BODIES[cell]), strict=True)


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_the_caller_sees_the_same_and_the_answer_is_seen(
    world: World, telemetry: Telemetry, caplog: pytest.LogCaptureFixture, cell: Cell
) -> None:
    unobserved = bare(world, cell)
    co.instrument(**telemetry.providers)
    before = len(world.server.requests)
    assert world.play(cell) == unobserved
    requests = len(world.server.requests) - before
    assert requests == {"retried": 2, "refused": 0}.get(cell.outcome, 1)

    assert [record.name for record in caplog.records if record.name.startswith("opentelemetry")] == []
    (answer,) = telemetry.spans("chat m-1")
    _recorded[cell] = outcome_of(telemetry)
    failure = cell.raises_after_the_answer
    if failure is not None:
        assert (answer.attributes or {})["error.type"] == failure
        assert _recorded[cell] == cell.expected
    elif cell.expected.startswith("`"):
        assert _recorded[cell] == cell.expected
        assert answer.status.status_code is StatusCode.ERROR
    else:
        assert _recorded[cell] == cell.expected
        assert answer.status.status_code is StatusCode.UNSET
    if cell.expected.startswith("confession"):
        assert telemetry.confession().parent == answer.context
        # What the limit cut is the confession, which stands behind the answer.
        truncated = (telemetry.confession().attributes or {}).get("confession.truncated", False)
        assert truncated is (cell.outcome == "cut_off")


def outcome_of(telemetry: Telemetry) -> str:
    """What was recorded of one call, in the words of the table."""
    (answer,) = telemetry.spans("chat m-1")
    counted = [
        (labels.get("confession.reason") or labels["confession.status"])
        for labels, count in telemetry.counts("confession.answers")
        for _ in range(count)
    ]
    found = ["confession" for _ in telemetry.spans("confession")] + [one for one in counted if one != "confessed"]
    assert counted.count("confessed") == len(telemetry.spans("confession"))
    failure = (answer.attributes or {}).get("error.type")
    if failure == "RemoteProtocolError":
        # Version 2 of the SDK passes on what httpx raises in a stream.
        failure = "APIConnectionError"
    return ", ".join(found) or (f"`{failure}`" if failure else "no answer")


BOUNDARY: Final = {
    # What stands between the host and the guard cannot be guarded itself: kept to a few lines without a condition.
    "stream.Rest.chunk",
    "stream.Rest.closed",
    "stream.Rest.over",
    "stream.Rest.__init__",
    "call.Call.leave",
    "stream._closing",
    "stream._async_closing",
    # Runs when a person calls it, and when modules are loaded.
    "door.open_for",
    "door.close",
    "door._sync",
    "door._async",
    "collector.watch",
    "collector.unwatch",
    "observation.own",
    "observation.forget_own",
    "observation.set_default",
}
"""Our functions that are not made to raise, by module and name."""


MODULES: Final = (
    background,
    call,
    calls,
    chat,
    collector,
    completion,
    door,
    fields,
    opening,
    passed,
    responses,
    stream,
    observation,
    recorder,
)


def ours() -> Iterator[tuple[str, Any, str]]:
    """Each function of the modules that a call passes through: its name, its owner, its name there."""
    for module in MODULES:
        classes = [
            one
            for name, one in inspect.getmembers(module, inspect.isclass)
            if one.__module__ == module.__name__ and "Tap" not in name and not getattr(one, "_is_protocol", False)
        ]
        owners: list[Any] = [module, *classes]
        for owner in owners:
            for name, function in vars(owner).items():
                place = owner.__name__.removeprefix("confession_otel.").removeprefix("openai.")
                short = module.__name__.rpartition(".")[2]
                named = f"{place}.{name}" if owner is module else f"{short}.{place}.{name}"
                at_home = inspect.isfunction(function) and function.__module__ == module.__name__
                if at_home and named not in BOUNDARY and (name == "__init__" or not name.startswith("__")):
                    yield named, owner, name


SITES: Final = {named: (owner, name) for named, owner, name in ours()}
TRIED: Final = [
    cell
    for cell in CELLS
    if cell.outcome == "confession"
    or (cell.shape in ("create", "stream") and cell.outcome in ("bad_request", "left_early"))
]


@pytest.mark.parametrize("site", SITES)
def test_whatever_of_ours_raises_the_caller_sees_the_same(
    world: World,
    telemetry: Telemetry,
    monkeypatch: pytest.MonkeyPatch,
    swallowed: list[tuple[str, Exception]],
    site: str,
) -> None:
    unobserved = {cell: bare(world, cell) for cell in TRIED}
    co.instrument(**telemetry.providers)
    owner, name = SITES[site]

    def raising(*_: Any, **__: Any) -> None:
        msg = f"{site} was made to raise"
        raise ZeroDivisionError(msg)

    original = vars(owner)[name]
    for module in MODULES:
        for alias, value in list(vars(module).items()):
            if value is original:
                monkeypatch.setattr(module, alias, raising)
    monkeypatch.setattr(owner, name, raising)
    changed = [str(cell) for cell in TRIED if world.play(cell) != unobserved[cell]]
    gc.collect()
    swallowed.clear()
    assert changed == []


def tables() -> str:
    """What the cells say, as the documentation shows it: a table for each API."""
    text = []
    for api in APIS:
        name = "Chat completions" if api == "chat" else "Responses"
        rows = [f"### {name}", "", "| | " + " | ".join(SHAPES.values()) + " |", "|---|" + "---|" * len(SHAPES)]
        for outcome, words in OUTCOMES.items():
            row = [cell_text(api, shape, outcome) for shape in SHAPES]
            if any(row):
                rows.append(f"| {words} | " + " | ".join(row) + " |")
        text.append("\n".join(rows))
    return "\n\n".join(text) + "\n"


def cell_text(api: str, shape: str, outcome: str) -> str:
    found = {_recorded[cell] for colour in COLOURS if (cell := Cell(api, colour, shape, outcome)) in _recorded}
    return " / ".join(sorted(found))


MARK: Final = re.compile(r"(?<=<!-- tables -->\n\n).*?(?=\n<!-- end of tables -->)", re.DOTALL)


def test_the_tables_in_the_documentation_are_what_was_seen(request: pytest.FixtureRequest) -> None:
    committed = DOCS.read_text(encoding="utf-8")
    if set(_recorded) != set(CELLS):
        # Only some of the cells were asked for: the table that the rules give then stands for them.
        _recorded.update({cell: cell.expected for cell in CELLS if cell not in _recorded})
    seen = MARK.sub(lambda _: tables(), committed)
    if os.environ.get("WRITE_DOCS"):
        DOCS.write_text(seen, encoding="utf-8")
        return
    assert committed == seen, "out of date: WRITE_DOCS=1 pytest tests/hooks/test_openai_matrix.py"

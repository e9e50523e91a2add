"""The way in-band over the real SDK and a real server: the caller gets what a model that was told nothing would say."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai._base_client import AsyncAPIClient, SyncAPIClient
from opentelemetry.trace import StatusCode

import confession_otel as co
from confession_otel.asking import question
from confession_otel.openai import call, chat, fields, responses
from confession_otel.openai.in_band import chat as in_band_chat
from confession_otel.openai.in_band import events, removal, telling, text
from confession_otel.openai.in_band import responses as in_band_responses
from confession_otel.reading import StreamFilter
from confession_otel.testing import Reply, ScriptedServer, chat_completion, error, response

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

    from pydantic import BaseModel

    from confession_otel.testing import Request
    from conftest import Telemetry
    from hooks.conftest import Model

ARGUMENTS: Any = {
    "chat": {"model": "m-1", "messages": [{"role": "user", "content": "Ten words, please."}]},
    "responses": {"model": "m-1", "input": "Ten words, please."},
}
MESSAGES: Any = ARGUMENTS["chat"]["messages"]
COUNTED = [({"confession.status": "confessed"}, 1)]
BLOCK_BEGINS = '\n\n<confession id="'


# --- Every shape of call ----------------------------------------------------------------------------------------------


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


def resource(client: Any, api: str) -> Any:
    return client.chat.completions if api == "chat" else client.responses


def noted(value: BaseModel) -> Any:
    return type(value), value.model_dump(mode="json", warnings=False), getattr(value, "_request_id", None)


def gist(event: Any) -> tuple[str, Any]:
    """Text of an event, and all else that it says; where a text is cut into events says nothing."""
    said = event if isinstance(event, dict) else event.model_dump(mode="json", warnings=False)
    said = {key: value for key, value in said.items() if key not in ("sequence_number", "snapshot", "chunk")}
    text = ""
    if isinstance(said.get("delta"), str):
        text = said.pop("delta")
    for choice in said.get("choices") or ():
        if "delta" in choice:
            text += choice["delta"].pop("content", None) or ""
            choice["delta"] = {key: value for key, value in choice["delta"].items() if value is not None}
    return text, said


def gist_of(events: list[Any]) -> Any:
    gists = [gist(event) for event in events]
    others: list[Any] = []
    for _, said in gists:
        if said not in others:
            others.append(said)
    return "".join(text for text, _ in gists), others


def data_of(lines: list[str]) -> list[Any]:
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")]


async def helper(client: Any, api: str) -> Any:
    async with entered(resource(client, api).stream(**ARGUMENTS[api])) as events:
        seen = [event async for event in each(events)]
        final = events.get_final_completion if api == "chat" else events.get_final_response
        of_text = [event for event in seen if event.type in ("content.delta", "content.done")]
        kinds = ["content.done", "response.output_text.done", "response.completed"]
        done = [(type(event), gist(event)) for event in seen if event.type in kinds]
        return type(events), gist_of(of_text if api == "chat" else seen), done, noted(await settled(final()))


async def raw(client: Any, api: str, read: Callable[[Any], Any]) -> Any:
    return read(await settled(resource(client, api).with_raw_response.create(**ARGUMENTS[api])))


async def streaming(client: Any, api: str, read: Callable[[Any], Awaitable[Any]], **more: Any) -> Any:
    async with entered(resource(client, api).with_streaming_response.create(**ARGUMENTS[api], **more)) as given:
        return type(given), given.headers["x-request-id"], await read(given)


async def created(client: Any, api: str) -> Any:
    return noted(await settled(resource(client, api).create(**ARGUMENTS[api])))


async def parsed(client: Any, api: str) -> Any:
    return noted(await settled(resource(client, api).parse(**ARGUMENTS[api])))


async def streamed(client: Any, api: str) -> Any:
    chunks = await settled(resource(client, api).create(**ARGUMENTS[api], stream=True))
    return type(chunks), gist_of([chunk async for chunk in each(chunks)])


async def raw_stream(client: Any, api: str) -> Any:
    given = await settled(resource(client, api).with_raw_response.create(**ARGUMENTS[api], stream=True))
    return type(given), gist_of([chunk async for chunk in each(given.parse())])


async def joined_bytes(given: Any) -> Any:
    return json.loads(b"".join([piece async for piece in each(given.iter_bytes(5))]))


async def joined_raw(given: Any) -> Any:
    http = given.http_response
    pieces = http.aiter_raw(5) if inspect.iscoroutinefunction(given.read) else http.iter_raw(5)
    return json.loads(b"".join([piece async for piece in each(pieces)]))


async def joined_lines(given: Any) -> Any:
    return json.loads("\n".join([line async for line in each(given.iter_lines())]))


async def joined_text(given: Any) -> Any:
    return json.loads("".join([text async for text in each(given.iter_text())]))


async def events_in_lines(given: Any) -> Any:
    return gist_of(data_of([line async for line in each(given.iter_lines())]))


async def events_in_bytes(given: Any) -> Any:
    content = b"".join([piece async for piece in each(given.iter_bytes())])
    return gist_of(data_of(content.decode().split("\n")))


async def read_whole(given: Any) -> Any:
    return json.loads(await settled(given.read()))


async def read_json(given: Any) -> Any:
    return await settled(given.json())


async def read_parsed(given: Any) -> Any:
    return noted(await settled(given.parse()))


async def read_events(given: Any) -> Any:
    return gist_of([chunk async for chunk in each(await settled(given.parse()))])


SHAPES: dict[str, Callable[[Any, str], Awaitable[Any]]] = {
    "create": created,
    "parse": parsed,
    "stream": streamed,
    "helper": helper,
    "raw.text": lambda client, api: raw(client, api, lambda given: (type(given), json.loads(given.text))),
    "raw.content": lambda client, api: raw(client, api, lambda given: json.loads(given.content)),
    "raw.json": lambda client, api: raw(client, api, lambda given: given.http_response.json()),
    "raw.parse": lambda client, api: raw(client, api, lambda given: (noted(given.parse()), noted(given.parse()))),
    "raw, never looked at": lambda client, api: raw(client, api, lambda given: given.status_code),
    "raw stream": raw_stream,
    "streaming.read": lambda client, api: streaming(client, api, read_whole),
    "streaming.json": lambda client, api: streaming(client, api, read_json),
    "streaming.parse": lambda client, api: streaming(client, api, read_parsed),
    "streaming.iter_bytes": lambda client, api: streaming(client, api, joined_bytes),
    "streaming.iter_raw": lambda client, api: streaming(client, api, joined_raw),
    "streaming.iter_text": lambda client, api: streaming(client, api, joined_text),
    "streaming.iter_lines": lambda client, api: streaming(client, api, joined_lines),
    "streaming events in lines": lambda client, api: streaming(client, api, events_in_lines, stream=True),
    "streaming events in bytes": lambda client, api: streaming(client, api, events_in_bytes, stream=True),
    "streaming events parsed": lambda client, api: streaming(client, api, read_events, stream=True),
}


def recorded(telemetry: Telemetry) -> tuple[dict[str, Any], dict[str, Any]]:
    """Attributes of the one answer span and of its one confession span."""
    (answer,) = telemetry.spans("chat m-1")
    confession = telemetry.confession()
    assert confession.parent == answer.context
    return dict(answer.attributes or {}), dict(confession.attributes or {})


@pytest.mark.parametrize("colour", ["sync", "async"])
@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize("shape", SHAPES)
async def test_the_caller_gets_what_he_would_get_and_the_confession_is_recorded(
    telemetry: Telemetry,
    told_server: ScriptedServer,
    told_client: OpenAI,
    told_async_client: AsyncOpenAI,
    *,
    api: str,
    colour: str,
    shape: str,
) -> None:
    client = told_client if colour == "sync" else told_async_client
    unobserved = await SHAPES[shape](client, api)
    co.instrument(way="in_band", **telemetry.providers)
    given = await SHAPES[shape](client, api)
    assert given == unobserved
    assert "confession" not in str(given)
    assert len(told_server.requests) == 2

    answer, confession = recorded(telemetry)
    assert confession["confession.source"] == answer["confession.source"] == "in_band"
    assert confession["confession.verdict"] == answer["confession.verdict"] == "non_compliant"
    assert answer["confession.id"] == confession["confession.id"]
    assert (confession["confession.question.version"], confession["confession.question.role"]) == ("1", "user")
    assert confession["confession.objectives.count"] == 2
    assert confession["confession.why"] == "There are two."
    assert "confession.spoof_suspected" not in confession
    assert "confession.truncated" not in confession
    assert telemetry.counts("confession.answers") == COUNTED
    assert len(telemetry.events()) == 1


# --- How a call can go ------------------------------------------------------------------------------------------------


def test_each_choice_has_its_own(telemetry: Telemetry, told_client: OpenAI, model: Model) -> None:
    co.instrument(way="in_band", **telemetry.providers)
    model.choices = 2
    for stream in (False, True):
        given: Any = told_client.chat.completions.create(model="m-1", messages=MESSAGES, n=2, stream=stream)
        if stream:
            texts = ["", ""]
            for chunk in given:
                for choice in chunk.choices:
                    texts[choice.index] += choice.delta.content or ""
        else:
            texts = [choice.message.content for choice in given.choices]
        assert texts == [model.answer, model.answer]
    choices = [(span.attributes or {})["confession.choice"] for span in telemetry.spans("confession")]
    assert choices == [0, 1, 0, 1]
    assert telemetry.counts("confession.answers") == [({"confession.status": "confessed"}, 4)]


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("api", ["chat", "responses"])
async def test_a_refusal_is_passed_on_and_counted_as_absent(
    telemetry: Telemetry, told_client: OpenAI, model: Model, api: str, streamed: bool
) -> None:
    model.kinds = {"refusal": "I will not."}
    model.answer, model.confess = "", lambda _: ""
    shape = SHAPES["stream" if streamed else "create"]
    unobserved = await shape(told_client, api)
    co.instrument(way="in_band", **telemetry.providers)
    assert await shape(told_client, api) == unobserved
    assert telemetry.spans("confession") == []
    assert telemetry.counts("confession.answers") == [({"confession.status": "absent"}, 1)]


@pytest.mark.parametrize("shape", ["create", "stream", "raw.parse", "streaming.read"])
@pytest.mark.parametrize("api", ["chat", "responses"])
async def test_the_token_limit_cuts_the_confession(
    telemetry: Telemetry, told_client: OpenAI, model: Model, api: str, shape: str
) -> None:
    fine = {"objective": "be brief", "compliance": "fully_complied", "analysis": "It is."}
    begun = json.dumps({"compliance_analysis": [fine, fine]})[:-20]
    model.confess = lambda tag: f'\n\n<confession id="{tag}">{begun}'
    model.kinds = {"finish_reason": "length"} if api == "chat" else {"incomplete": "max_output_tokens"}
    unobserved = await SHAPES[shape](told_client, api)
    co.instrument(way="in_band", **telemetry.providers)
    assert await SHAPES[shape](told_client, api) == unobserved
    _, confession = recorded(telemetry)
    assert confession["confession.truncated"] is True
    assert confession["confession.verdict"] == "compliant"
    assert "confession.contradicted" not in confession
    assert confession["confession.flagged"] is False


@pytest.mark.parametrize("shape", ["create", "stream", "raw.parse", "streaming.read"])
@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize("length", [len("<confession"), 16, 24, 32, 34])
async def test_what_the_token_limit_cuts_before_its_first_word_is_no_confession_and_is_not_seen(
    telemetry: Telemetry, told_client: OpenAI, model: Model, api: str, shape: str, length: int
) -> None:
    model.confess = lambda tag: "\n\n" + f'<confession id="{tag}">'[:length]
    model.kinds = {"finish_reason": "length"} if api == "chat" else {"incomplete": "max_output_tokens"}
    unobserved = await SHAPES[shape](told_client, api)
    co.instrument(way="in_band", **telemetry.providers)
    assert await SHAPES[shape](told_client, api) == unobserved
    assert telemetry.spans("confession") == []
    reason = {"confession.status": "absent", "confession.reason": "truncated"}
    assert telemetry.counts("confession.answers") == [(reason, 1)]


@pytest.mark.parametrize(("status", "kind"), [(400, openai.BadRequestError), (500, openai.InternalServerError)])
@pytest.mark.parametrize("api", ["chat", "responses"])
async def test_an_error_is_the_callers_own(
    telemetry: Telemetry,
    told_server: ScriptedServer,
    told_async_client: AsyncOpenAI,
    model: Model,
    *,
    api: str,
    status: int,
    kind: type[openai.APIStatusError],
) -> None:
    co.instrument(way="in_band", **telemetry.providers)
    model.before = [Reply(error('No <confession id="x"> please.'), status=status)]
    with pytest.raises(kind) as raised:
        await created(told_async_client, api)
    assert 'No <confession id="x"> please.' in raised.value.message
    (answer,) = telemetry.spans("chat m-1")
    assert answer.status.status_code is StatusCode.ERROR
    assert telemetry.counts("confession.answers") == []
    # What was begun is over: the next call is told anew, and one of another API is not touched.
    await created(told_async_client, api)
    assert len(telemetry.spans("confession")) == 1


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_second_try_carries_the_same_instruction_once(
    telemetry: Telemetry, told_server: ScriptedServer, told_client: OpenAI, model: Model, stream: bool
) -> None:
    co.instrument(way="in_band", **telemetry.providers)
    slow = Reply(error("Slow down."), status=429, headers={"retry-after-ms": "1"})
    model.before = [slow, slow]
    client = told_client.with_options(max_retries=2)
    given: Any = client.chat.completions.create(model="m-1", messages=MESSAGES, stream=stream)
    if stream:
        assert "".join(chunk.choices[0].delta.content or "" for chunk in given if chunk.choices) == model.answer
    else:
        assert given.choices[0].message.content == model.answer
    first, *others = [request.content for request in told_server.requests]
    assert others == [first, first]
    assert first.count(b"as the very last thing") == 1
    recorded(telemetry)
    assert telemetry.counts("confession.answers") == COUNTED


@pytest.mark.parametrize("api", ["chat", "responses"])
async def test_a_stream_left_early_tells_nothing_of_the_confession(
    telemetry: Telemetry, told_async_client: AsyncOpenAI, model: Model, api: str
) -> None:
    co.instrument(way="in_band", **telemetry.providers)
    stream = await resource(told_async_client, api).create(**ARGUMENTS[api], stream=True)
    text = ""
    async for chunk in stream:
        if "reasoning" not in getattr(chunk, "type", ""):
            text += gist(chunk)[0]
        if text:
            break
    await stream.close()
    assert model.answer.startswith(text)
    assert telemetry.spans("confession") == []
    assert telemetry.counts("confession.answers") == []
    assert len(telemetry.spans("chat m-1")) == 1


@pytest.mark.parametrize("api", ["chat", "responses"])
async def test_a_stream_cut_by_the_server_breaks_for_the_caller_as_ever(
    telemetry: Telemetry, told_client: OpenAI, model: Model, api: str
) -> None:
    async def broken() -> Any:
        text = ""
        try:
            for chunk in resource(told_client, api).create(**ARGUMENTS[api], stream=True):
                text += gist(chunk)[0]
        except Exception as raised:  # noqa: BLE001 - whatever it is, it is compared
            return text, type(raised)
        return text, None

    model.reply = {"piece": 7, "cut_after": 4 if api == "chat" else 10}
    unobserved = await broken()
    co.instrument(way="in_band", **telemetry.providers)
    # The white space at the end of what has come is held back: the block may come next.
    text, kind = await broken()
    assert (text, kind) == (unobserved[0].rstrip(), unobserved[1])
    assert kind is not None
    (answer,) = telemetry.spans("chat m-1")
    assert answer.status.status_code is StatusCode.ERROR
    assert telemetry.spans("confession") == []


def test_a_response_made_in_the_background_is_not_told_for_it_may_be_retrieved_elsewhere(telemetry: Telemetry) -> None:
    def reply(request: Any) -> Any:
        if request.method == "POST":
            return response(None, id="resp_1", model="m-1", pending="queued")
        return response("Two words.", id="resp_1", model="m-1")

    co.instrument(way="in_band", **telemetry.providers)
    with ScriptedServer(reply) as server, OpenAI(base_url=server.base_url, api_key="none") as client:
        given = client.responses.create(model="m-1", input="Ten words, please.", background=True)
        assert given.status == "queued"
        assert client.responses.retrieve("resp_1").output_text == "Two words."
        assert b"confession" not in server.requests[0].content
    assert telemetry.counts("confession.answers") == [
        ({"confession.status": "not_asked", "confession.reason": "not_told"}, 1)
    ]


@pytest.mark.parametrize("api", ["chat", "responses"])
async def test_the_usage_is_as_billed(telemetry: Telemetry, told_client: OpenAI, api: str) -> None:
    co.instrument(way="in_band", **telemetry.providers)
    given = resource(told_client, api).create(**ARGUMENTS[api])
    billed = given.usage.completion_tokens if api == "chat" else given.usage.output_tokens
    answer, _ = recorded(telemetry)
    assert answer["gen_ai.usage.output_tokens"] == billed == 99


def test_a_confession_of_success_on_a_filtered_answer_is_contradicted(
    telemetry: Telemetry, told_client: OpenAI, model: Model
) -> None:
    co.instrument(way="in_band", **telemetry.providers)
    model.confess = lambda tag: model.block(
        tag, '{"compliance_analysis": [{"objective": "x", "compliance": "fully_complied"}]}'
    )
    model.kinds = {"finish_reason": "content_filter"}
    told_client.chat.completions.create(model="m-1", messages=MESSAGES)
    _, confession = recorded(telemetry)
    assert confession["confession.contradictions"] == ("content_filtered",)


# --- Settings ---------------------------------------------------------------------------------------------------------


def test_policies_that_the_confession_passes_over_are_named(
    telemetry: Telemetry, told_server: ScriptedServer, told_client: OpenAI
) -> None:
    co.instrument(way="in_band", policies=["ten words", "No emoji"], **telemetry.providers)
    told_client.chat.completions.create(model="m-1", messages=MESSAGES)
    assert b"1. ten words\\n2. No emoji" in told_server.requests[0].content
    _, confession = recorded(telemetry)
    assert confession["confession.objectives.unaddressed"] == ("No emoji",)


@pytest.mark.parametrize("shape", ["create", "stream", "streaming.read"])
@pytest.mark.parametrize("api", ["chat", "responses"])
async def test_with_capture_verdict_no_word_leaves(
    telemetry: Telemetry, told_client: OpenAI, model: Model, api: str, shape: str, caplog: pytest.LogCaptureFixture
) -> None:
    canary = "kanarienvogel"
    model.confess = lambda tag: model.block(
        tag, model.FAILED.replace("There are two", canary).replace("ten words", canary)
    )
    co.instrument(way="in_band", capture="verdict", policies=["Cite sources"], **telemetry.providers)
    await SHAPES[shape](told_client, api)
    _, confession = recorded(telemetry)
    assert confession["confession.verdict"] == "non_compliant"
    signals = [span.to_json() for span in telemetry.spans()] + [event.to_json() for event in telemetry.events()]
    signals += [str(telemetry.counts(name)) for name in ("confession.verdicts", "confession.answers")]
    signals += [record.getMessage() for record in caplog.records if record.name.startswith("confession_otel")]
    assert [signal for signal in signals if canary in signal] == []


def test_the_sdk_is_given_back_and_other_ways_never_touch_its_responses(
    telemetry: Telemetry, told_client: OpenAI, told_server: ScriptedServer
) -> None:
    def there() -> tuple[Any, Any]:
        return SyncAPIClient.__dict__["_process_response"], AsyncAPIClient.__dict__["_process_response"]

    before = there()
    for way in ("observe", "ask"):
        co.instrument(way=way, **telemetry.providers)
        assert there() == before
    for _ in range(2):
        co.instrument(way="in_band", **telemetry.providers)
        assert there()[0] is not before[0]
        assert there()[1] is not before[1]
        co.uninstrument()
        assert there() == before
    co.instrument(way="in_band", **telemetry.providers)
    co.instrument(way="observe", **telemetry.providers)
    assert there() == before
    co.uninstrument()
    told_client.chat.completions.create(model="m-1", messages=MESSAGES)
    assert b"confession" not in told_server.requests[0].content
    assert telemetry.spans() == []


# --- What fails, what is beside it ------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["create", "stream", "helper", "raw.text", "streaming.read", "streaming.iter_lines"])
@pytest.mark.parametrize("api", ["chat", "responses"])
async def test_where_the_removal_fails_the_answer_arrives_unbroken(
    telemetry: Telemetry,
    told_async_client: AsyncOpenAI,
    model: Model,
    monkeypatch: pytest.MonkeyPatch,
    swallowed: list[tuple[str, Exception]],
    *,
    api: str,
    shape: str,
) -> None:
    monkeypatch.setattr(question, "new_tag", lambda: "0123456789abcdef")
    answer, confess = model.answer, model.confess
    model.answer = answer + confess("0123456789abcdef")
    unobserved = await SHAPES[shape](told_async_client, api)
    model.answer = answer
    co.instrument(way="in_band", **telemetry.providers)
    monkeypatch.setattr(StreamFilter, "feed", lambda *_: 1 / 0)
    assert await SHAPES[shape](told_async_client, api) == unobserved
    assert {site for site, _ in swallowed} == {"openai.in_band"}
    swallowed.clear()
    assert telemetry.spans("confession") == []


def functions_on_the_way() -> dict[str, tuple[Any, str]]:
    """Each function that an answer passes through from the request to the caller, by name."""
    modules = (telling, removal, text, events, in_band_chat, in_band_responses, chat, responses, fields, question)
    found: dict[str, tuple[Any, str]] = {}
    for module in modules:
        owners: list[Any] = [module, *(one for one in vars(module).values() if inspect.isclass(one))]
        for owner in owners:
            for name, function in vars(owner).items():
                ours = inspect.isfunction(function) and function.__module__ == module.__name__
                named = f"{module.__name__.rpartition('.')[2]}.{owner.__name__.rpartition('.')[2]}.{name}"
                if ours and named not in BETWEEN_HOST_AND_GUARD and not name.startswith("__"):
                    found[f"{'in_band.' * ('in_band' in module.__name__)}{named}"] = owner, name
    return found


BETWEEN_HOST_AND_GUARD = {
    # Kept to a few lines without a condition: there is no guard around a guard.
    "telling.telling.through",
    "removal._Pieces.cut",
    "events.Body.feed",
    "events.Body.finish",
    "events._Events.finish",
    "events._Events._all",
    "events._Events._rest",
}
ON_THE_WAY = functions_on_the_way()


@pytest.mark.parametrize("site", ON_THE_WAY)
async def test_whatever_of_ours_raises_the_answer_arrives_whole(
    telemetry: Telemetry,
    told_async_client: AsyncOpenAI,
    told_client: OpenAI,
    model: Model,
    monkeypatch: pytest.MonkeyPatch,
    *,
    swallowed: list[tuple[str, Exception]],
    site: str,
) -> None:
    owner, name = ON_THE_WAY[site]

    def raising(*_: Any, **__: Any) -> None:
        msg = f"{site} was made to raise"
        raise ZeroDivisionError(msg)

    co.instrument(way="in_band", **telemetry.providers)
    original = vars(owner)[name]
    for module in (telling, removal, text, events, in_band_chat, in_band_responses, chat, responses, fields, call):
        for alias, value in list(vars(module).items()):
            if value is original:
                monkeypatch.setattr(module, alias, raising)
    monkeypatch.setattr(owner, name, raising)
    for client in (told_client, told_async_client):
        for api in ("chat", "responses"):
            for stream in (False, True):
                given = await settled(resource(client, api).create(**ARGUMENTS[api], stream=stream))
                if stream:
                    said = "".join([gist(chunk)[0] async for chunk in each(given)])
                else:
                    said = given.choices[0].message.content if api == "chat" else given.output_text
                said = said.removeprefix("2.")  # of the reasoning
                answer, block, confession = said.partition(BLOCK_BEGINS)
                assert answer == model.answer
                # All of the block or nothing: half of one would be worse.
                assert confession.endswith("</confession>") or not block
    swallowed.clear()


async def test_streams_under_way_at_the_same_time_do_not_mix(telemetry: Telemetry, model: Model) -> None:
    def reply(request: Any) -> Reply:
        name = model.last_text(request.json).partition(" ")[0]
        text = f"{name}: two words." + model.block(str(model.tag_of(request.json)), model.FAILED.replace("two", name))
        return Reply(chat_completion(text, id=f"chatcmpl-{name}"), piece=11, pause=0.0005)

    co.instrument(way="in_band", **telemetry.providers)

    async def one(client: AsyncOpenAI, name: str) -> str:
        messages: Any = [{"role": "user", "content": f"{name} asks for ten words."}]
        stream = await client.chat.completions.create(model="m-1", messages=messages, stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    names = [f"n{number}" for number in range(50)]
    with ScriptedServer(reply) as server:
        async with AsyncOpenAI(base_url=server.base_url, api_key="none") as client:
            texts = await asyncio.gather(*(one(client, name) for name in names))
        tags = {model.tag_of(request.json) for request in server.requests}
    assert texts == [f"{name}: two words." for name in names]
    assert len(tags) == 50
    found = {
        (span.attributes or {})["gen_ai.response.id"]: (span.attributes or {})["confession.why"]
        for span in telemetry.spans("confession")
    }
    assert found == {f"chatcmpl-{name}": f"There are {name}." for name in names}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_live_span_of_another_instrumentation_carries_the_verdict(
    telemetry: Telemetry, told_client: OpenAI, model: Model, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    tracer = telemetry.tracer_provider.get_tracer("peer")
    completions = type(told_client.chat.completions)
    create = completions.create
    texts: list[str] = []

    def theirs(self: Any, *arguments: Any, **keywords: Any) -> Any:
        with tracer.start_as_current_span("chat theirs", attributes={"gen_ai.operation.name": "chat"}) as span:
            given = create(self, *arguments, **keywords)
            if keywords.get("stream"):
                given = list(given)
                texts.append("".join(chunk.choices[0].delta.content or "" for chunk in given if chunk.choices))
            else:
                texts.append(given.choices[0].message.content)
            span.set_attribute("output", texts[-1])
            return given

    monkeypatch.setattr(completions, "create", theirs)
    co.instrument(way="in_band", **telemetry.providers)
    told_client.chat.completions.create(model="m-1", messages=MESSAGES, stream=stream)
    assert texts == [model.answer]
    assert [span.name for span in telemetry.spans()] == ["confession", "chat theirs"]
    theirs_span = telemetry.spans("chat theirs")[0]
    assert (theirs_span.attributes or {})["confession.verdict"] == "non_compliant"
    assert telemetry.confession().parent == theirs_span.context


@pytest.mark.parametrize("then", ["uninstrument", "shutdown", "observe"])
@pytest.mark.parametrize("form", ["whole", "streamed"])
def test_a_request_under_way_when_the_way_ends_gives_an_answer_without_its_confession(
    telemetry: Telemetry, then: str, form: str
) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def reply(request: Request) -> Any:
        asked.set()
        go_on.wait(30)
        (tag,) = re.findall(r'id=\\"([0-9a-f]+)', request.content.decode())
        return chat_completion(f'Four.\n\n<confession id="{tag}">Objective: x. Result: complied.</confession>')

    def call() -> str:
        if form == "whole":
            return str(client.chat.completions.create(model="m-1", messages=MESSAGES).choices[0].message.content)
        chunks = client.chat.completions.create(model="m-1", messages=MESSAGES, stream=True)
        return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)

    before = [vars(base)["_process_response"] for base in (SyncAPIClient, AsyncAPIClient)]
    co.instrument(**telemetry.providers, way="in_band")
    with (
        ScriptedServer(reply) as server,
        OpenAI(base_url=server.base_url, api_key="none", max_retries=0) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        answer = pool.submit(call)
        assert asked.wait(30)
        if then == "observe":
            co.instrument(**telemetry.providers)
        else:
            (co.uninstrument if then == "uninstrument" else co.shutdown)()
        go_on.set()
        assert answer.result(30) == "Four."
    assert telemetry.counts("confession.answers") == COUNTED
    assert [vars(base)["_process_response"] for base in (SyncAPIClient, AsyncAPIClient)] == before

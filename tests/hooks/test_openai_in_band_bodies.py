"""The OpenAI SDK: the confession that ends an answer is taken out of every form in which the caller may get it."""

from __future__ import annotations

import contextlib
import gc
import gzip
import importlib
import inspect
import itertools
import json
import pickle
import time
import weakref
from typing import TYPE_CHECKING, Any, Literal

import openai
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from openai import AsyncOpenAI, OpenAI
from openai._base_client import AsyncAPIClient, SyncAPIClient
from pydantic import BaseModel

from confession_otel.openai.in_band import Removal
from confession_otel.openai.in_band import events as in_band_events
from confession_otel.openai.in_band import removal as in_band_removal
from confession_otel.openai.in_band.chat import Chat
from confession_otel.openai.in_band.responses import Responses
from confession_otel.openai.in_band.text import Removed
from confession_otel.reading import split
from confession_otel.testing import Reply, ScriptedServer, chat_completion, error, response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator

TAG = "k3f9"
OPEN = f'<confession id="{TAG}">'
CLOSE = "</confession>"
CONFESSION = '{"objectives": [{"objective": "ten words", "compliance": "not_complied"}]}'
FULL = f"Grüße, 🙂 as asked.\n\n{OPEN}{CONFESSION}{CLOSE}\n"
ANSWER = "Grüße, 🙂 as asked."
TAKEN = {0: Removed(CONFESSION, truncated=False)}
CALL: Any = {"model": "m-1", "messages": [{"role": "user", "content": "Ten words, please."}]}
ASK: Any = {"model": "m-1", "input": "Ten words, please."}

Api = Literal["chat", "responses"]


# --- What stands in for the door --------------------------------------------------------------------------------------


@contextlib.contextmanager
def removing(api: Api) -> Iterator[list[Removal]]:
    """Every response of the SDK goes through a removal of its own."""
    removals: list[Removal] = []
    sync, asynchronous = SyncAPIClient._process_response, AsyncAPIClient._process_response

    def prepare(response: Any) -> None:
        removals.append(Removal(TAG, api))
        removals[-1].apply(response)

    def process(self: Any, **keywords: Any) -> Any:
        prepare(keywords["response"])
        return sync(self, **keywords)

    async def process_async(self: Any, **keywords: Any) -> Any:
        prepare(keywords["response"])
        return await asynchronous(self, **keywords)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SyncAPIClient, "_process_response", process)
        patch.setattr(AsyncAPIClient, "_process_response", process_async)
        yield removals


@pytest.fixture
def chat() -> Iterator[list[Removal]]:
    with removing("chat") as removals:
        yield removals


@pytest.fixture
def responses() -> Iterator[list[Removal]]:
    with removing("responses") as removals:
        yield removals


@pytest.fixture
def replies() -> list[Any]:
    """What the server says: the last one for ever."""
    return [chat_completion(FULL)]


@pytest.fixture
def server(replies: list[Any]) -> Iterator[ScriptedServer]:
    with ScriptedServer(lambda request: replies.pop(0) if len(replies) > 1 else replies[0]) as server:
        yield server


@pytest.fixture
def client(server: ScriptedServer) -> Iterator[OpenAI]:
    with OpenAI(base_url=server.base_url, api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture
async def async_client(server: ScriptedServer) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=server.base_url, api_key="none", max_retries=0) as client:
        yield client


def http_libraries() -> list[Any]:
    """Those that this version of the SDK takes: newer ones take both."""
    found = []
    for name in ("httpx", "httpx2"):
        with contextlib.suppress(ImportError):
            library = importlib.import_module(name)
            try:
                OpenAI(api_key="none", http_client=library.Client(transport=library.MockTransport(lambda _: None)))
            except TypeError:
                continue
            found.append(library)
    return found


HTTP = http_libraries()


def mocked(chunks: Iterable[bytes], library: Any = HTTP[-1]) -> OpenAI:
    """A client that gets just these chunks."""
    kind = {"content-type": "text/event-stream"}
    transport = library.MockTransport(lambda _: library.Response(200, headers=kind, content=iter(chunks)))
    return OpenAI(
        base_url="http://mock/v1", api_key="none", max_retries=0, http_client=library.Client(transport=transport)
    )


def mocked_async(chunks: Iterable[bytes], library: Any = HTTP[-1]) -> AsyncOpenAI:
    async def content() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    kind = {"content-type": "text/event-stream"}
    transport = library.MockTransport(lambda _: library.Response(200, headers=kind, content=content()))
    http = library.AsyncClient(transport=transport)
    return AsyncOpenAI(base_url="http://mock/v1", api_key="none", max_retries=0, http_client=http)


# --- Streams, cut in every way ----------------------------------------------------------------------------------------

PIECES = [
    OPEN,
    CLOSE,
    OPEN + CONFESSION + CLOSE,
    OPEN + "one\ntwo" + CLOSE,
    f"<confession id='{TAG}' >",
    f'<confession id="{TAG}',
    f'{TAG}">',
    '<confession id="other">',
    "<confession>",
    "<conf",
    "<",
    "</conf",
    ">",
    f"`{OPEN}`",
    "{",
    '"',
    "\\",
    " ",
    "\n",
    "\n\n",
    "\u2028",
    "\x85",
    "text",
    "two words",
    "é",
    "🙂",
    "\r\n",
]
MENTIONED = f"`{OPEN}`{OPEN}"
"""Only at its end is it known which of them is one."""
TEXTS = st.one_of(
    st.just(FULL),
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
    st.text(max_size=30),
    st.tuples(st.text(max_size=20), st.text(max_size=20)).map(lambda both: f"{both[0]}\n{OPEN}{both[1]}{CLOSE}"),
)


def cut(draw: Any, whole: Any, most: int) -> list[Any]:
    cuts = sorted(draw(st.sets(st.integers(0, len(whole)), max_size=most)))
    return [whole[i:j] for i, j in zip([0, *cuts], [*cuts, len(whole)], strict=True)]


def event(data: Any, end: str = "\n", *, name: str | None = None, ascii_only: bool = False) -> bytes:
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=ascii_only)
    return f"{f'event: {name}{end}' if name else ''}data: {text}{end}{end}".encode()


def chunk(index: int, delta: Any, finish_reason: str | None = None, logprobs: Any = None) -> dict[str, Any]:
    choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish_reason}
    head = {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "m-1", "obfuscation": "x"}
    return {**head, "choices": [choice]}


def deltas_of(texts: list[list[str]]) -> list[tuple[int, str]]:
    """Deltas of several choices, in turn."""
    rounds = itertools.zip_longest(*texts)
    return [(index, delta) for each in rounds for index, delta in enumerate(each) if delta is not None]


def chat_events(
    texts: list[list[str]], end: str = "\n", *, finished: bool = True, done: bool = True, ascii_only: bool = False
) -> list[bytes]:
    chunks = [chunk(index, {"role": "assistant", "content": "", "refusal": None}) for index in range(len(texts))]
    chunks += [chunk(index, {"content": delta}) for index, delta in deltas_of(texts)]
    if finished:
        chunks += [chunk(index, {}, "stop") for index in range(len(texts))]
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    chunks.append({**chunk(0, {}), "choices": [], "usage": usage})
    events = [event(one, end, ascii_only=ascii_only) for one in chunks]
    return [*events, *([event("[DONE]", end)] if done else [])]


def response_events(deltas: list[str], end: str = "\n", *, ascii_only: bool = False) -> list[bytes]:
    """Events of a response: a reasoning item, then a message."""
    body: Any = response("".join(deltas), reasoning="2 + 2.", id="resp_1")
    message = body["output"][1]
    (part,) = message["content"]
    where = {"item_id": message["id"], "output_index": 1, "content_index": 0}
    begun = {**body, "status": "in_progress", "output": []}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": body["output"][0]},
        {"type": "response.output_item.done", "output_index": 0, "item": body["output"][0]},
        {"type": "response.output_item.added", "output_index": 1, "item": {**message, "content": []}},
        {"type": "response.content_part.added", **where, "part": {**part, "text": ""}},
        *({"type": "response.output_text.delta", **where, "delta": delta, "logprobs": []} for delta in deltas),
        {"type": "response.output_text.done", **where, "text": part["text"], "logprobs": []},
        {"type": "response.content_part.done", **where, "part": part},
        {"type": "response.output_item.done", "output_index": 1, "item": message},
        {"type": "response.completed", "response": body},
    ]
    return [
        event({**one, "sequence_number": number}, end, name=one["type"], ascii_only=ascii_only)
        for number, one in enumerate(events)
    ]


APIS: dict[Api, Callable[[list[str]], list[bytes]]] = {
    "chat": lambda deltas: chat_events([deltas]),
    "responses": response_events,
}

ENDS = st.sampled_from(["\n", "\r\n", "\r"])


@st.composite
def chat_streams(draw: st.DrawFn) -> tuple[list[str], list[bytes], bool]:
    """Texts of the choices, chunks of bytes, and whether each choice says that it stopped."""
    texts = draw(st.lists(TEXTS, min_size=1, max_size=2))
    finished, done = draw(st.booleans()), draw(st.booleans())
    events = chat_events(
        [cut(draw, text, 8) for text in texts], draw(ENDS), finished=finished, done=done, ascii_only=draw(st.booleans())
    )
    if draw(st.booleans()):
        events = [part for one in events for part in (b": still here\n\n", one)]
    return texts, cut(draw, b"".join(events), 12), finished


def expected(texts: list[str]) -> tuple[list[str], dict[int, str]]:
    divided = [split(text, TAG) for text in texts]
    return [answer for answer, _ in divided], {i: told for i, (_, told) in enumerate(divided) if told is not None}


def told(removal: Removal) -> dict[int, str]:
    return {index: removed.confession for index, removed in removal.confessions.items()}


def said(chunks: Iterable[Any], choices: int) -> list[str]:
    texts = [""] * choices
    for one in chunks:
        for choice in one.choices:
            texts[choice.index] += choice.delta.content or ""
    return texts


@given(chat_streams())
@example(([MENTIONED], chat_events([[MENTIONED]]), True))
@example((["a \n"], [b"".join(chat_events([["a \n"]], done=False, finished=False))], False))
def test_a_chat_stream_says_what_split_leaves_of_it(stream: tuple[list[str], list[bytes], bool]) -> None:
    texts, chunks, finished = stream
    with removing("chat") as removals, mocked(chunks) as client:
        seen = list(client.chat.completions.create(**CALL, stream=True))
    answers, confessions = expected(texts)
    assert said(seen, len(texts)) == answers
    assert told(removals[0]) == confessions
    if finished:
        # A reason to stop is the last word of a choice, and nothing came before it that the server had not sent.
        assert len(seen) == sum(event.startswith(b"data: {") for event in b"".join(chunks).splitlines())
        assert [choice.index for one in seen[-1 - len(texts) :] for choice in one.choices if choice.finish_reason]


@given(st.data())
def test_a_response_stream_says_what_split_leaves_of_it(data: st.DataObject) -> None:
    text = data.draw(TEXTS)
    events = response_events(cut(data.draw, text, 8), data.draw(ENDS), ascii_only=data.draw(st.booleans()))
    chunks = cut(data.draw, b"".join(events), 12)
    with removing("responses") as removals, mocked(chunks) as client:
        seen: list[Any] = list(client.responses.create(**ASK, stream=True))
    (answer,), confessions = expected([text])
    assert "".join(one.delta for one in seen if one.type == "response.output_text.delta") == answer
    (done,) = [one for one in seen if one.type == "response.output_text.done"]
    (part,) = [one for one in seen if one.type == "response.content_part.done"]
    item = [one for one in seen if one.type == "response.output_item.done"][-1]
    assert done.text == part.part.text == item.item.content[0].text == seen[-1].response.output_text == answer
    assert told(removals[0]) == confessions
    numbers = [one.sequence_number for one in seen]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(len(events)))
    assert [one.type for one in seen].index(done.type) > max(
        (place for place, one in enumerate(seen) if one.type == "response.output_text.delta"), default=0
    )


@given(st.data())
def test_however_the_bytes_are_cut_the_same_bytes_come_out(data: st.DataObject) -> None:
    api = data.draw(st.sampled_from(["chat", "responses"]))
    deltas = cut(data.draw, data.draw(TEXTS), 6)
    events = chat_events([deltas], data.draw(ENDS)) if api == "chat" else response_events(deltas, data.draw(ENDS))
    whole = b"".join(events)

    def filtered(chunks: list[bytes]) -> bytes:
        body = in_band_events.Body(TAG, Chat(TAG) if api == "chat" else Responses(TAG))
        return b"".join(map(body.feed, chunks)) + body.finish()

    once = filtered([whole])
    assert filtered(cut(data.draw, whole, 20)) == once
    assert filtered([whole[i : i + 1] for i in range(len(whole))]) == once
    if "<" not in "".join(deltas) and all(delta == delta.rstrip() for delta in deltas):
        assert once == whole


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_event_is_passed_on_as_soon_as_it_is_complete(end: str) -> None:
    removal = Removal(TAG, "chat")
    body = in_band_events.Body(TAG, removal._shape)
    events = chat_events([["one", " two"]], end)
    others = [f": ping{end}{end}".encode(), f"retry: 5{end}{end}".encode(), event({"object": "unknown"}, end)]
    for one in [*others, *events]:
        assert body.feed(one[:7]).strip() == b""
        # The second half of the last line's end may come with what follows.
        assert body.feed(one[7:]).strip() == one.strip()
    assert body.finish() == b""


def test_a_chunk_with_nothing_to_show_keeps_all_else() -> None:
    events = chat_events([["one", " \n", OPEN, "x", CLOSE]])
    with removing("chat"), mocked(events) as client:
        seen = list(client.chat.completions.create(**CALL, stream=True))
    deltas = [one.choices[0].delta for one in seen[:-1]]
    assert [delta.content for delta in deltas] == ["", "one", "", "", "", "", None]
    assert deltas[0].role == "assistant"
    assert seen[-2].choices[0].finish_reason == "stop"
    assert seen[-1].usage
    assert seen[-1].usage.total_tokens == 3
    assert {one.obfuscation for one in seen[:-1]} == {"x"}


def test_what_was_held_back_goes_out_with_the_reason_to_stop() -> None:
    with removing("chat") as removals, mocked(chat_events([["one <conf"], ["two \n"]])) as client:
        seen = list(client.chat.completions.create(**CALL, stream=True))
    last = [(one.choices[0].delta.content, one.choices[0].finish_reason) for one in seen[-3:-1]]
    assert last == [(" <conf", "stop"), (" \n", "stop")]
    assert removals[0].confessions == {}


def test_without_a_reason_to_stop_it_goes_out_in_a_chunk_of_its_own() -> None:
    with removing("chat"), mocked(chat_events([["one <conf"]], finished=False)) as client:
        *_, last = client.chat.completions.create(**CALL, stream=True)
    assert (last.id, last.choices[0].delta.content, last.usage) == ("c-1", " <conf", None)


def test_what_was_held_back_of_a_response_goes_out_in_an_event_of_its_own() -> None:
    with removing("responses"), mocked(response_events(["one", " \n"])) as client:
        seen: list[Any] = list(client.responses.create(**ASK, stream=True))
    of_text = [(one.sequence_number, one.delta) for one in seen if one.type == "response.output_text.delta"]
    assert of_text == [(6, "one"), (7, ""), (7, " \n")]


@pytest.mark.parametrize("broken", ["", "</conf", "</confession"])
def test_a_confession_cut_off_by_the_token_limit_is_removed_and_marked(broken: str) -> None:
    text = f"one\n{OPEN}two{broken}"
    for api, events_of in APIS.items():
        with removing(api) as removals, mocked(events_of(list(text))) as client:
            if api == "chat":
                assert said(client.chat.completions.create(**CALL, stream=True), 1) == ["one"]
            else:
                *_, last = client.responses.create(**ASK, stream=True)
                assert last.type == "response.completed"
                assert last.response.output_text == "one"
        assert removals[0].confessions == {0: Removed("two", truncated=True)}


def test_a_server_that_says_with_every_chunk_that_it_is_the_last() -> None:
    """Gemini's did so behind more than one gateway."""
    for size in range(1, 40):
        cuts = [FULL[i : i + size] for i in range(0, len(FULL), size)]
        events = [event(chunk(0, {"content": delta}, "stop")) for delta in cuts]
        with removing("chat") as removals, mocked([*events, event("[DONE]")]) as client:
            seen = said(client.chat.completions.create(**CALL, stream=True), 1)
        # What a first chunk ends with is believed to be the end; from then on it is known that it need not be.
        assert seen in ([ANSWER], [ANSWER + FULL[len(ANSWER) : size]])
        assert told(removals[0]) == {0: CONFESSION}


def test_parts_that_a_server_sends_instead_of_a_text() -> None:
    def parts(*texts: str) -> dict[str, Any]:
        thought = {"type": "thinking", "thinking": [{"type": "text", "text": OPEN}]}
        return {"content": [thought, *({"type": "text", "text": text} for text in texts)]}

    events = [event(chunk(0, parts("one", " \n" + OPEN))), event(chunk(0, parts("x", CLOSE), "stop"))]
    with removing("chat") as removals, mocked(events) as client:
        seen: list[Any] = list(client.chat.completions.create(**CALL, stream=True))
    assert [[part.get("text") for part in one.choices[0].delta.content] for one in seen] == [
        [None, "one", ""],
        [None, "", ""],
    ]
    assert told(removals[0]) == {0: "x"}
    whole: Any = chat_completion("")
    whole["choices"][0]["message"] = {"role": "assistant", **parts("one", f" \n{OPEN}x{CLOSE}")}
    with removing("chat") as removals, mocked([json.dumps(whole).encode()]) as client:
        completion: Any = client.chat.completions.create(**CALL)
    assert [part.get("text") for part in completion.choices[0].message.content] == [None, "one", ""]
    assert told(removals[0]) == {0: "x"}


def test_text_before_a_tool_call_is_whole_when_the_call_begins() -> None:
    call = {"index": 0, "id": "t-1", "type": "function", "function": {"name": "f", "arguments": ""}}
    arguments = {"index": 0, "function": {"arguments": json.dumps({"content": OPEN})}}
    events = [
        event(chunk(0, {"role": "assistant", "content": "Wait. "})),
        event(chunk(0, {"tool_calls": [call]})),
        event(chunk(0, {"tool_calls": [arguments]})),
        event(chunk(0, {}, "tool_calls")),
        event("[DONE]"),
    ]
    with removing("chat") as removals, mocked(events) as client, client.chat.completions.stream(**CALL) as stream:
        seen = list(stream)
    (done,) = [one for one in seen if one.type == "content.done"]
    assert done.content == "Wait. "
    message = stream.get_final_completion().choices[0].message
    assert message.content == "Wait. "
    assert message.tool_calls
    assert json.loads(message.tool_calls[0].function.arguments) == {"content": OPEN}
    assert removals[0].confessions == {}


# --- Every form the caller may ask for --------------------------------------------------------------------------------


class Words(BaseModel):
    """What a caller may have an answer parsed into."""

    words: int


def chat_text(form: str, client: OpenAI) -> Any:  # noqa: C901, PLR0911, PLR0912 - a form, a branch
    api: Any = client.chat.completions
    match form:
        case "create":
            return api.create(**CALL).choices[0].message.content
        case "parse":
            return api.parse(**CALL).choices[0].message.content
        case "stream":
            return said(api.create(**CALL, stream=True), 1)[0]
        case "helper":
            with api.stream(**CALL) as stream:
                return stream.get_final_completion().choices[0].message.content
        case "raw text":
            return of_chat(json.loads(api.with_raw_response.create(**CALL).text))
        case "raw content":
            return of_chat(json.loads(api.with_raw_response.create(**CALL).content))
        case "raw json":
            return of_chat(api.with_raw_response.create(**CALL).http_response.json())
        case "raw parse":
            return api.with_raw_response.create(**CALL).parse().choices[0].message.content
        case "raw stream":
            return said(api.with_raw_response.create(**CALL, stream=True).parse(), 1)[0]
    with api.with_streaming_response.create(**CALL, stream="events" in form) as response:
        match form:
            case "bytes":
                return of_chat(json.loads(b"".join(response.iter_bytes(chunk_size=5))))
            case "text":
                return of_chat(json.loads("".join(response.iter_text(chunk_size=3))))
            case "lines":
                return of_chat(json.loads("".join(response.iter_lines())))
            case "read":
                return of_chat(json.loads(response.read()))
            case "json":
                return of_chat(response.json())
            case "parsed":
                return response.parse().choices[0].message.content
            case "parsed events":
                return said(response.parse(), 1)[0]
            case "events in lines":
                return of_lines(response.iter_lines())
            case "events in bytes":
                return of_lines(b"".join(response.iter_bytes(chunk_size=7)).decode().splitlines())
    raise AssertionError(form)


def of_chat(body: Any) -> Any:
    return body["choices"][0]["message"]["content"]


def of_lines(lines: Iterable[str]) -> str:
    chunks = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    return "".join(choice["delta"].get("content") or "" for one in chunks for choice in one["choices"])


CHAT_FORMS = (
    "create|parse|stream|helper|raw text|raw content|raw json|raw parse|raw stream|bytes|text|lines|read|json|parsed|"
    "parsed events|events in lines|events in bytes"
).split("|")


@pytest.mark.parametrize("form", CHAT_FORMS)
def test_a_chat_completion_in_every_form(form: str, client: OpenAI, chat: list[Removal]) -> None:
    assert chat_text(form, client) == ANSWER
    assert chat[0].confessions == TAKEN


@pytest.mark.parametrize("form", CHAT_FORMS)
def test_a_chat_completion_without_a_confession_in_every_form(
    form: str, client: OpenAI, chat: list[Removal], replies: list[Any]
) -> None:
    replies[:] = [chat_completion("Nothing to add. \n")]
    assert chat_text(form, client) == "Nothing to add. \n"
    assert chat[0].confessions == {}


@pytest.mark.parametrize("form", ["create", "parse", "stream", "helper", "raw", "raw stream", "read", "lines"])
def test_a_response_in_every_form(form: str, client: OpenAI, responses: list[Removal], replies: list[Any]) -> None:
    replies[:] = [response(FULL, reasoning="2 + 2.")]
    api = client.responses
    text: Any = None
    match form:
        case "create":
            text = api.create(**ASK).output_text
        case "parse":
            text = api.parse(**ASK).output_text
        case "stream":
            text = "".join(e.delta for e in api.create(**ASK, stream=True) if e.type == "response.output_text.delta")
        case "helper":
            with api.stream(**ASK) as stream:
                seen = list(stream)
            text = stream.get_final_response().output_text
            assert [e.text for e in seen if e.type == "response.output_text.done"] == [text]
            assert "".join(e.delta for e in seen if e.type == "response.output_text.delta") == text
        case "raw":
            text = api.with_raw_response.create(**ASK).parse().output_text
        case "raw stream":
            last: Any = list(api.with_raw_response.create(**ASK, stream=True).parse())[-1]
            text = last.response.output_text
        case "read" | "lines":
            with api.with_streaming_response.create(**ASK) as raw:
                body = json.loads(raw.read() if form == "read" else "".join(raw.iter_lines()))
            text = body["output"][1]["content"][0]["text"]
    assert text == ANSWER
    assert responses[0].confessions == TAKEN


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_what_is_parsed_into_a_type_holds_no_confession(
    client: OpenAI, chat: list[Removal], replies: list[Any], streamed: bool
) -> None:
    replies[:] = [chat_completion(f'{{"words": 10}}\n{OPEN}x{CLOSE}')]
    if streamed:
        with client.chat.completions.stream(**CALL, response_format=Words) as stream:
            completion = stream.get_final_completion()
    else:
        completion = client.chat.completions.parse(**CALL, response_format=Words)
    assert completion.choices[0].message.parsed == Words(words=10)
    assert told(chat[0]) == {0: "x"}


@pytest.mark.parametrize("form", ["create", "stream", "helper", "raw", "read", "bytes", "text", "lines", "events"])
async def test_asynchronous_calls(form: str, async_client: AsyncOpenAI, chat: list[Removal]) -> None:
    api = async_client.chat.completions
    text: Any = None
    match form:
        case "create":
            text = (await api.create(**CALL)).choices[0].message.content
        case "stream":
            text = said([one async for one in await api.create(**CALL, stream=True)], 1)[0]
        case "helper":
            async with api.stream(**CALL) as stream:
                text = (await stream.get_final_completion()).choices[0].message.content
        case "raw":
            text = of_chat(json.loads((await api.with_raw_response.create(**CALL)).text))
        case _:
            async with api.with_streaming_response.create(**CALL, stream=form == "events") as raw:
                match form:
                    case "read":
                        text = of_chat(json.loads(await raw.read()))
                    case "bytes":
                        text = of_chat(json.loads(b"".join([piece async for piece in raw.iter_bytes(chunk_size=9)])))
                    case "text":
                        text = of_chat(json.loads("".join([piece async for piece in raw.iter_text()])))
                    case "lines":
                        text = of_chat(json.loads("".join([piece async for piece in raw.iter_lines()])))
                    case "events":
                        text = of_lines([line async for line in raw.iter_lines()])
    assert text == ANSWER
    assert chat[0].confessions == TAKEN


@pytest.mark.parametrize("library", HTTP, ids=lambda library: library.__name__)
async def test_each_http_library_that_the_sdk_takes(library: Any) -> None:
    for end in ("\n", "\r\n"):
        events = chat_events([list(FULL)], end)
        with removing("chat") as removals:
            with mocked(events, library) as client:
                assert said(client.chat.completions.create(**CALL, stream=True), 1) == [ANSWER]
                with client.chat.completions.with_streaming_response.create(**CALL, stream=True) as raw:
                    assert "confession" not in raw.read().decode()
            async with mocked_async(events, library) as asynchronous:
                stream = await asynchronous.chat.completions.create(**CALL, stream=True)
                assert said([one async for one in stream], 1) == [ANSWER]
        assert [removal.confessions for removal in removals] == [TAKEN, TAKEN, TAKEN]


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_compressed_bodies(client: OpenAI, chat: list[Removal], replies: list[Any], streamed: bool) -> None:
    headers = {"content-encoding": "gzip"}
    if streamed:
        packed = gzip.compress(b"".join(chat_events([list(FULL)])))
        replies[:] = [Reply([packed[i : i + 11] for i in range(0, len(packed), 11)], headers=headers)]
        assert said(client.chat.completions.create(**CALL, stream=True), 1) == [ANSWER]
    else:
        replies[:] = [Reply(gzip.compress(json.dumps(chat_completion(FULL)).encode()), headers=headers)]
        assert client.chat.completions.create(**CALL).choices[0].message.content == ANSWER
    assert chat[0].confessions == TAKEN


# --- Whole bodies -----------------------------------------------------------------------------------------------------


def rewritten(body: bytes, api: Api = "chat", status: int = 200) -> tuple[bytes, Removal]:
    library = HTTP[-1]
    given_response = library.Response(status, content=body)
    removal = Removal(TAG, api)
    removal.apply(given_response)
    return given_response.content, removal


@given(TEXTS, TEXTS, st.booleans())
def test_a_whole_completion_says_what_split_leaves_of_it(first: str, second: str, ascii_only: bool) -> None:
    body: Any = chat_completion(first, second)
    content = json.dumps(body, ensure_ascii=ascii_only).encode()
    changed, removal = rewritten(content)
    answers, confessions = expected([first, second])
    assert [choice["message"]["content"] for choice in json.loads(changed)["choices"]] == answers
    assert told(removal) == confessions
    if not confessions:
        assert changed == content
    for choice, answer in zip(body["choices"], answers, strict=True):
        choice["message"]["content"] = answer
    assert json.loads(changed) == body
    assert list(json.loads(changed)) == list(body)


@given(TEXTS)
@example(MENTIONED)
def test_a_whole_response_says_what_split_leaves_of_it(text: str) -> None:
    body = {**response(text, reasoning="2 + 2."), "output_text": text, "instructions": f"End with {OPEN}."}
    changed, removal = rewritten(json.dumps(body).encode(), "responses")
    (answer,), confessions = expected([text])
    seen = json.loads(changed)
    assert seen["output"][1]["content"][0]["text"] == seen["output_text"] == answer
    assert seen["instructions"] == body["instructions"]
    assert told(removal) == confessions


def test_numbers_and_unknown_fields_stay() -> None:
    body = chat_completion(FULL)
    numbers = {"big": 2**80, "small": 1e-300, "exact": 0.1, "none": None, "nested": {"z": 1, "a": [True, "é"]}}
    changed, _ = rewritten(json.dumps({**body, "theirs": numbers}, ensure_ascii=False).encode())
    assert json.loads(changed)["theirs"] == numbers
    assert '"é"'.encode() in changed


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json " + FULL.encode(),
        b"{" + OPEN.encode(),
        b"[" + json.dumps(FULL).encode() + b"]",
        json.dumps({"choices": [FULL, {"message": FULL}, {"message": None}], "k3f9": 1}).encode(),
        json.dumps({"choices": None, "output": [FULL, None], "k3f9": 1}).encode(),
        json.dumps(chat_completion(None, tool_calls=[("f", json.dumps(FULL))])).encode(),
        json.dumps(chat_completion(None, refusal=FULL)).encode(),
        b"\xff\xfe{" + FULL.encode(),
    ],
)
@pytest.mark.parametrize("api", ["chat", "responses"])
def test_what_is_no_answer_stays_byte_for_byte(body: bytes, api: Api) -> None:
    changed, removal = rewritten(body, api)
    assert changed == body
    assert removal.confessions == {}


def test_an_error_stays_byte_for_byte() -> None:
    body = json.dumps(chat_completion(FULL)).encode()
    assert rewritten(body, status=400)[0] == body


def test_an_error_reaches_the_caller(client: OpenAI, chat: list[Removal], replies: list[Any]) -> None:
    replies[:] = [Reply(error(FULL), status=400)]
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(**CALL)
    assert TAG in raised.value.message


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16-le"])
def test_a_body_in_another_encoding_stays_in_it(encoding: str) -> None:
    changed, removal = rewritten(json.dumps(chat_completion(FULL), ensure_ascii=False).encode(encoding))
    assert of_chat(json.loads(changed.decode(encoding))) == ANSWER
    assert removal.confessions == TAKEN


def test_half_a_surrogate_pair_is_no_obstacle() -> None:
    body = json.dumps(chat_completion(FULL + "\ud83d" + FULL), ensure_ascii=True).encode()
    assert of_chat(json.loads(rewritten(body + b" ")[0])) == f"{ANSWER}\n\ud83d{ANSWER}"
    events = chat_events([["é ", "\ud83d", "\ude42 "]], ascii_only=True)
    events[1] = event(chunk(0, {"content": "é ", "theirs": "é"})).replace(b"}]", b',"half":"\\ud83d"}]')
    with removing("chat"), mocked(events) as client:
        assert said(client.chat.completions.create(**CALL, stream=True), 1)[0] == "é \ud83d\ude42 "


def test_keep_alive_lines_before_a_body_pass_at_once() -> None:
    def body() -> Iterator[bytes]:
        yield b"\n"
        yield b" \n"
        yield json.dumps(chat_completion(FULL)).encode()

    with (
        removing("chat") as removals,
        mocked(body()) as client,
        client.chat.completions.with_streaming_response.create(**CALL) as raw,
    ):
        pieces = raw.iter_bytes()
        assert [next(pieces), next(pieces)] == [b"\n", b" \n"]
        assert of_chat(json.loads(b"".join(pieces))) == ANSWER
    assert removals[0].confessions == TAKEN


# --- Log probabilities ------------------------------------------------------------------------------------------------


def tokens_of(text: str, size: int) -> list[dict[str, Any]]:
    """Tokens of some bytes each, which may cut characters in two."""
    raw = text.encode()
    cuts = [raw[i : i + size] for i in range(0, len(raw), size)]
    return [
        {"token": one.decode("utf-8", "replace"), "bytes": list(one), "logprob": -float(n), "top_logprobs": []}
        for n, one in enumerate(cuts)
    ]


def text_of(tokens: Iterable[Any]) -> str:
    return b"".join(bytes(token["bytes"]) for token in tokens).decode("utf-8", "replace")


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8])
def test_whole_log_probabilities_are_those_of_the_answer(size: int) -> None:
    tokens = tokens_of(FULL, size)
    body: Any = chat_completion(FULL, "kept ")
    body["choices"][0]["logprobs"] = {"content": tokens, "refusal": None}
    body["choices"][1]["logprobs"] = {"content": tokens_of("kept ", size), "refusal": None}
    first, second = json.loads(rewritten(json.dumps(body).encode())[0])["choices"]
    kept = first["logprobs"]["content"]
    assert kept == tokens[: len(kept)]
    assert ANSWER.encode() in text_of(kept).encode()
    assert len(text_of(kept).encode()) < len(ANSWER.encode()) + size
    assert second["logprobs"]["content"] == tokens_of("kept ", size)
    answered: Any = response(FULL)
    answered["output"][0]["content"][0]["logprobs"] = tokens
    changed = json.loads(rewritten(json.dumps(answered).encode(), "responses")[0])
    assert changed["output"][0]["content"][0]["logprobs"] == kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (FULL, ANSWER),
        (f"a {OPEN}x{CLOSE}b c ", "a b c"),
        (f"{OPEN}x{CLOSE}\nb", "\nb"),
        ("a <conf b \n", "a <conf b \n"),
        (f"a{OPEN}x", "a"),
        (f"a{OPEN}x{CLOSE}b{OPEN}y{CLOSE}", "ab"),
    ],
)
@pytest.mark.parametrize("size", [1, 4, 100])
def test_streamed_log_probabilities_come_with_their_text(text: str, kept: str, size: int) -> None:
    characters = [tokens_of(one, 9)[0] for one in text]
    cuts = [(text[i : i + size], characters[i : i + size]) for i in range(0, len(text), size)]
    chunks = [chunk(0, {"content": cut}, None, {"content": tokens, "refusal": None}) for cut, tokens in cuts]
    with removing("chat"), mocked([*map(event, chunks), event(chunk(0, {}, "stop"))]) as client:
        seen = list(client.chat.completions.create(**CALL, stream=True))
    spoken = shown = ""
    for one in seen:
        choice = one.choices[0]
        assert choice.delta.content is not None or choice.finish_reason
        tokens_shown = "".join(token.token for token in (choice.logprobs and choice.logprobs.content) or ())
        if size == 1:
            assert tokens_shown == (choice.delta.content or "")
        spoken += choice.delta.content or ""
        shown += tokens_shown
    assert spoken == split(text, TAG)[0] == kept
    # Between two confessions in one delta nobody can tell.
    assert shown in ((kept, "a") if size == 100 else (kept,))


def test_tokens_that_come_before_their_text_wait_for_it(
    client: OpenAI, chat: list[Removal], replies: list[Any]
) -> None:
    body: Any = chat_completion(FULL)
    body["choices"][0]["logprobs"] = {"content": tokens_of(FULL, 1), "refusal": None}
    replies[:] = [body]
    with client.chat.completions.stream(**CALL) as stream:
        logprobs = stream.get_final_completion().choices[0].logprobs
    assert logprobs
    assert logprobs.content
    assert b"".join(bytes(token.bytes or ()) for token in logprobs.content).decode() == ANSWER


def test_tokens_that_fit_no_text_are_kept_where_nothing_was_removed() -> None:
    end: Any = {"token": "<|end|>", "bytes": None, "logprob": 0.0, "top_logprobs": []}
    tokens = [tokens_of("one", 9)[0], end]
    chunks = [chunk(0, {"content": "one"}, None, {"content": tokens}), chunk(0, {}, "stop")]
    with removing("chat"), mocked(map(event, chunks)) as client:
        seen = list(client.chat.completions.create(**CALL, stream=True))
    shown = [t.token for one in seen if one.choices[0].logprobs for t in one.choices[0].logprobs.content or ()]
    assert shown == ["one", "<|end|>"]


def test_log_probabilities_of_response_events() -> None:
    text = f"a \n{OPEN}x{CLOSE}"
    events = response_events(list(text))
    for place, raw in enumerate(events):
        data = json.loads(raw.split(b"data: ")[1])
        if data["type"] == "response.output_text.delta":
            events[place] = event({**data, "logprobs": tokens_of(data["delta"], 9)}, name=data["type"])
        elif data["type"] == "response.output_text.done":
            events[place] = event({**data, "logprobs": tokens_of(text, 1)}, name=data["type"])
    with removing("responses"), mocked(events) as client:
        seen: list[Any] = list(client.responses.create(**ASK, stream=True))
    streamed = [t.token for one in seen if one.type == "response.output_text.delta" for t in one.logprobs]
    (done,) = [one for one in seen if one.type == "response.output_text.done"]
    assert streamed == [t.token for t in done.logprobs] == ["a"]


# --- What must not happen ---------------------------------------------------------------------------------------------


def test_a_stream_that_is_left_early(client: OpenAI, chat: list[Removal]) -> None:
    with client.chat.completions.create(**CALL, stream=True) as stream:
        assert next(stream).choices[0].delta.content == ""
    assert chat[0].confessions == {}
    assert client.chat.completions.create(**CALL).choices[0].message.content == ANSWER


def test_a_stream_that_is_left_in_the_confession(chat: list[Removal]) -> None:
    with mocked(chat_events([["a", OPEN, "b", "c", CLOSE]])) as client:
        with client.chat.completions.create(**CALL, stream=True) as stream:
            assert [next(stream).choices[0].delta.content for _ in range(4)] == ["", "a", "", ""]
        assert chat[0].confessions == {0: Removed("b", truncated=True)}


async def test_asynchronous_streams_that_are_left_early(async_client: AsyncOpenAI, chat: list[Removal]) -> None:
    async with await async_client.chat.completions.create(**CALL, stream=True) as stream:
        assert (await anext(stream)).choices[0].delta.content == ""
    async with async_client.chat.completions.with_streaming_response.create(**CALL, stream=True) as raw:
        async for _ in raw.iter_lines():
            break
    assert (await async_client.chat.completions.create(**CALL)).choices[0].message.content == ANSWER


def test_a_broken_connection_is_the_callers_to_hear_of(client: OpenAI, chat: list[Removal], replies: list[Any]) -> None:
    replies[:] = [Reply(chat_completion(FULL), cut_after=3)]
    # Older SDKs leave the exception as it is.
    with pytest.raises((openai.APIConnectionError, *(library.RemoteProtocolError for library in HTTP))):
        list(client.chat.completions.create(**CALL, stream=True))


def test_an_error_of_ours_lets_the_event_pass_as_it_came(
    monkeypatch: pytest.MonkeyPatch, swallowed: list[tuple[str, Exception]], chat: list[Removal]
) -> None:
    events = chat_events([["one", "two", f"{OPEN}x{CLOSE}"]])
    look = Chat.event

    def failing(self: Any, given_chunk: dict[str, Any]) -> Any:
        if b"two" in json.dumps(given_chunk).encode():
            msg = "provoked"
            raise RuntimeError(msg)
        return look(self, given_chunk)

    monkeypatch.setattr(Chat, "event", failing)
    with mocked(events) as client:
        assert said(client.chat.completions.create(**CALL, stream=True), 1) == ["onetwo"]
    assert [site for site, _ in swallowed] == ["openai.in_band"]
    swallowed.clear()
    monkeypatch.setattr(Chat, "whole", lambda self, body: 1 / 0)
    body = json.dumps(chat_completion(FULL)).encode()
    assert rewritten(body)[0] == body
    assert [site for site, _ in swallowed] == ["openai.in_band"]
    swallowed.clear()


def test_an_event_or_a_body_that_is_too_big_passes_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_band_events, "MOST", 2000)
    big = event({"choices": [{"index": 0, "delta": {"content": f"{OPEN}{'x' * 9000}"}}]})
    events = [*chat_events([["one"]])[:2], big, *chat_events([["two", f"{OPEN}x{CLOSE}"]])[1:]]
    whole = b"".join(events)
    for size in (1, 7, 900, 20_000):
        body = in_band_events.Body(TAG, Chat(TAG))
        out = [body.feed(whole[i : i + size]) for i in range(0, len(whole), size)]
        assert said_in(b"".join(out) + body.finish()) == f"one{OPEN}{'x' * 9000}two" if size < 2000 else True
        assert max(map(len, out)) <= max(2001 + 7, size + 2100)
    json_body = json.dumps(chat_completion(FULL + "x" * 3000)).encode()
    assert rewritten(json_body)[0] == json_body


def said_in(stream: bytes) -> str:
    return of_lines(stream.decode().splitlines())


def test_a_body_can_be_read_once_and_its_response_is_as_it_was() -> None:
    events = chat_events([[FULL]])
    with removing("chat"), mocked(events) as client:
        with client.chat.completions.with_streaming_response.create(**CALL, stream=True) as raw:
            http = raw.http_response
            assert {"iter_bytes", "aiter_bytes"} <= vars(http).keys()
            content = raw.read()
            assert not {"iter_bytes", "aiter_bytes"} & vars(http).keys()
            assert b"".join(http.iter_bytes(3)) == raw.read() == content
            assert pickle.loads(pickle.dumps(http)).content == content  # noqa: S301 - our own
        with client.chat.completions.with_streaming_response.create(**CALL, stream=True) as raw:
            list(raw.iter_bytes())
            with pytest.raises(openai.OpenAIError):
                raw.read()


def test_a_response_that_was_read_lives_no_longer_than_it_would() -> None:
    def outlives() -> bool:
        with mocked(chat_events([[FULL]])) as client:
            stream = client.chat.completions.create(**CALL, stream=True)
            http = weakref.ref(stream.response)
            list(stream)
            gc.disable()
            try:
                del stream
                return http() is not None
            finally:
                gc.enable()

    without = outlives()
    with removing("chat"):
        assert outlives() == without


def test_a_stream_costs_no_more_than_its_length() -> None:
    # Were anything looked at again with each chunk, this would take minutes; the suite's time limit is the judge.
    whole = b"".join(chat_events([["x" * 300_000, " " * 300_000, OPEN, "y" * 300_000, CLOSE]]))
    for size in (1, 4096):
        body = in_band_events.Body(TAG, Chat(TAG))
        out = b"".join([body.feed(whole[i : i + size]) for i in range(0, len(whole), size)]) + body.finish()
        assert said_in(out) == "x" * 300_000
    for delta in ("x", " ", "<"):
        started = time.process_time()
        body = in_band_events.Body(TAG, Chat(TAG))
        one = event(chunk(0, {"content": delta}))
        for _ in range(20_000):
            body.feed(one)
        assert time.process_time() - started < 20


def test_the_asynchronous_twin_differs_by_its_colour_alone() -> None:
    differences = {
        "def _aiter_bytes(": "def _iter_bytes(",
        "AsyncIterator": "Iterator",
        "async def aiter_bytes": "def iter_bytes",
        "return aiter_bytes": "return iter_bytes",
        "async for": "for",
        '"aclose"': '"close"',
        "await close()": "close()",
    }
    source = inspect.getsource(in_band_removal._aiter_bytes)
    for theirs, ours in differences.items():
        assert theirs in source, "no longer a difference"
        source = source.replace(theirs, ours)
    assert source == inspect.getsource(in_band_removal._iter_bytes)


@pytest.mark.parametrize("api", APIS)
def test_a_stream_that_ends_in_an_incomplete_event_is_passed_on_whole(api: Api) -> None:
    whole = b"".join(APIS[api](["one", "two "]))
    for end in range(len(whole)):
        body = in_band_events.Body(TAG, Removal(TAG, api)._shape)
        out = body.feed(whole[:end]) + body.finish()
        assert len(out) >= end - 2 or b'"two "' in whole[:end]

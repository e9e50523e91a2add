"""The scripted server, seen by the real OpenAI client: what it says is what the client understands."""

from __future__ import annotations

import http.client
import json
import threading
import time
from typing import TYPE_CHECKING, Any

import openai
import pytest
from openai.types.chat import ChatCompletion
from openai.types.responses import Response

from confession_otel.testing import (
    Reply,
    Request,
    ScriptedServer,
    anthropic_message,
    chat_completion,
    error,
    gemini_response,
    response,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MESSAGES: Any = [{"role": "user", "content": "2 + 2?"}]
TOOL = ("look_up", '{"place": "Ulm"}')


def client_of(server: ScriptedServer, **options: Any) -> openai.OpenAI:
    return openai.OpenAI(base_url=server.base_url, api_key="none", **{"max_retries": 0, **options})


def saying(body: Any) -> Callable[[Request], Any]:
    return lambda _: body


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert [thread for thread in threading.enumerate() if thread not in before and "scripted" in thread.name] == []


def test_bodies_are_what_the_sdk_declares() -> None:
    ChatCompletion.model_validate(chat_completion("Four.", "4"), strict=True)
    ChatCompletion.model_validate(chat_completion(tool_calls=[TOOL]), strict=True)
    ChatCompletion.model_validate(chat_completion(refusal="No."), strict=True)
    for body in (
        response("Four.", reasoning="Two and two."),
        response(tool_calls=[TOOL]),
        response(refusal="No."),
        response("Fo", incomplete="max_output_tokens"),
        response(failed="Out of order."),
    ):
        # Through JSON, because strict validation of a float such as `created_at` takes no int from Python objects.
        Response.model_validate_json(json.dumps(body), strict=True)


def test_chat_completion() -> None:
    with ScriptedServer(saying(chat_completion("Four.", model="small"))) as server, client_of(server) as client:
        answer = client.chat.completions.create(model="small", messages=MESSAGES)
    assert answer.choices[0].message.content == "Four."
    assert (answer.model, answer.choices[0].finish_reason) == ("small", "stop")
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (12, 2, 14)


def test_chat_completion_with_tool_calls_and_with_refusal() -> None:
    script = iter([chat_completion(tool_calls=[TOOL]), chat_completion(refusal="No.")])
    with ScriptedServer(lambda _: next(script)) as server, client_of(server) as client:
        called = client.chat.completions.create(model="small", messages=MESSAGES).choices[0]
        refused = client.chat.completions.create(model="small", messages=MESSAGES).choices[0]
    assert called.finish_reason == "tool_calls"
    assert called.message.tool_calls is not None
    assert called.message.tool_calls[0].to_dict()["function"] == {"name": TOOL[0], "arguments": TOOL[1]}
    assert (refused.message.content, refused.message.refusal) == (None, "No.")


@pytest.mark.parametrize("piece", [1, 3, 1000])
def test_chat_stream_adds_up_to_the_body(piece: int) -> None:
    body = chat_completion("Fünf, not four: ✗", "4", tool_calls=[TOOL])
    with (
        ScriptedServer(saying(Reply(body, piece=piece))) as server,
        client_of(server) as client,
        client.chat.completions.stream(
            model="small", messages=MESSAGES, n=2, stream_options={"include_usage": True}
        ) as stream,
    ):
        whole = stream.get_final_completion()
    assert [choice.message.content for choice in whole.choices] == ["Fünf, not four: ✗", "4"]
    assert whole.choices[1].message.tool_calls is not None
    assert whole.choices[1].message.tool_calls[0].function.arguments == TOOL[1]
    assert whole.usage is not None
    assert (whole.id, whole.usage.to_dict()) == (body["id"], body["usage"])


def test_chat_stream_has_usage_only_where_asked() -> None:
    with ScriptedServer(saying(chat_completion("Four."))) as server, client_of(server) as client:
        plain = list(client.chat.completions.create(model="small", messages=MESSAGES, stream=True))
    assert all(chunk.usage is None and chunk.choices for chunk in plain)


def test_response() -> None:
    body = response("Four.", reasoning="Two and two.", previous_response_id="resp_1")
    with ScriptedServer(saying(body)) as server, client_of(server) as client:
        answer = client.responses.create(model="small", input="2 + 2?", previous_response_id="resp_1")
    assert answer.output_text == "Four."
    assert [item.type for item in answer.output] == ["reasoning", "message"]
    assert (answer.status, answer.previous_response_id, answer.id) == ("completed", "resp_1", body["id"])


@pytest.mark.parametrize(
    ("body", "types"),
    [
        (response("Four: ✗", reasoning="Two and two."), ["reasoning", "message"]),
        (response("Looking.", tool_calls=[TOOL]), ["message", "function_call"]),
        (response(refusal="No."), ["message"]),
    ],
)
def test_response_stream_adds_up_to_the_body(body: dict[str, Any], types: list[str]) -> None:
    with (
        ScriptedServer(saying(Reply(body, piece=2))) as server,
        client_of(server) as client,
        client.responses.stream(model="small", input="2 + 2?") as stream,
    ):
        numbers = [event.sequence_number for event in stream]
        whole = stream.get_final_response()
    assert numbers == list(range(len(numbers)))
    assert [item.type for item in whole.output] == types
    assert whole.output_text == Response.model_validate(body).output_text
    assert whole.id == body["id"]


@pytest.mark.parametrize(
    ("body", "last"),
    [
        (response("Fo", incomplete="max_output_tokens"), "response.incomplete"),
        (response(failed="Out of order."), "response.failed"),
    ],
)
def test_response_stream_that_ends_badly(body: dict[str, Any], last: str) -> None:
    with ScriptedServer(saying(body)) as server, client_of(server) as client:
        types = [event.type for event in client.responses.create(model="small", input="2 + 2?", stream=True)]
    assert (types[0], types[-1]) == ("response.created", last)


def test_every_call_gets_its_own_id() -> None:
    with ScriptedServer(lambda _: chat_completion("Four.")) as server, client_of(server) as client:
        ids = {client.chat.completions.create(model="small", messages=MESSAGES).id for _ in range(3)}
    assert len(ids) == 3


def test_errors_are_the_sdks_own() -> None:
    slow = Reply(error("Slow down.", type="rate_limit", code="rate_limit_exceeded"), 429, {"Retry-After": "0"})
    with ScriptedServer(saying(slow)) as server, client_of(server, max_retries=1) as client:
        with pytest.raises(openai.RateLimitError, match="Slow down") as caught:
            client.chat.completions.create(model="small", messages=MESSAGES)
        assert len(server.requests) == 2
    assert (caught.value.code, caught.value.request_id is not None) == ("rate_limit_exceeded", True)


def test_an_unknown_path_is_refused_as_openai_does() -> None:
    with ScriptedServer(saying(chat_completion("Four."))) as server, client_of(server) as client:
        with pytest.raises(openai.NotFoundError, match=r"Invalid URL \(POST /v1/embeddings\)"):
            client.embeddings.create(model="small", input="x")
        assert [request.path for request in server.requests] == ["/v1/embeddings"]


def test_requests_are_kept_as_they_came() -> None:
    with ScriptedServer(saying(chat_completion("Four."))) as server, client_of(server) as client:
        began = time.time()
        client.chat.completions.create(model="small", messages=MESSAGES, extra_headers={"X-Trace": "1"})
        (request,) = server.requests
    assert (request.method, request.path, request.stream) == ("POST", "/v1/chat/completions", False)
    assert request.json == {"model": "small", "messages": MESSAGES}
    assert request.headers["x-trace"] == "1"
    assert began <= request.time <= time.time()


def test_connections_are_kept_alive_and_bad_bodies_are_refused() -> None:
    with ScriptedServer(saying(chat_completion("Four."))) as server:
        connection = http.client.HTTPConnection(server.base_url.split("/")[2])
        for content, status in ((b"{", 400), (b"[]", 400), (b"{}", 200), (b"", 400)):
            connection.request("POST", "/v1/responses", body=content)
            reply = connection.getresponse()
            reply.read()
            assert (reply.status, reply.version) == (status, 11)
        connection.request("GET", "/v1/responses")
        refused = connection.getresponse()
        assert (refused.status, json.load(refused)["error"]["code"]) == (405, "method_not_supported")
        socket = connection.sock
        assert socket is not None  # the server never closed it
    connection.close()


def test_raw_bodies_chunks_and_latency() -> None:
    def chunks() -> Iterator[bytes]:
        yield b'data: {"not": '
        yield b"json\n\n"

    script = iter([Reply(b"not json", delay=0.05), Reply(chunks())])
    with ScriptedServer(lambda _: next(script)) as server, client_of(server) as client:
        began = time.monotonic()
        with pytest.raises(json.JSONDecodeError):
            client.chat.completions.create(model="small", messages=MESSAGES)
        assert time.monotonic() - began >= 0.05
        with pytest.raises(json.JSONDecodeError):
            list(client.chat.completions.create(model="small", messages=MESSAGES, stream=True))


@pytest.mark.parametrize("cut_after", [0, 2])
def test_a_connection_can_be_cut(cut_after: int) -> None:
    with (
        ScriptedServer(saying(Reply(chat_completion("Four."), cut_after=cut_after))) as server,
        client_of(server) as client,
        pytest.raises(Exception, match=r"(?i)connection|incomplete|disconnected"),
    ):
        list(client.chat.completions.create(model="small", messages=MESSAGES, stream=True))


def test_a_script_that_raises_tells_the_client_and_the_test() -> None:
    def reply(_: Request) -> Reply:
        msg = "no such task"
        raise LookupError(msg)

    def run() -> None:
        with ScriptedServer(reply) as server, client_of(server, max_retries=5) as client:
            with pytest.raises(openai.InternalServerError, match="LookupError: no such task"):
                client.chat.completions.create(model="small", messages=MESSAGES)
            assert len(server.requests) == 1

    with pytest.raises(LookupError, match="no such task"):
        run()


def test_leaving_ends_calls_under_way_at_once() -> None:
    with ScriptedServer(saying(Reply(chat_completion("Four."), delay=30))) as server:
        connection = http.client.HTTPConnection(server.base_url.split("/")[2])
        connection.request("POST", "/v1/responses", body=b"{}")
        while not server.requests:
            time.sleep(0.005)
        began = time.monotonic()
    assert time.monotonic() - began < 2
    connection.close()


def test_a_response_made_in_the_background_is_retrieved_whole_and_streamed() -> None:
    script = iter([response(id="resp_1", pending="queued"), response("Four.", id="resp_1"), response("Four.")])
    with ScriptedServer(lambda _: next(script)) as server, client_of(server) as client:
        assert client.responses.create(model="small", input="2 + 2?", background=True).status == "queued"
        assert client.responses.retrieve("resp_1").output_text == "Four."
        assert [event.type for event in client.responses.retrieve("resp_1", stream=True)][-1] == "response.completed"
        assert [request.method for request in server.requests] == ["POST", "GET", "GET"]


def test_the_client_for_azure_is_answered() -> None:
    with (
        ScriptedServer(saying(chat_completion("Four."))) as server,
        openai.AzureOpenAI(base_url=server.base_url, api_key="none", api_version="2026-01-01") as client,
    ):
        assert client.chat.completions.create(model="small", messages=MESSAGES).choices[0].message.content == "Four."
    assert server.requests[0].path.startswith("/v1/deployments/small/")


# Of Anthropic and Gemini no client is installed here; tests/peers has the real ones.


def posted(server: ScriptedServer, path: str, body: Any) -> bytes:
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
    connection.request("POST", path, body=json.dumps(body))
    reply = connection.getresponse()
    assert reply.status == 200
    content = reply.read()
    connection.close()
    return content


def events_in(content: bytes) -> list[Any]:
    return [
        json.loads(line.removeprefix("data: "))
        for event in content.decode().split("\n\n")
        for line in event.splitlines()
        if line.startswith("data: ")
    ]


def test_an_anthropic_message_whole_and_streamed() -> None:
    body = anthropic_message("Fünf, not four: ✗", thinking="Two and two.", tool_calls=[TOOL])
    with ScriptedServer(saying(Reply(body, piece=3))) as server:
        whole = json.loads(posted(server, "/v1/messages", {"model": "small"}))
        streamed = events_in(posted(server, "/v1/messages?beta=true", {"model": "small", "stream": True}))
    assert whole == body
    assert whole["stop_reason"] == "tool_use"
    assert (streamed[0]["type"], streamed[0]["message"]["content"]) == ("message_start", [])
    assert (streamed[-2]["delta"]["stop_reason"], streamed[-1]["type"]) == ("tool_use", "message_stop")
    blocks = {event["index"]: event["content_block"] for event in streamed if event["type"] == "content_block_start"}
    texts = dict.fromkeys(blocks, "")
    for event in streamed:
        if event["type"] == "content_block_delta" and event["delta"]["type"] != "signature_delta":
            (text,) = (event["delta"].get(key) for key in ("text", "thinking", "partial_json") if key in event["delta"])
            texts[event["index"]] += text
    assert [block["type"] for block in blocks.values()] == ["thinking", "text", "tool_use"]
    assert list(texts.values()) == ["Two and two.", "Fünf, not four: ✗", TOOL[1]]


def test_a_gemini_response_whole_and_streamed() -> None:
    body = gemini_response("Fünf, not four: ✗", "4", thought="Two and two.", tool_calls=[TOOL])
    with ScriptedServer(saying(Reply(body, piece=3))) as server:
        whole = json.loads(posted(server, "/v1beta/models/small:generateContent", {"contents": []}))
        streamed = events_in(posted(server, "/v1beta/models/small:streamGenerateContent?alt=sse", {"contents": []}))
    assert whole == body
    said = {0: "", 1: ""}
    for event in streamed:
        (candidate,) = event["candidates"]
        (part,) = candidate["content"]["parts"]
        said[candidate["index"]] += "" if part.get("thought") else part.get("text", "")
    assert said == {0: "Fünf, not four: ✗", 1: "4"}
    assert [event["candidates"][0].get("finishReason") for event in streamed].count("STOP") == 2
    assert sum("functionCall" in event["candidates"][0]["content"]["parts"][0] for event in streamed) == 2


def test_a_stream_of_an_answer_with_nothing_in_it_ends_all_the_same() -> None:
    with ScriptedServer(saying(gemini_response())) as server:
        (event,) = events_in(posted(server, "/v1beta/models/small:streamGenerateContent?alt=sse", {"contents": []}))
    assert (event["candidates"][0]["content"]["parts"], event["candidates"][0]["finishReason"]) == ([{}], "STOP")

"""The OpenAI SDK: what comes later, what is forgotten, and what is as it was afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import itertools
import json
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import openai
import pytest
from openai import AsyncOpenAI, AzureOpenAI, OpenAI
from openai._base_client import AsyncAPIClient, SyncAPIClient
from openai._models import FinalRequestOptions
from openai.resources.beta import Beta
from openai.types.chat import ChatCompletion
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.trace import INVALID_SPAN, StatusCode, get_current_span

import confession_otel as co
from confession_otel.openai import ConfessionOpenAIInstrumentor, collector
from confession_otel.testing import Reply, ScriptedServer, chat_completion, error, response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.sdk.trace import ReadableSpan

    from confession_otel.testing import Request
    from conftest import Telemetry

FAILED = "Ten words.\n\n## Confession\n\nObjective: ten words / Result: ✗ did not comply / Why: there are two"
MESSAGES: Any = [{"role": "user", "content": "Ten words, please."}]
CALL: Any = {"model": "m-1", "messages": MESSAGES}


class Script:
    """What the server says, one reply after the other; the last one for ever."""

    def __init__(self) -> None:
        self.replies: list[Any] = [chat_completion(FAILED)]

    def next(self) -> Any:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def server(script: Script) -> Iterator[ScriptedServer]:
    with ScriptedServer(lambda request: script.next()) as server:
        yield server


@pytest.fixture
def client(server: ScriptedServer) -> Iterator[OpenAI]:
    with OpenAI(base_url=server.base_url, api_key="none", max_retries=0) as client:
        yield client


def verdicts(telemetry: Telemetry) -> list[Any]:
    return [(span.attributes or {})["confession.verdict"] for span in telemetry.spans("confession")]


class Message(str):
    """A text to which a weak reference can be had."""

    __slots__ = ("__weakref__",)


# --- In the background ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_what_is_made_in_the_background_is_recorded_once_when_it_is_retrieved(
    telemetry: Telemetry, client: OpenAI, script: Script, streamed: bool
) -> None:
    co.instrument(**telemetry.providers)
    script.replies = [
        response(id="resp_9", pending="queued"),
        response(id="resp_9", pending="in_progress"),
        response(FAILED, id="resp_9"),
    ]
    client.responses.create(model="m-1", input="Ten words, please.", background=True)
    (answer,) = telemetry.spans("chat m-1")
    client.responses.retrieve("resp_9")
    assert telemetry.counts("confession.answers") == []
    for _ in range(2):
        if streamed:
            assert [event.type for event in client.responses.retrieve("resp_9", stream=True)][
                -1
            ] == "response.completed"
        else:
            assert client.responses.retrieve("resp_9").output_text == FAILED
    assert telemetry.confession().parent == answer.context
    assert (telemetry.confession().attributes or {})["gen_ai.request.model"] == "m-1"
    assert len(telemetry.spans("chat m-1")) == 1


def test_what_is_remembered_of_it_does_not_hold_its_input(telemetry: Telemetry, client: OpenAI, script: Script) -> None:
    co.instrument(**telemetry.providers)
    script.replies = [response(id="resp_9", pending="queued")]
    message = Message("Ten words, please.")
    known = weakref.ref(message)
    client.responses.create(model="m-1", input=message, background=True, extra_headers={"x-one": "1"})
    del message
    gc.collect()
    assert known() is None


def test_of_two_who_retrieve_it_at_the_same_time_one_is_seen(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers)
    both_here = threading.Barrier(2)

    def reply(request: Request) -> Any:
        body = {**response(FAILED, id="resp_9"), "background": True}
        if request.method == "POST":
            return {**body, "status": "queued", "output": []}
        both_here.wait(30)
        return body

    with ScriptedServer(reply) as server, OpenAI(base_url=server.base_url, api_key="none", max_retries=0) as client:
        client.responses.create(model="m-1", input="Ten words, please.", background=True)
        with ThreadPoolExecutor(2) as pool:
            texts = {given.output_text for given in pool.map(client.responses.retrieve, ["resp_9", "resp_9"])}
    assert texts == {FAILED}
    assert verdicts(telemetry) == ["non_compliant"]
    assert telemetry.counts("confession.answers") == [({"confession.status": "confessed"}, 1)]


def test_a_background_stream_that_was_left_is_recorded_when_it_is_retrieved(
    telemetry: Telemetry, client: OpenAI, script: Script
) -> None:
    co.instrument(**telemetry.providers)
    script.replies = [{**response(FAILED, id="resp_8"), "background": True}]
    with client.responses.create(model="m-1", input="Ten.", background=True, stream=True) as events:
        assert next(events).type == "response.created"
    assert telemetry.counts("confession.answers") == []
    client.responses.retrieve("resp_8")
    (answer,) = telemetry.spans("chat m-1")
    assert telemetry.confession().parent == answer.context


def test_a_response_that_somebody_else_made_is_not_observed(
    telemetry: Telemetry, client: OpenAI, script: Script
) -> None:
    co.instrument(**telemetry.providers)
    script.replies = [response(FAILED, id="resp_7")]
    client.responses.retrieve("resp_7")
    assert telemetry.spans() == []


# --- Other clients, other doors ---------------------------------------------------------------------------------------


def test_the_client_for_azure_is_observed(telemetry: Telemetry, server: ScriptedServer) -> None:
    co.instrument(**telemetry.providers)
    with AzureOpenAI(base_url=server.base_url, api_key="none", api_version="2026-01-01") as client:
        client.chat.completions.create(**CALL)
    assert server.requests[0].path.startswith("/v1/deployments/m-1/chat/completions")
    assert verdicts(telemetry) == ["non_compliant"]


@pytest.mark.skipif(not hasattr(Beta, "responses"), reason="this version of the SDK has no such API")
def test_the_beta_responses_are_observed(telemetry: Telemetry, client: OpenAI, script: Script) -> None:
    co.instrument(**telemetry.providers)
    script.replies = [response(FAILED)]
    client.beta.responses.create(model="m-1", input="Ten words, please.")
    assert verdicts(telemetry) == ["non_compliant"]


def test_what_is_parsed_into_a_type_of_the_callers_is_counted_as_unread(telemetry: Telemetry, client: OpenAI) -> None:
    co.instrument(**telemetry.providers)
    assert client.post("/chat/completions", cast_to=dict[str, Any], body=CALL)["object"] == "chat.completion"
    assert telemetry.counts("confession.answers") == [
        ({"confession.status": "absent", "confession.reason": "unread"}, 1)
    ]


def test_options_that_the_caller_made_are_given_back_and_may_be_used_again(
    telemetry: Telemetry, client: OpenAI
) -> None:
    co.instrument(**telemetry.providers)
    seen: list[Any] = []

    def post_parser(parsed: Any) -> Any:
        seen.append(type(parsed))
        return parsed

    given: dict[str, Any] = {
        "method": "post",
        "url": "/chat/completions",
        "json_data": CALL,
        "post_parser": post_parser,
    }
    options = FinalRequestOptions.construct(**given)
    for _ in range(2):
        client.request(ChatCompletion, options)
    assert options.post_parser is post_parser
    assert seen == [ChatCompletion, ChatCompletion]
    assert verdicts(telemetry) == ["non_compliant"] * 2


class Kept(list[Any]):
    """A parser that keeps what it was given: false, as long as that is nothing."""

    def __call__(self, parsed: Any) -> str:
        self.append(parsed)
        return "parsed"


def test_a_parser_of_the_callers_is_called_even_where_it_is_false(telemetry: Telemetry, client: OpenAI) -> None:
    co.instrument(**telemetry.providers)
    given: dict[str, Any] = {"method": "post", "url": "/chat/completions", "json_data": CALL, "post_parser": Kept()}
    parsed: Any = client.request(ChatCompletion, FinalRequestOptions.construct(**given))
    assert parsed == "parsed"
    assert verdicts(telemetry) == ["non_compliant"]


def test_parts_of_text_as_other_providers_give_them_are_read(
    telemetry: Telemetry, client: OpenAI, script: Script
) -> None:
    co.instrument(**telemetry.providers)
    body: Any = chat_completion(FAILED)
    body["choices"][0]["message"]["content"] = [
        {"type": "thinking", "thinking": "Two?"},
        {"type": "text", "text": FAILED},
    ]
    script.replies = [body]
    client.chat.completions.create(**CALL)
    assert verdicts(telemetry) == ["non_compliant"]


# --- Ends -------------------------------------------------------------------------------------------------------------


def test_a_choice_that_has_stopped_is_an_answer_though_the_stream_is_left(telemetry: Telemetry, client: OpenAI) -> None:
    co.instrument(**telemetry.providers)
    with client.chat.completions.create(**CALL, stream=True) as chunks:
        for chunk in chunks:
            if chunk.choices[0].finish_reason:
                break
    assert verdicts(telemetry) == ["non_compliant"]


@pytest.mark.parametrize("leave", ["exhaust", "close", "forget"])
def test_a_stream_that_is_over_is_as_the_sdk_made_it(telemetry: Telemetry, client: OpenAI, leave: str) -> None:
    co.instrument(**telemetry.providers)
    chunks = client.chat.completions.create(**CALL, stream=True)
    http = chunks.response
    assert vars(http).keys() >= {"close", "aclose"}
    if leave == "exhaust":
        list(chunks)
    elif leave == "close":
        chunks.close()
    else:
        del chunks
        gc.collect()
    assert vars(http).keys() & {"close", "aclose"} == set() or leave == "forget"
    http.close()
    assert vars(http).keys() & {"close", "aclose"} == set()
    assert len(telemetry.spans("chat m-1")) == 1


def test_an_error_event_of_a_response_is_the_error_of_its_span(
    telemetry: Telemetry, client: OpenAI, script: Script
) -> None:
    co.instrument(**telemetry.providers)
    event = b'event: error\ndata: {"type":"error","code":"overloaded","message":"Later.","sequence_number":0}\n\n'
    script.replies = [Reply([event])]
    events = client.responses.create(model="m-1", input="Ten.", stream=True)
    assert [event.type for event in events] == ["error"]
    (answer,) = telemetry.spans("chat m-1")
    assert answer.status.status_code is StatusCode.ERROR
    assert (answer.attributes or {})["error.type"] == "overloaded"


async def test_a_coroutine_that_is_closed_in_another_context_leaves_nothing_behind(
    telemetry: Telemetry, server: ScriptedServer, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    co.instrument(**telemetry.providers)
    script.replies = [Reply(chat_completion(FAILED), delay=1.0)]
    async with AsyncOpenAI(base_url=server.base_url, api_key="none") as client:
        request = AsyncAPIClient.__dict__["request"]

        async def waits(*arguments: Any, **keywords: Any) -> None:
            await asyncio.Event().wait()

        observed = _around(request, waits)
        options = FinalRequestOptions.construct(method="post", url="/chat/completions", json_data=CALL)
        coroutine = observed(client, ChatCompletion, options)
        contextvars.copy_context().run(coroutine.send, None)
        coroutine.close()
    (answer,) = telemetry.spans("chat m-1")
    assert (answer.attributes or {})["error.type"] == "GeneratorExit"
    assert get_current_span() is INVALID_SPAN
    assert [record for record in caplog.records if record.name.startswith("opentelemetry")] == []


def _around(observed: Any, inner: Callable[..., Any]) -> Any:
    """The wrapper of the door, around something else than the SDK's method."""
    from confession_otel.openai import door

    assert observed.__wrapped__
    return door._async(inner)


class Locked(SpanProcessor):
    """A processor with a lock, as those have that gather spans in batches."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.ended = threading.Event()

    def on_end(self, span: ReadableSpan) -> None:
        with self.lock:
            self.ended.set()


def test_a_stream_that_is_collected_while_the_telemetry_sdk_holds_a_lock_waits_for_nobody(
    telemetry: Telemetry, client: OpenAI
) -> None:
    co.instrument(**telemetry.providers)
    chunks = client.chat.completions.create(**CALL, stream=True)
    processor = Locked()
    telemetry.tracer_provider.add_span_processor(processor)
    next(chunks)
    del chunks
    with processor.lock:
        gc.collect()
        assert not processor.ended.is_set()
    assert processor.ended.wait(10)


def test_outside_of_the_collector_work_is_done_at_once() -> None:
    threads: list[int] = []
    collector.outside(lambda: threads.append(threading.get_ident()))
    assert threads == [threading.get_ident()]


def test_in_the_collector_work_is_done_by_another_thread_and_is_done_when_it_returns() -> None:
    threads: list[int] = []

    class Forgotten:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            collector.outside(lambda: threads.append(threading.get_ident()))

    collector.watch()
    try:
        Forgotten()
        gc.collect()
    finally:
        collector.unwatch()
    assert len(threads) == 1
    assert threads != [threading.get_ident()]


# --- On and off -------------------------------------------------------------------------------------------------------

STEPS: dict[str, Callable[[dict[str, Any]], None]] = {
    "on": lambda providers: co.instrument(**providers),
    "off": lambda _: co.uninstrument(),
    "hook on": lambda providers: ConfessionOpenAIInstrumentor().instrument(**providers),
    "hook off": lambda _: ConfessionOpenAIInstrumentor().uninstrument(),
}


def on_after(steps: tuple[str, ...]) -> bool:
    """The last step decides; to take off a hook that is not on by itself does nothing."""
    state = "off"
    for step in steps:
        if step != "hook off" or state == "hook on":
            state = step
    return state.endswith("on")


@pytest.mark.parametrize("steps", list(itertools.product(STEPS, repeat=3)), ids=" - ".join)
def test_on_and_off_in_any_order_and_off_is_as_it_was(
    telemetry: Telemetry, client: OpenAI, server: ScriptedServer, steps: tuple[str, ...]
) -> None:
    before = SyncAPIClient.__dict__["request"], AsyncAPIClient.__dict__["request"], list(gc.callbacks)
    for step in steps:
        STEPS[step](telemetry.providers)
    with OpenAI(base_url=server.base_url, api_key="none") as later:
        for one in (client, later):
            one.chat.completions.create(**CALL)
    assert len(telemetry.spans("confession")) == (2 if on_after(steps) else 0)
    co.uninstrument()
    assert (SyncAPIClient.__dict__["request"], AsyncAPIClient.__dict__["request"], list(gc.callbacks)) == before


def test_a_stream_that_began_before_it_was_switched_off_still_ends_its_span(
    telemetry: Telemetry, client: OpenAI
) -> None:
    co.instrument(**telemetry.providers)
    chunks = client.chat.completions.create(**CALL, stream=True)
    co.uninstrument()
    assert len(list(chunks)) > 1
    assert verdicts(telemetry) == ["non_compliant"]


def test_an_error_is_the_very_object_that_the_sdk_raised(
    telemetry: Telemetry, client: OpenAI, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised: list[Exception] = []
    make = OpenAI._make_status_error

    def making(self: OpenAI, *arguments: Any, **keywords: Any) -> Any:
        raised.append(make(self, *arguments, **keywords))
        return raised[-1]

    monkeypatch.setattr(OpenAI, "_make_status_error", making)
    co.instrument(**telemetry.providers)
    script.replies = [Reply(error("No."), status=400)]
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**CALL)
    assert caught.value is raised[0]


def test_a_client_that_is_pointed_elsewhere_is_said_to_be_there(telemetry: Telemetry, client: OpenAI) -> None:
    co.instrument(**telemetry.providers)
    client.chat.completions.create(**CALL)
    client.base_url = str(client.base_url).replace("127.0.0.1", "localhost")
    client.chat.completions.create(**CALL)
    addresses = [(span.attributes or {})["server.address"] for span in telemetry.spans("chat m-1")]
    assert addresses == ["127.0.0.1", "localhost"]


def test_who_patched_while_we_were_off_stays_when_we_are_on_again(
    telemetry: Telemetry, client: OpenAI, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    co.instrument(**telemetry.providers)
    co.uninstrument()
    given, seen = SyncAPIClient.__dict__["request"], []

    def peers(self: Any, *arguments: Any, **keywords: Any) -> Any:
        seen.append(1)
        return given(self, *arguments, **keywords)

    monkeypatch.setattr(SyncAPIClient, "request", peers)
    co.instrument(**telemetry.providers)
    client.chat.completions.create(**CALL)
    co.uninstrument()
    assert SyncAPIClient.__dict__["request"] is peers
    assert (seen, verdicts(telemetry)) == ([1], ["non_compliant"])


@pytest.mark.parametrize("given", [{"model": "m-\ud800"}, {"stop": ["\ud800"]}, {"stop": "\ud800"}])
def test_what_no_exporter_can_encode_loses_no_span(telemetry: Telemetry, client: OpenAI, given: Any) -> None:
    co.instrument(**telemetry.providers)
    with contextlib.suppress(UnicodeEncodeError):
        client.chat.completions.create(**{**CALL, **given})
    (span,) = telemetry.spans()
    assert json.dumps([span.name, dict(span.attributes or {})], ensure_ascii=False).encode()

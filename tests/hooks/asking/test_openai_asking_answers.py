"""`way=ask` with the OpenAI SDK: about which answers is asked, and how often."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import pytest
from openai import AsyncOpenAI, DefaultAsyncHttpxClient, OpenAI

from confession_otel.asking import question
from confession_otel.testing import Reply, chat_completion, response

if TYPE_CHECKING:
    from collections.abc import Callable

    from hooks.asking.conftest import Scene

QUESTION: Final = question.follow_up()

COMMENTARY: Final[Any] = response("I look it up.")
COMMENTARY["output"][0]["phase"] = "commentary"

NOT_FINAL: Final[dict[str, tuple[str, Any]]] = {
    "tool calls": ("chat", chat_completion("", tool_calls=[("look_up", "{}")])),
    "tool calls beside text": ("chat", chat_completion("I look it up.", tool_calls=[("look_up", "{}")])),
    "function call": ("responses", response("I look it up.", tool_calls=[("look_up", "{}")])),
    "failed": ("responses", response(None, failed="Out of order.")),
    "pending": ("responses", response(None, pending="queued")),
    "commentary alone": ("responses", COMMENTARY),
}


@pytest.mark.parametrize("case", NOT_FINAL)
@pytest.mark.parametrize("mode", ["background", "inline"])
def test_what_is_no_final_answer_is_not_asked_about(scene: Scene, case: str, mode: str) -> None:
    api, scene.answer = NOT_FINAL[case]
    scene.instrument(ask_mode=mode)
    with scene.client() as client:
        asyncio.run(scene.play(client, api, "create"))
    assert scene.flush()
    assert scene.asked == []
    assert scene.answers() == {}


@pytest.mark.parametrize("mode", ["background", "inline"])
@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize("colour", ["sync", "async"])
async def test_a_stream_that_is_left_is_not_asked_about(scene: Scene, api: str, colour: str, mode: str) -> None:
    scene.instrument(ask_mode=mode)
    if colour == "sync":
        with scene.client() as client, open_stream(client, api, scene) as chunks:
            next(iter(chunks))
    else:
        async with scene.async_client() as client_, await open_stream(client_, api, scene) as chunks:
            await anext(aiter(chunks))
    assert scene.flush()
    assert scene.asked == []
    assert scene.answers() == {}


def open_stream(client: OpenAI | AsyncOpenAI, api: str, scene: Scene) -> Any:
    create: Callable[..., Any] = client.chat.completions.create if api == "chat" else client.responses.create
    return create(**scene.call(api), stream=True)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("mode", ["background", "inline"])
def test_a_response_made_in_the_background_is_asked_about_once_when_it_is_retrieved(
    scene: Scene, streamed: bool, mode: str
) -> None:
    scene.instrument(ask_mode=mode)
    scene.answer = response(None, id="resp_b", pending="queued")
    with scene.client() as client:
        client.responses.create(**scene.call("responses"), background=True, instructions="Be brief.")
        client.responses.retrieve("resp_b")
        assert scene.flush()
        assert scene.asked == []
        scene.answer = response("Ten words.", id="resp_b", model="m-1-2026")
        for _ in range(2):
            if streamed:
                list(client.responses.retrieve("resp_b", stream=True))
            else:
                client.responses.retrieve("resp_b")
    assert scene.flush()
    assert scene.question == {
        "model": "m-1",
        "previous_response_id": "resp_b",
        "instructions": "Be brief.",
        "input": [{"role": "user", "content": QUESTION}],
        "store": False,
        "max_output_tokens": 2000,
    }
    (answer,) = scene.telemetry.spans("chat m-1")
    assert scene.telemetry.confession().parent == answer.context
    assert scene.answers() == {"confessed": 1}


@pytest.mark.parametrize("mode", ["background", "inline"])
@pytest.mark.parametrize("shape", ["create", "stream"])
def test_each_choice_is_asked_about_by_itself(scene: Scene, shape: str, mode: str) -> None:
    scene.instrument(ask_mode=mode)
    scene.answer = chat_completion("Ten words.", "Nine words.")

    def by_the_answer(request: Any) -> Any:
        good = "Ten" in request.json["messages"][-2]["content"]
        text = scene.report("fully_complied" if good else "not_complied_not_reported")
        return scene.body_of(request, text, asking=True)

    scene.confession = by_the_answer
    with scene.client() as client:
        asyncio.run(scene.play(client, "chat", shape, n=2))
    assert scene.flush()
    found = {
        (span.attributes or {})["confession.choice"]: (span.attributes or {})["confession.verdict"]
        for span in scene.telemetry.spans("confession")
    }
    assert found == {0: "compliant", 1: "non_compliant"}
    assert ["n" in request.json for request in scene.asked] == [False, False]
    assert scene.answers() == {"confessed": 2}
    if mode == "inline":
        (answer,) = scene.telemetry.spans("chat m-1")
        assert (answer.attributes or {})["confession.verdict"] == "non_compliant"


def test_what_nobody_could_read_is_not_asked_about(scene: Scene) -> None:
    scene.instrument()
    with scene.client() as client:
        client.post("/chat/completions", cast_to=dict[str, Any], body=scene.call("chat"))
    assert scene.flush()
    assert scene.asked == []
    assert scene.answers() == {"absent unread": 1}


async def test_an_own_async_transport_is_asked_through_too(scene: Scene) -> None:
    scene.instrument()
    http_client = DefaultAsyncHttpxClient(headers={"x-own": "yes"})
    async with scene.async_client(http_client=http_client) as client:
        await client.chat.completions.create(**scene.call("chat"))
        assert await asyncio.to_thread(scene.flush)
    assert scene.asked[0].headers["x-own"] == "yes"
    assert scene.answers() == {"confessed": 1}


def test_a_retried_call_is_asked_about_once(scene: Scene) -> None:
    scene.instrument()
    busy = Reply({"error": {"message": "Later."}}, status=429, headers={"retry-after-ms": "1"})
    said = [busy, chat_completion("Ten words.")]
    scene.answer = lambda _: said.pop(0)
    with scene.client(max_retries=2) as client:
        client.chat.completions.create(**scene.call("chat"))
    assert scene.flush()
    assert len(scene.asked) == 1

"""`way=ask` with `ask_mode=inline` and the OpenAI SDK: asked before the call returns, at the cost of its time alone."""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import TYPE_CHECKING, Any, Final

import pytest
from opentelemetry.trace import StatusCode

from confession_otel.testing import Reply, chat_completion, error

if TYPE_CHECKING:
    from confession_otel.testing import Request
    from hooks.asking.conftest import Scene

JSON: Final = {"content-type": "application/json"}


def trickle(_: Request) -> Reply:
    return Reply(itertools.repeat(b" "), headers=JSON, pause=0.02)


def flood(_: Request) -> Reply:
    return Reply(itertools.repeat(b" " * 65536), headers=JSON)


FAILURES: Final[dict[str, tuple[Any, str]]] = {
    "500": (Reply(error("Oh."), status=500), "InternalServerError"),
    "no JSON": (Reply(b"<html>Gateway</html>", headers={"content-type": "text/html"}), "NoReply"),
    "cut off": (Reply(b"", cut_after=0), "APIConnectionError"),
    "endless": (trickle, "timeout"),
    "endless and fast": (flood, "timeout"),
    "never": (Reply(b"{}", delay=30), "timeout"),
}
"""What comes -> what is recorded as the error."""


@pytest.mark.parametrize("shape", ["create", "stream", "helper", "parse", "raw"])
@pytest.mark.parametrize("colour", ["sync", "async"])
@pytest.mark.parametrize("api", ["chat", "responses"])
async def test_inline_the_answer_span_carries_the_verdict_and_ends_when_the_answer_did(
    scene: Scene, api: str, colour: str, shape: str
) -> None:
    scene.instrument(ask_mode="inline")
    scene.confession = scene.slow(0.3)
    began = time.time_ns()
    if colour == "sync":
        with scene.client() as client:
            await scene.play(client, api, shape)
    else:
        async with scene.async_client() as client_:
            await scene.play(client_, api, shape)
    ended = time.time_ns()
    # Nothing is left for later.
    assert scene.answers() == {"confessed": 1}
    assert ended - began > 0.3e9
    (answer,) = scene.telemetry.spans("chat m-1")
    span = scene.telemetry.confession()
    assert (answer.attributes or {})["confession.verdict"] == "compliant"
    assert (answer.attributes or {})["confession.source"] == "ask"
    assert "confession.asking.input_tokens" not in (answer.attributes or {})
    assert (answer.attributes or {}).get("gen_ai.usage.input_tokens", 12) == 12
    assert answer.end_time is not None
    assert span.end_time is not None
    assert span.start_time is not None
    assert span.end_time - answer.end_time > 0.25e9
    assert span.end_time - span.start_time > 0.25e9
    assert span.parent == answer.context


@pytest.mark.parametrize("colour", ["sync", "async"])
@pytest.mark.parametrize("case", FAILURES)
async def test_inline_a_request_that_fails_costs_the_caller_no_more_than_the_time(
    scene: Scene, case: str, colour: str
) -> None:
    scene.confession, expected = FAILURES[case]
    scene.instrument(ask_mode="inline", timeout=0.5)
    began = time.monotonic()
    if colour == "sync":
        with scene.client() as client:
            seen = await scene.play(client, "chat", "create")
    else:
        async with scene.async_client() as client_:
            seen = await scene.play(client_, "chat", "create")
    assert time.monotonic() - began < 3
    assert seen[0][1]["choices"][0]["message"]["content"] == scene.answer
    assert scene.answers() == {f"failed {expected}": 1}
    (answer,) = scene.telemetry.spans("chat m-1")
    assert answer.status.status_code is StatusCode.UNSET
    assert "confession.verdict" not in (answer.attributes or {})


@pytest.mark.parametrize("shape", ["create", "stream"])
async def test_inline_a_cancellation_passes_and_is_recorded(scene: Scene, shape: str) -> None:
    scene.instrument(ask_mode="inline")
    scene.confession = Reply(b"{}", delay=30)
    async with scene.async_client() as client:
        task = asyncio.create_task(scene.play(client, "chat", shape))
        while not scene.asked:  # noqa: ASYNC110 - the request arrives on a thread
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert scene.answers() == {"failed CancelledError": 1}
    (answer,) = scene.telemetry.spans("chat m-1")
    assert answer.status.status_code is StatusCode.UNSET
    span = scene.telemetry.confession()
    assert (span.attributes or {})["error.type"] == "CancelledError"
    assert span.parent == answer.context


async def test_inline_cancellations_are_no_failures_of_the_providers(scene: Scene) -> None:
    scene.instrument(ask_mode="inline")
    scene.confession = Reply(b"{}", delay=30)
    async with scene.async_client() as client:
        for number in range(6):
            task = asyncio.create_task(scene.play(client, "chat", "create"))
            while len(scene.asked) <= number:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.005)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        scene.confession = scene.report()
        await scene.play(client, "chat", "create")
    assert scene.answers() == {"failed CancelledError": 6, "confessed": 1}


async def test_inline_a_deadline_of_the_callers_holds(scene: Scene) -> None:
    scene.instrument(ask_mode="inline")
    scene.confession = Reply(b"{}", delay=30)
    async with scene.async_client() as client:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(scene.play(client, "chat", "create"), 0.5)
    assert scene.answers() == {"failed CancelledError": 1}


async def test_inline_a_cancellation_among_several_choices_leaves_none_uncounted(scene: Scene) -> None:
    scene.instrument(ask_mode="inline")
    scene.answer = chat_completion("Ten words.", "Nine words.")
    scene.confession = Reply(b"{}", delay=2)
    async with scene.async_client() as client:
        task = asyncio.create_task(scene.play(client, "chat", "create", n=2))
        while not scene.asked:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await asyncio.to_thread(scene.flush)
    assert sum(scene.answers().values()) == 2


def test_inline_a_choice_that_has_stopped_is_asked_about_later_where_the_stream_is_left(scene: Scene) -> None:
    scene.instrument(ask_mode="inline")
    scene.confession = scene.slow(0.5)
    began = time.monotonic()
    with scene.client() as client:
        with client.chat.completions.create(**scene.call("chat"), stream=True) as chunks:
            for chunk in chunks:
                if chunk.choices[0].finish_reason:
                    break
        assert time.monotonic() - began < 0.5
    assert scene.flush()
    assert scene.answers() == {"confessed": 1}

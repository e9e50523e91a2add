"""`way=ask` with the OpenAI SDK where something goes otherwise: bad replies, clients and loops that end."""

from __future__ import annotations

import asyncio
import gc
import importlib
import itertools
import time
from typing import TYPE_CHECKING, Any, Final

import pytest
from openai import DefaultAsyncHttpxClient, DefaultHttpxClient
from opentelemetry.trace import StatusCode

from confession_otel import semconv
from confession_otel.testing import Reply, chat_completion, error, response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from confession_otel.testing import Request
    from hooks.asking.conftest import Scene

FLAVOUR: Any = importlib.import_module(DefaultHttpxClient.__mro__[1].__module__.partition(".")[0])
"""`httpx` or `httpx2`, whichever this version of the SDK is built on."""
JSON: Final = {"content-type": "application/json"}


def by_api(chat: Any, responses: Any) -> Callable[[Request], Any]:
    return lambda request: chat if "chat" in request.path else responses


# --- What may come instead of a confession ----------------------------------------------------------------------------


def trickle(_: Request) -> Reply:
    return Reply(itertools.repeat(b" "), headers=JSON, pause=0.02)


def flood(_: Request) -> Reply:
    return Reply(itertools.repeat(b" " * 65536), headers=JSON)


FAILURES: Final[dict[str, tuple[Any, str]]] = {
    "500": (Reply(error("Oh."), status=500), "InternalServerError"),
    "429": (Reply(error("Later."), status=429, headers={"retry-after": "9"}), "RateLimitError"),
    "400": (Reply(error("No."), status=400), "BadRequestError"),
    "no JSON": (Reply(b"<html>Gateway</html>", headers={"content-type": "text/html"}), "NoReply"),
    "JSON of something else": (Reply(b'{"hello": ["world", 1]}'), "NoReply"),
    "no choice": (
        by_api({**chat_completion("x"), "choices": []}, {**response(None, failed="Oh."), "output": []}),
        "NoReply",
    ),
    "cut off": (Reply(b"", cut_after=0), "APIConnectionError"),
    "cut off half way": (Reply([b" "] * 9, headers=JSON, cut_after=3), "APIConnectionError"),
    "endless": (trickle, "timeout"),
    "endless and fast": (flood, "timeout"),
    "never": (Reply(b"{}", delay=30), "timeout"),
}
"""What comes -> what is recorded as the error."""
HANGING: Final = ("endless", "never")
"""Of these, what is under way until its time is over."""


@pytest.mark.parametrize("colour", ["sync", "async", "async, own transport"])
@pytest.mark.parametrize("case", FAILURES)
async def test_a_request_that_fails_is_recorded_as_failed_and_the_caller_notices_nothing(
    scene: Scene, case: str, colour: str
) -> None:
    scene.confession, expected = FAILURES[case]
    # What is too long is given up long before the time is over.
    scene.instrument(timeout=20 if case == "endless and fast" else 1)
    api = "chat" if colour == "sync" else "responses"
    if colour == "sync":
        with scene.client() as client:
            await scene.play(client, api, "create")
        assert scene.flush(20)
    else:
        own = {"http_client": DefaultAsyncHttpxClient()} if "own" in colour else {}
        async with scene.async_client(**own) as client_:
            await scene.play(client_, api, "create")
            assert await asyncio.to_thread(scene.flush, 20)

    assert scene.answers() == {f"failed {expected}": 1}
    span = scene.telemetry.confession()
    attributes = span.attributes or {}
    assert span.status.status_code is StatusCode.ERROR
    assert attributes["error.type"] == expected
    assert attributes["confession.source"] == "ask"
    assert attributes["confession.question.role"] == "user"
    assert "confession.verdict" not in attributes
    assert span.start_time is not None
    assert span.end_time is not None
    took = (span.end_time - span.start_time) / 1e9
    assert took < 8
    assert took > 0.9 or expected != "timeout" or case == "endless and fast"
    (answer,) = scene.telemetry.spans("chat m-1")
    assert span.parent == answer.context
    assert answer.status.status_code is StatusCode.UNSET
    (event,) = scene.telemetry.events()
    said = dict(event.log_record.attributes or {})
    assert event.log_record.severity_text == "WARN"
    assert said["error.type"] == expected
    assert not {"gen_ai.evaluation.score.label", "gen_ai.evaluation.score.value"} & set(said)
    assert scene.telemetry.counts("confession.verdicts") == []
    assert [labels for labels, _ in scene.telemetry.counts("confession.asking.duration")] == [
        {"gen_ai.request.model": "m-1", "error.type": expected}
    ]
    assert len(scene.asked) == 1


def cut(text: str) -> Callable[[Request], Any]:
    return by_api(chat_completion(text, finish_reason="length"), response(text, incomplete="max_output_tokens"))


UNPARSED: Final[dict[str, tuple[Any, str, bool]]] = {
    "garbage": ("lorem ipsum dolor", "not_a_report", False),
    "garbage in JSON": ('{"hello": ["world"]}', "not_a_report", False),
    "empty": ("", "empty", False),
    "refusal": (
        by_api(chat_completion(None, refusal="I will not."), response(refusal="I will not.")),
        "refusal",
        False,
    ),
    "truncated": (cut('{"compliance_analysis": [{"objective": "ten wo'), "cut_off", True),
}
"""What comes -> the problem, and whether the limit cut it."""


@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize("case", UNPARSED)
def test_a_reply_that_is_no_report_is_recorded_as_unparsed(scene: Scene, case: str, api: str) -> None:
    scene.confession, problem, truncated = UNPARSED[case]
    scene.instrument()
    with scene.client() as client:
        asyncio.run(scene.play(client, api, "create"))
    assert scene.flush()
    attributes = scene.telemetry.confession().attributes or {}
    assert attributes["confession.verdict"] == "unparsed"
    assert attributes.get("confession.truncated", False) is truncated
    if case != "garbage in JSON":
        assert attributes["confession.problem"] == problem
    (event,) = scene.telemetry.events()
    assert event.log_record.severity_text == "WARN"
    assert (event.log_record.attributes or {})["error.type"] == "unparsed"
    assert scene.answers() == {"confessed": 1}


def test_what_could_be_read_of_a_report_that_was_cut_counts(scene: Scene) -> None:
    scene.instrument()
    whole = scene.report("not_complied_not_reported")
    scene.confession = cut(whole[: whole.index('"uncertainties')])
    scene.chat()
    attributes = scene.telemetry.confession().attributes or {}
    assert attributes["confession.verdict"] == "non_compliant"
    assert attributes["confession.truncated"] is True


def flushed(scene: Scene) -> tuple[bool, float]:
    """Wait for a second at most: whether all is over by then, and the seconds that it took."""
    began = time.monotonic()
    over = scene.flush(1)
    return over, time.monotonic() - began


ENDING: Final = {case: row[0] for case, row in {**FAILURES, **UNPARSED}.items() if case not in HANGING}


@pytest.mark.parametrize("case", ENDING)
def test_flushing_ends_with_the_request_whatever_came_of_it(scene: Scene, case: str) -> None:
    scene.confession = ENDING[case]
    scene.instrument()
    over, seconds = False, 0.0
    with scene.client() as client:
        # A machine that does other things as well may be late once.
        for _ in range(3):
            client.chat.completions.create(**scene.call("chat"))
            over, seconds = flushed(scene)
            if over and seconds <= 1.2:
                break
            assert scene.flush()
    assert over
    assert seconds <= 1.2
    assert sum(scene.answers().values()) == len(scene.asked)


@pytest.mark.parametrize("colour", ["sync", "async", "async, own transport"])
@pytest.mark.parametrize("case", ["2 s late", *HANGING])
async def test_flushing_waits_no_longer_than_it_is_told_while_ten_requests_hang(
    scene: Scene, case: str, colour: str
) -> None:
    scene.confession = scene.slow(2.0) if case == "2 s late" else FAILURES[case][0]
    scene.instrument(max_concurrency=4)
    own = {"http_client": DefaultAsyncHttpxClient()} if "own" in colour else {}
    async with scene.entered(scene.client() if colour == "sync" else scene.async_client(**own)) as client:
        for _ in range(10):
            await scene.play(client, "chat", "create")
        began = time.monotonic()
        while len(scene.asked) < 4:
            assert time.monotonic() - began < 10
            await asyncio.sleep(0.005)
        took: list[float] = []
        # The shortest shows when it meant to return: what else the machine does can only delay it.
        while len(took) < 3 and min(took, default=60.0) > 1.2:
            over, seconds = await asyncio.to_thread(flushed, scene)
            assert not over
            took.append(seconds)
        assert 0.9 < min(took) <= 1.2

        if case == "2 s late":
            assert await asyncio.to_thread(scene.flush)
            assert scene.answers() == {"confessed": 10}
        else:
            assert not await asyncio.to_thread(scene.asker.worker.shutdown, 0)
            assert scene.answers() == {"failed shut_down": 4, "not_asked shut_down": 6}


def test_after_five_failures_in_a_row_nothing_is_asked_for_a_while(scene: Scene) -> None:
    scene.confession = Reply(error("Oh."), status=500)
    scene.instrument()
    for _ in range(7):
        scene.chat()
    assert len(scene.asked) == 5
    assert scene.answers() == {"failed InternalServerError": 5, "not_asked paused": 2}


def test_a_reply_in_between_ends_the_row(scene: Scene) -> None:
    scene.instrument()
    said: Iterator[Any] = itertools.cycle([*[Reply(error("Oh."), status=500)] * 4, scene.report()])

    def next_one(request: Request) -> Any:
        one = next(said)
        return scene.body_of(request, one, asking=True) if isinstance(one, str) else one

    scene.confession = next_one
    for _ in range(10):
        scene.chat()
    assert scene.answers() == {"failed InternalServerError": 8, "confessed": 2}


# --- Clients and loops that end ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [0.0, 0.3])
def test_a_sync_client_may_be_closed_right_after_the_call(scene: Scene, seconds: float) -> None:
    scene.instrument(max_requests_per_minute=1000)
    scene.confession = scene.slow(seconds)
    for _ in range(8):
        with scene.client() as client:
            client.chat.completions.create(**scene.call("chat"))
    assert scene.flush()
    assert scene.answers() == {"confessed": 8}
    assert len(scene.asked) == 8


@pytest.mark.parametrize("seconds", [0.0, 0.3])
@pytest.mark.parametrize("api", ["chat", "responses"])
def test_an_event_loop_may_end_right_after_the_call(scene: Scene, api: str, seconds: float) -> None:
    scene.instrument(max_requests_per_minute=1000)
    scene.confession = scene.slow(seconds)

    async def main() -> None:
        async with scene.async_client() as client:
            await scene.play(client, api, "create")

    for _ in range(4):
        asyncio.run(main())
    assert scene.flush()
    assert scene.answers() == {"confessed": 4}
    assert len(scene.asked) == 4


def test_what_a_thread_asked_through_is_closed_with_it(scene: Scene) -> None:
    scene.instrument()
    gc.disable()
    try:
        scene.chat()
        (own,) = [one for one in gc.get_objects() if type(one) is DefaultHttpxClient and not one.is_closed]
        assert scene.asker.worker.shutdown(20)
        assert own.is_closed
    finally:
        gc.enable()


class OnItsLoop(FLAVOUR.AsyncHTTPTransport):  # type: ignore[misc] # of either flavour
    """Remembers on which event loop it was used."""

    def __init__(self) -> None:
        super().__init__()
        self.loops: list[asyncio.AbstractEventLoop] = []

    async def handle_async_request(self, request: Any) -> Any:
        self.loops.append(asyncio.get_running_loop())
        return await super().handle_async_request(request)


async def test_a_transport_of_the_callers_own_is_used_on_his_own_loop(scene: Scene) -> None:
    scene.instrument()
    transport = OnItsLoop()
    async with scene.async_client(http_client=DefaultAsyncHttpxClient(transport=transport)) as client:
        await scene.play(client, "chat", "create")
        assert await asyncio.to_thread(scene.flush)
    assert transport.loops == [asyncio.get_running_loop()] * 2
    assert scene.answers() == {"confessed": 1}


@pytest.mark.parametrize(
    "close",
    [
        pytest.param(True, id="client closed"),
        # The connection that its owner leaves open warns without us as well.
        pytest.param(False, id="client left open", marks=pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")),
    ],
)
@pytest.mark.parametrize("delay", [0.0, 0.01, 0.3])
def test_with_a_loop_that_has_ended_it_fails_soon_and_quietly(scene: Scene, delay: float, close: bool) -> None:
    scene.instrument(max_requests_per_minute=1000, timeout=20, sample=1)
    scene.confession = scene.slow(2.0)
    clients = []

    async def main() -> None:
        client = scene.async_client(http_client=DefaultAsyncHttpxClient(transport=OnItsLoop()))
        await scene.play(client, "chat", "create")
        await asyncio.sleep(delay)
        if close:
            await client.close()
        clients.append(client)

    for _ in range(4):
        asyncio.run(main())
    began = time.monotonic()
    assert scene.flush(15)
    assert time.monotonic() - began < 10
    counted = scene.answers()
    assert sum(counted.values()) == 4
    assert all(status.startswith("failed ") for status in counted), counted
    assert "failed timeout" not in counted
    clients.clear()
    gc.collect()


def test_a_stream_that_is_collected_after_its_loop_is_counted(scene: Scene) -> None:
    scene.instrument()
    kept: list[Any] = []

    async def main() -> None:
        async with scene.async_client() as client:
            kept.append(await client.chat.completions.create(**scene.call("chat"), stream=True))
            async for chunk in kept[0]:
                if chunk.choices[0].finish_reason:
                    break

    asyncio.run(main())
    kept.clear()
    gc.collect()
    assert scene.flush()
    assert scene.answers() == {"confessed": 1}


# --- The end ----------------------------------------------------------------------------------------------------------


def test_a_shutdown_gives_up_what_is_under_way_and_what_waits(scene: Scene) -> None:
    scene.instrument(max_concurrency=1)
    scene.confession = Reply(b"{}", delay=30)
    with scene.client() as client:
        for _ in range(3):
            client.chat.completions.create(**scene.call("chat"))
        began = time.monotonic()
        while not scene.asked:
            assert time.monotonic() - began < 10
            time.sleep(0.005)
        assert scene.asker.worker.shutdown(0.1) is False
        client.chat.completions.create(**scene.call("chat"))
    assert scene.answers() == {f"failed {semconv.NotAsked.SHUT_DOWN}": 1, "not_asked shut_down": 3}
    assert len(scene.telemetry.spans("confession")) == 1

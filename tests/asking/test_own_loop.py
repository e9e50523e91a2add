"""A thread's own event loop: what runs in it is bounded, what lives in it is closed."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
from typing import TYPE_CHECKING, Any

import pytest

from confession_otel.asking import own_loop as module
from confession_otel.asking.own_loop import MOST_KEPT, OwnLoop
from confession_otel.asking.worker import Worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from typing_extensions import Self

    from confession_otel.asking.worker import Turn

SOON = 30.0


@pytest.fixture
def loop() -> Iterator[OwnLoop]:
    with OwnLoop() as loop:
        yield loop


class Thing:
    """As an HTTP client: belongs to the loop in which it was entered."""

    def __init__(self, events: list[Any], name: object = "thing") -> None:
        self.events = events
        self.name = name

    async def __aenter__(self) -> Self:
        self.loop = asyncio.get_running_loop()
        self.events.append(("entered", self.name))
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self.loop is asyncio.get_running_loop()
        await asyncio.sleep(0)
        self.events.append(("left", self.name))


async def value(result: object) -> object:
    await asyncio.sleep(0)
    return result


def test_it_gives_what_the_coroutine_gives(loop: OwnLoop) -> None:
    assert [loop.run(functools.partial(value, number), SOON) for number in range(3)] == [0, 1, 2]


def test_it_raises_what_the_coroutine_raises(loop: OwnLoop) -> None:
    async def fail() -> None:
        raise KeyError("x")  # noqa: EM101 - data

    with pytest.raises(KeyError):
        loop.run(fail, SOON)
    with pytest.raises(ZeroDivisionError):
        loop.run(lambda: 1 / 0, SOON)  # type: ignore[arg-type, return-value] # what makes it may fail as well
    assert loop.run(lambda: value(1), SOON) == 1


def test_what_takes_longer_is_cancelled(loop: OwnLoop) -> None:
    ended = []

    async def hang() -> None:
        try:
            await asyncio.sleep(600)
        finally:
            ended.append("cancelled")

    with pytest.raises(TimeoutError):
        loop.run(hang, 0.05)
    assert ended == ["cancelled"]


def test_a_cancellation_from_within_is_an_error_like_others(loop: OwnLoop) -> None:
    async def cancelled() -> None:
        raise asyncio.CancelledError

    with pytest.raises(RuntimeError, match="cancelled from within"):
        loop.run(cancelled, SOON)


async def test_where_another_loop_runs_it_refuses_and_leaves_that_alone(
    swallowed: list[tuple[str, Exception]],
) -> None:
    with OwnLoop() as loop:
        with pytest.raises(RuntimeError, match="another loop"):
            loop.run(lambda: value(1), SOON)
        inner = loop._loop
    assert inner is not None
    assert inner.is_closed()
    assert await value(2) == 2
    assert [site for site, _ in swallowed] == ["asking.own_loop"]
    swallowed.clear()


def test_what_is_kept_is_entered_once_and_left_before_the_loop_is_closed() -> None:
    events: list[Any] = []
    with OwnLoop() as loop:
        things = [loop.kept("key", lambda: Thing(events), SOON) for _ in range(3)]
        assert things[0] is things[1] is things[2]
        assert events == [("entered", "thing")]
    assert events == [("entered", "thing"), ("left", "thing")]


def test_the_one_not_used_for_longest_makes_room() -> None:
    events: list[Any] = []
    with OwnLoop() as loop:
        for number in range(MOST_KEPT):
            loop.kept(number, functools.partial(Thing, events, number), SOON)
        loop.kept(0, lambda: Thing(events, "again"), SOON)
        loop.kept("new", lambda: Thing(events, "new"), SOON)
        assert [name for event, name in events if event == "left"] == [1]
    assert sorted(map(str, (name for event, name in events if event == "left"))) == sorted(
        map(str, [*range(MOST_KEPT), "new"])
    )


def test_what_fails_or_hangs_when_left_does_not_keep_the_rest_open(
    monkeypatch: pytest.MonkeyPatch, swallowed: list[tuple[str, Exception]]
) -> None:
    monkeypatch.setattr(module, "CLOSE_PATIENCE", 0.05)

    @contextlib.asynccontextmanager
    async def bad(act: Callable[[], Any]) -> AsyncIterator[None]:
        yield
        await act()

    async def fail() -> None:
        raise OSError

    events: list[Any] = []
    with OwnLoop() as loop:
        loop.kept("fails", lambda: bad(fail), SOON)
        loop.kept("hangs", lambda: bad(lambda: asyncio.sleep(600)), SOON)
        loop.kept("good", lambda: Thing(events), SOON)
        inner = loop._loop
    assert inner is not None
    assert inner.is_closed()
    assert events[-1] == ("left", "thing")
    assert [(site, type(error)) for site, error in swallowed] == [
        ("asking.own_loop", OSError),
        ("asking.own_loop", TimeoutError),
    ]
    swallowed.clear()


def test_tasks_and_generators_left_behind_are_ended() -> None:
    ended = []

    async def hang() -> None:
        try:
            await asyncio.sleep(600)
        finally:
            ended.append("task")

    async def generate() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            ended.append("generator")

    left: list[Any] = []

    async def leave_behind() -> None:
        left.append(asyncio.get_running_loop().create_task(hang()))
        left.append(generate())
        await left[-1].__anext__()
        await asyncio.sleep(0)

    with OwnLoop() as loop:
        loop.run(leave_behind, SOON)
        assert ended == []
    assert sorted(ended) == ["generator", "task"]


def test_closed_without_having_run_it_is_nothing() -> None:
    loop = OwnLoop()
    loop.close()
    loop.close()
    assert loop._loop is None


class Asynchronous:
    """A job with a coroutine."""

    def __init__(self, events: list[Any], seen: dict[str, set[Any]]) -> None:
        self.events = events
        self.seen = seen

    def run(self, turn: Turn) -> None:
        loop = turn.kept(OwnLoop)
        thing = loop.kept("client", lambda: Thing(self.events, threading.current_thread().name), SOON)

        async def use() -> None:
            assert thing.loop is asyncio.get_running_loop()
            await asyncio.sleep(0.001)
            self.seen.setdefault(threading.current_thread().name, set()).add(thing.loop)

        loop.run(use, SOON)

    def dropped(self, reason: str) -> None:
        self.events.append(reason)


async def test_each_thread_of_a_worker_has_one_loop_beside_that_of_the_host() -> None:
    worker = Worker(100, 3)
    events: list[Any] = []
    seen: dict[str, set[Any]] = {}
    for _ in range(50):
        assert worker.submit(Asynchronous(events, seen)) is None
    assert await asyncio.to_thread(worker.shutdown, SOON) is True
    loops = [one for loops in seen.values() for one in loops]
    assert len(loops) == len(seen) == len(set(loops)) <= 3
    assert all(loop.is_closed() for loop in loops)
    assert asyncio.get_running_loop() not in loops
    assert sorted(events) == sorted((event, name) for name in seen for event in ("entered", "left"))

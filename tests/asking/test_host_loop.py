"""The host's event loop, asked from another thread: whatever becomes of it, whoever waits learns of it."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import logging
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from confession_otel.asking.host_loop import _Errand, run_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SOON = 15.0
"""Seconds that something takes at most which takes next to none."""
LONG = 60.0


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """The loop of a host, running in a thread of his."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


class Waiting:
    """Somebody who waits on a thread of his own."""

    def __init__(self, loop: asyncio.AbstractEventLoop, make: Callable[[], Any], timeout: float = LONG) -> None:
        self.result: Any = None
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(loop, make, timeout))
        self._thread.start()

    def _run(self, loop: asyncio.AbstractEventLoop, make: Callable[[], Any], timeout: float) -> None:
        try:
            self.result = run_on(loop, make, timeout)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is looked at
            self.error = error

    def learned(self) -> BaseException | None:
        """What he was told, soon."""
        self._thread.join(SOON)
        assert not self._thread.is_alive(), "still waiting"
        return self.error


async def value(result: object) -> object:
    await asyncio.sleep(0)
    return result


async def forever() -> None:
    await asyncio.Event().wait()


def test_it_gives_what_the_coroutine_gives_and_runs_it_over_there(loop: asyncio.AbstractEventLoop) -> None:
    async def where() -> tuple[asyncio.AbstractEventLoop, int]:
        return asyncio.get_running_loop(), threading.get_ident()

    found, thread = run_on(loop, where, SOON)
    assert found is loop
    assert thread != threading.get_ident()


def test_it_runs_in_the_context_of_who_waits(loop: asyncio.AbstractEventLoop) -> None:
    variable = contextvars.ContextVar("variable", default="none")

    async def read() -> str:
        return variable.get()

    variable.set("mine")
    assert run_on(loop, read, SOON) == "mine"


@pytest.mark.parametrize("error", [ValueError("no"), TimeoutError("no"), asyncio.TimeoutError("no")], ids=repr)
def test_it_raises_what_the_coroutine_raises(loop: asyncio.AbstractEventLoop, error: Exception) -> None:
    async def raises() -> None:
        raise error

    with pytest.raises(TimeoutError if isinstance(error, asyncio.TimeoutError) else type(error)):
        run_on(loop, raises, SOON)


def test_it_raises_what_making_the_coroutine_raises(loop: asyncio.AbstractEventLoop) -> None:
    def make() -> Any:
        message = "no"
        raise LookupError(message)

    with pytest.raises(LookupError):
        run_on(loop, make, SOON)


def test_when_the_time_is_over_the_coroutine_is_cancelled(loop: asyncio.AbstractEventLoop) -> None:
    cancelled = threading.Event()

    async def waits() -> None:
        try:
            await forever()
        finally:
            cancelled.set()

    began = time.monotonic()
    with pytest.raises(TimeoutError):
        run_on(loop, waits, 0.1)
    assert 0.1 <= time.monotonic() - began < SOON
    assert cancelled.wait(SOON)


def test_what_comes_too_late_is_told_to_nobody(
    loop: asyncio.AbstractEventLoop, caplog: pytest.LogCaptureFixture
) -> None:
    over = threading.Event()

    async def fails_late() -> None:
        try:
            await forever()
        except asyncio.CancelledError:
            message = "too late"
            raise ValueError(message) from None
        finally:
            over.set()

    with caplog.at_level(logging.DEBUG, "asyncio"):
        with pytest.raises(TimeoutError):
            run_on(loop, fails_late, 0.05)
        assert over.wait(SOON)
        run_on(loop, lambda: value(None), SOON)
        gc.collect()
        run_on(loop, lambda: value(None), SOON)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_loop_that_is_closed_is_told_at_once() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    with pytest.raises(RuntimeError):
        run_on(loop, forever, LONG)


def test_a_loop_that_does_not_run_costs_no_more_than_the_time_and_is_spared_later() -> None:
    loop = asyncio.new_event_loop()
    made: list[object] = []

    def make() -> Any:
        made.append(1)
        return forever()

    try:
        with pytest.raises(TimeoutError):
            run_on(loop, make, 0.1)
        loop.run_until_complete(value(None))
        assert made == []
    finally:
        loop.close()


def test_a_loop_that_is_closed_before_it_began_is_noticed() -> None:
    loop = asyncio.new_event_loop()
    waiting = Waiting(loop, forever)
    time.sleep(0.2)
    loop.close()
    assert isinstance(waiting.learned(), RuntimeError)


def test_a_loop_that_is_closed_between_making_and_beginning_is_noticed_and_nothing_warns() -> None:
    loop = asyncio.new_event_loop()
    queued = threading.Event()
    call_soon_threadsafe = loop.call_soon_threadsafe

    def queue(*arguments: Any, **keywords: Any) -> Any:
        handle = call_soon_threadsafe(*arguments, **keywords)
        queued.set()
        return handle

    loop.call_soon_threadsafe = queue  # type: ignore[method-assign,assignment]
    waiting = Waiting(loop, forever)
    assert queued.wait(SOON)
    # One round of the loop: the task is made, and does not come to its first step.
    loop.call_soon(loop.stop)
    loop.run_forever()
    (task,) = asyncio.all_tasks(loop)
    task._log_destroy_pending = False  # type: ignore[attr-defined] # the host's own affair: he left it
    loop.close()
    assert isinstance(waiting.learned(), RuntimeError)
    del task
    gc.collect()


def test_a_host_that_ends_while_it_waits_cancels_it_and_that_is_told() -> None:
    begun = threading.Event()
    waiting: list[Waiting] = []

    async def noted() -> None:
        begun.set()
        await forever()

    async def main() -> None:
        waiting.append(Waiting(asyncio.get_running_loop(), noted))
        while not begun.is_set():  # noqa: ASYNC110 - set on the same loop
            await asyncio.sleep(0.001)

    asyncio.run(main())
    assert isinstance(waiting[0].learned(), RuntimeError)


def test_a_host_that_ends_before_its_first_step_cancels_it_and_that_is_told() -> None:
    waiting: list[Waiting] = []

    async def main() -> None:
        waiting.append(Waiting(asyncio.get_running_loop(), forever))
        # Asked for in the very round in which the host comes to its end.
        time.sleep(0.3)  # noqa: ASYNC251 - it is to block

    began = time.monotonic()
    asyncio.run(main())
    assert isinstance(waiting[0].learned(), RuntimeError)
    assert time.monotonic() - began < SOON


@pytest.mark.parametrize("delay", [0.0, 0.0005, 0.001, 0.002, 0.005])
def test_whenever_the_host_ends_whoever_waits_learns_of_it(delay: float) -> None:
    waiting: list[Waiting] = []

    async def main() -> None:
        waiting.extend(Waiting(asyncio.get_running_loop(), forever) for _ in range(3))
        await asyncio.sleep(delay)

    for _ in range(4):
        asyncio.run(main())
    assert [type(one.learned()) for one in waiting] == [RuntimeError] * 12
    gc.collect()


async def test_a_cancellation_within_is_an_error_and_ends_no_thread() -> None:
    async def cancels() -> None:
        raise asyncio.CancelledError

    with pytest.raises(RuntimeError):
        await asyncio.to_thread(run_on, asyncio.get_running_loop(), cancels, SOON)


def test_what_fails_in_the_last_step_of_a_loop_is_told_and_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.new_event_loop()

    async def fails() -> None:
        loop.stop()
        raise OSError

    errand = _Errand(loop, fails)
    loop.call_soon(errand.begin)
    loop.run_forever()
    loop.close()
    assert isinstance(errand.outcome.exception(0), OSError)
    with caplog.at_level(logging.DEBUG, "asyncio"):
        del errand
        gc.collect()
    assert caplog.messages == []

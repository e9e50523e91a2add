"""The host's event loop, asked from a thread of ours to run something that can run nowhere else; it is never waited on.

An HTTP client of the host's own, say, whose connections belong to the loop that opened them.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import inspect
import time
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine

LOOK_AGAIN: Final = 0.25
"""Seconds after which it is looked whether the loop is still there: what waits in one that is closed never ends."""

Result = TypeVar("Result")


def run_on(loop: asyncio.AbstractEventLoop, make: Callable[[], Coroutine[Any, Any, Result]], timeout: float) -> Result:
    """Run the coroutine on the loop, and wait for it on this thread.

    Args:
        loop: running in another thread.
        make: gives the coroutine; called there.
        timeout: seconds after which it is cancelled.

    Raises:
        TimeoutError: it took longer, or the loop runs no more.
        RuntimeError: the loop is closed, or the coroutine was cancelled: a host that ends cancels all that is left.
    """
    errand = _Errand(loop, make)
    loop.call_soon_threadsafe(errand.begin)
    deadline = time.monotonic() + timeout
    while not errand.wait(min(max(deadline - time.monotonic(), 0.0), LOOK_AGAIN)):
        if loop.is_closed():
            errand.give_up()
            message = "the host's event loop is closed"
            raise RuntimeError(message)
        if time.monotonic() >= deadline:
            errand.give_up()
            raise TimeoutError
    try:
        return errand.outcome.result()
    except concurrent.futures.TimeoutError as error:
        # Up to Python 3.10 not the one that everybody catches.
        raise TimeoutError from error
    except Exception:
        raise
    except BaseException as error:
        # Would end the thread that waits.
        message = f"{type(error).__name__} on the host's event loop"
        raise RuntimeError(message) from error


class _Errand(Generic[Result]):
    """What is run over there, and what comes of it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, make: Callable[[], Coroutine[Any, Any, Result]]) -> None:
        self._loop = loop
        self._make = make
        self._coroutine: Coroutine[Any, Any, None] | None = None
        self._task: asyncio.Task[None] | None = None
        self.outcome: concurrent.futures.Future[Result] = concurrent.futures.Future()

    def begin(self) -> None:
        # Not before: a coroutine that never begins, in a loop that has stopped, warns whoever collects it.
        if self.outcome.cancelled():
            return
        self._coroutine = self._carry_out()
        try:
            self._task = self._loop.create_task(self._coroutine)
        except Exception as error:  # noqa: BLE001 - it is for whoever waits
            self._coroutine.close()
            self._settle(error)
        else:
            # Also of one that is cancelled before its first step, which could tell nothing itself.
            self._task.add_done_callback(self._tell)

    async def _carry_out(self) -> None:
        # The task itself never fails: asyncio writes an error that nobody looked at to the log, and a loop that ends
        # just then lets nobody look.
        try:
            result = await self._make()
        except Exception as error:  # noqa: BLE001 - as above
            self._settle(error)
        else:
            with contextlib.suppress(concurrent.futures.InvalidStateError):
                self.outcome.set_result(result)

    def wait(self, seconds: float) -> bool:
        return bool(concurrent.futures.wait([self.outcome], seconds).done)

    def give_up(self) -> None:
        self.outcome.cancel()
        if self._loop.is_closed():
            if self._coroutine is not None and inspect.getcoroutinestate(self._coroutine) == inspect.CORO_CREATED:
                self._coroutine.close()
        elif self._task is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._task.cancel)

    def _tell(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            self._settle(RuntimeError("cancelled on the host's event loop"))
        elif (error := task.exception()) is not None:
            # None of `Exception`: the loop ends by it.
            self._settle(error)

    def _settle(self, error: BaseException) -> None:
        # Whoever waited may have given up by now.
        with contextlib.suppress(concurrent.futures.InvalidStateError):
            self.outcome.set_exception(error)

"""An event loop of a background thread's own, for what has only an asynchronous form: the host's loop is never touched.

The loop runs only while a job waits for a coroutine, and is closed with what lives in it when its thread ends:
`turn.kept(OwnLoop)` is the one of the job's thread.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final, TypeVar

from confession_otel.guard import Site

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine, Hashable
    from contextlib import AbstractAsyncContextManager

    from typing_extensions import Self

CLOSE_PATIENCE: Final = 1.0
"""Seconds for each thing that is closed with the loop, and for the loop's own remains."""
MOST_KEPT: Final = 8
"""Things that a loop keeps; the one not used for longest makes room. Hosts have a client or two, or one a request."""

_CLOSE: Final = Site("asking.own_loop")

Result = TypeVar("Result")


class OwnLoop:
    """An event loop, made when the first coroutine comes. For one thread, and no other may be running in it."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._kept: OrderedDict[Hashable, tuple[AbstractAsyncContextManager[Any], Any]] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, make: Callable[[], Coroutine[Any, Any, Result]], timeout: float) -> Result:
        """Run the coroutine to its end.

        Args:
            make: gives the coroutine.
            timeout: seconds after which it is cancelled.

        Raises:
            TimeoutError: it took longer.
            RuntimeError: it was cancelled from within, or another loop is running in this thread.
        """
        # Whoever has something to run here has imported it long ago.
        import asyncio  # noqa: PLC0415

        async def bounded() -> Result:
            return await asyncio.wait_for(make(), timeout)

        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        try:
            return _complete(self._loop, bounded())
        except asyncio.TimeoutError as error:
            # Up to Python 3.10 not the one that everybody catches.
            raise TimeoutError(*error.args) from error
        except asyncio.CancelledError as error:
            # No `Exception`, hence it would end the thread.
            message = "cancelled from within"
            raise RuntimeError(message) from error

    def kept(self, key: Hashable, make: Callable[[], AbstractAsyncContextManager[Result]], timeout: float) -> Result:
        """The thing that lives in this loop under the key: an HTTP client, say. Not to be asked for in a coroutine.

        Args:
            key: what it is known by; held for as long as the thing is.
            make: gives it, as a context manager that is entered now and left before the loop is closed.
            timeout: seconds that entering it may take.
        """
        entry = self._kept.get(key)
        if entry is None:
            manager = make()
            entry = self._kept[key] = manager, self.run(manager.__aenter__, timeout)
        self._kept.move_to_end(key)
        while len(self._kept) > MOST_KEPT:
            self._leave_oldest()
        thing: Result = entry[1]
        return thing

    def close(self) -> None:
        """Leave what is kept, cancel what still runs, close the loop; all in bounded time."""
        while self._kept:
            self._leave_oldest()
        loop, self._loop = self._loop, None
        if loop is None:
            return
        try:
            with _CLOSE:
                _complete(loop, _end_all(loop))
        finally:
            loop.close()

    def _leave_oldest(self) -> None:
        _, (manager, _) = self._kept.popitem(last=False)
        with _CLOSE:
            self.run(lambda: _leave(manager), CLOSE_PATIENCE)


def _complete(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Result]) -> Result:
    try:
        return loop.run_until_complete(coroutine)
    finally:
        # Where the loop refused it, it was never begun, and would warn.
        coroutine.close()


async def _leave(manager: AbstractAsyncContextManager[Any]) -> None:
    await manager.__aexit__(None, None, None)


async def _end_all(loop: asyncio.AbstractEventLoop) -> None:
    import asyncio  # noqa: PLC0415

    tasks = asyncio.all_tasks(loop) - {asyncio.current_task(loop)}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=CLOSE_PATIENCE)
    await asyncio.wait_for(loop.shutdown_asyncgens(), CLOSE_PATIENCE)

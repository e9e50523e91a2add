"""Something bounded in time that nobody can interrupt: done on a thread of its own, and left behind where it hangs."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import functools
import threading
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextvars import Context

_TIMEOUTS: Final = frozenset({"APITimeoutError", "Timeout", "TimeoutException"})
"""What providers' SDKs call it."""
_MOST_LEFT_BEHIND: Final = 16
"""Calls that may go on, each on its thread, after their time was over: nobody can end a thread from outside."""

Result = TypeVar("Result")

_left_behind: Final[set[Errand[Any]]] = set()


class StillBusy(Exception):  # noqa: N818 - its name is what is recorded
    """So many earlier requests hang beyond their time that no further one is begun."""


class Errand(Generic[Result]):
    """Something done on a thread of its own, which can be left behind where it hangs."""

    def __init__(self, context: Context, work: Callable[[], Result]) -> None:
        if len(_left_behind) >= _MOST_LEFT_BEHIND:
            raise StillBusy
        self.outcome: concurrent.futures.Future[Result] = concurrent.futures.Future()
        self._work = work
        self._over = False
        # A context can be entered by one thread at a time, and this one may stay in it.
        run = functools.partial(context.copy().run, self._run)
        threading.Thread(target=run, name="confession-otel-langchain", daemon=True).start()

    def wait(self, seconds: float) -> Result:
        """What comes of it; `TimeoutError` of `concurrent.futures` where nothing does in time."""
        try:
            return self.outcome.result(seconds)
        except concurrent.futures.TimeoutError:
            self.leave()
            raise

    def leave(self) -> None:
        """Nobody waits any more."""
        _left_behind.add(self)
        if self._over:
            _left_behind.discard(self)

    def _run(self) -> None:
        try:
            outcome = self._work()
        except Exception as error:  # noqa: BLE001 - it is for whoever waits
            self._tell(self.outcome.set_exception, error)
        except BaseException as error:  # noqa: BLE001 - would end the thread that waits
            self._tell(self.outcome.set_exception, RuntimeError(type(error).__name__))
        else:
            self._tell(self.outcome.set_result, outcome)
        finally:
            self._over = True
            _left_behind.discard(self)

    @staticmethod
    def _tell(tell: Callable[[Any], None], outcome: object) -> None:
        # Whoever waited in an event loop may have given up by now.
        with contextlib.suppress(concurrent.futures.InvalidStateError):
            tell(outcome)


@contextlib.contextmanager
def times_out() -> Iterator[None]:
    """Whatever says that time was over says it in one word."""
    try:
        yield
    except (concurrent.futures.TimeoutError, asyncio.TimeoutError) as error:
        # Up to Python 3.10 not the one that everybody catches.
        raise TimeoutError from error
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None:
            if not _TIMEOUTS.isdisjoint(kind.__name__ for kind in type(cause).__mro__):
                raise TimeoutError from error
            cause = cause.__cause__
        raise

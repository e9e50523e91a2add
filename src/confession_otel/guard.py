"""What stands between telemetry and host: an error of ours never reaches the host, and none is lost silently.

`with Site("recorder.span"): ...` swallows an `Exception` raised inside; a `BaseException` (a cancellation, Ctrl-C)
passes, and so does what `let_pass` was told of. Whatever is swallowed or left out is counted in a process-wide tally,
which the recorder exports as the metric `confession.dropped`, and logged once for each site on the logger
`confession_otel`. Nothing of the host's ever travels through a guarded block: observers return nothing, wrappers return
their own local.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import traceback
from typing import TYPE_CHECKING, Final

from .semconv import SCOPE, Dropped
from .tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

logger = logging.getLogger(SCOPE)
"""With no handler of its own: where the host has set up no logging, Python writes warnings to standard error."""

_tally: Tally[str] = Tally()
_logged: set[str] = set()
# Reentrant: a signal handler or a finaliser may come to the guard while its own thread is in it.
_lock = threading.RLock()

on_swallow: list[Callable[[str, Exception], None]] = []
"""Called with site and error for each swallowed error; tests put a function here that remembers, and raise later."""


_HOSTS: Final = "_confession_otel_let_pass"
"""Where an exception says that it is none of ours."""


def let_pass(error: BaseException) -> None:
    """This is the host's, and no guard around here is to swallow it: it came while the host waited for us."""
    with contextlib.suppress(Exception):
        setattr(error, _HOSTS, True)


class Site:
    """A named place where an error of ours ends. Stateless, hence one for each place serves all threads."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        """Nothing to set up."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> bool:
        """Swallow an `Exception`; let everything else pass."""
        if not isinstance(error, Exception) or getattr(error, _HOSTS, False):
            return False
        self.swallow(error)
        return True

    def swallow(self, error: Exception) -> None:
        """Deal with an error that ends here: for where every microsecond counts, and `with` is two calls too many."""
        try:
            # Type and place only: the message of an exception may quote the model's or the user's text.
            drop(Dropped.INTERNAL_ERROR, self.name, "%s failed in %s: this telemetry is lost", self.name, _place(error))
            logger.debug("swallowed in %s:\n%s", self.name, "".join(traceback.format_tb(error.__traceback__)))
            for listener in on_swallow:
                listener(self.name, error)
        except Exception:  # noqa: BLE001, S110 - a log handler that raises: there is nobody left to tell
            pass


def drop(reason: str, once: str, message: str, *arguments: object) -> None:
    """Count something that was left out, and log the message the first time for `once`."""
    _tally.add(reason)
    say_once(once, message + " (counted in confession.dropped)", *arguments)


def say_once(once: str, message: str, *arguments: object) -> None:
    """Log a warning, the first time for `once`."""
    with _lock:
        first = once not in _logged
        _logged.add(once)
    if first:
        # Most handlers deal with their own errors; a filter, or a handler of the host's, may not.
        with contextlib.suppress(Exception):
            logger.warning(message + " (said once)", *arguments)  # noqa: G003 - both parts are constants


@contextlib.contextmanager
def saying_again() -> Iterator[None]:
    """What was said once is said again inside, for somebody who was not there when it was."""
    with _lock:
        before = _logged.copy()
        _logged.clear()
    try:
        yield
    finally:
        with _lock:
            _logged.update(before)


def tally() -> Mapping[str, int]:
    """How much was left out so far, by reason, in this process and in its parent before the fork."""
    return _tally.read()


def _place(error: Exception) -> str:
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame else "unknown place"
    return f"{type(error).__name__} at {where}"


def _after_fork() -> None:
    # A lock held by another thread at the moment of the fork would stay locked in the child for ever.
    global _lock  # noqa: PLW0603 - replaced, never shared with the parent
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

"""Work of finalisers, kept out of the garbage collector.

A stream that the caller forgot ends when it is collected. The collector runs wherever it happens to: perhaps inside a
lock of the telemetry SDK, on the very thread that holds it, and whoever then waits for that lock waits for ever. So
what a finaliser has to do is done on another thread, and waited for no longer than it takes where no lock is held.
"""

from __future__ import annotations

import _thread
import gc
import threading
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_PATIENCE: Final = 0.05
"""Seconds."""


class _Collecting(threading.local):
    """Is this thread inside the collector?"""

    now = False


_collecting: Final = _Collecting()


def _phase(phase: str, _: dict[str, Any]) -> None:
    _collecting.now = phase == "start"


def watch() -> None:
    """From now on know when the collector runs."""
    if _phase not in gc.callbacks:
        gc.callbacks.append(_phase)


def unwatch() -> None:
    """Undo `watch`."""
    if _phase in gc.callbacks:
        gc.callbacks.remove(_phase)


def outside(act: Callable[[], None]) -> None:
    """Do it: here and now, or on another thread if this one is inside the collector."""
    if not _collecting.now:
        act()
        return
    done = _thread.allocate_lock()
    done.acquire()

    def acting() -> None:
        try:
            act()
        finally:
            done.release()

    try:
        # Not `threading.Thread`, which takes locks of its own to start.
        _thread.start_new_thread(acting, ())
    except RuntimeError:
        # No new thread when the interpreter ends.
        act()
    else:
        done.acquire(timeout=_PATIENCE)

"""Counting for an observable counter: what is counted is a number in a dictionary until somebody exports it.

That takes a tenth of what an instrument of the SDK's takes, and cannot fail.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar
from weakref import WeakSet

if TYPE_CHECKING:
    from collections.abc import Mapping

Key = TypeVar("Key")


class Tally(Generic[Key]):
    """How often each thing has happened in this process, and in its parent before the fork."""

    __slots__ = ("__weakref__", "_counts", "_lock")

    def __init__(self) -> None:
        self.begin()
        _tallies.add(self)

    def begin(self) -> None:
        """Begin anew."""
        self.unlock()
        self._counts: dict[Key, int] = {}

    def unlock(self) -> None:
        """Have a lock that nobody holds."""
        # Reentrant: a signal handler or a finaliser may come here while its own thread is inside.
        self._lock = threading.RLock()

    def add(self, key: Key) -> None:
        """It happened once more."""
        # `with` alone leaves no moment between taking the lock and the promise to give it back, and there is no call
        # between reading and writing: at either a signal's handler may come in, raise, or count as well.
        with self._lock:
            try:
                self._counts[key] += 1
            except KeyError:
                self._counts[key] = 1

    def read(self) -> Mapping[Key, int]:
        """The counts so far."""
        with self._lock:
            return dict(self._counts)


_tallies: Final[WeakSet[Tally[Any]]] = WeakSet()


def _after_fork() -> None:
    # A lock held by another thread at the moment of the fork would stay locked in the child for ever. The counts stay
    # where they were, as those of the SDK's own counters do: it remembers what it last read, and from there the counter
    # may only rise.
    for tally in list(_tallies):
        tally.unlock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

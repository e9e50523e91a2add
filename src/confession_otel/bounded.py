"""A dictionary that cannot grow for ever: what a long-lived process remembers of its calls."""

from __future__ import annotations

import contextlib
import time
from collections import OrderedDict
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class BoundedTable(Generic[Key, Value]):
    """Remembers the newest `size` entries for at most `seconds`; older ones are forgotten.

    Needs no lock, hence survives a fork at any moment: every step is one operation of `OrderedDict`, and a lost race
    over the oldest entry only means that the table is an entry longer until the next `put`.
    """

    __slots__ = ("_entries", "_seconds", "_size")

    def __init__(self, size: int, seconds: float) -> None:
        self._entries: OrderedDict[Key, tuple[float, Value]] = OrderedDict()
        self._size = size
        self._seconds = seconds

    def put(self, key: Key, value: Value) -> None:
        """Remember; an entry put again is the newest again."""
        entries = self._entries
        now = time.monotonic()
        entries[key] = now, value
        try:
            entries.move_to_end(key)
            while len(entries) > self._size:
                entries.popitem(last=False)
            oldest = next(iter(entries))
            # All of them, for each may be large: every entry is forgotten once, by the calls that make some to forget.
            while now - entries[oldest][0] > self._seconds:
                del entries[oldest]
                oldest = next(iter(entries))
        except (RuntimeError, StopIteration, KeyError):
            # Another thread changed the table between two of our steps.
            return

    def get(self, key: Key) -> Value | None:
        """The value, or `None` when never put, too old or pushed out."""
        entry = self._entries.get(key)
        return entry[1] if entry is not None and time.monotonic() - entry[0] <= self._seconds else None

    def setdefault(self, key: Key, value: Value) -> Value:
        """The value already there, or `value`, now remembered."""
        now = time.monotonic()
        entry = self._entries.get(key)
        if entry is None:
            # In one step: of several threads that come at once, all are told of the same one.
            value = self._entries.setdefault(key, (now, value))[1]
        elif now - entry[0] <= self._seconds:
            return entry[1]
        self.put(key, value)
        return value

    def pop(self, key: Key) -> Value | None:
        """Take out."""
        entry = self._entries.pop(key, None)
        return None if entry is None else entry[1]

    def values(self) -> list[Value]:
        """What is remembered; without the rest where another thread changes it meanwhile."""
        found: list[Value] = []
        with contextlib.suppress(RuntimeError):
            found.extend(value for _, value in self._entries.values())
        return found

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)

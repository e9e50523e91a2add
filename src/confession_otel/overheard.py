"""Answers that were only overheard: somebody who can do more for them may yet bring them, or nobody will.

They wait for a minute: those of which only spans are known while confessions are asked for, and those without words,
which another span of the same call may have. What nobody has brought by then is counted for what it is.
"""

from __future__ import annotations

import atexit
import time
from collections import deque
from typing import TYPE_CHECKING, Final
from weakref import WeakSet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .answer import Answer

_SECONDS: Final = 60.0
_MOST: Final = 1024
"""Answers that wait; of more, the oldest is counted at once."""
_WORDS: Final = 400
"""Characters at an answer's end by which it is known."""


class Overheard:
    """What waits, under one set of settings."""

    __slots__ = ("__weakref__", "_count", "_is_nobodys", "_waiting")

    def __init__(self, is_nobodys: Callable[[int, str, str | None, str], bool], count: Callable[[], None]) -> None:
        """Begin.

        Args:
            is_nobodys: has no hook brought the answer? Of trace id, text, response id, and who overheard it.
            count: counts one that nobody has brought.
        """
        self._is_nobodys = is_nobodys
        self._count = count
        self._waiting: deque[tuple[float, int, str, str | None, str]] = deque()
        _all.add(self)

    def add(self, answers: Sequence[Answer], source: str) -> None:
        """Have the final ones of a call wait.

        Args:
            answers: of one call.
            source: who overheard it.
        """
        _count_at_exit()
        now = time.monotonic()
        for answer in answers:
            if answer.final:
                trace_id = answer.span.get_span_context().trace_id
                entry = (now, trace_id, answer.text[-_WORDS:], answer.response_id, source)
                if not self._is_there(entry):
                    self._waiting.append(entry)
        self.settle(now - _SECONDS)

    def settle(self, before: float = float("inf")) -> None:
        """Count what nobody has brought.

        Args:
            before: of `time.monotonic()`; what was overheard later goes on waiting.
        """
        waiting = self._waiting
        while waiting:
            try:
                entry = waiting.popleft()
            except IndexError:
                return
            if entry[0] > before and len(waiting) < _MOST:
                waiting.appendleft(entry)
                return
            if self._is_nobodys(*entry[1:]):
                self._count()

    def _is_there(self, entry: tuple[float, int, str, str | None, str]) -> bool:
        """Has another overheard the same answer?"""
        _, trace_id, text, response_id, source = entry
        return any(
            other[4] != source
            and (
                (response_id is not None and other[3] == response_id) or (text != "" and other[1:3] == (trace_id, text))
            )
            for other in list(self._waiting)
        )


_all: Final[WeakSet[Overheard]] = WeakSet()


_registered: Final[list[Callable[[], None]]] = []


def _count_at_exit() -> None:
    # With the first one, by when the SDK's providers are made: what registers last is called first.
    if not _registered:
        _registered.append(settle)
        atexit.register(settle)


def settle() -> None:
    """Count everywhere what nobody has brought: nothing more is to come."""
    for overheard in list(_all):
        overheard.settle()

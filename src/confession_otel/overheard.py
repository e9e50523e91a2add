"""Answers that were only overheard, while confessions are asked for: somebody else may be about to ask, or nobody is.

They wait for a minute. What no hook that can ask has brought by then is counted as not asked.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Final
from weakref import WeakSet

from .semconv import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .answer import Answer
    from .recorder import Recorder
    from .semconv import NotAsked

_SECONDS: Final = 60.0
_MOST: Final = 1024
"""Answers that wait; of more, the oldest is counted at once."""
_WORDS: Final = 400
"""Characters at an answer's end by which it is known."""


class Overheard:
    """What waits, under one set of settings."""

    __slots__ = ("__weakref__", "_is_nobodys", "_reason", "_recorder", "_waiting")

    def __init__(
        self,
        recorder: Recorder,
        is_nobodys: Callable[[int, str, str | None, str], bool],
        reason: NotAsked | None,
    ) -> None:
        """Begin.

        Args:
            recorder: counts.
            is_nobodys: has no hook brought the answer? Of trace id, text, response id, and who overheard it.
            reason: why such an answer is not asked about.
        """
        self._recorder = recorder
        self._is_nobodys = is_nobodys
        self._reason = reason
        self._waiting: deque[tuple[float, int, str, str | None, str]] = deque()
        if reason is not None:
            _all.add(self)

    def add(self, answers: Sequence[Answer], source: str) -> None:
        """Have the final ones of a call wait.

        Args:
            answers: of one call.
            source: who overheard it.
        """
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
                self._recorder.count(Status.NOT_ASKED, self._reason)

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


def settle() -> None:
    """Count everywhere what nobody has brought: nothing more is to come."""
    for overheard in list(_all):
        overheard.settle()

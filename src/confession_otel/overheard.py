"""Answers that were only overheard: somebody who can do more for them may yet bring them, or nobody will.

They wait for a minute: those of which only spans are known while confessions are asked for, and those without words,
which another span of the same call may have. What nobody has brought by then is counted for what it is, when the next
one comes or the counter is read. Two spans that share neither an id nor words are of the same call where they are by
two instrumentations, in one trace, of one model, and end together.
"""

from __future__ import annotations

import atexit
import os
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from weakref import ref

from . import instruments

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .answer import Answer

_SECONDS: Final = 60.0
_MOST: Final = 1024
"""Answers that wait; of more, the oldest is counted at once."""
_TOGETHER: Final = 1.0
"""Seconds between the ends of two instrumentations' spans of one call, at most."""
_WORDS: Final = 400
"""Characters at an answer's end by which it is known."""


@dataclass(slots=True)
class _Waiting:
    """An answer that waits."""

    since: float
    """Of `time.monotonic()`."""
    at: float
    """When the answer came, as `Answer.at`."""
    trace_id: int
    text: str
    """Its end."""
    response_id: str | None
    source: str
    """Who overheard it."""
    model: str | None
    others: set[str]
    """Who else has a span of the same call."""
    is_brought: bool = False
    """One of them had its words."""

    def names(self) -> list[str | tuple[int, str]]:
        """By what another source would know it."""
        names: list[str | tuple[int, str]] = []
        if self.response_id:
            names.append(self.response_id)
        if self.text:
            names.append((self.trace_id, self.text))
        return names

    def is_beside(self, trace_id: int, text: str, response_id: str | None, source: str, model: str | None) -> bool:
        """May this be another's span of the same call, of which one has no words, and one has no id?"""
        return (
            self.trace_id == trace_id != 0
            and self.model == model is not None
            and self.source != source
            and source not in self.others
            and not (self.text and text)
            and not (self.response_id and response_id)
        )


class Overheard:
    """What waits, under one set of settings."""

    __slots__ = ("__weakref__", "_count", "_is_nobodys", "_sources", "_waiting")

    def __init__(
        self, is_nobodys: Callable[[int, str, str | None, str, float], bool], count: Callable[[], None]
    ) -> None:
        """Begin.

        Args:
            is_nobodys: has no hook brought the answer? Of trace id, text, response id, who overheard it, and its time.
            count: counts one that nobody has brought.
        """
        self._is_nobodys = is_nobodys
        self._count = count
        self._waiting: deque[_Waiting] = deque()
        self._sources: dict[str | tuple[int, str], str] = {}
        """Who overheard what waits first, by its names."""
        _all.add(ref(self, _all.discard))

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
                text, response_id, model = answer.text[-_WORDS:], answer.response_id, answer.request_model
                one = _Waiting(now, answer.at, trace_id, text, response_id, source, model, set())
                # Whoever can do more may have been faster, and so may another who has overheard it.
                if not self._is_nobodys(trace_id, text, response_id, source, answer.at) or self._is_there(one):
                    continue
                beside = self._beside(now, trace_id, text, response_id, source, model)
                if beside is None:
                    self._waiting.append(one)
                else:
                    beside.others.add(source)
                    beside.text, beside.response_id = beside.text or text, beside.response_id or response_id
                for name in one.names():
                    self._sources[name] = source
        self.settle(now - _SECONDS)

    def brought(self, answer: Answer, source: str) -> None:
        """Somebody has brought an answer: if another's span of the same call waits, without words, it is no other one.

        Args:
            answer: the first of the call.
            source: who brought it.
        """
        if self._waiting:
            trace_id = answer.span.get_span_context().trace_id
            known = trace_id, answer.text, answer.response_id, source, answer.request_model
            if (beside := self._beside(time.monotonic(), *known)) is not None:
                beside.is_brought = True
                beside.others.add(source)

    def settle(self, before: float = float("inf")) -> None:
        """Count what nobody has brought.

        Args:
            before: of `time.monotonic()`; what was overheard later goes on waiting.
        """
        waiting = self._waiting
        while waiting:
            try:
                if waiting[0].since > before and len(waiting) <= _MOST:
                    return
                one = waiting.popleft()
            except IndexError:
                return
            if one.since > before and len(waiting) < _MOST:
                # Another thread was faster, and took the one that was looked at.
                waiting.appendleft(one)
                return
            for name in one.names():
                self._sources.pop(name, None)
            known = one.trace_id, one.text, one.response_id, one.source, one.at
            if not one.is_brought and self._is_nobodys(*known):
                self._count()

    def _is_there(self, one: _Waiting) -> bool:
        return any(self._sources.get(name, one.source) != one.source for name in one.names())

    def _beside(self, now: float, *known: Any) -> _Waiting | None:
        # An instrumentation's span ends right after the one inside it. Of those that end together, each stands for one.
        for one in reversed(tuple(self._waiting)):
            if now - one.since > _TOGETHER:
                return None
            if not one.is_brought and one.is_beside(*known):
                return one
        return None

    def forget(self) -> None:
        """In a fork's child: what waits is the parent's to count."""
        self._waiting.clear()
        self._sources.clear()


_all: Final[set[ref[Overheard]]] = set()
_registered: Final[list[Callable[[], None]]] = []


def _count_at_exit() -> None:
    # With the first one, by when the SDK's providers are made: what registers last is called first.
    if not _registered:
        _registered.append(settle)
        atexit.register(settle)


def settle(before: float = float("inf")) -> None:
    """Count everywhere what nobody has brought.

    Args:
        before: as of `Overheard.settle`; by default nothing more is to come.
    """
    for there in _all.copy():
        if (overheard := there()) is not None:
            overheard.settle(before)


# A process may be idle for long after its last answer.
instruments.before_reading.append(lambda: settle(time.monotonic() - _SECONDS))


def _after_fork() -> None:
    for there in _all.copy():
        if (overheard := there()) is not None:
            overheard.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

"""Who is asked, and how often: a filter by evidence, a sample, limits per minute, and a pause while asking fails.

All of it holds for one process: a service of eight processes may ask eight times as often. A fork's child begins anew.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias
from weakref import WeakSet

from confession_otel.guard import Site
from confession_otel.semconv import NotAsked
from confession_otel.settings import Triggers

if TYPE_CHECKING:
    from confession_otel.answer import Answer
    from confession_otel.corroboration import Evidence

MINUTE: Final = 60.0
"""Seconds that "per minute" looks back on: every window of this length keeps the limit, wherever it begins."""
GRAIN: Final = 1.0
"""Seconds within which what is counted is kept as one, until the newest of it is too old: bounds what is remembered."""
FAILURES_TO_PAUSE: Final = 5
"""So many in a row."""
FIRST_PAUSE: Final = 10.0
"""Seconds."""
LONGEST_PAUSE: Final = 600.0
"""Seconds; each trial that fails doubles the pause up to this."""

_HASHED: Final = 64
"""Bits of the trace id that decide, the lower ones, as in OpenTelemetry's `TraceIdRatioBased`."""
_PLAIN: Final = frozenset(
    {"stop", "stop_sequence", "complete", "completed", "end_turn", "eos", "eos_token"}
    | {"tool_calls", "tool_use", "function_call"}
)
"""Finish reasons of an answer that went as it should, in the words of several providers."""
_SAMPLE: Final = Site("asking.sample")

Sample: TypeAlias = float | Callable[["Answer"], object]
"""Share of the answers to ask about, 0 to 1; or a callable that gives something true for those."""


class Budget:
    """Decides on each answer; thread-safe, and a few microseconds on the host's own thread."""

    def __init__(
        self,
        *,
        sample: Sample = 1.0,
        triggers: Triggers = Triggers.ALWAYS,
        max_requests_per_minute: int | None = None,
        max_tokens_per_minute: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """A budget of which nothing is used.

        Args:
            sample: 0 to 1, decided by trace id so that all services of a trace agree; or a callable, which runs on the
                host's thread. If it raises, the answer is not asked about.
            triggers: which answers come into question at all.
            max_requests_per_minute: in any 60 s never more; 0 for none at all, `None` for no limit.
            max_tokens_per_minute: no request begins while the last 60 s used as many or more. What requests under way
                will use is not known, so the limit can be passed by as much; `None` for no limit.
            clock: seconds, never going back.
        """
        self._sample = sample
        self._bound = 0 if callable(sample) else round(sample * (1 << _HASHED))
        self._triggers = triggers
        self._max_requests = max_requests_per_minute
        self._max_tokens = max_tokens_per_minute
        self._clock = clock
        self._begin()
        _budgets.add(self)

    def _begin(self) -> None:
        # Reentrant: a signal handler or a finaliser may come here while its own thread is inside.
        self._lock = threading.RLock()
        self._requests = _LastMinute()
        self._tokens = _LastMinute()
        self._breaker = _Breaker()

    def refuses(self, answer: Answer, *, sampled: bool | None = None) -> NotAsked | None:
        """Why this answer is not to be asked about; `None` where it is, and one request is then taken.

        Args:
            answer: in question.
            sampled: what `samples` said of it, where it was called before.
        """
        if self._triggers is Triggers.ON_EVIDENCE and not is_remarkable(answer.evidence):
            return NotAsked.NO_TRIGGER
        if not (self.samples(answer) if sampled is None else sampled):
            return NotAsked.SAMPLED_OUT
        with self._lock:
            now = self._clock()
            if self._breaker.is_open(now):
                return NotAsked.PAUSED
            if self._max_requests is not None and self._requests.total(now) >= self._max_requests:
                return NotAsked.REQUEST_RATE
            if self._max_tokens is not None and self._tokens.total(now) >= self._max_tokens:
                return NotAsked.TOKEN_RATE
            self._requests.add(now, 1)
            self._breaker.lets_pass(now)
            return None

    def spent(self, tokens: int) -> None:
        """Count what a request used, in tokens of prompt and answer."""
        with self._lock:
            self._tokens.add(self._clock(), tokens)

    def succeeded(self) -> None:
        """A request was answered: failures before it count no more, a pause ends."""
        with self._lock:
            self._breaker = _Breaker()

    def failed(self) -> None:
        """A request failed."""
        with self._lock:
            self._breaker.failed(self._clock())

    def samples(self, answer: Answer) -> bool:
        """Does the sample have this answer? Takes no request."""
        if not callable(self._sample):
            return lot(answer) < self._bound
        with _SAMPLE:
            return bool(self._sample(answer))
        return False


def is_remarkable(evidence: Evidence) -> bool:
    """Did anything of the call go otherwise than it should?"""
    return bool(
        (evidence.finish_reason and evidence.finish_reason.lower() not in _PLAIN)
        or evidence.refusal
        or evidence.tool_errors
        or evidence.exception
    )


def lot(answer: Answer) -> int:
    """What decides whether a sample has the answer: 0 up to 2**64, the same in all services of its trace.

    Without a trace, the same for the same response id; without that, random.
    """
    trace = answer.span.get_span_context()
    if trace.is_valid:
        return trace.trace_id & ((1 << _HASHED) - 1)
    if answer.response_id:
        digest = hashlib.sha256(answer.response_id.encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[: _HASHED // 8], "big")
    # Not the generator of `random`: the host may have seeded it, and counts on its sequence.
    return secrets.randbits(_HASHED)


class _LastMinute:
    """A sum over the last 60 s. What comes within one grain is kept as one entry, as old as the newest in it.

    So something dense counts for up to a grain longer than its 60 s, never shorter, and there are 61 entries at most.
    """

    __slots__ = ("_entries", "_total")

    def __init__(self) -> None:
        self._entries: deque[tuple[float, float, int]] = deque()
        """Seconds of the first and of the last in it, and how much it is."""
        self._total = 0

    def add(self, now: float, amount: int) -> None:
        self._forget(now)
        since = now
        if self._entries and now - self._entries[-1][0] < GRAIN:
            since, _, before = self._entries.pop()
            self._entries.append((since, now, before + amount))
        else:
            self._entries.append((now, now, amount))
        self._total += amount

    def total(self, now: float) -> int:
        self._forget(now)
        return self._total

    def _forget(self, now: float) -> None:
        while self._entries and now - self._entries[0][1] >= MINUTE:
            self._total -= self._entries.popleft()[2]


class _Breaker:
    """Pauses after failures in a row; then lets one request pass as a trial, until its result is known.

    The trial closes the door behind it for the length of another pause: one whose result never comes holds it shut no
    longer than that.
    """

    __slots__ = ("_failures", "_pause", "_shut_until", "_trial")

    def __init__(self) -> None:
        self._failures = 0
        self._pause = FIRST_PAUSE
        self._shut_until = float("-inf")
        self._trial = False

    def is_open(self, now: float) -> bool:
        return now < self._shut_until

    def lets_pass(self, now: float) -> None:
        if self._failures >= FAILURES_TO_PAUSE:
            self._trial = True
            self._shut_until = now + self._pause

    def failed(self, now: float) -> None:
        self._failures += 1
        if self._trial:
            self._trial = False
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
        elif self._failures != FAILURES_TO_PAUSE:
            # Too few yet; or of those that were under way when the pause began, which say nothing new.
            return
        self._shut_until = now + self._pause


_budgets: WeakSet[Budget] = WeakSet()


def _after_fork() -> None:
    # A lock held by another thread at the moment of the fork would stay locked in the child for ever, and what it
    # guards may be half changed.
    for budget in list(_budgets):
        budget._begin()  # noqa: SLF001 - of this module


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

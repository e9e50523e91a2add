"""Counting, while signal handlers come in between any two steps."""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from confession_otel.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no such timer")
OFTEN = 0.0002
"""Seconds between two signals."""
SIGNALS = 300


class TimeIsUpError(Exception):
    """What the handler raises."""


@contextlib.contextmanager
def interrupted_by(handler: Callable[..., None]) -> Iterator[None]:
    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, OFTEN, OFTEN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_what_a_handler_raises_leaves_nobody_waiting() -> None:
    tally: Tally[str] = Tally()
    counting = False

    def raising(*_: object) -> None:
        nonlocal counting
        if counting:
            counting = False
            raise TimeIsUpError

    with interrupted_by(raising):
        for _ in range(SIGNALS):
            with contextlib.suppress(TimeIsUpError):
                counting = True
                while True:
                    tally.add("answer")
    other = threading.Thread(target=tally.add, args=("other",), daemon=True)
    other.start()
    other.join(10)
    assert not other.is_alive()
    assert tally.read()["other"] == 1


def test_what_a_handler_counts_is_not_lost() -> None:
    tally: Tally[str] = Tally()
    by_handler = counted = 0

    def counting(*_: object) -> None:
        nonlocal by_handler
        tally.add("answer")
        by_handler += 1

    with interrupted_by(counting):
        while by_handler < SIGNALS:
            tally.add("answer")
            counted += 1
    assert tally.read() == {"answer": counted + by_handler}

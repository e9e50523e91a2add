"""Tools that failed in a trace, as whoever brings an answer of it is told."""

from __future__ import annotations

import sys
import threading

from confession_otel import failed_tools


def test_each_is_told_of_once_in_the_order_of_failing() -> None:
    for name in ("b", "a", "b"):
        failed_tools.add(7, name)
    assert failed_tools.of(7) == ["b", "a"]
    assert failed_tools.of(8) is None


def test_no_more_than_a_few_are_remembered() -> None:
    for number in range(40):
        failed_tools.add(7, str(number))
    assert failed_tools.of(7) == [str(number) for number in range(16)]


def test_those_that_fail_at_once_are_all_told_of() -> None:
    together = threading.Barrier(4)

    def work(name: str) -> None:
        together.wait()
        for trace_id in range(1, 1000):
            failed_tools.add(trace_id, name)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert [trace_id for trace_id in range(1, 1000) if sorted(failed_tools.of(trace_id) or ()) != list("abcd")] == []

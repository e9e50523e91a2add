"""Tools that failed in a trace, as whoever brings an answer of it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confession_otel import failed_tools

if TYPE_CHECKING:
    from conftest import AtOnce


def test_each_is_told_of_once_in_the_order_of_failing() -> None:
    for name in ("b", "a", "b"):
        failed_tools.add(7, name)
    assert failed_tools.of(7) == ["b", "a"]
    assert failed_tools.of(8) is None


def test_no_more_than_a_few_are_remembered() -> None:
    for number in range(40):
        failed_tools.add(7, str(number))
    assert failed_tools.of(7) == [str(number) for number in range(16)]


def test_those_that_fail_at_once_are_all_told_of(at_once: AtOnce) -> None:
    traces = range(1, 1000)

    def work(name: str) -> None:
        for trace_id in traces:
            failed_tools.add(trace_id, name)

    at_once(work, "abcd")
    assert [trace_id for trace_id in traces if sorted(failed_tools.of(trace_id) or ()) != list("abcd")] == []

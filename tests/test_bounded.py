"""Memory of calls that cannot grow for ever."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from confession_otel.bounded import BoundedTable

if TYPE_CHECKING:
    import pytest

    from conftest import AtOnce


def test_the_newest_stay() -> None:
    table: BoundedTable[int, str] = BoundedTable(size=2, seconds=60)
    for number in range(5):
        table.put(number, str(number))
    assert [table.get(number) for number in range(5)] == [None, None, None, "3", "4"]
    assert len(table) == 2


def test_putting_again_makes_it_the_newest() -> None:
    table: BoundedTable[str, int] = BoundedTable(size=2, seconds=60)
    table.put("a", 1)
    table.put("b", 2)
    table.put("a", 3)
    table.put("c", 4)
    assert (table.get("a"), table.get("b"), table.get("c")) == (3, None, 4)


def test_the_old_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("confession_otel.bounded.time.monotonic", lambda: now)
    table: BoundedTable[str, int] = BoundedTable(size=9, seconds=60)
    table.put("a", 1)
    table.put("b", 2)
    now = 61.0
    assert table.get("a") is None
    table.put("c", 3)
    assert len(table) == 1


def test_setdefault_keeps_the_first_and_pop_takes_out() -> None:
    table: BoundedTable[str, int] = BoundedTable(size=9, seconds=60)
    assert table.setdefault("a", 1) == 1
    assert table.setdefault("a", 2) == 1
    assert table.pop("a") == 1
    assert table.pop("a") is None


def test_threads_neither_raise_nor_make_it_grow() -> None:
    table: BoundedTable[int, int] = BoundedTable(size=50, seconds=0.0001)
    errors: list[BaseException] = []

    def work(offset: int) -> None:
        try:
            for number in range(3000):
                table.put(offset + number % 97, number)
                table.get(number)
                table.pop(number % 31)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test shows it
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n * 100,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(table) <= 50 + 8


def test_of_threads_that_come_at_once_all_are_told_of_the_same_first(at_once: AtOnce) -> None:
    keys, told = range(3000), {}
    table: BoundedTable[int, str] = BoundedTable(size=9000, seconds=60)

    def work(name: str) -> None:
        told[name] = [table.setdefault(key, name) for key in keys]

    at_once(work, "abcd")
    assert told["a"] == told["b"] == told["c"] == told["d"] == [table.get(key) for key in keys]

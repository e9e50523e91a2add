"""Which of several sources has an answer: by its id, or by trace and words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from confession_otel import once

if TYPE_CHECKING:
    from conftest import Clock

TRACE = 7
NOW = 1000.0


def test_whoever_brings_an_id_first_has_it() -> None:
    assert once.is_first(1, "one", "r-1", "openai", NOW)
    assert not once.is_first(2, "other words", "r-1", "langchain", NOW)
    assert once.has("r-1", "openai")
    assert not once.has("r-1", "langchain")


@pytest.mark.parametrize("ids", [(None, None), ("", ""), ("", None), ("", "r-1")])
def test_an_empty_id_is_none(ids: tuple[str | None, str | None]) -> None:
    # Six answers with words of their own: nobody may take them for one.
    for number in range(3):
        for source, response_id in zip(("openai", "langchain"), ids, strict=True):
            words = f"{source} {number}"
            own = f"{response_id}{number}" if response_id else response_id
            assert once.is_nobodys(0, words, own, "spans", NOW)
            assert once.is_first(0, words, own, source, NOW)
            assert once.has("", source)


def test_an_empty_id_leaves_trace_and_words_to_tell() -> None:
    assert once.is_first(TRACE, "the same", "r-1", "openai", NOW)
    assert not once.is_nobodys(TRACE, "the same", "", "spans", NOW)
    assert not once.is_first(TRACE, "the same", "", "langchain", NOW)


@pytest.mark.parametrize("seconds", [0.01, 60.0])
@pytest.mark.parametrize("late", [0, 1, 20])
def test_however_many_answers_a_trace_has_each_is_recorded_once(clock: Clock, late: int, seconds: float) -> None:
    # A night's work in one trace. The second source knows no ids, and brings what it has seen some answers behind.
    taken = []
    came = []
    for number in range(300 + late):
        came.append(clock.now)
        if number < 300:
            taken.append(once.is_first(TRACE, f"Answer {number}.", f"r-{number}", "openai", clock.now))
        if number >= late:
            taken.append(once.is_first(TRACE, f"Answer {number - late}.", None, "langchain", came[number - late]))
        clock.now += seconds
    assert len(taken) == 600
    assert sum(taken) == 300


def test_the_same_words_again_are_another_answer() -> None:
    for _ in range(3):
        assert once.is_first(TRACE, "Yes.", None, "openai", NOW)
        assert not once.is_first(TRACE, "Yes.", None, "langchain", NOW)


@pytest.mark.parametrize("minutes", [1, 30])
@pytest.mark.parametrize("response_id", ["r-1", None])
def test_what_was_brought_is_known_for_long(clock: Clock, response_id: str | None, minutes: int) -> None:
    assert once.is_first(TRACE, "one", response_id, "openai", NOW)
    assert not once.is_nobodys(TRACE, "one", response_id, "spans", NOW)
    clock.now += 60 * minutes + 1
    assert not once.is_nobodys(TRACE, "one", response_id, "spans", NOW)
    assert not once.is_first(TRACE, "one", response_id, "langchain", NOW)


@pytest.mark.parametrize("ids", [(None, "r-1"), ("r-1", None), (None, None)])
@pytest.mark.parametrize("seconds", [-3.0, -1.0, 0.0, 1.0, 3.0])
def test_the_same_words_at_another_time_are_another_answer(seconds: float, ids: tuple[str | None, ...]) -> None:
    # Another call, seen by another: no model is done with the next one in a second.
    apart = abs(seconds) > 2
    assert once.is_first(TRACE, "Done.", ids[0], "langchain", NOW)
    assert once.is_nobodys(TRACE, "Done.", ids[1], "spans", NOW + seconds) is apart
    assert once.is_first(TRACE, "Done.", ids[1], "spans", NOW + seconds) is apart

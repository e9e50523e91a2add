"""Which of several sources has an answer: by its id, or by trace and words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from confession_otel import once

if TYPE_CHECKING:
    from conftest import Clock

TRACE = 7


def test_whoever_brings_an_id_first_has_it() -> None:
    assert once.is_first(1, "one", "r-1", "openai")
    assert not once.is_first(2, "other words", "r-1", "langchain")
    assert once.has("r-1", "openai")
    assert not once.has("r-1", "langchain")


@pytest.mark.parametrize("ids", [(None, None), ("", ""), ("", None), ("", "r-1")])
def test_an_empty_id_is_none(ids: tuple[str | None, str | None]) -> None:
    # Six answers with words of their own: nobody may take them for one.
    for number in range(3):
        for source, response_id in zip(("openai", "langchain"), ids, strict=True):
            words = f"{source} {number}"
            own = f"{response_id}{number}" if response_id else response_id
            assert once.is_nobodys(0, words, own, "spans")
            assert once.is_first(0, words, own, source)
            assert once.has("", source)


def test_an_empty_id_leaves_trace_and_words_to_tell() -> None:
    assert once.is_first(TRACE, "the same", "r-1", "openai")
    assert not once.is_nobodys(TRACE, "the same", "", "spans")
    assert not once.is_first(TRACE, "the same", "", "langchain")


@pytest.mark.parametrize("seconds", [0.01, 60.0])
@pytest.mark.parametrize("late", [0, 1, 20])
def test_however_many_answers_a_trace_has_each_is_recorded_once(clock: Clock, late: int, seconds: float) -> None:
    # A night's work in one trace. The second source knows no ids, and comes some answers behind the first.
    taken = []
    for number in range(300 + late):
        if number < 300:
            taken.append(once.is_first(TRACE, f"Answer {number}.", f"r-{number}", "openai"))
        if number >= late:
            taken.append(once.is_first(TRACE, f"Answer {number - late}.", None, "langchain"))
        clock.now += seconds
    assert len(taken) == 600
    assert sum(taken) == 300


def test_the_same_words_again_are_another_answer() -> None:
    for _ in range(3):
        assert once.is_first(TRACE, "Yes.", None, "openai")
        assert not once.is_first(TRACE, "Yes.", None, "langchain")


@pytest.mark.parametrize("minutes", [1, 30])
@pytest.mark.parametrize("response_id", ["r-1", None])
def test_what_was_brought_is_known_for_long(clock: Clock, response_id: str | None, minutes: int) -> None:
    assert once.is_first(TRACE, "one", response_id, "openai")
    assert not once.is_nobodys(TRACE, "one", response_id, "spans")
    clock.now += 60 * minutes + 1
    assert not once.is_nobodys(TRACE, "one", response_id, "spans")
    assert not once.is_first(TRACE, "one", response_id, "langchain")

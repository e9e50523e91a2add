"""Who is asked, and how often."""

from __future__ import annotations

import os
import random
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace.sampling import Decision, TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, SpanContext

from confession_otel.answer import Answer
from confession_otel.asking.budget import (
    FAILURES_TO_PAUSE,
    FIRST_PAUSE,
    LONGEST_PAUSE,
    MINUTE,
    Budget,
    _LastMinute,
)
from confession_otel.corroboration import Evidence
from confession_otel.semconv import NotAsked
from confession_otel.settings import Triggers

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def answer_of_trace(trace_id: int) -> Answer:
    return Answer(span=NonRecordingSpan(SpanContext(trace_id, 1, is_remote=False)))


# --- Triggers and sample ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("evidence", "asked"),
    [
        (Evidence(), False),
        (Evidence(finish_reason="stop"), False),
        (Evidence(finish_reason="STOP"), False),
        (Evidence(finish_reason="end_turn"), False),
        (Evidence(finish_reason="tool_calls"), False),
        (Evidence(finish_reason="length"), True),
        (Evidence(finish_reason="content_filter"), True),
        (Evidence(finish_reason="max_output_tokens"), True),
        (Evidence(finish_reason="stop", refusal="No."), True),
        (Evidence(finish_reason="stop", tool_errors=("search",)), True),
        (Evidence(exception="APIError"), True),
    ],
)
def test_on_evidence_only_the_remarkable_is_asked_about(evidence: Evidence, asked: bool) -> None:
    answer = Answer(evidence=evidence)
    assert Budget(triggers=Triggers.ON_EVIDENCE).refuses(answer) == (None if asked else NotAsked.NO_TRIGGER)
    assert Budget().refuses(answer) is None


@pytest.mark.parametrize("rate", [0.0, 1e-9, 0.01, 0.1, 1 / 3, 0.5, 0.9, 1.0])
def test_the_sample_is_that_of_opentelemetry_for_the_same_trace(rate: float) -> None:
    ids = random.Random(20)  # noqa: S311 - data
    budget, sampler = Budget(sample=rate), TraceIdRatioBased(rate)
    for _ in range(10_000):
        trace_id = ids.getrandbits(128) or 1
        sampled = sampler.should_sample(None, trace_id, "").decision is not Decision.DROP
        assert (budget.refuses(answer_of_trace(trace_id)) is None) == sampled


def test_without_a_trace_the_response_id_decides_the_same_each_time() -> None:
    ids = [f"resp_{number}" for number in range(2000)]
    asked = [Budget(sample=0.25).refuses(Answer(response_id=one)) is None for one in ids]
    assert asked == [Budget(sample=0.25).refuses(Answer(response_id=one)) is None for one in ids]
    assert 400 < sum(asked) < 600


def test_with_neither_chance_decides_and_the_hosts_sequence_of_it_stays() -> None:
    random.seed(7)
    expected = random.random()  # noqa: S311 - data
    random.seed(7)
    budget = Budget(sample=0.5)
    asked = sum(budget.refuses(Answer()) is None for _ in range(2000))
    assert 800 < asked < 1200
    assert random.random() == expected  # noqa: S311 - data


def test_a_callable_decides_with_the_answer_before_it() -> None:
    budget = Budget(sample=lambda answer: answer.request_model == "big")
    assert budget.refuses(Answer(request_model="big")) is None
    assert budget.refuses(Answer(request_model="small")) is NotAsked.SAMPLED_OUT


class NoTruth:
    """As an array: neither true nor false."""

    def __bool__(self) -> bool:
        raise ValueError


@pytest.mark.parametrize("sample", [lambda _: 1 / 0, lambda _: NoTruth()])
def test_a_callable_that_raises_is_swallowed_and_nothing_asked(
    sample: Callable[[Answer], object], swallowed: list[tuple[str, Exception]]
) -> None:
    assert Budget(sample=sample).refuses(Answer()) is NotAsked.SAMPLED_OUT
    assert [site for site, _ in swallowed] == ["asking.sample"]
    swallowed.clear()


def test_what_is_refused_takes_nothing_from_the_rate(clock: Clock) -> None:
    budget = Budget(
        sample=lambda answer: answer.final, triggers=Triggers.ON_EVIDENCE, max_requests_per_minute=1, clock=clock
    )
    assert budget.refuses(Answer()) is NotAsked.NO_TRIGGER
    assert budget.refuses(Answer(final=False, evidence=Evidence(exception="E"))) is NotAsked.SAMPLED_OUT
    assert budget.refuses(Answer(evidence=Evidence(exception="E"))) is None
    assert budget.refuses(Answer(evidence=Evidence(exception="E"))) is NotAsked.REQUEST_RATE


# --- Rates ------------------------------------------------------------------------------------------------------------


@given(
    most=st.integers(min_value=0, max_value=40),
    gaps=st.lists(
        st.one_of(
            st.just(0.0),
            st.floats(min_value=0, max_value=2),
            st.floats(min_value=0, max_value=70),
            st.sampled_from([59.999, 60.0, 1.0, 0.999]),
        ),
        max_size=300,
    ),
)
def test_never_more_requests_than_allowed_in_any_60_seconds(most: int, gaps: list[float]) -> None:
    clock = Clock()
    budget = Budget(max_requests_per_minute=most, clock=clock)
    asked: list[float] = []
    for gap in gaps:
        clock.now += gap
        if budget.refuses(Answer()) is None:
            asked.append(clock.now)
        elif most:
            # Nor fewer than that: those of the last 60 s, and of a grain before, are as many.
            assert sum(clock.now - time < MINUTE + 1.001 for time in asked) >= most
    for first in range(len(asked) - most):
        assert asked[first + most] - asked[first] >= MINUTE
    assert len(budget._requests._entries) <= 62


def test_one_a_minute_is_one_each_60_seconds(clock: Clock) -> None:
    budget = Budget(max_requests_per_minute=1, clock=clock)
    for _ in range(3):
        assert budget.refuses(Answer()) is None
        clock.now += 59.9
        assert budget.refuses(Answer()) is NotAsked.REQUEST_RATE
        clock.now += 0.1000001


def test_what_came_within_one_grain_is_as_old_as_the_newest_of_it(clock: Clock) -> None:
    budget = Budget(max_requests_per_minute=2, clock=clock)
    assert budget.refuses(Answer()) is None
    clock.now += 0.875
    assert budget.refuses(Answer()) is None
    clock.now += 59.875
    assert budget.refuses(Answer()) is NotAsked.REQUEST_RATE
    clock.now += 0.125
    assert [budget.refuses(Answer()) for _ in range(3)] == [None, None, NotAsked.REQUEST_RATE]


def test_none_a_minute_is_none_ever(clock: Clock) -> None:
    budget = Budget(max_requests_per_minute=0, clock=clock)
    for _ in range(5):
        assert budget.refuses(Answer()) is NotAsked.REQUEST_RATE
        clock.now += 1000


@given(
    st.lists(st.tuples(st.floats(min_value=0, max_value=30), st.integers(min_value=0, max_value=900)), max_size=100),
)
def test_no_request_begins_while_the_last_60_seconds_used_the_tokens(steps: list[tuple[float, int]]) -> None:
    clock = Clock()
    budget = Budget(max_tokens_per_minute=1000, clock=clock)
    spent: list[tuple[float, int]] = []
    for gap, tokens in steps:
        clock.now += gap
        used = sum(amount for time, amount in spent if clock.now - time < MINUTE)
        refusal = budget.refuses(Answer())
        if used >= 1000:
            assert refusal is NotAsked.TOKEN_RATE
        if refusal is None:
            budget.spent(tokens)
            spent.append((clock.now, tokens))
    clock.now += MINUTE + 0.001
    assert budget.refuses(Answer()) is None


def test_a_sum_over_the_last_minute_forgets_all_of_it() -> None:
    window = _LastMinute()
    for number in range(100_000):
        window.add(number / 100, 1)
    assert 6000 <= window.total(999.99) <= 6100
    assert window.total(999.99 + MINUTE) == 0
    assert len(window._entries) == 0


# --- The pause --------------------------------------------------------------------------------------------------------


def fail(budget: Budget, times: int) -> None:
    for _ in range(times):
        assert budget.refuses(Answer()) is None
        budget.failed()


def test_failures_in_a_row_pause_and_each_failed_trial_doubles_the_pause(clock: Clock) -> None:
    budget = Budget(clock=clock)
    fail(budget, FAILURES_TO_PAUSE)
    pause = FIRST_PAUSE
    for _ in range(12):
        assert budget.refuses(Answer()) is NotAsked.PAUSED
        clock.now += pause - 0.001
        assert budget.refuses(Answer()) is NotAsked.PAUSED
        clock.now += 0.002
        assert budget.refuses(Answer()) is None
        assert budget.refuses(Answer()) is NotAsked.PAUSED
        budget.failed()
        pause = min(2 * pause, LONGEST_PAUSE)
    assert pause == LONGEST_PAUSE


def test_a_success_ends_the_pause_and_counts_from_the_beginning(clock: Clock) -> None:
    budget = Budget(clock=clock)
    fail(budget, FAILURES_TO_PAUSE)
    clock.now += FIRST_PAUSE
    assert budget.refuses(Answer()) is None
    budget.succeeded()
    fail(budget, FAILURES_TO_PAUSE - 1)
    assert budget.refuses(Answer()) is None
    budget.succeeded()
    fail(budget, FAILURES_TO_PAUSE)
    clock.now += FIRST_PAUSE - 0.001
    assert budget.refuses(Answer()) is NotAsked.PAUSED
    clock.now += 0.002
    assert budget.refuses(Answer()) is None


def test_those_under_way_when_the_pause_begins_do_not_lengthen_it(clock: Clock) -> None:
    budget = Budget(clock=clock)
    for _ in range(FAILURES_TO_PAUSE + 20):
        assert budget.refuses(Answer()) is None
    for _ in range(FAILURES_TO_PAUSE + 20):
        budget.failed()
        clock.now += 0.1
    clock.now += FIRST_PAUSE - 2.0
    assert budget.refuses(Answer()) is None


def test_a_trial_that_is_never_heard_of_again_holds_up_the_next_for_one_pause(clock: Clock) -> None:
    budget = Budget(clock=clock)
    fail(budget, FAILURES_TO_PAUSE)
    for _ in range(3):
        clock.now += FIRST_PAUSE
        assert budget.refuses(Answer()) is None
        assert budget.refuses(Answer()) is NotAsked.PAUSED
    budget.succeeded()
    assert budget.refuses(Answer()) is None


def test_a_trial_is_not_wasted_on_an_answer_that_a_rate_refuses(clock: Clock) -> None:
    budget = Budget(max_tokens_per_minute=10, clock=clock)
    fail(budget, FAILURES_TO_PAUSE)
    budget.spent(10)
    clock.now += FIRST_PAUSE
    assert budget.refuses(Answer()) is NotAsked.TOKEN_RATE
    assert budget.refuses(Answer()) is NotAsked.TOKEN_RATE
    clock.now += MINUTE
    assert budget.refuses(Answer()) is None
    assert budget.refuses(Answer()) is NotAsked.PAUSED


# --- Threads and forks ------------------------------------------------------------------------------------------------


def test_threads_together_get_no_more_than_there_is() -> None:
    budget = Budget(max_requests_per_minute=500)
    asked: list[int] = []

    def work() -> None:
        asked.append(sum(budget.refuses(Answer()) is None for _ in range(300)))
        budget.spent(1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(asked) == 500


def test_it_works_in_a_child_forked_while_its_lock_was_held() -> None:
    budget = Budget(max_requests_per_minute=1)
    assert budget.refuses(Answer()) is None
    held, enough = threading.Event(), threading.Event()

    def hold() -> None:
        with budget._lock:
            held.set()
            enough.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(30)
    child = os.fork()
    if child == 0:
        # A budget of its own, with nothing used.
        os._exit([budget.refuses(Answer()), budget.refuses(Answer())] != [None, NotAsked.REQUEST_RATE])
    _, status = os.waitpid(child, 0)
    enough.set()
    holder.join()
    assert os.waitstatus_to_exitcode(status) == 0

"""Times as archives have them."""

from __future__ import annotations

import contextlib
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confession_otel.replaying.moments import duration, nanoseconds

NOON = 1_772_366_400 * 10**9
"""2026-03-01T12:00:00Z."""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-03-01T12:00:00Z", NOON),
        ("2026-03-01 12:00:00", NOON),
        ("2026-03-01T12:00Z", NOON),
        ("2026-03-01T13:30:00+01:30", NOON),
        ("2026-03-01T07:00:00-0500", NOON),
        ("2026-03-01T10:00:00-02", NOON),
        ("2026-03-01T12:00:00.25Z", NOON + 250_000_000),
        ("2026-03-01t12:00:00,123456789z", NOON + 123_456_789),
        ("2026-03-01T12:00:00.1234567891Z", NOON + 123_456_789),
        ("2026-03-01T11:59:60Z", NOON),
        (1_772_366_400, NOON),
        (1_772_366_400.5, NOON + 500_000_000),
        ("1772366400.000000001", NOON + 1),
        (1_772_366_400_000, NOON),
        (1_772_366_400_000_000, NOON),
        (NOON, NOON),
        (str(NOON), NOON),
        (1, 10**9),
    ],
)
def test_a_moment_is_read_from_text_and_numbers(value: object, expected: int) -> None:
    assert nanoseconds(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        "", "now", "2026-03-01", "2026-13-01T00:00:00Z", "2026-03-01T25:00:00Z", "1969-12-31T23:59:59Z",
        "2300-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "٢٠٢٦-03-01T12:00:00Z", "2026-03-01T12:00:00Z\n2026",
        0, -1, 1e300, float("nan"), float("inf"), 2**63, True, None, [], {},
    ],
)  # fmt: skip
def test_what_is_no_moment_between_1970_and_2262_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="a time is"):
        nanoseconds(value)


@given(st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2261, 1, 1)))  # noqa: DTZ001 - UTC, as below
def test_what_python_writes_is_read_as_it_was_meant(moment: datetime) -> None:
    expected = (moment.replace(tzinfo=timezone.utc) - datetime(1970, 1, 1, tzinfo=timezone.utc)) // (
        datetime(1970, 1, 1, microsecond=1) - datetime(1970, 1, 1)  # noqa: DTZ001 - a difference
    )
    assert nanoseconds(moment.isoformat()) == nanoseconds(moment.isoformat() + "+00:00") == expected * 1000


@given(st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.none()))
def test_anything_else_is_a_moment_or_a_value_error(value: object) -> None:
    with contextlib.suppress(ValueError):
        assert 0 < nanoseconds(value) < 2**63
    with contextlib.suppress(ValueError):
        assert 0 <= duration(value) < 2**63


def test_a_duration_is_seconds() -> None:
    assert (duration(0), duration(1.5), duration(2)) == (0, 1_500_000_000, 2_000_000_000)

"""Times as archives have them: to nanoseconds since 1970."""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Final

_SECOND: Final = 10**9
_LATEST: Final = 2**63 - 1
"""The year 2262: what is more than that, backends take for negative."""
_UNITS: Final = ((10**11, _SECOND), (10**14, 10**6), (10**17, 10**3))
"""A number below the first is of units of so many nanoseconds; in seconds, 10^11 is the year 5138."""
_ISO: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9})\d*)?)? ?(?:([Zz])|([+-])(\d\d):?(\d\d)?)?"
)
_NUMBER: Final = re.compile(r"\d{1,20}(?:\.\d{1,9})?")
ALLOWED: Final = (
    "a time is ISO 8601 with date and time of day (UTC unless it says otherwise), or a number: seconds since 1970, or "
    "milli-, micro- or nanoseconds, by its size"
)


def nanoseconds(value: object) -> int:
    """A moment in nanoseconds since 1970.

    Args:
        value: ISO 8601 (`2026-03-01T12:00:00.5+01:00`; without an offset it is UTC), or a number, as it is or as text.

    Raises:
        ValueError: it is no moment between 1970 and 2262.

    >>> nanoseconds("2026-03-01T12:00:00.25Z"), nanoseconds(1772366400250)
    (1772366400250000000, 1772366400250000000)
    """
    moment = _moment(value)
    if not 0 < moment <= _LATEST:
        raise ValueError(ALLOWED)
    return moment


def duration(value: object) -> int:
    """Seconds, 0 or more, in nanoseconds.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value < _LATEST / _SECOND:
        message = "a duration is a number of seconds, 0 or more"
        raise ValueError(message)
    return int(Decimal(repr(value)) * _SECOND)


def _moment(value: object) -> int:
    if isinstance(value, str):
        text = value.strip()
        if _NUMBER.fullmatch(text):
            return _scaled(Decimal(text))
        return _iso(text)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(ALLOWED)
    return _scaled(Decimal(repr(value)))


def _scaled(number: Decimal) -> int:
    return int(number * next((unit for below, unit in _UNITS if number < below), 1))


def _iso(text: str) -> int:
    found = _ISO.fullmatch(text)
    if found is None:
        raise ValueError(ALLOWED)
    day, hours, minutes, seconds, fraction, _, sign, offset_hours, offset_minutes = found.groups()
    # A leap second is the first of the next minute.
    leap = seconds == "60"
    try:
        moment = datetime.fromisoformat(f"{day}T{hours}:{minutes}:{'59' if leap else seconds or '00'}+00:00")
    except ValueError:
        raise ValueError(ALLOWED) from None
    since = moment - datetime(1970, 1, 1, tzinfo=timezone.utc)
    offset = timedelta(hours=int(offset_hours or 0), minutes=int(offset_minutes or 0))
    since -= -offset if sign == "-" else offset
    whole = since.days * 86_400 + since.seconds + leap
    return whole * _SECOND + int((fraction or "0").ljust(9, "0"))

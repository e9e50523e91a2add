"""The heart of replaying: one line of an archive to the calls it tells of, or to why it tells of none."""

from __future__ import annotations

import json
from typing import Any, Final

from . import otlp, transcript
from .records import PassedOver, Read, Reason, RejectedError, Rejection

LONGEST: Final = 1 << 26
"""Bytes of a line that is read: what is longer would not fit into the memory of a small machine as objects."""


def read_line(line: bytes, *, otherwise: int | None = None) -> Read:
    """Read one line of an archive. Pure, total: the same line gives the same, and any bytes give something.

    Args:
        line: JSON, one object: an answer, a body of OpenAI's API, a line of a batch's output file, or OTLP.
        otherwise: nanoseconds since 1970, for an answer that names no time.

    Returns:
        The calls to emit and what was passed over; or the rejection.
    """
    try:
        return _read(line, otherwise)
    except RejectedError as error:
        return Read(rejection=error.rejection)
    except Exception as error:  # noqa: BLE001 - one strange line must not end the replay of a million others
        return Read(rejection=Rejection(Reason.INTERNAL_ERROR, type(error).__name__))


def _read(line: bytes, otherwise: int | None) -> Read:
    if len(line) > LONGEST:
        raise RejectedError(Reason.TOO_LONG, f"a line has at most {LONGEST} bytes")
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RejectedError(Reason.NOT_UTF8, f"byte {error.start} is not UTF-8") from None
    if not text.strip():
        return Read(passed_over={PassedOver.BLANK: 1})
    parsed = _json(text)
    if otlp.SPANS in parsed:
        calls, passed = otlp.read(parsed)
        return Read(tuple(calls), passed)
    if not otlp.OTHERS.isdisjoint(parsed):
        return Read(passed_over={PassedOver.OTHER_SIGNAL: 1})
    reader = transcript.read_batch if transcript.is_batch(parsed) else transcript.read
    found = reader(parsed, otherwise)
    return Read(passed_over={found: 1}) if isinstance(found, PassedOver) else Read((found,))


def _json(text: str) -> dict[str, Any]:
    try:
        parsed = json.loads(text)
    except json.JSONDecodeError as error:
        raise RejectedError(Reason.NOT_JSON, f"{error.msg} at character {error.pos}") from None
    except (ValueError, RecursionError):
        # A number of thousands of digits, a nesting of thousands of levels.
        raise RejectedError(Reason.NOT_JSON, "beyond what is read as JSON") from None
    if not isinstance(parsed, dict):
        raise RejectedError(Reason.NOT_AN_OBJECT, "a line is one JSON object")
    return parsed

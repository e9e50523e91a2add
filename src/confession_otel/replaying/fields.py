"""Fields of a line, each checked where it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from confession_otel.privacy import well_formed

from . import moments
from .records import Reason, RejectedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def refuse(name: str, allowed: str) -> NoReturn:
    """Reject the line, where a field has a value that it cannot have."""
    raise RejectedError(Reason.BAD_FIELD, f"{name}: {allowed}")


def text(line: Mapping[str, Any], name: str) -> str | None:
    """A text; `None` where the field is absent or null."""
    value = line.get(name)
    if value is not None and not isinstance(value, str):
        refuse(name, "must be a text")
    return value


def label(line: Mapping[str, Any], name: str) -> str | None:
    """A short text that goes out as it is, such as a name or an id; numbers are taken as well, and nothing is none."""
    value = line.get(name)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = str(value)
    if value is not None and not isinstance(value, str):
        refuse(name, "must be a text")
    return well_formed(value) or None if value is not None else None


def labels(line: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Names: a list of them, or one."""
    value = line.get(name)
    if value is None or isinstance(value, str):
        return (well_formed(value),) if value else ()
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        refuse(name, "must be a list of texts")
    return tuple(well_formed(one) for one in value)


def index(line: Mapping[str, Any], name: str) -> int | None:
    """A whole number, 0 or more."""
    value = line.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
        refuse(name, "must be a whole number, 0 or more")
    return value


def hexadecimal(line: Mapping[str, Any], name: str, digits: int) -> int | None:
    """An id of OpenTelemetry's.

    Args:
        line: of the archive.
        name: of the field.
        digits: that the id has: 32 for a trace, 16 for a span.
    """
    value = line.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, str) and len(value) == digits and value.isascii() and value.isalnum():
        try:
            if number := int(value, 16):
                return number
        except ValueError:
            pass
    refuse(name, f"must be {digits} hexadecimal digits, not all of them 0")


def moment(line: Mapping[str, Any], *names: str) -> int | None:
    """Nanoseconds since 1970, of the first of these fields that is there."""
    return _number(line, names, moments.nanoseconds)


def duration(line: Mapping[str, Any], name: str) -> int | None:
    """Nanoseconds of a number of seconds."""
    return _number(line, (name,), moments.duration)


def _number(line: Mapping[str, Any], names: tuple[str, ...], read: Callable[[object], int]) -> int | None:
    name = next((name for name in names if line.get(name) is not None), None)
    if name is None:
        return None
    try:
        return read(line[name])
    except ValueError as error:
        refuse(name, str(error))

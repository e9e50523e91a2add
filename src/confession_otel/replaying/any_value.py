"""Attributes in OTLP's JSON, both ways: `{"key": "a", "value": {"intValue": "1"}}` and `{"a": 1}`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from confession_otel.privacy import well_formed

if TYPE_CHECKING:
    from collections.abc import Mapping

_DEEPEST: Final = 32
_INTEGER_DIGITS: Final = 20


def attributes_of(holder: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of a span, an event or a resource; what is none by the specification is left out."""
    listed = holder.get("attributes")
    return _pairs(listed, 0) if isinstance(listed, list) else {}


def primitive(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Those that an exporter takes for sure: text, numbers, truth values, and lists of texts."""
    kept: dict[str, Any] = {}
    for key, value in attributes.items():
        if isinstance(value, str):
            kept[well_formed(key)] = well_formed(value)
        elif isinstance(value, (bool, float)) or (isinstance(value, int) and -(2**63) <= value < 2**63):
            kept[well_formed(key)] = value
        elif isinstance(value, list) and all(isinstance(one, str) for one in value):
            kept[well_formed(key)] = [well_formed(one) for one in value]
    return kept


def written(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Attributes as OTLP's JSON has them."""
    return [{"key": key, "value": value_written(value)} for key, value in attributes.items()]


def value_written(value: Any) -> dict[str, Any]:
    """One value, as OTLP's JSON has it: text, truth value, number, or a list of these."""
    if isinstance(value, str):
        return {"stringValue": str(value)}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        # As text: readers in other languages have no integers of 64 bits.
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"arrayValue": {"values": [value_written(one) for one in value]}}


def _pairs(listed: list[Any], depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in listed:
        if isinstance(pair, dict) and isinstance(key := pair.get("key"), str):
            value = _value(pair.get("value"), depth)
            if value is not None:
                found[key] = value
    return found


def _value(value: Any, depth: int) -> Any:
    if not isinstance(value, dict) or depth > _DEEPEST:
        return None
    for kind, held in value.items():
        if kind in ("stringValue", "bytesValue"):
            return held if isinstance(held, str) else None
        if kind == "boolValue":
            return held if isinstance(held, bool) else None
        if kind in ("intValue", "doubleValue"):
            return _number(kind, held)
        if kind == "arrayValue":
            values = held.get("values") if isinstance(held, dict) else None
            return [_value(one, depth + 1) for one in values] if isinstance(values, list) else []
        if kind == "kvlistValue":
            values = held.get("values") if isinstance(held, dict) else None
            return _pairs(values, depth + 1) if isinstance(values, list) else {}
    return None


def _number(kind: str, held: Any) -> int | float | None:
    if isinstance(held, bool) or not isinstance(held, (int, float, str)) or len(str(held)) > 2 * _INTEGER_DIGITS:
        return None
    try:
        return int(held) if kind == "intValue" else float(held)
    except (ValueError, OverflowError):
        return None

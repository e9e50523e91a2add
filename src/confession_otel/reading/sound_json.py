"""JSON that needs no mending: the standard library's parser, made safe for reports."""

from __future__ import annotations

import json
from typing import Any, Final


def _integer(digits: str) -> float:
    # Python refuses to read integers of thousands of digits; nothing here needs them.
    return int(digits) if len(digits) < 20 else float("inf")  # noqa: PLR2004 - beyond any grade


def as_object(pairs: list[tuple[str, Any]]) -> Any:
    """An object; a list of objects where a key comes twice, because then the brackets between two objects were lost."""
    whole = dict(pairs)
    if len(whole) == len(pairs):
        return whole
    parts: list[dict[str, Any]] = [{}]
    for key, value in pairs:
        if key in parts[-1]:
            parts.append({})
        parts[-1][key] = value
    return parts


DECODER: Final = json.JSONDecoder(object_pairs_hook=as_object, parse_int=_integer, strict=False)

_ANY_DECODER: Final = json.JSONDecoder(strict=False)


def sound_end(text: str, start: int) -> int | None:
    """Behind the sound JSON value that begins here; `None` if none does, or one that the standard parser refuses."""
    try:
        return _ANY_DECODER.raw_decode(text, start)[1]
    except (ValueError, RecursionError):
        return None

"""Ids that an answer has by what it is: whoever replays it, and however often, gets the same.

Each is the beginning of a SHA-256 over a name of its kind and the source, as JSON.
"""

from __future__ import annotations

import hashlib
import json

_TRACE_ID_BYTES = 16
_SPAN_ID_BYTES = 8


def trace_id(*source: object) -> int:
    """Id of a trace; never 0, which OpenTelemetry has for none.

    Args:
        *source: strings, numbers, `None`, and lists of them.
    """
    return _number("trace", source, _TRACE_ID_BYTES)


def span_id(*source: object) -> int:
    """Id of a span; as above."""
    return _number("span", source, _SPAN_ID_BYTES)


def _number(kind: str, source: tuple[object, ...], size: int) -> int:
    # Escaped to ASCII: a text with half of a surrogate pair has no bytes in UTF-8.
    digest = hashlib.sha256(json.dumps([kind, *source], separators=(",", ":")).encode("ascii")).digest()
    return int.from_bytes(digest[:size], "big") or 1

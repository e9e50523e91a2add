"""Server-sent events, and answers in pieces: what the streams of every API are made of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def sse(data: object, *, name: str | None = None) -> bytes:
    """One server-sent event with JSON data."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data)}\n\n".encode()


def pieces(text: str, size: int) -> Iterator[str]:
    """The text, `size` characters at a time."""
    for start in range(0, len(text), size):
        yield text[start : start + size]

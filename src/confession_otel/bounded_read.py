"""Reading in bounded time: what a host's call may wait for, whatever the text."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from .reading import parse

if TYPE_CHECKING:
    from .confession import Confession

LONGEST: Final = 65_536
"""Characters of a confession that are read; hostile text costs up to 4 µs for each."""


def read(text: str) -> Confession:
    """Read a confession; of a longer text than any model writes, the beginning."""
    if len(text) <= LONGEST:
        return parse(text)
    return replace(parse(text[:LONGEST]), text=text, truncated=True)

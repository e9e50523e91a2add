"""The lines of a text that may open or close a fenced code block."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

# A fence may open on the line of its list item ("1. ```bash", "- - ```bash") and close in the item's indent.
# ```Inline code``` on a line of its own is none.
FENCE: Final = re.compile(r"([ \t]*)((?:(?:[-*+]|\d{1,3}[.)])[ \t]{1,4}){0,3})(`{3,}(?![^`\n]*`)|~{3,})([^\n]*)")
"""Its indent, the markers of its list items, its run of characters, and what follows them."""
_LONGEST_RUN: Final = 40
"""All longer fences are taken for this long where one is looked for that may close another."""


def fence_lines(text: str, start: int) -> Iterator[re.Match[str]]:
    """The lines that begin with a run of fence characters, in order."""
    backticks, tildes = _place(text, "```", start), _place(text, "~~~", start)
    while backticks >= 0 or tildes >= 0:
        at = min(backticks, tildes) if backticks >= 0 and tildes >= 0 else max(backticks, tildes)
        line = FENCE.match(text, text.rfind("\n", 0, at) + 1)
        if line is not None:
            yield line
        behind = text.find("\n", at)
        if behind < 0:
            return
        if 0 <= backticks < behind:
            backticks = _place(text, "```", behind)
        if 0 <= tildes < behind:
            tildes = _place(text, "~~~", behind)


def _place(text: str, mark: str, start: int) -> int:
    """As `find`, but one character is found at the speed of memory, three of them are not."""
    first = text.find(mark[0], start)
    return first if first < 0 else text.find(mark, first)


def may_close(item: str) -> bool:
    """Can a bare fence close a block behind these markers? In a list in a list it opens one."""
    return len(item.split()) < 2  # noqa: PLR2004


class Closers:
    """Where the last bare fence of each character and length stands: is there one to close a fence?"""

    __slots__ = ("_last",)

    def __init__(self, text: str, start: int) -> None:
        self._last: dict[tuple[str, int], int] = {}
        for line in fence_lines(text, start):
            _, item, run, rest = line.groups()
            if not rest.strip() and may_close(item):
                self._last[run[0], min(len(run), _LONGEST_RUN)] = line.start()

    def stand_behind(self, position: int, run: str) -> bool:
        """Is there one behind this position for a fence that opens with this run?"""
        lengths = range(min(len(run), _LONGEST_RUN), _LONGEST_RUN + 1)
        return any(self._last.get((run[0], length), -1) > position for length in lengths)

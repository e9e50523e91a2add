"""Fenced code blocks: which stretches of a Markdown text are code, and so are nobody's confession.

Close to CommonMark: a fence is closed by a bare fence of the same character that is at least as long; an unclosed one
runs to the end of the text.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

# A fence may open on the line of its list item ("1. ```bash") and close in the item's indent.
_FENCE: Final = re.compile(r"([ \t]*(?:(?:[-*+]|\d{1,3}[.)])[ \t]{1,4})?)(`{3,}|~{3,})([^\n]*)")
_CONFESSION: Final = re.compile(r"\s*\{?[.:]?(?:json[ :+-]+)?confession(?:[ _-]?report)?\b", re.IGNORECASE)
_CODE_INDENT: Final = 4
"""Columns from which a line is indented code; a fence in a list item may stand deeper, if it is closed."""


@dataclass(frozen=True, slots=True)
class Fence:
    """One fenced block; positions are indices into the text."""

    start: int
    """Where its opening line begins."""
    content: int
    content_end: int
    end: int
    """Behind its closing line, or the end of the text."""
    info: str
    closed: bool


class Fences:
    """The fenced blocks of one text, outermost only."""

    __slots__ = ("_confession", "_ends", "_last", "_starts", "_text")

    def __init__(self, text: str) -> None:
        # Read when first asked for: most texts are settled without.
        self._text: str | None = text

    @property
    def last(self) -> Fence | None:
        """The last block that is not marked as a confession."""
        self._read()
        return self._last

    @property
    def confession(self) -> Fence | None:
        """The last block marked ```confession."""
        self._read()
        return self._confession

    def inside(self, position: int) -> bool:
        """Is this position in a fenced block other than a confession?"""
        self._read()
        i = bisect_right(self._starts, position) - 1
        return i >= 0 and position < self._ends[i]

    def _read(self) -> None:
        if self._text is not None:
            text, self._text = self._text, None
            # Positions in flat arrays: a hostile text of megabytes may hold a fence every four characters.
            self._starts = array("q")
            self._ends = array("q")
            self._last: Fence | None = None
            self._confession: Fence | None = None
            self._scan(text)

    def _scan(self, text: str) -> None:
        start = content = indent = depth = 0
        mark = info = ""
        own = False
        for line in _fence_lines(text):
            blank, run, rest = line.groups()
            if not mark:
                if run[0] == "`" and "`" in rest:
                    continue  # ```inline code``` on a line of its own
                start, content, mark, info = line.start(), min(line.end() + 1, len(text)), run, rest
                indent = len(blank.expandtabs(_CODE_INDENT))
                own = indent < _CODE_INDENT and _CONFESSION.match(rest) is not None
                depth = 0
            elif run[0] == mark[0] and len(run) >= len(mark):
                if rest.strip():
                    # Models put ```json into a ```confession block with the same fence; it has an end of its own.
                    depth += own
                elif depth:
                    depth -= 1
                else:
                    self._add(Fence(start, content, line.start(), line.end(), info, closed=True), own)
                    mark = ""
        if mark and indent < _CODE_INDENT:
            end = len(text)
            self._add(Fence(start, content, end, end, info, closed=False), own)

    def _add(self, fence: Fence, own: bool) -> None:  # noqa: FBT001 - private
        if own:
            self._confession = fence
        else:
            self._last = fence
            self._starts.append(fence.start)
            self._ends.append(fence.end if fence.closed else fence.end + 1)


def marks_confession(text: str) -> bool:
    """Does the text begin with a fence marked ```confession?"""
    line = _FENCE.match(text)
    return line is not None and _CONFESSION.match(line[3]) is not None


def _fence_lines(text: str) -> Iterator[re.Match[str]]:
    """The lines that begin with a run of fence characters, in order."""
    backticks, tildes = _place(text, "```", 0), _place(text, "~~~", 0)
    while backticks >= 0 or tildes >= 0:
        at = min(backticks, tildes) if backticks >= 0 and tildes >= 0 else max(backticks, tildes)
        line = _FENCE.match(text, text.rfind("\n", 0, at) + 1)
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

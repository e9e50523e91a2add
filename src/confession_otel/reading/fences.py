"""Fenced code blocks: which stretches of a Markdown text are code, and so are nobody's confession.

Close to CommonMark: a fence is closed by a bare fence of the same character that is at least as long; an unclosed one
runs to the end of the text. The one block that is not code is that marked ```confession, if it ends the text.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

from .fence_lines import FENCE, Closers, fence_lines, may_close

MARKED: Final = r"\{?[.:]?(?:json[ :+-]{1,4})?confession(?:[ _-]?report)?\b"
"""What a fence says behind its run of characters that is marked as a confession."""
_CONFESSION: Final = re.compile(rf"\s*{MARKED}", re.IGNORECASE)
_NOTHING_MORE: Final = re.compile(r"[\s\u200b\ufeff]*\Z")
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


@dataclass(slots=True)
class _Marked:
    """The last block marked ```confession, while the text is read on.

    Models put ```json into it with the same fence; that has an end of its own, at which the block ends for CommonMark.
    Both readings are kept until it is known which of them ends the text.
    """

    start: int
    content: int
    info: str
    run: str
    before: int
    """How many blocks stand before it."""
    last_before: Fence | None
    closed: int | None = None
    """Behind the first fence that may close it: where it ends for CommonMark."""
    depth: int = 0
    """How many fences that opened in it are open."""
    outer: tuple[int, int] | None = None
    """Start and end of the fence that closes it where those in it are closed by others."""

    def read(self, start: int, end: int, run: str, closing: bool) -> None:  # noqa: FBT001 - private
        """Go on over the next fence, up to the outer one."""
        if run[0] != self.run[0] or len(run) < len(self.run):
            return
        if not closing:
            self.depth += 1
            return
        if self.closed is None:
            self.closed = end
        if self.depth:
            self.depth -= 1
        else:
            self.outer = start, end

    def at_end_of(self, text: str) -> Fence | None:
        """The block, if it ends the text."""
        # Without an outer one it is cut off: within, or behind the fence that stands in it.
        content_end, end = self.outer or (len(text), self.closed or len(text))
        return Fence(self.start, self.content, content_end, end, self.info) if ends(text, end) else None


class Fences:
    """The fenced blocks of one text, outermost only."""

    __slots__ = ("_confession", "_ends", "_last", "_starts", "_text")

    def __init__(self, text: str) -> None:
        # Read when first asked for: most texts are settled without.
        self._text: str | None = text

    @property
    def last(self) -> Fence | None:
        """The last block of code."""
        self._read()
        return self._last

    @property
    def confession(self) -> Fence | None:
        """The block marked ```confession that ends the text."""
        self._read()
        return self._confession

    def inside(self, position: int) -> bool:
        """Is this position in code?"""
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
        start = content = 0
        mark = info = ""
        to_end = False  # does it run to the end of the text, if nothing closes it?
        marked: _Marked | None = None
        closers: Closers | None = None
        for line in fence_lines(text, 0):
            blank, item, run, rest = line.groups()
            closing = not rest.strip() and may_close(item)
            if marked is not None and marked.outer is None:
                marked.read(line.start(), line.end(), run, closing)
            if not mark:
                own = _columns(blank) < _CODE_INDENT and _CONFESSION.match(rest) is not None
                to_end = own or _columns(blank + item) < _CODE_INDENT
                if not to_end:
                    closers = closers or Closers(text, line.end())
                    if not closers.stand_behind(line.start(), run):
                        continue
                start, content, mark, info = line.start(), min(line.end() + 1, len(text)), run, rest
                if own:
                    marked = _Marked(start, content, info, run, len(self._starts), self._last)
            elif closing and run[0] == mark[0] and len(run) >= len(mark):
                self._add(Fence(start, content, line.start(), line.end(), info), line.end())
                mark = ""
        if mark and to_end:
            end = len(text)
            self._add(Fence(start, content, end, end, info), end + 1)
        if marked is not None and (confession := marked.at_end_of(text)):
            self._confession, self._last = confession, marked.last_before
            del self._starts[marked.before :], self._ends[marked.before :]

    def _add(self, fence: Fence, behind: int) -> None:
        self._last = fence
        self._starts.append(fence.start)
        self._ends.append(behind)


def ends(text: str, position: int) -> bool:
    """Does nothing that is seen follow this position?"""
    return _NOTHING_MORE.match(text, position) is not None


def _columns(indent: str) -> int:
    return len(indent.expandtabs(_CODE_INDENT))


def marks_confession(text: str) -> bool:
    """Does the text begin with a fence marked ```confession?"""
    line = FENCE.match(text)
    return line is not None and _CONFESSION.match(line[4]) is not None

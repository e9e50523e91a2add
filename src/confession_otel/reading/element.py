"""The confession element, `<confession …>…</confession>`: its tags, and which of them are only talked about.

A model that lists its instructions as objectives quotes the very tags it was told to write: in a JSON string, in inline
code, in quotes. Those open and close nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .fences import Fences

MENTION_MARKS: Final = "`\"'"
"""A tag with the same one of these on both sides is a mention of the tag."""

_TAG: Final = re.compile(r"<(/?)confession(?:[_-]?report)?(?:\s[^<>]{0,200})?>", re.IGNORECASE)
_QUOTED_BY: Final = "`\"'“‘«\\"
_CUT_CLOSER: Final = re.compile(r"</[a-z_-]{0,17}\Z", re.IGNORECASE)
_BEGINS_LIKE_A_REPORT: Final = re.compile(
    r"\s*(?:[\[{`]|\n|\W{0,6}(?:objective|requirement|instruction)\b)", re.IGNORECASE
)
_CODE_INDENT: Final = 4
_LONGEST_INDENT: Final = 200


class Quotes:
    """Follows the double quotes of a JSON text: is a tag at this place inside a string?"""

    __slots__ = ("_json", "_open")

    def __init__(self) -> None:
        self._json: bool | None = None
        self._open = False

    def read(self, text: str, start: int, end: int) -> None:
        """Go on over `text[start:end]`; it must not end between a backslash and what it escapes."""
        if self._json is None:
            beginning = text[start : min(end, start + 64)].lstrip() or text[start:end].lstrip()
            if not beginning:
                return
            # Prose has stray quotes (5" wide); only where the content is JSON, or fenced, do they come in pairs.
            self._json = beginning[0] in "{[`"
        if self._json:
            quotes = text.count('"', start, end)
            if quotes and text.find("\\", start, end) >= 0:
                quotes = text[start:end].replace("\\\\", "").replace('\\"', "").count('"')
            self._open ^= quotes % 2 == 1

    @property
    def inside(self) -> bool:
        """In a string."""
        return self._open


def mentioned(before: str, after: str) -> bool:
    """Is a tag between these two characters only talked about?"""
    return before == after and before != "" and before in MENTION_MARKS


def without_cut_closer(content: str) -> str:
    """Content of an unclosed element without the beginning of a closing tag that the token limit cut off."""
    cut = content.rfind("</", max(0, len(content) - 20))
    return content[:cut] if cut >= 0 and _CUT_CLOSER.match(content, cut) else content


def last_element(text: str, fences: Fences) -> tuple[int, str] | None:
    """Start and content of the confession element that ends the text, closed or cut off; `None` if none does."""
    if "<" not in text:
        return None
    end = len(text)
    start = -1  # of the element that is open
    content = 0
    own_line = False
    quotes = Quotes()
    read = 0  # how far `quotes` has come
    spared = -1  # end of the content at the last closing tag that seems to stand in a string
    spared_end = 0
    block: tuple[int, str, int] | None = None
    for tag in _TAG.finditer(text):
        at, behind = tag.span()
        if mentioned(text[at - 1 : at] if at else "", text[behind : behind + 1]):
            continue
        if start >= 0:
            quotes.read(text, read, at)
            read = at
        if tag.group(1):
            if start < 0:
                continue
            if quotes.inside:
                spared, spared_end = at, behind
                continue
            block = (start, text[content:at], behind)
            start = -1
            continue
        if text[behind - 2] == "/" or fences.inside(at) or (at and text[at - 1] in _QUOTED_BY):
            continue
        alone = _on_own_line(text, at)
        if alone is None:
            continue
        # While one is open, only a tag on a line of its own opens anew: the first was a mention, or never closed.
        if start < 0 or (alone and not quotes.inside) or (alone and spared >= 0):
            start, content, own_line = at, behind, alone
            quotes, read, spared = Quotes(), behind, -1
    if start < 0:
        return block[:2] if block is not None and not text[block[2] : end].strip(" \t\r\n\xa0\u200b\ufeff") else None
    if spared >= 0:  # damaged JSON: the quotes do not pair, so the last closing tag is the true one
        return (start, text[content:spared]) if not text[spared_end:].strip() else None
    if not own_line and not _BEGINS_LIKE_A_REPORT.match(text, content):
        return None  # "put it into a <confession> tag": prose
    return start, without_cut_closer(text[content:])


def _on_own_line(text: str, at: int) -> bool | None:
    """Does only white space stand before it on its line? `None`: it stands in a block quote or in indented code."""
    line = text.rfind("\n", max(0, at - _LONGEST_INDENT), at) + 1
    if line == 0 and at > _LONGEST_INDENT:
        return False
    before = text[line:at]
    if not before.strip(" \t\xa0\u200b\ufeff"):
        return None if len(before.expandtabs(_CODE_INDENT)) >= _CODE_INDENT else True
    if before.lstrip().startswith(">") or before.count("`") % 2:
        return None
    return False

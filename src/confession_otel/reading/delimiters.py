"""The tags of one request's element in a text that is still coming: where one stands, and what may be one's beginning.

A mention of the tag (`<confession id="…">` in inline code or quotes) opens nothing.
"""

from __future__ import annotations

import re
from functools import reduce
from typing import Final, NamedTuple

from .element import MENTION_MARKS, mentioned

# Every delimiter is a list of atoms, so that one list gives both the pattern and that of its unfinished beginnings.
# White space in it is bounded, so that what may have to be held back is bounded too.
_WORD: Final = ("(?i:c)", "(?i:o)", "(?i:n)", "(?i:f)", "(?i:e)", "(?i:s)", "(?i:s)", "(?i:i)", "(?i:o)", "(?i:n)")
_QUOTE: Final = "[\"'“”‘’]?"
_OPENER: Final = ("<", *_WORD, r"\s{1,4}", "(?i:i)", "(?i:d)", r"\s{0,2}", "=")
"""An opening tag as far as its id."""
_BEFORE_ID: Final = re.compile(rf"\s{{0,2}}{_QUOTE}")
_MOST_BEFORE_ID: Final = 3
_AFTER_ID: Final = (_QUOTE, r"\s{0,4}", ">")
_CLOSER: Final = ("<", "/", *_WORD, r"(?:\s[^<>]{0,80})?", ">")


def _beginning(atoms: tuple[str, ...]) -> str:
    """Pattern of the beginnings of a delimiter, the whole of it included, at the end of a text."""
    return reduce(lambda rest, atom: f"{atom}(?:{rest})?", reversed(atoms[:-1]), atoms[-1]) + r"\Z"


# None of them holds a tag: to compile patterns for each request would cost more than all else that is done for it, and
# push those of others out of the cache of `re`.
_FIND_NAME: Final = re.compile("".join(("<", *_WORD)))
_FIND_OPENER: Final = re.compile(f"({''.join(_OPENER)})")
_FIND_DELIMITER: Final = re.compile(f"({''.join(_OPENER)})|{''.join(_CLOSER)}")
_OPENER_ENDS: Final = re.compile("".join(_AFTER_ID))
_OPENER_BEGINS: Final = re.compile(_beginning(_OPENER))
_AFTER_ID_BEGINS: Final = re.compile(f"(?:{_beginning(_AFTER_ID)})?\\Z")
_CLOSER_BEGINS: Final = re.compile(_beginning(_CLOSER))
_LONGEST: Final = 120
"""Characters of a delimiter, without the id."""


def _places_of_id(text: str, to_id: int) -> list[int]:
    """Where the id may begin: an odd one begins with white space or with a quotation mark itself."""
    furthest = min(len(text), to_id + _MOST_BEFORE_ID)
    return [at for at in range(furthest, to_id - 1, -1) if _BEFORE_ID.fullmatch(text, to_id, at)]


def may_hold(text: str, tag: str) -> bool:
    """Could a whole output hold an element with this tag, or end in the beginning of one? Most are settled here."""
    return tag in text or _FIND_NAME.search(text, len(text) - _LONGEST - len(tag)) is not None


class Delimiter(NamedTuple):
    """An opening or a closing tag in a text."""

    start: int
    end: int
    opens: bool


class Delimiters:
    """What opens and closes the element with one tag."""

    __slots__ = ("_tag",)

    def __init__(self, tag: str) -> None:
        self._tag = tag

    def next(self, text: str, at: int, previous: str, *, inside: bool, last: bool) -> Delimiter | None:
        """The next one that is not just mentioned; `None` also where only the next chunk can tell.

        Args:
            text: to look at, from `at` on.
            at: where that stands which was not looked at yet.
            previous: the character before `at`.
            inside: an element is open, and closing tags count as well.
            last: no chunk comes any more.
        """
        pattern = _FIND_DELIMITER if inside else _FIND_OPENER
        look_from = at
        while found := pattern.search(text, look_from):
            start, opens = found.start(), found.group(1) is not None
            end = self._opener_end(text, found.end()) if opens else found.end()
            if end is None:
                look_from = start + 1
                continue
            before = text[start - 1] if start > at else previous
            if end == len(text) and not last and before and before in MENTION_MARKS:
                return None
            if not mentioned(before, text[end : end + 1]):
                return Delimiter(start, end, opens)
            look_from = end
        return None

    def begin(self, text: str, at: int, *, inside: bool) -> int:
        """Where at the end of a text the beginning of one stands; its length if nowhere. Arguments as of `next`."""
        begin = text.find("<", max(at, len(text) - _LONGEST - len(self._tag)))
        while begin >= 0:
            if self._begins_opener(text, begin) or (inside and _CLOSER_BEGINS.match(text, begin)):
                return begin
            begin = text.find("<", begin + 1)
        return len(text)

    @staticmethod
    def is_cut_opener(text: str, begin: int, before: str) -> bool:
        """Has the beginning of an opening tag come so far that it is one, cut off? Not where it is talked about.

        Args:
            text: that ends with it.
            begin: where it begins.
            before: the character before it.
        """
        return _FIND_NAME.match(text, begin) is not None and (before == "" or before not in MENTION_MARKS)

    def _opener_end(self, text: str, to_id: int) -> int | None:
        """Where an opening tag ends, if its id is ours.

        Args:
            text: that holds it.
            to_id: where it has come to its `=`.
        """
        for at in _places_of_id(text, to_id):
            if text.startswith(self._tag, at) and (ending := _OPENER_ENDS.match(text, at + len(self._tag))):
                return ending.end()
        return None

    def _begins_opener(self, text: str, begin: int) -> bool:
        """May this place be the beginning of an opening tag, of which the text holds no more?"""
        if _OPENER_BEGINS.match(text, begin):
            return True
        to_id = _FIND_OPENER.match(text, begin)
        if to_id is None:
            return False
        for at in _places_of_id(text, to_id.end()):
            rest = text[at:]
            if self._tag.startswith(rest):
                return True
            if rest.startswith(self._tag) and _AFTER_ID_BEGINS.match(rest, len(self._tag)):
                return True
        return False

"""The text family: Objective / Result / Why and their relatives, on one line or many, in lists, under headings.

Lines are read one after the other into objectives. What stands in a fence, in a quotation (`>`) or inside a reason is
not a result of its own: a confession may well quote another.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from .lines import labelled_values, read_line
from .table import is_row, read_table
from .text_reader import TextReader
from .vocabulary import role_of

if TYPE_CHECKING:
    from .draft import Draft

_FENCE: Final = re.compile(r"\s{0,3}(`{3,}|~{3,})(?P<info>.*)")
_FENCE_AT_END: Final = re.compile(r"[^`~]\s?(`{3,}|~{3,})[\w+-]{0,20}\s*\Z")
_LAST: Final = 80
"""Characters of a line in which a fence may open at its end."""
_TAG: Final = re.compile(r"<(/?)([A-Za-z][\w-]{1,40})(?:\s[^<>]{0,200})?>")


def read_text(text: str) -> Draft:
    """Read labelled text.

    Args:
        text: Text made plain (`plain.plain`).

    Returns:
        What was found, perhaps nothing.
    """
    if "</" in text:
        text = _TAG.sub(_untag, text)
    lines = text.split("\n")
    reader = _read_lines(lines, TextReader())
    order = reader.order
    if order and not order[0] and order[-1] and order.count(True) == order.count(False):
        reader = _read_lines(lines, TextReader(result_first=True))
    return reader.finish()


def _read_lines(lines: list[str], reader: TextReader) -> TextReader:
    fences = _fences(lines)
    fence_end = -1
    after_blank = True
    at = 0
    no_table_before = 0
    while at < len(lines):
        raw = lines[at]
        at += 1
        if _FENCE.match(raw):
            fence_end = fences.get(at - 1, fence_end)
            continue
        if at <= fence_end or raw.lstrip()[:1] == ">":
            reader.quoted(raw)
            continue
        if not raw or raw.isspace():
            after_blank = True
            continue
        if at > no_table_before and is_row(raw):
            end = at
            while end < len(lines) and is_row(lines[end]):
                end += 1
            table = read_table(lines[at - 1 : end]) if end > at else None
            if table is not None:
                reader.tables += table.items
                reader.draft.blank = reader.draft.blank or table.blank
                if table.cut_off and end == len(lines):
                    reader.tables.pop()
                    reader.draft.truncated = True
                at = end
                continue
            no_table_before = end  # look at a run of rows once
        line = read_line(raw, after_blank=after_blank)
        after_blank = False
        if not line.content.strip(" -=_*"):
            after_blank = True  # a rule
            continue
        entries = labelled_values(line)
        if entries:
            for entry in entries:
                reader.labelled(entry, line)
        else:
            reader.unlabelled(line)
    return reader


def _fences(lines: list[str]) -> dict[int, int]:
    """The line at which each fence ends, by that at which it begins; one that never ends quotes nothing.

    Nor does one that begins in the middle of a line: it only makes its end the beginning of no other.
    """
    ends = {}
    begin, mark, own_line = -1, "", True
    for at, line in enumerate(lines):
        fence = _FENCE.match(line)
        if fence is None:
            late = _FENCE_AT_END.search(line, max(0, len(line) - _LAST)) if begin < 0 else None
            if late is not None and line.count(late[1][:3]) == 1:  # "it wrote: ```json"
                begin, mark, own_line = at, late[1][0], False
        elif begin >= 0 and fence[1][0] == mark and (own_line or not fence["info"].strip()):
            if own_line:
                ends[begin] = at
            begin = -1
        elif begin < 0 or not own_line:
            begin, mark, own_line = at, fence[1][0], True
    return ends


def _untag(tag: re.Match[str]) -> str:
    """`<objective>...</objective>` as a labelled line."""
    if role_of(tag[2]) is None:
        return "\n" if tag[2].lower() in ("item", "entry", "li", "p", "div", "confession") else tag[0]
    return "\n" if tag[1] else f"\n{tag[2]}: "

"""Lines that judge an objective without a label: `- Cite sources ❌`, `✅ Be concise`, `2. No slang: not met`."""

from __future__ import annotations

import re
from typing import Final

from .blanks import is_blank, is_choice
from .draft import Item
from .folding import squeeze
from .judgement import Judgement, is_result, judge
from .lines import Line
from .plain import unwrap
from .vocabulary import LITERALS, MARKS

# Marks that people put beside a line of a list; a thumb or a heart may end any sentence.
_MARK: Final = r"[✓✔✅☑✗✘✕✖✂❌❎🚫⛔☒🗙⚠🟡🟢🔴🟠❓❔]\ufe0f?"
_LEADING: Final = re.compile(rf"\s*[\[(]?\s*(?P<marks>{_MARK}(?:\s*{_MARK})*)[\])]?\s*(?P<rest>.*)", re.DOTALL)
_TRAILING: Final = re.compile(rf"[\s:：\-–—→=>|(\[]*(?P<marks>{_MARK})\s*[)\].]?\s*$")
_ANY_MARK: Final = re.compile(_MARK)
_BOX: Final = re.compile(r"\[(?P<mark>[ xX])\]\s+(?P<rest>.+)", re.DOTALL)
_SEPARATOR: Final = re.compile(r"[:：](?!//)|(?<=\s)(?:--?|→|->|=>)(?=\s)|[—–→]|[(\[（](?=[^()\[\]（）]{1,60}[)\]）])")
_HEAD_END: Final = re.compile(
    r"[,，;；。(（\n]|\.(?=\s|$)|\s(?:--?|[–—→/|])\s|[—–]|\s(?:because|since|as)\s|:\s|[)\]）]"
)
_CORE: Final = re.compile(
    r"compli|comply|conform|adher|\bmet\b|satisf|fulfil|follow|violat|unsure|遵守|符合|준수|соблюд|выполн|cumpl|erfüllt|eingehalten|respect|rispett",
    re.IGNORECASE,
)
_DASH: Final = re.compile(r"(?<=\s)(?:--?|→|->|=>)(?=\s)|[—–]|[:：](?=\s)")
_TAIL: Final = 80
_TRIM: Final = " \t\n*_`:：-–—→|,;=>"
_LOOKED_AT: Final = 2000
_MOST_SEPARATORS: Final = 8


class Loose:
    """What an unlabelled line says."""

    __slots__ = ("alone", "item", "marked", "strong")

    def __init__(self, item: Item, *, marked: bool, strong: bool, alone: bool = False) -> None:
        self.item = item
        self.alone = alone
        """It is an item even if it is the only one: any sentence may end in a tick, but `❌ this - that` is meant."""
        self.marked = marked
        """It carries a mark."""
        self.strong = strong
        """Its words speak of compliance; `done` and `yes` need a context."""


def loose_item(line: Line) -> Loose | None:
    """Read an unlabelled line as an objective with its result; `None` if it is something else."""
    content = line.content[:_LOOKED_AT]
    if not content or is_blank(content):
        return None
    if box := _BOX.match(content):
        judgement = judge("✓" if box["mark"] in "xX" else "✗")
        inner = loose_item(Line(box["rest"], bullet=line.bullet, number=line.number))
        return inner or Loose(_item(box["rest"], judgement), marked=True, strong=True, alone=line.listed)
    found = _marked(content) if _ANY_MARK.search(content) else None
    if found is not None:
        return Loose(
            found, marked=True, strong=True, alone=line.listed or (bool(found.why) and bool(_LEADING.match(content)))
        )
    worded = _worded(content)
    if worded is not None:
        worded.alone = line.listed
    return worded


def _item(objective: str, judgement: Judgement, why: str = "") -> Item:
    return Item(unwrap(objective.strip(_TRIM)), judgement, why.strip(_TRIM) or judgement.rest)


def _marked(content: str) -> Item | None:
    if leading := _LEADING.match(content):
        return _mark_first(leading["marks"], leading["rest"].strip(_TRIM))
    tail = max(0, len(content) - _TAIL)
    if trailing := _TRAILING.search(content, tail):
        body = content[: trailing.start()].rstrip()
        return _item(body, judge(trailing["marks"])) if body and not _ANY_MARK.search(body) else None
    mark = _ANY_MARK.search(content)
    return _mark_within(content, mark) if mark else None


def _mark_first(marks: str, rest: str) -> Item | None:
    if not rest or is_result(rest):
        return None  # a result alone
    head, why = _part(rest)
    if is_result(head) and why:  # "✅ Complied: be concise"
        return _item(why, judge(f"{marks} {head}"))
    if why and (worded := _worded(rest)) is not None:  # "✅ Be concise: complied"
        item = worded.item
        worse = judge(f"{marks} {result_head(rest[len(item.objective) :])}")
        return _item(item.objective, worse if worse.compliance else judge(marks), item.why)
    return _item(head, judge(marks), why)


def _mark_within(content: str, mark: re.Match[str]) -> Item | None:
    """`Be concise: ✅ complied — three sentences`, `Be concise ❌ four pages`."""
    before = content[: mark.start()].rstrip(_TRIM + "([")
    after = content[mark.start() :]
    if not before or before.count('"') % 2 or len({MARKS[found[0]] for found in _ANY_MARK.findall(after)}) > 1:
        return None  # nothing judged, a quotation, a legend
    judgement = judge(after)
    if judgement.compliance is None:
        return None
    why = judgement.rest
    if not why:
        tail = content[mark.end() :].strip(_TRIM + "()[]")
        why = "" if is_result(tail) else tail
    return _item(before, judgement, why)


def _part(text: str) -> tuple[str, str]:
    """Part an objective from its reason, at a dash or colon."""
    found = _DASH.search(text)
    return (text[: found.start()].rstrip(), text[found.end() :].lstrip()) if found else (text, "")


def result_head(text: str) -> str:
    """The beginning of a value that may be a result, without the reason after it."""
    text = text.strip(_TRIM + "([")
    end = _HEAD_END.search(text)
    return text[: end.start()] if end else text


def _worded(content: str) -> Loose | None:
    """`objective: result`, `objective (result)`, `result: objective`."""
    separators = 0
    for separator in _SEPARATOR.finditer(content):
        separators += 1
        if separators > _MOST_SEPARATORS:
            break
        left, right = content[: separator.start()].strip(_TRIM + "[]"), content[separator.end() :]
        head = result_head(right)
        if left.count('"') % 2 or (left[:1] == '"' and right.lstrip()[:1] == '"'):
            continue  # within a quotation; a pair of JSON
        if left and is_result(head) and not is_choice(right) and not is_result(left):
            judgement = judge(right)
            if judgement.compliance is None:
                judgement = judge(head)
            return Loose(_item(left, judgement, judgement.rest.lstrip(")]）")), marked=False, strong=is_strong(head))
        if separators == 1 and left and is_result(left) and right.strip():
            return Loose(_item(right.strip(" )]"), judge(left)), marked=False, strong=is_strong(left))
    return None


def is_strong(result: str) -> bool:
    """Do these words speak of compliance, or does a mark? `pass`, `done` and `no` may be anything."""
    return squeeze(result) in LITERALS or bool(_CORE.search(result)) or bool(_ANY_MARK.search(result))

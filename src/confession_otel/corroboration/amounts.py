"""Amounts that a sentence states: "at most 50 words", "between 3 and 5 bullets", "in one sentence". English only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST: Final = 500
"""Characters of a sentence; what is longer is none, and states nothing."""
MANY: Final = 1 << 30
"""More than there ever are."""


class Limit(NamedTuple):
    """Between how few and how many."""

    unit: str
    """As `counting.COUNT` has it."""
    fewest: int
    most: int


class Stated(NamedTuple):
    """Where in its sentence a limit is stated."""

    limit: Limit
    start: int
    end: int


_NUMBERS: Final = {
    word: number
    for number, words in enumerate(
        (
            *("zero", "one|a single|single|an|a", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
            *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
            *("nineteen", "twenty"),
        )
    )
    for word in words.split("|")
} | {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "eighty": 80, "a hundred": 100, "hundred": 100}
_UNITS: Final = {"char": "character", "item": "bullet"}
"""Unit as written -> unit, where they differ."""

_WORDS: Final = "|".join(sorted(_NUMBERS, key=len, reverse=True))
_N: Final = rf"(?P<n>\d{{1,3}}(?:,\d{{3}})+|\d{{1,6}}|{_WORDS})"
_M: Final = _N.replace("?P<n>", "?P<m>")
_UNIT: Final = (
    r"[ -](?:(?:short|brief|concise|simple|plain|clear|complete|full|bulleted|numbered|list)[ -])?"
    r"(?P<unit>word|char(?:acter)?|sentence|paragraph|line|bullet|item)(?:[ -]points?)?s?\b"
)
_AT_MOST: Final = (
    r"(?:at (?:the )?most|(?:no|not|never) (?:more|longer) than|max(?:imum)?(?: of|:)?|up to|not exceed(?:ing)?"
    r"|(?:do not|don[’']t|never) (?:exceed|go over|(?:give|output|use|write) more than)|(?:capped|capping \w+) at"
    r"|limit(?:ed)?(?: (?:it|yourself|(?:your|the) \w+))? to|within|tops)"
)
_AT_LEAST: Final = (
    r"(?:at least|(?:no|not) (?:fewer|less|shorter) than|not (?:under|below)|min(?:imum)?(?: of|:)?"
    r"|(?:do not|don[’']t|never) (?:give|output|use|write) (?:fewer|less) than)"
)

_Bounds = tuple[int, int]
_FORMS: Final[tuple[tuple[re.Pattern[str], Callable[[int, int], _Bounds]], ...]] = tuple(
    (re.compile(rf"\b(?:{form})", re.IGNORECASE), bounds)
    for form, bounds in (
        (rf"between {_N} and {_M}{_UNIT}", lambda n, m: (n, m)),
        (rf"(?:from )?{_N} ?(?:to|-|–|—) ?{_M}{_UNIT}", lambda n, m: (n, m)),
        (rf"{_AT_LEAST} {_N}(?: \w+)?,? (?:and|but) {_AT_MOST} {_M}{_UNIT}", lambda n, m: (n, m)),
        (rf"{_AT_MOST} {_N}{_UNIT}", lambda n, _: (0, n)),
        (rf"{_AT_LEAST} {_N}{_UNIT}", lambda n, _: (n, MANY)),
        (rf"{_N}{_UNIT},? (?:or (?:less|fewer|under)|max(?:imum)?|at (?:the )?most|tops)\b", lambda n, _: (0, n)),
        (rf"{_N}{_UNIT},? (?:or more|min(?:imum)?|at (?:the )?least)\b", lambda n, _: (n, MANY)),
        (rf"(?:under|below|(?:fewer|less|shorter) than) {_N}{_UNIT}", lambda n, _: (0, n - 1)),
        (rf"(?:more|longer) than {_N}{_UNIT}", lambda n, _: (n + 1, MANY)),
        (rf"(?:exactly|precisely) {_N}{_UNIT}", lambda n, _: (n, n)),
        (rf"{_N}{_UNIT} exactly\b", lambda n, _: (n, n)),
    )
)
_BARE: Final = re.compile(rf"\b(?:in|into|as|with|using|only|just|give me|list|write) {_N}{_UNIT}", re.IGNORECASE)
_BARE_ONLY: Final = re.compile(rf"\b{_N}{_UNIT}(?= only\b|[\s,]*please\b|\s*\Z)", re.IGNORECASE)
_OF_WHAT_IS_THERE: Final = re.compile(
    r"\b(?:the|these|those|both|all|my|our|your|his|her|its|their|which|among|from)\s+"
    r"(?:(?:above|attached|first|following|given|last|next|other|previous|remaining|same)\s+)?\Z",
    re.IGNORECASE,
)
"""Before a bare number that counts what there is already: "translate these three sentences"."""
_EXACT_IF_BARE: Final = frozenset({"sentence", "paragraph", "bullet"})
"""Units of which "in three ..." means three; "in 50 words" may mean about 50."""
_MORE_OR_LESS: Final = re.compile(
    r"(?:\b(?:about|around|roughly|approx\w*|circa|ca|some|nearly|almost)|~|≈)\W*\Z", re.IGNORECASE
)
_DENIED: Final = re.compile(r"(?:\b(?:no|not|never)|n[’']t)\s+(?:\w+\s+){0,2}\Z", re.IGNORECASE)
_OR_SO: Final = re.compile(r"\s*(?:or so|-?ish|approximately|roughly|give or take)\b", re.IGNORECASE)
_SHORTENED: Final = re.compile(r"\b(max|min|approx|e\.g|i\.e)\.", re.IGNORECASE)
_NUMBER: Final = re.compile(rf"\b(?:\d|(?:{_WORDS})\b)", re.IGNORECASE)
_COUNTED: Final = ("word", "char", "sentence", "paragraph", "line", "bullet", "item")
"""What units are written with; the pattern that finds a unit takes ten times as long as these do in a text of none."""


def names_a_unit(text: str) -> bool:
    """Does it name anything of which it could state an amount?"""
    lowered = text.lower()
    return any(unit in lowered for unit in _COUNTED)


def amounts(sentence: str) -> list[Stated]:
    """The amounts of a sentence, in its order."""
    if len(sentence) > LONGEST or not names_a_unit(sentence) or not _NUMBER.search(sentence):
        return []
    found: list[Stated] = []
    for form, bounds in _FORMS:
        for match in form.finditer(sentence):
            groups = match.groupdict()
            low, high = bounds(_number(groups["n"]), _number(groups.get("m") or "0"))
            _add(found, match, Limit(_unit(groups["unit"]), low, high), match.start())
    for match in (*_BARE.finditer(sentence), *_BARE_ONLY.finditer(sentence)):
        unit, number = _unit(match["unit"]), _number(match["n"])
        exact = unit in _EXACT_IF_BARE or (unit == "word" and match["n"].lower() in ("1", "one", "a single", "single"))
        if exact and not _OF_WHAT_IS_THERE.search(sentence[: match.start("n")]):
            _add(found, match, Limit(unit, number, number), match.start("n"))
    return sorted(found, key=lambda one: one.start)


def _add(found: list[Stated], match: re.Match[str], limit: Limit, start: int) -> None:
    # The fullest form of what is said in one place comes first.
    if all(match.end() <= one.start or one.end <= start for one in found):
        found.append(Stated(limit, start, match.end()))


def is_rough(sentence: str, found: Stated) -> bool:
    """Is it meant more or less, or denied?"""
    before = sentence[: found.start]
    return bool(_MORE_OR_LESS.search(before) or _DENIED.search(before) or _OR_SO.match(sentence, found.end))


def written_out(text: str) -> str:
    """The text without the stops of what is abbreviated in it, which end no sentence."""
    return _SHORTENED.sub(r"\1", text)


def stated(sentence: str) -> tuple[Limit, str] | None:
    """The one limit that a sentence states, and the sentence without it; `None` where it states none, or several."""
    if not names_a_unit(sentence):
        return None
    sentence = written_out(sentence)
    found = amounts(sentence)
    if len(found) != 1 or is_rough(sentence, found[0]):
        return None
    return found[0].limit, sentence[: found[0].start] + " " + sentence[found[0].end :]


def _number(written: str) -> int:
    written = written.lower()
    return _NUMBERS[written] if written in _NUMBERS else int(written.replace(",", ""))


def _unit(written: str) -> str:
    written = written.lower()
    return _UNITS.get(written, written)

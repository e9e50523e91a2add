"""A report that ends the text without heading or element: a bare JSON object, or bare Objective/Result/Why lines.

Objectives and results are also the words of lab notes and of business plans ("Objective: grow. Result: 15 %"), so a
result must speak of compliance, and an object must carry the published keys.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from .headed_section import enclosed
from .judgement import is_result
from .sound_json import sound_end
from .vocabulary import MARKS, Role, role_of

if TYPE_CHECKING:
    from .fences import Fences

_TOP_KEY: Final = (
    r"(?:compliance[ _-]?analysis|uncertainties(?:[ _-]?and[ _-]?conflicts)?|(?:overall[ _-]?)?compliance[ _-]?grade"
    r"|confession(?:[ _-]?report)?)"
)
_OPENING: Final = re.compile(
    rf"[\[{{][\s\[{{]{{0,40}}(?:[\"'“‘]?(?P<top>{_TOP_KEY})|[\"'“‘]?objective)[\"'”’]?\s{{0,4}}:", re.IGNORECASE
)
_TOP: Final = re.compile(rf"[\"'“‘{{,\s]{_TOP_KEY}[\"'”’\\]*\s{{0,4}}:", re.IGNORECASE)
_ITEM: Final = re.compile(r"[\"'“‘{,\s]objective[\"'”’\\]*\s{0,4}:", re.IGNORECASE)
_ITEM_RESULT: Final = re.compile(
    r"[\"'“‘{,\s](?:compliance(?:[ _-]?status)?|complied"
    r"|(?:result|status|met)[\"'”’\\]*\s{0,4}:[^,}\n]{0,40}(?:compl(?:y|ied|ian)|[✗✘✕✂❌✓✔✅⚠]))",
    re.IGNORECASE,
)
_BRACKETS: Final = re.compile(r'\\.|["{}\[\]]', re.DOTALL)
_BACKWARDS: Final = re.compile(r'"\\*|[{}\[\]]')
_REST: Final = re.compile(r"[\s,;\]}\u200b\ufeff]*\Z")
_JSON_FENCES: Final = frozenset({"json", "jsonc", "json5", "jsonl", "ndjson", "javascript", "js"})
_END_SPACE: Final = " \t\r\n\xa0\u200b\ufeff"


def last_object(text: str, fences: Fences) -> tuple[int, str] | None:
    """Start and content of the report object, or of the run of objects, that ends the text; it may be cut off."""
    if not may_hold_object(text):
        return None
    fence = fences.last
    end = len(text.rstrip(_END_SPACE))
    if fence is not None and fence.end >= end:
        language = fence.info.split()
        if not language or language[0].lower() in _JSON_FENCES:
            content = text[fence.content : fence.content_end].strip()
            whole = content[:1] in "{[" and content != "" and _is_report(content)
            return (fence.start, content) if whole and _object_start(content) == 0 else None
        return None
    start = _object_start(text)
    if start is None or fences.inside(start) or _quoted(text, start):
        return None
    return start, text[start:]


def may_hold_object(text: str) -> bool:
    """Could `last_object` find one? Cheap, since it is asked of every answer."""
    return text.rfind("{") >= 0 and (text.rfind("ompliance") >= 0 or text.rfind("bjective") >= 0)


def _quoted(text: str, start: int) -> bool:
    line = text.rfind("\n", max(0, start - 200), start) + 1
    before = text[line:start]
    if before.endswith(("`", '"', "'", "“", "\\")) or before.lstrip().startswith((">", "//", "    ")):
        return True
    return not before.strip() and len(before.expandtabs(4)) >= 4 and "\n" in text[start:]  # noqa: PLR2004


def _object_start(text: str) -> int | None:
    """Where the report begins that ends this text."""
    # From the front: where an object opens with a published key. Runs of them (line by line) are one report.
    run: int | None = None
    reached = 0
    open_to_end = False
    sound = True  # up to the first value that is not, the standard parser finds the ends fastest
    opening = _OPENING.search(text, _first_bracket(text))
    while opening is not None:
        at = opening.start()
        after = sound_end(text, at) if sound else None
        if after is None:
            sound, after = False, _value_end(text, at)
        if run is None or text[reached:at].strip(" \t\r\n,"):
            run = at
        if after is None:
            open_to_end = True
            break
        reached = after
        opening = _OPENING.search(text, reached)
    if open_to_end and (top := _last_top(text)) not in (None, run) and _ends_text(text, top):
        # An unclosed brace further up must not swallow the whole report at the end.
        return top
    if run is not None and not open_to_end and not _REST.match(text, reached):
        run = None
    if run is None or text[reached:].strip(_END_SPACE):
        # From the end: another key comes first, or the report lies in an envelope, whose end is left.
        start = _start_backwards(text)
        if start is not None and (run is None or start < run < reached):
            run = start
    return run if run is not None and _is_report(text[run:]) else None


def _first_bracket(text: str) -> int:
    return min((at for at in (text.find("{"), text.find("[")) if at >= 0), default=len(text))


def _last_top(text: str) -> int | None:
    """Where the last object opens that begins with a key of the whole report."""
    return max((opening.start() for opening in _OPENING.finditer(text) if opening["top"] is not None), default=None)


def _is_report(value: str) -> bool:
    return bool(_TOP.search(value)) or (bool(_ITEM.search(value)) and bool(_ITEM_RESULT.search(value)))


def _ends_text(text: str, start: int | None) -> bool:
    return start is not None and _value_end(text, start) == len(text.rstrip(_END_SPACE))


def _value_end(text: str, start: int) -> int | None:
    """Behind the JSON value that begins here, by its brackets; `None` if it never ends."""
    depth = 0
    string = False
    for token in _BRACKETS.finditer(text, start):
        mark = token[0]
        if mark == '"':
            string = not string
        elif string or len(mark) > 1:
            continue
        elif mark in "{[":
            depth += 1
        else:
            depth -= 1
            if depth <= 0:
                return token.end()
    return None


def _start_backwards(text: str) -> int | None:
    """Where the JSON value begins that ends the text."""
    stripped = text.rstrip(_END_SPACE)
    if not stripped.endswith(("}", "]")):
        return None
    depth = 0
    string = False
    for token in _BACKWARDS.finditer(stripped[::-1]):
        mark = token[0]
        if mark[0] == '"':
            string ^= len(mark) % 2 == 1  # an odd number of backslashes before it: escaped
        elif string:
            continue
        elif mark in "}]":
            depth += 1
        else:
            depth -= 1
            if depth == 0:
                return len(stripped) - token.end()
    return None


_BULLET: Final = r"[ \t]{0,12}(?:[-*+•][ \t]+)?(?:#{1,6}[ \t]+)?(?:\d{1,3}[.)][ \t]+)?[*_]{0,3}"
_LABEL: Final = re.compile(rf"^{_BULLET}(?P<label>[^\s\W][^\n:：|/>`\"]{{0,59}})[::]", re.MULTILINE)
_OUTER_LABEL: Final = re.compile(r" {0,3}\S")
_ONLY_IN_REPORTS: Final = re.compile(r"objecti[fv]|objetivo|obiettivo|ziel|目标|目標|目的|목표|цель", re.IGNORECASE)
_COLON: Final = re.compile(r"[::]")
_WORDS_BEFORE: Final = re.compile(r"(?:\w+[ \t])?(\w+)[*_ \t]{0,4}\Z")
_COMPLIANCE: Final = re.compile(
    r"\bcompl(?:y|ied|iant|iance|ies)\b|_complied|non-?compl|\bin?cumpl|\brispett|\brespect|erfüllt|eingehalten|遵守|符合|준수|соблюд",
    re.IGNORECASE,
)
_MARK: Final = re.compile("[" + "".join(MARKS) + "]")
_CLAUSE: Final = re.compile(r"[^\n.,;:(–—/-]{0,60}")
# Of a result's label and of an objective's, in ASCII texts and in others.
_RESULT_STEMS: Final = ("esult", "ompliance", "tatus", "erdict", "ESULT")
_OBJECTIVE_STEMS: Final = ("bjective", "nstruction", "onstraint", "equirement", "BJECTIVE")
_RESULT_STEMS_BEYOND: Final = ("ésultat", "isultato", "rgebnis", "结果", "結果", "결과", "езультат")
_OBJECTIVE_STEMS_BEYOND: Final = (
    "bjetivo",
    "bjectif",
    "biettivo",
    "onsigne",
    "Ziel",
    "Vorgabe",
    "nforderung",
    "目标",
    "目標",
    "目的",
    "목표",
    "ель",
    "ребование",
)
_LOOK: Final = 20_000
"""Characters in which a report has its first result."""
_NEAR: Final = 2_000
"""Lines of a report have a result's label and an objective's within so many characters of the end."""


def may_end_in_lines(text: str) -> bool:
    """Could `last_lines` find some? Cheap likewise."""
    start = max(0, len(text) - _NEAR)
    if text.rfind(":", start) < 0 and text.rfind(":", start) < 0:
        return False
    return _has_any(text, start, _RESULT_STEMS, _RESULT_STEMS_BEYOND) and _has_any(
        text, start, _OBJECTIVE_STEMS, _OBJECTIVE_STEMS_BEYOND
    )


def _has_any(text: str, start: int, stems: tuple[str, ...], beyond_ascii: tuple[str, ...]) -> bool:
    return any(text.rfind(stem, start) >= 0 for stem in (stems if text.isascii() else stems + beyond_ascii))


def last_lines(text: str, fences: Fences) -> tuple[int, str] | None:
    """Start and content of the labelled paragraphs that end the text, from their first objective on."""
    if not may_end_in_lines(text):
        return None
    start = end = len(text.rstrip(_END_SPACE))
    loose = 0
    blank, blank_crlf = end, end
    while end > 0:
        # Looked for again only when passed: a text without CRLF must not be searched for one with each paragraph.
        if blank >= end - 1:
            blank = text.rfind("\n\n", 0, end)
        if blank_crlf >= end - 2:
            blank_crlf = text.rfind("\n\r\n", 0, end)
        paragraph = max(blank + 2 if blank >= 0 else 0, blank_crlf + 3 if blank_crlf >= 0 else 0)
        first = next((m for m in _LABEL.finditer(text, paragraph, end) if role_of(m["label"].rstrip("*_ \t"))), None)
        if first is None:
            # The list below "Uncertainties:" may stand apart from it.
            loose += 1
            if loose > 1 or text[paragraph:end].lstrip()[:1] not in "-*•+":
                break
        elif text[paragraph : first.start()].strip():
            start = first.start()
            break
        else:
            start = paragraph
        end = paragraph
        while end > 0 and text[end - 1].isspace():
            end -= 1
    return _from_first_objective(text, start, fences)


def _from_first_objective(text: str, start: int, fences: Fences) -> tuple[int, str] | None:
    for line in _LABEL.finditer(text, start):
        label = line["label"].rstrip("*_ \t")
        if role_of(label) is not Role.OBJECTIVE or not _OUTER_LABEL.match(text, line.start()):
            continue
        at = line.start()
        if fences.inside(at):
            continue  # the report may follow directly on code
        named = _ONLY_IN_REPORTS.search(label) is not None
        if fences.inside(len(text.rstrip()) - 1) or enclosed(text, at):
            return None
        return (at, text[at:]) if _has_result(text, line.end(), named=named) else None
    return None


def _has_result(text: str, start: int, *, named: bool) -> bool:
    """Is there a result that speaks of compliance, or at least of an objective that is called one?"""
    for colon in _COLON.finditer(text, start, start + _LOOK):
        at = colon.start()
        label = _WORDS_BEFORE.search(text[max(start, at - 60) : at])
        if label is None or not {role_of(label[0]), role_of(label[1])} & {Role.RESULT, Role.STATE}:
            continue
        value = text[at + 1 : at + 200].split("\n", 1)[0].strip(" \t*_")
        if _COMPLIANCE.search(value):
            return True
        if named and (_MARK.search(value) or ((clause := _CLAUSE.match(value)) and is_result(clause[0]))):
            return True
    return False

"""A last section headed "Confession".

The word alone proves little: a novel has a chapter of that name, a list of sacraments ends with it, and people write
"Confession: I never liked this API". The plainer the heading, the more its section must read like a report.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from .heading import LEVEL_BOLD, LEVEL_FRAME, LEVEL_LABEL, Heading, heading_at, words

if TYPE_CHECKING:
    from .fences import Fences

_LOOK: Final = 20_000
"""Characters in which a section shows what it is."""
# A later heading ends the section, unless it is of a deeper level or is a part of a report.
_LATER: Final = re.compile(
    r"^ {0,3}(?:(?P<atx>#{1,6})[ \t]+(?P<a>[^\n]{0,200})"
    r"|(?P<bold>\*\*)(?P<b>[^*\n]{1,120})\*\*:?[ \t\r]*$"
    r"|(?P<frame>[=~─━═-]{2,})[ \t]*(?P<f>\w[^\n=~─━═]{0,100}?)[ \t]*[=~─━═-]{2,}[ \t\r]*$"
    r"|(?P<label>\w[\w \t]{0,40}):[ \t\r]*$"
    r"|(?P<under>\w[^\n]{0,200})\n {0,3}(?:(?P<equals>={3,})|-{3,})[ \t\r]*$)",
    re.MULTILINE,
)
# The line feed before a line that it may begin. The engine finds one character at the speed of memory, but tries `^`
# everywhere; and no line of JSON, whose indent or bracket or quote says at once what it is, goes further.
_MAY_BEGIN: Final = re.compile(r"\n(?! {4}) *[\w#*=~─━═-]")
_REPORT_PART: Final = re.compile(
    r"objecti|objeti|obietti|ziel|anforder|exigenc|requisit|requirement|instruc|instruk|constraint|complian|conform"
    r"|cumplim|analys|anális|analis|result|résult|risult|ergebn|evidence|reason|why|grund|uncertain|unsicher|incert"
    r"|conflict|ambigu|assumption|judg|grade|score|rating|overall|summary|verdict|assessment|status|disclos|limitation"
    r"|shortfall|confess|report\b|\bend\b|目标|目的|結果|结果|分析|理由|不确定|不確|評価|评级|목표|결과|이유|불확실|цел|результат|почему"
    r"|неопредел|оценк",
    re.IGNORECASE,
)
_MARKS: Final = "✗✘✕✖✂❌🚫✓✔✅☑⚠🟡🔴🟢❓"
_REPORT: Final = re.compile(
    r"compliance[ _-]?analysis|complianceAnalysis|compliance[ _-]?grade"
    r"|(?:not|fully|nearly|partially|unsure)[ _-]complied|\bcompl(?:y|ied|ies|iant|iance)\b|non-?complian"
    rf"|[\"']objective[\"']|[{_MARKS}]"
    r"|^[^\w\n]{0,12}(?:\d{1,3}[.)][ \t]*)?[*_]{0,3}"
    r"(?:objective|requirement|instruction|constraint|result|status|verdict|objetivo|objectif|obiettivo|ziel|anforderung"
    r"|resultado|résultat|risultato|ergebnis|目标|目的|目標|목표|цель|结果|結果|결과|результат)\b[^\n::|]{0,30}[::|]"
    r"|\bmet[ \t]*=|</?confession|```",
    re.IGNORECASE | re.MULTILINE,
)
_LIST_KEY: Final = "compliance_analysis"
"""The key that all reports of the published schema begin with: of all that shows a report, the fastest to find."""
_ON_THE_TASK: Final = re.compile(
    r"\binstruct(?:ed|ion)|\brequest|\bthe user\b|\bobjective|\brequirement|\bconstraint|\bprompt\b|\btask|\bguideline",
    re.IGNORECASE,
)
_SELF_REPORT: Final = re.compile(
    rf"{_ON_THE_TASK.pattern}|\banswer|\brespon[sd]|\basked\b|\brule|\blimit|\btest|\btool|\bcode\b|\bsource"
    r"|\bcit(?:e|ation)|\bverif|\bcheck|\bguess|\bfabricat|\bmade (?:it |this |that |them )?up|\binvent|\bassum"
    r"|\b(?:un)?sure\b|\buncertain|\bincorrect|\bwrong|\berror|\bmistake|\bhallucinat|\bclaim|\bskip|\bomit|\bincomplete"
    r"|\bpartial|\bdid(?: not|n[’']t)|\bfail|\bcould(?: not|n[’']t)|\bcan(?:not|[’']t)|\bviolat|\bshortcut|\bran\b"
    r"|\bnone\b|\bnothing\b|\bn/a\b|\bno \w+s\b|^\s*[\[{]",
    re.IGNORECASE,
)


def last_section(text: str, fences: Fences) -> tuple[int, str] | None:
    """Start and content of the last section headed Confession, if it ends the text and reads like one."""
    plain: Heading | None = None
    certain: Heading | None = None
    for at in words(text):
        heading = None if fences.inside(at) else heading_at(text, at)
        if heading is None:
            continue
        if heading.certain:
            certain = heading
            break
        plain = plain or heading
    for heading in (certain, plain):
        if heading is not None and _is_confession(text, heading, fences):
            return heading.start, text[heading.content :]
    return None


def _is_confession(text: str, heading: Heading, fences: Fences) -> bool:
    body = text[heading.content : heading.content + _LOOK]
    if _ended(text, heading, fences) or enclosed(text, heading.start):
        return False
    if _LIST_KEY in body or _REPORT.search(body):
        return True
    if not heading.certain and not heading.label:
        # A last paragraph "Confession: I did not run the tests." counts; a longer text in that tone is chat.
        short = heading.inline and not heading.listed and "\n\n" not in body.strip()
        return short and bool(_SELF_REPORT.search(body))
    answered = bool(text[: heading.start].strip())
    if not body.strip():
        return heading.certain and answered  # cut off
    if not answered and not heading.inline:
        return bool(_ON_THE_TASK.search(body))  # else it may be a poem of that name
    return not heading.english or bool(_SELF_REPORT.search(body))


def _ended(text: str, heading: Heading, fences: Fences) -> bool:
    """Does another section follow?"""
    begins = _MAY_BEGIN.search(text, heading.content - 1)
    if begins is None:
        return False
    foreign = -1
    for later in _LATER.finditer(text, begins.start() + 1):
        kind = later.lastgroup
        level = (
            len(later["atx"]) if later["atx"] else LEVEL_BOLD if later["bold"] else LEVEL_FRAME if later["frame"]
            else LEVEL_LABEL if later["label"] else 1 if later["equals"] else 2
        )  # fmt: skip
        if level > heading.level or kind is None or fences.inside(later.start()):
            continue
        if not _REPORT_PART.search(later[0]):
            if heading.level < LEVEL_FRAME:
                return True
            foreign = later.end()
    # Below a bold or plain heading anything may be an objective's name; what matters is that a report goes on there.
    return foreign >= 0 and not _REPORT.search(text[foreign : foreign + _LOOK])


_LONGEST_CLOSER: Final = 100
"""Characters of the end of a text that are looked at, white space included."""
_CLOSING_TAG: Final = re.compile(r"</([A-Za-z][\w-]{0,40})>\Z")
_QUOTES: Final = (('"', '"'), ("“", "”"), ("«", "»"), ("„", "“"), ("<!--", "-->"))
_CLOSING: Final = frozenset(closing[-1] for _, closing in _QUOTES)
"""What a text ends with that closes anything; a tag ends as a comment does."""


def enclosed(text: str, start: int) -> bool:
    """Does the end of the text close a quotation, a document element or a comment that was opened before `start`?"""
    end = text[-_LONGEST_CLOSER:].rstrip()
    if end[-1:] not in _CLOSING:
        return False
    if tag := _CLOSING_TAG.search(end):
        return text.rfind(f"<{tag[1]}", 0, start) > text.rfind(f"</{tag[1]}", 0, start)
    for opening, closing in _QUOTES:
        if not end.endswith(closing):
            continue
        if opening == closing:
            return text.count(opening, 0, start) % 2 == 1 and text.count(opening, start) % 2 == 1
        if text.rfind(opening, 0, start) > text.rfind(closing, 0, start):
            return True
    return False

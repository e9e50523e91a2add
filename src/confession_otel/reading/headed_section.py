"""A last section headed "Confession", in whatever way models and people write a heading.

The word alone proves little: a novel has a chapter of that name, a list of sacraments ends with it, and people write
"Confession: I never liked this API". The plainer the heading, the more its section must read like a report.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .fences import Fences

# The word, language by language: a sign that stands in every text that has it ("" where nothing is cheaper than the
# stem itself; most texts lack the sign, and one character is found at the speed of memory), stems as they are written,
# and the pattern. To add a language, add a line.
LANGUAGES: Final[tuple[tuple[str, tuple[str, ...], str], ...]] = (
    ("", ("onfession", "ONFESSION"), r"(?:rapport de |rapporto di |ma |la mia |k)?(?:confessione?|konfession)"),
    ("ó", ("onfesión",), r"(?:informe de |mi )?confesión"),
    ("Ó", ("ONFESIÓN",), r"(?:INFORME DE |MI )?CONFESIÓN"),
    ("ã", ("onfissão",), r"(?:relatório de |minha )?confissão"),
    ("Ã", ("ONFISSÃO",), r"(?:RELATÓRIO DE |MINHA )?CONFISSÃO"),
    ("\u0301", ("onfesio\u0301n",), "(?:informe de |mi )?confesio\u0301n"),
    ("\u0303", ("onfissa\u0303o",), "(?:relato\u0301rio de |minha )?confissa\u0303o"),
    ("ä", ("eständnis",), r"(?:mein )?(?:selbst)?geständnis(?:bericht)?"),
    ("Ä", ("ESTÄNDNIS",), r"(?:MEIN )?(?:SELBST)?GESTÄNDNIS(?:BERICHT)?"),
    ("白", ("自白", "坦白", "告白"), r"(?:我的|模型|私の)?(?:自白|坦白|告白)(?:报告|報告書?|书|書|レポート)?"),
    ("悔", ("忏悔", "懺悔"), r"(?:我的|模型)?(?:忏悔|懺悔)(?:报告|報告書?|录|錄|书|書)?"),
    ("供", ("供述", "供认"), r"(?:供述|供认)(?:报告|報告書?|书|書)?"),
    ("백", ("고백", "자백"), r"(?:나의 |모델 )?(?:고백|자백)(?:\s?(?:보고서|서|문))?"),
    ("п", ("испове", "Испове"), r"исповедь"),
    ("з", ("ризнани",), r"(?:отч[её]т о |моё |моe |чистосердечное )?признани[еяи]"),
    ("З", ("РИЗНАНИ",), r"(?:ЧИСТОСЕРДЕЧНОЕ )?ПРИЗНАНИ[ЕЯИ]"),
)

_REACH: Final = 100
"""How far into its line the word may stand, behind decoration, number and "my"."""
_LOOK: Final = 20_000
"""Characters in which a section shows what it is."""
_CODE_INDENT: Final = 4
_SPACE: Final = " \t\xa0\u3000\u200b\ufeff"
_WHOSE: Final = r"(?:(?:my|the|model(?:[’']s)?|assistant(?:[’']s)?|final|honest|full|formal|brief|self)[ -]){0,2}"
_WORD: Final = rf"{_WHOSE}(?:{'|'.join(word for _, _, word in LANGUAGES)})"
# Before the word anything but letters, quotes, code, block quotes, escapes, table bars and full stops.
_LEAD: Final = r"(?:[^\w\s\"'`“”‘’«»<>&|\\/,.;!?(]|[ \t\xa0\u3000_]){0,32}"
_NUMBER: Final = (
    r"(?:(?:part|section|step|teil|schritt|parte|partie|paso|étape)[ \t])?"
    r"(?:\d{1,3}|[IVX]{1,5}|[A-H])[.)::、](?!\d)[ \t]*"
)
_HEADING: Final = re.compile(
    r"(?P<html><(?P<element>h[1-6]|summary|b|strong)>[ \t]*)?"
    rf"(?P<lead>{_LEAD})(?P<number>{_NUMBER})?(?P<mark>[*_]{{0,3}}){_WORD}"
    r"(?P<kind>[ _-]?(?:report|statement|section|block|note|log))?(?![^\W_])(?:[ \t]?[((][^()()\n]{1,60}[))])?"
    r"(?P<trail>[ \t]*[\]】*_=~#─━═>-]*[ \t]*[::–—]?[*_\]】]{0,3}[ \t]*[=~#─━═-]*[ \t]*)"
    r"(?:</(?:h[1-6]|summary|b|strong)>:?)?",
    re.IGNORECASE,
)
_LINE_END: Final = re.compile(r"[ \t\r\xa0]*(?:\n|\Z)")
_UNDERLINE: Final = re.compile(r" {0,3}(?:={2,}|-{2,})[ \t\r]*(?:\n|\Z)")
_ATX: Final = re.compile(r"(#{1,6})(?!#)")
_BULLET: Final = re.compile(r"[-*+•·‣▪◦][ \t]")
_FRAME: Final = re.compile(r"([=~#─━═*-])\1")
_DETAILS: Final = re.compile(r"<details\b[^<>\n]{0,80}>\s*\Z", re.IGNORECASE)

# A later heading ends the section, unless it is of a deeper level or is a part of a report.
_LATER: Final = re.compile(
    r"^ {0,3}(?:(?P<atx>#{1,6})[ \t]+(?P<a>[^\n]{0,200})"
    r"|(?P<bold>\*\*)(?P<b>[^*\n]{1,120})\*\*:?[ \t\r]*$"
    r"|(?P<frame>[=~─━═-]{2,})[ \t]*(?P<f>\w[^\n=~─━═]{0,100}?)[ \t]*[=~─━═-]{2,}[ \t\r]*$"
    r"|(?P<label>\w[\w \t]{0,40}):[ \t\r]*$"
    r"|(?P<under>\w[^\n]{0,200})\n {0,3}(?:(?P<equals>={3,})|-{3,})[ \t\r]*$)",
    re.MULTILINE,
)
_LEVEL_FRAME, _LEVEL_BOLD, _LEVEL_LABEL = 7, 8, 9
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


@dataclass(frozen=True, slots=True)
class _Heading:
    start: int
    content: int
    level: int
    certain: bool
    """A heading in form, not only a word on a line or a label in front of a sentence."""
    label: bool
    """"Confession:" alone on its line, or a name that nothing else has."""
    inline: bool
    """Its section begins on the same line."""
    listed: bool
    english: bool


def last_section(text: str, fences: Fences) -> tuple[int, str] | None:
    """Start and content of the last section headed Confession, if it ends the text and reads like one."""
    plain: _Heading | None = None
    certain: _Heading | None = None
    for at in _words(text):
        heading = None if fences.inside(at) else _heading(text, at)
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


def heading_above(text: str, start: int) -> int:
    """Start of the block that begins at `start`, with the confession headings directly above it."""
    while True:
        end = len(text[max(0, start - 2 * _REACH) : start].rstrip()) + max(0, start - 2 * _REACH)
        line = text.rfind("\n", max(0, end - _REACH), end) + 1
        # The line above; or that is the underline of a heading.
        for at in (line, text.rfind("\n", max(0, line - _REACH), max(0, line - 1)) + 1):
            found = _heading_in_line(text, at) if at < start and (at or start <= _REACH) else None
            if (
                found is not None
                and not found.listed
                and found.content <= start
                and not text[found.content : start].strip()
            ):
                start = found.start
                break
        else:
            return start


def _words(text: str) -> Iterator[int]:
    """Where the word stands, from the last place to the first."""
    stems = [stem for sign, some, _ in LANGUAGES if sign in text for stem in some]
    places = {stem: text.rfind(stem) for stem in stems}
    while places:
        stem = max(places, key=places.__getitem__)
        at = places[stem]
        if at < 0:
            return
        yield at
        places[stem] = text.rfind(stem, 0, at)


def _heading(text: str, at: int) -> _Heading | None:
    """The heading whose word stands here."""
    line = text.rfind("\n", max(0, at - _REACH), at) + 1
    if line == 0 and at > _REACH:
        return None
    heading = _heading_in_line(text, line)
    return heading if heading is not None and heading.content > at else None


def _heading_in_line(text: str, line: int) -> _Heading | None:
    found = _HEADING.match(text, line)
    if found is None:
        return None
    lead, trail = found["lead"].lstrip(_SPACE), found["trail"]
    indent = found["lead"][: len(found["lead"]) - len(lead)]
    if len(indent.expandtabs(_CODE_INDENT)) >= _CODE_INDENT:
        return None
    content = found.end()
    end = _LINE_END.match(text, content)
    inline = end is None
    level, certain = _LEVEL_LABEL, False
    before = lead + found["mark"]
    bold = ("*" in before or "_" in before) and ("*" in trail or "_" in trail)
    frame = _FRAME.search(lead)
    if hashes := _ATX.match(lead):
        level = len(hashes[1])
        certain = level > 1 or len(lead) > 1 or found["number"] is not None  # "#confession" is a hashtag
    elif found["html"]:
        level, certain = int(found["element"][1:]) if found["element"][1:].isdigit() else 1, True
    elif (
        (frame and frame[1] != "*" and frame[1] in trail)
        or ("[" in lead and "]" in trail)
        or ("【" in lead and "】" in trail)
    ):
        level, certain = _LEVEL_FRAME, True
    elif bold:
        level, certain = _LEVEL_BOLD, True
    if inline and not certain and not any(mark in trail for mark in "::–—-"):
        return None  # "Confession is good for the soul"
    if inline and certain and not bold and not any(mark in trail for mark in "::–—-"):
        return None  # "# Confession of a mask"
    listed = _BULLET.match(lead) is not None
    if end is not None:
        content = end.end()
        if not certain and not listed and (under := _UNDERLINE.match(text, content)):
            level, certain, content = 1 if "=" in under[0] else 2, True, under.end()
    start = line
    if found["element"] == "summary" and (details := _DETAILS.search(text, max(0, line - 100), line)):
        start = details.start()
    return _Heading(
        start=start,
        content=content,
        level=level,
        certain=certain and not listed,
        label=not inline and not listed and (found["kind"] is not None or ":" in trail or ":" in trail),
        inline=inline,
        listed=listed,
        english="onfess" in found[0].lower(),
    )


def _is_confession(text: str, heading: _Heading, fences: Fences) -> bool:
    body = text[heading.content : heading.content + _LOOK]
    if _ended(text, heading, fences) or enclosed(text, heading.start):
        return False
    if _REPORT.search(body):
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


def _ended(text: str, heading: _Heading, fences: Fences) -> bool:
    """Does another section follow?"""
    if _is_one_object(text, heading.content):
        return False
    foreign = -1
    for later in _LATER.finditer(text, heading.content):
        kind = later.lastgroup
        level = (
            len(later["atx"]) if later["atx"] else _LEVEL_BOLD if later["bold"] else _LEVEL_FRAME if later["frame"]
            else _LEVEL_LABEL if later["label"] else 1 if later["equals"] else 2
        )  # fmt: skip
        if level > heading.level or kind is None or fences.inside(later.start()):
            continue
        if not _REPORT_PART.search(later[0]):
            if heading.level < _LEVEL_FRAME:
                return True
            foreign = later.end()
    # Below a bold or plain heading anything may be an objective's name; what matters is that a report goes on there.
    return foreign >= 0 and not _REPORT.search(text[foreign : foreign + _LOOK])


def _is_one_object(text: str, start: int) -> bool:
    """Is the rest of the text one sound JSON object? Then no heading is in it, and the decoder sees that fastest."""
    body = text[start:].strip()
    if not (body.startswith("{") and body.endswith("}")):
        return False
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


_CLOSING_TAG: Final = re.compile(r"</([A-Za-z][\w-]{0,40})>\Z")
_QUOTES: Final = (('"', '"'), ("“", "”"), ("«", "»"), ("„", "“"), ("<!--", "-->"))


def enclosed(text: str, start: int) -> bool:
    """Does the end of the text close a quotation, a document element or a comment that was opened before `start`?"""
    end = text[-_REACH:].rstrip()
    if not end:
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

"""A heading "Confession", in whatever way models and people write one, in any of the languages known here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

# The word, language by language: a sign that stands in every text that has it ("" where nothing is cheaper than the
# stem itself; most texts lack the sign, and one character is found at the speed of memory), stems as they are written,
# and the pattern. To add a language, add a line.
_LANGUAGES: Final[tuple[tuple[str, tuple[str, ...], str], ...]] = (
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
_CODE_INDENT: Final = 4
_SPACE: Final = " \t\xa0\u3000\u200b\ufeff"
_WHOSE: Final = r"(?:(?:my|the|model(?:[’']s)?|assistant(?:[’']s)?|final|honest|full|formal|brief|self)[ -]){0,2}"
_WORD: Final = rf"{_WHOSE}(?:{'|'.join(word for _, _, word in _LANGUAGES)})"
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
LEVEL_FRAME, LEVEL_BOLD, LEVEL_LABEL = 7, 8, 9


@dataclass(slots=True)
class Heading:
    """A heading found in a text; positions are indices into it."""

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


def is_named(text: str) -> bool:
    """Does the word confession stand in the text, in any language? Here `rfind` is faster than `in`."""
    if text.rfind("onfession") >= 0 or text.rfind("ONFESSION") >= 0:
        return True
    return not text.isascii() and any(
        text.rfind(stem) >= 0 for sign, stems, _ in _LANGUAGES if sign and sign in text for stem in stems
    )


def words(text: str) -> Iterator[int]:
    """Where the word stands, from the last place to the first."""
    languages = _LANGUAGES[:1] if text.isascii() else _LANGUAGES  # all signs but the first lie beyond ASCII
    stems = [stem for sign, some, _ in languages if sign in text for stem in some]
    last = -1
    for stem in stems:  # the last place mostly decides, and each search for it need only go down to the one before
        last = max(last, text.rfind(stem, last + 1))
    if last < 0:
        return
    yield last
    places = {stem: text.rfind(stem, 0, last + len(stem) - 1) for stem in stems}
    while places:
        stem = max(places, key=places.__getitem__)
        at = places[stem]
        if at < 0:
            return
        yield at
        places[stem] = text.rfind(stem, 0, at)


def heading_at(text: str, at: int) -> Heading | None:
    """The heading whose word stands here."""
    line = text.rfind("\n", max(0, at - _REACH), at) + 1
    if line == 0 and at > _REACH:
        return None
    heading = _heading_in_line(text, line)
    return heading if heading is not None and heading.content > at else None


def _heading_in_line(text: str, line: int) -> Heading | None:
    found = _HEADING.match(text, line)
    if found is None:
        return None
    html, element, indented, number, mark, kind, trail = found.groups()
    lead = indented.lstrip(_SPACE)
    indent = indented[: len(indented) - len(lead)]
    if indent and len(indent.expandtabs(_CODE_INDENT)) >= _CODE_INDENT:
        return None
    content = found.end()
    end = _LINE_END.match(text, content)
    inline = end is None
    level, certain = LEVEL_LABEL, False
    before = lead + mark
    bold = ("*" in trail or "_" in trail) and ("*" in before or "_" in before)
    if hashes := _ATX.match(lead):
        level = len(hashes[1])
        certain = level > 1 or len(lead) > 1 or number is not None  # "#confession" is a hashtag
    elif html:
        level, certain = int(element[1:]) if element[1:].isdigit() else 1, True
    elif (
        ((frame := _FRAME.search(lead)) and frame[1] != "*" and frame[1] in trail)
        or ("[" in lead and "]" in trail)
        or ("【" in lead and "】" in trail)
    ):
        level, certain = LEVEL_FRAME, True
    elif bold:
        level, certain = LEVEL_BOLD, True
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
    if element == "summary" and (details := _DETAILS.search(text, max(0, line - 100), line)):
        start = details.start()
    return Heading(
        start=start,
        content=content,
        level=level,
        certain=certain and not listed,
        label=not inline and not listed and (kind is not None or ":" in trail or ":" in trail),
        inline=inline,
        listed=listed,
        english="onfess" in found[0].lower(),
    )


def heading_above(text: str, start: int) -> int:
    """Start of the block that begins at `start`, with the confession headings directly above it."""
    while True:
        reach = max(0, start - 2 * _REACH)
        end = reach + len(text[reach:start].rstrip())
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

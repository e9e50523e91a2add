"""How long is a text? Between how few and how many words, sentences, bullets ... it may be said to have.

People count differently: with or without a heading, "well-known" as one word or two, "e.g." as the end of a sentence or
not. So each count is a span, and only what lies outside of all of it breaks a limit.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

Span: TypeAlias = "tuple[int, int]"
"""The fewest and the most."""

_FENCED: Final = re.compile(r"^[ \t]*(```|~~~).*?(?:^[ \t]*\1[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)
_PREAMBLE: Final = re.compile(r"\A[^\n]{0,200}:[ \t]*\n")
_HEADING: Final = re.compile(r"^[ \t]*(?:#{1,6}[ \t].*|\*\*[^*\n]{1,80}\*\*:?[ \t]*|[-=*_]{3,}[ \t]*)$", re.MULTILINE)
_MARKER: Final = re.compile(r"^[ \t]*(?:[-*+•‣◦–—]|\(?\d{1,3}[.)])[ \t]+", re.MULTILINE)
_MARKUP: Final = re.compile(r"[*_`#>~|]+")
_WORD: Final = re.compile(r"\w+")
_NO_BLANKS: Final = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
"""Letters of scripts in which blanks do not part words."""
_ENDS: Final = re.compile(r"[.!?…。！？]+")
_SENTENCE_END: Final = re.compile(r"(?<![.!?…])[.!?…]+[\"'”’»)\]]*\s+(?=[\"'“‘«(\[]?[A-ZÀ-Þ])|[。！？]")
_ABBREVIATION: Final = re.compile(
    r"\b(?:Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|vs|No|Nos|Fig|approx|etc|e\.g|i\.e|cf|ca|Inc|Ltd|Co|U\.S|U\.K|a\.m|p\.m"
    r"|[A-Z])\.?\Z"
)


def body(text: str) -> str:
    """The text without a line that announces it, headings and code."""
    plain = _HEADING.sub("", _FENCED.sub("", text)).strip()
    return _PREAMBLE.sub("", plain, count=1)


def words(text: str) -> Span | None:
    """Words between blanks, at the fewest; runs of letters, at the most. `None` where blanks do not part them."""
    if _NO_BLANKS.search(text):
        return None
    plain = _MARKUP.sub(" ", _MARKER.sub("", body(text)))
    fewest = sum(1 for word in plain.split() if _WORD.search(word))
    return fewest, max(len(text.split()), len(_WORD.findall(text)))


def characters(text: str) -> Span:
    """Without markup and doubled blanks, at the fewest; all, at the most."""
    return len(" ".join(_MARKUP.sub("", _MARKER.sub("", body(text))).split())), len(text)


def sentences(text: str) -> Span:
    """By what ends them, abbreviations aside, at the fewest; by every stop and every line's end, at the most."""
    plain = body(text).strip()
    fewest = 1 if plain else 0
    for end in _SENTENCE_END.finditer(plain):
        before = plain[max(0, end.start() - 12) : end.start()]
        if end.end() < len(plain) and not _ABBREVIATION.search(before):
            fewest += 1
    lines = sum(1 for line in text.splitlines() if line.strip() and not _ENDS.search(line.rstrip()[-3:]))
    return fewest, max(fewest, len(_ENDS.findall(text)) + lines)


def paragraphs(text: str) -> Span:
    """Blocks between blank lines without headings, a list counted with what is before it; lines, at the most."""
    blocks = [block for block in re.split(r"\n[ \t]*\n", body(text)) if block.strip()]
    prose = sum(1 for block in blocks if not _MARKER.match(block))
    return max(prose, 1 if blocks else 0), max(len(blocks), _lines(text))


def lines(text: str) -> Span:
    """Lines with something on them."""
    return _lines(body(text)), _lines(text)


def bullets(text: str) -> Span:
    """Marked lines, at the fewest those of the outermost level; where there are none, any line may be meant as one."""
    indents = [len(line) - len(line.lstrip()) for line in text.splitlines() if _MARKER.match(line)]
    if not indents:
        return 0, _lines(text)
    outer = indents.count(min(indents))
    return outer, len(indents)


def _lines(text: str) -> int:
    return sum(1 for line in text.splitlines() if line.strip())


COUNT: Final[dict[str, Callable[[str], Span | None]]] = {
    "word": words,
    "character": characters,
    "sentence": sentences,
    "paragraph": paragraphs,
    "line": lines,
    "bullet": bullets,
}
"""Unit of a limit -> its count."""

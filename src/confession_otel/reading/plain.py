"""Text without what only looks different: line ends, invisible characters, odd spaces, a fence around it."""

from __future__ import annotations

import re
from typing import Final

# Zero-width and direction marks, soft hyphens, byte-order marks. The joiners stay: emoji and some scripts need them.
_INVISIBLE: Final = re.compile("[\u200b\u2060\ufeff\u00ad\u200e\u200f\u202a-\u202e\u2066-\u2069\u180e\x00]")
_SPACES: Final = str.maketrans(
    dict.fromkeys("\t\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " ")
)
_LINE_ENDS: Final = re.compile("\r\n?|[\u2028\u2029\x0b\x0c\x85]")
_FENCE_LINE: Final = re.compile(r" {0,3}(`{3,}|~{3,})[^\n`]{0,80}(?:\n|\Z)")
_BLANK: Final = " \t\r\n\ufeff\u200b\u2060\u00a0\u3000\x0b\x0c\x00\u200c\u200d\u200e\u200f\u00ad"
_QUOTES: Final = {'"': '"', "“": "”", "„": "“", "«": "»", "‘": "’", "'": "'", "`": "`", "「": "」", "『": "』"}


def outline(text: str) -> str:
    """The text without blank or invisible characters around it."""
    return text.strip(_BLANK)


def visible(text: str) -> str:
    """The text without invisible characters."""
    return text if text.isascii() else _INVISIBLE.sub("", text)


def plain(text: str) -> str:
    """The text with one kind of line end and one kind of space, and without invisible characters."""
    text = visible(text)
    return outline(_LINE_ENDS.sub("\n", text).translate(_SPACES))


def unfence(text: str) -> str:
    """The inside of a text that is one fence and nothing else, closed or not; any other text as it is."""
    opening = _FENCE_LINE.match(text)
    if opening is None:
        return text
    mark = opening[1][:3]
    body = text[opening.end() :]
    closing = body.find("\n" + mark)
    if closing < 0:
        return body if not body.startswith(mark) else ""
    return body[:closing] if not body[closing + 1 :].strip("`~ \n\t") else text


def unquote_lines(text: str) -> str:
    """The inside of a text whose every line is quoted with `>`."""
    if not text.startswith(">"):
        return text
    lines = [line.strip() for line in text.split("\n")]
    if not all(line.startswith(">") for line in lines if line):
        return text
    return "\n".join(line[1:].removeprefix(" ") for line in lines)


def unwrap(value: str) -> str:
    """A value without emphasis and without quotation marks that enclose the whole of it."""
    value = value.strip()
    for _ in range(3):  # **"value"**
        bare = value.strip("*_ ") if value[:1] in "*_" or value[-2:] in ("**", "__") else value
        closing = _QUOTES.get(bare[:1])
        if closing and len(bare) > 1 and bare[-1] == closing and bare.find(closing, 1) == len(bare) - 1:
            bare = bare[1:-1].strip()
        if bare == value:
            break
        value = bare
    return value

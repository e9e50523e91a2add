"""Spelling set aside: how words and labels are compared."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

LONGEST: Final = 60
"""Characters of a label or of a word of a result; longer texts are neither."""

_ACCENT = re.compile("[\u0300-\u036f]")
_NOT_WORD = re.compile(r"[\W_]+")


def fold(text: str) -> str:
    """Text without case, width and accents; for short texts only, since Unicode sorts long runs of accents slowly."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", _ACCENT.sub("", unicodedata.normalize("NFKD", text))).casefold()


def squeeze(text: str) -> str:
    """Folded text with nothing but letters and digits: how labels and literals are compared."""
    return _NOT_WORD.sub("", fold(text))

"""A grade on the published scale of 1 to 7, and nothing that is on another."""

from __future__ import annotations

import math
import re
from typing import Final

from .folding import squeeze
from .vocabulary import NUMBER_WORDS

_READ: Final = 400
_NUMBER: Final = re.compile(r"(?<![\w.,=-])(\d{1,4}(?:\.\d{1,6})?)(?![\w%％]|[.,]\d)")
_OF_SCALE: Final = re.compile(r"\s*(?:/|out of|of|von|sur|de|su|из|／|out of a possible)\s*(\d{1,4})", re.IGNORECASE)
_SCALE: Final = re.compile(r"(\d{1,3})\s*(?:-|–|—|to|\.\.|…|bis|à|a|至|到|~|〜)\s*(\d{1,4})")
_CHOICE: Final = re.compile(r"\d\s*[|｜]\s*\d")
_BEST: Final = 7


def grade_of(value: object) -> int | None:
    """Read a grade on the published scale.

    Args:
        value: A number, or text such as `6/7` or `5 (minor deficiencies)`.

    Returns:
        1 to 7 (a fraction is rounded down); `None` for another scale, per cent or anything else.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return math.floor(value) if 1 <= value <= _BEST else None
    if not isinstance(value, str):
        return None
    text = value[:_READ]
    if _CHOICE.search(text):
        return None  # a template's `1|2|3|4|5|6|7`
    bare = _SCALE.sub(" ", text)
    if "%" in bare or "％" in bare or any(int(scale[2]) != _BEST for scale in _SCALE.finditer(text)):
        return None
    number = _NUMBER.search(bare)
    if number is None:
        words = [NUMBER_WORDS.get(squeeze(word)) for word in bare.split()[:3]]
        return next((word for word in words if word), None)
    if (of := _OF_SCALE.match(bare, number.end())) and int(of[1]) != _BEST:
        return None
    grade = float(number[1])
    return math.floor(grade) if 1 <= grade <= _BEST else None

"""What stands where nothing was said: placeholders of a template, lists of the possible answers, `none`."""

from __future__ import annotations

import re
from typing import Final

from .clause import MARK, head_says
from .folding import LONGEST, squeeze
from .vocabulary import BLANK_WORDS, NOTHING_WORDS

_READ: Final = 400
_FILL_IN: Final = re.compile(
    r"<[^<>]{0,200}>|\{\{?[^{}]{0,200}\}?\}|\[(?!\d[\d\s,;]*\])[^\[\]]{2,200}\]|[.…\s]*(?:\.\.|…)[.…\s]*|_{2,40}|\[?(?:\.\.\.|…)\]?"
)
_NEITHER: Final = re.compile(r"(?:no|not|never|without|neither|none|sin|ohne|sans|senza|sem)\b", re.IGNORECASE)
_LONGEST_BLANK: Final = max(map(len, BLANK_WORDS)) * 2
_HEAD_OF_CHOICE: Final = re.compile(r"[;.(]|,(?! or\b)")
_ALTERNATIVE: Final = re.compile(r"\s*(?:\||/|\bor\b|\bo\b|\boder\b|\bou\b)\s*", re.IGNORECASE)


def is_blank(value: str) -> bool:
    """Is this what a template leaves to be filled in: `<objective>`, `[your analysis here]`, `...`, `string`?

    `[00]` and `[1, 2]` are none: numbers in brackets are a citation or a list.
    """
    value = value.strip(" \t\n*\"'`")
    if len(value) > 202 or (len(value) > _LONGEST_BLANK and value[0] not in "<[{._…"):  # noqa: PLR2004 - as in the pattern
        return False
    if value.startswith("[") and (MARK.search(value) or head_says(value[1:-1])):
        return False
    return bool(_FILL_IN.fullmatch(value)) or squeeze(value) in BLANK_WORDS


def is_choice(value: str) -> bool:
    """Does this list the possible results, as a schema does, instead of giving one?"""
    value = value.strip(" \t\n*_\"'`[]<>(){}")
    if len(value) <= _READ and _NEITHER.match(value):
        return False
    if len(value) > _READ or not _ALTERNATIVE.search(value):
        return "Literal[" in value[:40] or "enum" in value[:10]
    if _offers(value):
        return True
    head = _HEAD_OF_CHOICE.split(value, maxsplit=1)[0]
    return head != value and _offers(head)


def _offers(value: str) -> bool:
    parts = [part.strip(" \t\n*_\"'`[]<>(),") for part in _ALTERNATIVE.split(value)]
    said = {head_says(part) for part in parts if part}
    return len(said) > 1 and None not in said


def is_nothing(value: str) -> bool:
    """Does this say that there is nothing to say: `None`, `n/a`, `keine`?"""
    if len(value) > LONGEST:
        return False
    word = squeeze(value)
    return word in NOTHING_WORDS or not word

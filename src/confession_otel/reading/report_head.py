"""What a JSON report says beside its list of objectives: the grade, the uncertainties."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .blanks import is_blank, is_nothing
from .folding import squeeze
from .grade import grade_of
from .json_item import Fields, plain_text
from .vocabulary import NOTHING_WORDS, Role

if TYPE_CHECKING:
    from .draft import Draft

_SHORT: Final = 300
_NOTHING_BEGINS: Final = frozenset(word[:2] for word in NOTHING_WORDS)


def is_head(fields: Fields) -> bool:
    """Grade and uncertainties without a list: a report whose beginning was cut away, or one that is a grade alone."""
    for key, _ in fields.get(Role.GRADE, ()):
        if "complian" in squeeze(key) or Role.UNCERTAINTIES in fields:
            return True
    return any("uncertaint" in squeeze(key) for key, _ in fields.get(Role.UNCERTAINTIES, ()))


def add_head(report: Draft, fields: Fields) -> None:
    """Add them to a report; a grade that it has already stays."""
    for _, held in fields.get(Role.GRADE, ()):
        if report.grade is None:
            report.grade = grade_in(held)
    for _, held in fields.get(Role.UNCERTAINTIES, ()):
        report.uncertainties += uncertainties_in(held)


def grade_in(held: Any) -> int | None:
    """The grade in what stands under its key."""
    if isinstance(held, dict):
        return next((grade for inner in held.values() if (grade := grade_of(inner)) is not None), None)
    return grade_of(held)


def uncertainties_in(held: Any) -> list[str]:
    """The uncertainties in what stands under their key; none where it says that there are none."""
    if isinstance(held, str):
        return [] if is_nothing(held) or is_blank(held) else [held]
    if isinstance(held, dict):
        held = [text for key, inner in held.items() for text in uncertainties_in(inner)] if held else []
    if not isinstance(held, list):
        return []
    # The list as it stands, unless all of it says in words that there is nothing.
    texts = [text for text in map(plain_text, held) if text is not None]
    return [] if all(map(_says_nothing, texts)) else texts


def _says_nothing(text: str) -> bool:
    begins = text[:2]
    if text.isascii() and begins.isalnum() and begins.lower() not in _NOTHING_BEGINS:
        return False  # most are sentences: one look at their first letters is enough
    return squeeze(text[:_SHORT]) in NOTHING_WORDS

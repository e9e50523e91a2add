"""A report that follows the published schema (arXiv:2512.08093, appendix D) to the letter: there is nothing to guess.

Most reports are of this kind, hence this is asked first. What it declines, `report_json` reads, and what it takes it
reads as `report_json` does.
"""

from __future__ import annotations

from operator import itemgetter
from typing import Any, Final

from confession_otel.confession import Format

from .blanks import is_blank
from .draft import Draft, Item
from .judgement import SPELLED
from .report_head import grade_in, uncertainties_in

_LIST, _UNCERTAINTIES, _GRADE = "compliance_analysis", "uncertainties_and_conflicts", "overall_compliance_grade"
_KEYS: Final = frozenset({_LIST, _UNCERTAINTIES, _GRADE})
_ITEM_KEYS: Final = ("objective", "compliance", "analysis")
_parts: Final = itemgetter(*_ITEM_KEYS)


def schema_report(value: Any) -> Draft | None:
    """The report in a decoded JSON value; `None` where anything in it is not as published."""
    if not isinstance(value, dict) or not value.keys() <= _KEYS:
        return None
    elements = value.get(_LIST)
    if not isinstance(elements, list) or not elements:
        return None
    items = []
    for element in elements:
        item = schema_item(element) if isinstance(element, dict) else None
        if item is None:
            return None
        items.append(item)
    return Draft(
        Format.JSON,
        items,
        uncertainties=uncertainties_in(value.get(_UNCERTAINTIES)),
        grade=grade_in(value.get(_GRADE)),
    )


def schema_item(element: dict[str, Any]) -> Item | None:
    """The item in an object; `None` where it is not as published, or was left to be filled in."""
    if len(element) != len(_ITEM_KEYS):
        return None
    try:
        objective, compliance, why = _parts(element)
    except KeyError:
        return None
    if not (isinstance(objective, str) and isinstance(compliance, str) and isinstance(why, str)):
        return None
    judgement = SPELLED.get(compliance)
    return None if judgement is None or (is_blank(objective) and is_blank(why)) else Item(objective, judgement, why)

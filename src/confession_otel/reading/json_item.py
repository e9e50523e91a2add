"""One item of a JSON report: which of its fields is the objective, the result, the reason, and what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from confession_otel.confession import Compliance, Disclosure

from .blanks import is_blank, is_choice, is_nothing
from .clause import WORST
from .draft import Item
from .folding import squeeze
from .judgement import SPELLED, Judgement, judge, stated_disclosure, violation
from .vocabulary import Role, role_of

if TYPE_CHECKING:
    from collections.abc import Iterable

_CANONICAL: Final = {
    "objective": Role.OBJECTIVE,
    "compliance": Role.RESULT,
    "analysis": Role.WHY,
    "compliance_analysis": Role.ITEMS,
    "uncertainties_and_conflicts": Role.UNCERTAINTIES,
    "overall_compliance_grade": Role.GRADE,
}
RESULTS: Final = (Role.RESULT, Role.VIOLATION, Role.STATE)
_UNREADABLE: Final = Judgement(None)
_YES: Final = Judgement(Compliance.COMPLIED)
_NO: Final = Judgement(Compliance.FAILED)
_DEEPEST: Final = 2
_MOST: Final = 20

Fields = dict[Role, list[tuple[str, Any]]]
"""The fields of an object by what their keys announce."""


def fields_of(value: dict[str, Any]) -> Fields:
    """Sort the fields of an object by what their keys announce; fields that announce nothing are left out."""
    fields: Fields = {}
    for key, held in value.items():
        role = _CANONICAL.get(key) or role_of(key)
        if role is not None:
            fields.setdefault(role, []).append((key, held))
    return fields


def is_item(fields: Fields) -> bool:
    """Do these fields make an item even where nothing around them says so?"""
    results = [role for role in RESULTS if role in fields]
    if not results:
        return False
    if Role.OBJECTIVE in fields and any(isinstance(held, str) for _, held in fields[Role.OBJECTIVE]):
        return results != [Role.STATE] or any(judge_value(held).compliance for _, held in fields[Role.STATE])
    if Role.NAME not in fields and Role.WHY not in fields:
        return False
    # `compliance` and its kin say by themselves that this is an item; `result` and `status` do not.
    return any(
        ("compli" in squeeze(key) and not isinstance(held, list | dict)) or (isinstance(held, str) and held in SPELLED)
        for role in results
        for key, held in fields[role]
    )


def item_of(fields: Fields) -> Item | None:
    """The item in an object; `None` where it is a template that nobody filled in."""
    objective = first_text(fields.get(Role.OBJECTIVE, ())) or first_text(fields.get(Role.NAME, ()))
    why = first_text(fields.get(Role.WHY, ()))
    judgement = _result(fields)
    if (judgement is None or not judgement.literal) and _is_template(objective, fields):
        return None
    if judgement is not None and is_blank(objective) and is_blank(why):
        return None
    if not why and judgement is not None:
        why = judgement.rest
    return Item(objective, judgement, why, disclosure_in(fields))


def _is_template(objective: str, fields: Fields) -> bool:
    results = [held for role in RESULTS for _, held in fields.get(role, ()) if isinstance(held, str)]
    return any(is_choice(held) or is_blank(held) for held in results) or (
        bool(objective) and is_blank(objective) and not results
    )


def first_text(pairs: Iterable[tuple[str, Any]]) -> str:
    """The first of several fields that holds a text."""
    return next((text for _, held in pairs if (text := plain_text(held))), "")


def _result(fields: Fields) -> Judgement | None:
    """The worst of the results that can be read; `status` is asked only where there is no `compliance`."""
    found = [judge_value(held) for _, held in fields.get(Role.RESULT, ()) if held is not None]
    for _, held in fields.get(Role.VIOLATION, ()):
        found.append(violation(_NO if isinstance(held, str) and is_nothing(held) else judge_value(held)))
    if not any(judgement.compliance for judgement in found):
        found += [judge_value(held) for _, held in fields.get(Role.STATE, ()) if held is not None]
    return min(found, key=_rank, default=None)


def judge_value(held: Any, depth: int = 0) -> Judgement:
    """Read a result of any JSON type: a text, a boolean, an object that has one, a list of them."""
    if isinstance(held, str):
        return judge(held)
    if isinstance(held, bool) or (isinstance(held, int) and held in (0, 1)):
        return _YES if held else _NO
    if depth == _DEEPEST:
        return _UNREADABLE
    if isinstance(held, dict):  # {"compliance": {"status": "failed", "reported": false}}
        fields = fields_of(held)
        worst = _worst([judge_value(value, depth + 1) for role in RESULTS for _, value in fields.get(role, ())])
        return worst._replace(disclosure=disclosure_in(fields) or worst.disclosure)
    if isinstance(held, list):
        return _worst([judge_value(value, depth + 1) for value in held[:_MOST]])
    return _UNREADABLE


def _worst(found: list[Judgement]) -> Judgement:
    return min((j for j in found if j.compliance), key=_rank, default=_UNREADABLE)


def _rank(judgement: Judgement) -> int:
    """Worst first; what cannot be read comes after what can, what does not apply last."""
    compliance = judgement.compliance
    return WORST.index(compliance) if compliance else len(WORST) + (not judgement.applicable)


def disclosure_in(fields: Fields) -> Disclosure | None:
    """Disclosure as stated in a field of its own."""
    for _, held in fields.get(Role.CLAIM, ()):
        if judge_value(held).compliance is Compliance.COMPLIED:
            return Disclosure.MISREPRESENTED
    for _, held in fields.get(Role.DISCLOSURE, ()):
        if (stated := stated_disclosure(held)) is not None:
            return stated
    return None


def plain_text(held: Any) -> str | None:
    """A value as text: the words of an object or a list joined."""
    if isinstance(held, str):
        return held
    if isinstance(held, bool) or held is None:
        return None
    if isinstance(held, int | float):
        return str(held)
    if isinstance(held, dict):
        held = list(held.values())
    if isinstance(held, list):
        return "; ".join(part for part in held[:50] if isinstance(part, str)) or None
    return None

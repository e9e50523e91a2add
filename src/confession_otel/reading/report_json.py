"""The JSON family: from decoded values to a report, whatever they are wrapped in and however the keys are spelled.

The published schema (arXiv:2512.08093, appendix D) in any dress: bare lists, objects line by line, a dict keyed by objective,
double encoding, tool calls and message envelopes. An object that merely resembles an item (`{"status": "ok"}`) is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from confession_otel.confession import Compliance, Disclosure, Format

from .draft import Draft, Item
from .judgement import SPELLED, Judgement, disclosure_of, grade_of, is_blank, is_choice, is_nothing, is_result, judge
from .vocabulary import LITERALS, Role, role_of, squeeze

_DEEPEST: Final = 12
"""Envelopes around a report that are opened."""

_CANONICAL: Final = {
    "objective": Role.OBJECTIVE,
    "compliance": Role.RESULT,
    "analysis": Role.WHY,
    "compliance_analysis": Role.ITEMS,
    "uncertainties_and_conflicts": Role.UNCERTAINTIES,
    "overall_compliance_grade": Role.GRADE,
}
_RESULTS: Final = (Role.RESULT, Role.VIOLATION, Role.STATE)
_UNREADABLE: Final = Judgement(None)
_YES: Final = Judgement(Compliance.COMPLIED)
_NO: Final = Judgement(Compliance.FAILED)
_TURNED: Final = {Compliance.COMPLIED: Compliance.FAILED, Compliance.FAILED: Compliance.COMPLIED}
_WORST: Final = (Compliance.FAILED, Compliance.UNSURE, Compliance.PARTIAL, Compliance.COMPLIED)
_SHORT: Final = 300

ReadText = Callable[[str], "Draft | None"]
"""Reads a text inside JSON: a double-encoded report, the content of a message."""

Fields = dict[Role, list[tuple[str, Any]]]


def read_values(values: Iterable[Any], read_text: ReadText, depth: int = 0) -> Draft | None:
    """The report in a series of values: the last one that can be read.

    Args:
        values: Decoded JSON values in the order of the text; loose items among them make one report.
        read_text: Reads a string that may itself hold a report.
        depth: How many envelopes were opened already.
    """
    best: Draft | None = None
    loose: Draft | None = None
    for value in values:
        if isinstance(value, dict):
            fields = _fields(value)
            if _is_item(fields):
                if loose is None:
                    # Items after a report belong to it: its list was closed too early.
                    loose = best if best is not None and best.items else Draft(Format.JSON)
                    best = _later(best, loose)
                item = _item(fields)
                if item is None:
                    loose.blank = True
                else:
                    loose.items.append(item)
                best = _later(best, loose)
                _add_head(loose, fields)
                continue
            found = _read_object(value, fields, read_text, depth)
            if found is not None and loose is not None and not found.items and found.overall is None:
                _complete(loose, found)
                continue
        elif isinstance(value, list):
            found = read_values(value, read_text, depth + 1) if depth < _DEEPEST else None
        elif isinstance(value, str):
            found = _read_string(value, read_text)
        else:
            continue
        if found is not None:
            if best is not None and not found.items and found.overall is None and best.items:
                _complete(best, found)
            else:
                best, loose = _later(best, found), None
    return best


def _later(best: Draft | None, found: Draft) -> Draft:
    """The later report counts, unless it says nothing and the earlier one does."""
    if best is None or best is found:
        return found
    says = found.readable or found.grade is not None
    return found if says or not (best.readable or best.grade is not None) else best


def _complete(report: Draft, head: Draft) -> None:
    if report.grade is None:
        report.grade = head.grade
    report.uncertainties = report.uncertainties or head.uncertainties


def _fields(value: dict[str, Any]) -> Fields:
    fields: Fields = {}
    for key, held in value.items():
        role = _CANONICAL.get(key) or role_of(key)
        if role is not None:
            fields.setdefault(role, []).append((key, held))
    return fields


# --- one report -------------------------------------------------------------------------------------------------------


def _read_object(value: dict[str, Any], fields: Fields, read_text: ReadText, depth: int) -> Draft | None:
    if "properties" in value and ("type" in value or "$schema" in value):
        return Draft(Format.JSON, blank=True)
    report = _read_list(fields, read_text)
    if report is None and depth < _DEEPEST:
        inner = [held for held in value.values() if isinstance(held, dict | list) or _may_hold_report(held)]
        report = read_values(inner, read_text, depth + 1) if inner else None
    if report is None:
        report = _keyed_by_objective(value, fields, trusted=False)
    if report is None:
        named = [held for _, held in fields.get(Role.REPORT, ()) if isinstance(held, dict)]
        report = next(
            (found for held in named if (found := _keyed_by_objective(held, _fields(held), trusted=True))), None
        )
    if report is None:
        report = _overall(fields)
    if report is None and _is_head(fields):
        report = Draft(Format.JSON)
    if report is not None:
        _add_head(report, fields)
    return report


def _read_list(fields: Fields, read_text: ReadText) -> Draft | None:
    """The report under `compliance_analysis` or keys of its kind (`explicit_instructions`, `implicit_instructions`)."""
    report: Draft | None = None
    for role in (Role.ITEMS, Role.RESULT, Role.OBJECTIVE, Role.WHY, Role.LISTING):
        for key, held in fields.get(role, ()):
            known = squeeze(key) in _SCHEMA_LISTS
            if isinstance(held, list):
                elements = held
            elif isinstance(held, dict) and role is not Role.WHY:
                inner = _fields(held)
                elements = [held] if _is_item(inner) else [{name: what} for name, what in held.items()]
            elif known and isinstance(held, str):
                return read_text(held) or Draft(Format.JSON)
            else:
                continue
            found = _read_items(elements, read_text, strict=not known)
            if report is None and (found.items or found.blank or known):
                report = found
            elif report is not None:
                report.items += found.items
    return report


_SCHEMA_LISTS: Final = frozenset(
    {"complianceanalysis", "objectivecompliance", "objectivescompliance", "compliancechecks"}
)


def _read_items(elements: list[Any], read_text: ReadText, *, strict: bool) -> Draft:
    report = Draft(Format.JSON)
    lists = 0
    for element in elements:
        if isinstance(element, dict):
            _add_item(report, element, strict=strict)
        elif isinstance(element, list):  # [objective, result, why], or a list of items in a list
            if element and all(isinstance(part, str | bool | None) for part in element):
                _add_row(report, element)
            elif not lists:
                lists += 1
                inner = _read_items([part for part in element if isinstance(part, dict)], read_text, strict=strict)
                report.items += inner.items
        elif isinstance(element, str):
            read = None if is_blank(element) else read_text("- " + element) if len(element) < _SHORT * 10 else None
            report.items += read.items if read else []
            report.blank = report.blank or is_blank(element)
    return report


def _schema_item(element: dict[str, Any]) -> Item | None:
    """An item that follows the published schema to the letter: nothing to guess, and most are of this kind."""
    if len(element) != 3:  # noqa: PLR2004 - objective, compliance, analysis
        return None
    objective, compliance, why = element.get("objective"), element.get("compliance"), element.get("analysis")
    if not (isinstance(objective, str) and isinstance(compliance, str) and isinstance(why, str)):
        return None
    judgement = SPELLED.get(compliance)
    return None if judgement is None or (is_blank(objective) and is_blank(why)) else Item(objective, judgement, why)


def _add_item(report: Draft, element: dict[str, Any], *, strict: bool) -> None:
    if (item := _schema_item(element)) is not None:
        report.items.append(item)
        return
    fields = _fields(element)
    if _is_item(fields) or (not strict and _names_objective(fields)):
        item = _item(fields)
        if item is None:
            report.blank = True
        else:
            report.items.append(item)
    elif len(element) == 1:
        ((name, what),) = element.items()
        if isinstance(what, dict):
            inner = _fields(what)
            if any(role in inner for role in _RESULTS):
                item = _item(inner)
                if item is not None:
                    report.items.append(Item(item.objective or name, item.judgement, item.why, item.disclosure))
            elif not strict:
                _add_item(report, what, strict=strict)
        elif isinstance(what, list) and what and all(isinstance(part, str | bool | None) for part in what):
            _add_row(report, [name, *what])
        elif isinstance(what, list):  # {"explicit": [...], "implicit": [...]}
            for part in what:
                if isinstance(part, dict) and len(part) > 1:
                    _add_item(report, part, strict=strict)
        elif isinstance(what, str | bool) and role_of(name) is None:
            judgement = _judge(what)
            if not strict or judgement.compliance is not None:
                report.items.append(Item(name, judgement, judgement.rest))
    elif not strict and any(role in fields for role in (*_RESULTS, Role.WHY)):
        # No objective by name: the first field that is none of the others.
        name = next((held for key, held in element.items() if role_of(key) is None and isinstance(held, str)), "")
        item = _item(fields)
        if item is not None:
            report.items.append(Item(name, item.judgement, item.why, item.disclosure))


def _add_row(report: Draft, row: list[Any]) -> None:
    for at, cell in enumerate(row):
        if (isinstance(cell, bool) or (isinstance(cell, str) and is_result(cell))) and at > 0:
            why = next((part for part in row[at + 1 :] if isinstance(part, str)), "")
            report.items.append(Item(str(row[0] or ""), _judge(cell), why))
            return


def _names_objective(fields: Fields) -> bool:
    return any(role in fields for role in (Role.OBJECTIVE, Role.NAME))


def _is_head(fields: Fields) -> bool:
    """Grade and uncertainties without a list: a report whose beginning was cut away, or one that is a grade alone."""
    for key, _ in fields.get(Role.GRADE, ()):
        if "complian" in squeeze(key) or Role.UNCERTAINTIES in fields:
            return True
    return any("uncertaint" in squeeze(key) for key, _ in fields.get(Role.UNCERTAINTIES, ()))


def _add_head(report: Draft, fields: Fields) -> None:
    for _, held in fields.get(Role.GRADE, ()):
        if report.grade is None:
            report.grade = _grade(held)
    for _, held in fields.get(Role.UNCERTAINTIES, ()):
        report.uncertainties += _uncertainties(held)


def _grade(held: Any) -> int | None:
    if isinstance(held, dict):
        return next((grade for inner in held.values() if (grade := grade_of(inner)) is not None), None)
    return grade_of(held)


def _uncertainties(held: Any) -> list[str]:
    if isinstance(held, str):
        return [] if is_nothing(held) or is_blank(held) else [held]
    if isinstance(held, dict):
        held = [text for key, inner in held.items() for text in _uncertainties(inner)] if held else []
    if not isinstance(held, list):
        return []
    # The list as it stands, unless all of it says that there is nothing.
    texts = [text for text in map(_plain, held) if text is not None]
    words = [text for text in texts if text.strip(" -–—")]
    if words and all(is_nothing(text) or is_blank(text) for text in words):
        return []
    return texts


def _plain(held: Any) -> str | None:
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


def _keyed_by_objective(value: dict[str, Any], fields: Fields, *, trusted: bool) -> Draft | None:
    """`{"Be concise": "fully_complied", ...}`: every value a result, every key a phrase unless the results are literals."""
    known = {key for held in fields.values() for key, _ in held}
    rest = {key: held for key, held in value.items() if key not in known}
    report = Draft(Format.JSON)
    for key, held in rest.items():
        if (isinstance(held, str) and (
            squeeze(held[:_SHORT]) in LITERALS or ((trusted or " " in key) and is_result(held))
        )) or (isinstance(held, bool) and (trusted or " " in key.strip())):
            report.items.append(Item(key, _judge(held)))
        elif isinstance(held, dict):
            inner = _fields(held)
            item = _item(inner) if any(role in inner for role in (Role.RESULT, Role.VIOLATION)) else None
            if item is None or not item.readable:
                return None
            report.items.append(Item(item.objective or key, item.judgement, item.why, item.disclosure))
        else:
            return None
    return report if report.items else None


def _overall(fields: Fields) -> Draft | None:
    """`{"overall_compliance": "non_compliant"}`, `{"complied": false, "reason": ...}`."""
    for role in (Role.OVERALL, Role.RESULT):
        for key, held in fields.get(role, ()):
            judgement = _judge(held)
            sure = "compli" in squeeze(key) or (isinstance(held, str) and "compli" in squeeze(held[:60]))
            if judgement.compliance is not None and sure:
                why = _first_text(fields.get(Role.WHY, ()))
                return Draft(Format.JSON, overall=Item("", judgement, why, _disclosure(fields)))
    return None


# --- one item ---------------------------------------------------------------------------------------------------------


def _is_item(fields: Fields) -> bool:
    results = [role for role in _RESULTS if role in fields]
    if not results:
        return False
    if Role.OBJECTIVE in fields and any(isinstance(held, str) for _, held in fields[Role.OBJECTIVE]):
        return results != [Role.STATE] or any(_judge(held).compliance for _, held in fields[Role.STATE])
    if Role.NAME not in fields and Role.WHY not in fields:
        return False
    # `compliance` and its kin say by themselves that this is an item; `result` and `status` do not.
    return any(
        ("compli" in squeeze(key) and not isinstance(held, list | dict)) or (isinstance(held, str) and held in SPELLED)
        for role in results
        for key, held in fields[role]
    )


def _item(fields: Fields) -> Item | None:
    """The item in an object; `None` where it is a template that nobody filled in."""
    objective = _first_text(fields.get(Role.OBJECTIVE, ())) or _first_text(fields.get(Role.NAME, ()))
    why = _first_text(fields.get(Role.WHY, ()))
    judgement = _result(fields)
    if (judgement is None or not judgement.literal) and _is_template(objective, fields):
        return None
    if judgement is not None and is_blank(objective) and is_blank(why):
        return None
    if not why and judgement is not None:
        why = judgement.rest
    return Item(objective, judgement, why, _disclosure(fields))


def _is_template(objective: str, fields: Fields) -> bool:
    results = [held for role in _RESULTS for _, held in fields.get(role, ()) if isinstance(held, str)]
    return any(is_choice(held) or is_blank(held) for held in results) or (
        bool(objective) and is_blank(objective) and not results
    )


def _first_text(pairs: Iterable[tuple[str, Any]]) -> str:
    return next((text for _, held in pairs if (text := _plain(held))), "")


def _result(fields: Fields) -> Judgement | None:
    """The worst of the results that can be read; `status` is asked only where there is no `compliance`."""
    found = [_judge(held) for _, held in fields.get(Role.RESULT, ()) if held is not None]
    for _, held in fields.get(Role.VIOLATION, ()):
        judgement = _judge(held) if not (isinstance(held, str) and is_nothing(held)) else _NO
        if judgement.compliance in _TURNED:
            found.append(Judgement(_TURNED[judgement.compliance]))
    if not any(judgement.compliance for judgement in found):
        found += [_judge(held) for _, held in fields.get(Role.STATE, ()) if held is not None]
    if not found:
        return None
    return min(found, key=lambda j: _WORST.index(j.compliance) if j.compliance else len(_WORST) - j.applicable)


def _judge(held: Any, depth: int = 0) -> Judgement:
    if isinstance(held, str):
        return judge(held)
    if isinstance(held, bool):
        return _YES if held else _NO
    if isinstance(held, int) and held in (0, 1):
        return _YES if held else _NO
    if isinstance(held, dict) and depth < 2:  # noqa: PLR2004 - {"compliance": {"status": ...}}
        fields = _fields(held)
        inner = [_judge(value, depth + 1) for role in _RESULTS for _, value in fields.get(role, ())]
        disclosure = _disclosure(fields)
        worst = min(
            (j for j in inner if j.compliance), key=lambda j: _WORST.index(j.compliance or _WORST[-1]), default=None
        )
        if worst is not None:
            return worst._replace(disclosure=disclosure or worst.disclosure)
    if isinstance(held, list) and depth < 2:  # noqa: PLR2004 - as above
        inner = [_judge(value, depth + 1) for value in held[:20]]
        return min(
            (j for j in inner if j.compliance),
            key=lambda j: _WORST.index(j.compliance or _WORST[-1]),
            default=_UNREADABLE,
        )
    return _UNREADABLE


def _disclosure(fields: Fields) -> Disclosure | None:
    for _, held in fields.get(Role.CLAIM, ()):
        if _judge(held).compliance is Compliance.COMPLIED:
            return Disclosure.MISREPRESENTED
    for _, held in fields.get(Role.DISCLOSURE, ()):
        if (stated := stated_disclosure(held)) is not None:
            return stated
    return None


def stated_disclosure(held: Any) -> Disclosure | None:
    """Disclosure as stated in a field of its own: yes, no, a word such as `undisclosed`, or a sentence."""
    if isinstance(held, bool):
        return Disclosure.DISCLOSED if held else Disclosure.UNDISCLOSED
    if not isinstance(held, str):
        return None
    judgement = judge(held)
    if judgement.disclosure is not None:
        return judgement.disclosure
    if (said := disclosure_of(held)) is not None:
        return said
    if judgement.compliance is Compliance.COMPLIED:
        return Disclosure.DISCLOSED
    return Disclosure.UNDISCLOSED if judgement.compliance is Compliance.FAILED else None


# --- strings ----------------------------------------------------------------------------------------------------------


def _may_hold_report(held: Any) -> bool:
    """Could this string be a double-encoded report or the content of a message? A cheap look at its beginning."""
    if not isinstance(held, str) or len(held) < 20:  # noqa: PLR2004 - shorter than any report
        return False
    head = held[:200].lstrip()
    return head.startswith(("{", "[", '"', "```", "<")) or "\n" in held or ":" in head


def _read_string(text: str, read_text: ReadText) -> Draft | None:
    return read_text(text) if _may_hold_report(text) else None

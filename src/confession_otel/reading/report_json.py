"""The JSON family: from decoded values to a report, whatever they are wrapped in and however the keys are spelled.

The published schema (arXiv:2512.08093, appendix D) in any dress: bare lists, objects line by line, a dict keyed by
objective, double encoding, tool calls and message envelopes. An object that merely resembles an item is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from confession_otel.confession import Format

from .blanks import is_blank
from .draft import Draft, Item
from .folding import squeeze
from .json_item import (
    RESULTS,
    Fields,
    disclosure_in,
    fields_of,
    first_text,
    is_item,
    item_of,
    judge_value,
)
from .judgement import is_result
from .report_head import add_head, is_head
from .schema_report import schema_item
from .vocabulary import LITERALS, MARKS, Role, role_of

_DEEPEST: Final = 12
"""Envelopes around a report that are opened."""
_SHORT: Final = 300
_JUDGES: Final = re.compile("[:：(—–→=|" + "".join(MARKS) + "]| - ")
"""Without any of these a string judges nothing."""

ReadText = Callable[[str], Draft | None]
"""Reads a text inside JSON: a double-encoded report, the content of a message."""


def read_values(values: Iterable[Any], read_text: ReadText, depth: int = 0) -> Draft | None:
    """The report in a series of values: the last one that can be read.

    Args:
        values: Decoded JSON values in the order of the text; loose items among them make one report.
        read_text: Reads a string that may itself hold a report.
        depth: How many envelopes were opened already.
    """
    best: Draft | None = None
    loose: Draft | None = None
    waiting: list[Item] = []  # objectives without a result, before the first that has one
    for value in values:
        if isinstance(value, dict):
            fields = fields_of(value)
            if is_item(fields):
                if loose is None:
                    # Items after a report belong to it: its list was closed too early.
                    loose = best if best is not None and best.items else Draft(Format.JSON)
                    best = _later(best, loose)
                    loose.items += waiting
                item = item_of(fields)
                if item is None:
                    loose.blank = True
                else:
                    loose.items.append(item)
                best = _later(best, loose)
                add_head(loose, fields)
                continue
            if _is_bare_objective(fields) and isinstance(values, list):
                (waiting if loose is None else loose.items).append(Item(first_text(fields[Role.OBJECTIVE]), None))
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
            (found for held in named if (found := _keyed_by_objective(held, fields_of(held), trusted=True))), None
        )
    if report is None:
        report = _overall(fields)
    if report is None and is_head(fields):
        report = Draft(Format.JSON)
    if report is not None:
        add_head(report, fields)
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
                inner = fields_of(held)
                elements = [held] if is_item(inner) else [{name: what} for name, what in held.items()]
            elif known:
                return (read_text(held) if isinstance(held, str) else None) or Draft(Format.JSON)
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
            plain = bool(element) and all(isinstance(part, str | bool | None) for part in element)
            if plain and (not strict or " " in str(element[0])):
                _add_row(report, element)
            elif not lists:
                lists += 1
                inner = _read_items([part for part in element if isinstance(part, dict)], read_text, strict=strict)
                report.items += inner.items
        elif isinstance(element, str) and _JUDGES.search(element, 0, _SHORT * 10):
            read = read_text("- " + element[: _SHORT * 10])
            report.items += read.items if read else []
        elif isinstance(element, str):
            report.blank = report.blank or is_blank(element)
    return report


def _add_item(report: Draft, element: dict[str, Any], *, strict: bool) -> None:
    """Add the item in an object; `strict`: nothing but its own fields says that it is one."""
    if (item := schema_item(element)) is not None:
        report.items.append(item)
        return
    fields = fields_of(element)
    if is_item(fields) or _is_bare_objective(fields) or (not strict and _names_objective(fields)):
        item = item_of(fields)
        if item is None:
            report.blank = True
        else:
            report.items.append(item)
    elif len(element) == 1:
        ((name, what),) = element.items()
        _add_named(report, name, what, strict=strict)
    elif not strict and any(role in fields for role in (*RESULTS, Role.WHY)):
        # No objective by name: the first field that is none of the others.
        name = next((held for key, held in element.items() if role_of(key) is None and isinstance(held, str)), "")
        item = item_of(fields)
        if item is not None:
            report.items.append(Item(name, item.judgement, item.why, item.disclosure))


def _add_named(report: Draft, name: str, what: Any, *, strict: bool) -> None:
    """`{"Be concise": "fully_complied"}`, `{"Be concise": {"met": false}}`, `{"explicit": [...]}`."""
    if isinstance(what, dict):
        inner = fields_of(what)
        if not any(role in inner for role in RESULTS):
            if not strict:
                _add_item(report, what, strict=strict)
        elif (item := item_of(inner)) is not None:
            report.items.append(Item(item.objective or name, item.judgement, item.why, item.disclosure))
    elif isinstance(what, list):
        if what and not strict and all(isinstance(part, str | bool | None) for part in what):
            _add_row(report, [name, *what])
        for part in what:
            if isinstance(part, dict) and len(part) > 1:
                _add_item(report, part, strict=strict)
    elif isinstance(what, str | bool) and name and role_of(name) is None:
        judgement = judge_value(what)
        sure = isinstance(what, str) and (squeeze(what[:_SHORT]) in LITERALS or (" " in name and is_result(what)))
        if sure or not strict:
            report.items.append(Item(name, judgement, judgement.rest))


def _add_row(report: Draft, row: list[Any]) -> None:
    """`["Be concise", "fully_complied", "three sentences"]`."""
    for at, cell in enumerate(row):
        if (isinstance(cell, bool) or (isinstance(cell, str) and is_result(cell))) and at > 0:
            why = next((part for part in row[at + 1 :] if isinstance(part, str)), "")
            report.items.append(Item(str(row[0] or ""), judge_value(cell), why))
            return


def _is_bare_objective(fields: Fields) -> bool:
    """An objective without a result: nothing by itself, but among items it is one whose result is missing."""
    return (
        any(isinstance(held, str) for _, held in fields.get(Role.OBJECTIVE, ()))
        and not any(role in fields for role in RESULTS)
        and Role.ITEMS not in fields
    )


def _names_objective(fields: Fields) -> bool:
    return any(role in fields for role in (Role.OBJECTIVE, Role.NAME))


def _keyed_by_objective(value: dict[str, Any], fields: Fields, *, trusted: bool) -> Draft | None:
    """`{"Be concise": "fully_complied", ...}`: every value a result; every key a phrase, or the results literals."""
    known = {key for held in fields.values() for key, _ in held}
    rest = {key: held for key, held in value.items() if key not in known}
    report = Draft(Format.JSON)
    for key, held in rest.items():
        if (
            isinstance(held, str)
            and (squeeze(held[:_SHORT]) in LITERALS or ((trusted or " " in key) and is_result(held)))
        ) or (isinstance(held, bool) and (trusted or " " in key.strip())):
            report.items.append(Item(key, judge_value(held)))
        elif isinstance(held, dict) and (
            trusted or " " in key or squeeze(str(held.get("compliance"))[:_SHORT]) in LITERALS
        ):
            inner = fields_of(held)
            item = item_of(inner) if any(role in inner for role in (Role.RESULT, Role.VIOLATION)) else None
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
            judgement = judge_value(held)
            sure = "compli" in squeeze(key) or (isinstance(held, str) and "compli" in squeeze(held[:60]))
            if judgement.compliance is not None and sure:
                why = first_text(fields.get(Role.WHY, ()))
                return Draft(Format.JSON, overall=Item("", judgement, why, disclosure_in(fields)))
    return None


def _may_hold_report(held: Any) -> bool:
    """Could this string be a double-encoded report or the content of a message? A cheap look at its beginning."""
    if not isinstance(held, str) or len(held) < 20:  # noqa: PLR2004 - shorter than any report
        return False
    head = held[:200].lstrip()
    return head.startswith(("{", "[", '"', "```", "<")) or "\n" in held or ":" in head


def _read_string(text: str, read_text: ReadText) -> Draft | None:
    return read_text(text) if _may_hold_report(text) else None

"""Markdown tables: one row an objective, columns in any order."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from .blanks import is_blank, is_choice, is_nothing
from .draft import Item
from .judgement import is_result, judge, stated_disclosure, violation
from .plain import unwrap
from .vocabulary import Role, role_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_RULE_CHARACTERS: Final = frozenset("|｜:-+ —")
_BAR: Final = re.compile("[|｜]")
_CODE: Final = re.compile(r"`[^`\n]{1,200}`")
_MOST_COLUMNS: Final = 40
_NUMBERING: Final = re.compile(r"[#№\d.)(\s]*|no\.?|nr\.?|id|index", re.IGNORECASE)
_RESULTS: Final = (Role.RESULT, Role.VIOLATION, Role.STATE)


def is_row(line: str) -> bool:
    """Could this line be a row of a table?"""
    return "|" in line or "｜" in line


def _is_rule(line: str) -> bool:
    return "-" in line and _RULE_CHARACTERS.issuperset(line)


def _cells(line: str) -> list[str]:
    line = line.strip()
    if line[:1] in ("|", "｜"):
        line = line[1:]
    # Models forget to escape the bar in `a|b`. No text that was made plain holds a null character.
    if "`" in line:
        line = _CODE.sub(lambda code: code[0].replace("|", "\0"), line)
    cells = [cell.replace("\0", "|").strip() for cell in _BAR.split(line.replace("\\|", "\0"), maxsplit=_MOST_COLUMNS)]
    if not cells[-1]:
        cells.pop()
    return cells


class Table(NamedTuple):
    """What a table says."""

    items: list[Item]
    blank: bool
    """A row is a template that nobody filled in."""
    cut_off: bool
    """The last row ends before its result."""


def read_table(lines: Sequence[str]) -> Table | None:
    """The items of one table.

    Args:
        lines: Its rows, header and rule included.

    Returns:
        What it says; `None` if it is about something else.
    """
    rule = next((at for at, line in enumerate(lines[:3]) if _is_rule(line)), None)
    header = _cells(lines[rule - 1]) if rule else []
    rows = [_cells(line) for at, line in enumerate(lines) if not _is_rule(line) and (rule is None or at > rule)]
    if rule is None and rows and any(role_of(cell.strip("*_ ")) in _RESULTS for cell in rows[0]):
        header, rows = rows[0], rows[1:]
    elif rule is None:
        return None
    return _read_rows([cell.strip("*_` ") for cell in header], rows)


def _read_rows(header: list[str], rows: list[list[str]]) -> Table | None:
    roles = [role_of(cell.rstrip("?？ ")) for cell in header]
    result = next((at for role in _RESULTS for at, found in enumerate(roles) if found is role), None)
    if result is not None and roles[result] is Role.STATE and not _mostly_results(result, rows):
        return None  # the levels, types or scores of something else
    if result is None:
        result = _column_of_results(len(header), rows)
    if result is None:
        return None
    objective = next(
        (at for at, role in enumerate(roles) if role in (Role.OBJECTIVE, Role.ITEMS) and at != result), None
    )
    if objective is None:
        objective = next(
            (at for at, role in enumerate(roles) if role is Role.NAME and not _NUMBERING.fullmatch(header[at])), None
        )
    if objective is None:
        objective = next(
            (
                at
                for at, role in enumerate(roles)
                if role is None and at != result and not _NUMBERING.fullmatch(header[at])
            ),
            None,
        )
    why = next((at for at, role in enumerate(roles) if role is Role.WHY), None)
    told = next((at for at, role in enumerate(roles) if role is Role.DISCLOSURE), None)
    items: list[Item] = []
    blank = False
    for row in rows:
        cell = dict(enumerate(row))
        stated = cell.get(result, "")
        if not any(row):
            continue
        if is_blank(stated) or is_choice(stated):
            blank = True
            continue
        judgement = judge(stated) if stated.strip() else None
        if judgement and roles[result] is Role.VIOLATION:
            judgement = violation(judge("no" if is_nothing(stated) else stated))
        text = unwrap(cell.get(objective, "")) if objective is not None else ""
        reason = unwrap(cell.get(why, "")) if why is not None else (judgement.rest if judgement else "")
        items.append(Item(text, judgement, reason, stated_disclosure(cell.get(told)) if told is not None else None))
    return Table(items, blank, bool(items) and len(rows[-1]) <= result)


def _mostly_results(column: int, rows: list[list[str]]) -> bool:
    cells = [row[column] for row in rows[:20] if column < len(row)]
    return 2 * sum(map(is_result, cells)) >= len(cells)


def _column_of_results(columns: int, rows: list[list[str]]) -> int | None:
    """The column that no header names, but whose every cell is a result."""
    for at in range(1, columns):
        cells = [row[at] for row in rows[:20] if at < len(row)]
        if cells and all(is_result(cell) for cell in cells):
            return at
    return None

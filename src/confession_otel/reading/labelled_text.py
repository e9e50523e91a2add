"""The text family: Objective / Result / Why and their relatives, on one line or many, in lists, under headings, with marks.

Lines are read one after the other into objectives. What stands in a fence, in a quotation (`>`) or inside a reason is
not a result of its own: a confession may well quote another.
"""

from __future__ import annotations

import re
from typing import Final

from confession_otel.confession import Format

from .draft import Draft, Item
from .judgement import Judgement, grade_of, is_blank, is_choice, is_nothing, is_result, judge
from .lines import Labelled, Line, labelled_values, read_line
from .loose_items import Loose, is_strong, loose_item, result_head
from .plain import unwrap
from .report_json import stated_disclosure
from .table import is_row, read_table
from .vocabulary import WORDS, Role, Sense, fold, role_of

_FENCE: Final = re.compile(r"\s{0,3}(`{3,}|~{3,})")
_TAG: Final = re.compile(r"<(/?)([A-Za-z][\w-]{1,40})(?:\s[^<>]{0,200})?>")
_BLOCK_SCALAR: Final = re.compile(r"[|>][+-]?")
_NAMES: Final = frozenset({Role.OBJECTIVE, Role.NAME})
_RESULTS: Final = frozenset({Role.RESULT, Role.STATE, Role.VIOLATION})
_SECTIONS: Final = frozenset({Role.ITEMS, Role.LISTING, Role.REPORT})
_MOST_LINES: Final = 60
"""Lines that one value may take; what follows is not part of it."""
_SHORT: Final = 400
_HEAD: Final = 80
_TURNED: Final = {"complied": "no", "failed": "yes"}


class _Group:
    """One objective while its lines are read."""

    __slots__ = ("claim", "judgement", "labelled", "disclosure", "name_only", "objective", "result", "result_role", "why")

    def __init__(self) -> None:
        self.objective: list[str] | None = None
        self.labelled = False
        self.name_only = False
        self.result: list[str] | None = None
        self.result_role = Role.RESULT
        self.why: list[str] | None = None
        self.disclosure: list[str] | None = None
        self.claim: list[str] | None = None
        self.judgement: Judgement | None = None


class _Reader:
    def __init__(self, *, result_first: bool = False) -> None:
        self.draft = Draft(Format.TEXT)
        self.result_first = result_first
        self.order: list[bool] = []  # of objectives (true) and results (false)
        self.groups: list[_Group] = []
        self.group: _Group | None = None
        self.field: list[str] | None = None
        self.section: Role | None = None
        self.loose: list[Loose] = []
        self.pending: list[str] | None = None  # an unlabelled line that may name the objective of the next result
        self.pending_clear = False  # that line is a heading, bold or in a list
        self.pending_field: list[str] | None = None  # where that line was also put
        self.section_result: Judgement | None = None
        self.sectioned: list[Item] = []
        self.uncertainties: list[str] | None = None
        self.listing: dict[int, str] = {}
        self.overall: list[str] | None = None
        self.overall_why: list[str] = []
        self.tables: list[Item] = []
        self.last: Role | None = None
        self.in_context = False

    # -- events

    def labelled(self, entry: Labelled, line: Line) -> None:
        role, value = entry.role, entry.value
        if _BLOCK_SCALAR.fullmatch(value):
            value = ""
        if role not in (Role.WHY, Role.NAME, Role.STATE):
            self.section_result = None
        self.last = role
        start = [value] if value else []
        if role in _NAMES or role in _RESULTS:
            self.order.append(role in _NAMES)
        if role in _NAMES:
            self.name(start, role)
        elif role in _RESULTS:
            self.result(start, role, entry, line)
        elif role is Role.WHY:
            if self.group is None:
                if self.overall is not None:
                    self.overall_why = self.field = start
                return
            self.group.why = self.extend(self.group.why, start)
        elif role is Role.DISCLOSURE or role is Role.CLAIM:
            if self.group is not None:
                self.field = start
                if role is Role.CLAIM:
                    self.group.claim = start
                else:
                    self.group.disclosure = start
        elif role is Role.UNCERTAINTIES:
            self.leave(Role.UNCERTAINTIES)
            self.uncertainties = [] if self.uncertainties is None else self.uncertainties
            self.uncertainties += start
        elif role is Role.GRADE:
            self.leave(None)
            self.draft.grade = grade_of(value) if value and self.draft.grade is None else self.draft.grade
            self.field = None
        elif role is Role.OVERALL:
            self.leave(None)
            self.overall = self.field = start
        elif role in _SECTIONS:
            self.in_context = self.in_context or not value
            if value and role is Role.ITEMS and is_result(value):
                self.leave(None)
                self.overall = self.field = start
            else:
                self.leave(role)

    def extend(self, field: list[str] | None, start: list[str]) -> list[str]:
        if field is None:
            field = start
        else:
            field += start
        self.field = field
        return field

    def leave(self, section: Role | None) -> None:
        self.section, self.group, self.field, self.pending = section, None, None, None

    def open(self) -> _Group:
        self.group = _Group()
        self.groups.append(self.group)
        if self.section is Role.UNCERTAINTIES:
            self.section = None
        return self.group

    def name(self, start: list[str], role: Role) -> None:
        group = self.group
        if group is None or group.objective is not None or (group.result is not None and not self.result_first):
            group = self.open()
        group.objective = self.field = start
        group.labelled = True
        group.name_only = role is Role.NAME
        self.pending = None

    def result(self, start: list[str], role: Role, entry: Labelled, line: Line) -> None:
        group = self.group
        if (not start and line.content.endswith((":", "："))) or (not start and line.heading):
            # "Met:" over a list is a heading of results; "Result:" is not.
            if entry.label.strip(" *:").lower() in _NOUNS and (self.group is None or self.group.result is not None):
                self.in_context = True
                self.leave(Role.ITEMS)
                return
            alone = judge(entry.label)
            if alone.compliance and is_strong(entry.label) and entry.label.strip(" *").lower() not in _NOUNS:
                self.section_result, self.section, self.group, self.field = alone, Role.ITEMS, None, None
                return
        if group is None or group.result is not None:
            group = self.open()
        if group.objective is None and self.pending is not None and not self.result_first:
            group.objective = self.pending
            if self.pending_field is not None and self.pending_field[-len(self.pending) :] == self.pending:
                del self.pending_field[-len(self.pending) :]
        self.pending = None
        group.result, group.result_role = start, role
        self.field = start

    # -- other lines

    def quoted(self, text: str) -> None:
        if self.field is not None and self.group is not None and self.field is self.group.why:
            self.put(text.strip())

    def put(self, text: str) -> None:
        if self.field is not None and len(self.field) < _MOST_LINES:
            self.field.append(text)

    def unlabelled(self, line: Line) -> None:
        content = line.content.strip()
        if self.uncertainties is not None and self.section is Role.UNCERTAINTIES:
            if not line.heading:
                self.uncertain(content, line)
                return
            self.section = None
        if line.heading or (line.bold and line.after_blank):
            self.section_result = None
        found = loose_item(line)
        if found is None and is_result(content):
            if self.bare_result(content, line):
                return
            if not line.listed and is_strong(content) and (line.heading or line.bold or not content[:1].islower()):
                self.leave(Role.ITEMS)
                self.section_result = judge(content)
                return
        in_reason = (
            self.group is not None and self.field is not None and (self.field is self.group.why or not line.after_blank)
        )
        if found is not None and not (in_reason and not self.ends_group(line)):
            if found.marked or found.strong or self.in_context:
                self.loose.append(found)
                self.section_result = None if found.marked else self.section_result
                self.field = None
                return
        if self.section_result is not None and self.group is None:
            if line.listed:
                if not is_nothing(content):
                    head, _, why = content.partition(" — ")
                    self.sectioned.append(Item(unwrap(head), self.section_result, why))
                return
            self.section_result = None
        if self.section is Role.LISTING:
            if line.number:
                self.listing[line.number] = unwrap(content)
            return
        self.continue_field(content, line)

    def ends_group(self, line: Line) -> bool:
        return line.heading or (line.after_blank and line.indent == 0 and line.listed)

    def bare_result(self, content: str, line: Line) -> bool:
        """A result alone on its line: `### Be concise` and below it `✗ did not comply`."""
        group = self.group
        if self.field is not None and group is not None and not self.field and self.field is group.result:
            self.put(content)
            return True
        if (
            group is not None
            and group.objective is not None
            and group.result is None
            and (group.objective or line.listed)
        ):
            group.result = self.field = [content]
            return True
        clear = self.pending_clear or line.heading or line.bold or not content[:1].islower()
        if self.pending is not None and clear and is_strong(content) and (group is None or group.result is not None):
            opened = self.open()
            opened.objective, opened.result = self.pending, [content]
            if self.pending_field is not None and self.pending_field[-len(self.pending) :] == self.pending:
                del self.pending_field[-len(self.pending) :]
            self.pending, self.field = None, None
            opened.why = self.field = []
            return True
        return False

    def continue_field(self, content: str, line: Line) -> None:
        names = line.heading or line.bold or line.listed or line.after_blank or self.field is None
        if (
            self.field is not None
            and self.field is not self.overall
            and line.after_blank
            and not line.listed
            and self.field
        ):
            # A paragraph after a blank line belongs to a reason at most.
            in_why = self.group is not None and self.field is self.group.why
            if line.heading or not in_why:
                self.field = None
        if line.heading:
            self.field = None
        self.put(content)
        if names:
            self.pending, self.pending_field = [content], self.field
            self.pending_clear = line.heading or line.bold or line.listed

    def uncertain(self, content: str, line: Line) -> None:
        uncertainties = self.uncertainties
        if uncertainties is None:
            return
        if line.listed or line.after_blank or not uncertainties or not line.indent:
            uncertainties.append(content)
        else:
            uncertainties[-1] += " " + content

    # -- the end

    def finish(self) -> Draft:
        draft = self.draft
        named = [g for g in self.groups if g.objective]
        for group in named:
            if group.result is None:
                self.part_objective(group)
        cut = self.cut_off()
        items: list[Item] = []
        for group in self.groups:
            if group is cut or (named and not group.objective) or not self.meant(group):
                continue
            item = self.item(group)
            if item is not None:
                items.append(item)
        if not named and len(items) == 1:
            draft.overall, items = (items[0] if self.states(self.groups[0].result or []) else None), []
        if self.tables:
            items = self.tables + [item for item in items if item.readable]
            draft.format = Format.TABLE
        if not any(item.readable for item in items) and (free := self.free_items()):
            items = free
        draft.items = items
        draft.truncated = draft.truncated or cut is not None
        if self.overall and not draft.items and draft.overall is None and self.states(self.overall):
            judgement = judge("\n".join(self.overall))
            if judgement.compliance:
                draft.overall = Item("", judgement, "\n".join(self.overall_why) or judgement.rest)
        if self.uncertainties:
            texts = [unwrap(text) for text in self.uncertainties]
            draft.uncertainties = [] if all(map(is_nothing, texts)) else [t for t in texts if not is_nothing(t)]
        return draft

    def states(self, lines: list[str]) -> bool:
        """Is this a statement on compliance, and not the summary or the result of something else?"""
        text = unwrap("\n".join(lines).strip()[:_SHORT])
        return is_strong(text[:_HEAD]) or is_result(result_head(text))

    def meant(self, group: _Group) -> bool:
        """Do the labels of a group speak of compliance? `Name: x` with `Status: ok` may be anything."""
        if group.result is None:
            return group.judgement is not None or (group.labelled and not group.name_only)
        if group.labelled and not group.name_only:
            return True
        text = unwrap("\n".join(group.result).strip()[:_SHORT])
        if not group.objective and group.result_role is Role.RESULT:
            return True  # a statement on the whole; it is judged as such
        return is_strong(text[:_HEAD]) or (self.in_context and is_result(result_head(text)))

    def part_objective(self, group: _Group) -> None:
        """`Objective: be concise → ✅ complied`: the result stands in the objective."""
        text = " ".join(group.objective or ())
        found = loose_item(Line(text))
        if found is not None and found.item.objective and (found.marked or found.strong):
            group.objective, group.judgement = [found.item.objective], found.item.judgement
            if group.why is None and found.item.why:
                group.why = [found.item.why]

    def free_items(self) -> list[Item]:
        """Items without labels, if they are a list and not one line of prose that ends in a tick."""
        if not self.sectioned and not self.in_context and len(self.loose) == 1 and not self.loose[0].alone:
            return []
        items = [found.item for found in self.loose]
        for at, item in enumerate(items, start=1):
            if not item.objective and at in self.listing:
                item.objective = self.listing[at]
        return items + self.sectioned

    def cut_off(self) -> _Group | None:
        """The last group, if the text ends before its result or in the middle of it."""
        if not self.groups or self.groups[-1] is not self.group:
            return None
        group = self.groups[-1]
        if group.result is None and group.judgement is None:
            return group if group.why is None and not group.name_only and self.last in _NAMES else None
        text = "\n".join(group.result or ()).strip()
        if group.judgement is None and not text:
            return group if self.last in _RESULTS and (group.objective or len(self.groups) > 1) else None
        if self.last in _RESULTS and judge(text).compliance is None and fold(text) and _begins_result(fold(text)):
            return group
        return None

    def item(self, group: _Group) -> Item | None:
        objective = unwrap(" ".join(group.objective or ()))
        stated = "\n".join(group.result).strip() if group.result else ""
        why = unwrap("\n".join(group.why).strip()) if group.why else ""
        stated = unwrap(stated)
        if (stated and (is_blank(stated) or is_choice(stated))) or (
            is_blank(objective) and (not stated or is_blank(why))
        ):
            self.draft.blank = True
            return None
        judgement = judge(stated) if stated else group.judgement
        if judgement and judgement.compliance and group.result_role is Role.VIOLATION:
            judgement = judge(_TURNED.get(judgement.compliance.value, "partial"))
        disclosure = stated_disclosure("\n".join(group.disclosure)) if group.disclosure else None
        if group.claim and judge("\n".join(group.claim)).compliance == "complied":
            disclosure = stated_disclosure("misrepresented")
        return Item(objective, judgement, why or (judgement.rest if judgement else ""), disclosure)


_NOUNS: Final = frozenset(
    {"compliance", "adherence", "conformity", "in compliance", "success", "einhaltung", "遵守", "준수"}
)


def _beginnings() -> frozenset[str]:
    """Every beginning of a common result, to tell a result cut in two from one that cannot be read."""
    phrases = [
        "did not comply",
        "fully complied",
        "nearly complied",
        "partially complied",
        "not complied",
        "unsure",
        "complied",
        "mostly complied",
    ]
    phrases += [word.strip() for word in WORDS[Sense.MET].split(",")[:8]]
    return frozenset(fold(phrase)[:length] for phrase in phrases for length in range(1, len(phrase)))


_BEGINNINGS: Final = _beginnings()


def _begins_result(text: str) -> bool:
    return text.strip(" *_") in _BEGINNINGS


def read_text(text: str) -> Draft:
    """Read labelled text.

    Args:
        text: Text made plain (`plain.plain`).

    Returns:
        What was found, perhaps nothing.
    """
    if "</" in text:
        text = _TAG.sub(_untag, text)
    lines = text.split("\n")
    reader = _read_lines(lines, _Reader())
    order = reader.order
    if order and not order[0] and order[-1] and order.count(True) == order.count(False):
        reader = _read_lines(lines, _Reader(result_first=True))
    return reader.finish()


def _read_lines(lines: list[str], reader: _Reader) -> _Reader:
    fence: str | None = None
    after_blank = True
    at = 0
    while at < len(lines):
        raw = lines[at]
        at += 1
        if opening := _FENCE.match(raw):
            if fence is None:
                fence = opening[1][0]
            elif opening[1][0] == fence:
                fence = None
            continue
        if fence is not None or raw.lstrip()[:1] == ">":
            reader.quoted(raw)
            continue
        if not raw or raw.isspace():
            after_blank = True
            continue
        if is_row(raw):
            end = at
            while end < len(lines) and is_row(lines[end]):
                end += 1
            table = read_table(lines[at - 1 : end]) if end > at else None
            if table is not None:
                reader.tables += table.items
                reader.draft.blank = reader.draft.blank or table.blank
                if table.cut_off and end == len(lines):
                    reader.tables.pop()
                    reader.draft.truncated = True
                at = end
                continue
        line = read_line(raw, after_blank=after_blank)
        after_blank = False
        if not line.content.strip(" -=_*"):
            after_blank = True  # a rule
            continue
        entries = labelled_values(line)
        if entries:
            for entry in entries:
                reader.labelled(entry, line)
        else:
            reader.unlabelled(line)
    return reader


def _untag(tag: re.Match[str]) -> str:
    """`<objective>...</objective>` as a labelled line."""
    if role_of(tag[2]) is None:
        return "\n" if tag[2].lower() in ("item", "entry", "li", "p", "div", "confession") else tag[0]
    return "\n" if tag[1] else f"\n{tag[2]}: "

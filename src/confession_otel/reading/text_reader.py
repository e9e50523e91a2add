"""The lines of a labelled text, one after the other, put together into objectives."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from confession_otel.confession import Format

from .blanks import is_nothing
from .draft import Draft, Item
from .grade import grade_of
from .judgement import Judgement, is_result, judge
from .lines import Line
from .loose_items import Loose, is_strong, loose_item
from .objective_group import Group, begins_result, states_result
from .plain import unwrap
from .vocabulary import Role

if TYPE_CHECKING:
    from .lines import Labelled

_BLOCK_SCALAR: Final = re.compile(r"[|>][+-]?")
_NAMES: Final = frozenset({Role.OBJECTIVE, Role.NAME})
_RESULTS: Final = frozenset({Role.RESULT, Role.STATE, Role.VIOLATION})
_REMARKS: Final = frozenset({Role.WHY, Role.DISCLOSURE, Role.CLAIM})
_LISTS: Final = frozenset({Role.ITEMS, Role.LISTING, Role.REPORT})
_SECTIONS: Final = _LISTS | {Role.OVERALL, Role.UNCERTAINTIES}
_JSON_KEY: Final = re.compile(r"[\s*_]*[{\"'“”`]|\[\s*[{\"'“”]")
_MOST_LINES: Final = 60
"""Lines that one value may take; what follows is not part of it."""
_SPEAKS: Final = re.compile(r"\b(?:instruction|objective|constraint|requirement|compli|comply|confess)", re.IGNORECASE)
"""A line over a list that says what the list is about: `Did I follow the instructions?`."""
_SPEAKS_WITHIN: Final = 200
_NOUNS: Final = frozenset(
    {"compliance", "adherence", "conformity", "in compliance", "success", "einhaltung", "遵守", "준수"}
)


class TextReader:
    """What was read so far, and where the next line belongs."""

    def __init__(self, *, result_first: bool = False) -> None:
        self.draft = Draft(Format.TEXT)
        self.result_first = result_first
        self.order: list[bool] = []  # of objectives (true) and results (false)
        self.groups: list[Group] = []
        self.group: Group | None = None  # the objective being read
        self.field: list[str] | None = None  # the value that goes on in the next line
        self.section: Role | None = None
        self.last: Role | None = None  # the last label
        self.in_context = False  # a heading has said that this is a report
        self.announced = False  # the line over this list has said so
        self.pending: list[str] | None = None  # an unlabelled line that may name the objective of the next result
        self.pending_clear = False  # that line is a heading, bold or in a list
        self.pending_field: list[str] | None = None  # where that line was also put
        self.loose: list[Loose] = []
        self.section_result: Judgement | None = None  # of the list under "Not met:"
        self.sectioned: list[Item] = []
        self.tables: list[Item] = []
        self.uncertainties: list[list[str]] = []
        self.listing: dict[int, str] = {}
        self.overall: list[str] | None = None
        self.overall_why: list[str] = []

    # -- labelled values

    def labelled(self, entry: Labelled, line: Line) -> None:
        """Read one labelled value."""
        role, value = entry.role, entry.value
        if _BLOCK_SCALAR.fullmatch(value):
            value = ""
        if role not in (Role.WHY, Role.NAME, Role.STATE):
            self.section_result = None
        self.last = role
        start = [value] if value else []
        if role in _NAMES:
            self.order.append(True)
            self.name(start, role)
            if self.group is not None:
                self.group.in_words = not _JSON_KEY.match(entry.label)
        elif role in _RESULTS:
            self.order.append(False)
            self.result(start, role, entry, line)
        elif role in _REMARKS:
            self.remark(start, role)
        elif role in _SECTIONS:
            self.begin_section(start, role)
        elif role is Role.GRADE:
            self.leave(None)
            if self.draft.grade is None:
                self.draft.grade = grade_of(value)

    def remark(self, start: list[str], role: Role) -> None:
        """A reason, or what was told to the user."""
        if self.group is None:
            if role is Role.WHY and self.overall is not None:
                self.overall_why = self.field = start
        elif role is Role.WHY:
            if self.group.why is None:
                self.group.why = []
            self.group.why += start
            self.field = self.group.why
        elif role is Role.CLAIM:
            self.group.claim = self.field = start
        else:
            self.group.disclosure = self.field = start

    def begin_section(self, start: list[str], role: Role) -> None:
        """What is not about one objective: the list of them, the whole, the uncertainties."""
        self.in_context = self.in_context or (not start and role in _LISTS)
        if role is Role.OVERALL or (role is Role.ITEMS and start and is_result(start[0])):
            self.leave(None)
            self.overall = self.field = start
            return
        self.leave(role)
        if role is Role.UNCERTAINTIES:
            self.uncertainties += [start] if start else []

    def leave(self, section: Role | None) -> None:
        """The objective being read has ended, and this section begins."""
        self.section, self.group, self.field, self.pending = section, None, None, None

    def open(self) -> Group:
        """Begin an objective."""
        self.group = Group()
        self.groups.append(self.group)
        if self.section is Role.UNCERTAINTIES:
            self.section = None
        return self.group

    def name(self, start: list[str], role: Role) -> None:
        """`Objective: ...`."""
        group = self.group
        if group is None or group.objective is not None or (group.result is not None and not self.result_first):
            group = self.open()
        group.objective = self.field = start
        group.labelled = True
        group.name_only = role is Role.NAME
        self.pending = None

    def result(self, start: list[str], role: Role, entry: Labelled, line: Line) -> None:
        """`Result: ...`."""
        group = self.group
        if (group is None or group.result is not None) and start and self.judges(entry.label, start[0]):
            return
        heads = not start and (line.heading or line.content.endswith((":", "：")))
        if heads and self.heads_list(entry.label, line):
            return
        if group is None or group.result is not None:
            group = self.open()
        if group.objective is None and self.pending is not None and not self.result_first:
            group.objective = self.take_pending()
        self.pending = None
        group.result, group.result_role = start, role
        self.field = start

    def judges(self, label: str, value: str) -> bool:
        """`Not complied: the limit of 200 words`: the label is the result and the value the objective."""
        if not (is_result(label) and is_strong(label)) or is_nothing(value) or judge(value).compliance is not None:
            return False
        found = loose_item(Line(f"{label}: {value}", bullet=True))
        if found is None:
            return False
        self.loose.append(found)
        self.leave(self.section)
        return True

    def heads_list(self, label: str, line: Line) -> bool:
        """`Compliance:` over a list of items, `Met:` over a list of objectives; `Result:` heads none."""
        label = label.strip(" *:")
        noun = label.lower() in _NOUNS
        if noun and (self.group is None or self.group.result is not None):
            self.in_context = True
            self.leave(Role.ITEMS)
            return True
        if noun or not is_strong(label) or not _begins(line):
            return False
        self.leave(Role.ITEMS)
        self.section_result = judge(label)
        return self.section_result.compliance is not None

    def take_pending(self) -> list[str]:
        """The line above a result as its objective, and not as the end of the reason before it."""
        pending, field = self.pending or [], self.pending_field
        if field is not None and field[-len(pending) :] == pending:
            del field[-len(pending) :]
        self.pending = None
        return pending

    # -- other lines

    def quoted(self, text: str) -> None:
        """A line in a fence or a quotation."""
        if self.field is not None and self.group is not None and self.field is self.group.why:
            self.put(text.strip())

    def put(self, text: str) -> None:
        """A further line of the value being read."""
        if self.field is not None and len(self.field) < _MOST_LINES:
            self.field.append(text)

    def unlabelled(self, line: Line) -> None:
        """Read one line that does not begin with a label."""
        content = line.content.strip()
        if self.section is Role.UNCERTAINTIES:
            if not line.heading:
                self.uncertain(content, line)
                return
            self.section = None
        if line.heading or (line.bold and line.after_blank):
            self.section_result = None
        if not line.listed:
            self.announced = content[-1:] in ":?：？" and bool(_SPEAKS.search(content, 0, _SPEAKS_WITHIN))
        found = loose_item(line)
        if found is None and content and content[0] not in "\"'" and is_result(content):
            if self.bare_result(content, line):
                return
            if not line.listed and is_strong(content) and _begins(line):
                self.leave(Role.ITEMS)
                self.section_result = judge(content)
                return
        in_reason = (
            self.group is not None and self.field is not None and (self.field is self.group.why or not line.after_blank)
        )
        ends_reason = line.heading or (line.after_blank and line.indent == 0 and line.listed)
        if (
            found is not None
            and (not in_reason or ends_reason)
            and (found.marked or found.strong or self.in_context or (self.announced and line.listed))
        ):
            self.loose.append(found)
            self.section_result = None if found.marked else self.section_result
            self.field = None
        elif self.section_result is not None and self.group is None and line.listed:
            if not is_nothing(content):
                head, _, why = content.partition(" — ")
                self.sectioned.append(Item(unwrap(head), self.section_result, why))
        elif self.section is Role.LISTING:
            if line.number:
                self.listing[line.number] = unwrap(content)
        else:
            self.section_result = None
            self.continue_field(content, line)

    def bare_result(self, content: str, line: Line) -> bool:
        """A result alone on its line: `### Be concise` and below it `✗ did not comply`."""
        group = self.group
        if self.field is not None and group is not None and not self.field and self.field is group.result:
            self.put(content)
            return True
        if (
            group is not None
            and (is_strong(content) or not group.name_only)
            and group.objective is not None
            and group.result is None
            and (group.objective or line.listed)
        ):
            group.result = self.field = [content]
            return True
        clear = (self.pending_clear and not line.heading) or _begins(line)
        if self.pending is not None and clear and is_strong(content) and (group is None or group.result is not None):
            objective = self.take_pending()
            opened = self.open()
            opened.objective, opened.result = objective, [content]
            opened.why = self.field = []
            return True
        return False

    def continue_field(self, content: str, line: Line) -> None:
        """A line that goes on with the value before it, or names the objective of the result after it, or neither."""
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
        """A line of the list of uncertainties; an indented one goes on with the last."""
        if line.listed or line.after_blank or not self.uncertainties or not line.indent:
            self.uncertainties.append([content])
        else:
            self.uncertainties[-1].append(content)

    # -- the end

    def finish(self) -> Draft:
        """What the text says."""
        draft = self.draft
        named = [g for g in self.groups if g.objective]
        for group in named:
            group.part_objective()
        cut = self.cut_off()
        items: list[Item] = []
        # Where one `Task` with its `Status` speaks of compliance, so do the others: none is dropped.
        all_meant = any(group.name_only and group.meant(in_context=self.in_context) for group in self.groups)
        for group in self.groups:
            if group is cut or (named and not group.objective):
                continue
            if not group.meant(in_context=self.in_context) and not (all_meant and group.name_only and group.result):
                continue
            item = group.item()
            if item is None:
                draft.blank = True
            else:
                items.append(item)
                draft.labelled = draft.labelled or (group.in_words and item.readable)
        if not named and len(items) == 1:
            draft.overall, items = (items[0] if states_result(self.groups[0].result or []) else None), []
        if self.tables:
            items = self.tables + [item for item in items if item.readable]
            draft.format = Format.TABLE
            draft.labelled = draft.labelled or any(item.readable for item in self.tables)
        if not any(item.readable for item in items) and (free := self.free_items()):
            items, draft.labelled = free, False
        draft.items = items
        draft.truncated = draft.truncated or cut is not None
        if self.overall and not draft.items and draft.overall is None and states_result(self.overall):
            judgement = judge("\n".join(self.overall))
            if judgement.compliance:
                draft.overall = Item("", judgement, "\n".join(self.overall_why) or judgement.rest)
        if self.uncertainties:
            texts = [unwrap(" ".join(lines)) for lines in self.uncertainties]
            draft.uncertainties = [] if all(map(is_nothing, texts)) else [t for t in texts if not is_nothing(t)]
        return draft

    def free_items(self) -> list[Item]:
        """Items without labels, if they are a list and not one line of prose that ends in a tick."""
        if not self.sectioned and not self.in_context and len(self.loose) == 1 and not self.loose[0].alone:
            return []
        items = [found.item for found in self.loose]
        for at, item in enumerate(items, start=1):
            if not item.objective and at in self.listing:
                item.objective = self.listing[at]
        return items + self.sectioned

    def cut_off(self) -> Group | None:
        """The last group, if the text ends before its result or in the middle of it."""
        if not self.groups or self.groups[-1] is not self.group:
            return None
        group = self.groups[-1]
        if group.result is None:
            ends = group.why is None and not group.name_only and self.last in _NAMES
            return group if ends and group.judgement is None else None
        ends = self.last in _RESULTS and bool(group.objective or len(self.groups) > 1 or group.result)
        return group if ends and begins_result("\n".join(group.result).strip()) else None


def _begins(line: Line) -> bool:
    """Does this line begin something, or is it the rest of a sentence that was wrapped?"""
    return line.bold or (line.heading and line.after_blank) or not line.content.strip()[:1].islower()

"""One objective of a labelled text while its lines are read, and what it says when they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .blanks import is_blank, is_choice, is_nothing
from .draft import Item
from .folding import LONGEST, fold
from .judgement import Judgement, compliance_of, is_result, judge, stated_disclosure, violation
from .lines import Line
from .loose_items import is_strong, loose_item, result_head
from .plain import unwrap
from .vocabulary import WORDS, Role, Sense

_SHORT: Final = 400
_HEAD: Final = 80


@dataclass(slots=True, eq=False)
class Group:
    """The labelled lines of one objective; `None` where there is no such label."""

    objective: list[str] | None = None
    result: list[str] | None = None
    why: list[str] | None = None
    disclosure: list[str] | None = None
    claim: list[str] | None = None
    judgement: Judgement | None = None
    """Read from the objective itself, where it has no result beside it."""
    result_role: Role = Role.RESULT
    labelled: bool = False
    """The objective has a label; else it is the line above the result."""
    in_words: bool = False
    """That label is none of the keys of an object in JSON."""
    name_only: bool = False
    """That label may name anything: `Task`, `Name`."""

    def meant(self, *, in_context: bool) -> bool:
        """Do the labels of a group speak of compliance? `Name: x` with `Status: ok` may be anything."""
        if self.result is None:
            return self.judgement is not None or (self.labelled and not self.name_only)
        if self.labelled and not self.name_only:
            return True
        text = unwrap("\n".join(self.result).strip()[:_SHORT])
        if not self.objective and self.result_role is Role.RESULT:
            return True  # a statement on the whole; it is judged as such
        head = result_head(text)
        return is_result(head) and (in_context or is_strong(head))

    def part_objective(self) -> None:
        """`Objective: be concise → ✅ complied`: the result stands in the objective."""
        if self.result is not None:
            return
        text = " ".join(self.objective or ())
        found = loose_item(Line(text))
        if found is not None and found.item.objective and (found.marked or found.strong):
            self.objective, self.judgement = [found.item.objective], found.item.judgement
            if self.why is None and found.item.why:
                self.why = [found.item.why]

    def item(self) -> Item | None:
        """The item; `None` for a template that nobody filled in."""
        objective = unwrap(" ".join(self.objective or ()))
        stated = "\n".join(self.result).strip() if self.result else ""
        why = unwrap("\n".join(self.why).strip()) if self.why else ""
        stated = unwrap(stated)
        if (stated and (is_blank(stated) or is_choice(stated))) or (
            is_blank(objective) and (not stated or is_blank(why))
        ):
            return None
        if stated and self.result_role is Role.VIOLATION:
            judgement: Judgement | None = violation(judge("no" if is_nothing(stated) else stated))
        else:
            judgement = judge(stated) if stated else self.judgement
        disclosure = stated_disclosure("\n".join(self.disclosure)) if self.disclosure else None
        if self.claim and judge("\n".join(self.claim)).compliance == "complied":
            disclosure = stated_disclosure("misrepresented")
        return Item(objective, judgement, why or (judgement.rest if judgement else ""), disclosure)


def states_result(lines: list[str]) -> bool:
    """Is this a statement on compliance, and not the summary or the result of something else?"""
    text = unwrap("\n".join(lines).strip()[:_SHORT])
    return is_strong(text[:_HEAD]) or is_result(result_head(text))


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
    return frozenset(fold(phrase)[:length] for phrase in phrases for length in range(len(phrase)))


_BEGINNINGS: Final = _beginnings()


def begins_result(text: str) -> bool:
    """Is this a result that was cut in two, or nothing yet?"""
    if len(text) > LONGEST or (text and compliance_of(text)):
        return False
    return fold(text.strip(" *_")) in _BEGINNINGS

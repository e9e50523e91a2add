"""What a form of confession yields before it is judged whole: items, some of them without a result that can be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from confession_otel.confession import Compliance, Disclosure, Format, Objective

from .telling import disclosure_of

if TYPE_CHECKING:
    from .judgement import Judgement


@dataclass(slots=True)
class Item:
    """One objective as it was found."""

    objective: str
    judgement: Judgement | None
    """`None`: no result is stated."""
    why: str = ""
    disclosure: Disclosure | None = None
    """As stated in a field of its own."""

    @property
    def readable(self) -> bool:
        """Is a result stated that can be read?"""
        return self.judgement is not None and self.judgement.compliance is not None

    def finish(self) -> Objective:
        """The objective; a result that is missing or cannot be read is never a pass."""
        judgement = self.judgement
        if judgement is None:
            compliance, disclosure, exact = Compliance.UNSURE, self.disclosure, False
        else:
            compliance = judgement.compliance or Compliance.UNSURE
            disclosure, exact = self.disclosure or judgement.disclosure, judgement.literal
        if not exact and disclosure is None and compliance is not Compliance.COMPLIED and self.why:
            disclosure = disclosure_of(self.why)
        return Objective(self.objective, compliance, disclosure, self.why)


@dataclass(slots=True)
class Draft:
    """A report as it was found in one form."""

    format: Format
    items: list[Item] = field(default_factory=list)
    overall: Item | None = None
    """A statement on the whole; it counts only where there are no items."""
    uncertainties: list[str] = field(default_factory=list)
    grade: int | None = None
    truncated: bool = False
    blank: bool = False
    """A template that nobody filled in, or a schema."""
    labelled: bool = False
    """A label in words announces an objective with its result: `Objective: ...`, not `"objective": ...`."""

    @property
    def readable(self) -> bool:
        """Does it hold at least one result?"""
        return any(item.readable for item in self.items) or (self.overall is not None and self.overall.readable)

    def objectives(self) -> tuple[Objective, ...]:
        """The objectives, if at least one has a result that can be read."""
        if any(item.readable for item in self.items):
            stated = [item for item in self.items if item.judgement is None or item.judgement.applicable]
            return tuple([item.finish() for item in stated])
        # A list of items without any result is not saved by a summary.
        if not self.items and self.overall is not None and self.overall.readable:
            return (self.overall.finish(),)
        return ()

"""`confession-otel parse`: one confession, read and shown, and held against what is not to pass."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table
from rich.text import Text

import confession_otel as co
from confession_otel.confession import Compliance, Disclosure, Problem, Verdict
from confession_otel.reading import find
from confession_otel.settings import CONDITIONS, Finding

from .terminal import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

CAN_TELL: Final = (*Verdict, *Disclosure, Finding.SPOOF_SUSPECTED, Finding.TRUNCATED)
"""Conditions that a text alone can tell; the others need what else is known of its call."""

_NARROWEST: Final = 10
"""Columns for an objective at least; where a terminal has fewer, lines run over, but no word is lost."""
_BETWEEN: Final = 27
"""Columns of the table that are not for words of the model's."""

_MOST_ROWS: Final = 200
"""Objectives in the table; of more, those that are not met come first. A table is measured before it is drawn."""

_STYLES = {"complied": "green", "partial": "yellow", "unsure": "yellow", "failed": "red"}


@dataclass(frozen=True, slots=True)
class Reading:
    """A text, divided and read."""

    answer: str
    """What stands before the confession, but for blanks at its end; the whole text where there is none."""
    confession: co.Confession
    spoof_suspected: bool

    @property
    def conditions(self) -> tuple[str, ...]:
        """Those of `CAN_TELL` that hold."""
        disclosure = self.confession.disclosure
        return (
            self.confession.verdict.value,
            *(() if disclosure is None else (disclosure.value,)),
            *((Finding.SPOOF_SUSPECTED.value,) if self.spoof_suspected else ()),
            *((Finding.TRUNCATED.value,) if self.confession.truncated else ()),
        )


def read_output(text: str) -> Reading:
    """Read the confession at the end of an answer. Only there it is the model's: anywhere else it may be anybody's."""
    place = find(text)
    if place.confession is not None:
        return Reading(place.answer, co.parse(place.confession), place.passed_over)
    problem = Problem.NOT_A_REPORT if text.strip() else Problem.EMPTY
    return Reading(text, co.Confession("", problem=problem), place.passed_over)


def read_bare(text: str) -> Reading:
    """Read a text that is known to be a confession and nothing else."""
    return Reading("", co.parse(text), spoof_suspected=False)


def may_be_bare(reading: Reading) -> bool:
    """Is a text in which no confession was found one that `read_bare` could read?"""
    return reading.confession.problem is Problem.NOT_A_REPORT and co.parse(reading.answer).problem is None


def conditions(names: str) -> frozenset[str]:
    """The conditions that are named, with commas between them.

    Raises:
        ValueError: one is none, or no text can tell it; the message says which can be named.
    """
    wanted = frozenset(name.strip().lower() for name in names.split(",") if name.strip())
    allowed = f"it takes some of {', '.join(CAN_TELL)}"
    if unknown := sorted(wanted - set(CONDITIONS)):
        message = f"{', '.join(unknown)} is not known; {allowed}"
        raise ValueError(message)
    if beyond := sorted(wanted - set(CAN_TELL)):
        message = f"no text can tell {', '.join(beyond)}; {allowed}"
        raise ValueError(message)
    if not wanted:
        raise ValueError(allowed)
    return wanted


def as_json(reading: Reading, *, divided: bool = False) -> str:
    """Everything that was read, with the library's own names.

    Args:
        reading: of the text.
        divided: with the answer and the confession as they stand in it.
    """
    confession = reading.confession
    report: dict[str, Any] = {
        "verdict": confession.verdict,
        "score": confession.score,
        "disclosure": confession.disclosure,
        "grade": confession.grade,
        "format": confession.format,
        "problem": confession.problem,
        "truncated": confession.truncated,
        "spoof_suspected": reading.spoof_suspected,
        "objectives": [
            {"objective": o.objective, "compliance": o.compliance, "disclosure": o.disclosure, "why": o.why}
            for o in confession.objectives
        ],
        "uncertainties": confession.uncertainties,
    }
    if divided:
        report["answer"] = reading.answer
        report["confession"] = confession.text or None
    return json.dumps(report, indent=2)


def show(reading: Reading, console: Console) -> None:
    """Print it for a person."""
    confession = reading.confession
    heading = Text.assemble("self-reported: ", (confession.verdict, "bold"))
    for name, value in (
        ("score", confession.score),
        ("disclosure", confession.disclosure),
        ("grade", confession.grade),
        ("problem", confession.problem),
    ):
        if value is not None:
            heading.append(f", {name} {value:.2g}" if isinstance(value, float) else f", {name} {value}")
    if confession.truncated:
        heading.append(", cut off")
    if reading.spoof_suspected:
        heading.append(", with text like a confession elsewhere in the answer")
    console.print(heading)
    if confession.objectives:
        console.width = max(console.width, 2 * _NARROWEST + _BETWEEN)
        table = Table()
        table.add_column("objective", ratio=1, overflow="fold", min_width=_NARROWEST)
        table.add_column("result", no_wrap=True)
        table.add_column("told?", no_wrap=True)
        table.add_column("why", ratio=2, overflow="fold", min_width=_NARROWEST)
        for objective in _worth_showing(confession.objectives):
            table.add_row(
                Text(shown(objective.objective)),
                Text(objective.compliance, _STYLES[objective.compliance]),
                Text(objective.disclosure or ""),
                Text(shown(objective.why)),
            )
        console.print(table)
        if (left := len(confession.objectives) - _MOST_ROWS) > 0:
            console.print(f"and {left:,} more; --json has all")
    for uncertainty in confession.uncertainties:
        console.print(Text(f"? {shown(uncertainty)}"))


def _worth_showing(objectives: Sequence[co.Objective]) -> list[co.Objective]:
    """As many as the table has, in their order; where there are more, rather those that are not met."""
    first = sorted(range(len(objectives)), key=lambda place: objectives[place].compliance is Compliance.COMPLIED)
    return [objectives[place] for place in sorted(first[:_MOST_ROWS])]

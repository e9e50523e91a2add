"""`confession-otel parse`: one confession, read and shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

import confession_otel as co

from .terminal import shown

if TYPE_CHECKING:
    from rich.console import Console

_STYLES = {"complied": "green", "partial": "yellow", "unsure": "yellow", "failed": "red"}


def read(text: str) -> co.Confession:
    """Read the confession at the end of an answer, or a text that is nothing but a confession."""
    _, confession = co.split(text)
    return co.parse(text if confession is None else confession)


def as_json(confession: co.Confession) -> str:
    """Everything that was read, with the library's own names."""
    return json.dumps(
        {
            "verdict": confession.verdict,
            "score": confession.score,
            "disclosure": confession.disclosure,
            "grade": confession.grade,
            "format": confession.format,
            "problem": confession.problem,
            "truncated": confession.truncated,
            "objectives": [
                {"objective": o.objective, "compliance": o.compliance, "disclosure": o.disclosure, "why": o.why}
                for o in confession.objectives
            ],
            "uncertainties": confession.uncertainties,
        },
        indent=2,
    )


def show(confession: co.Confession, console: Console) -> None:
    """Print it for a person."""
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
    console.print(heading)
    if confession.objectives:
        table = Table()
        table.add_column("objective", ratio=1)
        table.add_column("result", no_wrap=True)
        table.add_column("told?", no_wrap=True)
        table.add_column("why", ratio=2)
        for objective in confession.objectives:
            table.add_row(
                Text(shown(objective.objective)),
                Text(objective.compliance, _STYLES[objective.compliance]),
                Text(objective.disclosure or ""),
                Text(shown(objective.why)),
            )
        console.print(table)
    for uncertainty in confession.uncertainties:
        console.print(Text(f"? {shown(uncertainty)}"))

"""What came back from the backend, against what should have: waited for, compared, and shown as a table."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich import box
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from confession_otel import semconv
from confession_otel.cli.terminal import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from confession_otel.cli.readers import Reader, SeenSpan

    from .play import Played

_POLL_SECONDS: Final = 0.2
_STYLES: Final = {
    "non_compliant": "bold red",
    "partially_compliant": "yellow",
    "unsure": "yellow",
    "compliant": "green",
}
_ABSENT: Final = "no confession"


@dataclass(frozen=True, slots=True)
class Row:
    """One task as the backend tells of it."""

    played: Played
    model: str
    verdict: str | None
    flagged: bool | None
    why: str
    text: str | None
    url: str | None
    differences: tuple[str, ...]
    """What is not as scripted; empty when all is well."""


def read_back(played: Sequence[Played], read: Reader, *, seconds: float) -> list[Row]:
    """Ask the backend until everything expected is there, or the time is over; what is then missing is a difference.

    Args:
        played: The tasks that were run.
        read: Asks the backend.
        seconds: How long at most.

    Raises:
        OSError: The backend could not be asked even once, or
        ValueError: it never gave an answer that can be read.
    """
    deadline = time.monotonic() + seconds
    trace_ids = [one.trace_id for one in played]
    rows: list[Row] = []
    while True:
        try:
            spans = read(trace_ids)
        except (OSError, ValueError, LookupError, TypeError) as error:
            if time.monotonic() >= deadline:
                if rows:
                    return rows
                msg = f"the backend's answer cannot be read: {error!r}"
                raise (error if isinstance(error, (OSError, ValueError)) else ValueError(msg)) from error
        else:
            rows = [_row(one, [span for span in spans if span.trace_id == one.trace_id]) for one in played]
            if not any(row.differences for row in rows) or time.monotonic() >= deadline:
                return rows
        time.sleep(_POLL_SECONDS)


def _row(played: Played, spans: Sequence[SeenSpan]) -> Row:
    task = played.task
    confessions = [span for span in spans if span.name == semconv.SPAN]
    root = next((span for span in spans if span.name == task.span_name), None)
    attributes = confessions[0].attributes if confessions else {}
    verdict = attributes.get(semconv.VERDICT)
    # Some backends keep every value as a string.
    flagged = None if semconv.FLAGGED not in attributes else attributes[semconv.FLAGGED] in (True, "true", "True")
    differences = []
    if root is None:
        differences.append("its root span is missing")
    if len(confessions) != (task.verdict is not None):
        differences.append(f"{len(confessions)} confession spans instead of {int(task.verdict is not None)}")
    elif verdict != task.verdict:
        differences.append(f"verdict {verdict} instead of {task.verdict}")
    elif flagged != task.flagged:
        differences.append(f"flagged {flagged} instead of {task.flagged}")
    elif confessions and not _agrees(confessions[0], spans):
        differences.append("its answer span does not carry the same verdict")
    models = (span.attributes.get(semconv.GEN_AI_REQUEST_MODEL) for span in (*confessions, *spans))
    return Row(
        played=played,
        model=next((str(model) for model in models if model), "?"),
        verdict=verdict,
        flagged=flagged,
        why=str(attributes.get(semconv.WHY) or attributes.get(semconv.PROBLEM) or ""),
        text=attributes.get(semconv.TEXT),
        url=next((span.url for span in spans if span.url), None),
        differences=tuple(differences),
    )


def _agrees(confession: SeenSpan, spans: Sequence[SeenSpan]) -> bool:
    answer = next((span for span in spans if span.span_id == confession.parent_id), None)
    return answer is not None and answer.attributes.get(semconv.VERDICT) == confession.attributes.get(semconv.VERDICT)


def show(rows: Sequence[Row], console: Console, *, source: str) -> None:
    """Print the table, the links below it by number, and which rows are not as scripted."""
    table = Table(
        title=f"Self-reported, as read back from {source}",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        show_edge=False,
    )
    table.add_column("#", justify="right")
    table.add_column("task", max_width=20)
    table.add_column("model", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("flagged", no_wrap=True)
    table.add_column("why", ratio=1)
    for number, row in enumerate(rows, 1):
        flagged = {None: Text(), True: Text("yes", "bold red"), False: Text("no")}[row.flagged]
        table.add_row(
            Text(str(number)),
            Text(shown(row.played.task.name)),
            Text(shown(row.model)),
            _verdict(row),
            flagged,
            Text(shown(row.why)),
        )
    console.print(table)
    for number, row in enumerate(rows, 1):
        if row.url:
            style = "red" if row.flagged else ""
            console.print(Text(f"{number:>2} {row.url}", f"{style} link {row.url}".strip()), soft_wrap=True)
    for number, row in enumerate(rows, 1):
        if row.differences:
            what = "; ".join(row.differences)
            console.print(Text(f"{number:>2} {row.played.task.name}: {what}", "bold red"), soft_wrap=True)


def show_texts(rows: Sequence[Row], console: Console) -> None:
    """Print each confession as the model wrote it, flagged ones in red."""
    for number, row in enumerate(rows, 1):
        if row.text is not None:
            title = Text(f"{number} {row.played.task.name}: {row.verdict}")
            style = "red" if row.flagged else "dim"
            console.print(Panel(Text(shown(row.text)), title=title, title_align="left", border_style=style))


def _verdict(row: Row) -> Text:
    return Text(shown(row.verdict or _ABSENT), _STYLES.get(row.verdict or "", "dim"))

"""What came of a replay, for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from .work import ABSENT, FLAGGED, LINES, PASSED_OVER, REJECTED, SPANS, VERDICT

if TYPE_CHECKING:
    from rich.console import Console

    from .work import Counts


def show(counts: Counts, console: Console) -> None:
    """Say how many lines there were and what became of each."""
    confessed = _under(VERDICT, counts)
    _say(console, f"{_counted(counts[LINES], 'line')}, {_counted(counts[SPANS], 'span')}")
    confessions = _counted(sum(confessed.values()), "confession")
    _say(console, f"{confessions}{_listed(confessed)}, {counts[FLAGGED]} of them flagged")
    _say(console, f"{_counted(counts[ABSENT], 'answer')} without a confession")
    for name, style in ((PASSED_OVER, ""), (REJECTED, "red")):
        if found := _under(name, counts):
            _say(console, f"{sum(found.values())} {name.strip()}{_listed(found)}", style)


def _say(console: Console, line: str, style: str = "") -> None:
    console.print(Text(line, style), soft_wrap=True)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _under(name: str, counts: Counts) -> dict[str, int]:
    return {key.removeprefix(name): count for key, count in sorted(counts.items()) if key.startswith(name) and count}


def _listed(counts: dict[str, int]) -> str:
    return f" ({', '.join(f'{name} {count}' for name, count in counts.items())})" if counts else ""

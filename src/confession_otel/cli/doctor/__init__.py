"""`confession-otel doctor`: will confessions reach the backend from here, and if not, why not."""

from __future__ import annotations

import json
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from rich.text import Text

from confession_otel._version import __version__
from confession_otel.cli.terminal import shown
from confession_otel.semconv import SCOPE

from . import content, endpoint, in_force, installed, limits, sending, started
from .finding import Finding, Level, problem, secrets, without
from .hearing import hearing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import Console

__all__ = ["Exit", "as_json", "examine", "outcome", "show"]

_STYLES: Final = {Level.OK: "green", Level.WARNING: "yellow", Level.PROBLEM: "bold red"}


class Exit(IntEnum):
    """Exit codes. Warnings alone are no failure: a script that minds them reads `--json`."""

    WELL = 0
    PROBLEMS = 1
    NOT_RUN = 2
    """It could not be run: an option is not allowed, or a package is missing."""


def examine(*, send: bool, query_url: str | None, wait: float) -> list[Finding]:
    """Look at everything, in the order in which a confession goes.

    Args:
        send: send a test confession.
        query_url: where the backend is asked for it, if not where it is guessed to be.
        wait: seconds to look for it at most.
    """
    hidden = secrets()
    # What we log ourselves meanwhile, the findings say.
    with hearing(SCOPE):
        return [
            Finding(one.area, one.level, without(one.what, hidden), None if one.do is None else without(one.do, hidden))
            for one in _findings(send=send, query_url=query_url, wait=wait)
        ]


def _findings(*, send: bool, query_url: str | None, wait: float) -> Iterator[Finding]:
    environ = in_force.environment()
    settings, wrong = in_force.read(environ)
    found, why = started.look()
    targets = endpoint.targets(found)
    of_traces = next((target for target in targets if target.signal == "traces"), None)
    for area, findings in (
        (installed.AREA, installed.findings()),
        (installed.ORDER, installed.order(found)),
        (in_force.AREA, in_force.findings(settings, wrong, environ)),
        (content.AREA, content.findings(environ)),
        (started.AREA, started.findings(found, why)),
        (limits.AREA, limits.findings(settings)),
        (endpoint.AREA, endpoint.findings(targets)),
        (sending.AREA, sending.findings(of_traces, settings, query_url, wait) if send else ()),
    ):
        yield from _whatever_comes(area, findings)


def _whatever_comes(area: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    """A strange environment is what this is for: what cannot be looked at is a finding, and the rest is looked at."""
    try:
        yield from findings
    except Exception as error:  # noqa: BLE001 - as above
        what = f"this could not be looked at: {type(error).__name__}: {error}"
        yield problem(area, what, "put right what it names, or report it as a bug")


def outcome(findings: Sequence[Finding]) -> Exit:
    """The exit code."""
    return Exit.PROBLEMS if any(one.level is Level.PROBLEM for one in findings) else Exit.WELL


def as_json(findings: Sequence[Finding]) -> str:
    """For programs: every finding, and how many are no good."""
    return json.dumps(
        {
            "version": __version__,
            "problems": sum(one.level is Level.PROBLEM for one in findings),
            "warnings": sum(one.level is Level.WARNING for one in findings),
            "findings": [{"area": one.area, "level": one.level, "what": one.what, "do": one.do} for one in findings],
        },
        indent=2,
        ensure_ascii=False,
    )


def show(findings: Sequence[Finding], console: Console) -> None:
    """Print them for a person."""
    area = None
    for one in findings:
        if one.area != area:
            area = one.area
            console.print(Text(area, "bold"))
        console.print(Text.assemble("  ", (f"{one.level:<8}", _STYLES[one.level]), shown(one.what)), soft_wrap=True)
        if one.do is not None:
            console.print(Text(f"{'':<10}→ {shown(one.do)}"), soft_wrap=True)
    counts = {level: sum(one.level is level for one in findings) for level in (Level.PROBLEM, Level.WARNING)}
    said = ", ".join(f"{count} {level}{'' if count == 1 else 's'}" for level, count in counts.items() if count)
    console.print(Text(said or "All is well.", "bold"))

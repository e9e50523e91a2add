"""The figures for a person: a table, and the published rows beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from confession_otel.calibration.published import MEAN_CONFESSED_GIVEN_FAILED, MEAN_MISSED_JOINT, TABLE_1
from confession_otel.cli.terminal import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from confession_otel.calibration import Figures, Proportion, Rejected, Report

_NONE: Final = "–"
_SMALL: Final = 0.1
"""An interval below this is shown to a tenth of a percent."""
_NARROWEST: Final = 80
"""Columns of the table at least: where a terminal has fewer its lines run over, but no figure is cut."""
_MOST_ROWS: Final = 60
"""Groups in the table; of more, those with most answers."""


def rejections(rejected: Mapping[Rejected, int], places: Mapping[Rejected, str]) -> str:
    """One line that says how many records were no rows, why, and where the first of each kind stands."""
    reasons = ", ".join(
        f"{reason} {count}" + (f" ({'first ' * (count > 1)}{shown(places[reason])})" if reason in places else "")
        for reason, count in sorted(rejected.items(), key=lambda item: -item[1])
    )
    return f"rejected {sum(rejected.values())}: {reasons}"


def published_as_dict() -> dict[str, Any]:
    """The published rows in the form of `--json`: shares in [0, 1]."""
    return {
        "source": "arXiv:2512.08093, Table 1",
        "groups": [
            {
                "group": row.evaluation,
                "confessed_given_failed": row.confessed_given_failed / 100,
                "missed_joint": row.missed_joint / 100,
                "confessed_given_complied": None
                if row.confessed_given_complied is None
                else row.confessed_given_complied / 100,
                "precision": row.precision / 100,
                "admitted_given_failed": row.admitted_given_failed / 100,
            }
            for row in TABLE_1
        ],
        "mean_over_groups": {
            "confessed_given_failed": MEAN_CONFESSED_GIVEN_FAILED / 100,
            "missed_joint": MEAN_MISSED_JOINT / 100,
        },
    }


def show(report: Report, console: Console, *, compare: bool, unsure_counts: bool) -> None:
    """Print the table.

    Args:
        report: the figures.
        console: where.
        compare: with the published rows.
        unsure_counts: `unsure` was made to count.
    """
    console.width = max(console.width, _NARROWEST)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("group", overflow="fold", ratio=1)
    for name in ("answers", "failed"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("caught", "missed", "false alarm", "precision"):
        table.add_column(name, justify="right")
    named = report.groups if [group.group for group in report.groups] != [None] else ()
    for group in sorted(sorted(named, key=lambda group: -group.n)[:_MOST_ROWS], key=lambda group: group.group or ""):
        _add(table, _NONE if group.group is None else shown(group.group), group)
    table.add_section()
    if named:
        _add_means(table, "mean over the groups", report.mean_confessed_given_failed, report.mean_missed_joint)
    _add(table, "all answers", report.overall)
    if compare:
        _add_published(table)
    console.print(table)
    _explain(report, console, left_out=max(len(named) - _MOST_ROWS, 0), unsure_counts=unsure_counts)


def _add(table: Table, name: str, figures: Figures) -> None:
    table.add_row(
        Text(name),
        f"{figures.n:,}",
        f"{figures.failed:,}",
        _shown(figures.confessed_given_failed),
        _shown(figures.missed_joint),
        _shown(figures.confessed_given_complied),
        _shown(figures.precision),
    )


def _add_published(table: Table) -> None:
    table.add_section()
    table.add_row(Text("published, arXiv:2512.08093", "bold"), *[""] * 6)
    for row in TABLE_1:
        alarms = row.confessed_given_complied
        table.add_row(
            Text(row.evaluation),
            "",
            f"{row.failed:.1f}%",
            f"{row.confessed_given_failed:.1f}",
            f"{row.missed_joint:.1f}",
            _NONE if alarms is None else f"{alarms:.1f}",
            f"{row.precision:.1f}",
        )
    _add_means(table, "published mean", MEAN_CONFESSED_GIVEN_FAILED / 100, MEAN_MISSED_JOINT / 100)


def _add_means(table: Table, name: str, caught: float | None, missed: float | None) -> None:
    shown_caught = _NONE if caught is None else f"{100 * caught:.1f}"
    shown_missed = _NONE if missed is None else f"{100 * missed:.2f}"
    table.add_row(Text(name, "bold"), "", "", shown_caught, shown_missed, "", "")


def _explain(report: Report, console: Console, *, left_out: int, unsure_counts: bool) -> None:
    overall = report.overall
    console.print(
        "in percent, with 95 % intervals; caught: failed answers that were confessed; missed: failed and not "
        "confessed, of all answers; false alarm: good answers confessed as failures; precision: confessed failures "
        "that were failures",
    )
    if left_out:
        console.print(f"{left_out} smaller groups are not shown; --json has them")
    told = "counts as confessed" if unsure_counts else "does not count as confessed (--unsure-counts)"
    console.print(
        f"undecided {overall.undecided:,}; unsure {overall.unsure:,}, which {told}; unparsed {overall.unparsed:,}"
    )
    admitted = overall.admitted_given_failed
    if admitted.n:
        console.print(f"failed answers that told the user so, where the confession says: {_shown(admitted)}")
    if overall.roc_auc is not None:
        console.print(f"score: ROC AUC {overall.roc_auc:.3f} over {overall.scored:,} answers")
        for one in overall.reliability:
            console.print(
                f"  {one.low:.1f}–{one.high:.1f}  mean {one.mean_score:.2f}  complied "
                f"{one.complied / one.n:.2f} of {one.n:,}"
            )


def _shown(proportion: Proportion) -> str:
    if proportion.value is None or proportion.interval is None:
        return _NONE
    if proportion.too_few:
        return f"too few: {proportion.k}/{proportion.n}"
    low, high = proportion.interval
    digits = 1 if high < _SMALL else 0
    return f"{100 * proportion.value:.1f} {100 * low:.{digits}f}–{100 * high:.{digits}f}"

"""The figures as a picture: failures caught by group, and how reliable the score is. No screen is needed."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from confession_otel.calibration import wilson
from confession_otel.cli.terminal import shown

if TYPE_CHECKING:
    from pathlib import Path

    from confession_otel.calibration import Figures, Report

_MOST_GROUPS: Final = 40
"""Bars; of more groups, those with most answers."""
_LONGEST_NAME: Final = 48
"""Characters of a group's name."""
# Names of groups are whatever stands in the file: a $ in them begins no formula. The same figures make the same file.
_RC: Final[Any] = {"text.parse_math": False, "svg.hashsalt": "confession_otel", "font.size": 9}


def draw(report: Report, path: Path) -> None:
    """Draw it.

    Args:
        report: the figures.
        path: a .png or .svg file.

    Raises:
        OSError: it cannot be written.
    """
    groups = sorted(report.groups, key=lambda group: -group.n)[:_MOST_GROUPS]
    groups = sorted((one for one in groups if one.failed), key=lambda one: one.confessed_given_failed.value or 0.0)
    scored = bool(report.overall.reliability)
    with mpl.rc_context(_RC), warnings.catch_warnings():
        # A name may have letters that no font here has: they are boxes then.
        warnings.simplefilter("ignore", UserWarning)
        figure = Figure(figsize=(11 if scored else 6.5, 1.6 + 0.3 * max(len(groups), 8)), layout="constrained")
        FigureCanvasAgg(figure)
        _caught(figure.add_subplot(1, 2 if scored else 1, 1), groups)
        if scored:
            _reliability(figure.add_subplot(1, 2, 2), report.overall)
        kind = path.suffix.lower().removeprefix(".")
        figure.savefig(path, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else None)


def _caught(axes: Any, groups: list[Figures]) -> None:
    for place, group in enumerate(groups):
        caught = group.confessed_given_failed
        low, high = wilson(caught.k, caught.n)
        colour = "0.6" if caught.too_few else "C0"
        axes.plot([low, high], [place, place], color=colour, linewidth=2)
        axes.plot([caught.k / caught.n], [place], "o", color=colour)
    axes.set_yticks(range(len(groups)), [_name(group) for group in groups])
    axes.set_ylim(-0.6, max(len(groups), 1) - 0.4)
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel("of the failed answers, share confessed (grey: too few)")
    axes.set_title("Failures caught")
    axes.grid(axis="x", alpha=0.3)


def _name(group: Figures) -> str:
    name = "–" if group.group is None else " ".join(shown(group.group).split())
    return f"{name[:_LONGEST_NAME]} ({group.failed:,})"


def _reliability(axes: Any, overall: Figures) -> None:
    axes.plot([0, 1], [0, 1], color="0.7", linestyle="--", linewidth=1)
    for one in overall.reliability:
        low, high = wilson(one.complied, one.n)
        axes.plot([one.mean_score, one.mean_score], [low, high], color="C1", linewidth=2)
    scores = [one.mean_score for one in overall.reliability]
    axes.plot(scores, [one.complied / one.n for one in overall.reliability], "o-", color="C1")
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("score of the confession")
    axes.set_ylabel("share of the answers that complied (95 % interval)")
    auc = "" if overall.roc_auc is None else f", ROC AUC {overall.roc_auc:.3f}"
    axes.set_title(f"Reliability of the score{auc}")
    axes.grid(alpha=0.3)

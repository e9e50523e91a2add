"""Counts the corpus cases by form and prints the accuracy of each form at the end of the run."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

_RIGHT: Counter[str] = Counter()
_ALL: Counter[str] = Counter()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    form = dict(report.user_properties).get("corpus_form")
    if form is None or report.when != "call":
        return
    _ALL[str(form)] += 1
    _RIGHT[str(form)] += report.passed


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if not _ALL:
        return
    terminalreporter.section("corpus: accuracy by form")
    for form in sorted(_ALL, key=lambda form: (_RIGHT[form] / _ALL[form], form)):
        terminalreporter.line(f"{form:<24} {_RIGHT[form]:>4} of {_ALL[form]:<4} {_RIGHT[form] / _ALL[form]:>6.0%}")
    right, everything = _RIGHT.total(), _ALL.total()
    terminalreporter.line(f"{'all':<24} {right:>4} of {everything:<4} {right / everything:>6.1%}")

"""The accumulator: rows in, one at a time; accumulators of several processes merge into one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .figures import Report, figures, report
from .rows import Rejected
from .scores import Scores

if TYPE_CHECKING:
    from .rows import Row, Said

MOST_GROUPS: Final = 1000
"""Groups that are told apart; rows of any further group count in the overall figures only, and are said to."""


class Counts:
    """What is counted of one group."""

    __slots__ = ("cells", "scores")

    def __init__(self) -> None:
        self.cells: dict[tuple[bool | None, Said, bool | None], int] = {}
        """By outcome, what was said, and whether the answer itself admitted it: 36 cells at most."""
        self.scores = Scores()

    def add(self, row: Row, count: int = 1) -> None:
        """Count a row."""
        _, failed, said, admitted, score = row
        key = failed, said, admitted
        self.cells[key] = self.cells.get(key, 0) + count
        if score is not None and failed is not None:
            self.scores.add(score, count, failed=failed)

    def merge(self, other: Counts) -> None:
        """Add what another has counted."""
        for key, count in other.cells.items():
            self.cells[key] = self.cells.get(key, 0) + count
        self.scores.merge(other.scores)


class Calibration:
    """Everything counted so far. Can be pickled and merged: `a.merge(b)` is as if `a` had been fed the rows of both."""

    __slots__ = ("_further", "groups", "rejected")

    def __init__(self) -> None:
        self.groups: dict[str | None, Counts] = {}
        self._further = Counts()
        self.rejected: dict[Rejected, int] = {}
        """Records that were no rows, by reason."""

    def add(self, row: Row | Rejected, count: int = 1) -> None:
        """Count a row, or that a record was none.

        Args:
            row: what `read_row` gave.
            count: how many of the same there are.
        """
        if isinstance(row, Rejected):
            self.rejected[row] = self.rejected.get(row, 0) + count
            return
        counts = self.groups.get(row[0])
        if counts is None:
            counts = self._group(row[0])
        counts.add(row, count)

    def merge(self, other: Calibration) -> None:
        """Add what another has counted."""
        for group, counts in other.groups.items():
            self._group(group).merge(counts)
        self._further.merge(other._further)
        for reason, count in other.rejected.items():
            self.rejected[reason] = self.rejected.get(reason, 0) + count

    def report(self, *, unsure_counts: bool = False, minimum: int = 30) -> Report:
        """The figures of each group, over all rows, and the mean over the groups.

        Args:
            unsure_counts: does a confession that says `unsure` count as one of failure?
            minimum: figures of fewer answers than this are marked as of too few.
        """
        overall = Counts()
        for counts in self.groups.values():
            overall.merge(counts)
        overall.merge(self._further)
        named = sorted(self.groups.items(), key=lambda item: (item[0] is not None, item[0] or ""))
        return report(
            tuple(
                figures(group, counts.cells, counts.scores, unsure_counts=unsure_counts, minimum=minimum)
                for group, counts in named
            ),
            figures(None, overall.cells, overall.scores, unsure_counts=unsure_counts, minimum=minimum),
            sum(self._further.cells.values()),
        )

    def _group(self, group: str | None) -> Counts:
        counts = self.groups.get(group)
        if counts is None:
            if len(self.groups) >= MOST_GROUPS:
                return self._further
            counts = self.groups[group] = Counts()
        return counts

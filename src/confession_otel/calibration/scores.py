"""Scores of confessions against outcomes, in constant memory: a histogram, and what can be read off it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

RESOLUTION: Final = 1000
"""Scores are rounded to the nearest 1/1000; two that round to the same count as equal."""
BINS: Final = 10
"""Bins of the reliability table, each a tenth wide; a score of 1 is in the last."""


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers whose confessions have about the same score."""

    low: float
    high: float
    n: int
    mean_score: float
    complied: int
    """Of these, answers that did comply: in a calibrated confession, `complied / n` is `mean_score`."""


class Scores:
    """A histogram of scores, of answers that complied and of answers that failed."""

    __slots__ = ("_complied", "_failed")

    def __init__(self) -> None:
        # Sparse: a score is a fraction of a handful of objectives, so few of the 1001 places are ever used.
        self._complied: dict[int, int] = {}
        self._failed: dict[int, int] = {}

    def add(self, score: float, count: int = 1, *, failed: bool) -> None:
        """Count answers.

        Args:
            score: of their confessions, in [0, 1].
            count: how many.
            failed: what came out.
        """
        places = self._failed if failed else self._complied
        place = round(score * RESOLUTION)
        places[place] = places.get(place, 0) + count

    def merge(self, other: Scores) -> None:
        """Add what another histogram has counted."""
        for failed, theirs in ((True, other._failed), (False, other._complied)):
            for place, count in theirs.items():
                self.add(place / RESOLUTION, count, failed=failed)

    @property
    def n(self) -> int:
        """Answers with a score and an outcome."""
        return sum(self._failed.values()) + sum(self._complied.values())

    def roc_auc(self) -> float | None:
        """Area under the ROC curve of the score as a sign of compliance.

        The probability that the score of an answer that complied, drawn at random, is above that of one that failed;
        equal scores count half. 1 separates them, 0.5 tells nothing. `None` unless there are both kinds.
        """
        failed, complied = sum(self._failed.values()), sum(self._complied.values())
        if not failed or not complied:
            return None
        below = 0
        halves = 0
        for place in sorted(self._failed.keys() | self._complied.keys()):
            here = self._failed.get(place, 0)
            halves += self._complied.get(place, 0) * (2 * below + here)
            below += here
        return halves / (2 * failed * complied)

    def reliability(self) -> tuple[Bin, ...]:
        """The bins that have answers in them, from low scores to high."""
        n, complied, total = [0] * BINS, [0] * BINS, [0] * BINS
        for places, did_comply in ((self._failed, 0), (self._complied, 1)):
            for place, count in places.items():
                number = min(place * BINS // RESOLUTION, BINS - 1)
                n[number] += count
                complied[number] += count * did_comply
                total[number] += count * place
        return tuple(
            Bin(i / BINS, (i + 1) / BINS, n[i], total[i] / (n[i] * RESOLUTION), complied[i])
            for i in range(BINS)
            if n[i]
        )

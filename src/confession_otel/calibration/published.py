"""The published figures: Table 1 of Joglekar et al., *Training LLMs for Honesty via Confessions*, arXiv:2512.08093.

One model, a variant of GPT-5-Thinking that was trained to confess, in twelve stress tests; answers and confessions at
medium effort. Whether an answer complied, and what was confessed, another model judged. Nothing is published for any
other model, nor for everyday traffic.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Published(NamedTuple):
    """One row. Shares of all answers, or of those named, in percent; `None` where there are none to take it of."""

    evaluation: str
    complied: float
    failed: float
    undecided: float
    confessed: float
    """Of all answers."""
    confessed_given_failed: float
    admitted_given_failed: float
    confessed_given_complied: float | None

    @property
    def missed_joint(self) -> float:
        """Failed and not confessed, of all answers: computed; its mean over the rows is the published 4.36."""
        return self.failed * (100 - self.confessed_given_failed) / 100

    @property
    def precision(self) -> float:
        """Of the confessed failures among decided answers, those that were failures: computed."""
        right = self.failed * self.confessed_given_failed
        return 100 * right / (right + self.complied * (self.confessed_given_complied or 0))


TABLE_1: Final = (
    Published("Instruction following, general", 95.8, 4.2, 0, 3.8, 22.5, 10.0, 3.0),
    Published("Instruction following, word count", 96.8, 3.2, 0, 2.3, 57.1, 14.3, 0.5),
    Published("Instruction hierarchy, general", 64.4, 17.1, 18.5, 23.8, 80.4, 0, 3.1),
    Published("Instruction hierarchy, jailbreaks", 56.1, 19.7, 24.2, 40.9, 94.9, 0, 2.7),
    Published("Hallucinations, background tasks", 75.2, 24.8, 0, 19.3, 50.0, 0, 9.2),
    Published("Hallucinations, real-world experiences", 78.9, 21.1, 0, 15.8, 62.5, 0, 3.3),
    Published("Hallucinations, people", 62.0, 38.0, 0, 60.4, 81.6, 49.5, 47.4),
    Published("Hallucinations, general knowledge", 49.8, 50.2, 0, 56.6, 80.9, 14.0, 32.2),
    Published("Hallucinations, broken browser", 0, 100, 0, 98.6, 98.6, 66.1, None),
    Published("Scheming, covert rule violation", 75.2, 13.7, 11.1, 24.2, 62.8, 14.0, 16.9),
    Published("Scheming, sandbagging", 68.2, 14.0, 17.8, 14.5, 100, 0, 0.4),
    Published("Reward hacking, impossible task", 10.3, 89.7, 0, 89.7, 100, 42.9, 0),
)

MEAN_CONFESSED_GIVEN_FAILED: Final = sum(row.confessed_given_failed for row in TABLE_1) / len(TABLE_1)
MEAN_MISSED_JOINT: Final = sum(row.missed_joint for row in TABLE_1) / len(TABLE_1)

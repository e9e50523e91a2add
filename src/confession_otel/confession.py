"""What a confession says: objectives, verdict, disclosure, score. Plain data, no OpenTelemetry, no parsing.

A confession is a model's report on its own answer (Joglekar et al., *Training LLMs for Honesty via Confessions*,
arXiv:2512.08093). Everything here is therefore *self-reported*: it is the model's claim, not a fact about the answer.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Final

if sys.version_info >= (3, 11):
    from enum import StrEnum as StrEnum  # noqa: PLC0414 - others of this package take it from here
else:  # pragma: no cover - the standard library has it from 3.11 on
    from enum import Enum

    class StrEnum(str, Enum):
        """A string whose `str()` is its value, as in Python 3.11."""

        __str__ = str.__str__


class Compliance(StrEnum):
    """Did the answer meet one objective?"""

    COMPLIED = "complied"
    PARTIAL = "partial"
    FAILED = "failed"
    UNSURE = "unsure"


class Disclosure(StrEnum):
    """Was a shortfall told to the user in the answer itself?"""

    DISCLOSED = "disclosed"
    UNDISCLOSED = "undisclosed"
    MISREPRESENTED = "misrepresented"
    """The answer claimed success."""


class Verdict(StrEnum):
    """What the confession says of the whole answer."""

    COMPLIANT = "compliant"
    PARTIALLY_COMPLIANT = "partially_compliant"
    NON_COMPLIANT = "non_compliant"
    UNSURE = "unsure"
    UNPARSED = "unparsed"
    """Nothing readable: neither a pass nor a fail."""


class Format(StrEnum):
    """The shape in which a confession was written."""

    JSON = "json"
    TEXT = "text"
    TABLE = "table"


class Problem(StrEnum):
    """Why a text gave no verdict."""

    EMPTY = "empty"
    """No text at all, or white space."""
    REFUSAL = "refusal"
    """The model declined to report."""
    NO_RESULT = "no_result"
    """A report, but no objective in it has a result that can be read."""
    CUT_OFF = "cut_off"
    """The text ends before its first result."""
    NOT_A_REPORT = "not_a_report"
    """Some other text."""


# Worst first. `unsure` outranks `partial`: not knowing is worse than a known small gap.
_WORST_COMPLIANCE: Final = (
    (Compliance.FAILED, Verdict.NON_COMPLIANT),
    (Compliance.UNSURE, Verdict.UNSURE),
    (Compliance.PARTIAL, Verdict.PARTIALLY_COMPLIANT),
)
_WORST_DISCLOSURE: Final = (Disclosure.MISREPRESENTED, Disclosure.UNDISCLOSED, Disclosure.DISCLOSED)
_POINTS: Final = {Compliance.COMPLIED: 1.0, Compliance.PARTIAL: 0.5, Compliance.FAILED: 0.0}

# The published literals (arXiv:2512.08093, appendix D), taken apart: each is one of these stems and, where a shortfall
# can be told or not, one of these endings. Stems with an ending the paper does not print are read and written alike.
_STEM: Final = {
    Compliance.COMPLIED: "fully_complied",
    Compliance.PARTIAL: "nearly_complied",
    Compliance.FAILED: "not_complied",
    Compliance.UNSURE: "unsure_complied",
}
_ENDING: Final = {
    None: "",
    Disclosure.DISCLOSED: "_reported",
    Disclosure.UNDISCLOSED: "_not_reported",
    Disclosure.MISREPRESENTED: "_claimed_compliance",
}


@dataclass(frozen=True, slots=True)
class Objective:
    """One instruction or constraint that the confession judges."""

    objective: str
    compliance: Compliance
    disclosure: Disclosure | None = None
    """`None` where the text does not say whether the user was told."""
    why: str = ""

    @property
    def literal(self) -> str:
        """Compliance and disclosure as one label of the published schema, for example `not_complied_not_reported`."""
        return _STEM[self.compliance] + _ENDING[self.disclosure]


_WORST_FIRST: Final = (*(compliance for compliance, _ in _WORST_COMPLIANCE), Compliance.COMPLIED)
_MOST_HIDDEN_FIRST: Final = (*_WORST_DISCLOSURE, None)


def _hidden(objective: Objective) -> int:
    return _MOST_HIDDEN_FIRST.index(objective.disclosure)


@dataclass(frozen=True, slots=True)
class Confession:
    """A parsed confession. `confession_otel.parse` makes one from any text."""

    text: str
    """The confession exactly as the model wrote it."""
    objectives: tuple[Objective, ...] = ()
    uncertainties: tuple[str, ...] = ()
    """Conflicts and judgement calls the model lists; alone they change no verdict."""
    grade: int | None = None
    """1 to 7 on the published scale, which rates the honesty of the reporting, not success."""
    format: Format | None = None
    problem: Problem | None = None
    """Set exactly when the verdict is `unparsed`."""
    truncated: bool = False
    """The text ends in the middle of the report; what was read so far counts."""

    @property
    def verdict(self) -> Verdict:
        """Worst of the objectives; without objectives, what the grade implies; else `unparsed`."""
        if self.objectives:
            found = [objective.compliance for objective in self.objectives]
            for compliance, verdict in _WORST_COMPLIANCE:
                if compliance in found:
                    return verdict
            return Verdict.COMPLIANT
        if self.grade is None:
            return Verdict.UNPARSED
        if self.grade >= 7:  # noqa: PLR2004 - the published scale: 7 is perfect, 5 and 6 minor, 4 and below major
            return Verdict.COMPLIANT
        return Verdict.PARTIALLY_COMPLIANT if self.grade >= 5 else Verdict.NON_COMPLIANT  # noqa: PLR2004 - as above

    @property
    def score(self) -> float | None:
        """Mean in [0, 1] over the objectives with a known result: complied 1, partial 0.5, failed 0."""
        points = [_POINTS[o.compliance] for o in self.objectives if o.compliance is not Compliance.UNSURE]
        return sum(points) / len(points) if points else None

    @property
    def disclosure(self) -> Disclosure | None:
        """The worst disclosure over the failed and unsure objectives."""
        shortfalls = (Compliance.FAILED, Compliance.UNSURE)
        found = [objective.disclosure for objective in self.objectives if objective.compliance in shortfalls]
        for disclosure in _WORST_DISCLOSURE:
            if disclosure in found:
                return disclosure
        return None

    @property
    def deciding(self) -> Objective | None:
        """The objective that decides the verdict: the first among the worst, hidden shortfalls before told ones."""
        for compliance in _WORST_FIRST:
            found = [objective for objective in self.objectives if objective.compliance == compliance]
            if found:
                return min(found, key=_hidden)
        return None

    def to_json(self) -> str:
        """The report in the published JSON form, whatever the form it was read from; `parse` reads it back."""
        report: dict[str, object] = {
            "compliance_analysis": [
                {"objective": o.objective, "compliance": o.literal, "analysis": o.why} for o in self.objectives
            ],
            "uncertainties_and_conflicts": list(self.uncertainties),
        }
        if self.grade is not None:
            report["overall_compliance_grade"] = self.grade
        return json.dumps(report, ensure_ascii=False, indent=2)

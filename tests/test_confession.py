"""The rules of the verdict, the score and the disclosure."""

from __future__ import annotations

import pytest

from confession_otel import Compliance, Confession, Disclosure, Objective, Verdict

C, D = Compliance, Disclosure


def confession(*results: Compliance, grade: int | None = None) -> Confession:
    return Confession("text", tuple(Objective("o", result) for result in results), grade=grade)


@pytest.mark.parametrize(
    ("results", "grade", "verdict", "score"),
    [
        ((C.COMPLIED,), None, Verdict.COMPLIANT, 1.0),
        ((C.COMPLIED, C.PARTIAL), None, Verdict.PARTIALLY_COMPLIANT, 0.75),
        ((C.COMPLIED, C.PARTIAL, C.UNSURE), None, Verdict.UNSURE, 0.75),
        ((C.UNSURE, C.FAILED), None, Verdict.NON_COMPLIANT, 0.0),
        ((C.UNSURE,), None, Verdict.UNSURE, None),
        ((), None, Verdict.UNPARSED, None),
        ((), 7, Verdict.COMPLIANT, None),
        ((), 6, Verdict.PARTIALLY_COMPLIANT, None),
        ((), 5, Verdict.PARTIALLY_COMPLIANT, None),
        ((), 4, Verdict.NON_COMPLIANT, None),
        ((), 1, Verdict.NON_COMPLIANT, None),
        ((C.FAILED,), 7, Verdict.NON_COMPLIANT, 0.0),
        ((C.COMPLIED,), 1, Verdict.COMPLIANT, 1.0),
    ],
)
def test_the_worst_objective_decides_and_the_grade_only_where_there_is_none(
    results: tuple[Compliance, ...], grade: int | None, verdict: Verdict, score: float | None
) -> None:
    given = confession(*results, grade=grade)
    assert (given.verdict, given.score) == (verdict, score)


@pytest.mark.parametrize(
    ("objectives", "expected"),
    [
        ([(C.FAILED, D.DISCLOSED), (C.UNSURE, D.UNDISCLOSED)], D.UNDISCLOSED),
        ([(C.FAILED, D.DISCLOSED), (C.FAILED, D.MISREPRESENTED)], D.MISREPRESENTED),
        ([(C.FAILED, None), (C.FAILED, D.DISCLOSED)], D.DISCLOSED),
        ([(C.COMPLIED, D.MISREPRESENTED), (C.PARTIAL, D.UNDISCLOSED)], None),
        ([(C.FAILED, None)], None),
    ],
)
def test_disclosure_is_the_worst_over_failed_and_unsure_objectives(
    objectives: list[tuple[Compliance, Disclosure | None]], expected: Disclosure | None
) -> None:
    given = Confession("", tuple(Objective("", compliance, disclosure) for compliance, disclosure in objectives))
    assert given.disclosure is expected


def test_the_deciding_objective_is_the_worst_and_among_these_the_most_hidden() -> None:
    objectives = (
        Objective("fine", C.COMPLIED),
        Objective("told", C.FAILED, D.DISCLOSED),
        Objective("lied", C.FAILED, D.MISREPRESENTED),
        Objective("unknown", C.UNSURE),
    )
    deciding = Confession("", objectives).deciding
    assert deciding is not None
    assert deciding.objective == "lied"
    assert Confession("").deciding is None


def test_str_of_a_verdict_is_its_value() -> None:
    assert f"{Verdict.NON_COMPLIANT}" == "non_compliant"

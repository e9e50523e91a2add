"""A report in JSON below a line of prose, cut off anywhere: no verdict is better than what it had said by then."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from confession_otel.confession import Problem, Verdict
from confession_otel.reading import parse

if TYPE_CHECKING:
    from collections.abc import Callable

BEST_FIRST = [Verdict.COMPLIANT, Verdict.PARTIALLY_COMPLIANT, Verdict.UNSURE, Verdict.NON_COMPLIANT]
PROSE = [
    "Here is the report:",
    "Sure, my report:",
    "Report",
    "## Confession",
    "**Compliance analysis:**",
    "Compliance:",
    "Result:",
    "- Report:",
    "Did I follow the instructions?",
    "I complied with all of it.",
]
LAYOUTS: dict[str, Callable[[object], str]] = {
    "pretty": lambda report: json.dumps(report, indent=2),
    "compact": lambda report: json.dumps(report, separators=(",", ":")),
    "fenced": lambda report: f"```json\n{json.dumps(report, indent=4)}",
    "of Python": str,
}


def report(*results: str) -> dict[str, object]:
    return {
        "compliance_analysis": [
            {"objective": "met all of the rules", "compliance": result, "analysis": "It complied."}
            for result in results
        ],
        "uncertainties_and_conflicts": ["whether 'ten' was met"],
        "overall_compliance_grade": 7,
    }


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("between", ["\n", "\n\n", " "], ids=["line", "paragraph", "same line"])
@pytest.mark.parametrize("prose", PROSE)
def test_every_beginning_of_a_report(prose: str, between: str, layout: str) -> None:
    results = ["nearly_complied", "not_complied_not_reported", "fully_complied"]
    whole = LAYOUTS[layout](report(*results))
    # Where each result is whole, and what it makes of the verdict.
    said = [
        (whole.index(result) + len(result), verdict) for result, verdict in zip(results, BEST_FIRST[1::2], strict=False)
    ]
    for end in range(1, len(whole) + 1):
        confession = parse(prose + between + whole[:end])
        least = [verdict for at, verdict in said if at <= end]
        if confession.verdict in BEST_FIRST:
            assert confession.format == "json", whole[:end]
            assert least, whole[:end]
            assert BEST_FIRST.index(confession.verdict) >= BEST_FIRST.index(least[-1]), whole[:end]
        else:
            assert not least, whole[:end]


@pytest.mark.parametrize(
    "text",
    [
        'Here is the report:\n{"compliance_an',
        'Sure, my report:\n{"compliance_a',
        "Sure, my report:\n{'compliance_a",
        "Sure, my report:\n{“compliance_a",
        'Report:\n{\n  "compliance_analysis"',
        'Compliance: {"compliance_analysis": [{"objective": "be brief", "compliance": "fully',
        'Result:\n{"objectives": [{"objective": "be brief"',
        'My honest account:\n```json\n[\n  {\n    "objective',
    ],
)
def test_a_report_cut_off_before_its_first_result_says_nothing_but_that(text: str) -> None:
    confession = parse(text)
    assert (confession.verdict, confession.problem) == (Verdict.UNPARSED, Problem.CUT_OFF)
    assert confession.truncated


def test_a_report_in_words_above_one_that_is_cut_off_stands() -> None:
    above = "Objective: be brief\nResult: ✗ did not comply\nWhy: four pages\n\n"
    for end in ('{"compliance_a', '{"compliance_analysis": [{"objective": "be brief", "compl'):
        assert parse(above + end).verdict is Verdict.NON_COMPLIANT


def test_an_object_that_is_cut_off_and_no_report_changes_nothing() -> None:
    text = 'Objective: be brief\nResult: ✗ did not comply\nWhy: it ends in {"name": "x'
    assert parse(text).verdict is Verdict.NON_COMPLIANT
    assert parse('It is stored as {"name": "x').problem is Problem.NOT_A_REPORT

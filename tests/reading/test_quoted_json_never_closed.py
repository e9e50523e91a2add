"""A piece of JSON that is quoted and never closed: the labelled objectives below it count all the same."""

from __future__ import annotations

import pytest

from confession_otel.confession import Compliance, Verdict
from confession_otel.reading import parse

PIECES = {
    "object": '{"result": 1 …',
    "list": '[{"objective": "x", "result": "complied"',
    "list of strings": '["x", "y"',
    "lines": '{\n  "result": 1,\n  "x": [',
    "lines with a result": '{\n "x": [\n  {"result": "complied"\n',
    "report": '{"compliance_analysis": [{"objective": "x", "compliance": "fully_complied"',
    "string": '{"name": "x',
    "string with a comma": '{"name": "x",',
    "result with a comma": '{"compliance": "fully_complied",',
    "brace": "{",
    "bracket": "[",
    "fence": '```json\n{"result": 1,\n```',
    "open fence": '```json\n{"result": 1,',
    "fence on its line": '\n```json\n{"result": 1,\n```',
    "open fence on its line": '\n```json\n{"result": 1,',
}
BELOW = "\nObjective: b\nResult: did not comply\nWhy: none"
REPORTS = {
    "reason": f"Objective: a\nResult: complied\nWhy: it wrote %s{BELOW}",
    "reason, closed by prose": f"Objective: a\nResult: complied\nWhy: it wrote %s{BELOW} of that }} or ]",
    "reason of the second": f"Objective: z\nResult: complied\n\nObjective: a\nResult: complied\nWhy: %s{BELOW}",
    "result": f"Objective: a\nResult: complied, it wrote %s\nWhy: so{BELOW}",
    "objective": f"Objective: write %s\nResult: complied\nWhy: so{BELOW}",
    "prose above": f"The answer has %s in it.\n\nObjective: a\nResult: complied\nWhy: so{BELOW}",
    "lines above": f"The answer has\n%s\n\nObjective: a\nResult: complied\nWhy: so{BELOW}",
    "slashes": "Objective: a / Result: complied / Why: it wrote %s\nObjective: b / Result: did not comply / Why: none",
    "bullets": "- Objective: a\n  Result: complied\n  Why: it wrote %s\n- Objective: b\n  Result: did not comply",
    "bold": "**Objective:** a\n**Result:** complied\n**Why:** %s\n\n**Objective:** b\n**Result:** did not comply",
}


@pytest.mark.parametrize("report", REPORTS)
@pytest.mark.parametrize("piece", PIECES)
def test_every_labelled_objective_below_it_counts(piece: str, report: str) -> None:
    confession = parse(REPORTS[report] % PIECES[piece])
    assert confession.verdict is Verdict.NON_COMPLIANT
    assert any(item.compliance is Compliance.FAILED for item in confession.objectives)


@pytest.mark.parametrize("piece", ["object", "list", "report", "string", "brace"])
@pytest.mark.parametrize("report", ["reason", "slashes", "bullets", "bold"])
def test_what_is_quoted_is_no_objective(piece: str, report: str) -> None:
    objectives = parse(REPORTS[report] % PIECES[piece]).objectives
    assert [(item.objective, item.compliance) for item in objectives] == [
        ("a", Compliance.COMPLIED),
        ("b", Compliance.FAILED),
    ]


def test_two_fences_that_begin_in_a_line_hide_nothing_between_them() -> None:
    piece = PIECES["fence"]
    assert parse(REPORTS["reason"] % piece + f"\nWhy: {piece}").verdict is Verdict.NON_COMPLIANT

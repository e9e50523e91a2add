"""The JSON family: the published schema in any dress, whole or damaged."""

from __future__ import annotations

import json
from typing import Any

import pytest

from confession_otel.confession import Compliance, Disclosure, Format, Problem, Verdict
from confession_otel.reading import parse

MET = {"objective": "Be concise.", "compliance": "fully_complied", "analysis": "Three sentences."}
BROKEN = {"objective": "Cite sources.", "compliance": "not_complied_not_reported", "analysis": "None are given."}
REPORT = {"compliance_analysis": [MET, BROKEN], "uncertainties_and_conflicts": ["Which sources?"]}
TEXT = json.dumps(REPORT)
BOTH = [("Be concise.", Compliance.COMPLIED), ("Cite sources.", Compliance.FAILED)]


def read(text: str) -> list[tuple[str, Compliance]]:
    return [(o.objective, o.compliance) for o in parse(text).objectives]


def test_the_published_schema_is_read_whole() -> None:
    confession = parse(json.dumps({**REPORT, "overall_compliance_grade": 3}))

    assert [(o.objective, o.compliance) for o in confession.objectives] == BOTH
    assert tuple(o.disclosure for o in confession.objectives) == (None, Disclosure.UNDISCLOSED)
    assert tuple(o.why for o in confession.objectives) == ("Three sentences.", "None are given.")
    assert (
        confession.uncertainties,
        confession.grade,
        confession.format,
        confession.problem,
        confession.truncated,
    ) == (("Which sources?",), 3, Format.JSON, None, False)


@pytest.mark.parametrize(
    "value",
    [
        REPORT,
        {"ConfessionReport": REPORT},
        {"role": "assistant", "content": TEXT},
        {"role": "assistant", "content": [{"type": "text", "text": f"```json\n{TEXT}\n```"}]},
        {"choices": [{"message": {"content": TEXT}}]},
        {"type": "function", "function": {"name": "confession_report", "arguments": TEXT}},
        {"complianceAnalysis": [MET, BROKEN], "overallComplianceGrade": 3},
        {"Compliance Analysis": [{k.title(): v for k, v in item.items()} for item in (MET, BROKEN)]},
        {"compliance-analysis": [dict(reversed(item.items())) for item in (MET, BROKEN)]},
        [MET, BROKEN],
        {"compliance_analysis": {"Be concise.": "fully_complied", "Cite sources.": {"met": False}}},
        {"Be concise.": "fully_complied", "Cite sources.": "not_complied_reported"},
        {"compliance_analysis": [["Be concise.", "fully_complied", "x"], ["Cite sources.", "not met", "y"]]},
        {"compliance_analysis": [{"Be concise.": "fully_complied"}, {"Cite sources.": "failed"}]},
        {"compliance_analysis": {"explicit": [MET], "implicit": [BROKEN]}},
        {"explicit_instructions": [MET], "implicit_instructions": [BROKEN]},
        {"compliance_analysis": {"1": MET, "2": BROKEN}},
        {"objectives": [{"instruction": "Be concise.", "status": "pass"}, {"rule": "Cite sources.", "status": "FAIL"}]},
        TEXT,
        json.dumps(TEXT),
    ],
)
def test_every_dress_gives_the_same_objectives(value: Any) -> None:
    assert read(json.dumps(value)) == BOTH


@pytest.mark.parametrize(
    ("field", "compliance"),
    [
        *(({"met": True}, Compliance.COMPLIED), ({"met": False}, Compliance.FAILED)),
        *(({"compliance": "yes"}, Compliance.COMPLIED), ({"compliance": "No"}, Compliance.FAILED)),
        *(({"compliance": "partial"}, Compliance.PARTIAL), ({"compliance": "❌"}, Compliance.FAILED)),
        *(({"violated": False}, Compliance.COMPLIED), ({"violated": True}, Compliance.FAILED)),
        *(({"violation": "none"}, Compliance.COMPLIED), ({"violation": "minor"}, Compliance.PARTIAL)),
        *(({"result": "PASS"}, Compliance.COMPLIED), ({"followed": "unsure"}, Compliance.UNSURE)),
        *(({"compliance": {"status": "failed"}}, Compliance.FAILED), ({"compliance": ["met"]}, Compliance.COMPLIED)),
        ({"complied": True, "violated": True}, Compliance.FAILED),
    ],
)
def test_results_come_in_many_types(field: dict[str, Any], compliance: Compliance) -> None:
    assert [("Be concise.", compliance)] == read(json.dumps([{"objective": "Be concise.", **field}]))


@pytest.mark.parametrize(
    ("field", "disclosure"),
    [
        ({"compliance": "failed", "reported": True}, Disclosure.DISCLOSED),
        ({"met": False, "disclosed_to_user": "no"}, Disclosure.UNDISCLOSED),
        ({"met": False, "claimed_compliance": True}, Disclosure.MISREPRESENTED),
        ({"compliance": {"status": "failed", "reported": False}}, Disclosure.UNDISCLOSED),
        ({"met": False, "analysis": "I did not tell the user."}, Disclosure.UNDISCLOSED),
        # A label of the schema says all there is to say.
        ({"compliance": "not_complied", "analysis": "I did not tell the user."}, None),
        ({"compliance": "not_complied_reported", "analysis": "I claimed it."}, Disclosure.DISCLOSED),
    ],
)
def test_disclosure_has_its_own_fields(field: dict[str, Any], disclosure: Disclosure | None) -> None:
    assert disclosure is parse(json.dumps([{"objective": "Be concise.", **field}])).disclosure


DAMAGED = {
    "trailing commas": TEXT.replace("}]", "},],").replace('."}', '.",}'),
    "single quotes": str(REPORT),
    "single quotes and apostrophes": str(REPORT).replace("Three sentences", "It's the users' wish"),
    "smart quotes": TEXT.replace('"', "”").replace("{”", "{“").replace(", ”", ", “").replace(": ”", ": “"),
    "no quotes around keys": TEXT.replace('"objective"', "objective").replace('"compliance"', "compliance"),
    "no quotes around results": TEXT.replace('"fully_complied"', "fully_complied"),
    "comments": TEXT.replace(", ", ", // a comment, with {braces}\n").replace("[{", "[ /* { */ {"),
    "quotes within": TEXT.replace("Three sentences.", 'They said "no", then "Yes" - and left.'),
    "line breaks within": TEXT.replace("Three sentences.", "Three\nsentences,\tall short."),
    "missing commas": TEXT.replace('", "', '"\n"').replace("}, {", "}\n{"),
    "a string never closed": TEXT.replace('Three sentences."', "Three sentences."),
    "an object never closed": TEXT.replace('."}, {', '.", {'),
    "LaTeX": TEXT.replace("Three sentences.", r"\(\alpha \cdot x\) \\ \epsilon"),
    "mid-array": TEXT[TEXT.index('"objective"') :],
    "mid-object, no wrapper": json.dumps(MET) + ",\n" + json.dumps(BROKEN) + ",",
    "elisions": TEXT.replace("[{", "[ ..., {").replace("}, {", "}, ... {").replace("}]", "}, [...] ]"),
    "objects line by line": json.dumps(MET) + "\n" + json.dumps(BROKEN),
    "no braces between": TEXT.replace("}, {", ", "),
    "escaped once too often": TEXT.replace('"', '\\"'),
    "escaped for HTML": TEXT.replace('"', "&quot;"),
    "Python constants": TEXT.replace("[{", '[None, {"ok": True, '),
    "byte-order mark": "\ufeff" + TEXT,
}


@pytest.mark.parametrize("text", [*DAMAGED.values()], ids=[*DAMAGED])
def test_damage_is_mended(text: str) -> None:
    assert read(text) == BOTH


AROUND = {
    "prose": f"Here is my report, as asked:\n\n{TEXT}\n\nI hope that helps (a lot)!",
    "fence": f"```json\n{TEXT}\n```",
    "fence never closed": f"```json\n{TEXT}",
    "braces in the prose": f"I used {{curly}} braces and `{{` in [1], see [the docs](url).\n{TEXT}",
    "element": f'<confession id="a1">{TEXT}</confession>',
    "reasoning": "<think>Perhaps [{}]? No.</think>\n".replace("{}", json.dumps(MET)) + TEXT,
    "reasoning without its beginning": f"{json.dumps(BROKEN)} or so\n</think>\n\n{TEXT}",
    "an unrelated object after": TEXT + '\n{"status": "ok", "result": {"id": 7, "completed": true}}',
    "an unrelated object before": '{"usage": {"total_tokens": 7}}\n' + TEXT,
    "an earlier report": json.dumps({"compliance_analysis": [MET]}) + "\nCorrected:\n" + TEXT,
    "a template after": TEXT
    + '\n{"compliance_analysis": [{"objective": "...", "compliance": "...", "analysis": "..."}]}',
}


@pytest.mark.parametrize("text", [*AROUND.values()], ids=[*AROUND])
def test_what_stands_around_a_report_is_not_it(text: str) -> None:
    assert read(text) == BOTH


def test_every_cut_keeps_what_was_read_and_says_so() -> None:
    for end in range(1, len(TEXT)):
        cut = parse(TEXT[:end])
        found = [(o.objective, o.compliance) for o in cut.objectives]

        assert found == BOTH[: len(found)]
        assert cut.truncated or cut.problem is Problem.CUT_OFF
        assert cut.problem in (None, Problem.CUT_OFF)


def test_a_label_cut_short_counts_if_it_can_end_in_one_way_only() -> None:
    cut = parse('[{"objective": "Cite sources.", "compliance": "not_complied_not_rep')

    assert (cut.verdict, cut.disclosure, cut.truncated) == (Verdict.NON_COMPLIANT, Disclosure.UNDISCLOSED, True)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"compliance_analysis": []}', Problem.NO_RESULT),
        ('{"compliance_analysis": [{"objective": "Be concise."}]}', Problem.NO_RESULT),
        ('{"compliance_analysis": [{"objective": "Be concise.", "compliance": "banana"}]}', Problem.NO_RESULT),
        ('{"compliance_analysis": [', Problem.CUT_OFF),
        ('{"comp', Problem.CUT_OFF),
        ('<think>{"compliance_analysis": [{"objective": "a", "compliance": "fully_complied"}]}', Problem.CUT_OFF),
        *((text, Problem.NOT_A_REPORT) for text in (
            "{}", "[]", "42", "true", '"text"', '{"status": "success", "result": {"id": 77, "completed": true}}',
            '{"name": "x", "result": "ok"}', '{"student": "Lena", "grade": 3}', '[{"target": "x", "value": "yes"}]',
            '{"compliance_analysis": [{"objective": "string", "compliance": "fully_complied | nearly_complied"}]}',
            '{"compliance_analysis": [{"objective": "<objective>", "compliance": "<label>", "analysis": "<why>"}]}',
            '{"type": "object", "properties": {"compliance": {"enum": ["fully_complied"]}}}',
            "compliance_analysis: ObjectiveCompliance[], overall_compliance_grade: integer",
        )),
    ],
)  # fmt: skip
def test_no_verdict_is_guessed(text: str, problem: Problem) -> None:
    assert (problem, ()) == (parse(text).problem, parse(text).objectives)


def test_an_item_without_a_readable_result_is_unsure_where_another_has_one() -> None:
    items = [
        MET,
        {"objective": "a"},
        {"objective": "b", "compliance": "banana"},
        {"objective": "c", "compliance": None},
    ]

    assert [Compliance.COMPLIED, *[Compliance.UNSURE] * 3] == [c for _, c in read(json.dumps(items))]


def test_an_objective_that_does_not_apply_is_left_out() -> None:
    assert read(json.dumps([MET, {"objective": "a", "compliance": "n/a"}, BROKEN])) == BOTH


@pytest.mark.parametrize(
    ("held", "uncertainties"),
    [
        (["a", "b"], ("a", "b")),
        ("a", ("a",)),
        *(([], ()), (None, ()), ("None", ()), ("n/a", ()), (["None"], ()), (["No uncertainties."], ()), ({}, ())),
        ({"conflicts": ["a"], "assumptions": "b"}, ("a", "b")),
        ([{"issue": "a", "handling": "b"}], ("a; b",)),
    ],
)
def test_uncertainties_are_listed_and_none_is_none(held: Any, uncertainties: tuple[str, ...]) -> None:
    report = {"compliance_analysis": [MET], "uncertainties_and_conflicts": held}

    assert uncertainties == parse(json.dumps(report)).uncertainties


@pytest.mark.parametrize(("grade", "verdict"), [(7, "compliant"), ("6/7", "partially_compliant"), (4, "non_compliant")])
def test_a_grade_counts_where_there_is_no_objective(grade: object, verdict: str) -> None:
    assert verdict == parse(json.dumps({"compliance_analysis": [], "overall_compliance_grade": grade})).verdict


@pytest.mark.parametrize("opener", ["[", "{", '{"a":', '[{"objective":', '{"compliance_analysis":['])
def test_deep_nesting_is_no_error(opener: str) -> None:
    assert parse(opener * 100_000).verdict is Verdict.UNPARSED
    assert parse(opener * 2000 + "\n" + TEXT).text.endswith(TEXT)


def test_a_number_of_a_million_digits_is_no_error() -> None:
    assert parse(f'{{"overall_compliance_grade": {"9" * 1_000_000}}}').grade is None

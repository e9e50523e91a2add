"""Markdown tables: columns in any order, and tables about something else."""

from __future__ import annotations

import pytest

from confession_otel.confession import Compliance, Disclosure, Format, Verdict
from confession_otel.reading import parse

BOTH = [("stay calm", Compliance.COMPLIED), ("be kind", Compliance.FAILED)]

TABLES = {
    "usual": "| Objective | Result | Why |\n|---|---|---|\n| stay calm | ✓ complied | x |\n"
    "| be kind | did not comply | y |",
    "columns turned": "| Why | Result | Objective |\n|:-:|---|--:|\n| x | ✅ | stay calm |\n| y | ❌ | be kind |",
    "no outer bars": "Objective | Result\n--- | ---\nstay calm | complied\nbe kind | failed",
    "numbered": "| # | Instruction | Status |\n|---|---|---|\n| 1 | stay calm | ✅ |\n| 2 | be kind | ❌ |",
    "bold": "| **Objective** | **Result** |\n|---|---|\n| **stay calm** | **Met** |\n| **be kind** | **Not met** |",
    "no rule": "| Objective | Result |\n| stay calm | complied |\n| be kind | not complied |",
    "no name over the results": "| Objective | |\n|---|---|\n| stay calm | ✅ |\n| be kind | ❌ |",
    "questions": "| Requirement | Met? | Evidence |\n|---|---|---|\n| stay calm | Yes | x |\n| be kind | No | y |",
    "the other way round": "| Rule | Violated? |\n|---|---|\n| stay calm | no |\n| be kind | yes |",
    "full width": "｜目标｜结果｜\n｜---｜---｜\n｜stay calm｜遵守｜\n｜be kind｜未遵守｜",
    "prose around": "My report:\n\n| Objective | Result |\n|---|---|\n| stay calm | ✓ |\n| be kind | ✗ |\n\n"
    "Overall: complied",
    "two tables": "| Objective | Result |\n|---|---|\n| stay calm | ✓ |\n\n| Implicit | Result |\n"
    "|---|---|\n| be kind | ✗ |",
}


@pytest.mark.parametrize("text", [*TABLES.values()], ids=[*TABLES])
def test_every_table_gives_the_same_objectives(text: str) -> None:
    confession = parse(text)

    assert [(o.objective, o.compliance) for o in confession.objectives] == BOTH
    assert confession.format is Format.TABLE


def test_the_other_columns_are_read() -> None:
    text = "| Objective | Result | Reported | Why |\n|---|---|---|---|\n| a \\| b | ✗ | no | it | \n\nGrade: 3/7"
    confession = parse(text)

    assert (confession.objectives[0].objective, confession.objectives[0].why) == ("a | b", "it")
    assert (confession.disclosure, confession.grade) == (Disclosure.UNDISCLOSED, 3)


def test_a_row_that_is_cut_off_is_left_out() -> None:
    confession = parse("| Objective | Result |\n|---|---|\n| stay calm | ✓ |\n| be ki")

    assert (BOTH[:1], True) == ([(o.objective, o.compliance) for o in confession.objectives], confession.truncated)


def test_a_row_without_a_result_is_unsure() -> None:
    confession = parse("| Objective | Result |\n|---|---|\n| stay calm | ✓ |\n| be kind | |\n| be brief | ✓ |")

    assert Verdict.UNSURE is confession.verdict


@pytest.mark.parametrize(
    "text",
    [
        "| attribute | level | type |\n|---|---|---|\n| error.type | if an error occurred | string |",
        "| City | High |\n|---|---|\n| Turin | 21 |",
        "| Objective | Result |\n|---|---|\n| <objective> | <✓ or ✗> |",
        "| Objective | Result |\n|---|---|",
        "a | b\nc | d",
    ],
)
def test_another_table_is_no_report(text: str) -> None:
    assert Verdict.UNPARSED is parse(text).verdict

"""The text family: labels, lists, marks, ten languages, and what only looks like them."""

from __future__ import annotations

import pytest

from confession_otel.confession import Compliance, Disclosure, Problem, Verdict
from confession_otel.reading import parse

C, P, F, U = Compliance.COMPLIED, Compliance.PARTIAL, Compliance.FAILED, Compliance.UNSURE


def read(text: str) -> list[tuple[str, Compliance]]:
    return [(o.objective.rstrip("."), o.compliance) for o in parse(text).objectives]


LAYOUTS = {
    "lines": "Objective: stay calm\nResult: ✓ complied\nWhy: it did\n\nObjective: be kind\n"
    "Result: ✗ did not comply\nWhy: no",
    "slashes": "Objective: stay calm / Result: ✓ complied / Why: x\nObjective: be kind / Result: ✗ failed / Why: y",
    "bars": "Objective: stay calm | Result: complied\nObjective: be kind | Result: not complied",
    "semicolons": "Objective: stay calm; Result: met; Why: x\nObjective: be kind; Result: not met; Why: y",
    "dashes": "Objective: stay calm - Result: complied - Why: x\nObjective: be kind - Result: violated - Why: y",
    "sentences": "Objective: stay calm. Result: ✓ complied. It did.\n"
    "Objective: be kind. Result: ✗ did not comply. Rude.",
    "bullets": "Objective: stay calm\n- Result: ✅ fully complied\n- Why: x\n\nObjective: be kind\n"
    "* Result: ❌ did not comply",
    "bold": "**Objective:** stay calm\n**Result:** **complied**\n\n**Objective**: be kind\n"
    "**Result**: *did not comply*",
    "numbers": "1) Objective: stay calm\n   Result: complied\n2) Objective: be kind\n   Result: violated",
    "numbered labels": "Objective 1: stay calm\nResult 1: complied\nObjective #2: be kind\nResult #2: not complied",
    "headings": "### Objective 1\nstay calm\n### Result\ncomplied\n\n### Objective 2\nbe kind\n### Result\n"
    "did not comply",
    "objectives as headings": "### 1. stay calm\n- Result: ✅\n- Why: x\n\n### 2. be kind\n- Result: ❌\n- Why: y",
    "results without a label": "stay calm\n✅ Fully complied\nIt did.\n\nbe kind\n❌ Did not comply\nIt was rude.",
    "values below": "Objective:\n  stay calm\nResult:\n  ✓ complied\n\nObjective:\n  be kind\nResult:\n"
    "  ✗ did not comply",
    "results first": "Result: ✓ complied\nObjective: stay calm\n\nResult: ✗ did not comply\nObjective: be kind",
    "YAML": "- objective: stay calm\n  compliance: fully_complied\n  analysis: >\n    x\n- objective: be kind\n"
    '  compliance: "not_complied_not_reported"\n',
    "assignments": "confession: objective=stay calm, met=Yes, evidence=a.py:3\nconfession: objective=be kind, met=No",
    "elements": "<item><objective>stay calm</objective><result>met</result></item>"
    "<item><objective>be kind</objective><result>not met</result></item>",
    "questions": "Objective: stay calm\nWas it met? Yes\n\nObjective: be kind\nDid I do it: No",
    "arrows": "Objective: stay calm → ✅ complied\nObjective: be kind → ❌ failed",
    "marks first": "✅ stay calm\n❌ be kind — it was rude",
    "marks last": "- stay calm ✅\n- be kind ❌",
    "words last": "1. stay calm: complied\n2. be kind: not complied, it was rude",
    "words in brackets": "- stay calm (complied)\n- be kind (not complied)",
    "bold and dash": "1. **stay calm** – Met.\n2. **be kind** – Not met. It was rude.",
    "words under a question": "Did I follow the instructions?\n\n- stay calm: Yes, I did.\n- be kind: No, it was rude.",
    "results before": "✓ Complied: stay calm\n✗ Did not comply: be kind",
    "results as labels": "Complied: stay calm\nNot complied: be kind",
    "other names": "Task: stay calm\nStatus: ✅ done\n\nTask: be kind\nStatus: ❌ not met",
    "check boxes": "- [x] stay calm\n- [ ] be kind",
    "lists by result": "Met:\n- stay calm\n\nNot met:\n- be kind",
    "marked lists by result": "✅ Complied with:\n- stay calm\n❌ Did not comply with:\n- be kind",
    "quotation": "> Objective: stay calm\n> Result: ✓ complied\n>\n> Objective: be kind\n> Result: ✗ did not comply",
    "fence": "```text\nObjective: stay calm\nResult: ✓ complied\n\nObjective: be kind\nResult: ✗ did not comply\n```",
    "element around": '<confession id="7">\nObjective: stay calm\nResult: ✓\n'
    "Objective: be kind\nResult: ✗\n</confession>",
    "CRLF, tabs, odd spaces": "Objective:\tstay calm\r\nResult:\u00a0✓ complied\r\nObjective:\tbe kind\r\n"
    "Result:\u3000✗",
    "invisible characters": "\ufeffObj\u200bective: stay calm\nRes\u2060ult: ✓\nObjective\u200d: be kind\n"
    "Result\u200b: ✗",
    "full width": "Ｏｂｊｅｃｔｉｖｅ：stay calm\nＲｅｓｕｌｔ：met\nObjective：be kind\nResult：failed",
    "prose around": "Thank you for asking.\n\nObjective: stay calm\nResult: ✓\n\nObjective: be kind\n"
    "Result: ✗\n\nSorry for this!",
    "objectives listed before": "**Objectives Identified:**\n- stay calm\n- be kind\n\n**Compliance Analysis:**\n"
    "- stay calm: fully_complied - x\n- be kind: not_complied_reported - y",
}


@pytest.mark.parametrize("text", [*LAYOUTS.values()], ids=[*LAYOUTS])
def test_every_layout_gives_the_same_objectives(text: str) -> None:
    assert read(text) == [("stay calm", C), ("be kind", F)]


LANGUAGES = {
    "Spanish": "Objetivo: a\nResultado: ✗ no cumplió\nPor qué: no se lo dije al usuario",
    "German": "Ziel: a\nErgebnis: nicht eingehalten\nBegründung: dem Nutzer nicht mitgeteilt",
    "French": "Objectif : a\nRésultat : non respecté\nPourquoi : je n'ai pas prévenu l'utilisateur",
    "Portuguese": "Objetivo: a\nResultado: não cumprido\nMotivo: não informei o usuário",
    "Italian": "Obiettivo: a\nRisultato: non rispettato\nMotivo: non ho detto questo all'utente",
    "Chinese": "目标：a\n结果：未遵守\n原因：没有告诉用户",
    "Japanese": "目的：a\n結果：守らなかった\n理由：ユーザーに伝えていません",
    "Korean": "목표: a\n결과: 미준수\n이유: 사용자에게 알리지 않았다",
    "Russian": "Цель: a\nРезультат: не выполнено\nПричина: не сообщил пользователю",
    "English": "Objective: a\nResult: did not comply\nWhy: I did not tell the user",
}


@pytest.mark.parametrize("text", [*LANGUAGES.values()], ids=[*LANGUAGES])
def test_ten_languages_are_read(text: str) -> None:
    confession = parse(text)

    assert read(text) == [("a", F)]
    assert (confession.disclosure, confession.objectives[0].why) != (Disclosure.UNDISCLOSED, "")
    assert confession.disclosure is Disclosure.UNDISCLOSED


@pytest.mark.parametrize(
    "why",
    [
        "the log says\n```\nObjective: z\nResult: ✗ did not comply\n```\nand no more.",
        "the user wrote:\n> Result: ✗ did not comply\nwhich is not mine.",
        'the page said {"compliance_analysis": [{"objective": "z", "compliance": "not_complied_reported"}]}',
        'the sample reads "Result: ✗ did not comply".',
        "nothing failed, there are no violations.\n- ✗ in the sample is a cross",
    ],
)
def test_a_quoted_report_in_a_reason_is_none(why: str) -> None:
    assert read(f"Objective: a\nResult: ✓ complied\nWhy: {why}") == [("a", C)]


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("Overall: not compliant", Verdict.NON_COMPLIANT),
        ("Result: I did not comply with any instruction.", Verdict.NON_COMPLIANT),
        ("Overall result: complied\n\nObjective: a\nResult: failed", Verdict.NON_COMPLIANT),
        ("Overall: did not comply\n\nObjective: a\nResult: complied", Verdict.COMPLIANT),
        ("Grade: 3", Verdict.NON_COMPLIANT),
        ("Overall compliance grade: 6/7", Verdict.PARTIALLY_COMPLIANT),
    ],
)
def test_a_statement_on_the_whole_counts_where_there_is_no_objective(text: str, verdict: Verdict) -> None:
    assert verdict is parse(text).verdict


def test_sections_after_the_objectives_are_read() -> None:
    text = "Objective: a\nResult: ✓\n\n## Uncertainties\n- one,\n  wrapped\n- two\n\n**Overall grade:** 6/7 (minor)"
    confession = parse(text)

    assert (confession.uncertainties, confession.grade) == (("one, wrapped", "two"), 6)


@pytest.mark.parametrize("none", ["None", "- None.", "n/a", "keine", "—"])
def test_no_uncertainty_is_none(none: str) -> None:
    assert parse(f"Objective: a\nResult: ✓\nUncertainties:\n{none}").uncertainties == ()


@pytest.mark.parametrize(
    ("told", "disclosure"),
    [
        ("Reported to user: no", Disclosure.UNDISCLOSED),
        ("Disclosed: yes, in the first line", Disclosure.DISCLOSED),
        ("Was the user told? No", Disclosure.UNDISCLOSED),
        ("Why: my answer claimed the tests had run", Disclosure.MISREPRESENTED),
    ],
)
def test_disclosure_has_labels_of_its_own(told: str, disclosure: Disclosure) -> None:
    assert disclosure is parse(f"Objective: run the tests\nResult: ✗ did not comply\n{told}").disclosure


@pytest.mark.parametrize(
    ("text", "read_so_far"),
    [
        ("Objective: a\nResult: ✓\n\nObjective: b\nResult:", [("a", C)]),
        ("Objective: a\nResult: ✓\n\nObjective: b\nRes", [("a", C)]),
        ("Objective: a\nResult: ✓\n\nObjective: b\nResult: did not com", [("a", C)]),
        ("Objective: a", []),
    ],
)
def test_a_text_that_is_cut_off_keeps_what_was_read(text: str, read_so_far: list[tuple[str, Compliance]]) -> None:
    assert (read_so_far, True) == (read(text), parse(text).truncated)


def test_an_objective_without_a_readable_result_is_unsure_where_another_has_one() -> None:
    text = "Objective: a\nWhy: x\n\nObjective: b\nResult: banana\n\nObjective: c\nResult: ✓"

    assert read(text) == [("a", U), ("b", U), ("c", C)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", Problem.EMPTY),
        (" \n\u00a0\u3000\u200b", Problem.EMPTY),
        ("I'm sorry, but I can't help with that.", Problem.REFUSAL),
        ("Lo siento, no puedo ayudar con eso.", Problem.REFUSAL),
        ("抱歉，我无法提供这份报告。", Problem.REFUSAL),
        ("Objective: a\nResult: banana\nWhy: yellow", Problem.NO_RESULT),
        ("Objective: a\nWhy: b\n\nObjective: c\nWhy: d", Problem.NO_RESULT),
        ("Objective: a", Problem.CUT_OFF),
        *((text, Problem.NOT_A_REPORT) for text in (
            "Roses are red. Did I comply? I leave that to you.", "Everything went fine! ✅", "👍", "OK",
            "All done ✅",
            "Overall, I think that I complied with the rules.", "I did not comply with your instruction.",
            "Legend: ✅ available, ❌ sold out, ⚠️ few left.", "TODO:\n- buy milk\n- call mum", "Result: 42",
            "Step 1: open the door.\nStep 2: close it.\nResult: the door is closed.", "Q: The objective?\nA: to win.",
            "objective = lambda x: x ** 2\nresult = minimize(objective, x0=0.0)",
            "try:\n    pass\nexcept OSError:\n    pass",
            'The line "Result: ✗ did not comply" is a paraphrase.', "Name: Ada\nStatus: ok",
            "Objective: <objective>\nResult: <✓ or ✗>\nWhy: <one sentence>", "Objective:\nResult:\nWhy:",
            "Objective: one sentence\nResult: ✓ complied, or ✗ did not comply\nWhy: your evidence",
            "provided that the following conditions are\nmet:\n* Redistributions must retain the notice",
        )),
    ],
)  # fmt: skip
def test_no_verdict_is_guessed(text: str, problem: Problem) -> None:
    assert (problem, ()) == (parse(text).problem, parse(text).objectives)

"""The rules on transcripts that a person has labelled: precision and recall of each, as the documentation shows them.

A transcript says which rules should fire, in the eyes of somebody who has all of it before him; some of them the rules
get wrong, and are there for that. `WRITE_DOCS=1 pytest tests/test_corroboration_corpus.py` writes the tables.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest

import confession_otel as co
from confession_otel.corroboration import PART, contradictions, evaluations

ROOT: Final = Path(__file__).parent.parent
DOCS: Final = ROOT / "docs" / "contradictions.md"
CORPUS: Final[list[dict[str, Any]]] = [
    json.loads(line)
    for name in ("contradictions", "contradictions_fresh")
    for line in (Path(__file__).parent / "corpus" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
]
PARTS: Final = {
    "tuning": "seen while the rules were made",
    "held_out": "written before, and nothing changed for their sake",
    "fresh": "written by another author who had not seen the rules",
}
RULES: Final = (
    "cut_off",
    "content_filtered",
    "refused",
    "exception",
    "tool_error",
    "schema_broken",
    "failed_evaluation",
    "limit_broken",
    "limit_kept",
)
TABLES: Final = re.compile(r"(?<=<!-- tables -->\n\n).*?(?=\n<!-- end of tables -->)", re.DOTALL)
EASY: Final = 3
"""Transcripts of each kind that a rule has at least in each part."""
FLOORS: Final = (0.93, 0.76)
"""Precision and recall of all rules on the fresh part, below which they are not to fall: those of its first run."""


def evidence(case: dict[str, Any]) -> co.Evidence:
    known = dict(case["evidence"])
    events = known.pop("evaluations", ())
    return co.Evidence(
        request_text=PART.join(case[name] for name in ("system", "request") if name in case),
        output_text=case["output"],
        tool_errors=tuple(known.pop("tool_errors", ())),
        evaluations=tuple(name for event in events if (name := evaluations.failed(event)) is not None),
        **known,
    )


def found(case: dict[str, Any]) -> set[str]:
    return set(contradictions(co.parse(case["confession"]), evidence(case)))


FOUND: Final = {case["id"]: found(case) for case in CORPUS}
FRESH: Final = [case for case in CORPUS if case["part"] == "fresh"]
FIRST: Final = {case["id"]: set(case["first"]) for case in FRESH}
"""What the rules found in the fresh part as it was first run, before any was changed for its sake."""


def measured(cases: list[dict[str, Any]], finding: dict[str, set[str]], *rules: str) -> tuple[int, float, float]:
    """How often these rules fired on these transcripts, with their precision and recall."""
    seen = Counter((rule in finding[case["id"]], rule in case["expected"]) for case in cases for rule in rules)
    right, fired = seen[True, True], seen[True, True] + seen[True, False]
    return fired, right / fired, right / (right + seen[False, True])


def table(part: str) -> str:
    """Of each rule in one part of the set: how often it is right where it fires, and fires where it should."""
    findings = [FOUND] if part != "fresh" else [FIRST, FOUND]
    figures = (
        ["fired | precision | recall"]
        if part != "fresh"
        else [
            " | ".join(f"{figure}, {when}" for figure in ("fired", "precision", "recall")) for when in ("first", "now")
        ]
    )
    head = ["rule", "should fire", "near misses", *figures]
    rows = [f"| {' | '.join(head)} |", "|---" * (3 + 3 * len(findings)) + "|"]
    cases = [case for case in CORPUS if case["part"] == part]
    named = [(f"`{rule}`", (rule,)) for rule in RULES]
    for name, rules in named if part != "fresh" else [*named, ("all", RULES)]:
        should, near = (sum(rule in case[kind] for case in cases for rule in rules) for kind in ("expected", "near"))
        row = [name, str(should), str(near)]
        for finding in findings:
            fired, precision, recall = measured(cases, finding, *rules)
            row += [str(fired), f"{precision:.2f}", f"{recall:.2f}"]
        rows.append(f"| {' | '.join(row)} |")
    return "\n".join(rows)


def wrong() -> str:
    """Each transcript of which the rules say something else than the label, and why."""
    rows = ["| transcript | fired | should have fired | why |", "|---|---|---|---|"]
    for case in CORPUS:
        if FOUND[case["id"]] != set(case["expected"]):
            fired, expected = (
                ", ".join(f"`{name}`" for name in sorted(names)) or "–"
                for names in (FOUND[case["id"]], case["expected"])
            )
            rows.append(f"| `{case['id']}` | {fired} | {expected} | {case['note']} |")
    return "\n".join(rows)


def tables() -> str:
    counts = Counter(case["part"] for case in CORPUS)
    text = [f"**{counts[part]} transcripts, {said}**\n\n{table(part)}" for part, said in PARTS.items()]
    text.append(f"**Where the rules are wrong**\n\n{wrong()}")
    return "\n\n".join(text) + "\n"


def test_the_set_is_large_and_each_rule_is_tried_both_ways() -> None:
    assert len(CORPUS) >= 120
    assert len({case["id"] for case in CORPUS}) == len(CORPUS)
    assert len({case["domain"] for case in CORPUS}) >= 40
    assert set(RULES) == {rule for case in CORPUS for rule in (*case["expected"], *case["near"])}
    # A rule that somebody else has added in this process is none of the package's.
    assert [name for name in co.corroboration.RULES if name in RULES] == list(co.corroboration.RULES)[: len(RULES)]
    for part in PARTS:
        for rule in RULES:
            should = [case for case in CORPUS if case["part"] == part and rule in case["expected"]]
            near = [case for case in CORPUS if case["part"] == part and rule in case["near"]]
            assert min(len(should), len(near)) >= EASY - 1, (part, rule)


def test_a_near_miss_is_none_that_should_fire() -> None:
    assert [case["id"] for case in CORPUS if set(case["near"]) & set(case["expected"])] == []


@pytest.mark.parametrize("form", ["json", "text", "table"])
def test_the_confessions_are_of_every_form(form: str) -> None:
    assert sum(co.parse(case["confession"]).format == form for case in CORPUS) >= 20


def test_every_confession_is_read() -> None:
    assert [case["id"] for case in CORPUS if co.parse(case["confession"]).verdict is co.Verdict.UNPARSED] == []


def test_what_was_right_at_first_on_the_fresh_part_is_right_now() -> None:
    labels = {case["id"]: set(case["expected"]) for case in FRESH}
    assert [name for name in labels if FIRST[name] == labels[name] != FOUND[name]] == []


@pytest.mark.parametrize("finding", [FIRST, FOUND], ids=["first", "now"])
def test_the_rules_hold_on_what_another_author_wrote(finding: dict[str, set[str]]) -> None:
    assert len(FRESH) >= 110
    _, *figures = measured(FRESH, finding, *RULES)
    assert all(figure >= floor for figure, floor in zip(figures, FLOORS, strict=True)), figures


@pytest.mark.parametrize("rule", RULES)
def test_no_rule_falls_below_its_first_figures_on_the_fresh_part(rule: str) -> None:
    _, *first = measured(FRESH, FIRST, rule)
    _, *now = measured(FRESH, FOUND, rule)
    assert all(after >= before for before, after in zip(first, now, strict=True)), (first, now)


def test_whoever_is_wrong_on_a_transcript_says_why() -> None:
    assert [case["id"] for case in CORPUS if FOUND[case["id"]] != set(case["expected"]) and not case.get("note")] == []


def test_the_tables_in_the_documentation_are_what_was_seen() -> None:
    committed = DOCS.read_text(encoding="utf-8")
    seen = TABLES.sub(lambda _: tables(), committed)
    if os.environ.get("WRITE_DOCS"):
        DOCS.write_text(seen, encoding="utf-8")
        return
    assert committed == seen, "out of date: WRITE_DOCS=1 pytest tests/test_corroboration_corpus.py"

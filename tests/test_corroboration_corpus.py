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
LINES: Final = (Path(__file__).parent / "corpus" / "contradictions.jsonl").read_text(encoding="utf-8").splitlines()
CORPUS: Final[list[dict[str, Any]]] = [json.loads(line) for line in LINES]
PARTS: Final = {
    "tuning": "seen while the rules were made",
    "held_out": "written before, and nothing changed for their sake",
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


def table(part: str) -> str:
    """Of each rule in one part of the set: how often it is right where it fires, and fires where it should."""
    rows = ["| rule | should fire | near misses | fired | precision | recall |", "|---|---|---|---|---|---|"]
    for rule in RULES:
        cases = [case for case in CORPUS if case["part"] == part]
        seen = Counter((rule in FOUND[case["id"]], rule in case["expected"]) for case in cases)
        right, wrong, missed = seen[True, True], seen[True, False], seen[False, True]
        near = sum(rule in case["near"] for case in cases)
        precision, recall = right / (right + wrong), right / (right + missed)
        rows.append(f"| `{rule}` | {right + missed} | {near} | {right + wrong} | {precision:.2f} | {recall:.2f} |")
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


def test_whoever_is_wrong_on_a_transcript_says_why() -> None:
    assert [case["id"] for case in CORPUS if FOUND[case["id"]] != set(case["expected"]) and not case.get("note")] == []


def test_the_tables_in_the_documentation_are_what_was_seen() -> None:
    committed = DOCS.read_text(encoding="utf-8")
    seen = TABLES.sub(lambda _: tables(), committed)
    if os.environ.get("WRITE_DOCS"):
        DOCS.write_text(seen, encoding="utf-8")
        return
    assert committed == seen, "out of date: WRITE_DOCS=1 pytest tests/test_corroboration_corpus.py"

"""The hand-written corpus against `parse` and `split`; `tests/corpus/README.md` describes its lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

CORPUS = Path(__file__).parents[1] / "corpus"
PARSE_FILES = ("json_reports", "labelled_text", "tables", "not_reports")
SPLIT_FILES = ("in_answers",)
FORMS = frozenset(  # one word each
    # JSON
    "canonical grade_only no_result fenced wrapped double_encoded camel_case bare_list json_lines keyed think_first"
    " several python_literal plain_results emoji_json grade_forms uncertainties damaged truncated other_language_json"
    # text
    " lines slashes bullets numbered bold headings yaml_like marks negation disclosure_words synonyms prose_around"
    " german spanish french portuguese italian chinese japanese korean russian table"
    # no report
    " refusal empty poem essay schema_echo template prose log code unrelated_json prompt quoted"
    # inside an answer
    " element fence section trailing_object tag unclosed none middle lookalike after_text crlf".split()
)


def read(names: tuple[str, ...]) -> list[dict[str, Any]]:
    cases = []
    for name in names:
        with (CORPUS / f"{name}.jsonl").open(encoding="utf-8", newline="\n") as lines:
            cases += [json.loads(line) for line in lines if line.strip()]
    return cases


def parametrised(names: tuple[str, ...]) -> list[Any]:
    return [pytest.param(case, id=case["id"]) for case in read(names)]


def plain(text: str) -> str:
    """The words of a text: white space is one space; marks and quotes around it and its full stop do not count."""
    return " ".join(text.split()).strip(" .。．*_`\"'“”„«»「」")


def loose(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("case", parametrised(PARSE_FILES))
def test_parse(case: dict[str, Any], record_property: Any) -> None:
    from confession_otel.reading import parse

    record_property("corpus_form", case["form"])
    expected = dict(case["expected"])
    confession = parse(case["text"])
    got: dict[str, Any] = {
        "verdict": str(confession.verdict),
        "grade": confession.grade,
        "uncertainties": len(confession.uncertainties),
        "truncated": confession.truncated,
        "problem": confession.problem and str(confession.problem),
        "disclosure": confession.disclosure and str(confession.disclosure),
        "objectives": [
            [plain(o.objective), str(o.compliance), o.disclosure and str(o.disclosure)] for o in confession.objectives
        ],
    }
    for wanted in expected.get("objectives", ()):
        wanted[0] = plain(wanted[0])
    # An expected objective of two parts says nothing about disclosure.
    for wanted, found in zip(expected.get("objectives", ()), got["objectives"], strict=False):
        del found[len(wanted) :]
    assert {key: got[key] for key in expected} == expected


@pytest.mark.parametrize("case", parametrised(SPLIT_FILES))
def test_split(case: dict[str, Any], record_property: Any) -> None:
    from confession_otel.reading import may_confess, parse, split

    record_property("corpus_form", case["form"])
    expected = case["expected"]
    answer, confession = split(case["text"], case["tag"])
    if case["tag"] is None and confession is not None:
        assert may_confess(case["text"])
    if expected.get("spacing") == "free":
        assert loose(answer) == loose(expected["answer"])
    else:
        assert answer == expected["answer"]
    if "confession" in expected:
        assert (confession and confession.strip()) == expected["confession"]
    if "verdict" in expected:
        assert confession is not None
        assert str(parse(confession).verdict) == expected["verdict"]


def test_the_corpus_itself() -> None:
    cases = read(PARSE_FILES + SPLIT_FILES)
    ids = [case["id"] for case in cases]
    assert len(ids) >= 200
    assert len(set(ids)) == len(ids)
    assert {case["form"] for case in cases} <= FORMS
    texts = [(case["text"], case.get("tag", "for parse")) for case in cases]
    assert len(set(texts)) == len(texts)
    for case in cases:
        assert set(case) <= {"id", "form", "text", "tag", "expected", "source"}, case["id"]
        if "tag" in case:
            assert "answer" in case["expected"], case["id"]
        else:
            assert "verdict" in case["expected"], case["id"]
            assert ("problem" in case["expected"]) <= (case["expected"]["verdict"] == "unparsed"), case["id"]

"""Laws of `parse`: it is total, it reads back what we write, and no wrapping or failure makes a verdict better."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from confession_otel.confession import Compliance, Confession, Disclosure, Objective, Problem, Verdict
from confession_otel.reading import parse, split
from confession_otel.reading.blanks import is_blank
from confession_otel.reading.folding import squeeze
from confession_otel.reading.vocabulary import NOTHING_WORDS

Write = Callable[[list[Objective]], str]

# From best to worst.
ORDER = [Verdict.COMPLIANT, Verdict.PARTIALLY_COMPLIANT, Verdict.UNSURE, Verdict.NON_COMPLIANT]

PIECES = [
    *'{}[]:,"\\`|/\n\t -*#>()<=.…',
    *(
        "```",
        "```json\n",
        "<think>",
        "</think>",
        "<confession>",
        "</confession>",
        "//",
        "/*",
        "*/",
        "\r\n",
        "---",
        "|---|",
    ),
    *('"objective": ', '"compliance": ', '"analysis": ', '"compliance_analysis": [', '"overall_compliance_grade": '),
    *(
        "fully_complied",
        "not_complied_not_reported",
        "nearly_complied",
        "unsure_complied_reported",
        "null",
        "true",
        "7",
    ),
    *(
        "Objective: ",
        "Result: ",
        "Why: ",
        "Uncertainties:",
        "Grade: ",
        "Overall: ",
        "## Confession",
        "| Objective | Result |",
    ),
    *(
        "✗",
        "✅",
        "⚠️",
        "❓",
        "not ",
        "did not comply",
        "no violations",
        "none",
        "结果：",
        "Ergebnis: ",
        "&quot;",
        "\u200b",
        "\ufeff",
    ),
]
shreds = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=40).map("".join)
words = st.text("abcdefghij klmnopq", min_size=3, max_size=30).map(lambda text: "x" + text.strip())
# An item that has nothing but placeholders is one of a template: no parsed confession has it.
objectives = st.builds(
    Objective, st.text(), st.sampled_from(Compliance), st.none() | st.sampled_from(Disclosure), st.text()
).filter(lambda item: not (is_blank(item.objective) and is_blank(item.why)))
confessions = st.builds(
    lambda items, uncertainties, grade: Confession("", tuple(items), tuple(uncertainties), grade),
    st.lists(objectives, max_size=5),
    # "None" is none: no parsed confession has it, so none is written.
    st.lists(st.text().filter(lambda text: squeeze(text) not in NOTHING_WORDS), max_size=3),
    st.none() | st.integers(1, 7),
)
plain_objectives = st.builds(Objective, words, st.sampled_from(Compliance), st.just(None), words)
readable = st.lists(plain_objectives, min_size=1, max_size=4)

SAID = {
    Compliance.COMPLIED: "✓ complied",
    Compliance.PARTIAL: "partially complied",
    Compliance.FAILED: "✗ did not comply",
    Compliance.UNSURE: "unsure whether it complied",
}


def as_text(items: list[Objective]) -> str:
    return "\n\n".join(f"Objective: {o.objective}\nResult: {SAID[o.compliance]}\nWhy: {o.why}" for o in items)


def as_json(items: list[Objective]) -> str:
    return Confession("", tuple(items)).to_json()


def as_table(items: list[Objective]) -> str:
    rows = "\n".join(f"| {o.objective} | {SAID[o.compliance]} | {o.why} |" for o in items)
    return f"| Objective | Result | Why |\n|---|---|---|\n{rows}"


FORMS = pytest.mark.parametrize("write", [as_json, as_text, as_table])


def check(confession: Confession, text: str) -> None:
    assert confession.text == text
    assert (confession.problem is not None) == (confession.verdict is Verdict.UNPARSED)


@given(st.text())
@example("\ud800")
@example("{" * 3000)
def test_any_text_gives_a_confession(text: str) -> None:
    check(parse(text), text)


@given(shreds)
@settings(max_examples=300)
def test_shreds_of_confessions_give_a_confession(text: str) -> None:
    check(parse(text), text)


@given(confessions)
@example(Confession("", (Objective("[00]", Compliance.FAILED, None, "[00]"),)))
@example(Confession("", (Objective("[1, 2]", Compliance.FAILED, None, "[12]"),)))
def test_a_confession_written_as_json_is_read_back(confession: Confession) -> None:
    read = parse(confession.to_json())

    assert (confession.objectives, confession.uncertainties, confession.grade) == (
        read.objectives,
        read.uncertainties,
        read.grade,
    )


@FORMS
@given(items=readable)
def test_every_form_gives_the_verdict_that_was_written(write: Write, items: list[Objective]) -> None:
    assert Confession("", tuple(items)).verdict is parse(write(items)).verdict


@FORMS
@given(items=readable, before=st.sampled_from(["", "\n\n  ", "Here is my report.\n\n"]), after=words)
def test_prose_and_space_around_change_no_verdict(
    write: Write, items: list[Objective], before: str, after: str
) -> None:
    text = write(items)

    assert parse(text).verdict is parse(f"{before}{text}\n\n  \n").verdict
    assert parse(text).verdict is parse(f"{before}{text}\n\nI hope that {after}.").verdict


@FORMS
@given(items=readable, fence=st.sampled_from(["```", "```json", "~~~", "````markdown"]))
def test_a_fence_changes_no_verdict(write: Write, items: list[Objective], fence: str) -> None:
    close = fence.rstrip("abcdefghijklmnopqrstuvwxyz")

    assert parse(write(items)).verdict is parse(f"{fence}\n{write(items)}\n{close}").verdict


@given(readable, st.sampled_from([None, 0, 1, 4, "\t"]))
def test_indentation_changes_no_verdict(items: list[Objective], indent: int | str | None) -> None:
    report = json.loads(as_json(items))

    assert parse(as_json(items)).verdict is parse(json.dumps(report, indent=indent)).verdict


@FORMS
@given(items=readable, failed=words, at=st.integers(0, 4))
def test_a_failed_objective_makes_no_verdict_better(write: Write, items: list[Objective], failed: str, at: int) -> None:
    more = [*items[:at], Objective(failed, Compliance.FAILED), *items[at:]]

    assert ORDER.index(parse(write(more)).verdict) >= ORDER.index(parse(write(items)).verdict)
    assert parse(write(more)).verdict is Verdict.NON_COMPLIANT


@given(readable, st.data())
def test_a_report_that_is_cut_off_keeps_what_was_read(items: list[Objective], data: st.DataObject) -> None:
    text = as_json(items)
    cut = parse(text[: data.draw(st.integers(1, len(text) - 1))])
    read = [(o.objective, o.compliance) for o in cut.objectives]

    assert read == [(o.objective, o.compliance) for o in items[: len(read)]]
    assert cut.truncated or cut.verdict is Verdict.UNPARSED


@given(readable)
def test_crlf_and_invisible_characters_change_no_verdict(items: list[Objective]) -> None:
    text = as_text(items)

    assert parse(text).verdict is parse("\ufeff" + text.replace("\n", "\r\n").replace("Res", "Re\u200bs")).verdict


@pytest.mark.parametrize(
    "blank", ["\x1c", "\x1d", "\x1e", "\x1f", "\x85", "\u2028", "\u3000", "\x0b", "\x0c", "\xad", "\u200b"]
)
@pytest.mark.parametrize(
    "around", ["{}", "```\n{}\n```", "Objective: a\n{}\nResult: ✗", "- {}", "| {} |", "# {}", "`{}`\n", '"{}"\n']
)
def test_lines_of_what_only_some_call_blank_make_nothing_fall(blank: str, around: str) -> None:
    assert parse(around.format(blank)).text == around.format(blank)


@pytest.mark.parametrize("blank", ["[your objective here]", "[...]", "[x1]", "<00>", "__", "string"])
def test_an_item_of_placeholders_alone_is_one_of_a_template(blank: str) -> None:
    item = Objective(blank, Compliance.COMPLIED, None, blank)
    assert parse(Confession("", (item,)).to_json()).problem is Problem.NOT_A_REPORT


@pytest.mark.parametrize("other", [None, b"Objective: x. Result: complied.", 7])
@pytest.mark.parametrize("function", [parse, split])
def test_what_is_no_text_is_refused(function: Callable[[object], object], other: object) -> None:
    with pytest.raises(TypeError, match=f"{function.__name__} takes a str, not {type(other).__name__}"):
        function(other)

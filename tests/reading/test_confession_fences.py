"""A fence marked as a confession is the model's own where it ends the text. Elsewhere it is code, as any other."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confession_otel.confession import Verdict
from confession_otel.reading import find, parse

GOOD = "Objective: be brief\nResult: complied\nWhy: one line"
BAD = "Objective: cite two sources\nResult: ✗ did not comply\nWhy: there is one"
JSON = '{"compliance_analysis": [{"objective": "be brief", "compliance": "fully_complied", "analysis": "It is."}]}'
ANSWER = "Snow reflects most of the light."

INFOS = [
    "confession",
    "Confession",
    " CONFESSION",
    "confession-report",
    "confession_report",
    "{.confession}",
    ":confession",
    "json confession",
    "json-confession",
    "json:confession",
    "confession title=x",
]
RUNS = ["```", "````", "~~~", "~~~~~~"]
CONTENTS = {
    "lines": GOOD,
    "object": JSON,
    "element": f"<confession>\n{GOOD}\n</confession>",
    "element on a line": f"<confession>{GOOD}</confession>",
    "element, never closed": f"<confession>\n{GOOD}",
    "section": f"## Confession\n{GOOD}",
    "section of another level": f"**Confession**\n\n{GOOD}",
    "table": "| Objective | Result |\n|---|---|\n| be brief | complied |",
    "free admission": "I did not run the tests.",
    "fence of the other character": "+++\n{}\n+++",
}
AFTER = {
    "a word": "\nBye.",
    "a paragraph": "\n\nThat is all.",
    "a section": "\n\n## Sources\n\n- Meteorology Today",
    "a bold section": "\n\n**Sources**\n\nMeteorology Today",
    "a list": "\n- and so on",
    "code": "\n```python\nx = 1\n```",
    "code, cut off": "\n\n```python\nx =",
    "another object": '\n\n{"albedo": 0.9}',
    "a closing tag": "\n</document>",
    "code twice": "\n```\nx\n```\nor\n~~~\ny\n~~~",
}
OWN = {
    "lines": BAD,
    "section": f"## Confession\n\n{BAD}",
    "label": f"Confession:\n{BAD}",
    "element": f"<confession>\n{BAD}\n</confession>",
    "fence": f"```confession\n{BAD}\n```",
    "tilde fence": f"~~~ confession\n{BAD}\n~~~",
    "fence, cut off": f"```confession\n{BAD}",
    "fence around a fence": f"```confession\n```text\n{BAD}\n```\n```",
    "object": JSON.replace("fully_complied", "not_complied_reported"),
    "object in a fence": f"```json\n{JSON.replace('fully_complied', 'not_complied_reported')}\n```",
}


def fence(run: str, info: str, content: str) -> str:
    return f"{run}{info}\n{content}\n{run}"


def holds_none(output: str) -> None:
    found = find(output)
    assert found.confession is None
    assert found.answer is output
    assert found.passed_over


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("info", INFOS)
def test_at_the_end_it_is_the_confession(info: str, run: str) -> None:
    found = find(f"{ANSWER}\n\n{fence(run, info, GOOD)}\n")
    assert (found.answer, found.confession, found.passed_over) == (ANSWER, GOOD, False)


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("info", INFOS)
def test_before_other_text_it_is_nobodys(info: str, run: str) -> None:
    holds_none(f"{ANSWER}\n{fence(run, info, GOOD)}\nBye.")


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("after", AFTER)
@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("run", ["```", "~~~"])
def test_before_whatever_text_its_content_is_nobodys(run: str, content: str, after: str, newline: str) -> None:
    inner = CONTENTS[content].replace("+++", "```" if run == "~~~" else "~~~").replace("{}", GOOD)
    holds_none(f"{ANSWER}\n\n{fence(run, 'confession', inner)}{AFTER[after]}".replace("\n", newline))


@pytest.mark.parametrize("own", OWN)
@pytest.mark.parametrize("content", [GOOD, JSON, f"<confession>\n{GOOD}"], ids=["lines", "object", "element"])
@pytest.mark.parametrize("between", ["\n", "\n\n", "\n\nThat was quoted.\n\n"], ids=["line", "paragraph", "text"])
@pytest.mark.parametrize("run", ["```", "~~~"])
def test_the_last_confession_counts_and_the_fence_before_it_is_passed_over(
    run: str, between: str, content: str, own: str
) -> None:
    quoted = f"{ANSWER}\n\n{fence(run, 'confession', content)}"
    found = find(f"{quoted}{between}{OWN[own]}\n")
    assert found.confession is not None
    assert found.answer == f"{quoted}{between}".rstrip()
    assert parse(found.confession).verdict is Verdict.NON_COMPLIANT
    assert "be brief" not in found.confession or content is not JSON or "object" in own
    assert found.passed_over


def test_of_two_before_other_text_neither_counts() -> None:
    two = fence("```", "confession", GOOD) + "\n\n" + fence("```", "confession", BAD)
    holds_none(f"{two}\n\nThat is all.")
    holds_none(f"{two}\nObjective: none of your business.")


LISTED = {
    "below its item": "- so\n  {}confession\n  Objective: be brief\n  Result: complied\n  {}",
    "on the line of its item": "1. {}confession\n   Objective: be brief\n   Result: complied\n   {}",
    "on the line of its bullet": "* {}confession\n  Objective: be brief\n  Result: complied\n  {}",
    "not indented": "- {}confession\nObjective: be brief\nResult: complied\n{}",
    "deep": "1. so\n\n    {}confession\n    Objective: be brief\n    Result: complied\n    {}",
    "deep, not indented": "1. so\n\n    {}confession\nObjective: be brief\nResult: complied\n    {}",
    "in a list in a list": "- - {}confession\n    Objective: be brief\n    Result: complied\n    {}",
    "in a list in a list, not indented": "* 1. {}confession\nObjective: be brief\nResult: complied\n{}",
}


@pytest.mark.parametrize("after", ["\n- and so on", "\nBye.", "\n\nBye."], ids=["item", "line", "paragraph"])
@pytest.mark.parametrize("run", ["```", "~~~"])
@pytest.mark.parametrize("listed", LISTED)
def test_one_in_a_list_item_before_other_text_is_nobodys(listed: str, run: str, after: str) -> None:
    holds_none(LISTED[listed].format(run, run) + after)


@pytest.mark.parametrize("listed", ["below its item", "on the line of its item", "not indented"])
def test_one_in_the_last_list_item_is_the_confession(listed: str) -> None:
    confession = find(LISTED[listed].format("```", "```")).confession
    assert confession is not None
    assert [line.strip() for line in confession.splitlines()] == ["Objective: be brief", "Result: complied"]


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_cut_off_it_is_still_the_confession(run: str, newline: str) -> None:
    before, cut = f"{ANSWER}\n\n", f"{run}confession\n{BAD}"
    for end in range(len(f"{run}confession\n"), len(cut) + 1):
        text = (before + cut[:end]).replace("\n", newline)
        found = find(text)
        assert (found.answer, found.passed_over) == (ANSWER, False)
        assert found.confession == text[text.index("ion") + 3 :].strip()


@pytest.mark.parametrize("end", ["", "\n", " \n\n", "\r\n", "\n\u200b", "\n\ufeff\n", "\xa0", "\x0c"])
def test_nothing_that_is_seen_follows_it(end: str) -> None:
    assert find(f"{ANSWER}\n```confession\n{BAD}\n```{end}") == find(f"{ANSWER}\n```confession\n{BAD}\n```")


NESTED = {
    "one": f"```json\n{JSON}\n```",
    "two": f"```json\n{JSON}\n```\n```json\n{JSON}\n```",
    "one below text": f"Objective: show the call\nResult: ✗ did not comply\nWhy:\n```py\nx()\n```\n{BAD}",
    "inline code on a line of its own": f"{BAD}\n```x()```\n",
}


@pytest.mark.parametrize("nested", NESTED)
def test_a_fence_of_the_same_length_may_stand_in_it(nested: str) -> None:
    found = find(f"{ANSWER}\n```confession\n{NESTED[nested]}\n```")
    assert (found.answer, found.confession, found.passed_over) == (ANSWER, NESTED[nested].strip(), False)


@pytest.mark.parametrize("nested", NESTED)
@pytest.mark.parametrize("after", ["\nBye.", "\n\n## Sources\n\n- one"], ids=["line", "section"])
def test_with_a_fence_in_it_and_other_text_after_it_it_is_nobodys(nested: str, after: str) -> None:
    holds_none(f"{ANSWER}\n```confession\n{NESTED[nested]}\n```{after}")


def test_cut_off_behind_the_fence_in_it_it_is_the_confession() -> None:
    inner = f"```json\n{JSON}\n```"
    assert find(f"{ANSWER}\n```confession\n{inner}\n").confession == inner


@pytest.mark.parametrize(
    "after",
    [
        "Bye.",
        "See:\n```py\nx = 1\n```",
        "See:\n```py\nx =",
        f"See:\n```\n## Confession\n{GOOD}\n```",
        f"See:\n```py\nx = 1\n```\nor\n```\n{GOOD}\n```",
    ],
)
def test_where_the_one_in_it_alone_is_closed_what_follows_is_text(after: str) -> None:
    quoted = f"{ANSWER}\n```confession\n```text\n{GOOD}\n```\n"
    holds_none(f"{quoted}{after}")
    for own in OWN.values():
        found = find(f"{quoted}Bye.\n\n{own}")
        assert found.answer == f"{quoted}Bye."
        assert found.confession is not None
        assert parse(found.confession).verdict is Verdict.NON_COMPLIANT
        assert found.passed_over


@pytest.mark.parametrize("outer", ["````", "````markdown", "~~~", "```", "```markdown", "```text"])
def test_in_other_code_it_is_nobodys(outer: str) -> None:
    close = re.sub(r"\w", "", outer)
    for content in (GOOD, "I did not run the tests."):
        holds_none(f"{outer}\n{ANSWER}\n\n```confession\n{content}\n```\n{close}")


def test_under_a_heading_it_is_part_of_that_section() -> None:
    section = f"```confession\n{GOOD}\n```\n\nBye."
    # As with an element there: all below the heading is the confession, if no other section follows.
    assert find(f"{ANSWER}\n\n## Confession\n{section}").confession == section
    holds_none(f"{ANSWER}\n\n## Confession\n{section}\n\n## Sources\n\n- one")


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("info", INFOS)
def test_whatever_it_says_it_is_known_to_be_passed_over(info: str, run: str) -> None:
    holds_none(f"{ANSWER}\n{fence(run, info, 'I did not run the tests.')}\nBye.")


WRAPPED = {
    "lines": GOOD,
    "lines without a word of compliance": "Objective: be brief\nResult: yes",
    "object": JSON,
    "element": f"<confession>\n{GOOD}\n</confession>",
    "section": f"## Confession\n\n{GOOD}",
    "free admission": "## Confession\n\nI did not run the tests.",
    "bold label": "**Confession:** I did not run the tests.",
    "another language": "## Geständnis\n\nIch habe die Quelle erfunden.",
}


@pytest.mark.parametrize("wrapped", WRAPPED)
@pytest.mark.parametrize("outer", ["```", "```markdown", "~~~", "`````"])
@pytest.mark.parametrize("closed", [True, False], ids=["closed", "cut off"])
def test_at_the_end_of_an_answer_that_is_all_code_it_is_passed_over(outer: str, wrapped: str, closed: bool) -> None:
    holds_none(f"{outer}\n{ANSWER}\n\n{WRAPPED[wrapped]}\n" + closed * re.sub(r"\w", "", outer))


@pytest.mark.parametrize("code", ["x = 1", "# Confession\n\nI met you where the river bends.", "Confession is good."])
def test_other_code_at_the_end_is_nothing_that_was_passed_over(code: str) -> None:
    assert not find(f"{ANSWER}\n```\n{code}\n```").passed_over


STRAY = ["    ~~~", "\t~~~text", "10. ~~~", "- - ~~~text", "    ~~~confession", "    " + "~" * 50]


@pytest.mark.parametrize("content", [GOOD, f"## Confession\n{GOOD}", f"<confession>\n{GOOD}"])
@pytest.mark.parametrize("stray", STRAY)
def test_a_deep_fence_that_nothing_closes_hides_no_other(stray: str, content: str) -> None:
    code = f"{ANSWER}\n\n{stray}\n\nSo:\n\n```text\n{content}\n```"
    holds_none(code)
    assert find(f"{code}\n\n```confession\n{BAD}\n```").confession == BAD


PROSE = st.text("abcdefghij klmnopq.,\n", min_size=1, max_size=40).filter(str.strip)


@given(
    before=PROSE,
    run=st.sampled_from(RUNS),
    info=st.sampled_from(INFOS),
    content=st.sampled_from([GOOD, BAD, JSON, CONTENTS["element"], CONTENTS["section"]]),
    after=PROSE,
    newline=st.sampled_from(["\n", "\r\n"]),
)
def test_whatever_prose_stands_around_it(
    before: str, run: str, info: str, content: str, after: str, newline: str
) -> None:
    block = fence(run, info, content)
    holds_none(f"{before}\n{block}\n{after}".replace("\n", newline))
    found = find(f"{before}\n{block}\n{after}\n\n{fence(run, info, 'I did not.')}".replace("\n", newline))
    assert found.confession == "I did not."
    assert found.passed_over


@pytest.mark.parametrize(
    "piece",
    [
        "```confession\n",
        "```confession\n```\n",
        "```confession\n```json\n",
        "```confession\n```json\n```\n",
        "```confession\n```json\n```\n```\n",
        "```confession\nObjective: x\nResult: complied\n```\n",
        "```confession\nObjective: x\n```\n\n",
        "~~~confession\nObjective: x\n",
        "~~~confession\n## Confession\n~~~\n",
        "```\n## Confession\n",
        "- ```confession\n",
        "- - ",
        "    ```\n~~~\n~~~\n",
        "    ~~~text\n- - ~~~\n",
        "1. " * 3 + "`" * 9,
        "`" * 999 + " `\n",
        "`" * 400_000,
        "```" + "x" * 399_990 + "`",
    ],
)
@pytest.mark.parametrize("end", ["", "Bye.", "\n```", f"\n{BAD}", "\n```\nObjective: x\nResult: yes\n```"])
def test_it_takes_time_in_proportion_to_hostile_text(piece: str, end: str) -> None:
    # Quadratic time would take minutes here, linear time takes some milliseconds; the run's own limit is the check.
    assert find(piece * (400_000 // len(piece)) + end).passed_over in (True, False)


@pytest.mark.parametrize("indent", ["", "    ", "- - "])
@pytest.mark.parametrize("info", ["", "text", "confession"])
@pytest.mark.parametrize("way", [1, -1], ids=["longer", "shorter"])
def test_fences_of_all_lengths_take_time_in_proportion_to_them(indent: str, info: str, way: int) -> None:
    runs = [f"{indent}{'`~'[length % 2] * length}{info}\n" for length in range(3, 900)]
    assert find("".join(runs[::way]) + GOOD).passed_over in (True, False)

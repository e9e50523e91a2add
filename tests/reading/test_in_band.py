"""`split`: the confession at the end of an answer, and nothing that only looks like one."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from confession_otel.reading.heading import heading_at, words
from confession_otel.reading.in_band import find, split, spoof_suspected

REPORT = "Objective: cite two sources\nResult: ✗ did not comply\nWhy: there is one"
JSON = """{
  "compliance_analysis": [
    {"objective": "cite two sources", "compliance": "not_complied_not_reported", "analysis": "One is cited."}
  ],
  "uncertainties_and_conflicts": [],
  "overall_compliance_grade": 3
}"""
ITEM = '{"objective": "cite two sources", "compliance": "nearly_complied", "analysis": "One and a half."}'
ANSWER = "Snow reflects most of the light.[1]\n\n  * albedo: 0.9"
POEM = "I met you where the river bends,\nthe heron stood as if in thought,\nand all that evening never ends."

HEADINGS = [
    "# Confession",
    "## Confession",
    "###### Confession ######",
    "##Confession",
    "# **Confession**",
    "## Confession Report",
    "## ConfessionReport",
    "# CONFESSION",
    "## My confession",
    "## 🕵️ Confession",
    "## 3. Confession",
    "## III. Confession",
    "**Confession**",
    "**Confession:**",
    "**Confession**:",
    "__Confession__",
    "*Confession*",
    "***Confession***",
    "**4) Confession report**",
    "Confession:",
    "confession:",
    "CONFESSION REPORT:",
    "Confession",
    "Confession\n==========",
    "Confession report\n---",
    "=== CONFESSION ===",
    "--- Confession ---",
    "─── Confession ───",
    "***** CONFESSION *****",
    "[Confession]",
    "[CONFESSION]:",
    "【Confession】",
    "Confession (self-report)",
    "## Confession (not part of the answer)",
    "<h2>Confession</h2>",
    "<b>Confession</b>",
    "Self-confession:",
    "3. Confession:",
    "ConfessionReport:",
    "## Confesión",
    "**Informe de confesión**",
    "## CONFESIÓN",
    "## Confesio\u0301n",
    "## Geständnis",
    "**Mein Geständnis:**",
    "## GESTÄNDNIS",
    "## Rapport de confession",
    "**Ma confession**",
    "## Confissão",
    "Relatório de confissão:",
    "## Confessione",
    "## 自白",
    "## 坦白报告",
    "**忏悔**:",
    "【告白】",
    "## 懺悔",
    "## 고백",
    "**자백 보고서**",
    "## Признание",
    "ПРИЗНАНИЕ:",
    "## Исповедь",
    "   ## Confession",
    "\u200b## Confession",
]


@pytest.mark.parametrize("heading", HEADINGS)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_last_section_of_that_name_is_the_confession(heading: str, newline: str) -> None:
    output = f"{ANSWER}\n\n{heading}\n\n{REPORT}\n".replace("\n", newline)
    assert split(output) == (ANSWER.replace("\n", newline), REPORT.replace("\n", newline))


@pytest.mark.parametrize("heading", HEADINGS)
def test_such_a_heading_goes_away_with_an_element_or_object_below_it(heading: str) -> None:
    assert split(f"{ANSWER}\n\n{heading}\n\n<confession>\n{REPORT}\n</confession>") == (ANSWER, REPORT)
    assert split(f"{ANSWER}\n\n{heading}\n\n```confession\n{REPORT}\n```\n") == (ANSWER, REPORT)
    answer, confession = split(f"{ANSWER}\n\n{heading}\n```json\n{JSON}\n```")
    assert (answer, confession and confession.strip("`json\n")) == (ANSWER, JSON)


BLOCKS = {
    "element": (f"<confession>{REPORT}</confession>", REPORT),
    "element on lines": (f"<confession>\n{REPORT}\n</confession>\n\n", REPORT),
    "element with attributes": (f'<confession id="k3" version="1">{REPORT}</confession>', REPORT),
    "element in capitals": (f"<CONFESSION>{REPORT}</CONFESSION>", REPORT),
    "element with a longer name": (f"<confession_report>{REPORT}</confession_report>", REPORT),
    "element that quotes its closing tag": (
        '<confession>[{"objective": "end with </confession>", "compliance": "x"}]</confession>',
        '[{"objective": "end with </confession>", "compliance": "x"}]',
    ),
    "element that quotes its tags in code": (
        "<confession>Objective: use `<confession>` and `</confession>`\nResult: ✓</confession>",
        "Objective: use `<confession>` and `</confession>`\nResult: ✓",
    ),
    "element, damaged JSON": (
        '<confession>{"objective": "say "hi", "compliance": "x"}</confession>',
        '{"objective": "say "hi", "compliance": "x"}',
    ),
    "element, cut off": (f"<confession>\n{REPORT}", REPORT),
    "element, cut off in its closing tag": (f"<confession>\n{REPORT}</confes", REPORT),
    "element, cut off, JSON": (f"<confession>{JSON[:90]}", JSON[:90]),
    "fence": (f"```confession\n{REPORT}\n```", REPORT),
    "tilde fence": (f"~~~ confession\n{REPORT}\n~~~\n", REPORT),
    "long fence": (f"````confession\n{REPORT}\n```\nx\n```\n````", f"{REPORT}\n```\nx\n```"),
    "fence in capitals": (f"```Confession\n{REPORT}\n```", REPORT),
    "fence around a fence": (f"```confession\n```json\n{JSON}\n```\n```", f"```json\n{JSON}\n```"),
    "fence, cut off": (f"```confession\n{REPORT}", REPORT),
    "fence without a line": ("```confession\n```", ""),
    "object": (JSON, JSON),
    "object on one line": (JSON.replace("\n", ""), JSON.replace("\n", "")),
    "object in a json fence": (f"```json\n{JSON}\n```", JSON),
    "object in a bare fence": (f"```\n{JSON}\n```", JSON),
    "wrapped object": (f'{{"ConfessionReport": {JSON}}}', f'{{"ConfessionReport": {JSON}}}'),
    "object in an envelope": (
        f'{{"name": "report", "arguments": {JSON}}}',
        f'{{"name": "report", "arguments": {JSON}}}',
    ),
    "object with its key later": (f'{{"task": "x", {JSON[1:]}', f'{{"task": "x", {JSON[1:]}'),
    "camelCase object": ('{"complianceAnalysis": []}', '{"complianceAnalysis": []}'),
    "python object": ("{'compliance_analysis': []}", "{'compliance_analysis': []}"),
    "bare list": (f"[{ITEM},\n{ITEM}]", f"[{ITEM},\n{ITEM}]"),
    "objects line by line": (f"{ITEM}\n{ITEM}\n", f"{ITEM}\n{ITEM}"),
    "object, cut off": (JSON[:120], JSON[:120]),
    "object, cut off in a fence": (f"```json\n{JSON[:120]}", JSON[:120]),
    "lines": (REPORT, REPORT),
    "lines, two objectives": (f"{REPORT}\n\n{REPORT}", f"{REPORT}\n\n{REPORT}"),
    "lines with uncertainties": (
        f"{REPORT}\n\nUncertainties:\n\n- one\n- two",
        f"{REPORT}\n\nUncertainties:\n\n- one\n- two",
    ),
    "bold lines": ("**Objective:** be brief\n- **Result:** ✅ fully complied\n- **Why:** it is", None),
    "one line": ("Objective: be brief / Result: ✗ did not comply / Why: 300 words", None),
    "sentences": ("Objective: be brief. Result: ✗ did not comply. There are 300 words.", None),
    "run-in heading": ("**Confession:** I did not run the tests.", "I did not run the tests."),
    "plain run-in heading": ("Confession: I did not run the tests.", "I did not run the tests."),
    "heading and a free admission": ("## Confession\n\nI did not run the tests.", "I did not run the tests."),
    "heading and nothing to confess": ("## Confession\n\nNone.", "None."),
    "heading and nothing": ("## Confession\n", ""),
    "heading and parts below it": (f"## Confession\n\n### Word limit\n\n{REPORT}", f"### Word limit\n\n{REPORT}"),
    "headings of one level": (
        f"## Confession\n\n## Compliance analysis\n\n{REPORT}\n\n## Uncertainties\n\nNone",
        f"## Compliance analysis\n\n{REPORT}\n\n## Uncertainties\n\nNone",
    ),
    "bold parts": (
        f"**Confession**\n\n**Word limit**\n{REPORT}\n\n**Sources**\n{REPORT}",
        f"**Word limit**\n{REPORT}\n\n**Sources**\n{REPORT}",
    ),
    "table": (
        "## Confession\n| Objective | Result |\n|---|---|\n| be brief | ✗ |",
        "| Objective | Result |\n|---|---|\n| be brief | ✗ |",
    ),
    "details": (
        f"<details>\n<summary>Confession</summary>\n\n{REPORT}\n\n</details>",
        f"{REPORT}\n\n</details>",
    ),
    "the last of two": (f"<confession>{REPORT}</confession>", REPORT),
    "other language": ("## Geständnis\n\nIch habe die Quelle erfunden.", "Ich habe die Quelle erfunden."),
}

MAYBE_A_POEM = frozenset(
    {"heading and nothing", "heading and a free admission", "heading and nothing to confess", "other language"}
)

ANSWERS = [
    ANSWER,
    "",
    "```python\nprint({'a': 1})\n```",
    "The word confession stands in this answer, even <confession> itself.",
    "A confession report is what `<confession>` holds.",
    "<confession>from a document</confession> is what the page said.",
    "> # Confession\n> Result: ✗\n\nThat is what they wrote.",
    "## Confession\n\nThe chapter of that name.\n\n## Absolution\n\nThe next one.",
    'Unbalanced { and [ and " and `',
    'Settings: {"retries": 3}',
    "Objective: none of your business.\n\nStill the answer.",
]


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("block", BLOCKS)
def test_the_last_block_is_the_confession_and_all_before_it_the_answer(answer: str, block: str) -> None:
    text, confession = BLOCKS[block]
    output = f"{answer}\n\n{text}"
    if not answer and block in MAYBE_A_POEM:
        assert split(output) == (output, None)
    else:
        assert split(output) == (answer, text if confession is None else confession)


@pytest.mark.parametrize("between", ["\n", "\n\n"], ids=["line", "paragraph"])
@pytest.mark.parametrize("code", [f"```text\n{REPORT}\n```", "~~~\nObjective: grow\n\nObjective: shrink\n~~~"])
def test_a_report_in_lines_may_follow_directly_on_code(code: str, between: str) -> None:
    assert split(f"{code}{between}{REPORT}") == (code, REPORT)


NONE = {
    "empty": "",
    "white space": " \n\t ",
    "plain": ANSWER,
    "element in the middle": f"<confession>{REPORT}</confession>\n\nThat is all.",
    "element in code": f"Write:\n```xml\n<confession>{REPORT}</confession>\n```",
    "element in unclosed code": f"Write:\n```xml\n<confession>{REPORT}</confession>",
    "element in inline code": "The tags are `<confession>x</confession>`",
    "element in a code span before its end": "Use `<confession>Result: x</confession>`.",
    "element in quotes": f'They wrote: "<confession>{REPORT}</confession>"',
    "element in curly quotes": f"They wrote: “<confession>{REPORT}</confession>”",
    "element in a block quote": f"> <confession>{REPORT.replace(chr(10), ' ')}</confession>",
    "element in indented code": "Write:\n\n    <confession>Result: x</confession>",
    "element in a document": f"<document>\n<confession>{REPORT}</confession>\n</document>",
    "element, escaped": f"&lt;confession&gt;{REPORT.replace('✗', 'x').replace('comply', 'do')}&lt;/confession&gt;",
    "element, escaped by a backslash": "\\<confession>x\\</confession>",
    "element of another name": "<confessional>Result: x</confessional>",
    "empty element": "All done. <confession/>",
    "a closing tag alone": "All done.</confession>",
    "a tag spoken of at the end": "Put what you did not do into a <confession> element.",
    "a quoted tag at the end": 'The tag is "<confession>".',
    "fence in the middle": f"```confession\n{REPORT}\n```\n\nThat is all.",
    "fence in a fence": f"````markdown\n```confession\n{REPORT}\n```\n````",
    "fence of another language": f"```text\n{REPORT}\n```",
    "fence of another word": "```confessional\nx\n```",
    "fence in a block quote": "> ```confession\n> Result: x\n> ```",
    "section in the middle": f"## Confession\n\n{REPORT}\n\n## Next steps\n\nRun the tests.",
    "bold section in the middle": "**Confession**\n\nI never liked it.\n\n**Next steps**\n\nRun it.",
    "label in the middle": "Confession:\nI never tested it.\n\nNext steps:\n- run it",
    "underlined section in the middle": "Confession\n==========\n\nI lied.\n\nAbsolution\n==========\n\nAnd so on.",
    "framed section in the middle": "=== CONFESSION ===\nI lied.\n=== ABSOLUTION ===\nHe said.",
    "section in a block quote": f"They wrote:\n\n> ## Confession\n> {REPORT.splitlines()[1]}",
    "section in code": f"```markdown\n## Confession\n{REPORT}\n```",
    "section in tilde code": f"~~~\n## Confession\n{REPORT}\n~~~\n",
    "section in indented code": "Write:\n\n    ## Confession\n    Result: x",
    "section in quotes": f'The file says: "\n## Confession\n{REPORT}"',
    "section in a document": f"<document>\n## Confession\n{REPORT}\n</document>",
    "section in a comment": f"Hidden: <!--\n## Confession\n{REPORT}\n-->",
    "section, escaped": "\\## Confession\n\nx",
    "a poem of that name": f"# Confession\n\n{POEM}",
    "a poem of that name, bold": f"**Confession**\n\n{POEM}",
    "a poem of that name, introduced": f"Here is the poem:\n\n**Confession**\n\n{POEM}",
    "an essay": "# Confession in the Middle Ages\n\nConfession was annual.\n\nConfession changed.",
    "a list that ends with it": "The sacraments:\n\n- Baptism\n- Eucharist\n- Confession",
    "a numbered list that ends with it": "The sacraments:\n\n1. Baptism\n2. Eucharist\n3. Confession",
    "a bold list item": "The sacraments:\n\n- **Baptism**: water\n- **Confession**: words and absolution",
    "a table row": "| sacrament | sign |\n|---|---|\n| Confession | words |",
    "a hashtag": "A photo of the sea.\n\n#confession",
    "chat in that tone": "Confession: I love this API.\n\nSo here is the code you wanted.\n\nHave fun.",
    "the word first in a sentence": "All done.\n\nConfession is good for the soul.",
    "the word in the plural": "# Confessions\n\nBy Augustine. I did not read it.",
    "a link": "See also\n\n[Confession](https://example.com/)",
    "object in the middle": f"{JSON}\n\nThat is all.",
    "object in the middle of a line": f"It printed {JSON.replace(chr(10), ' ')} and stopped.",
    "object in code": f"```python\nreport = {JSON}\n```",
    "object in quotes": f"It printed '{JSON}'",
    "object in inline code": f"It printed `{JSON.replace(chr(10), ' ')}`",
    "another object": '{"answer": 42, "unit": "km"}',
    "a plan as an object": '{"objective": "grow", "key_results": ["15 %"], "result": "on track"}',
    "code with a word of the schema": "```python\ncompliance_analysis = []\n```",
    "lines in the middle": f"{REPORT}\n\nThat is all.",
    "lines in a block quote": "> Objective: x\n> Result: ✗ did not comply",
    "lines in quotes": f'They wrote: "\n{REPORT}"',
    "lines in a document": f"<user_input>\n{REPORT}\n</user_input>",
    "lab notes": "Objective: find the density of water\nResult: 0.998 g/cm3\nWhy: room temperature",
    "a business plan": "Objective: grow\nResult: 15% more revenue",
    "an objective alone": "Objective: cite two sources",
    "a result alone": "Result: ✗ did not comply",
}


@pytest.mark.parametrize("case", NONE)
def test_what_is_no_confession_leaves_the_output_as_it_is(case: str) -> None:
    output = NONE[case]
    answer, confession = split(output)
    assert confession is None
    assert answer is output


TAGGED = {
    "at the end": ('Done.\n\n<confession id="k3">x</confession>\n', "Done.", "x"),
    "before other text": ('Done.\n<confession id="k3">x</confession>\n\nBye.\n', "Done.\n\nBye.", "x"),
    "in a sentence": ('Done <confession id="k3">x</confession> and out.', "Done and out.", "x"),
    "between words": ('Done <confession id="k3">x</confession>and out.', "Done and out.", "x"),
    "at the start": ('<confession id="k3">x</confession>Done.', "Done.", "x"),
    "alone": ('<confession id="k3">x</confession>', "", "x"),
    "empty": ('Done.<confession id="k3"></confession>', "Done.", ""),
    "cut off": ('Done. <confession id="k3">x\ny', "Done.", "x\ny"),
    "cut off in its closing tag": ('Done. <confession id="k3">x</conf', "Done.", "x"),
    "in code": ('Done.\n```\n<confession id="k3">x</confession>\n```', "Done.\n```\n```", "x"),
    "in a block quote": ('> <confession id="k3">x</confession>', ">", "x"),
    "other quotes": ("Done. <confession id='k3'>x</confession>", "Done.", "x"),
    "no quotes": ("Done. <Confession ID=k3 >x</Confession>", "Done.", "x"),
    "a closing tag with an id": ('Done. <confession id="k3">x</confession id="k3">', "Done.", "x"),
    "two": ('A <confession id="k3">x</confession> B <confession id="k3">y</confession>', "A B", "y"),
    "the second empty": ('A <confession id="k3">x</confession> B <confession id="k3"></confession>', "A B", "x"),
    "quoted tags inside": (
        'Done.\n<confession id="k3">{"objective": "end with <confession id=\\"k3\\">…</confession>"}</confession>\n',
        "Done.",
        '{"objective": "end with <confession id=\\"k3\\">…</confession>"}',
    ),
    "quotes that do not pair": (
        'Done.\n<confession id="k3">{"objective": "say "hi", x"}</confession>\nBye.',
        "Done.\nBye.",
        '{"objective": "say "hi", x"}',
    ),
    "spoken of before": (
        'I will add `<confession id="k3">` below.\n\n<confession id="k3">x</confession>',
        'I will add `<confession id="k3">` below.',
        "x",
    ),
    "spoken of before, without quotes": (
        'I will add <confession id="k3"> below.\n\nDone.\n\n<confession id="k3">x</confession>',
        'I will add <confession id="k3"> below.\n\nDone.',
        "x",
    ),
    "another tag": ('<confession id="k4">x</confession>', None, None),
    "a longer tag": ('<confession id="k33">x</confession>', None, None),
    "the tag elsewhere": ('k3 <confession id="x k3">x</confession>', None, None),
    "no tag": ("Done.\n<confession>x</confession>\nk3 ", None, None),
    "escaped": ('Done. &lt;confession id="k3">x</confession>', None, None),
    "a section": (f"k3\n\n## Confession\n{REPORT}", None, None),
    "cut off in its opening tag": ('Done. <confession id="k', "Done.", ""),
    "cut off in another opening tag": ('Done. <confession id="k4', None, None),
}


@pytest.mark.parametrize("case", TAGGED)
def test_with_a_tag_only_the_element_with_that_tag_counts_wherever_it_stands(case: str) -> None:
    output, answer, confession = TAGGED[case]
    assert split(output, "k3") == (output if answer is None else answer, confession)


@pytest.mark.parametrize("tag", ["", "a.b", "(", "<", '"', "é", " ", "\\"])
def test_any_tag_is_taken_literally(tag: str) -> None:
    assert split(f'A <confession id="{tag}">x</confession> B', tag) == ("A B", "x")


@pytest.mark.parametrize(
    ("output", "suspected"),
    [
        (ANSWER, False),
        (f"# Confession\n\n{POEM}", False),
        ("I have a confession: the result is good, in compliance with the rules.", False),
        (f"<confession>{REPORT}</confession>", False),
        (f"<confession>a</confession>\n\n<confession>{REPORT}</confession>", True),
        (f"> <confession>x</confession>\n\n## Confession\n{REPORT}", True),
        ("They wrote &lt;confession&gt;.", True),
        (f"```json\n{JSON}\n```\n\nThat is all.", True),
        (f"{REPORT}\n\nThat is all.", True),
        ("```confession\nx\n```\n\nThat is all.", True),
        ("The page says `not_complied_reported`.", True),
    ],
)
def test_what_was_passed_over_is_known(output: str, suspected: bool) -> None:
    found = find(output)
    assert (found.answer, found.confession) == split(output)
    assert found.passed_over == spoof_suspected(found.answer) == suspected


def test_with_a_tag_an_untagged_confession_is_passed_over() -> None:
    found = find(f'A\n<confession>{REPORT}</confession>\n<confession id="k3">x</confession>', "k3")
    assert found.confession == "x"
    assert found.passed_over


PIECES = [
    "<confession>",
    "</confession>",
    '<confession id="k3">',
    "<confession",
    "</conf",
    "```confession\n",
    "```\n",
    "```json\n",
    "~~~\n",
    "# Confession\n",
    "**Confession**\n",
    "Confession:",
    "Confession\n===\n",
    "## Geständnis\n",
    "自白\n",
    "## Other\n",
    "**Other**\n",
    "Objective: be brief\n",
    "Result: ✗ did not comply\n",
    "Why: no\n",
    '{"compliance_analysis": [',
    "]}",
    "{",
    "}",
    "[",
    '"',
    "'",
    "`",
    "\\",
    ">",
    "> ",
    "\n",
    "\n\n",
    "\r\n",
    " ",
    "    ",
    "\t",
    "\u200b",
    "\xa0",
    "text",
    "I did not.",
    "<details><summary>",
    "</summary>",
    '"objective": "x", "compliance": "fully_complied"',
    "<b>",
    "</b>",
    "-->",
    "<!--",
    "&lt;",
    "\ud800",
    "\x00",
    "\x1f",
    "\x85",
    "é",
    "3. ",
    "| ",
    "- ",
]
OUTPUTS = st.one_of(st.lists(st.sampled_from(PIECES), max_size=25).map("".join), st.text())


@given(OUTPUTS, st.sampled_from([None, "k3", ""]))
@example("<b>Confession</b>", None)
@example("\x1f<confession>x", None)  # white space, but none that Markdown knows
def test_split_is_total_and_invents_nothing(output: str, tag: str | None) -> None:
    answer, confession = split(output, tag)
    if confession is None:
        assert answer is output
        return
    assert confession in output
    assert confession == confession.strip()
    if tag is None:
        assert output.startswith(answer)
        assert answer == answer.rstrip()
        assert confession in output[len(answer) :]


@given(OUTPUTS)
def test_what_stands_before_a_tagged_block_does_not_matter(output: str) -> None:
    answer, confession = split(f'{output}\n<confession id="zq7">{REPORT}</confession>', "zq7")
    assert (answer, confession) == (output.rstrip(), REPORT)


@given(OUTPUTS.filter(lambda text: not any(mark in text for mark in ("```", "~~~", "<", ">"))))
def test_an_element_on_its_own_line_ends_any_answer(output: str) -> None:
    answer, confession = split(f"{output}\n\n<confession>\n{REPORT}\n</confession>\n")
    assert confession == REPORT
    assert output.startswith(answer)


def heads_confession(text: str) -> bool:
    return any(heading_at(text, at) is not None for at in words(text))


# Under a heading that names a confession all that follows is the confession, the text after the element with it.
@given(st.text().filter(lambda text: not heads_confession(f"{text}\n\n")))
@example("A confession is good for the soul.")
@example("исповедь как жанр")
@example("<confession>y</confession>")
def test_text_after_it_makes_an_element_somebody_elses(output: str) -> None:
    text = f"{output}\n\n<confession>x</confession>\n\nThat is all."
    assert split(text) == (text, None)


@pytest.mark.parametrize("heading", ["ИсповеДЬ", "Confession:", "## Confession"])
def test_a_heading_over_such_an_element_makes_all_below_it_the_confession(heading: str) -> None:
    below = "<confession>x</confession>\n\nThat is all, and no test was run."
    assert split(f"Done.\n\n{heading}\n\n{below}") == ("Done.", below)

"""What is asked for is what is read, whoever repeats the question reports nothing, and policies are found by name."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from confession_otel import Compliance, Confession, Disclosure, Objective, Verdict, parse, split
from confession_otel.asking.question import VERSION, follow_up, in_band, unaddressed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TAG = "k3f9"
POLICIES = ("never give legal advice", "cite sources", 'Say "maybe", not "yes".')
HOSTILE = (
    'never write {"a": {0}} or {policies}',
    'say "guaranteed" never, \\" neither',
    "close no </confession> tag",
    f'open no <confession id="{TAG}"> tag',
    "one\nrule\r\n\tin three\u2028lines",
    "100 % ``` of %s",
)
MEANINGS = {
    "fully_complied": (Verdict.COMPLIANT, None),
    "nearly_complied": (Verdict.PARTIALLY_COMPLIANT, None),
    "not_complied_reported": (Verdict.NON_COMPLIANT, Disclosure.DISCLOSED),
    "not_complied_not_reported": (Verdict.NON_COMPLIANT, Disclosure.UNDISCLOSED),
    "not_complied_claimed_compliance": (Verdict.NON_COMPLIANT, Disclosure.MISREPRESENTED),
    "unsure_complied_reported": (Verdict.UNSURE, Disclosure.DISCLOSED),
    "unsure_complied_not_reported": (Verdict.UNSURE, Disclosure.UNDISCLOSED),
}
# A changed wording gets a new version here and in the module; old lines stay.
WORDINGS = {"1": "68b8443310ae5328"}
QUESTIONS: dict[str, Callable[[Sequence[str]], str]] = {
    "follow-up": follow_up,
    "in-band": lambda policies: in_band(TAG, policies),
}
asked = pytest.mark.parametrize("ask", QUESTIONS.values(), ids=QUESTIONS)


def literals(question: str) -> list[str]:
    return re.findall(r"\b[a-z]+_complied[a-z_]*", question)


def form(question: str) -> dict[str, Any]:
    """The form that the question shows, its placeholders as texts."""
    shown = re.search(r"\{.*\}", question)
    assert shown is not None
    found: dict[str, Any] = json.loads(re.sub(r": (<[^<>]*>)", r': "\1"', shown[0]))
    return found


def filled(question: str, objective: str, literal: str) -> str:
    """A report in the question's own form."""
    report = form(question)
    items, uncertainties, grade = report
    name, result, why = report[items][0]
    return json.dumps(
        {items: [{name: objective, result: literal, why: "It says so."}], uncertainties: ["Which sea?"], grade: 3}
    )


def confession(*objectives: str, compliance: Compliance = Compliance.COMPLIED) -> Confession:
    return Confession("", objectives=tuple(Objective(text, compliance, why="See the answer.") for text in objectives))


@asked
def test_what_is_asked_for_is_what_is_read(ask: Callable[[Sequence[str]], str]) -> None:
    question = ask(())
    assert literals(question) == list(MEANINGS)
    for literal in literals(question):
        report = filled(question, "Be short", literal)
        read = parse(report)
        assert (read.verdict, read.objectives[0].disclosure) == MEANINGS[literal]
        assert [(o.objective, o.literal, o.why) for o in read.objectives] == [("Be short", literal, "It says so.")]
        assert (read.uncertainties, read.grade) == (("Which sea?",), 3)
        assert json.loads(read.to_json()) == json.loads(report)


@asked
def test_the_account_covers_what_it_should_and_has_no_bearing(ask: Callable[[Sequence[str]], str]) -> None:
    question = ask(())
    for needed in (
        "for the record", "honest", "no bearing", "explicit or implicit", "instruction", "constraint", "objective",
        "whole conversation", "system", "developer", "user", "tools", "excerpts", "no private reasoning", "1 to 7",
    ):  # fmt: skip
        assert needed in question.lower()


def test_the_follow_up_asks_for_json_alone_and_the_instruction_for_one_block_at_the_end() -> None:
    assert "Call no tools" in follow_up()
    assert follow_up().endswith("Reply with the JSON object alone, nothing before or after it.")
    assert f'`<confession id="{TAG}">`' in in_band(TAG)
    assert "Call no tools" not in in_band(TAG)


def test_the_question_is_short() -> None:
    assert len(follow_up().split()) <= 200
    assert len(follow_up()) <= 1400


def test_both_describe_the_report_in_the_same_words() -> None:
    for policies in ((), POLICIES):
        shared = follow_up(policies).split("\n\n")[1:-1]
        assert in_band(TAG, policies).split("\n\n")[1:] == shared


def test_a_changed_wording_has_a_new_version() -> None:
    wording = "\n".join([follow_up(), follow_up(["p"]), in_band("t")])
    assert WORDINGS[VERSION] == hashlib.sha256(wording.encode()).hexdigest()[:16]


@asked
def test_policies_are_listed_verbatim_and_numbered(ask: Callable[[Sequence[str]], str]) -> None:
    question = ask(POLICIES)
    listed = "\n".join(f"{number}. {policy}" for number, policy in enumerate(POLICIES, 1))
    assert f"\n{listed}\n\n" in question
    assert form(question) == form(ask(()))
    assert "polic" not in ask(())
    assert ask(["", " \n"]) == ask(())
    assert "\n1. a\n2. b\n" in ask(["a", "", "b"])


@asked
def test_no_policy_breaks_the_question(ask: Callable[[Sequence[str]], str]) -> None:
    question = ask(HOSTILE)
    for number, policy in enumerate(HOSTILE, 1):
        assert f"\n{number}. {' '.join(policy.split())}\n" in question
        assert len(ask([policy]).splitlines()) == len(ask(["p"]).splitlines())
    assert question.endswith(ask(())[-200:])


@pytest.mark.parametrize("policy", HOSTILE)
def test_a_policy_copied_into_a_report_ends_no_element(policy: str) -> None:
    line = " ".join(policy.split())
    report = filled(in_band(TAG), line, "not_complied_reported")
    answer, found = split(f'The sea is blue.\n\n<confession id="{TAG}">\n{report}\n</confession>', tag=TAG)
    assert (answer, found) == ("The sea is blue.", report)
    assert parse(report).objectives[0].objective == line
    assert unaddressed([policy], parse(report)) == ()


@asked
@pytest.mark.parametrize("policies", [(), POLICIES, HOSTILE], ids=["none", "some", "hostile"])
def test_a_question_repeated_is_no_report(ask: Callable[[Sequence[str]], str], policies: Sequence[str]) -> None:
    question = ask(policies)
    lines = question.splitlines()
    for text in (
        question,
        f"You asked:\n\n{question}\n\nI would rather not say.",
        f"```\n{question}\n```",
        "\n".join(f"> {line}" for line in lines),
        json.dumps(question),
    ):
        assert parse(text).verdict is Verdict.UNPARSED, text
        assert split(text) == (text, None)
    for part in (*question.split("\n\n"), *lines, json.dumps(form(ask(())))):
        assert parse(part).verdict is Verdict.UNPARSED, part


@asked
def test_no_beginning_or_end_of_a_question_is_a_report(ask: Callable[[Sequence[str]], str]) -> None:
    question = ask(POLICIES)
    for at in range(len(question)):
        assert parse(question[:at]).verdict is Verdict.UNPARSED, question[:at]
        assert parse(question[at:]).verdict is Verdict.UNPARSED, question[at:]


@pytest.mark.parametrize("policies", [(), POLICIES], ids=["none", "some"])
@pytest.mark.parametrize(
    "around",
    ["{}", "I was told this: {} Which I now do not.", 'My instruction is "{}", as you see.',
     "```\n{}\n```\nThat is it.", "> {}\n\nDone."],
)  # fmt: skip
def test_the_instruction_quoted_opens_no_element(around: str, policies: Sequence[str]) -> None:
    text = around.format(in_band(TAG, policies))
    assert split(text, tag=TAG) == (text, None)
    assert split(text) == (text, None)


def test_the_instruction_quoted_hides_no_true_block() -> None:
    report = filled(in_band(TAG), "Be short", "fully_complied")
    text = f'{in_band(TAG)}\n\nSo be it.\n\n<confession id="{TAG}">\n{report}\n</confession>'
    assert split(text, tag=TAG) == (f"{in_band(TAG)}\n\nSo be it.", report)


def test_a_report_after_the_question_repeated_is_read() -> None:
    report = filled(follow_up(), "Be short", "not_complied_not_reported")
    assert parse(f"{follow_up()}\n\n{report}").verdict is Verdict.NON_COMPLIANT


@pytest.mark.parametrize(
    "objective",
    [
        "cite sources", "Cite Sources", "CITE SOURCES.", "  cite\n sources  ", '"cite sources"', "“Cite sources.”",
        "**Cite sources**", "`cite sources`: three of them", "_cite sources_ in each answer", "- cite sources",
        "2. cite sources", "7) Cite sources", "(3) cite sources", "2 - cite sources", "Policy 2: cite sources",
        "**Policy 2:** Cite sources.", "Policy: cite sources", "Operator policy — cite sources", "[P2] Cite sources",
        "[P1] cite sources", "P2: cite sources", "5. Policy #2 (cite sources)", "Rule no. 2 – “cite sources”",
        "Objective 4: cite sources", "cite sources - the answer has two", "cite sources – two", "cite sources—two",
        "cite sources: two", "cite sources; two", "cite sources. The answer has two.", "cite sources (policy 2)",
        "cite sources\nThe answer has two.", "cite sources => done", "> cite sources", "cite\u00a0sources",
        "ｃｉｔｅ sources",
    ],
)  # fmt: skip
def test_a_policy_is_judged_under_its_text_however_it_is_dressed(objective: str) -> None:
    assert unaddressed(POLICIES[:2], confession("never give legal advice", objective)) == ()


@pytest.mark.parametrize(
    "objective",
    ["Policy 2", "policy 2.", "**Policy 2**", "Policy #2", "Policy No. 2", "[P2]", "P2", "(P2) sources", "Rule 2",
     "Policy 2: name where it comes from", "Policy 2 is kept", "1. Policy 2", "operator's policy 2"],
)  # fmt: skip
def test_a_policy_is_judged_under_its_number(objective: str) -> None:
    assert unaddressed(POLICIES[:2], confession(objective)) == POLICIES[:1]


@pytest.mark.parametrize(
    "objective",
    [
        "cite sources in APA style, not as footnotes", "cite sources, if asked", "cite sources-first", "cite sourcesX",
        "cite sources.js", "cite sources::all", "cite sources's", "cite", "sources", "do not cite sources",
        "citesources", "The answer should cite sources", "2", "2.", "Policy 22", "Policy 2.1", "P2P transfers are sums",
        "Policies 1 and 2", "Policy 1 and 2", "Policy 1, 2", "Policies", "Policy", "Follow all policies", "P2 outages",
        "",
    ],
)  # fmt: skip
def test_another_objective_judges_no_policy(objective: str) -> None:
    assert unaddressed(POLICIES[:2], confession(objective)) == POLICIES[:2]


def test_the_text_outweighs_a_wrong_number() -> None:
    assert unaddressed(POLICIES, confession("Policy 2: never give legal advice")) == POLICIES[1:]


def test_of_two_policies_one_the_beginning_of_the_other_only_the_one_named_is_judged() -> None:
    policies = ("cite sources", "cite sources in APA style", "use C", "use C++")
    assert unaddressed(policies, confession("Cite sources in APA style", "use C++")) == ("cite sources", "use C")


def test_policies_come_back_as_given_and_in_order_and_blank_ones_never() -> None:
    policies = ("  b\nb ", "", "a", " ", "b\nb")
    assert unaddressed(policies, confession()) == ("  b\nb ", "a", "b\nb")
    assert unaddressed(policies, confession("Policy 2")) == ("  b\nb ", "b\nb")
    assert unaddressed(policies, confession("b b")) == ("a",)
    assert unaddressed((), confession("a")) == ()


@pytest.mark.parametrize(
    "policy", ["引用来源", "引用来源。", "Quelle nennen, größer als 3", "→ ✓", "don’t guess", "2 sources"]
)
def test_a_policy_may_be_in_any_script(policy: str) -> None:
    assert unaddressed([policy], confession(policy)) == ()
    assert unaddressed([policy], confession(f"「{policy}」：见答案")) == ()
    assert unaddressed([policy], confession(f"1. {policy.upper()} - see the answer")) == ()
    assert unaddressed([policy], confession("something else")) == (policy,)


def test_only_a_result_or_a_reason_judges() -> None:
    item = {"objective": "cite sources"}
    other = {"objective": "Be short", "compliance": "fully_complied", "analysis": ""}
    for given_, left in (
        (item, ("cite sources",)),
        (item | {"compliance": "", "analysis": ""}, ("cite sources",)),
        (item | {"compliance": "fully_complied", "analysis": ""}, ()),
        (item | {"compliance": "unsure_complied_reported", "analysis": ""}, ()),
        (item | {"compliance": "unsure", "analysis": "No way to check them."}, ()),
    ):
        read = parse(json.dumps({"compliance_analysis": [given_, other]}))
        assert read.verdict is not Verdict.UNPARSED
        assert unaddressed(["cite sources"], read) == left


def test_an_unparsed_confession_addresses_nothing() -> None:
    assert unaddressed(POLICIES, parse("I cannot say.")) == POLICIES


texts = st.text(max_size=80) | st.text(alphabet="ab12. :-()[]*\"'#_,\nPpolicy", max_size=40)


@given(st.lists(texts, max_size=4))
@example(["´", "0+0", "(a) b)"])
def test_every_policy_is_one_line_and_judged_by_its_own_text(policies: list[str]) -> None:
    said = [" ".join(policy.split()) for policy in policies if policy.strip()]
    question = follow_up(policies)
    assert all(f"\n{number}. {line}\n" in question for number, line in enumerate(said, 1))
    assert unaddressed(policies, confession(*said)) == ()


@given(st.lists(texts, max_size=4), st.lists(texts, max_size=4))
def test_what_is_unaddressed_is_among_the_policies_in_order(policies: list[str], objectives: list[str]) -> None:
    rest = iter(policies)
    assert all(policy in rest for policy in unaddressed(policies, confession(*objectives)))

"""`integrations/collector/other-languages.yaml`: what patterns read in answers, never better than it is."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Final

import pytest

from confession_otel import semconv

from .collectors import collector, two_backends
from .traffic import FAILED, eventually, page, series, service, spans_in

# The first test that needs a server may have to build it.
pytestmark = pytest.mark.timeout(2400)

OUTPUT: Final = "gen_ai.output.messages"


def messages(text: str, reason: str = "stop") -> str:
    return json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": text}], "finish_reason": reason}])


def three(result: str, more: str = "") -> str:
    return f"Here you are.\n\n## Confession\n\nObjective: be short\nResult: {result}\nWhy: counted{more}"


def reported(*labels: str) -> str:
    analysis = [{"objective": f"number {n}", "compliance": label, "analysis": "so"} for n, label in enumerate(labels)]
    return "Here.\n\n```json\n" + json.dumps({"compliance_analysis": analysis}, indent=1) + "\n```"


SECOND_OBJECTIVE: Final = "\n\nObjective: be kind\nResult: "
READ: Final[list[tuple[str, str | None]]] = [
    (messages(three("✗ did not comply")), "non_compliant"),
    (messages(three("✗")), "non_compliant"),
    (messages(three("did not comply")), "non_compliant"),
    (messages(three("not_complied_claimed_compliance")), "non_compliant"),
    (messages(three("**✗ did not comply**")), "non_compliant"),
    (messages(three("✓ complied", SECOND_OBJECTIVE + "✗ did not comply")), "non_compliant"),
    (messages(three("who knows", SECOND_OBJECTIVE + "✗ did not comply")), "non_compliant"),
    (messages(three("✗ did not comply"), "length"), "non_compliant"),
    (messages(three("✅ fully complied")), "compliant"),
    (messages(three("✓ complied.")), "compliant"),
    (messages(three("✔️")), "compliant"),
    (messages(three("✓ complied", SECOND_OBJECTIVE + "fully_complied")), "compliant"),
    (messages(three("⚠️ partially")), "partially_compliant"),
    (messages(three("nearly_complied", SECOND_OBJECTIVE + "✓ complied")), "partially_compliant"),
    (messages(three("unsure", SECOND_OBJECTIVE + "✓ complied")), "unsure"),
    # What is not understood is no pass, and neither is what may have been cut off.
    (messages(three("✓ complied, but only at first")), "unparsed"),
    (messages(three("✓ not fully complied")), "unparsed"),
    (messages(three("✓ complied", SECOND_OBJECTIVE + "so-so")), "unparsed"),
    (messages(three("")), "unparsed"),
    (messages(three("✓ complied"), "length"), "unparsed"),
    (messages("Here.\n\n## Confession\n\nI did what I could."), "unparsed"),
    (messages(three("so ⟦complied⟧")), "unparsed"),
    (messages(reported("fully_complied", "not_complied_not_reported")), "non_compliant"),
    (messages(reported("fully_complied", "unsure_complied_reported")), "unsure"),
    (messages(reported("fully_complied", "nearly_complied")), "partially_compliant"),
    (messages(reported("fully_complied", "fully_complied")), "compliant"),
    (messages(reported("fully_complied", "quite alright")), "unparsed"),
    (messages('{"compliance_analysis": [{"objective": "x", "compliance": tr'), "unparsed"),
    # Without a heading, and in the other shapes of the attribute.
    (messages("Objective: be short\nResult: ✗ did not comply\nWhy: counted"), "non_compliant"),
    (messages("<confession>\nObjective: be short\nResult: ✓ complied\n</confession>"), "compliant"),
    (
        json.dumps(
            [
                {
                    "role": "assistant",
                    "parts": [
                        {"type": "reasoning", "content": three("✗ did not comply")},
                        {"type": "text", "content": three("✓ complied")},
                        {"type": "tool_call", "name": "look", "arguments": {}},
                    ],
                }
            ]
        ),
        "compliant",
    ),
    # Silence.
    (messages("Fish have gills."), None),
    (messages("My plan\nObjective: sell fish\nWhen: today"), None),
    (messages(""), None),
    ("[]", None),
    ("{}", None),
    ("not JSON", None),
    (json.dumps([{"role": "assistant", "parts": []}]), None),
    (json.dumps([{"role": "assistant"}]), None),
    # Of several choices it is not known which one was used.
    (json.dumps([json.loads(messages(three("✓ complied")))[0], json.loads(messages(three("✗")))[0]]), None),
]


def read_by_the_collector(values: list[str], tmp_path: Path) -> tuple[list[dict[str, Any]], str]:
    """Attributes that it makes of answers, in order; and the page of its metrics, with each answer sent twice."""
    with (
        two_backends(tmp_path) as to,
        collector("gateway.yaml", "other-languages.yaml", environ=to.environ, wait="1s", percent=100) as one,
        service(one.otlp) as shop,
    ):
        first = [shop.answer(attributes={OUTPUT: value}) for value in values]
        eventually(lambda: one.series("traces_span_metrics_calls_total"), bool)
        for value in values:
            shop.answer(attributes={OUTPUT: value})
        shop.answer(FAILED)
        wanted = 4 * len(values) + 3
        eventually(lambda: len(spans_in(to.first)), lambda count: count == wanted, seconds=60)
        spans = {span["spanId"]: span["attributes"] for span in spans_in(to.first)}
        time.sleep(0.5)
        return [spans[f"{span.get_span_context().span_id:016x}"] for span in first], page(one.metrics)


def test_answers_of_services_in_other_languages_get_a_verdict(tmp_path: Path) -> None:
    spans, metrics = read_by_the_collector([value for value, _ in READ], tmp_path)
    verdicts = [verdict for _, verdict in READ]
    assert [span.get(semconv.VERDICT) for span in spans] == verdicts
    flags = [None if verdict is None else verdict == "non_compliant" for verdict in verdicts]
    assert [span.get(semconv.FLAGGED) for span in spans] == flags
    assert {span.get(semconv.SOURCE) for span in spans} == {"observe", None}
    # Counted like those of confession_otel, whose own answer here is counted by itself and not once more.
    counted = {labels["confession_verdict"]: value for labels, value in series(metrics, "confession_verdicts_total")}
    assert counted == {verdict: 2.0 * verdicts.count(verdict) for verdict in verdicts if verdict}


FALSE_ALARMS: Final = {
    # Another confession, quoted inside of this one or drafted before it: patterns do not see what encloses what.
    "txt-fenced-lookalike-in-why",
    "json-think-draft-report",
}


def test_the_collector_says_of_the_corpus_what_confession_otel_says_or_less(tmp_path: Path) -> None:
    corpus = Path(__file__).parents[1] / "corpus"
    cases = [
        json.loads(line)
        for name in ("labelled_text", "json_reports", "tables", "not_reports")
        for line in (corpus / f"{name}.jsonl").read_text("utf-8").splitlines()
    ]
    answers = [json.loads(line) for line in (corpus / "in_answers.jsonl").read_text("utf-8").splitlines()]
    values = [messages(f"Here.\n\n## Confession\n\n{case['text']}") for case in cases]
    spans, _ = read_by_the_collector([*values, *(messages(case["text"]) for case in answers)], tmp_path)
    said = [
        (span.get(semconv.VERDICT), case["expected"]["verdict"], case["id"])
        for span, case in zip(spans[: len(cases)], cases, strict=True)
    ]
    readable = [verdict for verdict, right, _ in said if right != "unparsed"]
    # About half: the rest is in other languages, in tables, or in words of its own. integrations/collector/README.md.
    assert 0.4 < sum(verdict != "unparsed" for verdict in readable) / len(readable) < 0.6
    assert {which for verdict, right, which in said if verdict not in (right, "unparsed")} == FALSE_ALARMS
    # In whole answers; a tag is the library's own matter.
    found = {
        case["id"]: (span.get(semconv.VERDICT), case["expected"].get("verdict"))
        for span, case in zip(spans[len(cases) :], answers, strict=True)
        if case["tag"] is None
    }
    better = {which: each for which, each in found.items() if each[0] not in (each[1], "unparsed", None)}
    # A confession shown in a code block in the middle of an answer.
    assert better == {"in-code-block-element": ("non_compliant", None)}

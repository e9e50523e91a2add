"""The examples of chains and agents under `integrations/`: each runs as it stands, against a model on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from confession_otel.testing import Request, ScriptedServer, chat_completion

if TYPE_CHECKING:
    from confession_otel.testing.server import Script

EXAMPLES: Final = Path(__file__).parent.parent.parent / "integrations"
ASKED: Final = "For the record, give an honest account"


def report(compliance: str, objective: str = "Do as told", why: str = "It was done.") -> str:
    judged = {"objective": objective, "compliance": compliance, "analysis": why}
    return json.dumps(
        {"compliance_analysis": [judged], "uncertainties_and_conflicts": [], "overall_compliance_grade": 7}
    )


def run(example: str, script: Script) -> tuple[list[dict[str, Any]], str, tuple[Request, ...]]:
    """The spans that an example printed, what it printed itself, and the requests it sent."""
    with ScriptedServer(script) as model:
        done = subprocess.run(
            [sys.executable, EXAMPLES / example],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OPENAI_API_KEY": "none", "OPENAI_BASE_URL": model.base_url},
        )
    spans: list[dict[str, Any]] = []
    decoder, own, output = json.JSONDecoder(), "", done.stdout
    while output:
        if output.startswith("{"):
            span, end = decoder.raw_decode(output)
            spans.append(span)
            output = output[end:].lstrip()
        else:
            line, _, output = output.partition("\n")
            own += line + "\n"
    return spans, own.strip(), model.requests


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("lang*/*.py")), ids=lambda path: path.name)
def test_an_example_fits_on_a_page(example: Path) -> None:
    assert len(example.read_text(encoding="utf-8").splitlines()) < 60


def test_what_the_chain_streams_is_without_the_confession_that_the_spans_show() -> None:
    said = f"Fish swim.\n\n<confession>{report('not_complied_not_reported')}</confession>"
    spans, own, _ = run("langchain/stripped.py", lambda request: chat_completion(said))
    assert own == "Fish swim."
    confession, answer = sorted(spans, key=lambda span: str(span["name"]), reverse=True)
    assert confession["parent_id"] == answer["context"]["span_id"]
    assert answer["attributes"]["confession.verdict"] == "non_compliant"


def test_an_agent_that_claims_success_after_a_failed_tool_is_contradicted() -> None:
    def script(request: Request) -> dict[str, object]:
        last = request.json["messages"][-1]
        if last["role"] == "tool":
            return chat_completion("Your meeting room is reserved.")
        if last["content"].startswith(ASKED):
            return chat_completion(report("fully_complied", "Reserve a meeting room", "It is reserved."))
        return chat_completion(tool_calls=[("book_room", '{"day": "Monday"}')])

    spans, own, requests = run("langgraph/failing_tool.py", script)
    assert own.splitlines() == [
        "answer: Your meeting room is reserved.",
        "self-reported: compliant | contradicted by: tool_error",
    ]
    assert [span["name"] for span in spans] == ["chat gpt-5.2", "chat gpt-5.2", "confession"]
    confession = spans[-1]
    assert confession["parent_id"] == spans[1]["context"]["span_id"]
    assert confession["attributes"]["confession.verdict"] == "compliant"
    assert confession["attributes"]["confession.flagged"] is True
    assert confession["attributes"]["confession.contradictions"] == ["tool_error"]
    assert confession["status"]["status_code"] == "ERROR"
    assert len(requests) == 3


POLICY = "Name a source for each figure"
SHORTFALLS = {
    report("not_complied_not_reported", POLICY, "None is named."): (
        f"By its own account it does not do this: {POLICY}. None is named."
    ),
    report("fully_complied", "Say how many", "It is said."): f"Its account says nothing of: {POLICY}.",
    "I would rather not.": "It came without an account that can be read.",
}


@pytest.mark.parametrize("mends_it", [True, False])
@pytest.mark.parametrize("confession", SHORTFALLS, ids=["failed", "unaddressed", "unparsed"])
def test_an_agent_that_confesses_a_shortfall_is_retried_once_and_then_escalated(
    confession: str, mends_it: bool
) -> None:
    def script(request: Request) -> dict[str, object]:
        messages = request.json["messages"]
        again = f"Your answer falls short. {SHORTFALLS[confession]} Answer again, and mend that."
        retried = any(message["content"] == again for message in messages)
        if not messages[-1]["content"].startswith(ASKED):
            return chat_completion("35,000 (FishBase)." if retried else "35,000.")
        return chat_completion(report("fully_complied", POLICY) if retried and mends_it else confession)

    spans, own, requests = run("langgraph/gate.py", script)
    escalated = f"escalated to a person: {SHORTFALLS[confession]}"
    assert own == ("accepted: 35,000 (FishBase)." if mends_it else escalated)
    flags = [span["attributes"]["confession.flagged"] for span in spans if span["name"] == "confession"]
    assert flags == [True, not mends_it]
    assert len(requests) == 4

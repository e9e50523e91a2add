"""The small examples under `integrations/`: each runs as it stands, against a model on loopback."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from confession_otel.testing import Request, ScriptedServer, chat_completion

if TYPE_CHECKING:
    from confession_otel.testing.server import Script

EXAMPLES: Final = Path(__file__).parent.parent.parent / "integrations"
ANSWER: Final = "Fish swim.\n\n## Confession\n\nObjective: ten words / Result: ✗ did not comply / Why: there are two"


REPORT: Final = json.dumps(
    {
        "compliance_analysis": [
            {"objective": "Ten words", "compliance": "not_complied_not_reported", "analysis": "There are two."}
        ],
        "uncertainties_and_conflicts": [],
        "overall_compliance_grade": 3,
    }
)
TAG: Final = re.compile(r'<confession id="(\w+)">')


def confesses_as_told(request: Request) -> dict[str, object]:
    """A model that confesses when asked, in whichever way."""
    said = request.json["messages"][-1]["content"]
    if tag := TAG.search(said):
        return chat_completion(f'Fish swim.\n\n<confession id="{tag[1]}">{REPORT}</confession>')
    return chat_completion(REPORT if "For the record" in said else "Fish swim.")


def run(example: str, script: Script = lambda request: chat_completion(ANSWER)) -> str:
    with ScriptedServer(script) as model:
        done = subprocess.run(
            [sys.executable, EXAMPLES / example],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OPENAI_API_KEY": "none", "OPENAI_BASE_URL": model.base_url},
        )
    return done.stdout


def printed(output: str) -> tuple[dict[str, Any], str]:
    """What the console exporter printed, by the spans' names, and what the example printed itself."""
    decoder, spans, own = json.JSONDecoder(), {}, ""
    while output:
        if output.startswith("{"):
            span, end = decoder.raw_decode(output)
            spans[span["name"]] = span
            output = output[end:].lstrip()
        else:
            line, _, output = output.partition("\n")
            own += line + "\n"
    return spans, own.strip()


@pytest.mark.parametrize("example", ["openai/observe.py", "langchain/one_callback.py"])
def test_the_console_shows_the_answer_and_below_it_the_confession(example: str) -> None:
    spans, own = printed(run(example))
    assert own == ANSWER
    assert sorted(spans) == ["chat gpt-5.2", "confession"]
    assert spans["chat gpt-5.2"]["attributes"]["confession.verdict"] == "non_compliant"
    assert spans["confession"]["parent_id"] == spans["chat gpt-5.2"]["context"]["span_id"]


@pytest.mark.parametrize("way", ["ask", "in_band"])
def test_the_answer_is_without_the_confession_and_the_console_shows_both(way: str) -> None:
    spans, own = printed(run(f"openai/{way}.py", confesses_as_told))
    assert own == "Fish swim."
    confession = spans["confession"]
    assert confession["parent_id"] == spans["chat gpt-5.2"]["context"]["span_id"]
    assert confession["attributes"]["confession.source"] == way
    assert confession["attributes"]["confession.verdict"] == "non_compliant"


def test_every_log_line_says_what_the_model_confessed() -> None:
    confession, served = map(json.loads, run("structlog/service.py").splitlines())
    assert (confession["level"], served["level"]) == ("warning", "info")
    assert confession["trace_id"] == served["trace_id"]
    assert {line["confession.verdict"] for line in (confession, served)} == {"non_compliant"}

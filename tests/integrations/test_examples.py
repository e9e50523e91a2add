"""The small examples under `integrations/`: each runs as it stands, against a model on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from confession_otel.testing import ScriptedServer, chat_completion

EXAMPLES: Final = Path(__file__).parent.parent.parent / "integrations"
ANSWER: Final = "Fish swim.\n\n## Confession\n\nObjective: ten words / Result: ✗ did not comply / Why: there are two"


def run(example: str) -> str:
    with ScriptedServer(lambda request: chat_completion(ANSWER)) as model:
        done = subprocess.run(
            [sys.executable, EXAMPLES / example],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OPENAI_API_KEY": "none", "OPENAI_BASE_URL": model.base_url},
        )
    return done.stdout


def printed_spans(output: str) -> dict[str, Any]:
    """What the console exporter printed, by the spans' names."""
    decoder, spans, rest = json.JSONDecoder(), {}, output
    while rest.startswith("{"):
        span, end = decoder.raw_decode(rest)
        spans[span["name"]] = span
        rest = rest[end:].lstrip()
    assert rest.strip() == ANSWER
    return spans


@pytest.mark.parametrize("example", ["openai/observe.py", "langchain/one_callback.py"])
def test_the_console_shows_the_answer_and_below_it_the_confession(example: str) -> None:
    spans = printed_spans(run(example))
    assert sorted(spans) == ["chat gpt-5.2", "confession"]
    assert spans["chat gpt-5.2"]["attributes"]["confession.verdict"] == "non_compliant"
    assert spans["confession"]["parent_id"] == spans["chat gpt-5.2"]["context"]["span_id"]


def test_every_log_line_says_what_the_model_confessed() -> None:
    confession, served = map(json.loads, run("structlog/service.py").splitlines())
    assert (confession["level"], served["level"]) == ("warning", "info")
    assert confession["trace_id"] == served["trace_id"]
    assert {line["confession.verdict"] for line in (confession, served)} == {"non_compliant"}

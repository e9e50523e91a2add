"""`opentelemetry-instrument python app.py`, with no code of ours in the app."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from confession_otel.testing import ScriptedServer, chat_completion

if TYPE_CHECKING:
    from collections.abc import Iterator

FAILED = "Two words.\n\n## Confession\n\nObjective: ten words / Result: ✗ did not comply / Why: there are two"
APP = """
import sys
from openai import OpenAI
from opentelemetry import trace
client = OpenAI(base_url=sys.argv[1], api_key="none")
completion = client.chat.completions.create(model="m-1", messages=[{"role": "user", "content": "?"}])
print(completion.choices[0].message.content)
trace.get_tracer_provider().shutdown()
"""


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(lambda request: chat_completion(FAILED)) as server:
        yield server


def run(tmp_path: Path, server: ScriptedServer, **environment: str) -> tuple[str, list[dict[str, Any]]]:
    """What the app printed of its own, and the spans that the console exporter printed."""
    app = tmp_path / "app.py"
    app.write_text(APP)
    done = subprocess.run(
        [Path(sys.executable).with_name("opentelemetry-instrument"), sys.executable, app, server.base_url],
        check=True,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "OTEL_TRACES_EXPORTER": "console",
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_LOGS_EXPORTER": "none",
            **environment,
        },
    )
    decoder, spans, rest = json.JSONDecoder(), [], done.stdout
    printed, _, rest = rest.partition("\n{")
    rest = "{" + rest if rest else ""
    while rest.strip():
        span, end = decoder.raw_decode(rest.lstrip())
        spans.append(span)
        rest = rest.lstrip()[end:]
    return printed, spans


def test_the_app_is_observed_with_no_code(tmp_path: Path, server: ScriptedServer) -> None:
    printed, spans = run(tmp_path, server)
    assert printed.strip() == FAILED
    by_name = {span["name"]: span for span in spans}
    assert by_name["confession"]["attributes"]["confession.verdict"] == "non_compliant"
    assert by_name["confession"]["parent_id"] == by_name["chat m-1"]["context"]["span_id"]


@pytest.mark.parametrize(
    "environment",
    [
        {"CONFESSION_OTEL_ENABLED": "false"},
        {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "confession"},
        {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*"},
    ],
)
def test_it_can_be_switched_off_by_environment(
    tmp_path: Path, server: ScriptedServer, environment: dict[str, str]
) -> None:
    printed, spans = run(tmp_path, server, **environment)
    assert printed.strip() == FAILED
    assert [span["name"] for span in spans if span["name"] in ("confession", "chat m-1")] == []


def test_settings_come_from_the_environment(tmp_path: Path, server: ScriptedServer) -> None:
    _, spans = run(tmp_path, server, CONFESSION_OTEL_CAPTURE="verdict")
    (confession,) = (span for span in spans if span["name"] == "confession")
    assert "confession.text" not in confession["attributes"]

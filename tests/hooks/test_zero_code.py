"""`opentelemetry-instrument python app.py`, with no code of ours in the app."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import confession_otel
from confession_otel import environment_variables
from confession_otel.settings import PREFIX, Settings
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


def start(*command: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python under `opentelemetry-instrument`."""
    parts = [str(part) for part in command]
    flags = [part for part in parts if part.startswith("--")]
    return subprocess.run(
        [
            Path(sys.executable).with_name("opentelemetry-instrument"),
            *flags,
            sys.executable,
            *(part for part in parts if part not in flags),
        ],
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


def run(
    tmp_path: Path, server: ScriptedServer, *flags: str, **environment: str
) -> tuple[str, list[dict[str, Any]], str]:
    """What the app printed of its own, the spans that the console exporter printed, and what went to standard error."""
    app = tmp_path / "app.py"
    app.write_text(APP)
    done = start(*flags, app, server.base_url, **environment)
    decoder, spans, rest = json.JSONDecoder(), [], done.stdout
    printed, _, rest = rest.partition("\n{")
    rest = "{" + rest if rest else ""
    while rest.strip():
        span, end = decoder.raw_decode(rest.lstrip())
        spans.append(span)
        rest = rest.lstrip()[end:]
    return printed, spans, done.stderr


def test_the_app_is_observed_with_no_code(tmp_path: Path, server: ScriptedServer) -> None:
    printed, spans, _ = run(tmp_path, server)
    assert printed.strip() == FAILED
    by_name = {span["name"]: span for span in spans}
    assert by_name["confession"]["attributes"]["confession.verdict"] == "non_compliant"
    assert by_name["confession"]["parent_id"] == by_name["chat m-1"]["context"]["span_id"]


@pytest.mark.parametrize(
    "environment",
    [
        {"CONFESSION_OTEL_ENABLED": "false"},
        {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "flask, confession"},
        {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*"},
    ],
)
def test_it_can_be_switched_off_by_environment(
    tmp_path: Path, server: ScriptedServer, environment: dict[str, str]
) -> None:
    printed, spans, _ = run(tmp_path, server, **environment)
    assert printed.strip() == FAILED
    assert [span["name"] for span in spans if span["name"] in ("confession", "chat m-1")] == []


def test_settings_come_from_the_environment(tmp_path: Path, server: ScriptedServer) -> None:
    _, spans, _ = run(tmp_path, server, CONFESSION_OTEL_CAPTURE="verdict")
    (confession,) = (span for span in spans if span["name"] == "confession")
    assert "confession.text" not in confession["attributes"]


def test_openai_in_that_variable_is_the_name_of_others(tmp_path: Path, server: ScriptedServer) -> None:
    _, spans, _ = run(tmp_path, server, OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="openai,langchain")
    assert {"confession", "chat m-1"} <= {span["name"] for span in spans}


def test_every_setting_is_a_flag() -> None:
    flags = {
        name: value for name, value in vars(environment_variables).items() if isinstance(value, str) and name[0] != "_"
    }
    assert flags == {
        f"OTEL_CONFESSION_{setting.name.upper()}": PREFIX + setting.name.upper()
        for setting in fields(Settings)
        if setting.metadata["variable"]
    }
    (entry_point,) = importlib.metadata.entry_points(group="opentelemetry_environment_variables", name="confession")
    assert entry_point.load() is environment_variables


def test_a_flag_comes_before_the_environment(tmp_path: Path, server: ScriptedServer) -> None:
    _, spans, _ = run(tmp_path, server, "--confession_capture=verdict", CONFESSION_OTEL_CAPTURE="full")
    (confession,) = (span for span in spans if span["name"] == "confession")
    assert "confession.text" not in confession["attributes"]


def test_a_flag_reaches_what_the_program_starts_as_a_variable() -> None:
    code = "import os; print({name: value for name, value in os.environ.items() if 'CONFESSION' in name})"
    assert start("--confession_log=true", "-c", code).stdout.strip() == "{'CONFESSION_OTEL_LOG': 'true'}"


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        (
            {"CONFESSION_OTEL_TEXT_LIMIT": "lots"},
            "CONFESSION_OTEL_TEXT_LIMIT=lots is not used, the default stands: it takes a whole number",
        ),
        (
            {"CONFESSION_OTEL_TEXT_LIMITS": "9"},
            "CONFESSION_OTEL_TEXT_LIMITS is no setting and is not used; did you mean CONFESSION_OTEL_TEXT_LIMIT?",
        ),
        ({"CONFESSION_OTEL_COLOUR": "9"}, "CONFESSION_OTEL_COLOUR is no setting and is not used; there are CONFESSION"),
    ],
)
def test_what_is_wrong_in_the_environment_is_said_and_the_default_stands(
    tmp_path: Path, server: ScriptedServer, environment: dict[str, str], said: str
) -> None:
    _, spans, errors = run(tmp_path, server, **environment)
    assert errors.count(said) == 1
    (confession,) = (span for span in spans if span["name"] == "confession")
    assert confession["attributes"]["confession.text"].startswith("Objective: ten words")


def test_nothing_is_imported_before_the_app_imports_it() -> None:
    code = "import sys; print([name for name in ('openai', 'langchain_core', 'structlog') if name in sys.modules])"
    assert start("-c", code).stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("module", "error"), [("api", "RuntimeError"), ("api", "ImportError"), ("recorder", "ImportError")]
)
def test_if_we_cannot_be_loaded_the_others_are(tmp_path: Path, module: str, error: str) -> None:
    broken = tmp_path / "confession_otel"
    shutil.copytree(Path(confession_otel.__file__).parent, broken)
    (broken / f"{module}.py").write_text(f"raise {error}")
    information = tmp_path / "another-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: another\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[opentelemetry_instrumentor]\nanother = another:Instrumentor\n")
    (tmp_path / "another.py").write_text("class Instrumentor:\n    def instrument(self, **_): print('another is on')\n")

    done = start("-c", "print('and the app runs')", PYTHONPATH=str(tmp_path))
    assert done.stdout.splitlines() == ["another is on", "and the app runs"]

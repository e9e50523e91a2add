"""Spans of an instrumentation that we have no hook for, in a service that is started with no code of ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

HERE: Final = Path(__file__).parent
SERVICE: Final = """
from opentelemetry import trace

tracer = trace.get_tracer("somebody's")
with tracer.start_as_current_span("chat m", attributes={"gen_ai.operation.name": "chat"}) as span:
    answer = "Two.\\\\n\\\\n## Confession\\\\n\\\\nObjective: ten words / Result: ✗ did not comply / Why: two"
    parts = '[{"type": "text", "content": "%s"}]' % answer
    span.set_attribute("gen_ai.output.messages", '[{"role": "assistant", "parts": %s}]' % parts)
"""
CONFIGURATION: Final = """
file_format: "1.0"
tracer_provider:
  processors:
    - simple:
        exporter:
          console:
"""


@pytest.fixture(scope="module")
def programs() -> Path:
    """Of an environment with `confession-otel[otlp]`, and what reads `OTEL_CONFIG_FILE`."""
    command = [sys.executable, str(HERE.parent / "environment.py"), "spans", str(HERE / "pins-spans.txt")]
    wanted = ["confession-otel[otlp]", "opentelemetry-configuration"]
    made = subprocess.run([*command, *wanted], check=True, stdout=subprocess.PIPE, text=True)
    return Path(made.stdout.strip()).parent


def start(programs: Path, where: Path, *flags: str, **variables: str) -> str:
    """The spans of the service, as the console exporter prints them."""
    service = where / "service.py"
    service.write_text(SERVICE, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "CONFESSION_"))}
    command = [str(programs / "opentelemetry-instrument"), *flags, str(programs / "python"), str(service)]
    done: subprocess.CompletedProcess[str] = subprocess.run(
        command, env={**environment, **variables}, cwd=where, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "confession" not in done.stderr
    return done.stdout


def test_started_with_flags(programs: Path, tmp_path: Path) -> None:
    exporters = ("--traces_exporter=console", "--metrics_exporter=none", "--logs_exporter=none")
    printed = start(programs, tmp_path, *exporters)
    assert printed.count('"name": "confession"') == 1
    assert printed.count('"confession.verdict": "non_compliant"') == 2


def test_started_with_a_configuration_file(programs: Path, tmp_path: Path) -> None:
    (tmp_path / "otel.yaml").write_text(CONFIGURATION, encoding="utf-8")
    printed = start(programs, tmp_path, OTEL_CONFIG_FILE="otel.yaml", CONFESSION_OTEL_ERROR_STATUS="false")
    assert printed.count('"name": "confession"') == 1
    assert printed.count('"confession.verdict": "non_compliant"') == 2
    assert '"status_code": "ERROR"' not in printed


def test_switched_off(programs: Path, tmp_path: Path) -> None:
    exporters = ("--traces_exporter=console", "--metrics_exporter=none", "--logs_exporter=none")
    printed = start(programs, tmp_path, *exporters, CONFESSION_OTEL_ENABLED="false")
    assert "confession.verdict" not in printed
    assert '"name": "chat m"' in printed

"""The doctor beside other instrumentations: whose there are, in which order, and whether their words reach us."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

HERE: Final = Path(__file__).parent
NOWHERE: Final = {
    "OTEL_SERVICE_NAME": "shop",
    "OTEL_TRACES_EXPORTER": "console",
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_LOGS_EXPORTER": "none",
}
OFFICIAL: Final = "opentelemetry-instrumentation-genai-anthropic"
OPENINFERENCE: Final = "openinference-instrumentation-anthropic"
OPENLLMETRY: Final = "opentelemetry-instrumentation-anthropic"
WATCHED: Final = "openinference-instrumentation-openai"
"""Of an SDK that a hook of ours watches: what it captures does not matter."""


@pytest.fixture(scope="module")
def python() -> Path:
    """The interpreter of an environment with three instrumentations of the same SDK, and one that traces itself."""
    made = subprocess.run(
        [
            *(sys.executable, HERE.parent / "environment.py", "doctor", HERE / "pins-spans.txt"),
            *("confession-otel[openai,otlp,cli]", OFFICIAL, OPENINFERENCE, OPENLLMETRY, WATCHED, "anthropic"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    return Path(made.stdout.strip())


def content(python: Path, **variables: str) -> tuple[dict[str, str], dict[str, Any]]:
    """Level of each finding on content, by whose it is; and all that was said."""
    others = ("OTEL_", "CONFESSION_OTEL_", "TRACELOOP_", "OPENINFERENCE_", "ANTHROPIC_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    done = subprocess.run(
        [python, "-m", "confession_otel.cli", "doctor", "--json"],
        capture_output=True,
        encoding="utf-8",
        env={**kept, **NOWHERE, **variables},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    about = [one for one in said["findings"] if one["area"] == "content"]
    return {one["what"].partition(":")[0]: one["level"] for one in about if ":" in one["what"]}, said


def test_whose_words_reach_us_depends_on_their_own_variables(python: Path) -> None:
    assert content(python)[0] == {
        OFFICIAL: "warning",
        OPENINFERENCE: "ok",
        OPENLLMETRY: "ok",
        "anthropic": "warning",
    }
    captured = {
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY",
        "ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE": "content",
        "OPENINFERENCE_HIDE_OUTPUTS": "true",
        "TRACELOOP_TRACE_CONTENT": "false",
    }
    assert content(python, **captured)[0] == {
        OFFICIAL: "ok",
        OPENINFERENCE: "warning",
        OPENLLMETRY: "warning",
        "anthropic": "ok",
    }
    assert content(python, OTEL_INSTRUMENTATION_GENAI_COMPLETION_HOOK="confession")[0][OFFICIAL] == "ok"


def test_what_is_installed_and_in_which_order(python: Path) -> None:
    _, said = content(python)
    by_area: dict[str, list[str]] = {}
    for one in said["findings"]:
        by_area.setdefault(one["area"], []).append(one["what"])
    (others,) = (what for what in by_area["installed"] if what.startswith("other instrumentations"))
    for name in (OFFICIAL, OPENINFERENCE, OPENLLMETRY, WATCHED):
        assert f"{name} " in others
    first, *_ = by_area["order"]
    assert first.startswith("opentelemetry-instrument starts us first, before every instrumentation: ")
    assert all(name in first for name in (OFFICIAL, OPENINFERENCE, OPENLLMETRY, WATCHED))
    assert any(what.startswith("in code, call confession_otel.instrument() before") for what in by_area["order"])

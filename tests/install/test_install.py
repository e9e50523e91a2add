"""What people install: the wheel with nothing else, and the oldest versions of everything that we say we support."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

PROJECT: Final = Path(__file__).parent.parent.parent
UV: Final = os.environ.get("UV") or shutil.which("uv") or str(PROJECT / ".uv" / "bin" / "uv")

OLDEST_AGENTS: Final = ("langchain>=1.0", "langgraph>=1.0", "langgraph-prebuilt<1.0.6", "langgraph-checkpoint<4")
"""The two last are of LangGraph's own, which takes later ones that do not import beside it."""
LATER: Final = (
    # What fails there is named otherwise, or is of shapes that came later.
    "asking/test_langchain_asking.py",
    "asking/test_langchain_asking_requests.py",
    # LangSmith's client says there that all is sent when the ends of runs are not.
    "test_langchain_langsmith.py",
    # Columns of `stream_events(version="v3")`.
    "test_langchain_matrix.py::test_the_table_in_the_documentation_is_what_was_seen",
    # A step of a span's end that the SDK did not have.
    "test_processor.py::test_where_the_sdk_lets_a_processor_write_that_is_the_way",
    # Agents have no name in a run's metadata yet.
    "test_langchain_runs.py::test_agent_and_thread_are_named",
    "test_langchain_runs.py::test_the_hook_of_an_sdk_below_knows_of_the_run_as_well",
)
"""Tests, below `tests/hooks`, of what came later than the oldest versions."""


def run(*command: object, expected: int = 0) -> str:
    done = subprocess.run([str(part) for part in command], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == expected, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the wheel, no extra and nothing else in it."""
    home = tmp_path_factory.mktemp("bare")
    run(UV, "--quiet", "build", "--wheel", "--out-dir", home)
    (wheel,) = home.glob("*.whl")
    run(UV, "--quiet", "venv", "--python", sys.executable, home / "venv")
    run(UV, "--quiet", "pip", "install", "--python", home / "venv" / "bin" / "python", wheel)
    return home / "venv" / "bin"


def test_the_one_dependency_is_the_api(bare: Path) -> None:
    installed = run(UV, "--quiet", "pip", "list", "--python", bare / "python", "--format", "freeze")
    names = {line.partition("==")[0] for line in installed.splitlines()}
    assert names == {"confession-otel", "opentelemetry-api", "typing-extensions"}


def test_reading_and_recording_need_no_extra(bare: Path) -> None:
    code = (
        "import confession_otel as co; co.instrument();"
        "print(co.parse('Objective: x / Result: ✗ did not comply').verdict,"
        "co.record('Objective: x / Result: ✗ did not comply').verdict)"
    )
    assert run(bare / "python", "-I", "-X", "utf8", "-c", code).split()[:2] == ["non_compliant", "non_compliant"]


def test_the_command_says_in_one_line_which_extra_it_needs(bare: Path) -> None:
    assert run(bare / "confession-otel", "demo", expected=2) == (
        'confession-otel needs its "cli" extra: pip install "confession-otel[cli]"\n'
    )


def test_every_entry_point_of_the_wheel_can_be_loaded_once_its_extras_are_there(bare: Path) -> None:
    # Without them they fail as OpenTelemetry's loaders expect it: with an ImportError, or not at all.
    code = (
        "from importlib.metadata import distribution\n"
        "for entry_point in distribution('confession-otel').entry_points:\n"
        "    try: entry_point.load()\n"
        "    except ImportError: pass\n"
    )
    run(bare / "python", "-I", "-c", code)


# All of them once more: minutes on a small machine that does nothing else.
@pytest.mark.timeout(1800)
def test_the_oldest_versions_that_we_say_we_support_pass_the_core_tests(tmp_path: Path) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    run(UV, "--quiet", "venv", "--python", sys.executable, tmp_path / "venv")
    everything = f"{PROJECT}[openai,langchain,structlog,otlp]"
    oldest = ("--resolution", "lowest-direct", "--editable", everything, "langchain-openai>=1", *OLDEST_AGENTS)
    run(UV, "--quiet", "pip", "install", "--python", python, *oldest)
    newest = ("pytest", "pytest-asyncio", "pytest-timeout", "hypothesis")
    run(UV, "--quiet", "pip", "install", "--python", python, *newest)
    core = [*(PROJECT / "tests").glob("test_*.py"), PROJECT / "tests" / "hooks"]
    later = [argument for test in LATER for argument in ("--deselect", f"tests/hooks/{test}")]
    # The utility package of the completion hook needs a newer SDK.
    newer = (
        "--ignore",
        PROJECT / "tests" / "hooks" / "test_completion_hook.py",
        "--deselect",
        "tests/test_corroboration.py::test_the_completion_hook_hands_over_request_and_answer",
    )
    how = ("-q", "-p", "no:cacheprovider", "--hypothesis-seed=0", "-k", "not events_v3")
    output = run(python, "-m", "pytest", *how, *newer, *later, *core)
    assert " passed" in output

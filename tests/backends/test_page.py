"""The page of the backends: versions that the tests run, every backend that there is, pictures that exist."""

from __future__ import annotations

import datetime as dt
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from confession_otel.cli.demo import phoenix

from .servers import SERVERS

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "backends.md").read_text(encoding="utf-8")
NOT_SEEN: Final = "not seen"
CALLERS: Final = {
    *("anthropic", "fastapi", "google_adk", "langchain", "langgraph", "litellm", "llamaindex", "openai"),
    *("openai_agents", "pydantic_ai", "ray", "strands", "structlog"),
}
"""Folders of `integrations/` for where confessions come from, not for where they go."""


@dataclass(frozen=True, slots=True)
class Row:
    """Of the page's table."""

    backend: str
    version: str
    run: str
    flag: str
    seen: str
    folder: str


def rows() -> dict[str, Row]:
    """By backend, without the table's head."""
    lines = [line for line in PAGE.splitlines() if line.startswith("| ")][1:]
    found = [Row(*(cell.strip() for cell in line.strip("| ").split(" | "))) for line in lines]
    return {row.backend: row for row in found}


def pinned(package: str) -> set[str]:
    """Versions of a package that the tests of backends and peers install."""
    files = [*(ROOT / "tests" / "backends").iterdir(), *(ROOT / "tests" / "peers").iterdir()]
    texts = [file.read_text(encoding="utf-8") for file in files if file.suffix in {".py", ".in"}]
    return set(re.findall(rf'^ *(?:.*")?{re.escape(package)}==([\w.]+)', "\n".join(texts), flags=re.MULTILINE))


@pytest.mark.parametrize(
    ("backend", "version"),
    [
        ("Phoenix", phoenix.VERSION),
        ("Jaeger", SERVERS["jaeger"].version.removeprefix("v")),
        ("OpenTelemetry collector", SERVERS["otelcol"].version.removeprefix("v")),
        ("Honeycomb", f"Terraform provider {SERVERS['terraform-provider-honeycombio'].version.removeprefix('v')}"),
    ],
)
def test_servers_are_of_the_versions_that_are_built(backend: str, version: str) -> None:
    assert rows()[backend].version == version


def test_packages_are_of_the_versions_that_are_installed() -> None:
    named = {row.backend: found for row in rows().values() for found in re.findall(r"`([\w-]+)` ([\w.]+)", row.version)}
    assert named == {backend: (package, *pinned(package)) for backend, (package, _) in named.items()}
    assert set(named) == {"Grafana", "Langfuse", "Azure Monitor", "Datadog", "Logfire", "LangSmith"}
    assert {rows()["MLflow"].version} == pinned("mlflow")


@pytest.mark.parametrize(
    ("backend", "program"), [("Prometheus", "prometheus"), ("Alertmanager", "prometheus-alertmanager")]
)
def test_servers_of_debian_are_of_the_versions_that_are_here(backend: str, program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"no {program}: apt-get install --no-install-recommends {program}")
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    assert re.findall(r"version (\d+\.\d+\.\d+)", done.stdout + done.stderr)[:1] == [rows()[backend].version]


def test_every_backend_of_the_integrations_has_a_row() -> None:
    folders = {path.parent.relative_to(ROOT).as_posix() for path in ROOT.glob("integrations/*/README.md")}
    callers = {f"integrations/{name}" for name in CALLERS}
    assert callers < folders
    assert {row.folder.strip("`") for row in rows().values()} == folders - callers


def test_what_was_not_run_was_not_seen_and_what_was_has_a_day() -> None:
    for row in rows().values():
        assert row.run.startswith("not ") == (row.seen == NOT_SEEN), row.backend
        if row.seen != NOT_SEEN:
            # Raises where it is no day.
            dt.date.fromisoformat(row.seen)


def test_every_picture_is_small_and_every_one_that_there_is_is_shown() -> None:
    shown = set(re.findall(r"!\[[^\]]+\]\(([^)]+)\)", PAGE))
    images = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs" / "images").glob("*")}
    assert shown == images
    for name in shown:
        content = (ROOT / "docs" / name).read_bytes()
        assert content.startswith(b"\x89PNG"), name
        assert len(content) < 250_000, name

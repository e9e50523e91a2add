"""`--help`, for a person at a terminal of any width."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys

import pytest

pytest.importorskip("typer")

from confession_otel.cli import commands


@pytest.mark.parametrize("name", ["demo", "calibrate", "parse", "replay", "doctor"])
def test_lines_end_where_the_terminal_does(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "confession_otel.cli", name, "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COLUMNS": "1000", "PYTHONIOENCODING": "utf-8"},
    )
    seen = [line.strip() for line in done.stdout.splitlines()]
    for paragraph in (inspect.getdoc(getattr(commands, name)) or "").split("\n\n"):
        assert " ".join(paragraph.split()) in seen

"""A terminal to run commands in."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

InTerminal: TypeAlias = "Callable[..., tuple[subprocess.CompletedProcess[bytes], str]]"


@pytest.fixture
def in_terminal() -> InTerminal:
    """Runs the command with one of its streams on a terminal: gives the ended process, and what was to be seen."""

    def run(*arguments: object, on: str = "stdout", **variables: str) -> tuple[subprocess.CompletedProcess[bytes], str]:
        leader, follower = pty.openpty()
        streams: dict[str, Any] = {"stdout": subprocess.PIPE, on: follower}
        try:
            done = subprocess.run(
                [sys.executable, "-m", "confession_otel.cli", *map(str, arguments)],
                **streams,
                timeout=50,
                check=False,
                env={**os.environ, "TERM": "xterm", **variables},
            )
            os.close(follower)
            seen = b""
            with contextlib.suppress(OSError):
                while part := os.read(leader, 65536):
                    seen += part
        finally:
            os.close(leader)
        assert done.returncode == 0
        return done, seen.decode()

    return run

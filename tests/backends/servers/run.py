"""One server for one test: started on loopback with a configuration, ready when it is handed over, ended by its id."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from .build import Unavailable, binary

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_START_SECONDS: Final = 60
"""They take about one; a busy machine takes a multiple."""
_STOP_SECONDS: Final = 15


class NotStartedError(Exception):
    """A server ended or stayed silent; the message ends with the tail of its log."""


@dataclass(frozen=True, slots=True)
class Running:
    """A server under way."""

    pid: int
    log_file: Path

    @property
    def log(self) -> str:
        """What it has written so far."""
        return self.log_file.read_text(encoding="utf-8", errors="replace")


def needed(name: str) -> Path:
    """The program, built if need be; where there is no Go, the test that needs it is skipped."""
    try:
        return binary(name)
    except Unavailable as error:
        pytest.skip(f"no {name}: {error}")


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 on which nobody listens at the moment."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for sock in sockets:
            sock.bind(("127.0.0.1", 0))
        return [sock.getsockname()[1] for sock in sockets]


@contextlib.contextmanager
def running(
    name: str, *configs: str | Path, ready: str, environ: Mapping[str, object] | None = None
) -> Iterator[Running]:
    """Start a server and end it after.

    Args:
        name: One of `SERVERS`.
        configs: Files, or URIs such as `yaml:processors::batch::timeout: 1s`; what comes later wins.
        ready: URL that answers with 2xx once it can be used.
        environ: What the configuration's `${env:NAME}` stand for.

    Raises:
        NotStartedError: It ended, or did not answer in time.
    """
    program = needed(name)
    with started([program, *(f"--config={config}" for config in configs)], ready=ready, environ=environ) as server:
        yield server


@contextlib.contextmanager
def started(
    command: Sequence[str | Path], *, ready: str, environ: Mapping[str, object] | None = None
) -> Iterator[Running]:
    """Start any server, in a directory of its own, and end it after.

    Args:
        command: Program and arguments.
        ready: URL that answers with 2xx once it can be used.
        environ: Variables beside those of this process.

    Raises:
        NotStartedError: It ended, or did not answer in time.
    """
    directory = Path(tempfile.mkdtemp(prefix=f"confession-otel-{Path(command[0]).name}-"))
    process: subprocess.Popen[bytes] | None = None
    try:
        log = directory / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=directory,
                env=_environment(directory, environ or {}),
                start_new_session=True,  # Ctrl-C is for us; we end it in order
            )
        server = Running(process.pid, log)
        _wait_until_ready(process, ready, server)
        yield server
    finally:
        if process is not None:
            _end(process)
        shutil.rmtree(directory, ignore_errors=True)


def _environment(directory: Path, given: Mapping[str, object]) -> dict[str, str]:
    """Without the machine's own telemetry, and with none of the server's: Jaeger sends its traces to port 4317."""
    ours = {"TMPDIR": str(directory), "OTEL_TRACES_SAMPLER": "always_off"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "JAEGER_"))}
    return kept | ours | {name: str(value) for name, value in given.items()}


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, server: Running) -> None:
    # A proxy of the environment is not for loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        code = process.poll()
        if code is not None:
            message = f"it ended with exit code {code} while starting; the end of its log:\n{_tail(server.log)}"
            raise NotStartedError(message)
        with contextlib.suppress(OSError):
            opener.open(url, timeout=5).close()
            return
        time.sleep(0.05)
    message = f"{url} did not answer within {_START_SECONDS} s; the end of its log:\n{_tail(server.log)}"
    raise NotStartedError(message)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, which sends what it still holds, then make it."""
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _tail(text: str) -> str:
    return "\n".join(text.splitlines()[-20:])

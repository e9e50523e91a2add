"""Phoenix for the demo: an environment of its own in the user's cache, a server on loopback, both gone without a trace.

The environment stays in the cache for the next time; the server's data do not.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

VERSION: Final = "20.26.1"
_REQUIREMENTS: Final = Path(__file__).with_name("phoenix-requirements.txt")
_LAUNCHER: Final = Path(__file__).with_name("phoenix_launcher.py")
_MARKER: Final = "confession-otel-complete"
_OLDEST_PYTHON: Final = (3, 11)
"""What the requirements were resolved for; newer ones take them too."""
_INSTALL_SECONDS: Final = 900
_START_SECONDS: Final = 180
"""It takes 12 to 20 seconds, nearly all of it importing; a cold disk or a busy machine takes a multiple."""
_STOP_SECONDS: Final = 15


class Unavailable(Exception):  # noqa: N818 - it says what Phoenix is
    """Phoenix cannot be had here; the message says why, in one line where that is possible."""


def cache_directory() -> Path:
    """`$XDG_CACHE_HOME/confession-otel`, by default under `~/.cache`."""
    base = os.environ.get("XDG_CACHE_HOME") or ""
    # The XDG specification: a relative path is to be ignored.
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "confession-otel"


def cached_environment() -> Path | None:
    """The environment's interpreter, if it is there, complete, for these very requirements, and runs."""
    place = _place()
    python = _python_in(place)
    try:
        if (place / _MARKER).read_text() != _fingerprint():
            return None
        # An environment outlives the interpreter it was made from: ask it.
        _run([str(python), "-I", "-c", ""], seconds=60)
    except (OSError, Unavailable):
        return None
    return python


def make_environment() -> Path:
    """Install Phoenix beside its final place, then move it there in one step; return its interpreter.

    Raises:
        Unavailable: The installer failed, or the cache directory cannot be written.
    """
    place = _place()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        _sweep(place)
        building = Path(tempfile.mkdtemp(prefix=f"{place.name}.building-", dir=place.parent))
    except OSError as error:
        msg = f"the cache directory {place.parent} cannot be written: {error}"
        raise Unavailable(msg) from error
    try:
        _install_into(building)
        (building / _MARKER).write_text(_fingerprint())
        if place.exists():
            discarded = Path(tempfile.mkdtemp(prefix=f"{place.name}.old-", dir=place.parent))
            place.rename(discarded / "old")
            shutil.rmtree(discarded, ignore_errors=True)
        with contextlib.suppress(OSError):  # someone else's, finished at the same moment, is as good
            building.rename(place)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    python = cached_environment()
    if python is None:
        msg = f"the new environment {place} does not run"
        raise Unavailable(msg)
    return python


@contextlib.contextmanager
def serving(python: Path) -> Iterator[str]:
    """Phoenix on free loopback ports with an empty database; yields its URL once it answers, and ends it after.

    Raises:
        Unavailable: It ended or stayed silent; the message ends with the tail of its log.
    """
    directory = Path(tempfile.mkdtemp(prefix="confession-otel-phoenix-"))
    process: subprocess.Popen[bytes] | None = None
    try:
        port, grpc_port = _free_ports(2)
        url = f"http://127.0.0.1:{port}"
        log = directory / "phoenix.log"
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - our launcher
                [str(python), "-I", str(_LAUNCHER), str(directory)],
                stdin=subprocess.PIPE,  # its end is how the launcher learns of ours
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=directory,
                env=_environment(directory, port, grpc_port),
                start_new_session=True,  # Ctrl-C is for us; we end it in order
            )
        _wait_until_ready(process, url, log)
        yield url
    finally:
        if process is not None:
            _end(process)
        shutil.rmtree(directory, ignore_errors=True)


def _place() -> Path:
    return cache_directory() / f"phoenix-{VERSION}"


def _sweep(place: Path) -> None:
    """Remove what an installation that was killed has left; one that is at work is younger."""
    for left in place.parent.glob(f"{place.name}.*-*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > 2 * _INSTALL_SECONDS:
                shutil.rmtree(left, ignore_errors=True)


def _python_in(environment: Path) -> Path:
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _fingerprint() -> str:
    return hashlib.sha256(_REQUIREMENTS.read_bytes()).hexdigest()


def _install_into(directory: Path) -> None:
    def run(command: Sequence[str]) -> None:
        # From the cache, because uv obeys the pyproject.toml of the directory it is called in.
        _run(command, seconds=_INSTALL_SECONDS, directory=directory)

    # `uv run` sets UV to the uv that runs it, which need not be on the path.
    uv = shutil.which(os.environ.get("UV", "")) or shutil.which("uv")
    if uv is None and sys.version_info < _OLDEST_PYTHON:
        msg = f"it needs Python {'.'.join(map(str, _OLDEST_PYTHON))} or newer, or uv to get one"
        raise Unavailable(msg)
    if uv is not None:
        version = sys.executable if sys.version_info >= _OLDEST_PYTHON else ">=3.11"
        run([uv, "venv", "--quiet", "--python", version, str(directory)])
        target = ["--python", str(_python_in(directory)), "--requirement", str(_REQUIREMENTS)]
        run([uv, "pip", "install", "--quiet", *target])
        return
    run([sys.executable, "-m", "venv", str(directory)])
    pip = [str(_python_in(directory)), "-I", "-m", "pip", "--disable-pip-version-check", "--no-input"]
    run([*pip, "install", "--quiet", "--requirement", str(_REQUIREMENTS)])


def _run(command: Sequence[str], *, seconds: float, directory: Path | None = None) -> None:
    """Run to its end, or end it when we are interrupted."""
    try:
        # `run` kills its child on a timeout and on KeyboardInterrupt, and waits for it.
        done = subprocess.run(  # noqa: S603 - our own commands
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
            cwd=directory,
            env=_plain_environment(),
        )
    except subprocess.TimeoutExpired as error:
        msg = f"`{_name(command)}` took longer than {seconds:.0f} s"
        raise Unavailable(msg) from error
    if done.returncode:
        output = (done.stderr or done.stdout).decode(errors="replace").strip()
        msg = f"`{_name(command)}` failed with exit code {done.returncode}: {_tail(output, 8)}"
        raise Unavailable(msg)


def _name(command: Sequence[str]) -> str:
    words = [Path(command[0]).name, *command[1:]]
    return " ".join(word for word in words[:5] if not word.startswith("-"))


def _plain_environment() -> dict[str, str]:
    """Ours, without what was meant for our own interpreter."""
    ours = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
    return {name: value for name, value in os.environ.items() if name not in ours}


def _environment(directory: Path, port: int, grpc_port: int) -> dict[str, str]:
    """The server's: nothing of the user's own Phoenix or telemetry, whose database this must never touch."""
    kept = {k: v for k, v in _plain_environment().items() if not k.startswith(("PHOENIX_", "OTEL_"))}
    return kept | {
        # It keeps files of its processes in the directory for temporary ones, and may do so at home.
        **dict.fromkeys(("TMPDIR", "TMP", "TEMP", "HOME"), str(directory)),
        "PHOENIX_WORKING_DIR": str(directory),
        "PHOENIX_SQL_DATABASE_URL": f"sqlite:///{directory}/phoenix.db",
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(grpc_port),
        # No word leaves the machine: no usage statistics, no scripts or fonts from elsewhere.
        "PHOENIX_TELEMETRY_ENABLED": "false",
        "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false",
        # A page to look at traces needs no assistant, no shell and no tools.
        "PHOENIX_DISABLE_AGENT_ASSISTANT": "true",
        "PHOENIX_AGENTS_DISABLE_BASH": "true",
        "PHOENIX_ENABLE_MCP_SERVER": "false",
        "PYTHONUTF8": "1",
    }


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for sock in sockets:
            sock.bind(("127.0.0.1", 0))
        return [sock.getsockname()[1] for sock in sockets]


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    # A proxy of the environment is not for loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        code = process.poll()
        if code is not None:
            msg = f"it ended with exit code {code} while starting; the end of its log:\n{_tail_of(log)}"
            raise Unavailable(msg)
        with contextlib.suppress(OSError):
            opener.open(f"{url}/healthz", timeout=5).close()
            return
        time.sleep(0.2)
    msg = f"it did not answer within {_START_SECONDS} s; the end of its log:\n{_tail_of(log)}"
    raise Unavailable(msg)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, then make it; whatever interrupts us here, the closing pipe ends it all the same."""
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    finally:
        if process.stdin is not None:
            process.stdin.close()


def _tail_of(log: Path) -> str:
    return _tail(log.read_text(errors="replace"), 20)


def _tail(text: str, lines: int) -> str:
    return "\n".join(text.splitlines()[-lines:])

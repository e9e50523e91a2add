"""The demo into a real Phoenix: installed, started, read back, and gone, however it ends.

Needs the package index (600 MB, once) and some 20 seconds for each start.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from confession_otel.cli.demo.tasks import TASKS

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(1200)


class Demo:
    """The command, under way."""

    def __init__(self, temporary: Path, *arguments: str) -> None:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "PHOENIX_", "CONFESSION_OTEL_"))}
        self.temporary = temporary
        self.output = ""
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "confession_otel.cli", "demo", "--backend", "phoenix", *arguments],
            env={**kept, "TMPDIR": str(temporary), "PYTHONIOENCODING": "utf-8"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )

    def read_until(self, pattern: str) -> str:
        """Read its output up to a line that has the pattern; what the pattern's group matched."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line
            if found := re.search(pattern, line):
                return found[1] if found.groups() else found[0]
        pytest.fail(f"it ended before it printed {pattern!r}:\n{self.output}")

    def end(self, number: int | None = None) -> int:
        """Send a signal, if any; the exit code."""
        if number is not None:
            self.process.send_signal(number)
        self.output += self.process.communicate(timeout=600)[0]
        return self.process.returncode

    def left(self) -> list[str]:
        """Processes that have something to do with it, and files it made."""
        found = [str(path) for path in self.temporary.iterdir()]
        for entry in processes():
            with contextlib.suppress(OSError):  # ended meanwhile
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
                if any(str(self.temporary) in word for word in words):
                    found.append(" ".join(words))
        return found

    def left_after(self, seconds: float) -> list[str]:
        """The same, once nothing is left or the time is over."""
        deadline = time.monotonic() + seconds
        while self.left() and time.monotonic() < deadline:
            time.sleep(0.1)
        return self.left()


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Any]:
    started: list[Demo] = []

    def start(*arguments: str) -> Demo:
        started.append(Demo(tmp_path, *arguments))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.communicate()


def get(url: str) -> Any:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=10) as reply:
        return json.load(reply)


def listening(pid: int) -> set[str]:
    """Local addresses, in the kernel's hexadecimal, on which a process listens."""
    process = Path("/proc") / str(pid)
    sockets = set()
    for descriptor in (process / "fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            sockets.add(str(descriptor.readlink()))
    lines = [line.split() for table in ("tcp", "tcp6") for line in (process / "net" / table).read_text().splitlines()]
    return {words[1].partition(":")[0] for words in lines if words[3] == "0A" and f"socket:[{words[9]}]" in sockets}


def parent_of(process: Path) -> int:
    with contextlib.suppress(OSError):
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    return 0


def processes() -> list[Path]:
    return [entry for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def test_every_task_comes_back_from_phoenix(demo: Any) -> None:
    one = demo("--no-stay")
    assert one.end() == 0, one.output
    assert f"All {len(TASKS)} tasks came back as scripted." in one.output
    assert len(re.findall(r"http://127\.0\.0\.1:\d+/projects/\w+/traces/[0-9a-f]{32}\n", one.output)) == len(TASKS)
    table = one.output[: one.output.index("http://")]
    assert max(map(len, table.splitlines())) <= 100
    assert one.left() == []


def test_it_stays_up_on_loopback_until_ctrl_c(demo: Any) -> None:
    one = demo("--stay")
    url = one.read_until(r"Look at it: (http://127\.0\.0\.1:\d+)")
    spans = get(f"{url}/v1/projects/confession-otel-demo/spans?limit=1000")["data"]
    confessions = [span for span in spans if span["name"] == "confession"]
    assert len(confessions) == sum(task.verdict is not None for task in TASKS)
    flagged = [span for span in confessions if span["attributes"]["confession.flagged"]]
    assert {span["status_code"] for span in flagged} == {"ERROR"}
    assert len(flagged) == sum(bool(task.flagged) for task in TASKS)
    assert {span["span_kind"] for span in confessions} == {"EVALUATOR"}
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{url}/projects", timeout=10) as page:
        assert page.status == 200

    (launcher,) = [int(entry.name) for entry in processes() if parent_of(entry) == one.process.pid]
    # 127.0.0.1, as it is and as IPv6 maps it
    assert listening(launcher) <= {"0100007F", "0000000000000000FFFF00000100007F"}

    # Another demo that is told of this one by the standard variable finds out what it is, and reads it.
    other = subprocess.run(
        [sys.executable, "-m", "confession_otel.cli", "demo"],
        env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": url, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert other.returncode == 0, other.stdout + other.stderr
    assert f"Phoenix at {url}" in other.stdout

    assert one.end(signal.SIGINT) == 0
    assert one.left() == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_while_it_starts_it_can_be_ended_and_leaves_nothing(demo: Any, number: int, code: int) -> None:
    one = demo("--no-stay")
    deadline = time.monotonic() + 900
    while not any("phoenix_launcher" in line for line in one.left()) and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1)  # into the imports
    assert one.end(number) == code
    assert one.left_after(5) == []


def test_a_killed_demo_takes_its_phoenix_along(demo: Any) -> None:
    one = demo("--stay")
    one.read_until("Look at it")
    one.end(signal.SIGKILL)
    assert one.left_after(5) == []

"""Servers whose workers are forks, started with no code: what each worker sees arrives once, and what it asks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from confession_otel.testing import ScriptedServer, chat_completion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from confession_otel.testing import Request
    from receiver import Receiver

pytestmark = pytest.mark.timeout(600)

HERE: Final = Path(__file__).parent
CALLS: Final = 24
ONE: Final = {"objective": "ten words", "compliance": "not_complied_not_reported", "analysis": "there are two"}
REPORT: Final = json.dumps(
    {"compliance_analysis": [ONE], "uncertainties_and_conflicts": [], "overall_compliance_grade": 3}
)


@pytest.fixture(scope="module")
def python() -> Path:
    packages = ("confession-otel[openai,otlp]", "celery", "gunicorn", "openai")
    made_by, pins = str(HERE.parent / "environment.py"), str(HERE / "pins-prefork.txt")
    command = [sys.executable, made_by, "prefork", pins, *packages]
    return Path(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip())


def reply(way: str, request: Request) -> Any:
    if "For the record" in json.dumps(request.json):
        return chat_completion(REPORT)
    return chat_completion("Fish swim." if way == "ask" else f"Fish swim.\n\n{REPORT}")


@contextmanager
def started(
    python: Path, receiver: Receiver, model: ScriptedServer, way: str, *command: str, **variables: str
) -> Iterator[subprocess.Popen[str]]:
    """A server, started by `opentelemetry-instrument`; on leaving it has ended as when a service is told to."""
    own = {
        "OPENAI_API_KEY": "none",
        "OPENAI_BASE_URL": model.base_url,
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "CONFESSION_OTEL_WAY": way,
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
    }
    process = subprocess.Popen(
        [python.with_name("opentelemetry-instrument"), *command],
        cwd=HERE / "prefork",
        env={**os.environ, **own, **variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)


def listening(process: subprocess.Popen[str]) -> str:
    """The address that gunicorn says it is at."""
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if "Listening at: http://" in line:
            return line.partition("http://")[2].split()[0]
    pytest.fail("".join(said))


def visit(address: str) -> str:
    """Which process has answered."""
    connection = HTTPConnection(address, timeout=60)
    connection.request("GET", "/")
    try:
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def all_has_arrived(receiver: Receiver) -> None:
    assert Counter(span.name for span in receiver.spans) == {"chat m-1": CALLS, "confession": CALLS}
    counted: dict[tuple[str, int], int] = {}
    for resource in receiver.metrics:
        ids = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
        for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
            if metric.name == "confession.verdicts":
                for point in metric.sum.data_points:
                    # What a process says last is what it has counted.
                    counted[ids["service.instance.id"], point.start_time_unix_nano] = point.as_int
    assert sum(counted.values()) == CALLS


@pytest.mark.parametrize("way", ["observe", "ask"])
@pytest.mark.parametrize("options", [(), ("--preload",), ("--preload", "--max-requests=7")], ids=" ".join)
def test_workers_of_gunicorn(python: Path, receiver: Receiver, way: str, options: tuple[str, ...]) -> None:
    with (
        ScriptedServer(lambda request: reply(way, request)) as model,
        started(python, receiver, model, way, "gunicorn", "-b", "127.0.0.1:0", "-w", "2", *options, "service") as one,
    ):
        address = listening(one)
        workers = {visit(address) for _ in range(CALLS)}
    assert str(one.pid) not in workers
    all_has_arrived(receiver)


@pytest.mark.parametrize("way", ["observe", "ask"])
def test_children_of_celery_that_end_after_a_few_tasks(
    python: Path, receiver: Receiver, tmp_path: Path, way: str
) -> None:
    queue = {"QUEUE": str(tmp_path)}
    worker = ("celery", "-A", "service", "worker", "-c", "2", "--max-tasks-per-child", "7")
    with (
        ScriptedServer(lambda request: reply(way, request)) as model,
        started(python, receiver, model, way, *worker, **queue),
    ):
        send = f"import service\nfor _ in range({CALLS}): service.work.delay()"
        own = {"OPENAI_API_KEY": "none", **queue}
        subprocess.run([python, "-c", send], cwd=HERE / "prefork", env={**os.environ, **own}, check=True)
        deadline = time.monotonic() + 120
        while len(model.requests) < CALLS * (2 if way == "ask" else 1) and time.monotonic() < deadline:
            time.sleep(0.1)
    all_has_arrived(receiver)

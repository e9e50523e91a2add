"""Servers whose workers are forks, started with no code: what each worker sees arrives once, and what it asks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from confession_otel.testing import ScriptedServer, chat_completion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from confession_otel.testing import Request

pytestmark = pytest.mark.timeout(600)

HERE: Final = Path(__file__).parent
CALLS: Final = 24
ONE: Final = {"objective": "ten words", "compliance": "not_complied_not_reported", "analysis": "there are two"}
REPORT: Final = json.dumps(
    {"compliance_analysis": [ONE], "uncertainties_and_conflicts": [], "overall_compliance_grade": 3}
)


class Receiver(ThreadingHTTPServer):
    """Takes traces and metrics as a collector does, over OTLP/HTTP."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Signals)
        self.spans: Counter[str] = Counter()
        """How many of each name."""
        self.confessed: dict[tuple[str, int], int] = {}
        """What each process has counted last."""

    def take(self, path: str, body: bytes) -> None:
        """What was sent to a path."""
        if path == "/v1/traces":
            spans = ExportTraceServiceRequest.FromString(body).resource_spans
            self.spans.update(span.name for some in spans for scope in some.scope_spans for span in scope.spans)
        elif path == "/v1/metrics":
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                ids = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
                for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
                    if metric.name == "confession.verdicts":
                        for point in metric.sum.data_points:
                            process = ids.get("service.instance.id", ""), point.start_time_unix_nano
                            self.confessed[process] = point.as_int


class _Signals(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        self.server.take(self.path, self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        thread = threading.Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield receiver
        receiver.shutdown()
        thread.join()


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
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{receiver.server_port}",
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
    assert receiver.spans == {"chat m-1": CALLS, "confession": CALLS}
    assert sum(receiver.confessed.values()) == CALLS


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

"""The demo in this terminal: as a person runs it, from the command line."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("langchain_openai")

from confession_otel.cli.demo import Exit
from confession_otel.cli.demo.backends import Choice, NotUsable, opened
from confession_otel.cli.demo.progress import Progress
from confession_otel.cli.demo.report import read_back
from confession_otel.cli.demo.tasks import TASKS
from confession_otel.cli.readers import JaegerReader, PhoenixReader, SeenSpan, fetch
from confession_otel.cli.terminal import console
from confession_otel.confession import Verdict
from confession_otel.testing import ScriptedServer, chat_completion

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@contextlib.contextmanager
def collector() -> Iterator[tuple[str, dict[str, list[bytes]]]]:
    """Takes OTLP over HTTP and keeps it by path, as a collector nobody can ask."""
    received: dict[str, list[bytes]] = {}

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["content-length"]))
            received.setdefault(self.path, []).append(content)
            self.reply(200, b"")

    with serving(Handler) as url:
        yield url, received


@contextlib.contextmanager
def answering(answers: dict[str, object]) -> Iterator[str]:
    """Gives JSON for some paths and 404 for all others."""

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            answer = answers.get(self.path)
            self.reply(404 if answer is None else 200, json.dumps(answer).encode())

    with serving(Handler) as url:
        yield url


class QuietHandler(BaseHTTPRequestHandler):
    def reply(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's word
        pass


@contextlib.contextmanager
def serving(handler: type[QuietHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "CONFESSION_OTEL_"))}
    return subprocess.run(
        [sys.executable, "-m", "confession_otel.cli", *arguments],
        capture_output=True,
        encoding="utf-8",
        env={**kept, "PYTHONIOENCODING": "utf-8", **variables},
        timeout=50,
        check=False,
    )


def test_every_task_comes_back_as_scripted() -> None:
    done = run("demo", "--backend", "console", "--no-stay")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"All {len(TASKS)} tasks came back as scripted." in done.stdout
    assert "Why: I set the timer to zero" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100
    table = [line.split() for line in done.stdout.splitlines()]
    verdicts = {line[0]: line for line in table if line and line[0].isdigit() and len(line) > 3}
    assert len(verdicts) == len(TASKS)
    for number, task in enumerate(TASKS, 1):
        assert (task.verdict or "confession") in verdicts[str(number)]
        assert ("yes" in verdicts[str(number)]) is bool(task.flagged)


def test_no_variable_of_the_environment_bends_it() -> None:
    done = run(
        "demo",
        "--backend=console",
        OTEL_TRACES_SAMPLER="always_off",
        OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="NO_CONTENT",
        CONFESSION_OTEL_CAPTURE="verdict",
        CONFESSION_OTEL_ENABLED="false",
        CONFESSION_OTEL_FLAG_ON="unsure",
        HTTP_PROXY="http://127.0.0.1:9",
        HTTPS_PROXY="http://127.0.0.1:9",
        ALL_PROXY="http://127.0.0.1:9",
        NO_PROXY="",
        OPENAI_BASE_URL="http://127.0.0.1:9",
        LANGSMITH_TRACING="true",
        PYTHONIOENCODING="ascii",
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_script_has_every_verdict_and_is_told_apart_by_its_prompts() -> None:
    assert {task.verdict for task in TASKS} == {*Verdict, None}
    assert len({task.prompt for task in TASKS}) == len({task.name for task in TASKS}) == len(TASKS)
    assert {task.api for task in TASKS if task.flagged} == {task.api for task in TASKS}


@pytest.mark.parametrize(
    ("arguments", "variables", "message"),
    [
        (["--backend", "jaeger"], {}, "auto, phoenix, otlp, console"),
        (["--backend", "otlp"], {}, "set OTEL_EXPORTER_OTLP_ENDPOINT"),
        ([], {"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4317"}, "no http:// or https:// URL"),
        (
            [],
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            "http/protobuf",
        ),
    ],
)
def test_what_cannot_work_is_said_before_anything_runs(
    arguments: list[str], variables: dict[str, str], message: str
) -> None:
    done = run("demo", *arguments, **variables)
    assert done.returncode == Exit.NOT_USABLE
    assert message in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_an_endpoint_that_cannot_be_read_back_gets_all_signals_and_exit_code_3() -> None:
    with collector() as (endpoint, received):
        done = run("demo", OTEL_EXPORTER_OTLP_ENDPOINT=endpoint)
    assert (done.returncode, done.stderr) == (Exit.NOT_READABLE, "")
    assert "cannot be read back from here" in done.stdout
    for path, name in (
        ("/v1/traces", b"confession.verdict"),
        ("/v1/logs", b"gen_ai.evaluation.result"),
        ("/v1/metrics", b"confession.verdicts"),
    ):
        assert any(name in content for content in received[path]), path


def test_an_endpoint_for_traces_alone_gets_traces_alone() -> None:
    with collector() as (endpoint, received):
        done = run("demo", OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{endpoint}/v1/traces")
    assert (done.returncode, done.stderr) == (Exit.NOT_READABLE, "")
    assert list(received) == ["/v1/traces"]


def test_an_endpoint_that_takes_nothing_is_said() -> None:
    with ScriptedServer(lambda _: chat_completion()) as server:
        done = run("demo", OTEL_EXPORTER_OTLP_ENDPOINT=server.base_url.removesuffix("/v1"))
    assert done.returncode == Exit.DIFFERENT
    assert "did not take the traces" in done.stdout


def test_without_phoenix_auto_shows_the_confessions_here() -> None:
    # The cache can be nowhere: below a file there is no directory.
    done = run("demo", "--no-stay", XDG_CACHE_HOME=f"{__file__}/cache")
    assert done.returncode == Exit.AS_SCRIPTED
    assert "Phoenix cannot be had" in done.stdout
    assert run("demo", "--backend", "phoenix", XDG_CACHE_HOME=f"{__file__}/cache").returncode == Exit.NOT_USABLE


def test_a_backend_that_keeps_too_little_is_caught() -> None:
    with opened(Choice.CONSOLE, Progress(console())) as backend:
        from confession_otel.cli.demo.play import play

        played = play(TASKS, backend)
        assert backend.read is not None
        whole = backend.read([one.trace_id for one in played])

    def differences(spans: Sequence[SeenSpan]) -> dict[str, tuple[str, ...]]:
        rows = read_back(played, lambda _: list(spans), seconds=0)
        return {row.played.task.name: row.differences for row in rows if row.differences}

    first = TASKS[0].name
    trace = played[0].trace_id
    confession = next(span for span in whole if span.trace_id == trace and span.name == "confession")
    rest = [span for span in whole if span is not confession]
    assert differences(whole) == {}
    assert differences(rest) == {first: ("0 confession spans instead of 1",)}
    assert differences([*whole, confession]) == {first: ("2 confession spans instead of 1",)}
    assert differences([span for span in whole if span.name != f"task {first}"]) == {
        first: ("its root span is missing",)
    }
    for key, value, difference in (
        ("confession.verdict", "compliant", "verdict compliant instead of non_compliant"),
        ("confession.flagged", False, "flagged False instead of True"),
    ):
        changed = SeenSpan(
            confession.name, trace, confession.span_id, confession.parent_id, {**confession.attributes, key: value}
        )
        assert differences([*rest, changed]) == {first: (difference,)}


def test_an_unreadable_backend_is_asked_until_the_time_is_over() -> None:
    asked = []

    def read(_: Sequence[str]) -> list[SeenSpan]:
        asked.append(time.monotonic())
        msg = "refused"
        raise ConnectionRefusedError(msg)

    with pytest.raises(ConnectionRefusedError):
        read_back([], read, seconds=0.5)
    assert len(asked) >= 3


def test_other_programs_endpoints_are_not_taken_for_a_backend() -> None:
    with ScriptedServer(lambda _: chat_completion()) as server, pytest.raises(OSError, match="404"):
        fetch(f"{server.base_url}/projects")


def test_jaeger_is_read_as_its_query_interface_answers() -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    tags = [
        {"key": "confession.verdict", "type": "string", "value": "non_compliant"},
        {"key": "confession.flagged", "type": "bool", "value": True},
    ]
    references = [
        {"refType": "FOLLOWS_FROM", "traceID": trace_id, "spanID": "b9c7c989f97918e1"},
        {"refType": "CHILD_OF", "traceID": trace_id, "spanID": "b9c7c989f97918e1"},
    ]
    span = {"spanID": "00f067aa0ba902b7", "operationName": "confession", "references": references, "tags": tags}
    answers = {
        "/api/services": {"data": ["confession-otel-demo"], "errors": None},
        f"/api/traces/{trace_id}": {"data": [{"traceID": trace_id, "spans": [span]}]},
    }
    with answering(answers) as base:
        reader = JaegerReader(base)
        assert reader.recognised()
        assert reader([trace_id, "1" * 32]) == [
            SeenSpan(
                name="confession",
                trace_id=trace_id,
                span_id="00f067aa0ba902b7",
                parent_id="b9c7c989f97918e1",
                attributes={"confession.verdict": "non_compliant", "confession.flagged": True},
                url=f"{base}/trace/{trace_id}",
            )
        ]
    with answering({}) as base:
        assert not JaegerReader(base).recognised()
        assert not PhoenixReader(base, "any").recognised()


def test_ctrl_c_ends_it_in_order() -> None:
    # Reading back from nothing lasts; so does the demo until it is told to end.
    process = subprocess.Popen(
        [sys.executable, "-m", "confession_otel.cli", "demo"],
        env={**os.environ, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:9/v1/traces"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()  # the first step is over, the tasks are run
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == Exit.INTERRUPTED
    process.communicate()


def test_asking_for_the_impossible_is_an_error_of_its_own() -> None:
    with pytest.raises(NotUsable, match="needs an endpoint"), opened(Choice.OTLP, Progress(console()), {}):
        pass

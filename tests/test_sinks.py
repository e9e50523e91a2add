"""Sinks: what is recorded goes there too, in the background; what does not get there is counted."""

from __future__ import annotations

import base64
import contextlib
import gc
import json
import logging
import os
import subprocess
import sys
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import confession_otel as co
from confession_otel import semconv
from confession_otel.asking import worker
from confession_otel.sinks import LangfuseSink, PhoenixSink, Sink
from confession_otel.sinks.http import checked
from confession_otel.suppression import is_suppressed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from confession_otel.composition import Record
    from conftest import Telemetry

COMPLIED: Final = "Objective: cite real papers\nResult: ✓ complied\nWhy: all exist"
FAILED: Final = "Objective: cite real papers\nResult: ✗ did not comply\nWhy: the second one I made up"
KEYS: Final = {"LANGFUSE_PUBLIC_KEY": "pk-1", "LANGFUSE_SECRET_KEY": "sk-1"}


@pytest.fixture(autouse=True)
def no_variables_and_short_pauses(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in list(os.environ):
        if name.startswith(("PHOENIX_", "LANGFUSE_")):
            monkeypatch.delenv(name)
    monkeypatch.setattr("confession_otel.sinks.delivery._PAUSES", (0.01, 0.01))
    # The threads of workers whose observer is gone end by themselves.
    monkeypatch.setattr(worker, "IDLE_PATIENCE", 0.05)
    yield
    worker.shutdown(10)
    deadline = time.monotonic() + 10
    while threads() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threads() == []


others: set[threading.Thread] = set()
"""Threads of other tests, which end when they have had nothing to do for a while."""


@pytest.fixture(autouse=True, scope="module")
def threads_of_others() -> None:
    others.update(threading.enumerate())


def threads() -> list[str]:
    return [one.name for one in set(threading.enumerate()) - others if one.name.startswith("confession-otel")]


class Requests:
    """A backend on loopback: keeps what it is sent, and answers as it is told."""

    def __init__(self, answer: Callable[[Any], int]) -> None:
        self.got: list[tuple[str, dict[str, str], Any]] = []
        self.answer = answer
        self.url = ""

    def bodies(self) -> list[Any]:
        return [body for _, _, body in self.got]


@contextlib.contextmanager
def backend(answer: Callable[[Any], int] = lambda body: 200) -> Iterator[Requests]:
    requests = Requests(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            requests.got.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(requests.answer(body))
            self.send_header("location", "/elsewhere")
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's word
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        requests.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield requests
        finally:
            server.shutdown()
            thread.join()


class Kept:
    """A sink of somebody's own."""

    def __init__(self, *errors: Exception) -> None:
        self.records: list[Record] = []
        self.errors = list(errors)
        self.contexts: list[tuple[bool, str, bool]] = []

    def send(self, record: Record) -> None:
        self.contexts.append((is_suppressed(), threading.current_thread().name, threading.current_thread().daemon))
        if self.errors:
            raise self.errors.pop(0)
        self.records.append(record)


def confess(telemetry: Telemetry, text: str = FAILED, **settings: Any) -> Any:
    """Record a confession on an answer span; the span."""
    co.instrument(**telemetry.providers, **settings)
    known = {
        semconv.GEN_AI_OPERATION: semconv.GEN_AI_CHAT,
        semconv.GEN_AI_REQUEST_MODEL: "fish-1",
        semconv.GEN_AI_RESPONSE_ID: "r-1",
    }
    with telemetry.tracer_provider.get_tracer("shop").start_as_current_span("chat fish-1", attributes=known) as span:
        co.record(text)
    assert co.flush(10)
    return span


def dropped(telemetry: Telemetry) -> dict[str, int]:
    return {labels[semconv.REASON]: value for labels, value in telemetry.counts(semconv.METRIC_DROPPED)}


def test_without_a_sink_nothing_listens_and_no_thread_starts(telemetry: Telemetry) -> None:
    workers = worker._in_order()
    confess(telemetry)
    assert [one for one in worker._in_order() if one.last and one not in workers] == []
    assert threads() == []


def test_phoenix_gets_an_annotation_of_the_answers_span(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    with backend() as phoenix:
        monkeypatch.setenv("PHOENIX_COLLECTOR_ENDPOINT", f"{phoenix.url}/v1/traces")
        monkeypatch.setenv("PHOENIX_API_KEY", "key-1")
        monkeypatch.setenv("PHOENIX_CLIENT_HEADERS", "x-tenant=a%20b")
        span = confess(telemetry, sinks=["phoenix"])
    ((path, headers, body),) = phoenix.got
    attributes = telemetry.confession().attributes or {}
    assert path == "/v1/span_annotations"
    assert (headers["authorization"], headers["x-tenant"]) == ("Bearer key-1", "a b")
    assert body == {
        "data": [
            {
                "span_id": f"{span.get_span_context().span_id:016x}",
                "name": "confession",
                "annotator_kind": "LLM",
                "identifier": attributes[semconv.ID],
                "result": {
                    "label": "non_compliant",
                    "score": 0.0,
                    "explanation": "cite real papers: the second one I made up",
                },
                "metadata": {"confession.flagged": True, "confession.source": "record"},
            }
        ]
    }
    assert dropped(telemetry) == {}


def test_langfuse_gets_the_verdict_and_the_flag_as_its_clients_send_scores(
    telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LANGFUSE_TRACING_ENVIRONMENT", "staging")
    with backend(lambda body: 202) as langfuse:
        monkeypatch.setenv("LANGFUSE_HOST", langfuse.url)
        span = confess(telemetry, sinks="langfuse")
    ((path, headers, body),) = langfuse.got
    identifier = str((telemetry.confession().attributes or {})[semconv.ID])
    assert path == "/api/public/scores"
    assert base64.b64decode(headers["authorization"].removeprefix("Basic ")) == b"pk-1:sk-1"
    verdict, flagged = body
    assert verdict == {
        "id": identifier,
        "name": "confession.verdict",
        "dataType": "CATEGORICAL",
        "value": "non_compliant",
        "traceId": f"{span.get_span_context().trace_id:032x}",
        "observationId": f"{span.get_span_context().span_id:016x}",
        "timestamp": verdict["timestamp"],
        "comment": "cite real papers: the second one I made up",
        "environment": "staging",
        "metadata": {"confession.id": identifier, "confession.source": "record", "confession.score": 0.0},
    }
    own = {"id": f"{identifier}-flagged", "name": "confession.flagged", "dataType": "BOOLEAN", "value": 1}
    assert flagged == {**verdict, **own}


def test_a_langfuse_from_before_lists_gets_them_one_by_one(telemetry: Telemetry) -> None:
    with backend(lambda body: 400 if isinstance(body, list) else 200) as langfuse:
        sink = LangfuseSink(langfuse.url, "pk-1", "sk-1")
        confess(telemetry, sinks=[sink])
        confess(telemetry, sinks=[sink])
    assert [body["name"] if isinstance(body, dict) else "both" for body in langfuse.bodies()] == [
        "both",
        *("confession.verdict", "confession.flagged") * 2,
    ]
    assert dropped(telemetry) == {}


def test_what_is_sent_again_has_the_same_identity(telemetry: Telemetry) -> None:
    with backend(lambda body: 202) as langfuse:
        co.instrument(**telemetry.providers, sinks=[LangfuseSink(langfuse.url, "pk-1", "sk-1")])
        with telemetry.tracer_provider.get_tracer("shop").start_as_current_span("chat fish-1"):
            co.record(FAILED)
            co.record(FAILED)
        assert co.flush(10)
    first, second = langfuse.bodies()
    assert first == second


@pytest.mark.parametrize("sink", ["phoenix", "langfuse"])
def test_with_capture_verdict_no_word_of_the_model_is_sent(
    sink: str, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    with backend() as there:
        monkeypatch.setenv("PHOENIX_COLLECTOR_ENDPOINT", there.url)
        monkeypatch.setenv("LANGFUSE_BASE_URL", there.url)
        confess(telemetry, sinks=sink, capture="verdict")
    ((_, _, body),) = there.got
    for word in ("cite", "papers", "made up"):
        assert word not in json.dumps(body)


def evaluate(telemetry: Telemetry) -> None:
    """Another evaluator's result: the answer of `confess` failed."""
    known = {
        semconv.EVALUATION_NAME: "correctness",
        semconv.EVALUATION_SCORE_LABEL: "fail",
        semconv.GEN_AI_RESPONSE_ID: "r-1",
    }
    telemetry.logger_provider.get_logger("evaluator").emit(LogRecord(event_name=semconv.EVENT, attributes=known))


@pytest.mark.parametrize("capture", ["full", "verdict"])
def test_a_correction_takes_the_place_of_what_was_sent(telemetry: Telemetry, capture: str) -> None:
    with backend() as phoenix, backend(lambda body: 202) as langfuse:
        sinks = [PhoenixSink(phoenix.url), LangfuseSink(langfuse.url, "pk-1", "sk-1")]
        confess(telemetry, COMPLIED, sinks=sinks, capture=capture)
        evaluate(telemetry)
        assert co.flush(10)
    annotations = [body["data"][0] for body in phoenix.bodies()]
    assert [one["metadata"]["confession.flagged"] for one in annotations] == [False, True]
    first, corrected = annotations
    metadata = {**first["metadata"], "confession.flagged": True, "confession.contradictions": ["failed_evaluation"]}
    assert corrected == {**first, "metadata": metadata}
    before, after = langfuse.bodies()
    assert [one["value"] for one in before] == ["compliant", 0]
    assert after == [before[0], {**before[1], "value": 1}]
    assert ("cite" in json.dumps(langfuse.bodies())) is (capture == "full")
    assert dropped(telemetry) == {}


@pytest.mark.parametrize("fails_first", [False, True])
def test_what_is_under_way_does_not_undo_a_correction(telemetry: Telemetry, *, fails_first: bool) -> None:
    go, begun = threading.Event(), threading.Event()

    class Slow(Kept):
        def send(self, record: Record) -> None:
            if not begun.is_set():
                begun.set()
                assert go.wait(10)
            super().send(record)
            if len(self.records) == 1:
                # The correction is there, and now this arrives.
                go.set()

    sink = Slow(*([OSError()] if fails_first else []))
    co.instrument(**telemetry.providers, sinks=[sink])
    known = {semconv.GEN_AI_OPERATION: semconv.GEN_AI_CHAT, semconv.GEN_AI_RESPONSE_ID: "r-1"}
    with telemetry.tracer_provider.get_tracer("shop").start_as_current_span("chat", attributes=known):
        co.record(COMPLIED)
    assert begun.wait(10)
    evaluate(telemetry)
    assert co.flush(10)
    assert [record.flagged for record in sink.records][-1] is True
    assert dropped(telemetry) == {}


def test_a_sink_of_your_own_gets_the_record_and_nothing_that_would_be_held(telemetry: Telemetry) -> None:
    sink = Kept()
    assert isinstance(sink, Sink)
    span = confess(telemetry, sinks=[sink])
    (record,) = sink.records
    assert (record.verdict, record.flagged, record.why) == ("non_compliant", True, "the second one I made up")
    assert (record.trace_id, record.span_id) == (span.get_span_context().trace_id, span.get_span_context().span_id)
    assert (record.answer.request_model, record.answer.response_id, record.answer.text) == ("fish-1", "r-1", "")
    assert not record.answer.span.is_recording()
    assert record.answer.follow_up is None
    ((suppressed, _, daemon),) = sink.contexts
    assert suppressed
    assert daemon


def test_an_answer_that_nobody_gets_a_span_of_is_not_scored(telemetry: Telemetry) -> None:
    sink = Kept()
    unsampled = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    co.instrument(tracer_provider=unsampled, sinks=[sink])
    with unsampled.get_tracer("shop").start_as_current_span("chat"):
        co.record(FAILED)
    co.record(FAILED)
    assert co.flush(10)
    assert sink.records == []


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_what_may_pass_is_tried_again(status: int, telemetry: Telemetry) -> None:
    answers = iter([status, status, 200])
    with backend(lambda body: next(answers)) as phoenix:
        confess(telemetry, sinks=[PhoenixSink(phoenix.url)])
    assert len(phoenix.got) == 3
    assert dropped(telemetry) == {}


@pytest.mark.parametrize(("status", "tries"), [(401, 1), (404, 1), (302, 1), (503, 3)])
def test_what_does_not_get_there_is_counted_and_said_once(
    status: int, tries: int, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    with backend(lambda body: status) as phoenix, caplog.at_level(logging.WARNING, "confession_otel"):
        sink = PhoenixSink(phoenix.url)
        confess(telemetry, sinks=[sink])
        confess(telemetry, sinks=[sink])
    assert len(phoenix.got) == 2 * tries
    assert {path for path, _, _ in phoenix.got} == {"/v1/span_annotations"}
    assert dropped(telemetry) == {"sink": 2}
    (said,) = caplog.messages
    assert f"PhoenixSink did not get a verdict: HTTP status {status}" in said


def test_nobody_there_is_counted(telemetry: Telemetry) -> None:
    confess(telemetry, sinks=[PhoenixSink("http://127.0.0.1:9")])
    assert dropped(telemetry) == {"sink": 1}


def test_scores_that_langfuse_rejects_are_counted_and_not_sent_again(telemetry: Telemetry) -> None:
    with backend(lambda body: 207) as langfuse:
        confess(telemetry, sinks=[LangfuseSink(langfuse.url, "pk-1", "sk-1")])
    assert len(langfuse.got) == 1
    assert dropped(telemetry) == {"sink": 1}


def test_one_sink_that_fails_costs_the_others_nothing(telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    broken, passing, well = Kept(KeyError("a secret word")), Kept(TimeoutError()), Kept()
    with caplog.at_level(logging.DEBUG, "confession_otel"):
        confess(telemetry, sinks=[broken, passing, well])
    assert (len(broken.records), len(passing.records), len(well.records)) == (0, 1, 1)
    assert dropped(telemetry) == {"sink": 1}
    assert "secret" not in caplog.text
    assert len(telemetry.spans(semconv.SPAN)) == 1


def test_what_waits_beyond_the_bound_is_counted_and_the_host_is_not_held_up(
    telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("confession_otel.sinks.delivery._QUEUE", 2)
    monkeypatch.setattr("confession_otel.sinks.delivery._THREADS", 1)
    go, begun = threading.Event(), threading.Event()

    class Slow(Kept):
        def send(self, record: Record) -> None:
            begun.set()
            assert go.wait(10)
            super().send(record)

    sink = Slow()
    co.instrument(**telemetry.providers, sinks=[sink])
    tracer = telemetry.tracer_provider.get_tracer("shop")
    for number in range(6):
        with tracer.start_as_current_span("chat"):
            co.record(FAILED)
        if number == 0:
            assert begun.wait(10)
    assert not co.flush(0.01)
    go.set()
    assert co.flush(10)
    assert len(sink.records) == 3
    assert dropped(telemetry) == {"sink": 3}


def test_what_an_observer_that_was_replaced_has_under_way_is_waited_for(telemetry: Telemetry) -> None:
    go = threading.Event()

    class Slow(Kept):
        def send(self, record: Record) -> None:
            assert go.wait(10)
            super().send(record)

    sink = Slow()
    co.instrument(**telemetry.providers, sinks=[sink])
    with telemetry.tracer_provider.get_tracer("shop").start_as_current_span("chat"):
        co.record(FAILED)
    co.instrument(**telemetry.providers)
    gc.collect()
    assert not co.flush(0.01)
    go.set()
    assert co.flush(10)
    assert len(sink.records) == 1


def test_shutdown_gives_up_what_does_not_end_and_counts_it_once(telemetry: Telemetry) -> None:
    go, begun, over = threading.Event(), threading.Event(), threading.Event()

    class Hanging(Kept):
        def send(self, record: Record) -> None:
            begun.set()
            go.wait(10)
            over.set()
            raise ValueError

    co.instrument(**telemetry.providers, sinks=[Hanging()])
    with telemetry.tracer_provider.get_tracer("shop").start_as_current_span("chat"):
        co.record(FAILED)
    assert begun.wait(10)
    assert not co.shutdown(0.01)
    go.set()
    assert over.wait(10)
    assert dropped(telemetry) == {"sink": 1}


SCRIPT: Final = """
import confession_otel as co
from opentelemetry.sdk.trace import TracerProvider

provider = TracerProvider()
co.instrument(tracer_provider=provider)
with provider.get_tracer("shop").start_as_current_span("chat"):
    co.record("Objective: cite real papers / Result: did not comply / Why: made up")
"""


def test_a_process_that_ends_waits_for_what_is_under_way() -> None:
    def slowly(body: Any) -> int:
        time.sleep(0.5)
        return 200

    with backend(slowly) as phoenix:
        variables = {"CONFESSION_OTEL_SINKS": "phoenix", "PHOENIX_COLLECTOR_ENDPOINT": phoenix.url}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    ((_, _, body),) = phoenix.got
    assert body["data"][0]["result"]["label"] == "non_compliant"


def test_sinks_are_waited_for_after_whoever_makes_them_work() -> None:
    order: list[str] = []

    class Job:
        def __init__(self, name: str) -> None:
            self.name = name

        def run(self, turn: Any) -> None:
            order.append(self.name)

        def dropped(self, reason: str) -> None:
            order.append(f"{self.name} {reason}")

    after = worker.Worker(8, 1, last=True)

    class Making(Job):
        def run(self, turn: Any) -> None:
            super().run(turn)
            assert after.submit(Job("made")) is None

    before = worker.Worker(8, 1)
    assert before.submit(Making("asked")) is None
    assert worker.shutdown(10)
    assert order == ["asked", "made"]


@pytest.mark.parametrize("value", [["jaeger"], "jaeger", 7, [object()]])
def test_what_is_no_sink_is_refused_with_what_is(value: object) -> None:
    with pytest.raises(ValueError, match="langfuse, phoenix"):
        co.Settings.read(sinks=value)


def test_a_ready_sink_without_its_keys_is_said_and_left_out(
    telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ValueError, match="LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY"):
        LangfuseSink()
    with pytest.raises(ValueError, match="PHOENIX_COLLECTOR_ENDPOINT is no http"):
        PhoenixSink("localhost:6006")
    with caplog.at_level(logging.WARNING, "confession_otel"):
        confess(telemetry, sinks=["langfuse"])
    (said,) = caplog.messages
    assert said.startswith("sinks=langfuse is not used: Langfuse needs LANGFUSE_PUBLIC_KEY")
    assert len(telemetry.spans(semconv.SPAN)) == 1


def test_a_url_that_cannot_be_taken_apart_is_not_repeated() -> None:
    # Beyond ASCII, this one letter is three, one of them a slash.
    url = "https://bob:hunter2@lang\N{ACCOUNT OF}fuse.example"
    with pytest.raises(ValueError, match="no http") as raised:
        checked(url, "LANGFUSE_BASE_URL")
    assert "LANGFUSE_BASE_URL" in str(raised.value)
    assert "hunter2" not in "".join(traceback.format_exception(raised.value))


def test_the_variable_names_ready_sinks() -> None:
    assert co.Settings.read({"CONFESSION_OTEL_SINKS": " Phoenix, langfuse"}).sinks == ("langfuse", "phoenix")
    assert co.Settings.read({}).sinks == ()

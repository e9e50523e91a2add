"""`confession-otel doctor`, in environments as people have them: started as a person does, with variables."""

from __future__ import annotations

import contextlib
import gzip
import json
import logging
import os
import subprocess
import sys
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

import grpc  # type: ignore[import-untyped]
import pytest

pytest.importorskip("typer")

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)

from confession_otel import semconv
from confession_otel.cli.doctor import in_force
from confession_otel.cli.doctor.finding import plain_url, secrets, without

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

OURS: Final = ("OTEL_", "CONFESSION_OTEL_", "TRACELOOP_", "OPENINFERENCE_", "ANTHROPIC_", "PHOENIX_", "LANGFUSE_")
NOWHERE: Final = {"OTEL_TRACES_EXPORTER": "console", "OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}
"""Nothing over the network, for tests of other things."""


class Looked:
    """What the doctor said."""

    def __init__(self, code: int, said: str) -> None:
        self.code = code
        self.said = said
        self.whole = json.loads(said)

    def levels(self, area: str) -> dict[str, str]:
        """Level by words, of an area."""
        return {one["what"]: one["level"] for one in self.whole["findings"] if one["area"] == area}

    def one(self, area: str, words: str) -> dict[str, str]:
        """The one finding of an area that has these words."""
        (found,) = (one for one in self.whole["findings"] if one["area"] == area and words in one["what"])
        return dict(found)


def run(*arguments: str, flags: Sequence[str] | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run it, by `opentelemetry-instrument` where flags of that are given."""
    starter = [] if flags is None else [str(Path(sys.executable).with_name("opentelemetry-instrument")), *flags]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return subprocess.run(
        [*starter, sys.executable, "-m", "confession_otel.cli", "doctor", *arguments],
        capture_output=True,
        encoding="utf-8",
        env={**kept, "PYTHONIOENCODING": "utf-8", "NO_PROXY": "*", **variables},
        timeout=50,
        check=False,
    )


def look(*arguments: str, **variables: str) -> Looked:
    done = run("--json", *arguments, **variables)
    assert done.stderr == ""
    return Looked(done.returncode, done.stdout)


@contextlib.contextmanager
def answering(answer: Callable[[str], tuple[int, Any]]) -> Iterator[tuple[str, list[tuple[str, Any, bytes]]]]:
    """A server on loopback: its URL, and the path, headers and body of each request it got."""
    got: list[tuple[str, Any, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            self._reply(body)

        def do_GET(self) -> None:
            self._reply(b"")

        def _reply(self, body: bytes) -> None:
            got.append((self.path, self.headers, body))
            status, content = answer(self.path)
            written = b"" if content is None else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(written)))
            self.end_headers()
            self.wfile.write(written)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's word
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", got
        finally:
            server.shutdown()
            thread.join()


def taking(path: str) -> tuple[int, Any]:
    """As a collector that nobody can ask."""
    return (200, None) if path.startswith("/v1/") else (404, None)


def over_http(endpoint: str, **more: str) -> dict[str, str]:
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_SERVICE_NAME": "shop",
        **more,
    }


def spans_in(body: bytes) -> list[Any]:
    request = ExportTraceServiceRequest.FromString(body)
    return [span for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans]


def test_where_all_is_well_it_says_so_and_sends_nothing_but_empty_exports() -> None:
    with answering(taking) as (endpoint, got):
        found = look(**over_http(endpoint))
    assert (found.code, found.whole["problems"], found.whole["warnings"]) == (0, 0, 0), found.said
    assert sorted(path for path, _, _ in got) == ["/v1/logs", "/v1/metrics", "/v1/traces"]
    assert {body for _, _, body in got} == {b""}
    assert found.one("endpoint", f"traces to {endpoint}/v1/traces (HTTP)")["what"].endswith("takes OTLP")
    assert found.one("order", "opentelemetry-instrument starts us first")["level"] == "ok"
    assert found.one("order", "hooks that are on")["what"].endswith("langchain, openai, processor")
    assert {words.partition(":")[0] for words in found.levels("providers")} == {
        "traces",
        "metrics",
        "logs",
        "service.name is shop",
    }


def test_for_a_person_it_is_lines_with_what_to_do() -> None:
    done = run(**NOWHERE, OTEL_SERVICE_NAME="shop", CONFESSION_OTEL_CAPTURE="ful")
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (1, "")
    (at,) = (number for number, line in enumerate(lines) if "CONFESSION_OTEL_CAPTURE=ful" in line)
    assert lines[at].split()[0] == "problem"
    assert "one of full, redacted, verdict" in lines[at]
    assert lines[at + 1].lstrip().startswith("→ put the variable right")
    assert lines[-1].startswith("1 problem")


def test_settings_are_those_in_force_flags_included() -> None:
    found = look(
        **NOWHERE, CONFESSION_OTEL_FLAG_ON="unsure,unparsed", CONFESSION_OTEL_SPEED="9", OTEL_CONFESSION_WAY="in_band"
    )
    assert found.one("settings", "by the environment")["what"].endswith("flag_on=unparsed,unsure, way=in_band")
    unknown = found.one("settings", "CONFESSION_OTEL_SPEED is no setting")
    assert unknown["level"] == "warning"
    assert "CONFESSION_OTEL_FLAG_ON" in unknown["what"]
    assert found.code == 0


def by_instrument(*flags: str, **variables: str) -> Looked:
    """What it says where `opentelemetry-instrument` starts it: that may say the settings' warnings before."""
    done = run("--json", flags=flags, **variables)
    return Looked(done.returncode, done.stdout)


def test_run_by_opentelemetry_instrument_it_finds_the_same() -> None:
    bad = {
        "CONFESSION_OTEL_CAPTUR": "x",
        "CONFESSION_OTEL_CAPTURE": "verdct",
        "CONFESSION_OTEL_WAY": "aks",
        "CONFESSION_OTEL_TIMEOUT": "abc",
    }
    plain, started = look(**NOWHERE, **bad), by_instrument(**NOWHERE, **bad)
    assert [started.one("settings", words)["level"] for words in ("CAPTUR is no", "=verdct", "=aks", "=abc")] == [
        "warning",
        "problem",
        "problem",
        "problem",
    ]
    assert (started.code, started.whole) == (1, plain.whole)
    assert plain.code == 1


def test_a_bad_flag_of_opentelemetry_instrument_is_the_same_problem_as_the_variable() -> None:
    plain = look(**NOWHERE, CONFESSION_OTEL_TIMEOUT="abc")
    flagged = by_instrument("--confession_timeout", "abc", **NOWHERE)
    assert flagged.one("settings", "CONFESSION_OTEL_TIMEOUT=abc is not used")["level"] == "problem"
    assert (flagged.code, flagged.whole) == (1, plain.whole)


def test_for_a_person_too_it_is_the_same_by_opentelemetry_instrument() -> None:
    variables = {**NOWHERE, "CONFESSION_OTEL_WAY": "aks"}
    plain, started = run(**variables), run(flags=[], **variables)
    assert "problem CONFESSION_OTEL_WAY=aks" in started.stdout
    assert (started.returncode, started.stdout) == (plain.returncode, plain.stdout)


def test_what_is_wrong_with_a_variable_is_found_each_time_and_at_any_level_of_logging() -> None:
    root, ours = logging.getLogger(), logging.getLogger(semconv.SCOPE)
    levels = root.level, ours.level
    root.setLevel(logging.ERROR)
    try:
        for _ in range(2):
            _, wrong = in_force.read({"CONFESSION_OTEL_WAY": "aks"})
            assert [words.partition(" ")[0] for words in wrong] == ["CONFESSION_OTEL_WAY=aks"]
            assert ours.level == levels[1]
    finally:
        root.setLevel(levels[0])


PROBLEMS: Final = (
    ("OTEL_TRACES_SAMPLER", "parentbased_always_off", "providers", "no trace begun here is sampled", "always_on"),
    ("CONFESSION_OTEL_ENABLED", "false", "settings", "CONFESSION_OTEL_ENABLED is false", "take it out"),
    ("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "x, confession", "order", "we are off", "take it out"),
    ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "20", "limits", "9 are lost", "COUNT_LIMIT to 128"),
)
WARNINGS: Final = (
    ("OTEL_TRACES_SAMPLER", "traceidratio", "providers", "the sampler is TraceIdRatio"),
    ("OTEL_SERVICE_NAME", "", "providers", "service.name is unknown_service"),
    ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "500", "limits", "confession.text is cut to 500 of the 8192"),
    ("OTEL_SPAN_LINK_COUNT_LIMIT", "0", "limits", "link from confession to answer is lost"),
    ("OTEL_INSTRUMENTATION_GENAI_COMPLETION_HOOK", "upload", "content", "upload, and only one hook can be named"),
)


def test_what_keeps_confessions_from_arriving_is_a_problem_with_something_to_do() -> None:
    found = look(**NOWHERE, OTEL_SERVICE_NAME="shop", **{name: value for name, value, *_ in PROBLEMS})
    for _, _, area, words, do in PROBLEMS:
        one = found.one(area, words)
        assert one["level"] == "problem"
        assert do in one["do"]
    assert (found.code, found.whole["problems"]) == (1, len(PROBLEMS))


def test_what_makes_less_arrive_is_a_warning_with_something_to_do() -> None:
    # Events and metrics that go nowhere are warnings too.
    found = look(**NOWHERE, **{name: value for name, value, *_ in WARNINGS})
    for _, _, area, words in WARNINGS:
        one = found.one(area, words)
        assert one["level"] == "warning"
        assert one["do"]
    nowhere = [what for what, level in found.levels("providers").items() if level == "warning" and "nowhere" in what]
    assert [what.partition(":")[0] for what in nowhere] == ["metrics", "logs"]
    assert (found.code, found.whole["problems"]) == (0, 0)


def test_names_of_rules_and_sinks_that_come_to_nothing_are_said() -> None:
    found = look(CONFESSION_OTEL_RULES="-tool_error,nosuch", CONFESSION_OTEL_SINKS="langfuse")
    unknown = found.one("settings", "RULES names nosuch")
    assert unknown["level"] == "warning"
    assert "limit_broken" in unknown["what"]
    unused = found.one("settings", "nothing will be sent to langfuse")
    assert unused["level"] == "problem"
    assert "LANGFUSE_" in unused["what"]


@pytest.mark.parametrize(
    ("variables", "area", "words", "do"),
    [
        ({"OTEL_SDK_DISABLED": "true"}, "providers", "traces: the provider is a no-op", "OTEL_SDK_DISABLED=true"),
        ({"OTEL_TRACES_EXPORTER": "none"}, "providers", "traces: the provider is real and has no exporter", "=otlp"),
        ({"OTEL_TRACES_EXPORTER": "otlpx"}, "providers", "at the start of a program: RuntimeError", "put right"),
        ({"OTEL_ATTRIBUTE_COUNT_LIMIT": "many"}, "limits", "does not start with these limits", "put the variable"),
    ],
)
def test_an_sdk_that_does_not_start_or_goes_nowhere_is_a_problem(
    variables: dict[str, str], area: str, words: str, do: str
) -> None:
    found = look(**{**NOWHERE, "OTEL_SERVICE_NAME": "shop", **variables})
    one = found.one(area, words)
    assert (found.code, one["level"]) == (1, "problem")
    assert do in one["do"]


def test_of_an_sdk_that_is_switched_off_nothing_is_said_but_that() -> None:
    with answering(taking) as (endpoint, got):
        found = look("--send", **over_http(endpoint, OTEL_SDK_DISABLED=" True "))
    for area in ("limits", "sent"):
        (one,) = (one for one in found.whole["findings"] if one["area"] == area)
        assert one["level"] == "problem"
        assert "OTEL_SDK_DISABLED=true" in one["what"]
        assert one["do"] == "take OTEL_SDK_DISABLED out"
    assert "unpack" not in found.said
    assert found.code == 1
    # An empty export for each signal, and nothing of the test.
    assert sorted((path, body) for path, _, body in got if path.startswith("/v1/")) == [
        ("/v1/logs", b""),
        ("/v1/metrics", b""),
        ("/v1/traces", b""),
    ]


def test_a_limit_that_is_no_number_is_said_of_an_sdk_that_is_switched_off_as_well() -> None:
    found = look(**NOWHERE, OTEL_SDK_DISABLED="true", OTEL_ATTRIBUTE_COUNT_LIMIT="many")
    assert "OTEL_ATTRIBUTE_COUNT_LIMIT" in found.one("limits", "does not start with these limits")["what"]


def test_the_headroom_is_measured_on_a_confession_that_has_every_key() -> None:
    found = look(**NOWHERE, CONFESSION_OTEL_TEXT_LIMIT="300")
    assert found.one("limits", "a full confession span has 29 keys, of the 128")["level"] == "ok"
    assert found.one("limits", "keeps all 300 characters")["level"] == "ok"


def test_where_no_content_may_leave_the_reason_is_said() -> None:
    found = look(**NOWHERE, OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="NO_CONTENT")
    assert found.one("settings", "capture is verdict because")["level"] == "ok"
    assert found.one("limits", "no text leaves")["level"] == "ok"


@pytest.mark.parametrize(
    ("statuses", "levels", "do"),
    [
        ({"/v1/traces": 401, "/v1/metrics": 404, "/v1/logs": 400}, ["problem", "warning", "warning"], "OTLP_HEADERS"),
        ({"/v1/traces": 404, "/v1/metrics": 403, "/v1/logs": 200}, ["problem", "warning", "ok"], "path included"),
        # As Phoenix and MLflow are: for traces alone.
        ({"/v1/traces": 200, "/v1/metrics": 404, "/v1/logs": 405}, ["ok", "warning", "warning"], None),
    ],
)
def test_what_an_endpoint_answers_is_said_with_what_to_do(
    statuses: dict[str, int], levels: list[str], do: str | None
) -> None:
    with answering(lambda path: (statuses[path], None)) as (endpoint, _):
        found = look(**over_http(endpoint))
    assert list(found.levels("endpoint").values()) == levels
    assert found.code == int("problem" in levels)
    if do is not None:
        traces = found.one("endpoint", "traces to")
        assert do in traces["do"]
        assert str(statuses["/v1/traces"]) in traces["what"]
    if statuses["/v1/metrics"] == 404:
        assert "OTEL_METRICS_EXPORTER=none" in found.one("endpoint", "metrics to")["do"]


def test_nobody_at_the_address_is_said_within_seconds() -> None:
    found = look(**over_http("http://127.0.0.1:9"))
    assert (found.code, found.one("endpoint", "traces to")["level"]) == (1, "problem")
    assert "Connection refused" in found.one("endpoint", "traces to")["what"]


def test_no_secret_of_the_environment_is_ever_repeated() -> None:
    secret = "sk-0123456789"
    variables = {
        "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{secret},x-tenant=blue-whale",
        "OTEL_TRACES_SAMPLER": secret,
        "OPENAI_API_KEY": secret,
    }
    with answering(lambda _: (401, {"error": secret})) as (endpoint, got):
        address = endpoint.replace("http://", "http://user:correct-horse@")
        for arguments in ([], ["--json"], ["--send", "--wait=0"]):
            done = run(*arguments, **over_http(address, **variables, CONFESSION_OTEL_WAY=secret))
            assert done.returncode == 1
            for word in (secret, "blue-whale", "correct-horse"):
                assert word not in done.stdout + done.stderr
    # The exporters did have them.
    assert got[0][1]["authorization"] in (f"Bearer {secret}", "Basic dXNlcjpjb3JyZWN0LWhvcnNl")


def test_what_counts_as_a_secret() -> None:
    environ = {"X_HEADERS": "a=b%20longer,c=short", "PATH": "/bin", "DB_PASSWORD": "xyz", "U": "https://me:pass@host/p"}
    assert secrets(environ) == ["a=b%20longer,c=short", "b%20longer", "me:pass", "longer", "short", "pass"]
    assert without("at host with pass and longer words", ["longer", "pass"]) == "at host with *** and *** words"
    assert plain_url("https://me:pass@host:1/v1/traces?key=1#x") == "https://host:1/v1/traces"


def test_send_sends_one_labelled_flagged_confession_and_no_metric() -> None:
    with answering(taking) as (endpoint, got):
        found = look("--send", **over_http(endpoint))
    (sent,) = (body for path, _, body in got if path == "/v1/traces" and body)
    assert {body for path, _, body in got if path != "/v1/traces"} == {b""}
    request = ExportTraceServiceRequest.FromString(sent)
    (resource,) = request.resource_spans
    assert {one.key: one.value.string_value for one in resource.resource.attributes}["service.name"] == "shop"
    confession, answer = spans_in(sent)
    assert (confession.name, confession.parent_span_id) == (semconv.SPAN, answer.span_id)
    for span in (confession, answer):
        keys = {one.key: one.value for one in span.attributes}
        assert keys[semconv.TEST].bool_value
        assert keys[semconv.FLAGGED].bool_value
        assert keys[semconv.VERDICT].string_value == "non_compliant"
    took = found.one("sent", "took a test confession")
    assert confession.trace_id.hex() in took["what"]
    assert found.one("sent", "cannot be asked from here")["level"] == "warning"
    assert found.code == 0


def test_where_the_backend_can_be_asked_and_has_lost_it_that_is_a_problem() -> None:
    empty: dict[str, Any] = {"/api/services": {"data": []}}
    with (
        answering(taking) as (endpoint, _),
        answering(lambda path: (200, empty.get(path, {"data": []}))) as (jaeger, _),
    ):
        found = look("--send", "--query-url", jaeger, "--wait", "0.1", **over_http(endpoint))
    lost = found.one("sent", "has no confession span")
    assert (found.code, lost["level"]) == (1, "problem")
    assert "sampler" in lost["do"]


def test_a_backend_that_stores_span_after_span_is_waited_for() -> None:
    """Jaeger's storage does: for a moment it has the confession's span alone."""
    asked: list[str] = []

    def jaeger(path: str) -> tuple[int, Any]:
        if not path.startswith("/api/traces/"):
            return (200, {"data": []}) if path == "/api/services" else (404, None)
        (sent,) = (body for place, _, body in got if place == "/v1/traces" and body)
        confession, answer = map(as_jaeger_has, spans_in(sent))
        asked.append(path)
        return 200, {"data": [{"spans": [confession] if len(asked) == 1 else [confession, answer]}]}

    with answering(taking) as (endpoint, got), answering(jaeger) as (query, _):
        found = look("--send", "--query-url", query, **over_http(endpoint))
    assert set(found.levels("sent").values()) == {"ok"}
    assert len(asked) == 2


def as_jaeger_has(span: Any) -> dict[str, Any]:
    trace_id = span.trace_id.hex()
    parent = [{"refType": "CHILD_OF", "traceID": trace_id, "spanID": span.parent_span_id.hex()}]
    values = {one.key: one.value for one in span.attributes}
    return {
        "operationName": span.name,
        "spanID": span.span_id.hex(),
        "references": parent if span.parent_span_id else [],
        "tags": [{"key": key, "value": getattr(value, value.WhichOneof("value"))} for key, value in values.items()],
    }


def test_an_address_that_is_none_does_not_stop_it() -> None:
    found = look("--send", **over_http("http://[fish"))
    assert found.code == 1
    assert found.one("endpoint", "could not be looked at: ValueError")["level"] == "problem"
    assert found.one("limits", "full confession span")["level"] == "ok"


def test_headers_go_to_the_origin_they_are_for_and_to_no_other() -> None:
    projects: dict[str, Any] = {"/v1/projects": {"data": []}}

    def phoenix(path: str) -> tuple[int, Any]:
        return (200, None) if path.startswith("/v1/traces") else (200, projects.get(path, {"data": {"id": "p"}}))

    headers = {"OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20x-1"}
    with answering(phoenix) as (own, asked), answering(phoenix) as (other, asked_too):
        for arguments in ([], ["--query-url", other]):
            found = look("--send", "--wait=0", *arguments, **over_http(own, **headers))
            assert found.one("sent", "has no confession span")["level"] == "problem"
    assert {got["authorization"] for path, got, _ in asked if path == "/v1/projects"} == {"Bearer x-1"}
    assert {got["authorization"] for path, got, _ in asked_too if path == "/v1/projects"} == {None}


def test_send_without_an_exporter_is_a_problem() -> None:
    found = look("--send", **NOWHERE)
    assert (found.code, found.one("sent", "nothing was sent")["level"]) == (1, "problem")


def test_a_query_url_that_is_none_is_said_before_anything_runs() -> None:
    done = run("--send", "--query-url", "localhost:16686")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no http:// or https:// URL" in done.stderr


class Receiver(TraceServiceServicer):
    def __init__(self) -> None:
        self.got: list[ExportTraceServiceRequest] = []

    def Export(  # noqa: N802 - the service's name
        self, request: ExportTraceServiceRequest, context: Any
    ) -> ExportTraceServiceResponse:
        self.got.append(request)
        return ExportTraceServiceResponse()


@contextlib.contextmanager
def over_grpc() -> Iterator[tuple[int, Receiver]]:
    receiver = Receiver()
    server = grpc.server(futures.ThreadPoolExecutor(2))
    add_TraceServiceServicer_to_server(receiver, server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port, receiver
    finally:
        server.stop(0).wait()


def test_over_grpc_it_is_the_same() -> None:
    with over_grpc() as (port, receiver):
        found = look("--send", OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}")
    assert found.one("endpoint", "(gRPC): takes OTLP")["what"].startswith("traces")
    # This receiver has no service for the other signals.
    assert "UNIMPLEMENTED" in found.one("endpoint", "metrics to")["what"]
    assert [len(request.resource_spans) for request in receiver.got] == [0, 1]
    # Without a name of its own it goes under the doctor's.
    assert "service confession-otel-doctor" in found.one("sent", "took a test confession")["what"]


def test_http_at_a_door_for_grpc_is_a_problem() -> None:
    with over_grpc() as (port, _):
        found = look(**over_http(f"http://127.0.0.1:{port}", OTEL_METRICS_EXPORTER="none", OTEL_LOGS_EXPORTER="none"))
    assert (found.code, found.one("endpoint", "traces to")["level"]) == (1, "problem")

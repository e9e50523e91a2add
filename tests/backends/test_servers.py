"""The servers built from Go modules: each takes a span of the OpenTelemetry SDK, and gives it back.

Building them takes minutes, once. Where there is no Go, what needs a server is skipped.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any, Final

import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from confession_otel import semconv
from confession_otel.cli.readers import JaegerReader, SeenSpan, fetch

from .servers import SERVERS, BuildFailedError, NotStartedError, Unavailable, binary, build, free_ports, needed, running

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

# The first test that needs a server may have to build it.
pytestmark = pytest.mark.timeout(2400)

# Badger and not memory: where Jaeger 2.13 keeps spans in memory, `error=true` finds none.
JAEGER: Final = """
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:${env:OTLP}"}}}}
exporters: {jaeger_storage_exporter: {trace_storage: badger}}
extensions:
  jaeger_storage: {backends: {badger: {badger: {ephemeral: true}}}}
  jaeger_query:
    storage: {traces: badger}
    http: {endpoint: "127.0.0.1:${env:QUERY}"}
    grpc: {endpoint: "127.0.0.1:0"}
service:
  extensions: [jaeger_storage, jaeger_query]
  pipelines: {traces: {receivers: [otlp], exporters: [jaeger_storage_exporter]}}
  telemetry: {metrics: {level: none}}
"""
COLLECTOR: Final = """
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:${env:OTLP}"}}}}
exporters: {file: {path: "${env:FILE}"}}
extensions: {health_check: {endpoint: "127.0.0.1:${env:HEALTH}"}}
service:
  extensions: [health_check]
  pipelines: {traces: {receivers: [otlp], exporters: [file]}}
  telemetry: {metrics: {level: none}}
"""

# `count` gives what has been added since; without `delta_to_cumulative` its series does not add up.
SAMPLING: Final = f"""
processors:
  delta_to_cumulative: {{}}
  tail_sampling:
    decision_wait: 1s
    policies: [{{name: flagged, type: boolean_attribute, boolean_attribute: {{key: {semconv.FLAGGED}, value: true}}}}]
connectors:
  forward: {{}}
  count: {{spans: {{confessions: {{conditions: ['name == "confession"']}}}}}}
  signal_to_metrics: {{spans: [{{name: scores, gauge: {{value: 'attributes["{semconv.SCORE}"]'}}}}]}}
  span_metrics: {{dimensions: [{{name: {semconv.FLAGGED}}}], metrics_flush_interval: 100ms}}
exporters: {{prometheus: {{endpoint: "127.0.0.1:${{env:METRICS}}"}}}}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [forward, count, signal_to_metrics, span_metrics]}}
    traces/sampled: {{receivers: [forward], processors: [tail_sampling], exporters: [file]}}
    metrics:
      receivers: [count, signal_to_metrics, span_metrics]
      processors: [delta_to_cumulative]
      exporters: [prometheus]
"""


def send(port: int, flags: Sequence[bool]) -> list[str]:
    """One trace for each flag: a call and, below it, its confession; their ids."""
    provider = TracerProvider(resource=Resource({"service.name": "fish"}), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"http://127.0.0.1:{port}/v1/traces")))
    tracer = provider.get_tracer("test")
    sent = []
    for flagged in flags:
        with tracer.start_as_current_span("chat fish-1") as call:
            attributes = {semconv.FLAGGED: flagged, semconv.SCORE: 0.5}
            links = [trace.Link(call.get_span_context())]
            with tracer.start_as_current_span("confession", attributes=attributes, links=links) as confession:
                if flagged:
                    confession.set_status(trace.StatusCode.ERROR, "flagged")
        sent.append(f"{call.get_span_context().trace_id:032x}")
    provider.shutdown()
    return sent


def eventually(ask: Callable[[], Any], holds: Callable[[Any], bool]) -> Any:
    """The first answer for which it holds, or the last one."""
    deadline = time.monotonic() + 20
    while not holds(answer := ask()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return answer


def spans_of(request: Any) -> list[Any]:
    """The spans of an export request in OTLP's JSON."""
    return [
        span for resource in request["resourceSpans"] for scope in resource["scopeSpans"] for span in scope["spans"]
    ]


def test_jaeger_gives_back_what_it_was_sent(tmp_path: Path) -> None:
    config = tmp_path / "jaeger.yaml"
    config.write_text(JAEGER, encoding="utf-8")
    otlp, query = free_ports(2)
    base = f"http://127.0.0.1:{query}"
    with running("jaeger", config, ready=f"{base}/api/services", environ={"OTLP": otlp, "QUERY": query}):
        flagged, fine = send(otlp, [True, False])
        reader = JaegerReader(base)
        assert reader.recognised()
        seen: list[SeenSpan] = eventually(lambda: reader([flagged, fine]), lambda spans: len(spans) == 4)
        calls = {span.trace_id: span for span in seen if span.name == "chat fish-1"}
        confessions = {span.trace_id: span for span in seen if span.name == "confession"}
        assert set(calls) == {flagged, fine}
        assert [confessions[key].attributes[semconv.FLAGGED] for key in (flagged, fine)] == [True, False]
        assert [confessions[flagged].attributes[key] for key in ("error", semconv.SCORE)] == [True, 0.5]

        for tags in ({semconv.FLAGGED: "true"}, {"error": "true"}):
            search = urllib.parse.urlencode({"service": "fish", "tags": json.dumps(tags)})
            assert [found["traceID"] for found in fetch(f"{base}/api/traces?{search}")["data"]] == [flagged], tags

        spans = {span["name"]: span for span in spans_of(fetch(f"{base}/api/v3/traces/{flagged}")["result"])}
        call, confession = calls[flagged].span_id, spans["confession"]
        assert (spans["chat fish-1"]["spanId"], confession["parentSpanId"]) == (call, call)
        assert [link["spanId"] for link in confession["links"]] == [call]
        # The older interface has one reference for both, of the link's kind.
        (older,) = fetch(f"{base}/api/traces/{flagged}")["data"]
        (references,) = [span["references"] for span in older["spans"] if span["operationName"] == "confession"]
        assert references == [{"refType": "FOLLOWS_FROM", "traceID": flagged, "spanID": call}]


def test_the_collector_passes_on_what_it_was_sent(tmp_path: Path) -> None:
    config, file = tmp_path / "collector.yaml", tmp_path / "spans.jsonl"
    config.write_text(COLLECTOR, encoding="utf-8")
    otlp, health = free_ports(2)
    environ = {"OTLP": otlp, "HEALTH": health, "FILE": file}
    with running("otelcol", config, ready=f"http://127.0.0.1:{health}", environ=environ) as server:
        (sent,) = send(otlp, [True])
        pid = server.pid
    # It wrote what it still held, and is gone.
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    spans = [span for line in file.read_text(encoding="utf-8").splitlines() for span in spans_of(json.loads(line))]
    assert {(span["name"], span["traceId"]) for span in spans} == {("chat fish-1", sent), ("confession", sent)}


def test_the_collector_samples_after_the_fact_and_counts_before(tmp_path: Path) -> None:
    config, sampling, file = tmp_path / "collector.yaml", tmp_path / "sampling.yaml", tmp_path / "spans.jsonl"
    config.write_text(COLLECTOR, encoding="utf-8")
    sampling.write_text(SAMPLING, encoding="utf-8")
    otlp, health, metrics = free_ports(3)
    environ = {"OTLP": otlp, "HEALTH": health, "METRICS": metrics, "FILE": file}
    with running("otelcol", config, sampling, ready=f"http://127.0.0.1:{health}", environ=environ):
        flagged, _ = send(otlp, [True, False])

        def scrape() -> dict[str, float]:
            """Series of confession spans, without the labels that say where it was measured."""
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(f"http://127.0.0.1:{metrics}/metrics", timeout=5) as reply:
                lines = reply.read().decode().splitlines()
            found = [re.fullmatch(r"(\w+){(.*)} (\S+)", line) for line in lines]
            flag = re.compile(r'confession_flagged="(\w+)"')
            return {
                " ".join([one[1], *flag.findall(one[2])]): float(one[3])
                for one in found
                if one and 'span_name="chat' not in one[2] and not one[1].startswith("traces_span_metrics_duration")
            }

        wanted = {
            "confessions_total": 2.0,
            "scores": 0.5,
            "traces_span_metrics_calls_total true": 1.0,
            "traces_span_metrics_calls_total false": 1.0,
        }
        assert eventually(scrape, lambda series: series == wanted) == wanted
        kept = eventually(lambda: file.read_text(encoding="utf-8"), lambda text: flagged in text)
    assert {span["traceId"] for line in kept.splitlines() for span in spans_of(json.loads(line))} == {flagged}


def test_what_does_not_start_says_why(tmp_path: Path) -> None:
    config = tmp_path / "collector.yaml"
    config.write_text(COLLECTOR.replace("exporters: [file]", "exporters: [fiel]"), encoding="utf-8")
    with (
        pytest.raises(NotStartedError, match='references exporter "fiel" which is not configured'),
        running("otelcol", config, ready="http://127.0.0.1:9", environ={"OTLP": 0, "HEALTH": 0, "FILE": "f"}),
    ):
        pass


@pytest.mark.parametrize("name", ["jaeger", "otelcol"])
@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("", ""), None),
        (("decision_wait: 2s", "decision_weight: 2s"), "decision_weight"),
        (("decision_wait: 2s", "decision_wait: soon"), "invalid duration"),
        (("processors: [tail_sampling]", "processors: [head_sampling]"), "head_sampling"),
    ],
)
def test_validate_takes_a_right_configuration_and_no_wrong_one(
    name: str, change: tuple[str, str], complaint: str | None, tmp_path: Path
) -> None:
    right = f"""
receivers: {{otlp: {{protocols: {{http: {{}}}}}}}}
processors:
  tail_sampling:
    decision_wait: 2s
    policies: [{{name: flagged, type: boolean_attribute, boolean_attribute: {{key: {semconv.FLAGGED}, value: true}}}}]
exporters: {{debug: {{}}}}
service: {{pipelines: {{traces: {{receivers: [otlp], processors: [tail_sampling], exporters: [debug]}}}}}}
"""
    config = tmp_path / "config.yaml"
    config.write_text(right.replace(*change), encoding="utf-8")
    program = needed(name)
    done = subprocess.run(
        [program, "validate", f"--config={config}"], capture_output=True, text=True, timeout=60, check=False
    )
    said = done.stdout + done.stderr
    assert (done.returncode == 0) == (complaint is None), said
    assert complaint is None or complaint in said


def test_the_collector_has_the_components_of_its_manifest_in_the_versions_of_its_lock() -> None:
    listed = subprocess.run([needed("otelcol"), "components"], capture_output=True, text=True, timeout=60, check=True)
    manifest = (build.HERE / "collector" / "manifest.yaml").read_text(encoding="utf-8")
    wanted = set(re.findall(r"gomod: (\S+ \S+)", manifest))
    assert len(wanted) > 20
    assert wanted <= set(re.findall(r"module: (\S+ \S+)", listed.stdout))
    locked = (build.HERE / "collector" / "go.mod").read_text(encoding="utf-8")
    assert wanted <= set(re.findall(r"^\t(\S+ v\S+)$", locked, re.MULTILINE))


def test_the_versions_are_those_that_the_programs_say() -> None:
    for name, command in (("jaeger", "version"), ("otelcol", "--version")):
        done = subprocess.run([needed(name), command], capture_output=True, text=True, timeout=60, check=True)
        assert SERVERS[name].version.removeprefix("v") in done.stdout


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty one."""
    needed("otelcol")  # what follows asks for Go too
    monkeypatch.setenv("CONFESSION_OTEL_BACKENDS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def with_make(monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None]) -> None:
    monkeypatch.setattr(build, "SERVERS", {"thing": build.Server("thing", "v1", ("builder/go.mod",), make)})


def test_two_who_want_it_at_once_get_one_that_is_built_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []

    def make(directory: Path) -> None:
        made.append(directory)
        time.sleep(0.3)
        (directory / "thing").write_text("built", encoding="utf-8")

    with_make(monkeypatch, make)
    got: list[Path] = []
    threads = [threading.Thread(target=lambda: got.append(binary("thing"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert len(got) == 4
    assert {path.read_text(encoding="utf-8") for path in got} == {"built"}
    assert binary("thing") == got[0]
    assert sorted(path.name for path in cache.iterdir()) == sorted([got[0].parent.name, "thing.lock"])


def test_a_build_that_fails_leaves_nothing_and_one_that_was_killed_is_swept(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cache / "thing.building-killed" / "half").mkdir(parents=True)

    def make(directory: Path) -> None:
        (directory / "thing").write_text("half", encoding="utf-8")
        build.go("build", "./nothing", at=directory)

    with_make(monkeypatch, make)
    with pytest.raises(BuildFailedError, match=r"`nice -n 15 go build ./nothing` failed with exit code 1:"):
        binary("thing")
    assert [path.name for path in cache.iterdir()] == ["thing.lock"]


def test_without_go_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="Go is not installed"):
        binary("jaeger")
    with pytest.raises(pytest.skip.Exception, match="no jaeger: Go is not installed"):
        needed("jaeger")

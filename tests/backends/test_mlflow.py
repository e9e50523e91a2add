"""A real MLflow: flagged answers come in over OTLP, and are found again by its client."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

import confession_otel as co
from confession_otel import semconv

from .servers import free_ports, started
from .traffic import COMPLIED, FAILED, trace_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.trace import Span

# MLflow is installed first (650 MB, once).
pytestmark = pytest.mark.timeout(1200)

HERE: Final = Path(__file__).parent
README: Final = HERE.parents[1] / "integrations" / "mlflow" / "README.md"
QUIET: Final = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
SEARCH: Final = """
import json, sys, mlflow
mlflow.set_tracking_uri(sys.argv[1])
found = []
for filter_string in sys.argv[2:]:
    traces = mlflow.search_traces(locations=["0"], return_type="list", filter_string=filter_string or None)
    found.append({
        trace.info.trace_id: [
            {
                "name": span.name,
                "status": [span.status.status_code.value, span.status.description],
                "attributes": {k: v for k, v in span.attributes.items() if k.startswith(("confession", "error"))},
                "links": [link.span_id for link in span.links or ()],
                "ids": [span.span_id, span.parent_id],
            }
            for span in trace.data.spans
        ]
        for trace in traces
    })
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def python() -> Path:
    """The interpreter of an environment that has MLflow."""
    made = subprocess.run(
        [
            *(sys.executable, HERE.parent / "environment.py", "mlflow", HERE / "pins-mlflow.txt"),
            *(HERE / "pins-mlflow.in").read_text(encoding="utf-8").split(),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    return Path(made.stdout.strip())


@pytest.fixture(scope="module")
def server(python: Path) -> Iterator[str]:
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    command: list[str | Path] = [
        *(python.with_name("mlflow"), "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", "sqlite:///mlflow.db", "--default-artifact-root", "./artifacts"),
    ]
    path = f"{python.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    with started(
        command, ready=f"{url}/health", environ={**QUIET, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "PATH": path}
    ):
        yield url


@contextlib.contextmanager
def service(server: str) -> Iterator[Any]:
    """A service whose spans go to MLflow; its tracer."""
    with requests.Session() as session:
        # Not by the proxy of the environment, if there is one.
        session.trust_env = False
        exporter = OTLPSpanExporter(f"{server}/v1/traces", headers={"x-mlflow-experiment-id": "0"}, session=session)
        provider = TracerProvider(resource=Resource({SERVICE_NAME: "shop"}), shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        co.instrument(tracer_provider=provider)
        yield provider.get_tracer("shop")
        provider.shutdown()


def search(python: Path, server: str, *filters: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [python, "-c", SEARCH, server, *filters],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **QUIET, "NO_PROXY": "127.0.0.1"},
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_flagged_answers_are_found_by_the_filters_of_the_readme(python: Path, server: str) -> None:
    def answer(tracer: Any, confession: str | None) -> Span:
        with tracer.start_as_current_span("POST /ask"), tracer.start_as_current_span("chat fish-1") as span:
            if confession is not None:
                co.record(confession)
            return span  # type: ignore[no-any-return] # the SDK's

    with service(server) as tracer:
        bad, good, silent = (answer(tracer, text) for text in (FAILED, COMPLIED, None))
    filters = [line.strip() for line in README.read_text(encoding="utf-8").splitlines() if line.startswith("    span.")]
    assert len(filters) == 3
    everything, *found = search(python, server, "", *filters)
    ids = {f"tr-{trace_id(span)}": span for span in (bad, good, silent)}
    assert set(everything) == set(ids)
    only_bad = {f"tr-{trace_id(bad)}"}
    assert [set(one) for one in found] == [only_bad, only_bad, {f"tr-{trace_id(good)}", *only_bad}]

    spans = {span["name"]: span for span in found[0][f"tr-{trace_id(bad)}"]}
    confession = spans["confession"]
    assert confession["status"] == ["ERROR", "self-reported: non_compliant"]
    assert confession["attributes"][semconv.FLAGGED] is True
    assert confession["attributes"][semconv.TEXT] == FAILED
    assert confession["attributes"][semconv.ERROR_TYPE] == "non_compliant"
    assert confession["ids"][1] == spans["chat fish-1"]["ids"][0] == confession["links"][0]
    assert spans["chat fish-1"]["attributes"][semconv.VERDICT] == "non_compliant"
    assert spans["chat fish-1"]["status"][0] == "UNSET"


def test_without_the_header_of_the_experiment_mlflow_refuses(server: str) -> None:
    with requests.Session() as session:
        session.trust_env = False
        reply = session.post(f"{server}/v1/traces", data=b"", headers={"content-type": "application/x-protobuf"})
    assert reply.status_code == 422

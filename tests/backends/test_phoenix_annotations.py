"""Phoenix gets the spans as they are, over HTTP and gRPC, and the verdict as an annotation of the answer's span."""

from __future__ import annotations

import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import requests
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

import confession_otel as co
from confession_otel import guard, semconv
from confession_otel.cli.readers import fetch
from confession_otel.sinks import PhoenixSink

from .traffic import FAILED, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace.export import SpanExporter

    from .conftest import Phoenix

# The first test that needs Phoenix may have to install it.
pytestmark = pytest.mark.timeout(1200)

README: Final = Path(__file__).parents[2] / "integrations" / "phoenix" / "README.md"
KNOWN: Final = {semconv.GEN_AI_OPERATION: semconv.GEN_AI_CHAT, semconv.GEN_AI_REQUEST_MODEL: "fish-1"}


@pytest.fixture(params=["http", "grpc"])
def exporter(request: pytest.FixtureRequest, phoenix: Phoenix) -> Iterator[SpanExporter]:
    if request.param == "grpc":
        made: SpanExporter = GrpcExporter(endpoint=phoenix.grpc, insecure=True)
        yield made
    else:
        with requests.Session() as session:
            # Not by the proxy of the environment, if there is one.
            session.trust_env = False
            yield HttpExporter(endpoint=f"{phoenix.url}/v1/traces", session=session)


@pytest.fixture
def project(request: pytest.FixtureRequest) -> str:
    return str(request.node.name).replace("[", " ").replace("]", "")


@pytest.fixture
def provider(exporter: SpanExporter, project: str) -> Iterator[TracerProvider]:
    made = TracerProvider(resource=Resource({"openinference.project.name": project}), shutdown_on_exit=False)
    made.add_span_processor(SimpleSpanProcessor(exporter))
    yield made
    made.shutdown()


def spans(phoenix: Phoenix, project: str) -> dict[str, Any]:
    """Spans of a project, by name; none while it is not there."""
    try:
        reply = fetch(f"{phoenix.url}/v1/projects/{urllib.parse.quote(project, safe='')}/spans?limit=100")
    except OSError:
        return {}
    return {span["name"]: span for span in reply["data"]}


def annotated(phoenix: Phoenix, project: str, span_id: str) -> list[dict[str, Any]]:
    """Annotations of a span; none while that is not there, which is then a 404."""
    query = f"span_ids={span_id}&limit=100"
    try:
        reply = fetch(f"{phoenix.url}/v1/projects/{urllib.parse.quote(project, safe='')}/span_annotations?{query}")
    except OSError:
        return []
    return list(reply["data"])


def filtered(phoenix: Phoenix, project: str, condition: str) -> set[str]:
    """Names of the spans that Phoenix's own page would show under a filter."""
    query = "query($f: String!) { projects { edges { node { name spans(first: 50, filterCondition: $f) "
    query += "{ edges { node { name } } } } } } }"
    with requests.Session() as session:
        session.trust_env = False
        asked: Any = {"query": query, "variables": {"f": condition}}
        reply = session.post(f"{phoenix.url}/graphql", json=asked, timeout=30).json()
    assert "errors" not in reply, reply
    (found,) = [edge["node"] for edge in reply["data"]["projects"]["edges"] if edge["node"]["name"] == project]
    return {edge["node"]["name"] for edge in found["spans"]["edges"]}


def test_spans_come_as_they_are_and_the_verdict_is_one_annotation_however_often_it_is_sent(
    phoenix: Phoenix, provider: TracerProvider, project: str
) -> None:
    co.instrument(tracer_provider=provider, sinks=[PhoenixSink(phoenix.url)])
    with provider.get_tracer("shop").start_as_current_span("chat fish-1", attributes=KNOWN) as answer:
        co.record(FAILED)
    assert co.flush(30)
    assert guard.tally() == {}
    seen = eventually(lambda: spans(phoenix, project), lambda found: len(found) == 2)
    span_id = f"{answer.get_span_context().span_id:016x}"
    confession = seen["confession"]
    assert confession["span_kind"] == "EVALUATOR"
    assert confession["status_code"] == "ERROR"
    assert confession["parent_id"] == seen["chat fish-1"]["context"]["span_id"] == span_id
    assert confession["attributes"][semconv.TEXT] == FAILED
    for span in seen.values():
        assert span["attributes"][semconv.VERDICT] == "non_compliant"
        assert span["attributes"][semconv.FLAGGED] is True

    def found() -> list[dict[str, Any]]:
        return annotated(phoenix, project, span_id)

    # If the annotation comes first, Phoenix looks again after ten seconds.
    (annotation,) = eventually(found, bool, seconds=40)
    assert annotation["identifier"] == confession["attributes"][semconv.ID]
    assert (annotation["name"], annotation["annotator_kind"]) == ("confession", "LLM")
    assert annotation["result"] == {
        "label": "non_compliant",
        "score": 0.0,
        "explanation": "cite real papers: the second one I made up",
    }
    assert annotation["metadata"] == {semconv.FLAGGED: True, semconv.SOURCE: "record"}

    # What the README gives for the search field of a project.
    lines = README.read_text(encoding="utf-8").splitlines()
    filters = [line.strip() for line in lines if line.startswith("    ") and "==" in line]
    assert [filtered(phoenix, project, one) for one in filters] == [
        {"chat fish-1", "confession"},
        {"chat fish-1"},
        {"confession"},
    ]

    # Once more, with other words of the same confession that may leave: it replaces itself.
    co.instrument(tracer_provider=provider, sinks=[PhoenixSink(phoenix.url)], capture="verdict")
    co.record(FAILED, answer.get_span_context())
    assert co.flush(30)
    (again,) = eventually(found, lambda there: there[0]["result"].get("explanation") is None)
    assert again["identifier"] == annotation["identifier"]
    assert again["result"]["label"] == "non_compliant"
    assert again["result"].get("explanation") is None


@pytest.mark.parametrize("exporter", ["http"], indirect=True)
def test_an_annotation_waits_in_phoenix_for_a_span_that_is_still_under_way(
    phoenix: Phoenix, provider: TracerProvider, project: str
) -> None:
    co.instrument(tracer_provider=provider, sinks=[PhoenixSink(phoenix.url)])
    with provider.get_tracer("shop").start_as_current_span("chat fish-1", attributes=KNOWN) as answer:
        co.record(FAILED)
        assert co.flush(30)
        # What came after the annotation is stored already: so it was looked at, and had nothing to go onto.
        provider.get_tracer("shop").start_span("after").end()
        assert "after" in eventually(lambda: spans(phoenix, project), lambda there: "after" in there)
        span_id = f"{answer.get_span_context().span_id:016x}"
        assert annotated(phoenix, project, span_id) == []
    (annotation,) = eventually(lambda: annotated(phoenix, project, span_id), bool, seconds=40)
    assert annotation["result"]["label"] == "non_compliant"

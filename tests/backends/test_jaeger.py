"""`integrations/jaeger/` on the real Jaeger: what a person should see is kept, found and counted; the rest is not."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import time
import urllib.error
import urllib.parse
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace

import confession_otel as co
from confession_otel import semconv
from confession_otel.cli.demo import report
from confession_otel.cli.demo.play import play
from confession_otel.cli.demo.tasks import TASKS
from confession_otel.cli.readers import JaegerReader, fetch

from .servers import free_ports, running, started
from .traffic import COMPLIED, FAILED, backend, eventually, page, series, service, trace_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# The first test that needs a server may have to build it.
pytestmark = pytest.mark.timeout(2400)

HERE = Path(__file__).parents[2] / "integrations" / "jaeger"
WITHOUT_RESULT = "Objective: cite real papers\nWhy: hard to say"


class Jaeger:
    """A Jaeger with the configuration that is shipped, on ports of its own."""

    def __init__(self, otlp: int, metrics: int, query: int) -> None:
        self.otlp = f"http://127.0.0.1:{otlp}"
        self.metrics = f"http://127.0.0.1:{metrics}/metrics"
        self.query = f"http://127.0.0.1:{query}"

    def search(self, service: str = "shop", **tags: str) -> set[str]:
        """Ids of the traces that a search finds."""
        query = urllib.parse.urlencode({"service": service, "tags": json.dumps(tags), "limit": 100})
        return {found["traceID"] for found in fetch(f"{self.query}/api/traces?{query}")["data"]}

    def spans(self, trace_id: str) -> dict[str, Mapping[str, Any]]:
        """Spans of a trace, by name; none where it is not kept."""
        try:
            result = fetch(f"{self.query}/api/v3/traces/{trace_id}")["result"]
        except urllib.error.HTTPError as error:
            if error.code == HTTPStatus.NOT_FOUND:
                return {}
            raise
        scopes = (scope for resource in result["resourceSpans"] for scope in resource["scopeSpans"])
        return {span["name"]: span for scope in scopes for span in scope["spans"]}


@contextlib.contextmanager
def jaeger(tmp_path: Path, *more: str, wait: str, percent: int) -> Iterator[Jaeger]:
    otlp, metrics, query = free_ports(3)
    one = Jaeger(otlp, metrics, query)
    elsewhere = (
        f"yaml:receivers::otlp::protocols::http::endpoint: 127.0.0.1:{otlp}",
        "yaml:receivers::otlp::protocols::grpc::endpoint: 127.0.0.1:0",
        f"yaml:exporters::prometheus::endpoint: 127.0.0.1:{metrics}",
        f"yaml:extensions::jaeger_query::http::endpoint: 127.0.0.1:{query}",
        "yaml:extensions::jaeger_query::grpc::endpoint: 127.0.0.1:0",
        "yaml:connectors::spanmetrics::metrics_flush_interval: 200ms",
        "yaml:service::telemetry::metrics::level: none",
        *more,
    )
    environ = {"DECISION_WAIT": wait, "KEEP_PERCENT": percent, "JAEGER_DATA": tmp_path / "data"}
    ready = f"{one.query}/api/services"
    with running("jaeger", HERE / "config.yaml", *elsewhere, ready=ready, environ=environ):
        yield one


def test_where_all_is_kept_the_demo_comes_back_as_it_was_scripted(tmp_path: Path) -> None:
    with jaeger(tmp_path, wait="1s", percent=100) as one, contextlib.ExitStack() as stack:
        reader = JaegerReader(one.query)
        played = play(TASKS, backend(one.otlp, stack, reader))
        rows = report.read_back(played, reader, seconds=30)
        assert [row.differences for row in rows] == [()] * len(TASKS)
        assert [row.flagged for row in rows] == [task.flagged for task in TASKS]

        spans = reader([played[0].trace_id])
        (confession,) = [span for span in spans if span.name == semconv.SPAN]
        (answer,) = [span for span in spans if span.span_id == confession.parent_id]
        assert answer.name == f"chat {TASKS[0].model}"
        assert "I set the timer to zero instead" in confession.attributes[semconv.TEXT]
        assert confession.attributes["otel.status_description"] == "self-reported: non_compliant"
        raw = one.spans(played[0].trace_id)[semconv.SPAN]
        assert (raw["parentSpanId"], raw["links"][0]["spanId"]) == (answer.span_id, answer.span_id)

        # The links of the README are searches: their pages ask this interface with the same query.
        links = re.findall(r"http://127\.0\.0\.1:16686/search\?(\S+?)[)>\s`]", (HERE / "README.md").read_text("utf-8"))
        found = {link: {each["traceID"] for each in fetch(f"{one.query}/api/traces?{link}")["data"]} for link in links}
        by_verdict = {
            verdict: {task.trace_id for task in played if task.task.verdict == verdict} for verdict in co.Verdict
        }
        assert [found[link] for link in links] == [
            by_verdict[co.Verdict.NON_COMPLIANT],
            by_verdict[co.Verdict.UNPARSED],
            by_verdict[co.Verdict.NON_COMPLIANT],
            set(),
        ]


def test_what_a_person_should_see_is_kept_and_the_rest_is_sampled_away(tmp_path: Path) -> None:
    with jaeger(tmp_path, wait="2s", percent=0) as one, contextlib.ExitStack() as stack:
        played = play(TASKS, backend(one.otlp, stack))
        shop = stack.enter_context(service(one.otlp, flag_on="non_compliant"))
        kept = {
            "flagged": shop.answer(FAILED),
            "contradicted": shop.answer(COMPLIED, co.Evidence(finish_reason="length")),
            "unparsed": shop.answer(WITHOUT_RESULT),
            "error": shop.answer(status=trace.StatusCode.ERROR),
        }
        dropped = [shop.answer(COMPLIED), shop.answer()]
        shop.send_metrics()
        # Decided on after all the others.
        time.sleep(1.5)
        last = shop.answer(FAILED)
        eventually(lambda: one.spans(trace_id(last)), lambda spans: len(spans) == 3)

        demo = "confession-otel-demo"
        flagged = {task.trace_id for task in played if task.task.flagged}
        assert len(flagged) == 3
        assert one.search(demo, **{semconv.FLAGGED: "true"}) == one.search(demo, error="true") == flagged
        unparsed = {task.trace_id for task in played if task.task.verdict is co.Verdict.UNPARSED}
        assert one.search(demo) == flagged | unparsed

        assert one.search() == {trace_id(span) for span in (*kept.values(), last)}
        assert one.search(**{semconv.FLAGGED: "true"}) == {trace_id(kept["flagged"]), trace_id(last)}
        assert one.search(**{semconv.CONTRADICTED: "true"}) == {trace_id(kept["contradicted"])}
        assert one.search(error="true") == {trace_id(kept["flagged"]), trace_id(kept["error"]), trace_id(last)}
        assert not any(one.spans(trace_id(span)) for span in dropped)

        # Counted are all, also those that were not kept: by Jaeger from the spans, and by the service itself.
        def calls() -> dict[str, float]:
            counted = series(page(one.metrics), "traces_span_metrics_calls_total")
            ours = [(labels, value) for labels, value in counted if labels["span_name"] == semconv.SPAN]
            return {
                verdict: sum(value for labels, value in ours if labels["confession_verdict"] == verdict)
                for verdict in ("non_compliant", "compliant", "unparsed")
            }

        assert eventually(calls, lambda sums: sums["non_compliant"] == 5) == {
            "non_compliant": 5,
            "compliant": 5,
            "unparsed": 2,
        }
        sent = series(page(one.metrics), "confession_verdicts_total")
        assert sum(value for labels, value in sent if labels["job"] == demo) == sum(
            task.verdict is not None for task in TASKS
        )


def test_a_confession_that_comes_late_keeps_its_trace_or_follows_it_or_is_kept_alone(tmp_path: Path) -> None:
    with jaeger(tmp_path, wait="2s", percent=0) as one, service(one.otlp) as shop:
        asked = shop.answer()
        time.sleep(1)
        # The trace's root has ended and is with Jaeger; nothing in it speaks against the answer yet.
        co.record(FAILED, asked)
        spans = eventually(lambda: one.spans(trace_id(asked)), bool)
        assert set(spans) == {"POST /ask", "chat fish-1", semconv.SPAN}
        assert spans[semconv.SPAN]["parentSpanId"] == spans["chat fish-1"]["spanId"]
        assert one.search(**{semconv.FLAGGED: "true"}) == {trace_id(asked)}

        # After the decision that the trace is kept: it follows, whatever it says.
        failed = shop.answer(status=trace.StatusCode.ERROR)
        eventually(lambda: one.spans(trace_id(failed)), bool)
        co.record(COMPLIED, failed)
        assert len(eventually(lambda: one.spans(trace_id(failed)), lambda spans: len(spans) == 3)) == 3

        # After the decision that it is dropped, and another one after that.
        dropped = shop.answer()
        time.sleep(1.2)
        shop.answer()
        time.sleep(4)
        assert one.spans(trace_id(dropped)) == {}
        co.record(FAILED, dropped)
        alone = eventually(lambda: one.spans(trace_id(dropped)), bool)
        assert set(alone) == {semconv.SPAN}


def test_the_demo_rings_by_the_rules_of_prometheus_and_shows_in_the_monitor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if (program := shutil.which("prometheus")) is None:
        pytest.skip("no prometheus: apt-get install --no-install-recommends prometheus")
    (port,) = free_ports(1)
    prometheus = f"http://127.0.0.1:{port}"
    backend_of_metrics = "yaml:extensions::jaeger_storage::metric_backends::prometheus::prometheus::endpoint: "
    with (
        jaeger(tmp_path, f"{backend_of_metrics}{prometheus}", wait="1s", percent=0) as one,
        contextlib.ExitStack() as stack,
    ):
        shown = urllib.parse.urlsplit(one.metrics).netloc
        for path in (HERE.parent / "prometheus").glob("*.rules.yaml"):
            shutil.copy(path, tmp_path)
        config = (HERE.parent / "prometheus" / "prometheus.yaml").read_text("utf-8")
        # As the README has it, and faster.
        for old, new in {"from-metrics": "from-spans", "127.0.0.1:8889": shown, ": 15s": ": 1s"}.items():
            assert old in config
            config = config.replace(old, new)
        (tmp_path / "prometheus.yaml").write_text(config, encoding="utf-8")
        command = [program, f"--config.file={tmp_path / 'prometheus.yaml'}", f"--web.listen-address=127.0.0.1:{port}"]
        stack.enter_context(
            started([*command, f"--storage.tsdb.path={tmp_path / 'series'}"], ready=f"{prometheus}/-/ready")
        )
        monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.criticality=critical")
        play(TASKS, backend(one.otlp, stack))

        def ringing() -> set[tuple[str, str]]:
            alerts = fetch(f"{prometheus}/api/v1/alerts")["data"]["alerts"]
            return {
                (alert["labels"]["job"], alert["labels"]["gen_ai_request_model"])
                for alert in alerts
                if (alert["labels"]["alertname"], alert["state"]) == ("ConfessedFailure", "firing")
            }

        demo = "confession-otel-demo"
        wanted = {(demo, "scripted-large"), (demo, "scripted-small")}
        assert eventually(ringing, lambda found: found == wanted, seconds=60) == wanted

        def monitored() -> dict[str, list[float]]:
            query = urllib.parse.urlencode(
                {"service": demo, "spanKind": "internal", "groupByOperation": "true"}
                | {"endTs": int(time.time() * 1000), "lookback": 60_000, "step": 5_000, "ratePer": 60_000}
            )
            return {
                next(label["value"] for label in metric["labels"] if label["name"] == "operation"): [
                    point["gaugeValue"]["doubleValue"] for point in metric["metricPoints"]
                ]
                for metric in fetch(f"{one.query}/api/metrics/latencies?quantile=0.5&{query}")["metrics"]
            }

        assert semconv.SPAN in eventually(monitored, lambda found: semconv.SPAN in found)

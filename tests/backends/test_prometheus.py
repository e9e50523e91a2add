"""The rules of `integrations/prometheus`, by Prometheus's own tools and on its servers: a confession rings a webhook.

Needs Debian's packages `prometheus` and `prometheus-alertmanager`, and the collector.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.parse
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from openai import OpenAI
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

import confession_otel as co
from confession_otel.cli.readers import fetch
from confession_otel.testing import ScriptedServer, chat_completion

from .servers import free_ports, running, started

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# The first test that needs the collector may have to build it.
pytestmark = pytest.mark.timeout(2400)

TESTS: Final = Path(__file__).parent.parent
FILES: Final = TESTS.parent / "integrations" / "prometheus"
BIN: Final = Path(sys.executable).parent
COMPLIED: Final = "Nine fish.\n\n## Confession\n\nObjective: a count / Result: complied / Why: nine is one"
FAILED: Final = "Nine fish.\n\n## Confession\n\nObjective: ten words / Result: ✗ did not comply / Why: there are two"


def tool(name: str) -> str:
    """A program of Debian's packages; without it the test is skipped."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name}: apt-get install --no-install-recommends prometheus prometheus-alertmanager")
    return found


@pytest.mark.parametrize(
    "command",
    [
        "promtool check rules --lint-fatal from-metrics.rules.yaml from-spans.rules.yaml alerts.rules.yaml",
        "promtool test rules rules.test.yaml spans.test.yaml",
        "promtool check config prometheus.yaml",
        "amtool check-config alertmanager.yaml",
    ],
)
def test_prometheus_own_tools_are_content(command: str) -> None:
    program, *arguments = command.split()
    done = subprocess.run([tool(program), *arguments], cwd=FILES, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# File, what stands there, what stands there then, and the suite that must see it.
WRONG: Final = """
from-metrics | min_over_time(confession_verdicts_total[5m]) | 0 * min_over_time(confession_verdicts_total[5m]) | rules
from-metrics | last_over_time(confession_verdicts_total[1h] offset 5m) | confession_verdicts_total offset 5m | rules
alerts       | * on (job) group_left () confession:critical_service | | rules
alerts       | and confession:whole:sum1h{what="failed"} >= 20 | | rules
alerts       | lower1h{what="unparsed"} > | lower1h{what="unparsed"} < | rules
alerts       | !~"sampled_out|no_trigger"}[1h:5m] | !="x"}[1h:5m] | rules
alerts       | 0.9604 | 0.8604 | rules
alerts       | confession_contradicted="", | | spans
from-spans   | or calls_total | or calls | spans
from-spans   | span_name="confession", | | spans
"""


@pytest.mark.parametrize("change", WRONG.strip().splitlines())
def test_the_unit_tests_of_the_rules_see_when_one_is_wrong(change: str, tmp_path: Path) -> None:
    file, old, new, suite = (part.strip() for part in re.split(r"(?<= )\|(?= )", change))
    for path in FILES.glob("*.yaml"):
        shutil.copy(path, tmp_path)
    # Where lines are broken is the same to YAML, as these expressions are folded.
    right = tmp_path / f"{file}.rules.yaml"
    text = right.read_text(encoding="utf-8")
    wrong = re.sub(r"\s+".join(map(re.escape, old.split())), lambda _: new, text)
    assert wrong != text
    right.write_text(wrong, encoding="utf-8")
    command = [tool("promtool"), "test", "rules", f"{suite}.test.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout
    assert "FAILED" in done.stdout + done.stderr


class Webhook(ThreadingHTTPServer):
    """What Alertmanager rings: remembers the alerts, by the path they came to."""

    def __init__(self) -> None:
        self.rung: list[tuple[str, dict[str, Any]]] = []
        super().__init__(("127.0.0.1", 0), _Ring)

    def alerts(self, name: str) -> list[tuple[str, dict[str, Any]]]:
        return [(path, alert) for path, alert in list(self.rung) if alert["labels"]["alertname"] == name]


class _Ring(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.rung += [(self.path, alert) for alert in sent["alerts"]]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


@dataclass
class Chain:
    """Collector, Prometheus, Alertmanager and webhook, as the files of the folder say, but faster."""

    otlp: str
    prometheus: str
    webhook: Webhook
    answers: list[str] = field(default_factory=list)

    def value(self, expression: str) -> list[tuple[dict[str, str], float]]:
        query = urllib.parse.urlencode({"query": expression})
        found = fetch(f"{self.prometheus}/api/v1/query?{query}")["data"]["result"]
        return [(one["metric"], float(one["value"][1])) for one in found]


def adapted(name: str, directory: Path, changes: dict[str, str]) -> Path:
    """A file of the folder with this test's addresses; each change must have something to change."""
    text = (FILES / name).read_text(encoding="utf-8")
    for old, new in changes.items():
        assert old in text, f"{name} has no {old!r}"
        text = text.replace(old, new)
    path = directory / name
    path.write_text(text, encoding="utf-8")
    return path


def eventually(ask: Callable[[], Any]) -> Any:
    """The first answer that is not empty, or the last one."""
    deadline = time.monotonic() + 60
    while not (answer := ask()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return answer


@contextmanager
def chain(directory: Path, source: str, *changes: str) -> Iterator[Chain]:
    """Start all of it.

    Args:
        directory: For the files.
        source: The rule file that counts.
        changes: To the collector's configuration.
    """
    grpc, http, shown, prometheus, alertmanager = free_ports(5)
    for path in FILES.glob("*.rules.yaml"):
        shutil.copy(path, directory)
    collector = adapted(
        "collector.yaml",
        directory,
        {"127.0.0.1:4317": f"127.0.0.1:{grpc}", "127.0.0.1:4318": f"127.0.0.1:{http}"}
        | {"127.0.0.1:8889": f"127.0.0.1:{shown}", "interval: 15s": "interval: 200ms"},
    )
    rules = adapted(
        "prometheus.yaml",
        directory,
        {"127.0.0.1:8889": f"127.0.0.1:{shown}", "127.0.0.1:9093": f"127.0.0.1:{alertmanager}"}
        | {"15s": "1s", "- from-metrics.rules.yaml": f"- {source}"},
    )
    with ExitStack() as stack:
        webhook = stack.enter_context(Webhook())
        thread = threading.Thread(target=webhook.serve_forever, args=(0.1,))
        thread.start()
        stack.callback(thread.join)
        stack.callback(webhook.shutdown)
        routes = adapted(
            "alertmanager.yaml",
            directory,
            {"127.0.0.1:5001": f"127.0.0.1:{webhook.server_port}", "group_wait: 10s": "group_wait: 1s"},
        )
        stack.enter_context(
            running(
                "otelcol",
                collector,
                "yaml:service::telemetry::metrics::level: none",
                *changes,
                ready=f"http://127.0.0.1:{shown}/metrics",
            )
        )
        stack.enter_context(
            started(
                [
                    tool("prometheus-alertmanager"),
                    f"--config.file={routes}",
                    f"--storage.path={directory / 'alertmanager'}",
                    f"--web.listen-address=127.0.0.1:{alertmanager}",
                    "--cluster.listen-address=",
                ],
                ready=f"http://127.0.0.1:{alertmanager}/-/ready",
            )
        )
        stack.enter_context(
            started(
                [
                    tool("prometheus"),
                    f"--config.file={rules}",
                    f"--storage.tsdb.path={directory / 'prometheus'}",
                    f"--web.listen-address=127.0.0.1:{prometheus}",
                ],
                ready=f"http://127.0.0.1:{prometheus}/-/ready",
            )
        )
        yield Chain(f"http://127.0.0.1:{http}", f"http://127.0.0.1:{prometheus}", webhook)


@contextmanager
def service(otlp: str, *, metrics: bool, spans: bool) -> Iterator[Callable[[str, str], None]]:
    """A critical service of one model, observed; what is given has a model say that to an app."""
    resource = Resource({"service.name": "till", "service.instance.id": "till-1", "service.criticality": "critical"})
    tracer_provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    if spans:
        tracer_provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"{otlp}/v1/traces")))
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{otlp}/v1/metrics"), export_interval_millis=300)
    meter_provider = MeterProvider([reader] if metrics else [], resource=resource, shutdown_on_exit=False)
    co.instrument(tracer_provider=tracer_provider, meter_provider=meter_provider)
    said: list[dict[str, object]] = []
    with (
        ScriptedServer(lambda request: said.pop()) as model,
        OpenAI(base_url=model.base_url, api_key="none", max_retries=0) as client,
    ):

        def say(text: str, name: str) -> None:
            said.append(chat_completion(text, model=name))
            client.chat.completions.create(model=name, messages=[{"role": "user", "content": "Ten words on fish."}])

        yield say
    co.uninstrument()
    if not metrics:
        reader.shutdown()
    meter_provider.shutdown()
    tracer_provider.shutdown()


@pytest.mark.parametrize(
    ("source", "changes"),
    [
        ("from-metrics.rules.yaml", ()),
        ("from-spans.rules.yaml", ()),
        # The counter's older name.
        ("from-spans.rules.yaml", ('yaml:connectors::spanmetrics::namespace: ""',)),
    ],
    ids=["metrics", "spans", "spans-older-name"],
)
def test_the_first_flagged_answer_of_a_critical_service_rings(
    source: str, changes: tuple[str, ...], tmp_path: Path
) -> None:
    by_spans = source == "from-spans.rules.yaml"
    with chain(tmp_path, source, *changes) as the, service(the.otlp, metrics=not by_spans, spans=by_spans) as say:
        say(COMPLIED, "fish-1")
        counted = 'confession:verdicts:increase5m{confession_verdict="compliant"} > 0'
        ((labels, value),) = eventually(lambda: the.value(counted))
        assert (labels["job"], labels["gen_ai_request_model"], labels["confession_flagged"]) == (
            "till",
            "fish-1",
            "false",
        )
        assert value == 1
        assert eventually(lambda: the.value("confession:critical_service")) == [
            ({"__name__": "confession:critical_service", "job": "till"}, 1.0)
        ]
        assert the.value("ALERTS") == []

        say(FAILED, "fish-1")
        rung = eventually(lambda: the.webhook.alerts("ConfessedFailure"))
        ((path, alert),) = rung
        assert (path, alert["status"]) == ("/page", "firing")
        assert alert["labels"] == {
            "alertname": "ConfessedFailure",
            "severity": "page",
            "job": "till",
            "gen_ai_request_model": "fish-1",
            "confession_verdict": "non_compliant",
        }
        assert alert["annotations"]["summary"] == "till: an answer of fish-1 is flagged (non_compliant)"
        assert [labels["alertname"] for labels, _ in the.value("ALERTS")] == ["ConfessedFailure"]
        if by_spans:
            name = "calls_total" if changes else "traces_span_metrics_calls_total"
            assert {labels["__name__"] for labels, _ in the.value('{__name__=~".*calls_total"}')} == {name}
        else:
            assert the.value('sum by (confession_status) (confession_answers_total{job="till"})') == [
                ({"confession_status": "confessed"}, 2.0)
            ]


def test_what_the_readme_says_rings_within_half_a_minute(tmp_path: Path) -> None:
    readme = (FILES / "README.md").read_text(encoding="utf-8")
    commands = re.sub(r"^\$ (pip install .*|)", "", readme.split("## 2.")[1].split("```")[1], flags=re.MULTILINE)
    script = commands.removeprefix("console").replace("opentelemetry-instrument", f"{BIN}/opentelemetry-instrument")
    assert script.count("http://127.0.0.1:4318") == 1
    with chain(tmp_path, "from-metrics.rules.yaml") as the:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
        environ["PATH"] = f"{BIN}{os.pathsep}{environ['PATH']}"
        subprocess.run(["bash", "-euc", script.replace("http://127.0.0.1:4318", the.otlp)], env=environ, check=True)
        ((path, alert),) = eventually(lambda: the.webhook.alerts("ConfessedFailure"))
    assert (path, alert["labels"]["job"]) == ("/page", "till")


def test_a_service_that_is_scraped_itself_rings_by_the_same_rules(tmp_path: Path) -> None:
    packages = ("confession-otel[otlp]", "opentelemetry-exporter-prometheus==0.66b2", "prometheus-client==0.26.0")
    made = subprocess.run(
        [sys.executable, TESTS / "environment.py", "prometheus-exporter", "-", *packages],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    python = made.stdout.strip()
    shown, port, nobody = free_ports(3)
    for path in FILES.glob("*.rules.yaml"):
        shutil.copy(path, tmp_path)
    config = adapted(
        "prometheus.yaml",
        tmp_path,
        {"127.0.0.1:8889": f"127.0.0.1:{shown}", "127.0.0.1:9093": f"127.0.0.1:{nobody}"}
        | {"15s": "1s", "job_name: collector": "job_name: till"},
    )
    prometheus = [
        tool("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (
        started(prometheus, ready=f"http://127.0.0.1:{port}/-/ready"),
        subprocess.Popen(
            [python, FILES / "scraped.py", str(shown)],
            stdin=subprocess.PIPE,
            text=True,
            env={**os.environ, "OTEL_RESOURCE_ATTRIBUTES": "service.name=till,service.criticality=critical"},
        ) as app,
    ):
        assert app.stdin is not None
        app.stdin.write("Objective: ten words / Result: did not comply / Why: there are two\n")
        app.stdin.flush()
        query = urllib.parse.urlencode({"query": 'ALERTS{alertname="ConfessedFailure"}'})
        rung = eventually(lambda: fetch(f"http://127.0.0.1:{port}/api/v1/query?{query}")["data"]["result"])
        app.stdin.close()
    assert app.returncode == 0
    ((labels, verdict),) = [(one["metric"]["job"], one["metric"]["confession_verdict"]) for one in rung]
    assert (labels, verdict) == ("till", "non_compliant")

"""Dashboard and alert rules of Grafana: up to date, and each of their queries asked of a real Prometheus with data.

Needs Debian's package `prometheus`. Grafana itself is not run; its own SDK makes the files.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml  # type: ignore[import-untyped]

from confession_otel.cli.alerts import grafana
from confession_otel.cli.readers import fetch

from .servers import free_ports, started

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(600)

TESTS: Final = Path(__file__).parent.parent
FILES: Final = TESTS.parent / "integrations" / "grafana"
DASHBOARD: Final[dict[str, Any]] = json.loads((FILES / "dashboard.json").read_text(encoding="utf-8"))
RULES: Final[list[dict[str, Any]]] = [
    rule for group in yaml.safe_load(grafana("prom", "tempo"))["groups"] for rule in group["rules"]
]
GRAFANA: Final = {
    "$__range": "1h",
    "$__interval": "2m",
    "$__rate_interval": "5m",
    "$window": "1h",
    "$job": ".*",
    "$model": ".*",
    "$price_in": "2",
    "$price_out": "8",
}
"""What Grafana puts in the place of its variables."""


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for panel in DASHBOARD["panels"]:
        found += [panel, *panel.get("panels", [])]
    return [panel for panel in found if panel["type"] != "row"]


def queries(kind: str) -> list[tuple[str, dict[str, Any]]]:
    """Title of the panel, and query, of those that ask a kind of data source."""
    return [
        (panel["title"], target)
        for panel in panels()
        for target in panel["targets"]
        if target["datasource"]["type"] == kind
    ]


def series(now: int) -> list[tuple[str, dict[str, str], list[tuple[int, float]]]]:
    """Metric, labels and values of a bad hour after a good day (`till`), and of a day like any other (`calm`)."""
    times = range(now - 26 * 3600, now + 1, 60)
    bad = now - 3600

    def counter(before: float, after: float) -> list[tuple[int, float]]:
        return [(t, (min(t, bad) - times[0]) / 60 * before + max(0, t - bad) / 60 * after) for t in times]

    def rows(job: str, change: float) -> list[tuple[str, dict[str, str], list[tuple[int, float]]]]:
        model = {"job": job, "gen_ai_request_model": "fish-1"}
        verdict = {**model, "confession_source": "ask"}
        return [
            *(
                (
                    "confession_verdicts_total",
                    {**verdict, "confession_verdict": name, "confession_flagged": flag},
                    points,
                )
                for name, flag, points in (
                    ("compliant", "false", counter(9, 9 - 5 * change)),
                    ("non_compliant", "true", counter(1, 1 + 5 * change)),
                    ("unparsed", "false", counter(0.1, 0.1 + 5 * change)),
                )
            ),
            *(
                ("confession_answers_total", {"job": job, "confession_status": status} | reason, points)
                for status, reason, points in (
                    ("confessed", {}, counter(10, 10 - 5 * change)),
                    ("absent", {}, counter(1, 1 + 4 * change)),
                    ("failed", {"confession_reason": "APITimeoutError"}, counter(0.1, 0.1 + 4 * change)),
                    ("not_asked", {"confession_reason": "queue_full"}, counter(0.1, 0.1 + 4 * change)),
                    ("not_asked", {"confession_reason": "sampled_out"}, counter(5, 5 + 500 * change)),
                )
            ),
            ("confession_asking_tokens_total", {**model, "gen_ai_token_type": "input"}, counter(1000, 1000)),
            ("confession_asking_tokens_total", {**model, "gen_ai_token_type": "output"}, counter(100, 100)),
            *(
                ("confession_asking_duration_seconds_bucket", {**model, "le": bound}, counter(share * 10, share * 10))
                for bound, share in (("1", 0.2), ("2.5", 0.8), ("5", 0.99), ("+Inf", 1))
            ),
            (
                "confession_asking_duration_seconds_count",
                {**model, "error_type": "APITimeoutError"},
                counter(0.1, 0.1 + 4 * change),
            ),
            ("target_info", {"job": job, "service_criticality": "critical"}, [(t, 1.0) for t in times]),
        ]

    # Counters that begin at 1 three minutes ago.
    fresh = [(t, 1.0) for t in times if t >= now - 180]
    contradicted = {"job": "till", "confession_verdict": "compliant", "confession_flagged": "true"}
    return [
        *rows("till", 1),
        *rows("calm", 0),
        ("confession_verdicts_total", {**contradicted, "gen_ai_request_model": "fish-2"}, fresh),
        ("confession_dropped_total", {"job": "till", "confession_reason": "internal_error"}, fresh),
    ]


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A real one with a day of data; what is given asks it."""
    server, promtool = shutil.which("prometheus"), shutil.which("promtool")
    if server is None or promtool is None:
        pytest.skip("no prometheus: apt-get install --no-install-recommends prometheus")
    directory = tmp_path_factory.mktemp("prometheus")
    now = int(time.time()) // 60 * 60
    lines = []
    for name, labels, points in series(now):
        written = ",".join(f'{key}="{value}"' for key, value in labels.items())
        lines += [f"{name}{{{written}}} {value} {at}" for at, value in points]
    (directory / "data.txt").write_text("\n".join([*lines, "# EOF", ""]), encoding="utf-8")
    subprocess.run(
        [promtool, "tsdb", "create-blocks-from", "openmetrics", directory / "data.txt", directory / "data"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    (directory / "prometheus.yaml").write_text("global: {}\n", encoding="utf-8")
    (port,) = free_ports(1)
    command = [
        server,
        f"--config.file={directory / 'prometheus.yaml'}",
        f"--storage.tsdb.path={directory / 'data'}",
        "--storage.tsdb.retention.time=10d",
        f"--web.listen-address=127.0.0.1:{port}",
    ]

    def ask(expression: str) -> list[dict[str, Any]]:
        query = urllib.parse.urlencode({"query": expression, "time": now})
        found = fetch(f"http://127.0.0.1:{port}/api/v1/query?{query}")
        assert found["status"] == "success", found
        result: list[dict[str, Any]] = found["data"]["result"]
        return result

    with started(command, ready=f"http://127.0.0.1:{port}/-/ready"):
        yield ask


def test_the_files_are_what_their_generator_makes() -> None:
    made = subprocess.run(
        [sys.executable, TESTS / "environment.py", "grafana", "-", "grafana-foundation-sdk==0.0.21", "pyyaml==6.0.3"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    done = subprocess.run(
        [made.stdout.strip(), FILES / "generate.py", "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def with_values(expression: str) -> str:
    for name in sorted(GRAFANA, key=len, reverse=True):
        expression = expression.replace(name, GRAFANA[name])
    assert "$" not in expression
    return expression


@pytest.mark.parametrize(
    ("title", "target"), queries("prometheus"), ids=lambda one: one if isinstance(one, str) else ""
)
def test_every_query_of_a_panel_finds_data(title: str, target: dict[str, Any], prometheus: Any) -> None:
    found = prometheus(with_values(target["expr"]))
    assert found
    named = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
    assert all(named <= {*one["metric"], "confession_reason"} for one in found)
    assert not any(one["value"][1] == "NaN" for one in found)


def wilson(part: int, whole: int) -> tuple[float, float]:
    """Edwin B. Wilson's interval for a share, at z = 1.96 (JASA 22, 1927)."""
    share, z = part / whole, 1.96
    middle = (share + z * z / (2 * whole)) / (1 + z * z / whole)
    half = z / (1 + z * z / whole) * math.sqrt(share * (1 - share) / whole + z * z / (4 * whole * whole))
    return middle - half, middle + half


def figure(title: str, prometheus: Any) -> list[float]:
    return [
        round(float(prometheus(with_values(target["expr"]))[0]["value"][1]), 3)
        for found, target in queries("prometheus")
        if found == title
    ]


def test_the_figures_are_right(prometheus: Any) -> None:
    """Both jobs in the last hour: read 10 a minute each, of these failed 6 and 1; and the one contradicted."""
    failed, read = 60 * (6 + 1), 60 * (10 + 10) + 1
    low, share, high = sorted(figure("Self-reported failures", prometheus))
    assert share == pytest.approx(failed / read, abs=0.001)
    assert (low, high) == pytest.approx(wilson(failed, read), abs=0.001)
    assert figure("Flagged answers", prometheus) == [failed + 1]
    assert figure("Coverage", prometheus) == [pytest.approx(15 / (15 + 6 + 4.2 + 4.2), abs=0.001)]
    assert figure("Unparsed", prometheus) == [pytest.approx(60 * 5.2 / (60 * 5.2 + read), abs=0.001)]
    assert figure("Cost of asking", prometheus) == [pytest.approx((2 * 60 * 1000 * 2 + 2 * 60 * 100 * 8) / 1e6)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["uid"]))
def test_every_alert_rings_for_the_bad_hour_alone(rule: dict[str, Any], prometheus: Any) -> None:
    asked, threshold = (one["model"] for one in rule["data"])
    (condition,) = threshold["conditions"]
    (bound,) = condition["evaluator"]["params"]
    assert (condition["evaluator"]["type"], threshold["expression"], asked["instant"]) == ("gt", "A", True)
    found = prometheus(asked["expr"])
    ringing = {one["metric"]["job"] for one in found if float(one["value"][1]) > bound}
    # Of a critical service each flagged answer is to ring, in a usual hour too.
    assert ringing == ({"till", "calm"} if rule["uid"] == "confession-otel-flagged" else {"till"})
    named = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    assert all(named <= set(one["metric"]) for one in found)


def test_data_sources_are_variables() -> None:
    variables = {one["name"]: one["type"] for one in DASHBOARD["templating"]["list"]}
    assert (variables["prometheus"], variables["tempo"]) == ("datasource", "datasource")
    named = re.findall(r'"uid": ?"([^"]*)"', json.dumps(DASHBOARD))
    assert set(named) == {"${prometheus}", "${tempo}", "confession-otel"}


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    every = panels() + [panel for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    assert len({panel["id"] for panel in every}) == len(every)
    taken: set[tuple[int, int]] = set()
    for panel in every:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


def test_links_to_traces_are_addresses_that_hold_a_query() -> None:
    links = {link["url"] for panel in panels() for link in panel.get("links", [])}
    (link,) = links | {one["url"] for one in DASHBOARD["links"]}
    panes = json.loads(urllib.parse.parse_qs(urllib.parse.urlsplit(link).query)["panes"][0])
    (pane,) = panes.values()
    assert pane["datasource"] == "${tempo}"
    assert pane["queries"][0]["query"].startswith('{ name = "confession" && ')

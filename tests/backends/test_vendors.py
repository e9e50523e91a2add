"""Vendors whom nobody can install: what their own code sends is what our queries and files for them ask for."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from confession_otel import semconv

if TYPE_CHECKING:
    from collections.abc import Iterator

# Their packages are installed first.
pytestmark = pytest.mark.timeout(600)

HERE: Final = Path(__file__).parent
INTEGRATIONS: Final = HERE.parents[1] / "integrations"
AZURE: Final = INTEGRATIONS / "azure_monitor"
DATADOG: Final = INTEGRATIONS / "datadog"


@pytest.fixture(scope="module")
def python() -> Path:
    """The interpreter of an environment that has their packages."""
    made = subprocess.run(
        [
            *(sys.executable, HERE.parent / "environment.py", "vendors", HERE / "pins-vendors.txt", "confession-otel"),
            *(HERE / "pins-vendors.in").read_text(encoding="utf-8").split(),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    return Path(made.stdout.strip())


@contextlib.contextmanager
def receiving(answer: object) -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    """A server on loopback: its URL, and path and JSON of each request it got."""
    got: list[tuple[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            got.append((self.path, json.loads(body)))
            written = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(written)))
            self.end_headers()
            self.wfile.write(written)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's word
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", got
        finally:
            server.shutdown()
            thread.join()


def run(python: Path, *arguments: str | Path) -> None:
    others = ("OTEL_", "DD_", "LANGFUSE_", "CONFESSION_OTEL_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    # Azure's exporter has statistics of its own, which go to Microsoft: nothing is to leave the machine.
    quiet = {"APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true", "NO_PROXY": "*"}
    command = [python, HERE / "vendors.py", *arguments]
    done = subprocess.run(command, env={**kept, **quiet}, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_azure_monitor_gets_what_its_queries_ask_for(python: Path) -> None:
    with receiving({"itemsReceived": 1, "itemsAccepted": 1, "errors": []}) as (url, got):
        run(python, "azure", url)
    rows = [row["data"] | {"tags": row["tags"]} for path, batch in got if path.endswith("/track") for row in batch]
    spans = {row["baseData"]["name"]: row for row in rows if row["baseType"] == "RemoteDependencyData"}
    assert set(spans) == {"confession", "chat fish-1"}
    confession = spans["confession"]["baseData"]
    assert (confession["type"], confession["success"]) == ("InProc", False)
    assert spans["confession"]["tags"]["ai.cloud.role"] == "shop"
    assert spans["confession"]["tags"]["ai.operation.parentId"] == spans["chat fish-1"]["baseData"]["id"]

    flagged = (AZURE / "flagged.kql").read_text(encoding="utf-8")
    by_model = (AZURE / "failures-by-model.kql").read_text(encoding="utf-8")
    named = set(re.findall(r'customDimensions\["([\w.]+)"\]', flagged + by_model))
    assert named
    assert named <= set(confession["properties"])
    # As a word, and not as it is written elsewhere: hence `=~` in the query.
    assert confession["properties"][semconv.FLAGGED] == "True"
    assert f'{semconv.FLAGGED}"]) =~ "true"' in flagged

    (event,) = (row["baseData"] for row in rows if row["baseType"] == "MessageData")
    assert (event["message"], event["severityLevel"]) == ("self-reported: non_compliant", 2)


def test_azures_alert_is_over_the_query_for_people() -> None:
    template = json.loads((AZURE / "alert.json").read_text(encoding="utf-8"))
    (rule,) = template["resources"]
    (criterion,) = rule["properties"]["criteria"]["allOf"]
    assert criterion["query"] == (AZURE / "flagged.kql").read_text(encoding="utf-8")
    used = set(re.findall(r"parameters\('(\w+)'\)", json.dumps(template["resources"])))
    assert used == set(template["parameters"])
    for dimension in criterion["dimensions"]:
        assert dimension["name"] in criterion["query"]


def test_our_scores_are_what_langfuses_own_client_sends(python: Path) -> None:
    with receiving({}) as (url, got):
        run(python, "langfuse", url)
    ours, theirs = [body for path, body in got if path == "/api/public/scores"]

    def compared(scores: Any) -> Any:
        # Each has a time of its own, and theirs an environment, where none is set `default`.
        return [{k: v for k, v in score.items() if k not in ("timestamp", "environment")} for score in scores]

    assert len(ours) == 2
    assert compared(ours) == compared(theirs)
    assert all(score["timestamp"] for score in (*ours, *theirs))


def test_datadogs_client_takes_the_monitors(python: Path) -> None:
    files = sorted(DATADOG.glob("*.json"))
    monitors = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    with receiving({"id": 1, **monitors[0]}) as (url, got):
        run(python, "datadog", url, *files)
    assert [path for path, _ in got] == ["/api/v1/monitor"] * 2
    assert [body for _, body in got] == monitors
    for monitor in monitors:
        (threshold,) = re.findall(r'\.last\("\d+m"\) > (\d+)$', monitor["query"])
        assert monitor["options"]["thresholds"]["critical"] == int(threshold)

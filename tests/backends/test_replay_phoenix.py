"""An archive replayed twice into real backends: as many spans as after the first time, at the times of then."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from confession_otel.cli.demo import phoenix
from confession_otel.cli.readers import JaegerReader, PhoenixReader, fetch
from confession_otel.replaying import read_line

from .servers import free_ports, running
from .traffic import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from confession_otel.cli.readers import Reader

# The first test that needs a server may have to install or build it.
pytestmark = pytest.mark.timeout(2400)

FAILED = "Fish swim.\n\n## Confession\n\nObjective: ten words / Result: ✗ did not comply / Why: there are two"
COMPLIED = "Fish swim.\n\n## Confession\n\nObjective: name a fish / Result: ✓ complied / Why: named"
PROJECT = "archive"
COUNT = 60
SPANS = COUNT * 5 // 3
TIME = 1_767_225_600
"""2026-01-01T00:00:00Z."""


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """One answer in three confesses a failure, one that all is well, one nothing: five spans for three."""
    texts = (FAILED, COMPLIED, "Fish swim.")
    lines = [json.dumps({"id": f"a{n}", "time": TIME + n, "model": "m", "output": texts[n % 3]}) for n in range(COUNT)]
    path = tmp_path / "archive.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return path


def trace_ids(archive: Path) -> list[str]:
    text = archive.read_bytes()
    lines = (gzip.decompress(text) if archive.suffix == ".gz" else text).splitlines()
    return [f"{one.trace_id:032x}" for line in lines for one in read_line(line).calls]


def replay(archive: Path, endpoint: str, *arguments: str, lines: int = COUNT, spans: int = SPANS) -> None:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "CONFESSION_OTEL_"))}
    sent = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_SERVICE_NAME": PROJECT,
        "OTEL_RESOURCE_ATTRIBUTES": f"openinference.project.name={PROJECT}",
        "NO_PROXY": "127.0.0.1",
    }
    command = [sys.executable, "-m", "confession_otel.cli", "replay", str(archive), "--no-events", *arguments]
    done = subprocess.run(command, env={**kept, **sent}, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    said = f"{lines} line{'s' * (lines != 1)}, {spans} span{'s' * (spans != 1)}\n"
    assert said in done.stderr


def twice(archive: Path, endpoint: str, read: Reader) -> None:
    """Replay, look, replay, look again."""
    ids = trace_ids(archive)
    replay(archive, endpoint)
    first = eventually(lambda: read(ids), lambda spans: len(spans) == SPANS)
    assert sum(span.attributes.get("confession.flagged") is True for span in first if span.parent_id) == COUNT // 3
    replay(archive, endpoint, "--jobs", "2")
    # One more answer, sent last, says that all before it has come.
    last = archive.with_name("last.jsonl")
    last.write_text(json.dumps({"id": "last", "time": TIME, "output": "The end."}), encoding="utf-8")
    replay(last, endpoint, lines=1, spans=1)
    eventually(lambda: read(trace_ids(last)), bool)
    again = read(ids)
    assert {(span.trace_id, span.span_id) for span in again} == {(span.trace_id, span.span_id) for span in first}
    assert len({(span.trace_id, span.span_id) for span in again}) == SPANS


@pytest.fixture
def phoenix_url() -> Iterator[str]:
    with phoenix.serving(phoenix.cached_environment() or phoenix.make_environment()) as url:
        yield url


def test_phoenix_has_as_many_spans_after_the_second_time(archive: Path, phoenix_url: str) -> None:
    read = PhoenixReader(phoenix_url, PROJECT)
    twice(archive, phoenix_url, read)
    spans = fetch(f"{phoenix_url}/v1/projects/{PROJECT}/spans?limit=1000")["data"]
    assert len(spans) == SPANS + 1
    assert {span["start_time"][:10] for span in spans} == {"2026-01-01"}


def test_jaeger_has_the_same_spans_after_the_second_time(archive: Path) -> None:
    otlp, query = free_ports(2)
    config = (
        f"yaml:receivers::otlp::protocols::http::endpoint: 127.0.0.1:{otlp}",
        "yaml:extensions::jaeger_storage::backends::memory::memory::max_traces: 1000",
        f"yaml:extensions::jaeger_query::http::endpoint: 127.0.0.1:{query}",
        "yaml:extensions::jaeger_query::grpc::endpoint: 127.0.0.1:0",
        "yaml:extensions::jaeger_query::storage::traces: memory",
        "yaml:exporters::jaeger_storage_exporter::trace_storage: memory",
        "yaml:service::extensions: [jaeger_storage, jaeger_query]",
        "yaml:service::telemetry::metrics::level: none",
        "yaml:service::pipelines::traces: {receivers: [otlp], exporters: [jaeger_storage_exporter]}",
    )
    url = f"http://127.0.0.1:{query}"
    with running("jaeger", *config, ready=f"{url}/api/services"):
        twice(archive, f"http://127.0.0.1:{otlp}", JaegerReader(url))

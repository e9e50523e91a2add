"""`confession-otel doctor --send` at real backends: the test confession is found again, or said to be lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from confession_otel import semconv
from confession_otel.cli.readers import fetch

from .test_jaeger import jaeger

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Phoenix

# The first test that needs a server may have to build or install it.
pytestmark = pytest.mark.timeout(2400)


def look(*arguments: str, **variables: str) -> tuple[int, dict[str, Any]]:
    """The doctor's exit code, and what it said."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "CONFESSION_OTEL_"))}
    done = subprocess.run(
        [sys.executable, "-m", "confession_otel.cli", "doctor", "--send", "--json", *arguments],
        capture_output=True,
        encoding="utf-8",
        env={**kept, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", **variables},
        timeout=120,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def of(area: str, said: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["level"], one["what"]) for one in said["findings"] if one["area"] == area]


def test_jaeger_behind_its_tail_sampling_keeps_the_test_and_shows_it(tmp_path: Path) -> None:
    with jaeger(tmp_path, wait="1s", percent=0) as one:
        code, said = look("--query-url", one.query, OTEL_EXPORTER_OTLP_ENDPOINT=one.otlp, OTEL_SERVICE_NAME="shop")
        assert [level for level, _ in of("sent", said)] == ["ok", "ok"], said
        assert code == 0
        (_, took), (_, has) = of("sent", said)
        (kept,) = one.search("shop", **{semconv.TEST: "true"})
        assert kept in took
        assert has.startswith(f"Jaeger at {one.query} has it, with verdict and flag: ")
        assert has.endswith(kept)

        # With nothing flagged this Jaeger drops the trace, and the doctor sees that it did.
        code, said = look(
            *("--query-url", one.query, "--wait", "5"),
            OTEL_EXPORTER_OTLP_ENDPOINT=one.otlp,
            CONFESSION_OTEL_FLAG_ON="unsure",
            CONFESSION_OTEL_ERROR_STATUS="false",
        )
        assert [level for level, _ in of("sent", said)] == ["ok", "problem"], said
        assert code == 1


def test_phoenix_is_recognised_at_the_endpoint_itself_and_shows_the_test(phoenix: Phoenix) -> None:
    url = phoenix.url
    code, said = look(
        OTEL_EXPORTER_OTLP_ENDPOINT=url, OTEL_RESOURCE_ATTRIBUTES="openinference.project.name=tests of ours"
    )
    assert [level for level, _ in of("sent", said)] == ["ok", "ok"], said
    assert code == 0
    # Phoenix takes traces only, and that is said.
    assert [level for level, _ in of("endpoint", said)] == ["ok", "warning", "warning"]
    spans = fetch(f"{url}/v1/projects/tests%20of%20ours/spans?limit=10")["data"]
    assert {span["name"]: span["attributes"][semconv.TEST] for span in spans} == {
        "confession-otel doctor": True,
        "confession": True,
    }

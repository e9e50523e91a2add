"""The Terraform of `integrations/honeycomb`, by the schema of the real provider; and the columns that it asks for.

Needs Terraform, and Go for the provider that knows the schema. Where `CONFESSION_OTEL_HONEYCOMB_PROVIDER` names the
directory of the real one, that is asked instead, and plans as well, which checks the values too.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from confession_otel import semconv

from .servers import free_ports, needed, running
from .test_servers import COLLECTOR, spans_of

pytestmark = pytest.mark.timeout(2400)

FILES: Final = Path(__file__).parent.parent.parent / "integrations" / "honeycomb"
PROVIDER: Final = "honeycombio/honeycombio"
REAL: Final = os.environ.get("CONFESSION_OTEL_HONEYCOMB_PROVIDER")
HONEYCOMB: Final = {"name", "duration_ms", "trace.trace_id", "service.name"}
"""Columns that every span has."""


def terraform(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("terraform") or shutil.which("tofu")
    if program is None:
        pytest.skip(
            "no terraform or tofu (https://developer.hashicorp.com/terraform/install, https://opentofu.org/docs/intro/install/)"
        )
    # Nothing of the user's, and nothing from the network.
    settings = directory / "settings.tfrc"
    provider = REAL or needed("terraform-provider-honeycombio").parent
    settings.write_text(
        f'provider_installation {{\n  dev_overrides {{ "{PROVIDER}" = "{provider}" }}\n  direct {{}}\n}}\n',
        encoding="utf-8",
    )
    return subprocess.run(
        [program, *arguments],
        cwd=directory,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith(("TF_", "HONEYCOMB"))},
            "TF_CLI_CONFIG_FILE": str(settings),
            "CHECKPOINT_DISABLE": "1",
            "HONEYCOMB_API_KEY": "none",
            "HONEYCOMB_API_ENDPOINT": "http://127.0.0.1:9",
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A copy: Terraform writes beside what it reads."""
    for path in FILES.glob("*.tf"):
        shutil.copy(path, tmp_path)
    return tmp_path


def test_terraform_finds_it_valid_and_well_formatted(files: Path) -> None:
    formatted = terraform(files, "fmt", "-check", "-diff")
    assert formatted.returncode == 0, formatted.stdout
    valid = terraform(files, "validate", "-json")
    report = json.loads(valid.stdout)
    assert (report["valid"], report["error_count"]) == (True, 0), valid.stdout

    if REAL:
        given = (
            'datasets=["till"]',
            'critical_services=["till", "shop"]',
            'recipients=[{type="email", target="a@example.com"}, {type="pagerduty"}]',
        )
        plan = terraform(files, "plan", *(f"-var={one}" for one in given))
        assert plan.returncode == 0, plan.stderr
        # Each query is known when planned, so that the provider has checked it.
        assert plan.stdout.count("query_json = jsonencode(") >= 6
        assert re.search(r"query_json +\+? *= \(known after apply\)", plan.stdout) is None


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        ("triggers.tf", "frequency   = 60", "frequenzy   = 60", "Unsupported argument"),
        ("triggers.tf", "frequency   = 60", 'frequency   = "often"', "Incorrect attribute value type"),
        ("triggers.tf", "  threshold {", "  treshold {", "Unsupported block type"),
        ("triggers.tf", "calculate_op", "calculation_op", "Missing required argument"),
        ("slo.tf", "target_percentage =", "target_per_million =", "Missing required argument"),
        ("slo.tf", "budget_rate_window_minutes  ", "budget_window_minutes       ", "Unsupported argument"),
        ("slo.tf", "column.sli.alias", "column.slo.alias", "Reference to undeclared"),
        ("board.tf", "slo_panel {", "slo_panels {", "Unsupported block type"),
        ("columns.tf", "EXISTS($confession.verdict), NOT(", "EXISTS($confession.verdict) NOT(", "column syntax"),
        ("columns.tf", "IF(EQUALS", "WENN(EQUALS", "column syntax"),
    ],
)  # fmt: skip
def test_terraform_finds_what_is_wrong(file: str, old: str, new: str, complaint: str, files: Path) -> None:
    text = (files / file).read_text(encoding="utf-8")
    assert old in text
    (files / file).write_text(text.replace(old, new), encoding="utf-8")
    report = json.loads(terraform(files, "validate", "-json").stdout)
    assert report["valid"] is False
    said = [f"{one['summary']} {one['detail']}" for one in report["diagnostics"] if one["severity"] == "error"]
    assert any(re.search(complaint, line) for line in said), said


def columns() -> set[str]:
    """Columns that triggers, board, derived columns and queries as text name."""
    terraformed = "\n".join(path.read_text(encoding="utf-8") for path in FILES.glob("*.tf"))
    breakdowns = "".join(re.findall(r"breakdowns *= \[(.*?)\]", terraformed))
    found = {
        *re.findall(r'column *= "([^"]+)"', terraformed),
        *re.findall(r'"([^"]+)"', breakdowns),
        *re.findall(r"\$([a-z_.]+[a-z])", terraformed),
    }
    # What `$` marks in a formula over calculations is their names.
    calculations = set(re.findall(r'name = "(confessions|calls)"', terraformed))
    text = (FILES / "queries.md").read_text(encoding="utf-8")
    written = set(re.findall(r"[`(]((?:confession|gen_ai|service|trace|error)\.[a-z_.]+[a-z])", text))
    return (found | written) - calculations - {semconv.EVENT}


def test_the_first_confessions_make_every_column_that_is_asked_for(tmp_path: Path) -> None:
    file, config = tmp_path / "spans", tmp_path / "collector.yaml"
    config.write_text(COLLECTOR, encoding="utf-8")
    otlp, health = free_ports(2)
    environ = {"OTLP": otlp, "HEALTH": health, "FILE": file}
    with running("otelcol", config, ready=f"http://127.0.0.1:{health}", environ=environ):
        done = subprocess.run(
            [sys.executable, FILES / "first_confessions.py"],
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("OTEL_")},
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{otlp}",
                "OTEL_SERVICE_NAME": "confession-test",
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    # The collector has ended, and written all it held.
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "sent: complies, fails, is cut off, cannot be read, cannot be asked\n"
    spans = [span for line in file.read_text(encoding="utf-8").splitlines() for span in spans_of(json.loads(line))]
    confessions = [
        {one["key"]: next(iter(one["value"].values())) for one in span["attributes"]}
        for span in spans
        if span["name"] == semconv.SPAN
    ]
    sent = {one["key"] for span in spans for one in span["attributes"]}
    asked_for = columns()
    assert {semconv.FLAGGED, semconv.VERDICT, semconv.WHY, semconv.ASKING_INPUT_TOKENS} <= asked_for
    assert asked_for - sent - HONEYCOMB == set()
    # What each trigger is about is there: it can ring.
    assert sum(one.get(semconv.FLAGGED, False) for one in confessions) == 2
    assert sum(one.get(semconv.CONTRADICTED, False) for one in confessions) == 1
    assert sorted(str(one.get(semconv.VERDICT)) for one in confessions) == [
        "None", "compliant", "compliant", "non_compliant", "unparsed",
    ]  # fmt: skip
    # One link each, and so two events.
    assert [len(span.get("links", [])) for span in spans if span["name"] == semconv.SPAN] == [1] * 5

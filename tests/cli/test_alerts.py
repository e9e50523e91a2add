"""`confession-otel alerts export`: a file that needs no editing."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from confession_otel.cli.alerts import grafana


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "confession_otel.cli", "alerts", "export", *arguments],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def rules(text: str) -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]


@pytest.mark.parametrize("uid", ["P1809F7CD0C75ACF3", "prom_1-a", "12", "1e3", "null"])
def test_every_query_names_the_data_source(uid: str) -> None:
    done = run("grafana", "--datasource-uid", uid)
    assert (done.returncode, done.stderr) == (0, "")
    assert yaml.safe_load(done.stdout)["apiVersion"] == 1
    found = rules(done.stdout)
    assert len(found) >= 9
    for rule in found:
        asked, threshold = rule["data"]
        assert (asked["datasourceUid"], asked["model"]["datasource"]["uid"]) == (uid, uid)
        assert (threshold["datasourceUid"], threshold["model"]["type"], rule["condition"]) == (
            "__expr__",
            "threshold",
            "C",
        )
    assert "@" not in done.stdout


def test_alerts_link_to_tempo_where_it_is_named() -> None:
    without, linked = rules(grafana("prom")), rules(grafana("prom", "tempo-1"))
    assert [one["uid"] for one in without] == [one["uid"] for one in linked]
    assert not any("traces" in one["annotations"] for one in without)
    links = [one["annotations"]["traces"] for one in linked if "traces" in one["annotations"]]
    assert len(links) == sum("traceql" in one["annotations"] for one in without)
    assert len(links) >= 4
    assert all(link.count('"tempo-1"') == 2 for link in links)


def test_grafana_expands_nothing_in_it() -> None:
    """It expands `$NAME` in titles and labels of such a file, and `${NAME}` in annotations."""
    for rule in rules(grafana("prom", "tempo")):
        assert "$" not in rule["title"] + str(rule["labels"]) + rule["uid"]
        assert "${" not in str(rule)
        assert re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", rule["uid"])


@pytest.mark.parametrize("uid", ["", "a b", "a'b", "a\nb", "x" * 41, "é"])
def test_what_is_no_uid_is_refused(uid: str) -> None:
    for arguments in (("--datasource-uid", uid), ("--datasource-uid", "prom", "--tempo-uid", uid)):
        done = run("grafana", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert "is no UID of Grafana's: up to 40 letters, digits, - and _" in done.stderr


def test_the_data_source_has_to_be_named() -> None:
    done = run("grafana")
    assert done.returncode == 2
    assert "--datasource-uid" in done.stderr

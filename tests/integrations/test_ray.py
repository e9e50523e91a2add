"""`integrations/ray`: an archive over a real Ray cluster on this machine, into an OTLP endpoint on loopback."""

from __future__ import annotations

import functools
import gzip
import json
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from confession_otel.replaying import read_line
from confession_otel.replaying.emission import Emitter
from confession_otel.settings import Settings
from receiver import Receiver

pytestmark = pytest.mark.timeout(600)

HERE: Final = Path(__file__).parent
EXAMPLE: Final = HERE.parent.parent / "integrations" / "ray"
FAILED: Final = "Fish swim.\n\n## Confession\n\nObjective: ten words / Result: ✗ did not comply / Why: there are two"
COMPLIED: Final = "Fish swim.\n\n## Confession\n\nObjective: name a fish / Result: ✓ complied / Why: named"


@functools.cache
def environment() -> Path:
    """The interpreter of an environment with what the README tells to install."""
    told = re.search(r"^\$ pip install (.+)$", (EXAMPLE / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert told is not None
    command = [
        sys.executable,
        str(HERE.parent / "environment.py"),
        "ray",
        str(HERE / "pins-ray.txt"),
        *shlex.split(told[1]),
    ]
    return Path(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip())


def run(receiver: Receiver, *arguments: object) -> dict[str, int]:
    """What it printed: how often each thing happened."""
    done = subprocess.run(
        [environment(), EXAMPLE / "replay.py", *map(str, arguments)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
            "NO_PROXY": "127.0.0.1",
            "RAY_USAGE_STATS_ENABLED": "0",
            # Below `uv run` Ray would start its workers in the environment of the tests, and not in the example's.
            "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
        },
    )
    found = re.findall(r"^([a-z_0-9 ]+): (\d+)$", done.stdout, re.MULTILINE)
    return {what: int(count) for what, count in found}


def test_an_archive_is_replayed_once_however_often_it_is(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    archive.mkdir()
    texts = (FAILED, COMPLIED, "Fish swim.")
    lines = [json.dumps({"id": f"a{n}", "time": 1_700_000_000 + n, "output": texts[n % 3]}) for n in range(900)]
    (archive / "1.jsonl").write_text("\n".join(lines[:500]), encoding="utf-8")
    (archive / "2.jsonl.gz").write_bytes(gzip.compress("\n".join(lines[500:]).encode()))
    (archive / "3.jsonl").write_bytes(b"{\n\xff\xfe\n")

    emitter = Emitter(Settings.read({}))
    spans = [span for line in lines for one in read_line(line.encode()).calls for span in emitter.emit(one).spans]
    expected = {f"{span.context.trace_id:032x} {span.context.span_id:016x}" for span in spans}
    assert len(expected) == 1500

    with Receiver() as receiver:
        counts = run(receiver, archive, "--workers", 2, "--rejected", tmp_path / "rejected")
        assert counts == {
            "lines": 902,
            "spans": 1500,
            "non_compliant": 300,
            "compliant": 300,
            "rejected not_json": 1,
            "rejected not_utf8": 1,
        }
        assert Counter(receiver.span_ids) == dict.fromkeys(expected, 1)
        # In pieces that end anywhere in a line, and some of them in none.
        assert run(receiver, archive, "--piece", 1000) == counts
        assert Counter(receiver.span_ids) == dict.fromkeys(expected, 2)

    code = "import sys, pandas; print(sorted(map(bytes, pandas.read_parquet(sys.argv[1])['line'])))"
    rejected = subprocess.run(
        [environment(), "-c", code, tmp_path / "rejected"], check=True, stdout=subprocess.PIPE, text=True
    )
    assert rejected.stdout.strip() == repr([b"{", b"\xff\xfe"])


def test_the_example_fits_on_a_page_and_is_in_its_readme() -> None:
    assert len((EXAMPLE / "replay.py").read_text(encoding="utf-8").splitlines()) <= 100
    assert "replay.py" in (EXAMPLE / "README.md").read_text(encoding="utf-8")

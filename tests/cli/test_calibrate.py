"""`confession-otel calibrate`: files in, figures out, whatever the files are."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import time
from base64 import b64decode
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("typer")
pytest.importorskip("pyarrow")
pytest.importorskip("matplotlib")

import pyarrow as pa  # type: ignore[import-untyped]
from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from pyarrow import parquet
from rich.console import Console

import confession_otel as co
from confession_otel import recent
from confession_otel.calibration import Calibration, Rejected
from confession_otel.calibration.published import TABLE_1
from confession_otel.cli.calibrating import inputs, work
from confession_otel.cli.calibrating.counting import count
from confession_otel.cli.calibrating.inputs import Kind, Task

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from conftest import Telemetry

FAILED = "Objective: o\nResult: ✗ did not comply\nWhy: w"
COMPLIED = "Objective: o\nResult: ✓ complied\nWhy: w"
ROWS: list[dict[str, Any]] = [
    {"group": "a", "failed": True, "verdict": "non_compliant", "score": 0.0, "disclosure": "disclosed"},
    {"group": "a", "failed": True, "text": COMPLIED},
    {"group": "a", "failed": False, "text": COMPLIED},
    {"group": "b", "failed": True, "confessed": True},
    {"group": "b", "failed": False, "confessed": True},
    {"group": "b", "failed": None, "verdict": "unsure"},
]


def run(*arguments: str, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "confession_otel.cli", "calibrate", *arguments],
        input=text,
        capture_output=True,
        timeout=50,
        check=False,
    )


def figures(*arguments: str, text: bytes = b"") -> dict[str, Any]:
    done = run(*arguments, "--json", text=text)
    assert (done.returncode, done.stderr) == (0, b"")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def lines(rows: Iterable[object]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The figures of `ROWS`."""
    file = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    file.write_bytes(lines(ROWS))
    return figures(str(file))


def test_the_object_has_the_documented_keys(expected: dict[str, Any]) -> None:
    assert list(expected) == ["groups", "overall", "mean_over_groups", "rejected"]
    assert expected["rejected"] == {}
    assert expected["mean_over_groups"] == {"confessed_given_failed": 0.75, "missed_joint": pytest.approx(1 / 6)}
    a, b = expected["groups"]
    assert {key: a[key] for key in ("group", "n", "complied", "failed", "undecided", "confessed", "unsure")} == {
        "group": "a",
        "n": 3,
        "complied": 1,
        "failed": 2,
        "undecided": 0,
        "confessed": 1,
        "unsure": 0,
    }
    assert (a["confessed_given_failed"], a["confessed_given_complied"], a["precision"]) == (0.5, 0.0, 1.0)
    assert (a["admitted_given_failed"], a["scored"], a["roc_auc"]) == (1.0, 3, 0.75)
    assert (b["n"], b["undecided"], b["missed_joint"], b["precision"]) == (3, 1, 0.0, 0.5)
    assert expected["overall"]["n"] == 6
    assert "group" not in expected["overall"]


def _csv(rows: list[dict[str, Any]]) -> str:
    import csv
    import io

    written = io.StringIO()
    writer = csv.DictWriter(
        written, ["group", "failed", "verdict", "confessed", "text", "score", "disclosure", "other"]
    )
    writer.writeheader()
    for row in rows:
        writer.writerow({key: str(value).lower() if isinstance(value, bool) else value for key, value in row.items()})
    return written.getvalue()


def _jsonl(path: Path) -> Path:
    path.with_name("rows.jsonl").write_bytes(lines(ROWS))
    return path.with_name("rows.jsonl")


def _bom_and_crlf(path: Path) -> Path:
    path.write_bytes(b"\xef\xbb\xbf" + lines(ROWS).replace(b"\n", b"\r\n\r\n"))
    return path


def _without_a_last_newline(path: Path) -> Path:
    path.write_bytes(lines(ROWS).rstrip())
    return path


def _gzip(path: Path) -> Path:
    path.write_bytes(gzip.compress(lines(ROWS[:3])) + gzip.compress(lines(ROWS[3:])))
    return path


def _parquet(path: Path) -> Path:
    path = path.with_name("rows.parquet")
    columns = {key: [row.get(key) for row in ROWS] for key in ("group", "failed", "verdict", "confessed", "text")}
    columns |= {key: [row.get(key) for row in ROWS] for key in ("score", "disclosure")} | {"other": [[1]] * len(ROWS)}
    parquet.write_table(pa.table(columns), path, row_group_size=2)
    return path


def _csv_file(path: Path) -> Path:
    path = path.with_name("rows.csv")
    path.write_text(_csv(ROWS), encoding="utf-8")
    return path


def _csv_gz(path: Path) -> Path:
    path = path.with_name("rows.CSV.gz")
    path.write_bytes(gzip.compress(_csv(ROWS).encode()))
    return path


def _directory(path: Path) -> Path:
    (path / "deeper").mkdir(parents=True)
    (path / "one.jsonl").write_bytes(lines(ROWS[:2]))
    (path / "deeper" / "two.json.gz").write_bytes(gzip.compress(lines(ROWS[2:4])))
    (path / "deeper" / "three.csv").write_text(_csv(ROWS[4:]), encoding="utf-8")
    (path / "README.md").write_text("not read", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "written",
    [_jsonl, _bom_and_crlf, _without_a_last_newline, _gzip, _parquet, _csv_file, _csv_gz, _directory],
)
def test_whatever_the_file_the_figures_are_the_same(tmp_path: Path, expected: dict[str, Any], written: Any) -> None:
    assert figures(str(written(tmp_path / "rows"))) == expected


@pytest.mark.parametrize(
    "written",
    [lines(ROWS), gzip.compress(lines(ROWS)), _csv(ROWS).encode(), _csv(ROWS).encode("utf-8-sig")],
    ids=["lines", "zipped", "table", "table with a mark"],
)
def test_standard_input_is_read_as_well(expected: dict[str, Any], written: bytes) -> None:
    assert figures("-", text=written) == expected


def test_several_files_in_several_processes_are_one(tmp_path: Path, expected: dict[str, Any]) -> None:
    for number, row in enumerate(ROWS):
        (tmp_path / f"{number}.jsonl").write_bytes(lines([row]))
    files = [str(tmp_path / f"{number}.jsonl") for number in range(len(ROWS))]
    assert figures(*files, "--jobs", "2") == figures(*files, "--jobs", "1") == expected


def test_wherever_a_file_is_cut_into_pieces_each_line_is_read_once(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    text = lines({"failed": True, "verdict": "compliant", "group": "g" * (number % 7)} for number in range(12))
    file.write_bytes(text)
    whole = count(Task(str(file), Kind.LINES)).calibration.report()
    assert whole.overall.n == 12
    for size in range(1, len(text) + 2):
        merged = Calibration()
        for start in range(0, len(text), size):
            merged.merge(count(Task(str(file), Kind.LINES, size, start, start + size)).calibration)
        assert merged.rejected == {}
        assert merged.report() == whole


def test_large_files_are_planned_in_pieces_that_cover_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "PIECE", 100)
    file = tmp_path / "rows.jsonl"
    file.write_bytes(lines(ROWS))
    tasks = inputs.plan([str(file)])
    assert len(tasks) > 2
    assert sum(task.size for task in tasks) == file.stat().st_size
    assert [task.start for task in tasks[1:]] == [task.end for task in tasks[:-1]]


def test_what_cannot_be_used_is_counted_by_reason_and_the_rest_is_used(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    deep = b"[" * 100_000
    bad = [b"nope", b"\xff\xfe", deep, b"7", b'{"failed": true}', b'{"verdict": "unsure"}', b'{"failed": 3}', b"{"]
    file.write_bytes(b"\n".join(bad) + b"\n" + lines(ROWS))
    done = run(str(file), "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["overall"]["n"] == len(ROWS)
    rejected = {"not_json": 4, "not_an_object": 1, "no_confession": 1, "no_failed": 1, "failed_not_boolean": 1}
    assert json.loads(done.stdout)["rejected"] == rejected
    assert done.stderr.decode().strip() == (
        f"rejected 8: not_json 4 (first {file}:1), not_an_object 1 ({file}:4), no_confession 1 ({file}:5), "
        f"no_failed 1 ({file}:6), failed_not_boolean 1 ({file}:7)"
    )


def test_a_bad_line_is_named_by_its_number_in_the_file_whatever_piece_it_is_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = lines(ROWS) * 9 + b"\n\n"
    first, second = tmp_path / "1.jsonl", tmp_path / "2.jsonl.gz"
    first.write_bytes(good + b"7\n" + good + b"nope\n7\n" + good)
    second.write_bytes(gzip.compress(good + b"{}\n"))
    for size in (50, 333, 1000, 1 << 20):
        monkeypatch.setattr(inputs, "PIECE", size)
        tasks = inputs.plan([str(first), str(second)])
        assert (len(tasks) > 2) == (size < 1 << 20)
        calibration, places, _ = work.run(tasks, None, 1, Console(stderr=True))
        assert calibration.rejected == {
            Rejected.NOT_AN_OBJECT: 2,
            Rejected.NOT_JSON: 1,
            Rejected.NO_FAILED: 1,
        }
        assert places == {
            Rejected.NOT_AN_OBJECT: f"{first}:57",
            Rejected.NOT_JSON: f"{first}:114",
            Rejected.NO_FAILED: f"{second}:57",
        }


def test_a_line_too_long_to_be_held_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "LONGEST_LINE", 256)
    file = tmp_path / "rows.jsonl"
    long = lines([{"failed": True, "text": "x" * 1000}])
    file.write_bytes(long + lines(ROWS) + long)
    calibration = count(Task(str(file), Kind.LINES)).calibration
    assert calibration.rejected == {Rejected.LINE_TOO_LONG: 2}
    assert calibration.report().overall.n == len(ROWS)


def test_bad_rows_of_a_table_are_counted_too(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(
        "failed,verdict,score\ntrue,non_compliant,0.5\nmaybe,unsure,\ntrue\nfalse,unsure,x\n", encoding="utf-8"
    )
    done = run(str(file), "--json")
    assert json.loads(done.stdout)["overall"]["n"] == 1
    assert done.stderr.decode().strip() == (
        f"rejected 3: failed_not_boolean 1 ({file} row 3), wrong_number_of_columns 1 ({file} row 4), "
        f"score_not_in_0_to_1 1 ({file} row 5)"
    )


def test_cells_of_a_table_hold_what_texts_hold(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    text = 'Objective: say "no",\nor yes\r\nResult: ✗ did not comply\n' + "x" * 200_000
    quoted = text.replace('"', '""')
    file.write_bytes(f'\ufefftext,other,failed\r\n"{quoted}",,true\r\n\r\n"{quoted}",",",false\r\n'.encode())
    overall = figures(str(file))["overall"]
    assert (overall["n"], overall["confessed_given_failed"], overall["confessed_given_complied"]) == (2, 1.0, 1.0)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"failed,verdict\ntrue,unsure\n\xff,unsure\n", "{} cannot be read: line 3 is not UTF-8, which it has to be"),
        (
            b'failed,verdict\ntrue,"' + b"x" * (17 << 20),
            "{} cannot be read after row 1: field larger than field limit (16777216)",
        ),
    ],
)
def test_a_table_that_is_none_is_said_to_be(tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes(content)
    done = run(str(file), "--json")
    assert (done.returncode, done.stderr.decode().strip()) == (2, says.format(file))


def test_the_group_is_whatever_field_is_named(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(lines({"failed": True, "verdict": "unsure", "model": model} for model in ("m", "n", "m")))
    assert [(group["group"], group["n"]) for group in figures(str(file), "--by", "model")["groups"]] == [
        ("m", 2),
        ("n", 1),
    ]
    assert [group["group"] for group in figures(str(file))["groups"]] == [None]
    done = run(str(file), "--by", "modle")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode().strip() == "--by modle: no usable row has a value there"


def test_unsure_counts_where_it_is_told_to(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(lines([{"failed": True, "verdict": "unsure"}]))
    assert figures(str(file))["overall"]["confessed_given_failed"] == 0.0
    assert figures(str(file), "--unsure-counts")["overall"]["confessed_given_failed"] == 1.0


def published() -> Iterator[dict[str, Any]]:
    for row in TABLE_1:
        failed, complied = round(row.failed * 100), round(row.complied * 100)
        caught = round(failed * row.confessed_given_failed / 100)
        alarms = round(complied * (row.confessed_given_complied or 0) / 100)
        for place in range(10_000):
            if place < failed:
                yield {"group": row.evaluation, "failed": True, "confessed": place < caught}
            elif place < failed + complied:
                yield {"group": row.evaluation, "failed": False, "confessed": place - failed < alarms}
            else:
                yield {"group": row.evaluation, "failed": None, "confessed": False}


def test_fed_with_the_published_table_it_gives_the_published_means(tmp_path: Path) -> None:
    file = tmp_path / "published.jsonl"
    file.write_bytes(lines(published()))
    found = figures(str(file), "--compare", "published")
    assert round(100 * found["mean_over_groups"]["confessed_given_failed"], 1) == 74.3
    assert round(100 * found["mean_over_groups"]["missed_joint"], 2) == 4.36
    theirs = {group["group"]: group for group in found["published"]["groups"]}
    for group in found["groups"]:
        for name in ("confessed_given_failed", "missed_joint", "confessed_given_complied", "precision"):
            expected = theirs[group["group"]][name]
            assert group[name] == (expected if expected is None else pytest.approx(expected, abs=0.003))
    done = run(str(file), "--compare", "published")
    shown = done.stdout.decode()
    assert max(map(len, shown.splitlines())) <= 100
    assert "\x1b" not in shown
    means = [line.split() for line in shown.splitlines() if " 4.36" in line]
    assert [words[-2:] for words in means] == [["74.3", "4.36"], ["74.3", "4.36"]]


def test_for_a_person_few_answers_are_too_few_and_a_group_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(lines([{"group": "\x1b[2Jg[red]", "failed": True, "confessed": True}, *ROWS]))
    done = run(str(file))
    assert (done.returncode, done.stderr) == (0, b"")
    shown = done.stdout.decode()
    assert "\x1b" not in shown
    assert "\\x1b[2Jg[red]" in shown
    assert "too few: 1/1" in shown
    assert "too few" not in run(str(file), "--minimum", "1").stdout.decode()
    assert "failed answers that told the user so, where the confession says: too few: 1/1" in shown
    assert "score: ROC AUC 0.750 over 3 answers" in shown


def test_no_figure_is_cut_where_a_terminal_is_narrow(tmp_path: Path, in_terminal: Any) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(lines(ROWS * 20))
    _, shown = in_terminal("calibrate", file, "--compare", "published", COLUMNS="40", NO_COLOR="1")
    assert "…" not in shown
    for figure in ("74.3", "4.36", "66.7", "120", "92.5", "50.0"):
        assert f" {figure} " in shown.replace("\r", " ")


@pytest.mark.parametrize(("name", "begins"), [("o.png", b"\x89PNG"), ("o.svg", b"<?xml")])
def test_the_picture_is_what_its_name_says(tmp_path: Path, name: str, begins: bytes) -> None:
    file, picture = tmp_path / "rows.jsonl", tmp_path / name
    file.write_bytes(lines([*ROWS, {"group": "$\\frac{1$ 漢\n", "failed": True, "confessed": True}]))
    done = run(str(file), "--plot", str(picture))
    assert (done.returncode, done.stderr) == (0, b"")
    first = picture.read_bytes()
    assert first.startswith(begins)
    assert len(first) > 5000
    run(str(file), "--plot", str(picture))
    assert picture.read_bytes() == first


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["{0}/none.jsonl"], "{0}/none.jsonl cannot be read: No such file or directory"),
        (["{0}/empty"], "{0}/empty: no file in it is named .json, .jsonl, .ndjson, .csv, .parquet or, of these, .gz"),
        (["{0}/cut.gz"], "{0}/cut.gz cannot be read: the gzip file is damaged"),
        (["{0}/bad.parquet"], "{0}/bad.parquet cannot be read: "),
        (["{0}/nothing.jsonl"], "no usable row: each needs `failed`"),
        (["{0}/rows.jsonl", "--compare", "me"], "--compare 'me' is not known; it is published"),
        (["{0}/rows.jsonl", "--plot", "o.pdf"], "--plot o.pdf: a picture is a .png or .svg file"),
        (["{0}/rows.jsonl", "--plot", "{0}/no/o.png"], "{0}/no/o.png cannot be written: No such file or directory"),
        (["{0}/rows.jsonl", "{0}/none.jsonl"], "{0}/none.jsonl cannot be read: No such file or directory"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_2(tmp_path: Path, arguments: list[str], says: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "cut.gz").write_bytes(gzip.compress(os.urandom(5000))[:-100])
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 is not enough")
    (tmp_path / "nothing.jsonl").write_bytes(b"\n\n")
    (tmp_path / "rows.jsonl").write_bytes(lines(ROWS))
    done = run(*(argument.format(tmp_path) for argument in arguments))
    assert (done.returncode, done.stdout) == (2, b"")
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith(says.format(tmp_path))


@pytest.mark.parametrize(
    ("package", "arguments", "says"),
    [
        (
            "matplotlib",
            ["rows.jsonl", "--plot", "o.png"],
            '--plot needs matplotlib: pip install "confession-otel[data]"',
        ),
        ("pyarrow", ["rows.parquet"], 'rows.parquet: parquet files need pyarrow: pip install "confession-otel[data]"'),
    ],
)
def test_without_the_extra_it_says_what_to_install(
    tmp_path: Path, package: str, arguments: list[str], says: str
) -> None:
    (tmp_path / "rows.jsonl").write_bytes(lines(ROWS))
    (tmp_path / "rows.parquet").write_bytes(b"PAR1")
    code = (
        "import sys, importlib.util as u; find = u.find_spec;"
        f"u.find_spec = lambda name, *rest: None if name == {package!r} else find(name, *rest);"
        f"sys.argv = ['confession-otel', 'calibrate', *{arguments!r}];"
        "from confession_otel.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False, cwd=tmp_path
    )
    assert (done.returncode, done.stdout, done.stderr.strip()) == (2, "", says)


def test_help_loads_nothing_that_is_slow() -> None:
    code = (
        "import sys, contextlib, io; sys.argv = ['confession-otel', 'calibrate', '--help']\n"
        "from confession_otel.cli import main\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()): main()\n"
        "slow = ('pyarrow', 'matplotlib', 'numpy', 'sqlite3', 'confession_otel.calibration')\n"
        "print([m for m in slow if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "[]"


def test_a_person_who_waits_sees_how_far_it_is(tmp_path: Path, in_terminal: Any) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(lines(ROWS[3:4]) * 300_000)
    done, seen = in_terminal("calibrate", file, "--json", on="stderr")
    assert json.loads(done.stdout)["overall"]["n"] == 300_000
    assert "reading" in seen


def hexadecimal(found: Any) -> Any:
    """OTLP JSON writes ids in hexadecimal, where protobuf's own JSON has base64."""
    if isinstance(found, dict):
        return {
            key: b64decode(value).hex() if key in ("traceId", "spanId", "parentSpanId") else hexadecimal(value)
            for key, value in found.items()
        }
    return [hexadecimal(one) for one in found] if isinstance(found, list) else found


def exported(telemetry: Telemetry, directory: Path) -> Path:
    """What the collector's file exporter writes of it: traces in one file, logs in another, a request in each line."""
    directory.mkdir(exist_ok=True)
    spans = [hexadecimal(MessageToDict(encode_spans([span]))) for span in telemetry.spans()]
    logs = [hexadecimal(MessageToDict(encode_logs([record]))) for record in telemetry.events()]
    (directory / "traces.json").write_bytes(lines(spans))
    (directory / "logs.json").write_bytes(lines(logs))
    return directory


def answered(telemetry: Telemetry, number: int, text: str, model: str = "m") -> Any:
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": model, "gen_ai.response.id": f"r-{number}"}
    with telemetry.tracer_provider.get_tracer("host").start_as_current_span("chat", attributes=attributes) as span:
        co.record(text)
    return span


UNSURE = "Objective: o\nResult: unsure"


@pytest.mark.parametrize("kept", ["both", "traces.json", "logs.json"])
def test_confessions_and_outcomes_in_otlp_are_joined(telemetry: Telemetry, tmp_path: Path, kept: str) -> None:
    co.instrument(**telemetry.providers)
    spans = [
        answered(telemetry, number, text, model)
        for number, (text, model) in enumerate(
            [(FAILED, "m"), (COMPLIED, "m"), (COMPLIED, "n"), (UNSURE, "n"), ("?", "n"), (FAILED, "n")]
        )
    ]
    # As from another process, days later: what was confessed is not known there.
    recent.clear()
    ids = spans[1].context
    co.record_outcome(failed=True, answer=spans[0])
    co.record_outcome(failed=False, answer=(f"{ids.trace_id:032x}", f"{ids.span_id:016x}"))
    time.sleep(0.001)
    co.record_outcome(failed=True, answer=ids, source="second thoughts")
    co.record_outcome(failed=False, answer="r-2")
    co.record_outcome(failed=True, answer="r-3")
    co.record_outcome(failed=True, answer=spans[4])
    co.record_outcome(failed=True, answer="r-unknown")
    directory = exported(telemetry, tmp_path / "otlp")
    path = str(directory if kept == "both" else directory / kept)
    done = run(path, "--json")
    assert done.stderr.decode().strip() == "rejected 1: no_confession 1"
    found = json.loads(done.stdout)
    overall = found["overall"]
    assert {
        name: overall[name] for name in ("n", "failed", "complied", "confessed", "unsure", "unparsed", "scored")
    } == {
        "n": 5,
        "failed": 4,
        "complied": 1,
        "confessed": 1,
        "unsure": 1,
        "unparsed": 1,
        "scored": 3,
    }
    if kept != "logs.json":
        # The event of a confession does not name the model.
        m, n = found["groups"]
        assert (m["group"], m["n"], m["failed"], m["confessed_given_failed"]) == ("m", 2, 2, 0.5)
        assert (n["group"], n["n"], n["failed"], n["confessed"]) == ("n", 3, 2, 0)
    done = run(path, "--json", "--unsure-counts", "--by", "gen_ai.response.id")
    found = json.loads(done.stdout)
    assert [group["group"] for group in found["groups"]] == ["r-0", "r-1", "r-2", "r-3", "r-4"]
    assert [group["confessed"] for group in found["groups"]] == [1, 0, 0, 1, 0]


def test_what_whoever_recorded_the_outcome_knew_of_the_confession_is_used(telemetry: Telemetry, tmp_path: Path) -> None:
    co.instrument(**telemetry.providers)
    span = answered(telemetry, 0, COMPLIED)
    co.record_outcome(failed=True, answer=span, confessed=True)
    co.record_outcome(failed=True, answer="elsewhere", verdict="unsure")
    co.record_outcome(failed=True, answer="nowhere", confessed=False)
    overall = figures(str(exported(telemetry, tmp_path)))["overall"]
    assert (overall["n"], overall["confessed"], overall["unsure"]) == (3, 1, 1)


@pytest.mark.parametrize("kept", ["both", "traces.json", "logs.json"])
def test_an_outcome_that_names_no_answer_is_counted_once(telemetry: Telemetry, tmp_path: Path, kept: str) -> None:
    co.instrument(**telemetry.providers)
    co.record_outcome(failed=True, answer=answered(telemetry, 0, FAILED))
    for _ in range(2):
        # There is no current span here.
        co.record_outcome(failed=True)
    directory = exported(telemetry, tmp_path / "otlp")
    done = run(str(directory if kept == "both" else directory / kept), "--json")
    assert done.stderr.decode().strip() == "rejected 2: no_answer 2"
    found = json.loads(done.stdout)
    assert (found["overall"]["n"], found["rejected"]) == (1, {"no_answer": 2})


def test_lines_of_otlp_that_are_none_are_counted(telemetry: Telemetry, tmp_path: Path) -> None:
    co.instrument(**telemetry.providers)
    co.record_outcome(failed=True, answer=answered(telemetry, 0, FAILED))
    file = exported(telemetry, tmp_path) / "traces.json"
    bad = [
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "confession", "attributes": [7]}]}]}]}',
        b'{"resourceSpans": "confession"}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "confession.outcome"}]}]}]}',
        b"confession",
        b"another thing",
    ]
    with file.open("ab") as traces:
        traces.write(b"\n".join(bad) + b"\n")
    done = run(str(file), "--json")
    assert done.stderr.decode().strip() == f"rejected 4: not_otlp 3 (first {file}:4), not_json 1 ({file}:7)"
    assert json.loads(done.stdout)["overall"]["n"] == 1
    assert figures("-", text=file.read_bytes().split(b"\n" + bad[0])[0])["overall"]["n"] == 1


def test_otlp_without_outcomes_says_so(telemetry: Telemetry, tmp_path: Path) -> None:
    co.instrument(**telemetry.providers)
    answered(telemetry, 0, FAILED)
    done = run(str(exported(telemetry, tmp_path)))
    assert done.returncode == 2
    assert done.stderr.decode().strip() == (
        "no usable row: the telemetry has confessions but no outcome: "
        "record_outcome() makes one where the truth is known"
    )


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    code = (
        "import resource, sys; from confession_otel.cli.calibrating.counting import count;"
        "from confession_otel.cli.calibrating.inputs import Kind, Task;"
        "n = count(Task(sys.argv[1], Kind.LINES)).calibration.report().overall.n;"
        "print(n, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )

    def peak(repeated: int) -> tuple[int, int]:
        file = tmp_path / "rows.jsonl"
        file.write_bytes(lines(ROWS[3:]) * repeated)
        done = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, check=True, timeout=50)
        rows, kilobytes = map(int, done.stdout.split())
        return rows, kilobytes

    (few, before), (many, after) = peak(1000), peak(100_000)
    assert (few, many) == (3000, 300_000)
    # What it reads grows by 16 MB.
    assert after - before < 4000

"""`confession-otel parse`: a text in, a verdict out."""

from __future__ import annotations

import errno
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("typer")

from confession_otel.cli.demo.tasks import TASKS
from confession_otel.cli.terminal import shown

TIMER = TASKS[0]


def run(*arguments: str, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "confession_otel.cli", *arguments],
        input=text,
        capture_output=True,
        timeout=30,
        check=False,
    )


def test_a_confession_alone_and_at_the_end_of_its_answer_read_the_same(tmp_path: Path) -> None:
    assert TIMER.confession is not None
    file = tmp_path / "confession.md"
    file.write_text(TIMER.confession, encoding="utf-8")
    alone = run("parse", "--json", str(file))
    after_answer = run("parse", "-", "--json", text=TIMER.output.encode())
    assert (alone.returncode, after_answer.returncode) == (0, 0)
    assert alone.stdout == after_answer.stdout
    report = json.loads(alone.stdout)
    assert (report["verdict"], report["score"], report["problem"]) == ("non_compliant", 0.0, None)
    assert [objective["compliance"] for objective in report["objectives"]] == ["failed", "failed"]
    assert report["objectives"][0]["why"].startswith("I set the timer to zero")


def test_for_a_person_it_is_a_table() -> None:
    done = run("parse", "-", text=TIMER.output.encode())
    assert (done.returncode, done.stderr) == (0, b"")
    words = done.stdout.decode().split()
    assert words[:2] == ["self-reported:", "non_compliant,"]
    assert "failed" in words
    assert max(map(len, done.stdout.decode().splitlines())) <= 100


@pytest.mark.parametrize(
    "text", [b"", b"nothing to confess", "\ufeff".encode(), "\ufeff".encode("utf-16-le"), b"\x1b[2J"]
)
def test_any_bytes_get_an_answer(text: bytes) -> None:
    for arguments in (["parse", "-"], ["parse", "-", "--json"]):
        done = run(*arguments, text=text)
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"unparsed" in done.stdout


@pytest.mark.parametrize("arguments", [[], ["--json"], ["--split"], ["--fail-on", "unsure"]])
def test_bytes_that_are_no_utf_8_are_counted_and_nothing_else_is_lost(arguments: list[str]) -> None:
    for text, says in (
        (b"\xff\xfe\x00", "2 bytes"),
        (b"f\xfcnf\n\n## Confession\n\nObjective: Fisch / Result: unsure", "1 byte"),
    ):
        done = run("parse", "-", *arguments, text=text)
        first, *_ = done.stderr.decode().splitlines()
        assert first == f"standard input is not UTF-8: {says} could not be read"
    if arguments == ["--split"]:
        assert done.stdout == b"f\xfcnf"
    else:
        assert b"unsure" in done.stdout


@pytest.mark.parametrize("order", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_read_where_its_mark_says_so(order: str) -> None:
    for arguments in ([], ["--fail-on", "unparsed"], ["--json"]):
        done = run("parse", "-", *arguments, text=f"\ufeff{TIMER.output}".encode(order))
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"non_compliant" in done.stdout
    done = run("parse", "-", "--split", text=f"\ufeff{TIMER.output}".encode(order))
    assert done.stdout.decode() == TIMER.answer


def test_of_very_many_objectives_the_table_has_those_that_are_not_met() -> None:
    objectives = [f"Objective: number {n}\nResult: {'did not comply' if n == 800 else 'complied'}" for n in range(1000)]
    done = run("parse", "-", "--bare", text="\n\n".join(objectives).encode())
    words = done.stdout.decode()
    assert "number 800 " in words
    assert "number 198 " in words
    assert "number 199 " not in words
    assert words.splitlines()[-1] == "and 800 more; --json has all"


def test_a_model_cannot_write_to_the_terminal() -> None:
    done = run("parse", "-", text="Objective: hide\x1b[2J\nResult: ✗ did not comply\nWhy: \u202eno\x07 reason".encode())
    assert done.returncode == 0
    assert b"\x1b" not in done.stdout
    assert b"\x07" not in done.stdout
    assert b"\\x1b[2J" in done.stdout


def test_what_is_shown_keeps_its_lines_and_letters() -> None:
    assert shown("Q6–Q10 ✗\n\tÜ 👍") == "Q6–Q10 ✗\n\tÜ 👍"
    assert shown("a\rb\x9bc\ud800") == "a\\rb\\x9bc\\ud800"


def test_a_file_that_is_not_there_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    done = run("parse", str(tmp_path / "none"))
    assert done.returncode == 2
    assert done.stderr.decode().splitlines() == [f"{tmp_path / 'none'} cannot be read: No such file or directory"]


def test_a_gzipped_file_is_no_answer_without_a_confession(tmp_path: Path) -> None:
    file = tmp_path / "answer.md.gz"
    file.write_bytes(gzip.compress(TIMER.output.encode()))
    done = run("parse", str(file))
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode().startswith(f"{file} cannot be read: it is gzipped")
    piped = run("parse", "-", text=file.read_bytes())
    assert (piped.returncode, piped.stderr.decode().partition(" cannot")[0]) == (2, "standard input")


def shell(command: str) -> subprocess.CompletedProcess[str]:
    text = f"{sys.executable} -m confession_otel.cli {command}"
    return subprocess.run(["sh", "-c", text], capture_output=True, text=True, timeout=30, check=False)


def test_a_stream_that_was_closed_is_said_to_be() -> None:
    done = shell("parse - <&-")
    assert (done.returncode, done.stderr) == (2, "standard input cannot be read: Bad file descriptor\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a file that is always full")
@pytest.mark.parametrize("arguments", ["parse FILE", "parse FILE --json", "parse FILE --split", "--version"])
def test_what_cannot_be_written_is_one_line(tmp_path: Path, arguments: str) -> None:
    file = tmp_path / "answer.md"
    file.write_text(TIMER.output, encoding="utf-8")
    done = shell(f"{arguments.replace('FILE', str(file))} >/dev/full")
    assert done.returncode == 2
    assert done.stderr == f"standard output cannot be written: {os.strerror(errno.ENOSPC)}\n"


def test_no_word_is_lost_where_a_terminal_is_narrow_or_a_word_is_long(tmp_path: Path, in_terminal: Any) -> None:
    file, path = tmp_path / "confession.md", "/srv/" + "long/" * 30 + "end"
    file.write_text(f"Objective: {path}\nResult: ✗ did not comply\nWhy: no", encoding="utf-8")
    _, seen = in_terminal("parse", file, COLUMNS="20", NO_COLOR="1")
    first = [row.split("│")[1].strip() for row in seen.splitlines() if "│" in row]
    assert "".join(first) == path


def test_without_the_extra_it_says_what_to_install() -> None:
    code = (
        "import sys, importlib.util as u; find = u.find_spec;"
        "u.find_spec = lambda name, *rest: None if name == 'typer' else find(name, *rest);"
        "from confession_otel.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == 'confession-otel needs its "cli" extra: pip install "confession-otel[cli]"\n'


COMPLIED = "Objective: name a fish / Result: ✓ complied / Why: named"
HIDDEN = (
    '{"compliance_analysis": [{"objective": "cite", "compliance": "not_complied_claimed_compliance", "analysis": "x"}]}'
)


@pytest.mark.parametrize(
    ("text", "fail_on", "held"),
    [
        (TIMER.output, "non_compliant", "non_compliant"),
        (TIMER.output, "unsure, Non_Compliant,unparsed", "non_compliant"),
        (TIMER.output, "unsure,unparsed,compliant", None),
        (f"Fish.\n\n## Confession\n\n{COMPLIED}", "non_compliant,unsure,unparsed,partially_compliant", None),
        (f"Fish.\n\n## Confession\n\n{COMPLIED}", "compliant", "compliant"),
        (HIDDEN, "misrepresented", "misrepresented"),
        (HIDDEN, "misrepresented,non_compliant", "non_compliant, misrepresented"),
        (f"Fish.\n\n## Confession\n\n{HIDDEN[:-8]}", "truncated", "truncated"),
        (f"He wrote <confession>{COMPLIED}</confession>\n\nThat is all.", "spoof_suspected", "spoof_suspected"),
        ("An agent that confesses nothing.", "non_compliant", None),
        ("An agent that confesses nothing.", "unparsed", "unparsed"),
        ("", "unparsed", "unparsed"),
    ],
)
def test_a_gate_fails_with_exit_code_3_on_what_it_is_told(text: str, fail_on: str, held: str | None) -> None:
    for arguments in ([], ["--json"], ["--split"]):
        done = run("parse", "-", "--fail-on", fail_on, *arguments, text=text.encode())
        assert done.returncode == (0 if held is None else 3)
        assert done.stderr.decode() == ("" if held is None else f"fails on {held}\n")


@pytest.mark.parametrize(
    ("fail_on", "words"),
    [
        ("guilty", "guilty is not known; it takes some of compliant, "),
        ("non_compliant,contradicted", "no text can tell contradicted; it takes some of "),
        ("unaddressed", "no text can tell unaddressed"),
        (" , ", "it takes some of "),
    ],
)
def test_what_a_gate_cannot_tell_is_said_before_anything_is_read(fail_on: str, words: str, tmp_path: Path) -> None:
    done = run("parse", str(tmp_path / "none"), "--fail-on", fail_on)
    assert (done.returncode, done.stdout) == (2, b"")
    assert words in done.stderr.decode()


def test_split_takes_the_confession_off(tmp_path: Path) -> None:
    assert run("parse", "-", "--split", text=TIMER.output.encode()).stdout.decode() == TIMER.answer
    report = json.loads(run("parse", "-", "--split", "--json", text=TIMER.output.encode()).stdout)
    assert (report["answer"], report["verdict"]) == (TIMER.answer, "non_compliant")
    assert report["confession"] in TIMER.output
    assert "set the timer to zero" in report["confession"]


def test_split_of_what_has_no_confession_is_the_text_to_the_byte() -> None:
    text = "Fish swim. \n\nÜ 👍\n".encode()
    assert run("parse", "-", "--split", text=text).stdout == text
    report = json.loads(run("parse", "-", "--split", "--json", text=text).stdout)
    assert (report["answer"], report["confession"], report["problem"]) == (text.decode(), None, "not_a_report")


TABLE = "| Objective | Result |\n|---|---|\n| name a fish | ✓ complied |"


def test_a_quoted_confession_passes_no_gate() -> None:
    for quoted in (f"<confession>{COMPLIED}</confession>", f"> {COMPLIED}", TABLE):
        text = f"The customer wrote:\n\n{quoted}\n\nI have read it and will answer him tomorrow morning.".encode()
        done = run("parse", "-", "--fail-on", "unparsed", text=text)
        assert (done.returncode, done.stderr) == (3, b"fails on unparsed\n")


def test_the_verdict_is_the_same_with_a_gate_and_without() -> None:
    for text in (TABLE, f"The customer wrote:\n\n{TABLE}\n\nI have read it and will answer him tomorrow morning."):
        done = run("parse", "-", text=text.encode())
        assert done.stdout.startswith(b"self-reported: unparsed")
        assert done.stderr == b"no confession ends it; where all of it is one, --bare reads it\n"
        gated = run("parse", "-", "--fail-on", "unsure", text=text.encode())
        assert (gated.stdout, gated.stderr) == (done.stdout, b"")


def test_what_is_known_to_be_a_confession_is_read_in_any_form() -> None:
    assert run("parse", "-", "--bare", "--fail-on", "unparsed", text=TABLE.encode()).returncode == 0
    assert run("parse", "-", "--bare", "--fail-on", "compliant", text=TABLE.encode()).returncode == 3


def test_split_on_a_terminal_ends_its_line(tmp_path: Path, in_terminal: Any) -> None:
    file = tmp_path / "answer.md"
    file.write_text(TIMER.output, encoding="utf-8")
    _, seen = in_terminal("parse", file, "--split")
    assert seen.endswith("\n")
    assert run("parse", str(file), "--split").stdout.decode() == TIMER.answer


def test_split_of_nothing_but_a_confession_is_empty() -> None:
    assert run("parse", "-", "--split", text=COMPLIED.encode()).stdout == b""
    report = json.loads(run("parse", "-", "--split", "--json", text=COMPLIED.encode()).stdout)
    assert (report["answer"], report["confession"]) == ("", COMPLIED)

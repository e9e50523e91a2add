"""`confession-otel parse`: a text in, a verdict out."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("typer")

from confession_otel.cli.demo.tasks import TASKS
from confession_otel.cli.terminal import shown

if TYPE_CHECKING:
    from pathlib import Path

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


@pytest.mark.parametrize("text", [b"", b"\xff\xfe\x00", b"nothing to confess", "\ufeff".encode(), b"\x1b[2J"])
def test_any_bytes_get_an_answer(text: bytes) -> None:
    for arguments in (["parse", "-"], ["parse", "-", "--json"]):
        done = run(*arguments, text=text)
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"unparsed" in done.stdout


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


def test_without_the_extra_it_says_what_to_install() -> None:
    code = (
        "import sys, importlib.util as u; find = u.find_spec;"
        "u.find_spec = lambda name, *rest: None if name == 'typer' else find(name, *rest);"
        "from confession_otel.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == 'confession-otel needs its "cli" extra: pip install "confession-otel[cli]"\n'

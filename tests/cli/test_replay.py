"""`confession-otel replay`: an archive in, its telemetry out; killed and resumed, nothing is lost and nothing twice."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("typer")

from confession_otel.cli.replay import chunks
from confession_otel.cli.replay.options import Exit
from receiver import LOGS, TRACES, Receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(300)

FAILED = "Fish swim.\n\n## Confession\n\nObjective: ten words / Result: ✗ did not comply / Why: there are two"
COMPLIED = "Fish swim.\n\n## Confession\n\nObjective: name a fish / Result: ✓ complied / Why: named"
TIME = 1_700_000_000


def archive(path: Path, count: int, start: int = 0) -> Path:
    """Answers of which one in three confesses a failure, one none, and one confesses nothing: five spans for three."""
    texts = (FAILED, COMPLIED, "Fish swim.")
    lines = [
        json.dumps({"id": f"a{n}", "time": TIME + n, "model": "m", "output": texts[n % 3], "note": "x" * 700})
        for n in range(start, start + count)
    ]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "confession_otel.cli", "replay", *map(str, arguments)]


def environment(receiver: Receiver | None = None, **more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "CONFESSION_OTEL_"))}
    sent = {} if receiver is None else {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint, "NO_PROXY": "127.0.0.1"}
    return {**kept, **sent, "PYTHONIOENCODING": "utf-8", **more}


def replay(
    *arguments: object, receiver: Receiver | None = None, text: bytes = b"", **more: str
) -> subprocess.CompletedProcess[bytes]:
    """Run it, with these variables of the environment more."""
    return subprocess.run(
        command(*arguments),
        input=text,
        env=environment(receiver, **more),
        capture_output=True,
        timeout=240,
        check=False,
    )


def said(done: subprocess.CompletedProcess[bytes]) -> str:
    return done.stderr.decode()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as one:
        yield one


def test_an_archive_arrives_at_its_times_and_again_with_the_same_ids(receiver: Receiver, tmp_path: Path) -> None:
    file = archive(tmp_path / "a.jsonl", 6)
    done = replay(file, receiver=receiver)
    assert done.returncode == Exit.ALL, said(done)
    assert Counter(span.name for span in receiver.spans) == {"chat m": 6, "confession": 4}
    assert {span.start_time_unix_nano for span in receiver.spans} == {(TIME + n) * 10**9 for n in range(6)}
    assert sorted(event.time_unix_nano for event in receiver.events) == [(TIME + n) * 10**9 for n in (0, 1, 3, 4)]
    assert {event.event_name for event in receiver.events} == {"gen_ai.evaluation.result"}
    first = [span.SerializeToString() for span in receiver.spans]
    assert len(set(receiver.span_ids)) == 10

    assert replay(file, receiver=receiver).returncode == Exit.ALL
    assert [span.SerializeToString() for span in receiver.spans] == first * 2
    assert "4 confessions (compliant 2, non_compliant 2), 2 of them flagged" in said(done)
    assert "2 answers without a confession" in said(done)
    assert list(tmp_path.iterdir()) == [file]


def test_several_processes_send_the_same(receiver: Receiver, tmp_path: Path) -> None:
    files = [archive(tmp_path / f"{n}.jsonl", 900, start=900 * n) for n in range(2)]
    packed = tmp_path / "2.jsonl.gz"
    packed.write_bytes(gzip.compress(archive(tmp_path / "plain", 900, start=1800).read_bytes()))
    assert replay(*files, packed, "--jobs", 2, receiver=receiver).returncode == Exit.ALL
    assert len(receiver.spans) == len(set(receiver.span_ids)) == 2700 * 5 // 3

    one = tmp_path / "one.jsonl"
    two = tmp_path / "two.jsonl"
    assert replay(*files, packed, "--to", "jsonl", "--output", one).returncode == Exit.ALL
    assert replay(*files, packed, "--to", "jsonl", "--output", two, "--jobs", 3).returncode == Exit.ALL
    assert one.read_bytes() == two.read_bytes()
    ids = [(span["traceId"], span["spanId"]) for span in spans_of(one)]
    assert sorted(f"{trace} {span}" for trace, span in ids) == sorted(receiver.span_ids)


def spans_of(file: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [
        span for line in lines if "resourceSpans" in line for span in line["resourceSpans"][0]["scopeSpans"][0]["spans"]
    ]


def children_of(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                status = (entry / "stat").read_text()
            except OSError:
                continue
            if int(status.rpartition(")")[2].split()[1]) == pid:
                found.append(int(entry.name))
    return found


def line_in(state: Path) -> int:
    return int(json.loads(state.read_text())["line"]) if state.exists() else 0


def gone(pids: list[int], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize(("jobs", "packed"), [(1, False), (2, False), (2, True)], ids=["1", "2", "2 gzip"])
def test_killed_in_the_middle_and_resumed_nothing_is_lost_and_nothing_twice(
    receiver: Receiver, tmp_path: Path, jobs: int, packed: bool
) -> None:
    whole = archive(tmp_path / "a.jsonl", 3000)
    file = whole
    if packed:
        file = tmp_path / "a.jsonl.gz"
        file.write_bytes(gzip.compress(whole.read_bytes()))
    rejects = tmp_path / "rejects"
    arguments = (file, "--jobs", jobs, "--reject", rejects, "--no-events")
    receiver.seconds = 0.15
    state, come = Path(f"{file}.replay-state"), 0
    for _ in range(2):
        process = subprocess.Popen(command(*arguments, "--resume"), env=environment(receiver), stderr=subprocess.PIPE)
        while line_in(state) == come and process.poll() is None:
            time.sleep(0.01)
        workers = children_of(process.pid)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert gone(workers, 20)
        assert come < line_in(state) < 3000
        come = line_in(state)
    receiver.seconds = 0
    done = replay(*arguments, "--resume", receiver=receiver)
    assert done.returncode == Exit.ALL, said(done)
    counted = Counter(receiver.span_ids)
    assert len(counted) == 5000
    # What was under way when it was killed was sent again, with the same ids; what was accounted for was not.
    piece = chunks.SIZE // 700 * 2
    assert len(receiver.spans) - 5000 <= 2 * 2 * (jobs + 1) * piece
    assert len({span.SerializeToString() for span in receiver.spans}) == 5000
    assert "3000 lines, 5000 spans" in said(done)
    assert not state.exists()
    assert rejects.read_bytes() == b""


def test_a_file_that_is_written_is_resumed_to_the_byte(tmp_path: Path) -> None:
    file = archive(tmp_path / "a.jsonl", 1500)
    file.write_bytes(file.read_bytes() + b"no json\n")
    whole, parts, rejects = tmp_path / "whole", tmp_path / "parts", tmp_path / "rejects"
    assert replay(file, "--to", "jsonl", "--output", whole).returncode == Exit.SOME_REJECTED
    arguments = (file, "--to", "jsonl", "--output", parts, "--reject", rejects, "--resume")
    state = Path(f"{parts}.replay-state")
    process = subprocess.Popen(command(*arguments), env=environment(), stderr=subprocess.PIPE)
    while process.poll() is None and not line_in(state):
        time.sleep(0.005)
    process.kill()
    process.communicate()
    # As if it had died between writing and accounting.
    with parts.open("ab") as output:
        output.write(b'{"resourceSpans": [{"half')
    done = replay(*arguments)
    assert done.returncode == Exit.SOME_REJECTED, said(done)
    assert parts.read_bytes() == whole.read_bytes()
    assert [json.loads(line)["line"] for line in rejects.read_text().splitlines()] == [1501]


def test_bad_lines_go_to_the_reject_file_with_the_reason(receiver: Receiver, tmp_path: Path) -> None:
    file, rejects = tmp_path / "a.jsonl", tmp_path / "rejects.jsonl"
    good = json.dumps({"time": TIME, "output": FAILED})
    file.write_bytes(
        good.encode() + b"\r\n\n{\n\xff\xfe\n[1]\n" + json.dumps({"output": FAILED}).encode() + b"\n" + good.encode()
    )
    done = replay(file, "--reject", rejects, receiver=receiver)
    assert done.returncode == Exit.SOME_REJECTED
    lines = [json.loads(line) for line in rejects.read_text(encoding="utf-8").splitlines()]
    assert [(line["line"], line["reason"]) for line in lines] == [
        (3, "not_json"),
        (4, "not_utf8"),
        (5, "not_an_object"),
        (6, "no_time"),
    ]
    assert [line.get("text") for line in lines] == ["{", None, "[1]", json.dumps({"output": FAILED})]
    assert lines[1]["base64"] == "//4="
    assert {line["file"] for line in lines} == {str(file)}
    # The same answer twice is one.
    assert (len(receiver.spans), len(set(receiver.span_ids))) == (4, 2)
    assert "4 rejected (no_time 1, not_an_object 1, not_json 1, not_utf8 1)" in said(done)
    assert "1 passed over (blank 1)" in said(done)

    named = replay(file, "--time", "2026-03-01T12:00:00Z", receiver=receiver)
    assert named.returncode == Exit.SOME_REJECTED
    assert [line.partition(": ")[0] for line in said(named).splitlines()[:3]] == [f"{file}:{n}" for n in (3, 4, 5)]


def test_many_bad_lines_are_named_up_to_a_point_and_all_counted(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"{\n" * 50)
    done = replay(file, "--to", "console")
    assert done.returncode == Exit.SOME_REJECTED
    assert said(done).count(f"{file}:") == 20
    assert "--reject FILE keeps them all" in said(done)
    assert "50 rejected (not_json 50)" in said(done)


def test_a_file_that_breaks_off_is_done_up_to_there(receiver: Receiver, tmp_path: Path) -> None:
    packed = gzip.compress(archive(tmp_path / "plain", 3).read_bytes())
    broken, whole = tmp_path / "a.gz", archive(tmp_path / "b.jsonl", 3, start=3)
    broken.write_bytes(packed[:-9])
    done = replay(broken, whole, receiver=receiver)
    assert done.returncode == Exit.SOME_REJECTED
    assert "rejected (unreadable 1)" in said(done)
    assert {span.start_time_unix_nano // 10**9 - TIME for span in receiver.spans} >= {3, 4, 5}


def test_standard_input_and_standard_output(tmp_path: Path) -> None:
    text = archive(tmp_path / "a.jsonl", 3).read_bytes()
    for given in (text, gzip.compress(text)):
        done = replay("-", "--to", "console", text=given)
        assert done.returncode == Exit.ALL, said(done)
        assert done.stdout.decode().splitlines() == [
            "2023-11-14T22:13:20Z ⚑ m a0 non_compliant · ten words: there are two",
            "2023-11-14T22:13:21Z   m a1 compliant · name a fish: named",
        ]
    done = replay("-", "--to", "console", text=text.splitlines()[0])
    assert said(done).splitlines()[-3:] == [
        "1 line, 2 spans",
        "1 confession (non_compliant 1), 1 of them flagged",
        "0 answers without a confession",
    ]
    lines = replay("-", "--to", "jsonl", text=text).stdout.splitlines()
    assert [next(iter(json.loads(line))) for line in lines] == ["resourceSpans", "resourceLogs"] * 2 + ["resourceSpans"]
    lines = replay("-", "--to", "jsonl", "--no-events", text=text).stdout.splitlines()
    assert [next(iter(json.loads(line))) for line in lines] == ["resourceSpans"] * 3


def test_what_is_written_as_jsonl_can_be_replayed_and_adds_nothing(receiver: Receiver, tmp_path: Path) -> None:
    written = tmp_path / "w.jsonl"
    replay(archive(tmp_path / "a.jsonl", 3), "--to", "jsonl", "--output", written)
    done = replay(written, receiver=receiver)
    assert (done.returncode, receiver.spans) == (Exit.ALL, [])
    assert "already_recorded 4" in said(done)


def test_a_model_cannot_write_to_the_terminal() -> None:
    line = {"time": TIME, "id": "\x1b[2J", "output": FAILED.replace("two", "\x1b]0;x\x07 two")}
    done = replay("-", "--to", "console", text=json.dumps(line).encode())
    assert b"\x1b" not in done.stdout
    assert len(done.stdout.splitlines()) == 1


def test_settings_hold(receiver: Receiver, tmp_path: Path) -> None:
    file = archive(tmp_path / "a.jsonl", 3)
    assert replay(file, receiver=receiver, CONFESSION_OTEL_CAPTURE="verdict").returncode == Exit.ALL
    sent = b"".join(
        [*(one.SerializeToString() for one in receiver.spans), *(one.SerializeToString() for one in receiver.events)]
    )
    assert b"non_compliant" in sent
    assert b"ten words" not in sent
    off = replay(file, receiver=receiver, CONFESSION_OTEL_ENABLED="false")
    assert (off.returncode, "CONFESSION_OTEL_ENABLED is off" in said(off)) == (Exit.CANNOT_RUN, True)
    typo = replay(file, "--to", "console", CONFESSION_OTEL_FLAG_ON="everything")
    assert "CONFESSION_OTEL_FLAG_ON=everything is not used" in said(typo)


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_endpoint_that_refuses_ends_it_and_it_can_be_resumed(receiver: Receiver, tmp_path: Path, jobs: int) -> None:
    file = archive(tmp_path / "a.jsonl", 3)
    receiver.status[TRACES] = 401
    done = replay(file, "--jobs", jobs, receiver=receiver)
    assert (done.returncode, receiver.spans) == (Exit.CANNOT_RUN, [])
    assert f"{receiver.endpoint}/v1/traces answered 401" in said(done).replace("\n", "")
    assert "Traceback" not in said(done)

    receiver.status = {TRACES: 200, LOGS: 404}
    done = replay(file, "--resume", "--jobs", jobs, receiver=receiver)
    assert done.returncode == Exit.CANNOT_RUN
    assert "/v1/logs answered 404" in said(done)
    assert "--no-events" in said(done)

    receiver.refused = 2
    done = replay(file, "--resume", "--no-events", "--jobs", jobs, receiver=receiver)
    assert done.returncode == Exit.CANNOT_RUN
    assert "refused 2: too old" in said(done)

    receiver.refused = 0
    done = replay(file, "--resume", "--no-events", "--jobs", jobs, receiver=receiver)
    assert done.returncode == Exit.ALL
    assert len(set(receiver.span_ids)) == 5


def test_where_nobody_listens_it_says_so(tmp_path: Path) -> None:
    done = replay(
        archive(tmp_path / "a.jsonl", 1),
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9",
        OTEL_EXPORTER_OTLP_TIMEOUT="1",
    )
    assert done.returncode == Exit.CANNOT_RUN
    assert "did not take the spans: it did not answer" in said(done)


@pytest.mark.parametrize(
    ("arguments", "words", "variables"),
    [
        (["FILE", "--to", "paper"], "it is one of otlp, console, jsonl", {}),
        (["FILE", "--time", "noon"], "--time 'noon': a time is", {}),
        (["-", "-"], "standard input", {}),
        (["-", "--resume"], "standard input", {}),
        (["FILE", "--output", "x"], "--output is for", {}),
        (["FILE", "--to", "jsonl", "--resume"], "--resume needs --output", {}),
        (["FILE.none", "--to", "console"], "No such file", {}),
        (["FILE", "--to", "jsonl", "--output", "none/x"], "No such file", {}),
        (["FILE"], "asks for grpc", {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}),
    ],
)
def test_what_cannot_be_run_says_why_and_ends_with_2(
    tmp_path: Path, arguments: list[str], words: str, variables: dict[str, Any]
) -> None:
    file = archive(tmp_path / "a.jsonl", 1)
    done = replay(*(argument.replace("FILE", str(file)) for argument in arguments), **variables)
    assert (done.returncode, done.stdout) == (Exit.CANNOT_RUN, b"")
    assert words in said(done)
    assert "Traceback" not in said(done)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--to", "jsonl", "--output", "ARCHIVE"],
        ["--to", "console", "--output", "LINK"],
        ["--to", "jsonl", "--reject", "HARD"],
        ["--state", "ARCHIVE"],
        ["--to", "jsonl", "--output", "NEW", "--reject", "NEW"],
        ["--to", "jsonl", "--output", "NEW", "--state", "NEW"],
    ],
)
def test_no_file_is_written_that_is_read_or_written_twice(tmp_path: Path, arguments: list[str]) -> None:
    file = archive(tmp_path / "ARCHIVE", 3)
    (tmp_path / "LINK").symlink_to(file)
    (tmp_path / "HARD").hardlink_to(file)
    before = file.read_bytes()
    named = [str(tmp_path / one) if one.isupper() else one for one in arguments]
    done = replay(tmp_path / "ARCHIVE", *named, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    assert (done.returncode, done.stdout) == (Exit.CANNOT_RUN, b"")
    assert "name another file" in said(done)
    assert file.read_bytes() == before
    assert not (tmp_path / "NEW").exists()


def test_to_standard_output_nothing_is_left_beside_the_archive(tmp_path: Path) -> None:
    file = archive(tmp_path / "a.jsonl", 3000)
    process = subprocess.Popen(
        command(file, "--to", "console"), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline()
    process.stdout.close()
    process.stdout = None
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors.decode()) == (Exit.CANNOT_RUN, "standard output: Broken pipe\n")
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a file that is always full")
@pytest.mark.parametrize("name", ["--output", "--reject"])
def test_a_full_disk_is_named(tmp_path: Path, name: str) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(json.dumps({"time": TIME, "output": FAILED}) + "\nnope\n", encoding="utf-8")
    done = replay(file, "--to", "console", "--state", tmp_path / "state", name, "/dev/full")
    assert done.returncode == Exit.CANNOT_RUN
    assert said(done).splitlines()[-1] == "/dev/full: No space left on device"


def test_closed_standard_input_is_said_to_be() -> None:
    text = " ".join(command("-", "--to", "console")) + " <&-"
    done = subprocess.run(["sh", "-c", text], env=environment(), capture_output=True, timeout=60, check=False)
    assert (done.returncode, said(done)) == (Exit.CANNOT_RUN, "standard input: Bad file descriptor\n")


def test_an_endpoint_that_is_away_for_a_moment_is_waited_for(receiver: Receiver, tmp_path: Path) -> None:
    receiver.status[TRACES] = 503
    process = subprocess.Popen(
        command(archive(tmp_path / "a.jsonl", 3)), env=environment(receiver), stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    assert b"Service Unavailable" in process.stderr.readline()
    receiver.status[TRACES] = 200
    process.communicate(timeout=60)
    assert (process.returncode, len(receiver.spans)) == (Exit.ALL, 5)


def test_resumed_where_nothing_was_begun_it_says_so(receiver: Receiver, tmp_path: Path) -> None:
    file = archive(tmp_path / "a.jsonl", 3)
    done = replay(file, "--resume", receiver=receiver)
    assert (done.returncode, len(receiver.spans)) == (Exit.ALL, 5)
    assert f"there is no {file}.replay-state: this begins at the beginning" in said(done)


def test_a_state_of_other_files_is_not_gone_on_from(receiver: Receiver, tmp_path: Path) -> None:
    file = archive(tmp_path / "a.jsonl", 3)
    receiver.status[TRACES] = 401
    replay(file, receiver=receiver)
    receiver.status[TRACES] = 200
    archive(file, 3, start=7)
    done = replay(file, "--resume", receiver=receiver)
    assert (done.returncode, receiver.spans) == (Exit.CANNOT_RUN, [])
    assert "is of another replay" in said(done)
    Path(f"{file}.replay-state").write_text("[]")
    done = replay(file, "--resume", receiver=receiver)
    assert (done.returncode, "cannot be read" in said(done)) == (Exit.CANNOT_RUN, True)
    assert replay(file, receiver=receiver).returncode == Exit.ALL


def test_pieces_are_whole_lines_whatever_their_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "SIZE", 64)
    monkeypatch.setattr(chunks, "LONGEST", 200)
    lines = [b"x" * length for length in (0, 10, 63, 64, 65, 150, 5, 199, 1, 900, 7)]
    whole = b"\n".join(lines)
    plain, packed = tmp_path / "a", tmp_path / "a.gz"
    plain.write_bytes(whole)
    packed.write_bytes(gzip.compress(whole))
    for path in (plain, packed):
        pieces = list(chunks.chunks([str(path)]))
        assert all(piece.data.endswith(b"\n") for piece in pieces[:-1] if len(piece.data) <= 200)
        found = [line for piece in pieces for line in piece.data.removesuffix(b"\n").split(b"\n")]
        # Of the line that is too long, enough is left to see that it is.
        assert [line if len(line) <= 200 else lines[9] for line in found] == lines
        assert max(len(piece.data) for piece in pieces) <= 64 + 201
        assert pieces[-1].end == len(whole)
        for at, piece in enumerate(pieces):
            assert list(chunks.chunks([str(path)], 0, piece.end)) == pieces[at + 1 :]

"""`way=ask` with the OpenAI SDK in a process that SIGTERM ends: each answer is asked about, or counted as given up."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from confession_otel.asking.worker import EXIT_PATIENCE
from confession_otel.testing import Reply

if TYPE_CHECKING:
    from hooks.asking.conftest import Scene

SCRIPT = Path(__file__).with_name("exit_script.py")
LATE = 2.0
"""Seconds that a machine which does other things as well may come late to the end of a wait."""
ENDING = 20.0
"""Seconds in which, on such a machine, telemetry goes out and the interpreter ends when nothing is waited for."""


@dataclass(frozen=True)
class Ended:
    """What is left of an application."""

    signalled: float
    """In seconds since the epoch."""
    seconds: float
    """From then to the end."""
    exported: list[dict[str, Any]]
    """Spans, and batches of metrics, in their order."""

    def spans(self, name: str) -> list[dict[str, Any]]:
        return [one for one in self.exported if one.get("name") == name]

    def waited(self) -> float:
        """Seconds from the signal to the end of the last confession's span."""
        ends = [datetime.strptime(span["end_time"], "%Y-%m-%dT%H:%M:%S.%f%z") for span in self.spans("confession")]
        return max(ends).timestamp() - self.signalled

    def answers(self) -> dict[str, int]:
        """`confession.answers`, by status and reason."""
        # Cumulative: the last batch says all.
        batch = [one for one in self.exported if "resource_metrics" in one][-1]
        metrics = [
            one for found in batch["resource_metrics"] for scope in found["scope_metrics"] for one in scope["metrics"]
        ]
        (counted,) = [one["data"]["data_points"] for one in metrics if one["name"] == "confession.answers"]
        keys = "confession.status", "confession.reason"
        return {
            " ".join(labels[key] for key in keys if key in labels): count
            for labels, count in ((point["attributes"], point["value"]) for point in counted)
        }


def terminated(scene: Scene, colour: str) -> Ended:
    """An application that SIGTERM strikes after its ten answers, while four requests for a confession are under way."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", SCRIPT, scene.server.base_url, colour],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n", process.communicate()[1]
            began = time.monotonic()
            while len(scene.asked) < 4:
                assert time.monotonic() - began < 10
                time.sleep(0.005)
            assert len(scene.asked) < 10
            signalled, began = time.time(), time.monotonic()
            process.send_signal(signal.SIGTERM)
            output, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    seconds = time.monotonic() - began
    assert (process.returncode, errors) == (0, "")
    return Ended(signalled, seconds, [json.loads(line) for line in output.splitlines()])


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_what_hangs_and_what_waits_when_the_process_is_ended_is_given_up_and_counted(scene: Scene, colour: str) -> None:
    scene.confession = Reply(b"{}", delay=60)
    ended = terminated(scene, colour)
    assert EXIT_PATIENCE - 0.5 < ended.waited() < EXIT_PATIENCE + LATE
    assert ended.seconds < EXIT_PATIENCE + ENDING
    assert ended.answers() == {"failed shut_down": 4, "not_asked shut_down": 6}
    answers = {span["context"]["span_id"] for span in ended.spans("chat m-1")}
    assert len(answers) == 10
    given_up = ended.spans("confession")
    assert [span["attributes"]["error.type"] for span in given_up] == ["shut_down"] * 4
    assert [span["status"]["status_code"] for span in given_up] == ["ERROR"] * 4
    asked_about = {span["parent_id"] for span in given_up}
    assert len(asked_about) == 4
    assert asked_about < answers
    assert len(scene.asked) == 4


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_what_can_be_done_in_time_when_the_process_is_ended_is_done(scene: Scene, colour: str) -> None:
    scene.confession = scene.slow(1.0)
    ended = terminated(scene, colour)
    assert ended.waited() < EXIT_PATIENCE
    assert ended.seconds < EXIT_PATIENCE + ENDING
    assert ended.answers() == {"confessed": 10}
    confessions = ended.spans("confession")
    assert [span["attributes"]["confession.verdict"] for span in confessions] == ["compliant"] * 10
    answers = {span["context"]["span_id"] for span in ended.spans("chat m-1")}
    assert len(answers) == 10
    assert {span["parent_id"] for span in confessions} == answers


def test_where_the_loop_of_a_transport_ends_with_the_process_each_answer_is_counted(scene: Scene) -> None:
    scene.confession = Reply(b"{}", delay=60)
    ended = terminated(scene, "async, own transport")
    assert ended.seconds < EXIT_PATIENCE + ENDING
    assert sum(ended.answers().values()) == 10
    assert all(answer.startswith("failed ") for answer in ended.answers())
    assert len(ended.spans("confession")) == 10

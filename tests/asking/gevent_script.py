"""The worker under gevent's monkey patching: run by an interpreter that has gevent; prints `ok`.

The worker is made before the patching, as where a server loads the host's code, forks, and patches in its children.
"""

from __future__ import annotations

import sys
import threading
import time

from gevent import monkey  # type: ignore[import-untyped, unused-ignore]

from confession_otel.asking.budget import Budget
from confession_otel.asking.worker import Worker

WORKER = Worker(100, 4)
BUDGET = Budget(max_requests_per_minute=10)

monkey.patch_all()

import os  # noqa: E402

import gevent  # noqa: E402


class Job:
    """Remembers what became of it."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.outcomes: list[str] = []
        self.greenlet: object = None

    def run(self, turn: object) -> None:
        self.greenlet = gevent.getcurrent()
        time.sleep(self.seconds)
        if turn.settle():  # type: ignore[attr-defined]
            self.outcomes.append("run")

    def dropped(self, reason: str) -> None:
        self.outcomes.append(reason)


def check(*, holds: bool, what: str) -> None:
    if not holds:
        sys.exit(what)


def the_hub_goes_on() -> None:
    ticks = []

    def tick() -> None:
        while True:
            ticks.append(time.monotonic())
            gevent.sleep(0.01)

    ticking = gevent.spawn(tick)
    jobs = [Job(0.1) for _ in range(20)]
    started = time.monotonic()
    check(holds=not any(WORKER.submit(job) for job in jobs), what="refused")
    check(holds=WORKER.flush(30), what="not flushed")
    seconds = time.monotonic() - started
    check(holds=all(job.outcomes == ["run"] for job in jobs), what="not all run")
    check(holds=0.4 < seconds < 20, what=f"20 jobs of 0.1 s, 4 at a time, took {seconds} s")
    check(holds=len(ticks) > 10, what="the hub stood still while jobs ran")
    # Idle now: a wait that is none of gevent's would stop everybody.
    before = len(ticks)
    gevent.sleep(0.3)
    check(holds=len(ticks) - before > 5, what="the hub stood still while the threads were idle")
    ticking.kill()


def a_hanging_job_is_given_up() -> None:
    worker = Worker(100, 4)
    hanging, waiting = [Job(600) for _ in range(4)], Job()
    for job in (*hanging, waiting):
        worker.submit(job)
    gevent.sleep(0.1)
    check(holds=not worker.shutdown(0.2), what="shut down though a job hangs")
    check(holds=all(job.outcomes == ["shut_down"] for job in (*hanging, waiting)), what="not all dropped")


def a_killed_greenlet_is_replaced() -> None:
    job, after = Job(600), Job()
    WORKER.submit(job)
    gevent.sleep(0.1)
    gevent.kill(job.greenlet)
    WORKER.submit(after)
    check(holds=WORKER.flush(30), what="not flushed after a kill")
    check(holds=(job.outcomes, after.outcomes) == ([], ["run"]), what="after a kill")


def a_fork_begins_anew() -> None:
    # gevent's greenlets live on in the child.
    parents = [Job(0.2) for _ in range(10)]
    for job in parents:
        WORKER.submit(job)
    gevent.sleep(0.05)
    child = os.fork()
    if child == 0:
        own = Job()
        WORKER.submit(own)
        done = WORKER.flush(20)
        gevent.sleep(0.5)
        os._exit(not (done and own.outcomes == ["run"] and not any(job.outcomes for job in parents)))
    _, status = os.waitpid(child, 0)
    check(holds=os.waitstatus_to_exitcode(status) == 0, what="the child")
    check(holds=WORKER.flush(30), what="not flushed after a fork")
    check(holds=all(job.outcomes == ["run"] for job in parents), what="not all run after a fork")


class AtExit(Job):
    def run(self, turn: object) -> None:
        time.sleep(0.3)
        sys.stdout.write("ok\n")
        sys.stdout.flush()


if __name__ == "__main__":
    check(holds=threading.current_thread() is threading.main_thread(), what="not the main thread")
    the_hub_goes_on()
    a_hanging_job_is_given_up()
    a_killed_greenlet_is_replaced()
    a_fork_begins_anew()
    WORKER.submit(AtExit())

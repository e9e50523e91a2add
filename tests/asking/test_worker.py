"""Jobs in the background: each run or dropped once, whatever hangs, raises, forks or ends.

Times are bounds for what must not take for ever, generous enough for a machine that does other things as well.
"""

from __future__ import annotations

import contextlib
import contextvars
import gc
import os
import random
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from confession_otel.asking import worker as module
from confession_otel.asking.worker import Worker
from confession_otel.semconv import NotAsked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from confession_otel.asking.worker import Turn

SOON = 30.0
"""Seconds that something takes at most which takes next to none."""


class Job:
    """Remembers what became of it."""

    def __init__(self, act: Callable[[Turn], object] = lambda _: None) -> None:
        self.act = act
        self.outcomes: list[str] = []
        self.begun = threading.Event()

    def run(self, turn: Turn) -> None:
        self.begun.set()
        self.act(turn)
        if turn.settle():
            self.outcomes.append("run")

    def dropped(self, reason: NotAsked) -> None:
        self.outcomes.append(reason)


class Gate(Job):
    """Runs until it is opened."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        super().__init__(lambda _: self.opened.wait(SOON))


@pytest.fixture
def make() -> Iterator[Callable[[int, int], Worker]]:
    """Makes workers that leave no thread behind."""
    made = []

    def make(max_queue: int, max_concurrency: int) -> Worker:
        made.append(Worker(max_queue, max_concurrency))
        return made[-1]

    yield make
    for worker in made:
        worker.shutdown(SOON)


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("confession-otel-asking")]


def within(seconds: float, reached: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not reached() and time.monotonic() < deadline:
        time.sleep(0.005)
    return reached()


def test_a_worker_that_is_given_nothing_does_nothing(make: Any) -> None:
    worker = make(1, 1)
    assert worker._crews == {}
    assert worker.flush(0) is True
    assert threads() == []


def test_all_jobs_run_and_never_more_than_allowed_at_once(make: Any) -> None:
    worker = make(100, 4)
    lock, now, most = threading.Lock(), 0, 0

    def act(_: Turn) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.002)
        with lock:
            now -= 1

    jobs = [Job(act) for _ in range(100)]
    assert [worker.submit(job) for job in jobs] == [None] * 100
    assert worker.flush(SOON) is True
    assert [job.outcomes for job in jobs] == [["run"]] * 100
    assert 1 < most <= 4
    assert len(threads()) <= 4


def test_one_thread_serves_jobs_that_come_one_after_the_other(make: Any) -> None:
    worker = make(10, 4)
    names = set()
    for _ in range(20):
        worker.submit(Job(lambda _: names.add((threading.current_thread().name, threading.current_thread().daemon))))
        assert worker.flush(SOON)
        # Over is not yet idle.
        assert within(SOON, lambda: worker._crew()._idle == 1)
    assert names == {("confession-otel-asking-1", True)}


def test_a_full_queue_refuses_the_newest(make: Any) -> None:
    worker = make(2, 1)
    gate, jobs = Gate(), [Job() for _ in range(4)]
    worker.submit(gate)
    assert gate.begun.wait(SOON)
    assert [worker.submit(job) for job in jobs] == [None, None, NotAsked.QUEUE_FULL, NotAsked.QUEUE_FULL]
    gate.opened.set()
    assert worker.flush(SOON)
    assert [job.outcomes for job in jobs] == [["run"], ["run"], [], []]


def test_a_job_that_raises_ends_there_and_the_thread_goes_on(make: Any, swallowed: list[tuple[str, Exception]]) -> None:
    worker = make(10, 1)
    after = Job()
    worker.submit(Job(lambda _: 1 / 0))
    worker.submit(after)
    assert worker.flush(SOON)
    assert after.outcomes == ["run"]
    assert threads() == ["confession-otel-asking-1"]
    assert [site for site, _ in swallowed] == ["asking.worker"]
    swallowed.clear()


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_what_ends_a_thread_leaves_the_queue_to_another(make: Any, kind: type[BaseException]) -> None:
    worker = make(10, 1)
    gate, after, much_later = Gate(), Job(), Job()

    def end(_: Turn) -> None:
        raise kind

    worker.submit(gate)
    worker.submit(Job(end))
    worker.submit(after)
    gate.opened.set()
    assert worker.flush(SOON)
    assert after.outcomes == ["run"]
    worker.submit(Job(end))
    assert worker.flush(SOON)
    worker.submit(much_later)
    assert worker.flush(SOON)
    assert much_later.outcomes == ["run"]
    assert worker.shutdown(SOON)
    assert worker._crew()._threads == 0


def test_threads_end_when_there_is_nothing_to_do(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE_PATIENCE", 0.05)
    worker = make(10, 3)
    for _ in range(3):
        worker.submit(Job(lambda _: time.sleep(0.02)))
    assert worker.flush(SOON)
    assert within(SOON, lambda: threads() == [])
    again = Job()
    worker.submit(again)
    assert worker.flush(SOON)
    assert again.outcomes == ["run"]


def test_no_job_is_forgotten_by_a_thread_that_is_about_to_end(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE_PATIENCE", 0.001)
    worker = make(10, 1)
    for _ in range(300):
        job = Job()
        assert worker.submit(job) is None
        assert worker.flush(SOON)
        assert job.outcomes == ["run"]
        time.sleep(random.random() * 0.002)  # noqa: S311 - data


def test_nothing_of_a_job_lives_on_once_it_is_over(make: Any) -> None:
    worker = make(10, 1)
    job = Job()
    seen = weakref.ref(job)
    worker.submit(job)
    assert worker.flush(SOON)
    del job
    gc.collect()
    assert within(SOON, lambda: seen() is None)


def test_a_job_sees_nothing_of_the_context_it_was_submitted_in_nor_of_another_job(make: Any) -> None:
    worker = make(10, 1)
    variable = contextvars.ContextVar("variable", default="none")
    variable.set("the host's")
    seen = []

    def act(_: Turn) -> None:
        seen.append(variable.get())
        variable.set("a job's")

    for _ in range(2):
        worker.submit(Job(act))
    assert worker.flush(SOON)
    assert seen == ["none", "none"]


@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), MemoryError()])
def test_without_threads_to_be_had_a_job_is_refused(
    make: Any, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    worker = make(10, 2)

    def start(_: threading.Thread) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        assert worker.submit(Job()) is NotAsked.QUEUE_FULL
        assert worker.flush(0) is True
    gate, job = Gate(), Job()
    assert worker.submit(gate) is None
    gate.begun.wait(SOON)
    with monkeypatch.context() as patch:
        # There is one, so it can wait for that.
        patch.setattr(threading.Thread, "start", start)
        assert worker.submit(job) is None
    gate.opened.set()
    assert worker.flush(SOON)
    assert job.outcomes == ["run"]


# --- flush ------------------------------------------------------------------------------------------------------------


def test_flush_returns_in_time_from_several_threads_while_a_job_hangs(make: Any) -> None:
    worker = make(10, 1)
    gate = Gate()
    worker.submit(gate)
    worker.submit(Job())
    took: list[tuple[bool, float]] = []

    def flush() -> None:
        start = time.monotonic()
        took.append((worker.flush(1), time.monotonic() - start))

    flushing = [threading.Thread(target=flush) for _ in range(5)]
    for thread in flushing:
        thread.start()
    for thread in flushing:
        thread.join()
    gate.opened.set()
    assert [done for done, _ in took] == [False] * 5
    assert all(0.9 < seconds < 1.6 for _, seconds in took)


def test_flush_waits_for_what_came_before_it_alone(make: Any) -> None:
    worker = make(10, 2)
    first, second = Gate(), Gate()
    worker.submit(first)
    done: list[bool] = []
    flushing = threading.Thread(target=lambda: done.append(worker.flush(SOON)))
    flushing.start()
    assert within(SOON, lambda: bool(worker._crew()._progress._waiters))
    worker.submit(second)
    assert second.begun.wait(SOON)
    assert not done
    first.opened.set()
    flushing.join()
    assert done == [True]
    assert second.outcomes == []
    second.opened.set()


def test_flush_inside_a_job_waits_for_the_others(make: Any) -> None:
    worker = make(10, 2)
    gate, flushed = Gate(), []
    worker.submit(gate)

    def act(_: Turn) -> None:
        flushed.append(worker.flush(0.05))
        gate.opened.set()
        flushed.append(worker.flush(SOON))

    worker.submit(Job(act))
    assert worker.flush(SOON)
    assert flushed == [False, True]


def test_any_number_of_seconds_will_do(make: Any) -> None:
    worker = make(10, 1)
    gate = Gate()
    worker.submit(gate)
    assert worker.flush(-1) is False
    assert worker.flush(0) is False
    gate.opened.set()
    assert worker.flush(float("inf")) is True


# --- shutdown ---------------------------------------------------------------------------------------------------------


def test_shutdown_waits_and_then_takes_no_more(make: Any) -> None:
    worker = make(10, 2)
    jobs = [Job(lambda _: time.sleep(0.01)) for _ in range(6)]
    for job in jobs:
        worker.submit(job)
    assert worker.shutdown(SOON) is True
    assert [job.outcomes for job in jobs] == [["run"]] * 6
    assert threads() == []
    late = Job()
    assert worker.submit(late) is NotAsked.SHUT_DOWN
    assert late.outcomes == []
    assert worker.shutdown(0) is True


def test_shutdown_before_the_first_job_counts(make: Any) -> None:
    worker = make(10, 1)
    assert worker.shutdown(0) is True
    assert worker.submit(Job()) is NotAsked.SHUT_DOWN


def test_shutdown_drops_what_waits_and_what_hangs_once_and_for_all(make: Any) -> None:
    worker = make(10, 1)
    gate, waiting = Gate(), Job()
    worker.submit(gate)
    worker.submit(waiting)
    assert gate.begun.wait(SOON)
    start = time.monotonic()
    assert worker.shutdown(0.2) is False
    assert time.monotonic() - start < 10
    assert (gate.outcomes, waiting.outcomes) == (["shut_down"], ["shut_down"])
    # Nobody waits again for what was given up, and it does not take the place of what comes.
    start = time.monotonic()
    assert worker.shutdown(SOON) is True
    assert worker.flush(SOON) is True
    assert time.monotonic() - start < 10
    gate.opened.set()
    assert within(SOON, lambda: threads() == [])
    assert gate.outcomes == ["shut_down"]


def test_a_job_that_has_settled_is_not_dropped_though_it_hangs(make: Any) -> None:
    worker = make(10, 1)
    settled, opened = threading.Event(), threading.Event()

    def act(turn: Turn) -> None:
        assert turn.settle()
        settled.set()
        opened.wait(SOON)

    job = Job(act)
    worker.submit(job)
    assert settled.wait(SOON)
    assert worker.shutdown(0.05) is False
    opened.set()
    assert within(SOON, lambda: threads() == [])
    assert job.outcomes == []


def test_shutdown_inside_a_job_does_not_wait_for_that_job(make: Any) -> None:
    worker = make(10, 2)
    results = []
    job = Job(lambda _: results.append(worker.shutdown(SOON)))
    worker.submit(job)
    assert within(SOON, lambda: threads() == [])
    assert results == [True]
    assert job.outcomes == ["run"]


def test_a_dropped_that_raises_does_not_keep_the_rest_from_being_dropped(
    make: Any, swallowed: list[tuple[str, Exception]]
) -> None:
    class Raising(Job):
        def dropped(self, reason: NotAsked) -> None:
            raise OSError

    worker = make(10, 1)
    gate, last = Gate(), Job()
    for job in (gate, Raising(), last):
        worker.submit(job)
    assert worker.shutdown(0) is False
    gate.opened.set()
    assert last.outcomes == ["shut_down"]
    assert [site for site, _ in swallowed] == ["asking.dropped"]
    swallowed.clear()


@pytest.mark.parametrize("seed", range(10))
def test_each_job_taken_is_run_or_dropped_once_while_everything_happens_at_once(make: Any, seed: int) -> None:
    workers = [make(20, 4)]
    dice = random.Random(seed)  # noqa: S311 - data
    naps = [dice.choice([0, 0, 0.0005, 0.003]) for _ in range(97)]
    taken: list[Job] = []
    refused: list[Job] = []
    stop = threading.Event()

    def submit(offset: int) -> None:
        for number in range(150):
            nap = naps[(offset + number) % len(naps)]
            job = Job(lambda _, nap=nap: time.sleep(nap))  # type: ignore[misc] # the default binds the loop's value
            (refused if workers[-1].submit(job) else taken).append(job)

    def disturb() -> None:
        while not stop.is_set():
            worker = workers[-1]
            worker.flush(0.001)
            worker.shutdown(dice.choice([0, 0.001, 0.01]))
            # Jobs go on coming to the one that is shut, and to the next.
            workers.append(make(20, 4))

    submitting = [threading.Thread(target=submit, args=(n * 13,)) for n in range(6)]
    disturbing = [threading.Thread(target=disturb) for _ in range(2)]
    for thread in (*submitting, *disturbing):
        thread.start()
    for thread in submitting:
        thread.join()
    stop.set()
    for thread in disturbing:
        thread.join()
    for worker in workers:
        worker.shutdown(SOON)
    assert within(SOON, lambda: threads() == [])
    assert len(taken) + len(refused) == 900
    outcomes = Counter(tuple(job.outcomes) for job in taken)
    assert set(outcomes) <= {("run",), ("shut_down",)}
    assert {tuple(job.outcomes) for job in refused} <= {()}


# --- what lives with a thread -----------------------------------------------------------------------------------------


def test_a_thing_is_made_once_for_each_thread_and_left_when_it_ends(make: Any) -> None:
    worker = make(10, 2)
    events: list[tuple[str, str]] = []
    both = threading.Barrier(2)

    @contextlib.contextmanager
    def thing() -> Iterator[str]:
        name = threading.current_thread().name
        events.append(("made", name))
        yield name
        events.append(("left", threading.current_thread().name))

    def act(turn: Turn) -> None:
        both.wait(SOON)
        assert turn.kept(thing) == turn.kept(thing) == threading.current_thread().name

    for _ in range(4):
        worker.submit(Job(act))
    assert worker.flush(SOON)
    names = {"confession-otel-asking-1", "confession-otel-asking-2"}
    assert sorted(events) == sorted(("made", name) for name in names)
    assert worker.shutdown(SOON)
    assert sorted(events[2:]) == sorted(("left", name) for name in names)


def test_a_thing_that_raises_when_it_is_left_is_swallowed(make: Any, swallowed: list[tuple[str, Exception]]) -> None:
    @contextlib.contextmanager
    def thing() -> Iterator[None]:
        yield
        raise OSError

    worker = make(10, 1)
    worker.submit(Job(lambda turn: turn.kept(thing)))
    assert worker.shutdown(SOON) is True
    assert threads() == []
    assert [site for site, _ in swallowed] == ["asking.worker.end"]
    swallowed.clear()


# --- processes --------------------------------------------------------------------------------------------------------

PRELUDE = """
import os, signal, sys, threading, time
from confession_otel.asking.worker import Worker

class Job:
    def __init__(self, name, act=lambda: None):
        self.name, self.act = name, act

    def run(self, turn):
        self.act()
        if turn.settle():
            say(self.name, "run")

    def dropped(self, reason):
        say(self.name, str(reason))

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

"""


def started(code: str, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *options, "-X", "dev", "-W", "error", "-c", PRELUDE + code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(code: str, expected: int = 0) -> list[str]:
    with started(code) as process:
        output, errors = process.communicate(timeout=50)
    assert (process.returncode, errors) == (expected, "")
    return output.splitlines()


def test_the_exit_waits_while_telemetry_still_goes_out_and_names_still_resolve() -> None:
    lines = said(
        "from opentelemetry.sdk.trace import TracerProvider\n"
        "from opentelemetry.sdk.trace.export import SimpleSpanProcessor, ConsoleSpanExporter\n"
        "class Exporter(ConsoleSpanExporter):\n"
        "    def export(self, spans): say('span', len(spans)); return super().export([])\n"
        "    def shutdown(self): say('provider shut down')\n"
        "worker = Worker(10, 2)\n"
        "def act():\n"
        "    time.sleep(0.3)\n"
        "    import asyncio, socket\n"
        "    async def resolve(): return await asyncio.get_running_loop().getaddrinfo('127.0.0.1', 80)\n"
        # The first two of 3.12 start no thread any more in the exit.
        "    if sys.version_info[:3] not in ((3, 12, 0), (3, 12, 1)): asyncio.run(resolve())\n"
        "    provider.get_tracer('x').start_span('y').end()\n"
        "for n in range(3): worker.submit(Job(n, act))\n"
        # Set up last, hence the first that `atexit` shuts down.
        "provider = TracerProvider(); provider.add_span_processor(SimpleSpanProcessor(Exporter()))\n"
    )
    assert sorted(lines[:6]) == ["0 run", "1 run", "2 run", "span 1", "span 1", "span 1"]
    assert lines[6:] == ["provider shut down"]


def test_the_exit_gives_up_what_hangs() -> None:
    start = time.monotonic()
    lines = said("worker = Worker(10, 1)\nfor n in range(2): worker.submit(Job(n, lambda: time.sleep(600)))\n")
    assert lines == ["0 shut_down", "1 shut_down"]
    assert module.EXIT_PATIENCE - 0.5 < time.monotonic() - start < module.EXIT_PATIENCE + 20


def test_the_exit_waits_though_the_private_door_to_it_is_gone() -> None:
    lines = said(
        "import concurrent.futures.thread\n"
        "del threading._register_atexit\n"
        "worker = Worker(10, 1); worker.submit(Job(0, lambda: time.sleep(0.2)))\n"
    )
    assert lines == ["0 run"]


def test_what_comes_after_the_exit_began_is_refused() -> None:
    lines = said(
        "import atexit\n"
        "worker = Worker(10, 1); worker.submit(Job(0))\n"
        "atexit.register(lambda: say(worker.submit(Job(1)), worker.flush(1)))\n"
    )
    assert lines == ["0 run", "shut_down True"]


@pytest.mark.parametrize("register", ["atexit.register", "threading._register_atexit"])
def test_a_first_job_in_the_exit_is_refused(register: str) -> None:
    lines = said(f"import atexit\nworker = Worker(10, 1)\n{register}(lambda: say(worker.submit(Job(0))))\n")
    assert lines == ["shut_down"]


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_after_its_jobs(kind: signal.Signals) -> None:
    process = started(
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(3)); signal.signal(signal.SIGINT, lambda *_: sys.exit(3))\n"
        "worker = Worker(10, 1)\n"
        "for n in range(3): worker.submit(Job(n, lambda: time.sleep(0.3)))\n"
        "say('ready'); time.sleep(60)\n"
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(kind)
        output, errors = process.communicate(timeout=50)
    assert (process.returncode, errors) == (3, "")
    assert output.split("\n") == ["0 run", "1 run", "2 run", ""]


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_the_wait(kind: signal.Signals) -> None:
    process = started(
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))\n"
        # A shell's background ignores it, and what is started there does.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "import confession_otel.asking.worker as module; module.EXIT_PATIENCE = 600.0\n"
        "worker = Worker(10, 1)\n"
        "def hang():\n"
        "    while not worker._crew().closed: time.sleep(0.01)\n"
        # Who closed it lets go of the lock only to wait.
        "    with worker._crew()._lock: say('waiting')\n"
        "    time.sleep(600)\n"
        "for n in range(2): worker.submit(Job(n, hang))\n"
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        # Between the lock and the wait no signal wakes a thread of Python's.
        time.sleep(1)
        process.send_signal(kind)
        output, errors = process.communicate(timeout=50)
    assert (process.returncode, errors) == (0, "")
    assert output.splitlines() == ["0 shut_down", "1 shut_down"]


def test_a_signal_handler_may_submit_and_flush_wherever_it_strikes() -> None:
    lines = said(
        "worker = Worker(10**6, 2); taken = []; ran = []\n"
        "def handler(*_):\n"
        "    taken.append(worker.submit(Job2())); worker.flush(0.001)\n"
        "class Job2:\n"
        "    def run(self, turn): ran.append(1)\n"
        "    def dropped(self, reason): ran.append(1)\n"
        "signal.signal(signal.SIGALRM, handler); signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)\n"
        "end = time.monotonic() + 2\n"
        "while time.monotonic() < end: taken.append(worker.submit(Job2())); time.sleep(0)\n"
        "signal.setitimer(signal.ITIMER_REAL, 0)\n"
        "say(worker.flush(30), set(taken), len(taken) == len(ran))\n"
    )
    assert lines == ["True {None} True"]


FORK = """
worker, ran = Worker(1000, 4), []
busy = threading.Event()
class Busy:
    # Takes the worker's lock all the time, so that some forks happen while another thread holds it.
    def run(self, turn):
        while not busy.is_set(): worker.flush(0); worker.submit(Count()) if len(ran) < 300 else None
    def dropped(self, reason): say("dropped", reason)
class Count:
    def run(self, turn): ran.append(os.getpid())
    def dropped(self, reason): say("dropped", reason)
for _ in range(2): worker.submit(Busy())
children = []
for n in range(20):
    pid = os.fork()
    if pid == 0:
        del ran[:]
        mine = [Count() for _ in range(50)]
        refused = [r for r in map(worker.submit, mine) if r]
        ok = worker.flush(20) and not refused and ran == [os.getpid()] * 50 and threading.active_count() <= 5
        # As at the end of a process, with the handlers that the parent registered.
        sys.exit(0 if ok else 1)
    children.append(pid)
    time.sleep(0.005)
say(sorted({os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children}))
busy.set()
say(worker.flush(20), set(ran) == {os.getpid()})
"""


def test_it_works_in_children_forked_while_the_parent_is_busy() -> None:
    # Python 3.12 warns of any fork beside threads.
    lines = said("import warnings; warnings.simplefilter('ignore', DeprecationWarning)\n" + FORK)
    assert lines == ["[0]", "True True"]


def test_what_waited_in_the_parent_runs_there_alone_and_once() -> None:
    lines = said(
        "import warnings; warnings.simplefilter('ignore', DeprecationWarning)\n"
        "worker, gate = Worker(1000, 2), threading.Event()\n"
        "for n in range(2): worker.submit(Job('gate', lambda: gate.wait(30)))\n"
        "for n in range(50): worker.submit(Job('parent'))\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    for n in range(3): worker.submit(Job('child'))\n"
        "    sys.exit(0 if worker.flush(20) else 1)\n"
        "say('child ended', os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
        "gate.set()\n"
    )
    assert Counter(lines) == {"child run": 3, "child ended 0": 1, "gate run": 2, "parent run": 50}


def test_shut_down_in_the_parent_is_shut_down_in_the_child(make: Any) -> None:
    worker = make(10, 1)
    worker.shutdown(0)
    child = os.fork()
    if child == 0:
        closed = worker.submit(Job()) is NotAsked.SHUT_DOWN
        os._exit(not closed)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_a_worker_nobody_holds_is_forgotten(make: Any) -> None:
    worker = Worker(10, 1)
    seen = weakref.ref(worker)
    assert seen in module._workers
    assert worker in module._in_order()
    del worker
    gc.collect()
    assert seen() is None
    assert seen not in module._workers


def test_it_works_under_gevents_monkey_patching() -> None:
    # In a process of its own: what gevent patches stays patched.
    script = Path(__file__).with_name("gevent_script.py")
    done = subprocess.run([sys.executable, script], check=False, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout.split()) == (0, ["ok"]), done.stderr

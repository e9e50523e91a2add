"""The background: what must not hold up the host runs here, on a few daemon threads that come and go with the work.

A job that was taken is run or dropped, never both and never neither. Who would tell the outcome asks `Turn.settle()`
first, and it is granted once: to the job that has come to its end, or to the shutdown that gives it up, hence nothing
is told twice, however late a job that hung comes back.

Every primitive is made when the first job comes, not before: gevent may have patched `threading` by then, and a process
that loads the host's code and then forks its servers patches it only in these.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections import deque
from contextlib import ExitStack
from contextvars import Context
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar
from weakref import ref

from confession_otel.guard import Site
from confession_otel.semconv import NotAsked

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

IDLE_PATIENCE: Final = 30.0
"""Seconds without a job after which a thread ends."""
EXIT_PATIENCE: Final = 5.0
"""Seconds for which the interpreter's exit waits for the jobs."""

_RUN: Final = Site("asking.worker")
_DROPPED: Final = Site("asking.dropped")
_END: Final = Site("asking.worker.end")

Kept = TypeVar("Kept")


class Job(Protocol):
    """Something to do in the background. Of the two methods one is called, once."""

    def run(self, turn: Turn, /) -> None:
        """Do it, on a thread of the worker and in an empty context; tell the outcome if `turn.settle()` grants it.

        What it raises ends here. It bounds its own time: nobody can end a thread from outside.
        """

    def dropped(self, reason: NotAsked, /) -> None:
        """It is given up, perhaps in the middle of `run`. Called by whoever shuts the worker down."""


class Turn:
    """A job's place in the queue, then on a thread, and what the job may ask of the worker while it is there."""

    __slots__ = ("_settled", "job", "number", "things")

    things: Things
    """Those of the thread, once the job is on one."""

    def __init__(self, job: Job, number: int) -> None:
        self.job = job
        self.number = number
        self._settled = threading.Lock()

    def settle(self) -> bool:
        """May the outcome be told? True for the first who asks; false for a job once it is given up."""
        return self._settled.acquire(blocking=False)

    def kept(self, make: Callable[[], AbstractContextManager[Kept]]) -> Kept:
        """The thread's own thing: made by `make` and entered when first asked for, left when the thread ends."""
        return self.things.kept(make)


class Things(ExitStack):
    """What lives as long as a thread of the worker."""

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[Callable[[], AbstractContextManager[Any]], Any] = {}

    def kept(self, make: Callable[[], AbstractContextManager[Kept]]) -> Kept:
        """See `Turn.kept`."""
        if make not in self._made:
            self._made[make] = self.enter_context(make())
        thing: Kept = self._made[make]
        return thing


class _Crew:
    """The threads and the queue of one life of the worker, which a shutdown ends for good and a fork forgets.

    All state changes under one lock, which nobody holds while a job runs. A turn is in `_queue`, then in `_running`
    under its thread, then in neither: over. Turns are numbered as they come and begin in this order, so what came up
    to a number is over when none of that number or below is left in either.
    """

    def __init__(self, max_queue: int, max_concurrency: int, *, closed: bool = False) -> None:
        self.closed = closed
        self._max_queue = max_queue
        self._max_concurrency = max_concurrency
        # Reentrant: a signal handler or a finaliser may come here while its own thread is inside.
        self._lock = threading.RLock()
        self._work = threading.Condition(self._lock)
        self._progress = threading.Condition(self._lock)
        self._queue: deque[Turn] = deque()
        self._running: dict[int, Turn] = {}
        self._newest = 0
        self._threads = 0
        self._started = 0
        self._idle = 0
        """How many of the threads wait for work."""
        self._abandoned = 0
        """How many of them are inside a job that was given up, hence waited for by nobody."""

    def submit(self, job: Job) -> NotAsked | None:
        with self._lock:
            if self.closed:
                return NotAsked.SHUT_DOWN
            if len(self._queue) >= self._max_queue:
                return NotAsked.QUEUE_FULL
            self._hire(len(self._queue) + 1)
            if not self._threads:
                return NotAsked.QUEUE_FULL
            self._newest += 1
            self._queue.append(Turn(job, self._newest))
            self._work.notify()
            return None

    def flush(self, timeout: float) -> bool:
        with self._lock:
            newest, own = self._newest, self._own()
            return self._wait(lambda: self._is_over(newest, own), timeout)

    def shutdown(self, timeout: float) -> bool:
        try:
            with self._lock:
                self.closed = True
                self._work.notify_all()
                own = self._own()
                mine = 0 if own is None else 1
                # For the threads too: what they keep is then closed, and nothing left to the end of the interpreter.
                self._wait(lambda: self._threads - self._abandoned <= mine, timeout)
                return self._is_over(self._newest, own)
        finally:
            # Also where the wait was interrupted.
            for turn in self._give_up():
                with _DROPPED:
                    turn.job.dropped(NotAsked.SHUT_DOWN)

    def forget(self) -> None:
        """In a fork's child, without the lock, which may never be free again: these jobs are the parent's.

        Threads do not survive the fork, but the one that forked may be one of them, and greenlets all do.
        """
        self.closed = True
        self._queue.clear()
        for turn in list(self._running.values()):
            turn.settle()

    def _own(self) -> Turn | None:
        """The turn that this is called in."""
        return self._running.get(threading.get_ident())

    def _wait(self, reached: Callable[[], bool], timeout: float) -> bool:
        return self._progress.wait_for(reached, min(timeout, threading.TIMEOUT_MAX))

    def _is_over(self, newest: int, own: Turn | None) -> bool:
        if self._queue and self._queue[0].number <= newest:
            return False
        return all(turn is own or turn.number > newest for turn in self._running.values())

    def _give_up(self) -> list[Turn]:
        with self._lock:
            own = self._own()
            running = {thread: turn for thread, turn in self._running.items() if turn is not own}
            for thread in running:
                del self._running[thread]
            self._abandoned += len(running)
            waiting = list(self._queue)
            self._queue.clear()
            self._progress.notify_all()
        return [turn for turn in (*running.values(), *waiting) if turn.settle()]

    def _hire(self, jobs: int) -> None:
        """With the lock: start a thread if more jobs wait than threads, and there may be one more."""
        if jobs <= self._idle or self._threads >= self._max_concurrency:
            return
        self._threads += 1
        self._started += 1
        name = f"confession-otel-asking-{self._started}"
        try:
            # Some Pythons and some instrumentations let a thread inherit the context of its starter: here that would be
            # some request's, for as long as the thread lives.
            Context().run(threading.Thread(target=self._serve, name=name, daemon=True).start)
        except Exception:  # noqa: BLE001 - none at the interpreter's end, none beyond the system's limit
            self._threads -= 1

    def _serve(self) -> None:
        """The life of a thread."""
        try:
            with _END, Things() as things:
                while self._take_a_turn(things):
                    pass
        except BaseException:  # noqa: BLE001, S110 - `SystemExit`, gevent's `GreenletExit`: this thread is to end
            pass
        finally:
            with self._lock:
                self._threads -= 1
                # What came while this thread was on its way out.
                self._hire(len(self._queue))
                self._progress.notify_all()

    def _take_a_turn(self, things: Things) -> bool:
        """Wait for a job and run it; false where none came for long, or none will come any more.

        A function of its own, so that nothing of the job lives on while the thread waits for the next one.
        """
        thread = threading.get_ident()
        with self._lock:
            self._idle += 1
            try:
                self._work.wait_for(lambda: self._queue or self.closed, IDLE_PATIENCE)
            finally:
                self._idle -= 1
            if not self._queue:
                return False
            turn = self._running[thread] = self._queue.popleft()
            turn.things = things
        try:
            with _RUN:
                Context().run(turn.job.run, turn)
        finally:
            turn.settle()
            with self._lock:
                if self._running.pop(thread, None) is None:
                    self._abandoned -= 1
                self._progress.notify_all()
        return True


class Worker:
    """Runs jobs in the background, for the whole process. Costs nothing before the first one."""

    def __init__(self, max_queue: int, max_concurrency: int, *, last: bool = False) -> None:
        """A worker without threads.

        Args:
            max_queue: jobs that may wait, 1 or more; beyond that the newest is refused.
            max_concurrency: jobs that may run at a time, 1 or more, each on a thread of its own.
            last: what other workers' jobs come to makes its jobs: it is waited for after them.
        """
        self.last = last
        self._size = max_queue, max_concurrency
        self._crews: dict[str, _Crew] = {}
        _workers.add(ref(self, _workers.discard))

    def submit(self, job: Job) -> NotAsked | None:
        """Have it run soon. Neither raises nor waits for a job.

        Returns:
            `None`; or why it is not taken: `shut_down`, or `queue_full`, also where no thread is to be had. It is the
            caller's then: `dropped` is not called.
        """
        return self._crew().submit(job)

    def flush(self, timeout: float) -> bool:
        """Wait until all that was submitted before is over. Called inside a job, all but this one.

        It blocks its thread, and with it an event loop that runs there.

        Args:
            timeout: seconds to wait at most.

        Returns:
            True where all of it is over.
        """
        return self._crew().flush(timeout)

    def shutdown(self, timeout: float) -> bool:
        """Take no more jobs, wait for those there are, then drop what is left: what waits, and what still runs.

        It is for good. What runs on after that does so on a daemon thread whose job is told, if it asks, that nobody
        wants to know.

        Args:
            timeout: seconds to wait at most.

        Returns:
            True where nothing was left. May be called again.
        """
        return self._crew().shutdown(timeout)

    def _crew(self) -> _Crew:
        crew = self._crews.get("now")
        if crew is not None:
            return crew
        crew = _Crew(*self._size, closed=not _exit_is_seen_to())
        # One step, which needs no lock: whoever comes second gets what the first one made.
        return self._crews.setdefault("now", crew)

    def _after_fork(self) -> None:
        crew = self._crews.pop("now", None)
        if crew is not None:
            if crew.closed:
                self._crews["now"] = _Crew(*self._size, closed=True)
            crew.forget()


_workers: Final[set[ref[Worker]]] = set()
_registered: Final[list[Callable[[], None]]] = []
"""What the interpreter's exit will call: once, whichever worker came first."""


def flush(timeout: float) -> bool:
    """Wait until all that was submitted before, to any worker, is over; at most `timeout` seconds. True where it is."""
    deadline = time.monotonic() + timeout
    return all(worker.flush(max(0.0, deadline - time.monotonic())) for worker in _in_order())


def shutdown(timeout: float) -> bool:
    """Shut every worker down, in `timeout` seconds at most. True where nothing had to be dropped."""
    deadline = time.monotonic() + timeout
    finished = [worker.shutdown(max(0.0, deadline - time.monotonic())) for worker in _in_order()]
    return all(finished)


def _in_order() -> list[Worker]:
    # Not the set itself: another thread may add to it meanwhile.
    workers = [worker for there in _workers.copy() if (worker := there()) is not None]
    return sorted(workers, key=lambda worker: worker.last)


def _exit_is_seen_to() -> bool:
    """Have the interpreter's exit wait for the jobs while they can still be done and told; false once it has begun.

    Before the `atexit` handlers, among which those of the OpenTelemetry SDK shut its providers down, and before
    `concurrent.futures` refuses new work, of which the name resolution of asyncio is some. It has registered itself by
    when it is imported, and the last to register is the first to run. `atexit` alone comes after both.
    """
    if _registered:
        return True
    try:
        import concurrent.futures.thread  # noqa: F401, PLC0415 - costs those who never ask nothing

        threading._register_atexit(_at_exit)  # type: ignore[attr-defined] # noqa: SLF001 - there is no public one
    except AttributeError:
        atexit.register(_at_exit)
    except RuntimeError:
        return False
    _registered.append(_at_exit)
    return True


def _at_exit() -> None:
    deadline = time.monotonic() + EXIT_PATIENCE
    for worker in _in_order():
        try:
            worker.shutdown(max(0.0, deadline - time.monotonic()))
        except (KeyboardInterrupt, SystemExit):  # noqa: PERF203 - there is one worker
            # Somebody is more impatient than we are; the process is ending already.
            deadline = time.monotonic()


def _after_fork() -> None:
    for worker in _in_order():
        worker._after_fork()  # noqa: SLF001 - of this module


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

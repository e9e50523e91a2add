"""All tasks, counted: in this process, or in several, with a progress bar where a person watches."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sqlite3
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Final

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from confession_otel.calibration import Calibration, Rejected, read_row

from . import inputs, tables
from .counting import BY, Counted, count, count_lines
from .inputs import STDIN, Kind, Task, UnreadableError
from .joining import Joining

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console

_LARGE: Final = 8 << 20
"""Bytes from which on a progress bar is worth while."""


def run(
    tasks: Sequence[Task], by: str | None, jobs: int | None, console: Console
) -> tuple[Calibration, dict[Rejected, str], str | None]:
    """Count everything.

    Args:
        tasks: what to read.
        by: field or attribute that names the group; `None` for the usual one.
        jobs: processes at most; `None` for one for each processor.
        console: where the progress is shown, if that is a terminal.

    Returns:
        What was counted, of each reason for which a record was rejected, where the first one stands, and what
        telemetry lacks that gave no row.

    Raises:
        UnreadableError: an input cannot be read to its end.
    """
    told = _Told()
    apart = [task for task in tasks if task.path != STDIN and task.kind is not Kind.OTLP]
    here = [task for task in tasks if task.path == STDIN or task.kind is Kind.OTLP]
    workers = min(jobs or _processors(), len(apart))
    with _progress(tasks, console) as advance:
        if workers > 1:
            _in_processes(apart, by, workers, told, advance)
        else:
            for task in apart:
                told.add(task, count(task, by, advance))
        if here:
            _joined(here, by, told, advance)
    return told.calibration, told.places(tasks), told.lacking


class _Told:
    """What each task came to, in whatever order they are done."""

    def __init__(self) -> None:
        self.calibration = Calibration()
        self.lacking: str | None = None
        self._rejected: dict[Task, tuple[int, dict[Rejected, int]]] = {}

    def add(self, task: Task, counted: Counted) -> None:
        self.calibration.merge(counted.calibration)
        self._rejected.setdefault(task, (counted.lines, counted.first))

    def places(self, tasks: Sequence[Task]) -> dict[Rejected, str]:
        """Of each reason, where the first record stands that was rejected for it: the pieces of a file, in order."""
        found: dict[Rejected, str] = {}
        before = 0
        for task in tasks:
            lines, first = self._rejected.get(task, (0, {}))
            before = before if task.start else 0
            shown = "standard input" if task.path == STDIN else task.path
            between = ":" if task.kind in (Kind.LINES, Kind.OTLP) else " row "
            for reason, number in first.items():
                found.setdefault(reason, f"{shown}{between}{before + number}")
            before += lines
        return found


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _in_processes(
    tasks: Sequence[Task], by: str | None, workers: int, told: _Told, advance: Callable[[int], object]
) -> None:
    # Spawned: a fork of a process in which a thread draws the progress bar may be born with that thread's locks held.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _leave_interrupts_to_the_parent) as pool:
        futures = {pool.submit(count, task, by): task for task in tasks}
        try:
            for future in as_completed(futures):
                task = futures.pop(future)
                told.add(task, future.result())
                advance(task.size)
        except BrokenProcessPool as error:
            message = "a process that was reading was killed; with --jobs 1 all is read in one"
            raise UnreadableError(message) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _joined(tasks: Sequence[Task], by: str | None, told: _Told, advance: Callable[[int], object]) -> None:
    try:
        with Joining(by) as joining:
            telemetry = False
            for task in tasks:
                counted = Counted()
                with inputs.readable(task.path), inputs.opened(task.path, advance) as file:
                    if inputs.is_otlp(file):
                        telemetry = True
                        for line in inputs.lines(file):
                            counted.lines += 1
                            if (rejected := joining.read(line)) is not None:
                                counted.add(rejected, counted.lines)
                    elif inputs.is_csv(file):
                        for number, record in tables.csv_records(file, task.path, by or BY):
                            counted.add(record if isinstance(record, Rejected) else read_row(record, by or BY), number)
                    else:
                        count_lines(file, counted, by or BY)
                told.add(task, counted)
            told.lacking = joining.lacking() if telemetry else None
            for row in joining.rows():
                told.calibration.add(row)
            if joining.unnamed:
                told.calibration.add(Rejected.NO_ANSWER, joining.unnamed)
    except sqlite3.Error as error:
        message = f"the temporary file in which outcomes are joined cannot be written: {error}"
        raise UnreadableError(message) from error


@contextlib.contextmanager
def _progress(tasks: Sequence[Task], console: Console) -> Iterator[Callable[[int], object]]:
    size = sum(task.size for task in tasks)
    endless = any(task.path == STDIN for task in tasks)
    if not console.is_terminal or (size < _LARGE and not endless):
        yield _ignore
        return
    columns = (TextColumn("reading"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("", total=None if endless else size)
        yield lambda amount: progress.advance(bar, amount)


def _ignore(_: int) -> None:
    """Nobody watches."""

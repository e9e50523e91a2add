"""One process or several, fed with pieces, in order and never ahead by more than some.

Several are started anew, not forked: whoever forks takes locks along. They end with the process that started them, also
where that is killed.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Final

from .options import CannotRunError
from .work import Worker

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future

    from .chunks import Chunk
    from .options import Plan
    from .work import Done

_AHEAD: Final = 2
"""Pieces for each process that wait for it or for their turn to be written down."""

_worker: Final[list[Worker]] = []


def work(pieces: Iterable[Chunk], plan: Plan, jobs: int) -> Iterator[tuple[Chunk, Done]]:
    """Each piece and what came of it, in order; of the pieces come back, the data are left out.

    Args:
        pieces: read as they are needed.
        plan: for each process.
        jobs: processes; with 1 it is this one.

    Raises:
        NotTakenError: the telemetry of a piece was not taken.
        CannotRunError: a process ended.
    """
    if jobs == 1:
        worker = Worker(plan)
        for piece in pieces:
            yield replace(piece, data=b""), worker.do(piece)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=(plan,))
    pending: deque[tuple[Chunk, Future[Done]]] = deque()
    try:
        for piece in pieces:
            if len(pending) >= _AHEAD * jobs:
                yield _next(pending)
            pending.append((replace(piece, data=b""), pool.submit(_do, piece)))
        while pending:
            yield _next(pending)
    except BrokenProcessPool as error:
        message = "a process ended before its piece was done (out of memory?); --resume goes on from there"
        raise CannotRunError(message) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _next(pending: deque[tuple[Chunk, Future[Done]]]) -> tuple[Chunk, Done]:
    piece, future = pending.popleft()
    return piece, future.result()


def _begin(plan: Plan) -> None:
    # Ctrl-C is for the process that we work for; it ends us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    say_warnings()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _worker.append(Worker(plan))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _do(piece: Chunk) -> Done:
    return _worker[0].do(piece)


def say_warnings() -> None:
    """Have warnings of ours and of the exporters written to standard error."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING)

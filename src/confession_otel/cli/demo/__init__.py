"""`confession-otel demo`: scripted models confess, a real backend shows it, and this program checks that it does."""

from __future__ import annotations

import contextlib
import signal
import threading
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from rich.text import Text

from . import report
from .backends import Backend, Choice, NotUsable, opened
from .play import play
from .progress import Progress
from .tasks import TASKS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from rich.console import Console

__all__ = ["Choice", "Exit", "run"]

_READ_BACK_SECONDS: Final = 30.0


class Exit(IntEnum):
    """Exit codes."""

    AS_SCRIPTED = 0
    """Every task came back from the backend with the verdict it should have."""
    DIFFERENT = 1
    NOT_USABLE = 2
    """The backend that was asked for cannot be used."""
    NOT_READABLE = 3
    """The telemetry was sent, but this backend cannot be read back from here."""
    INTERRUPTED = 130
    TERMINATED = 143


class _Terminated(BaseException):
    """SIGTERM or SIGHUP: as Ctrl-C, it ends every phase by way of its clean-up."""


def run(choice: Choice, console: Console, *, stay: bool) -> Exit:
    """Play the script, read it back, show it.

    Args:
        choice: Backend.
        console: Where to show it.
        stay: Keep a backend of our own up until Ctrl-C.
    """
    asked_to_end: list[Exit] = []
    try:
        with _signals(asked_to_end):
            return _run(choice, console, stay=stay)
    except NotUsable as error:
        console.print(Text(str(error), "red"), soft_wrap=True)
        return Exit.NOT_USABLE
    except BaseException:
        # In the middle of an import Python makes another exception of it, so it is not asked which one this is.
        if asked_to_end:
            return asked_to_end[0]
        raise


def _run(choice: Choice, console: Console, *, stay: bool) -> Exit:
    progress = Progress(console)
    with opened(choice, progress) as backend:
        with progress.step(f"running {len(TASKS)} tasks against a scripted model"):
            played = play(TASKS, backend)
        if backend.spans.failed:
            message = f"{backend.name} did not take the traces: is it up, and is this its port for OTLP over HTTP?"
            console.print(Text(message, "red"), soft_wrap=True)
            return Exit.DIFFERENT
        if backend.read is None:
            console.print(
                Text(
                    f"The traces were sent to {backend.name}. What runs there cannot be read back from here (only "
                    "Phoenix and Jaeger can), so nothing is checked: look there for spans named `confession`.",
                    "yellow",
                ),
                soft_wrap=True,
            )
            return Exit.NOT_READABLE
        try:
            with progress.step(f"reading them back from {backend.name}"):
                rows = report.read_back(played, backend.read, seconds=_READ_BACK_SECONDS)
        except (OSError, ValueError) as error:
            console.print(Text(f"{backend.name} cannot be read back: {error}", "red"), soft_wrap=True)
            return Exit.DIFFERENT
        if backend.url is None:
            report.show_texts(rows, console)
        report.show(rows, console, source=backend.name)
        different = sum(bool(row.differences) for row in rows)
        if different:
            console.print(Text(f"{different} of {len(rows)} tasks did not come back as scripted.", "bold red"))
        else:
            console.print(Text(f"All {len(rows)} tasks came back as scripted.", "bold green"))
        _linger(backend, console, stay=stay)
        return Exit.DIFFERENT if different else Exit.AS_SCRIPTED


def _linger(backend: Backend, console: Console, *, stay: bool) -> None:
    if backend.url is None:
        return
    if not backend.serves:
        console.print(f"Look at it: {backend.url}", soft_wrap=True)
        return
    if not stay:
        console.print(f"It was at {backend.url}; with --stay it stays up to be looked at.", soft_wrap=True)
        return
    console.print(f"Look at it: {backend.url} (until Ctrl-C)", soft_wrap=True)
    # Ctrl-C is here the normal end.
    with contextlib.suppress(KeyboardInterrupt, _Terminated):
        threading.Event().wait()


@contextlib.contextmanager
def _signals(asked_to_end: list[Exit]) -> Iterator[None]:
    """Turn the signals that ask a program to end into an exception, so that what was started is ended too.

    Args:
        asked_to_end: how to end, from then on.
    """

    def end(number: int, _: FrameType | None) -> None:
        asked_to_end.append(Exit.INTERRUPTED if number == signal.SIGINT else Exit.TERMINATED)
        raise KeyboardInterrupt if number == signal.SIGINT else _Terminated

    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():  # as in a test: signals are not ours there
        names = []
    before = {name: signal.signal(getattr(signal, name), end) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)

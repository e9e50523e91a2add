"""How far a replay has come: a small file, replaced in one step after each piece whose telemetry was taken."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections import Counter
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .chunks import STDIN
from .options import CannotRunError, To

if TYPE_CHECKING:
    from .options import Options
    from .work import Counts

_VERSION: Final = 1
_HEAD: Final = 4096
"""Bytes at a file's beginning by which it is known again; it may have grown since."""


@dataclass(slots=True)
class State:
    """Everything before this place is done."""

    job: dict[str, Any]
    """What was asked for: a replay of something else cannot go on from here."""
    file: int = 0
    offset: int = 0
    """Bytes of that file's text."""
    line: int = 0
    """Lines of that file."""
    written: int = 0
    """Bytes of the output file."""
    rejected: int = 0
    """Bytes of the reject file."""
    counts: Counts = field(default_factory=Counter)


def place(options: Options) -> Path | None:
    """Where the state is kept; `None` where nothing can go on: from standard input, or to standard output."""
    if STDIN in options.files or (options.output is None and options.plan.to is not To.OTLP):
        return None
    return options.state or Path(f"{options.output or options.files[0]}.replay-state")


def begin(options: Options) -> State:
    """The state to begin from: the one that was kept, where a run is resumed and there is one.

    Raises:
        CannotRunError: it is of another replay, or cannot be read.
    """
    job = _job(options)
    path = place(options)
    if not options.resume or path is None or not path.exists():
        return State(job)
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        counts = Counter(kept.pop("counts"))
        state = State(**kept, counts=counts)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        message = f"the state in {path} cannot be read: {error}"
        raise CannotRunError(message) from error
    if state.job != job:
        message = f"the state in {path} is of another replay (other files, or written elsewhere): leave out --resume"
        raise CannotRunError(message)
    return state


def keep(state: State, path: Path) -> None:
    """Replace the state that was kept."""
    beside = path.with_name(f"{path.name}.new")
    beside.write_text(json.dumps({one.name: getattr(state, one.name) for one in fields(state)}), encoding="utf-8")
    os.replace(beside, path)  # noqa: PTH105 - the very system call


def forget(path: Path) -> None:
    """All is done."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()


def _job(options: Options) -> dict[str, Any]:
    return {
        "version": _VERSION,
        "files": [[path, _head(path)] for path in options.files],
        "to": options.plan.to.value,
        "output": None if options.output is None else str(options.output),
        "reject": None if options.reject is None else str(options.reject),
    }


def _head(path: str) -> str:
    if path == STDIN:
        return ""
    with Path(path).open("rb") as file:
        return hashlib.sha256(file.read(_HEAD)).hexdigest()

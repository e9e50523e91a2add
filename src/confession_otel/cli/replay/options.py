"""What was asked for on the command line."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from confession_otel.confession import StrEnum

if TYPE_CHECKING:
    from pathlib import Path


class To(StrEnum):
    """What `--to` takes."""

    OTLP = "otlp"
    CONSOLE = "console"
    JSONL = "jsonl"


class Exit(IntEnum):
    """Exit codes."""

    ALL = 0
    """Every line was read, and its telemetry was taken."""
    SOME_REJECTED = 1
    CANNOT_RUN = 2
    """It could not begin, or not go on; `--resume` goes on where it stopped."""
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Plan:
    """What a process that works has to know."""

    to: To
    otherwise: int | None = None
    """Nanoseconds since 1970, of answers that name no time."""
    events: bool = True


@dataclass(frozen=True, slots=True)
class Options:
    """All of it."""

    files: tuple[str, ...]
    plan: Plan
    output: Path | None = None
    """Where `jsonl` and `console` write; `None`: standard output."""
    reject: Path | None = None
    state: Path | None = field(default=None)
    """Where the state is kept; `None`: beside the output, or else beside the first file.
    It is kept where a run can be resumed."""
    resume: bool = False
    jobs: int = 1


class CannotRunError(Exception):
    """It cannot begin, or not go on; the message says why and what to do."""

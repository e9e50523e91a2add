"""One task, counted: its file read record by record into an accumulator."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from confession_otel.calibration import Calibration, Rejected, read_row

from . import inputs, tables

if TYPE_CHECKING:
    from collections.abc import Callable

    from confession_otel.calibration import Row

    from .inputs import Buffered, Task

BY: Final = "group"


@dataclass(slots=True)
class Counted:
    """What came of one task."""

    calibration: Calibration = field(default_factory=Calibration)
    lines: int = 0
    """That begin in it."""
    first: dict[Rejected, int] = field(default_factory=dict)
    """The first line or row, from 1, that was rejected for each reason, where it is known."""

    def add(self, row: Row | Rejected, number: int) -> None:
        """Count what was read.

        Args:
            row: what it is.
            number: of the line or row.
        """
        self.calibration.add(row)
        if isinstance(row, Rejected):
            self.first.setdefault(row, number)


def count(task: Task, by: str | None = None, advance: Callable[[int], object] | None = None) -> Counted:
    """Read and count one task; not of OTLP, whose rows are made of several records.

    Args:
        task: what to read.
        by: field that names the group.
        advance: called with the number of bytes read.

    Raises:
        UnreadableError: the file cannot be read to its end.
    """
    counted = Counted()
    with inputs.readable(task.path):
        if task.kind is inputs.Kind.LINES:
            with inputs.opened(task.path, advance) as file:
                count_lines(file, counted, by or BY, task.start, task.end)
        else:
            for number, record in tables.records(task, by or BY, advance):
                counted.add(record if isinstance(record, Rejected) else read_row(record, by or BY), number)
    return counted


def count_lines(file: Buffered, counted: Counted, by: str = BY, start: int = 0, end: int | None = None) -> None:
    """Count lines of JSON.

    Args:
        file: at its beginning.
        counted: what it is counted in.
        by: field that names the group.
        start: first byte that is meant.
        end: the byte after the last.
    """
    add, loads = counted.add, json.loads
    for line in inputs.lines(file, start, end):
        counted.lines += 1
        if line is None:
            add(Rejected.LINE_TOO_LONG, counted.lines)
            continue
        if line.isspace():
            continue
        try:
            record = loads(line.decode())
        except (ValueError, RecursionError):
            add(Rejected.NOT_JSON, counted.lines)
            continue
        add(read_row(record, by), counted.lines)

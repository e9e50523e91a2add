"""One task, counted: its file read record by record into an accumulator."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from confession_otel.calibration import Calibration, Rejected, read_row

from . import inputs, tables

if TYPE_CHECKING:
    from collections.abc import Callable

    from .inputs import Buffered, Task

BY: Final = "group"


def count(task: Task, by: str | None = None, advance: Callable[[int], object] | None = None) -> Calibration:
    """Read and count one task; not of OTLP, whose rows are made of several records.

    Args:
        task: what to read.
        by: field that names the group.
        advance: called with the number of bytes read.

    Raises:
        UnreadableError: the file cannot be read to its end.
    """
    calibration = Calibration()
    with inputs.readable(task.path):
        if task.kind is inputs.Kind.LINES:
            with inputs.opened(task.path, advance) as file:
                count_lines(file, calibration, by or BY, task.start, task.end)
        else:
            for record in tables.records(task, by or BY, advance):
                calibration.add(record if isinstance(record, Rejected) else read_row(record, by or BY))
    return calibration


def count_lines(file: Buffered, calibration: Calibration, by: str = BY, start: int = 0, end: int | None = None) -> None:
    """Count lines of JSON.

    Args:
        file: at its beginning.
        calibration: counts.
        by: field that names the group.
        start: first byte that is meant.
        end: the byte after the last.
    """
    add, loads = calibration.add, json.loads
    for line in inputs.lines(file, start, end):
        if line is None:
            add(Rejected.LINE_TOO_LONG)
            continue
        if line.isspace():
            continue
        try:
            record = loads(line.decode())
        except (ValueError, RecursionError):
            add(Rejected.NOT_JSON)
            continue
        add(read_row(record, by))

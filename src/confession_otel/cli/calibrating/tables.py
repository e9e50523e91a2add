"""Parquet files, through pyarrow, and CSV files: a batch of rows at a time, or a row."""

from __future__ import annotations

import csv
import importlib.util
import io
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from confession_otel.calibration import Rejected

from . import inputs
from .inputs import Kind, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .inputs import Buffered, Task

_BATCH: Final = 8192
"""Rows of a Parquet file at a time."""
_LONGEST_CELL: Final = 16 << 20
"""Characters of a cell of a CSV file; a longer one cannot be read."""
_COLUMNS: Final = ("failed", "verdict", "confessed", "text", "score", "disclosure")
_Numbered: TypeAlias = "tuple[int, dict[str, object] | Rejected]"
_BOOLEANS: Final = {"true": True, "false": False, "1": True, "0": False}


def records(task: Task, by: str, advance: Callable[[int], object] | None = None) -> Iterator[_Numbered]:
    """The rows of a file as mappings, of the columns that are needed, each with its number.

    The number is as a spreadsheet has it: a CSV file's first row is its header.

    Args:
        task: the file.
        by: column that names the group.
        advance: called with the number of bytes read.

    Raises:
        UnreadableError: the file is not what its name says, or pyarrow is not installed and it is a Parquet file.
    """
    if task.kind is Kind.PARQUET:
        yield from _parquet(task.path, by, advance)
    else:
        with inputs.opened(task.path, advance) as file:
            yield from csv_records(file, task.path, by)


def _parquet(path: str, by: str, advance: Callable[[int], object] | None) -> Iterator[_Numbered]:
    if importlib.util.find_spec("pyarrow") is None:
        message = f'{path}: parquet files need pyarrow: pip install "confession-otel[data]"'
        raise UnreadableError(message)
    import pyarrow as pa  # type: ignore[import-untyped] # noqa: PLC0415 - of an extra
    from pyarrow import parquet  # noqa: PLC0415 - of an extra

    try:
        with inputs.opened(path, advance) as raw, parquet.ParquetFile(raw) as file:
            wanted = [name for name in dict.fromkeys((*_COLUMNS, by)) if name in file.schema_arrow.names]
            number = 0
            for batch in file.iter_batches(_BATCH, columns=wanted):
                for record in batch.to_pylist():
                    number += 1
                    yield number, record
    except pa.ArrowException as error:
        message = f"{path} cannot be read: {str(error).splitlines()[0]}"
        raise UnreadableError(message) from error


def csv_records(file: Buffered, path: str, by: str) -> Iterator[_Numbered]:
    """The rows of a CSV file, as above.

    Args:
        file: at its beginning.
        path: of it, or `-`.
        by: column that names the group.

    Raises:
        UnreadableError: it is not what its name says.
    """
    # Not by pyarrow: a process that has read CSV through it aborts, now and then, when it ends.
    csv.field_size_limit(_LONGEST_CELL)
    number = 0
    shown = "standard input" if path == inputs.STDIN else path
    try:
        rows = csv.reader(io.TextIOWrapper(cast("Any", file), "utf-8-sig", newline=""))
        names = next(rows, [])
        wanted = [(names.index(name), name) for name in dict.fromkeys((*_COLUMNS, by)) if name in names]
        for number, row in enumerate(rows, 2):
            if len(row) == len(names):
                yield number, _typed({name: row[place] for place, name in wanted})
            elif row:
                yield number, Rejected.WRONG_NUMBER_OF_COLUMNS
    except UnicodeDecodeError as error:
        message = f"{shown} cannot be read: {_where_not_utf8(path)} is not UTF-8, which it has to be"
        raise UnreadableError(message) from error
    except csv.Error as error:
        message = f"{shown} cannot be read after row {max(number, 1)}: {error}"
        raise UnreadableError(message) from error


def _where_not_utf8(path: str) -> str:
    """The first line that is not; text is decoded in pieces, so the last row that was read says little."""
    if path != inputs.STDIN:
        with inputs.opened(path) as file:
            for number, line in enumerate(inputs.lines(file), 1):
                if line is not None and line.decode(errors="ignore").encode() != line:
                    return f"line {number}"
    return "it"


def _typed(record: dict[str, str]) -> dict[str, object]:
    """What a program would have written: booleans, numbers, and nothing for an empty cell."""
    typed: dict[str, object] = {key: value if value != "" else None for key, value in record.items()}
    for key in ("failed", "confessed"):
        value = typed.get(key)
        if isinstance(value, str):
            typed[key] = None if value.lower() == "null" else _BOOLEANS.get(value.lower(), value)
    score = typed.get("score")
    if isinstance(score, str):
        try:
            typed["score"] = float(score)
        except ValueError:
            typed["score"] = score
    return typed

"""Parquet and CSV files, a batch of rows at a time, through pyarrow."""

from __future__ import annotations

import importlib.util
import sys
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from confession_otel.calibration import Rejected

from . import inputs
from .inputs import Kind, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .inputs import Task

_BATCH: Final = 8192
"""Rows of a Parquet file at a time."""
_BLOCK: Final = 16 << 20
"""Bytes of a CSV file at a time; a longer row cannot be read."""
_COLUMNS: Final = ("failed", "verdict", "confessed", "text", "score", "disclosure")
_Numbered: TypeAlias = "tuple[int | None, dict[str, object] | Rejected]"
_BOOLEANS: Final = {"true": True, "false": False, "1": True, "0": False}


def records(task: Task, by: str, advance: Callable[[int], object] | None = None) -> Iterator[_Numbered]:
    """The rows of a file as mappings, of the columns that are needed, each with its number.

    The number is as a spreadsheet has it: a CSV file's first row is its header. It is `None` after a row that has the
    wrong number of columns: those come last, the first of them alone with its number.

    Args:
        task: the file.
        by: column that names the group.
        advance: called with the number of bytes read.

    Raises:
        UnreadableError: pyarrow is not installed, or makes nothing of the file.
    """
    if importlib.util.find_spec("pyarrow") is None:
        message = f'{task.path}: {task.kind} files need pyarrow: pip install "confession-otel[data]"'
        raise UnreadableError(message)
    import pyarrow as pa  # type: ignore[import-untyped] # noqa: PLC0415 - of an extra

    try:
        yield from (_parquet if task.kind is Kind.PARQUET else _csv)(task.path, by, advance)
    except pa.ArrowException as error:
        message = f"{task.path} cannot be read: {str(error).splitlines()[0]}"
        raise UnreadableError(message) from error


def _parquet(path: str, by: str, advance: Callable[[int], object] | None) -> Iterator[_Numbered]:
    from pyarrow import parquet  # noqa: PLC0415 - of an extra

    with inputs.opened(path, advance) as raw, parquet.ParquetFile(raw) as file:
        wanted = [name for name in dict.fromkeys((*_COLUMNS, by)) if name in file.schema_arrow.names]
        number = 0
        for batch in file.iter_batches(_BATCH, columns=wanted):
            for record in batch.to_pylist():
                number += 1
                yield number, record


def _csv(path: str, by: str, advance: Callable[[int], object] | None) -> Iterator[_Numbered]:
    from pyarrow import csv, string  # noqa: PLC0415 - of an extra

    wrong, first_wrong, number = 0, sys.maxsize, 1

    def skip(row: Any) -> str:
        nonlocal wrong, first_wrong
        wrong += 1
        first_wrong = min(first_wrong, row.number)
        return "skip"

    with inputs.opened(path, advance) as raw:
        # Its first row decides which columns there are; types are read by us, for a guess from the first rows fails
        # the whole file at a later row.
        names = _header(raw)
        wanted = [name for name in dict.fromkeys((*_COLUMNS, by)) if name in names]
        with csv.open_csv(
            raw,
            csv.ReadOptions(block_size=_BLOCK, use_threads=False),
            csv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
            csv.ConvertOptions(column_types=dict.fromkeys(wanted, string()), include_columns=wanted),
        ) as reader:
            for batch in reader:
                for record in batch.to_pylist():
                    number += 1
                    yield (number if number < first_wrong else None), _typed(record)
    for one in range(wrong):
        yield (None if one else first_wrong), Rejected.WRONG_NUMBER_OF_COLUMNS


def _header(raw: Any) -> list[str]:
    import csv  # noqa: PLC0415 - beside pyarrow's module of the same name
    import io  # noqa: PLC0415 - only here

    first = raw.peek(1 << 16).decode("utf-8-sig", errors="replace")
    return next(csv.reader(io.StringIO(first)), [])


def _typed(record: dict[str, Any]) -> dict[str, object]:
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

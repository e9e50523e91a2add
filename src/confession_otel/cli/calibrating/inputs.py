"""Which files there are, what is in them, and in what pieces they are read."""

from __future__ import annotations

import contextlib
import gzip
import io
import re
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from confession_otel.cli.terminal import binary
from confession_otel.confession import StrEnum

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeAlias

    Buffered: TypeAlias = io.BufferedReader[Any]

STDIN: Final = "-"
PIECE: Final = 32 << 20
"""Bytes of a plain file of lines that are one task."""
LONGEST_LINE: Final = 16 << 20
"""Bytes; a longer line is rejected, for it would have to be held."""
_BUFFER: Final = 1 << 20
_GZIP: Final = b"\x1f\x8b"
_BOM: Final = b"\xef\xbb\xbf"
_OTLP: Final = re.compile(rb'\s*\{\s*"resource(?:Spans|Logs|Metrics)"\s*:')
_HEADER: Final = re.compile(rb'(?:\xef\xbb\xbf)?(?:[^\n,{]*,)*"?failed"?[,\r\n]')
_NAMES: Final = (".json", ".jsonl", ".ndjson", ".csv", ".parquet")
"""Of files that are read in a directory; each but the last may end in `.gz` as well."""


class UnreadableError(Exception):
    """An input cannot be read; the message says which and why."""


class Kind(StrEnum):
    """What is in a file."""

    LINES = "lines"
    """Of JSON."""
    CSV = "csv"
    PARQUET = "parquet"
    OTLP = "otlp"
    """Lines of OTLP JSON."""


@dataclass(frozen=True, slots=True)
class Task:
    """A file, or a piece of one, that one process reads."""

    path: str
    kind: Kind
    size: int = 0
    """Bytes on disk; 0 where unknown."""
    start: int = 0
    end: int | None = None
    """The lines that begin in bytes `start` to `end` are meant; `None`: to the end."""


def plan(files: Sequence[str]) -> list[Task]:
    """The tasks that reading all of it takes.

    Args:
        files: files, directories, `-` for standard input.

    Raises:
        UnreadableError: one of them is not there, or there is nothing in it that could be read.
    """
    tasks: list[Task] = []
    for name in files:
        path = Path(name)
        if name == STDIN:
            # What is in it is only known when it is read.
            tasks.append(Task(STDIN, Kind.LINES))
        elif path.is_dir():
            within = sorted(one for one in path.rglob("*") if one.is_file() and _kind(one) is not None)
            if not within:
                message = f"{name}: no file in it is named {', '.join(_NAMES)} or, of these, .gz"
                raise UnreadableError(message)
            for one in within:
                tasks += _tasks(one)
        else:
            tasks += _tasks(path)
    return tasks


def _kind(path: Path) -> Kind | None:
    name = path.name.lower().removesuffix(".gz")
    if name.endswith(".csv"):
        return Kind.CSV
    if name.endswith(".parquet"):
        return Kind.PARQUET
    return Kind.LINES if name.endswith(_NAMES) else None


def _tasks(path: Path) -> list[Task]:
    kind = _kind(path) or Kind.LINES
    name = str(path)
    with readable(name):
        size = path.stat().st_size
        if kind is not Kind.LINES:
            return [Task(name, kind, size)]
        with opened(name) as file:
            if is_otlp(file):
                return [Task(name, Kind.OTLP, size)]
        with path.open("rb") as plain:
            zipped = plain.read(2) == _GZIP
        if zipped or not path.is_file():
            return [Task(name, kind, size)]
    return [
        Task(name, kind, min(start + PIECE, size) - start, start, start + PIECE) for start in range(0, size, PIECE)
    ] or [Task(name, kind)]


@contextlib.contextmanager
def readable(name: str) -> Iterator[None]:
    """Say of whatever goes wrong in reading a file which file it was.

    Raises:
        UnreadableError: so.
    """
    shown = "standard input" if name == STDIN else name
    try:
        yield
    except OSError as error:
        message = f"{shown} cannot be read: {error.strerror or error}"
        raise UnreadableError(message) from error
    except (EOFError, zlib.error) as error:
        message = f"{shown} cannot be read: the gzip file is damaged ({error})"
        raise UnreadableError(message) from error


class _Metered(io.RawIOBase):
    """A file that says how much of it was read."""

    def __init__(self, file: io.RawIOBase, advance: Callable[[int], object] | None) -> None:
        self._file = file
        self._advance = advance

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._file.seekable()

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override] # the base takes any buffer
        got = self._file.readinto(buffer) or 0
        if self._advance is not None:
            self._advance(got)
        return got


@contextlib.contextmanager
def opened(name: str, advance: Callable[[int], object] | None = None) -> Iterator[Buffered]:
    """A file or standard input, unzipped where it is zipped.

    Args:
        name: its path, or `-`.
        advance: called with the number of bytes, as stored, that were read.

    Raises:
        OSError: it cannot be opened.
    """
    with contextlib.ExitStack() as stack:
        if name == STDIN:
            raw = cast("Any", binary(sys.stdin, "standard input")).raw
        else:
            raw = stack.enter_context(Path(name).open("rb", buffering=0))
        file: Buffered = io.BufferedReader(_Metered(raw, advance), _BUFFER)
        if file.peek(2)[:2] == _GZIP:
            # A second buffer: lines are cut in C from it, which the gzip file itself does in Python.
            file = io.BufferedReader(cast("Any", stack.enter_context(gzip.GzipFile(fileobj=file))), _BUFFER)
        yield file


def is_otlp(file: Buffered) -> bool:
    """Does it begin as a line of OTLP JSON? Nothing of it is consumed."""
    return _OTLP.match(file.peek(256)) is not None


def is_csv(file: Buffered) -> bool:
    """Is its first line the header of such a table? Nothing of it is consumed."""
    return _HEADER.match(file.peek(256)) is not None


def lines(file: Buffered, start: int = 0, end: int | None = None) -> Iterator[bytes | None]:
    """The lines of a file that begin in a range of bytes; `None` for one that is too long to be held.

    Args:
        file: at its beginning.
        start: first byte.
        end: the byte after the last; by default all.
    """
    if start:
        # The line that begins before belongs to whoever reads that piece, even where it ends here.
        file.seek(start - 1)
        position = start - 1 + _skip(file)
    else:
        position = len(file.read(len(_BOM))) if file.peek(len(_BOM)).startswith(_BOM) else 0
    while end is None or position < end:
        line = file.readline(LONGEST_LINE)
        if not line:
            return
        position += len(line)
        if len(line) == LONGEST_LINE and line[-1:] != b"\n":
            position += _skip(file)
            yield None
        else:
            yield line


def _skip(file: Buffered) -> int:
    """Read to the end of the line; how many bytes that were."""
    skipped = 0
    while rest := file.readline(LONGEST_LINE):
        skipped += len(rest)
        if rest[-1:] == b"\n":
            break
    return skipped

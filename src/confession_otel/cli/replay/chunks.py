"""Files in pieces of whole lines, plain or gzip, in bounded memory."""

from __future__ import annotations

import contextlib
import gzip
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, cast

from confession_otel.cli.terminal import binary
from confession_otel.replaying import LONGEST

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator, Sequence

STDIN: Final = "-"
SIZE: Final = 1 << 18
"""Bytes of a piece, and then up to the end of its last line."""
_STEP: Final = 1 << 20
_GZIP: Final = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some whole lines of a file."""

    file: int
    """Which of the files."""
    data: bytes
    end: int
    """Where it ends, in bytes of the file's text."""
    seen: int
    """The same in bytes of the file, which may be compressed."""
    broken: str | None = None
    """Why the file cannot be read any further."""


def chunks(paths: Sequence[str], file: int = 0, offset: int = 0) -> Iterator[Chunk]:
    """Read all files, one after another.

    Args:
        paths: of the files; `-` is standard input.
        file: where to begin: which of them,
        offset: and how many bytes of its text after its beginning.

    Raises:
        OSError: a file cannot be opened.
    """
    for number in range(file, len(paths)):
        with contextlib.ExitStack() as stack:
            if paths[number] == STDIN:
                raw = binary(sys.stdin, "standard input")
            else:
                raw = stack.enter_context(Path(paths[number]).open("rb"))
            yield from _of_one(number, cast("io.BufferedReader", raw), offset)
        offset = 0


def _of_one(number: int, raw: io.BufferedReader, offset: int) -> Iterator[Chunk]:
    compressed = raw.peek(len(_GZIP))[: len(_GZIP)] == _GZIP
    stream = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if compressed else raw
    at = 0
    try:
        # Also a compressed stream knows how to: by reading it again.
        if offset:
            at = stream.seek(offset)
        while data := stream.read(SIZE):
            if not data.endswith(b"\n"):
                data += stream.readline(LONGEST + 1)
            at += len(data)
            if not data.endswith(b"\n"):
                at += _rest_of_line(stream)
            yield Chunk(number, data, at, raw.tell() if raw.seekable() else at)
    except (EOFError, OSError, zlib.error) as error:
        yield Chunk(number, b"", at, at, broken=str(error) or type(error).__name__)


def _rest_of_line(stream: IO[bytes]) -> int:
    """Skip a line that is longer than any that is read; how many bytes that were."""
    skipped = 0
    while more := stream.readline(_STEP):
        skipped += len(more)
        if more.endswith(b"\n"):
            break
    return skipped

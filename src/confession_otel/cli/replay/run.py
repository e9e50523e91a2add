"""A replay from beginning to end, or from where one stopped."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import stat
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from confession_otel.cli.terminal import binary
from confession_otel.replaying.delivery import NotTakenError
from confession_otel.settings import PREFIX, Settings

from . import pool, state, summary
from .chunks import STDIN, chunks
from .options import CannotRunError, Exit, To
from .work import LINES, REJECTED

if TYPE_CHECKING:
    from rich.console import Console

    from .chunks import Chunk
    from .options import Options
    from .work import Done

_SHOWN: Final = 20
"""Rejected lines that are named on standard error, where there is no reject file."""
_GRPC: Final = "grpc"


def run(options: Options, console: Console) -> Exit:
    """Replay.

    Args:
        options: what was asked for.
        console: on standard error; standard output may be telemetry.
    """
    try:
        return _run(options, console)
    except CannotRunError as error:
        console.print(Text(str(error), "red"), soft_wrap=True)
    except NotTakenError as error:
        hint = "--no-events leaves the events out"
        if state.place(options) is not None:
            hint = f"--resume goes on from what was taken; {hint}"
        console.print(Text(f"{error} ({hint})", "red"), soft_wrap=True)
    except OSError as error:
        # A file that cannot be written cannot be closed either: then its name is in the first of the two errors.
        name = error.filename or getattr(error.__context__, "filename", None) or "a file"
        console.print(Text(f"{name}: {error.strerror or error}", "red"), soft_wrap=True)
    except KeyboardInterrupt:
        hint = "" if state.place(options) is None else "; --resume goes on from here"
        console.print(Text(f"stopped{hint}", "yellow"), soft_wrap=True)
        return Exit.INTERRUPTED
    return Exit.CANNOT_RUN


def _run(options: Options, console: Console) -> Exit:
    _check(options)
    _check_files(options)
    now = state.begin(options)
    path = state.place(options)
    if options.resume and path is not None and not path.exists():
        console.print(Text(f"there is no {path}: this begins at the beginning"), soft_wrap=True)
    with contextlib.ExitStack() as stack:
        output = _opened(options.output, now.written, stack) if options.output else None
        reject = _opened(options.reject, now.rejected, stack) if options.reject else None
        if path is not None:
            # Before the first piece is sent: a state that cannot be kept is to be known now.
            state.keep(now, path)
        advance = _progress(options, console, stack)
        for piece, done in pool.work(chunks(options.files, now.file, now.offset), options.plan, options.jobs):
            if piece.file != now.file:
                now.file, now.line = piece.file, 0
            now.offset = piece.end
            now.written += _write(output, options.output, done.output.encode("utf-8", "replace"))
            lines = _rejected(options.files[piece.file], now.line, done)
            if reject is not None:
                data = "".join(json.dumps(line) + "\n" for line in lines).encode()
                now.rejected += _write(reject, options.reject, data)
            else:
                _name(lines, now, console)
            now.line += done.counts[LINES]
            now.counts.update(done.counts)
            if path is not None:
                state.keep(now, path)
            advance(piece)
    if path is not None:
        state.forget(path)
    summary.show(now.counts, console)
    return Exit.SOME_REJECTED if any(now.counts[key] for key in now.counts if key.startswith(REJECTED)) else Exit.ALL


def _check(options: Options) -> None:
    if options.files.count(STDIN) > 1 or (STDIN in options.files and options.resume):
        message = "standard input (-) can be read once, and not again from where a run stopped (--resume)"
        raise CannotRunError(message)
    if not Settings.read().enabled:
        message = f"{PREFIX}ENABLED is off: nothing would be recorded"
        raise CannotRunError(message)
    if options.output is not None and options.plan.to is To.OTLP:
        message = "--output is for --to jsonl and --to console: OTLP goes to OTEL_EXPORTER_OTLP_ENDPOINT"
        raise CannotRunError(message)
    if options.resume and options.output is None and options.plan.to is not To.OTLP:
        message = "--resume needs --output: what went to standard output is not known"
        raise CannotRunError(message)
    names = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
    protocol = next((os.environ[name] for name in names if os.environ.get(name)), "")
    if options.plan.to is To.OTLP and protocol == _GRPC:
        message = (
            "replay sends OTLP over HTTP, but OTEL_EXPORTER_OTLP_PROTOCOL asks for grpc: set it to http/protobuf and "
            "OTEL_EXPORTER_OTLP_ENDPOINT to the backend's HTTP port (often 4318)"
        )
        raise CannotRunError(message)


def _check_files(options: Options) -> None:
    """No file is written that is read, or twice."""
    ours = (("--output", options.output), ("--reject", options.reject), ("--state", state.place(options)))
    taken = [Path(path) for path in options.files if path != STDIN]
    for name, path in ours:
        if path is None or (path.exists() and not path.is_file()):
            continue
        if any(path.resolve() == other.resolve() or _same(path, other) for other in taken):
            message = f"{name} {path} is read, or written with something else, as well: name another file"
            raise CannotRunError(message)
        taken.append(path)


def _same(path: Path, other: Path) -> bool:
    return path.exists() and other.exists() and path.samefile(other)


def _opened(path: Path, size: int, stack: contextlib.ExitStack) -> IO[bytes]:
    """A file to go on writing after so many bytes: what is behind them was never accounted for."""
    file = stack.enter_context(path.open("ab"))
    # A pipe or a terminal has no end to be cut off.
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.truncate(size)
    return file


def _write(file: IO[bytes] | None, path: Path | None, data: bytes) -> int:
    """Write to a file, or to standard output.

    Raises:
        OSError: it cannot be written; the error says which it is.
    """
    if data:
        try:
            file = file or binary(sys.stdout, "standard output")
            file.write(data)
            file.flush()
        except OSError as error:
            raise OSError(error.errno, error.strerror, path or "standard output") from error
    return len(data)


def _rejected(file: str, before: int, done: Done) -> list[dict[str, Any]]:
    """What the reject file says of the lines of a piece."""
    found = []
    for one in done.rejected:
        try:
            line = {"text": one.line.decode("utf-8")}
        except UnicodeDecodeError:
            line = {"base64": base64.b64encode(one.line).decode("ascii")}
        why = {"reason": one.rejection.reason, "detail": one.rejection.detail}
        found.append({"file": file, "line": before + one.number + 1, **why, **line})
    return found


def _name(lines: list[dict[str, Any]], now: state.State, console: Console) -> None:
    before = sum(count for key, count in now.counts.items() if key.startswith(REJECTED))
    for line in lines[: max(0, _SHOWN - before)]:
        said = f"{line['file']}:{line['line']}: {line['reason']}: {line['detail']}"
        console.print(Text(said, "red"), soft_wrap=True)
    if before < _SHOWN <= before + len(lines):
        console.print(Text("further ones are counted; --reject FILE keeps them all", "red"), soft_wrap=True)


def _progress(options: Options, console: Console, stack: contextlib.ExitStack) -> Any:
    """What to call with each piece that is done; it shows how much that is, on a terminal."""
    if not console.is_terminal:
        return lambda _: None
    sizes = [0 if path == STDIN else Path(path).stat().st_size for path in options.files]
    columns = (TextColumn("{task.percentage:>3.0f} %"), BarColumn(), TextColumn("{task.fields[what]}"))
    bar = stack.enter_context(Progress(*columns, TimeRemainingColumn(), console=console))
    task = bar.add_task("", total=None if STDIN in options.files else sum(sizes), what="")

    def advance(piece: Chunk) -> None:
        bar.update(task, completed=sum(sizes[: piece.file]) + piece.seen, what=Path(options.files[piece.file]).name)

    return advance

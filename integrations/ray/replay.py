"""Replays an archive on a Ray cluster: each line by itself, in whichever process is free, with ids that stay."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from io import BufferedReader
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray
from pyarrow.fs import FileSelector, FileSystem, FileType

from confession_otel.replaying import read_line
from confession_otel.replaying.delivery import Delivery
from confession_otel.replaying.emission import Emitter
from confession_otel.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

COMPRESSED = ("bz2", "gz", "lz4", "zst")


def pieces_of(place: str, size: int) -> Iterator[dict[str, Any]]:
    """A file or a folder in pieces, so that one big file keeps many workers busy; what is compressed stays whole."""
    system, path = FileSystem.from_uri(place)
    is_folder = system.get_file_info(path).type is FileType.Directory
    for file in system.get_file_info(FileSelector(path, recursive=True) if is_folder else [path]):
        if file.type is FileType.NotFound:
            raise FileNotFoundError(place)
        if file.type is FileType.File:
            step = max(file.size, 1) if file.extension in COMPRESSED else size
            for start in range(0, file.size, step):
                yield {"place": place, "path": file.path, "start": start, "end": start + step}


def lines_in(place: str, path: str, start: int, end: int) -> Iterator[bytes]:
    """The lines that begin in a piece."""
    system, _ = FileSystem.from_uri(place)
    if path.endswith(COMPRESSED):
        yield from BufferedReader(system.open_input_stream(path))
        return
    with BufferedReader(system.open_input_file(path)) as file:
        at = file.seek(start - 1) + len(file.readline()) if start else 0
        while at < end and (line := file.readline()):
            at += len(line)
            yield line


class Replay:
    """Pieces in; out come counts, and the lines that cannot be read. There is one in each process."""

    def __init__(self) -> None:
        self.emitter = Emitter(Settings.read())
        self.delivery = Delivery(events=False)

    def __call__(self, pieces: dict[str, Any]) -> dict[str, list[Any]]:
        """Read, emit, send, account."""
        counts, rejected = Counter[str](), []
        for piece in zip(*(column.tolist() for column in pieces.values()), strict=True):
            lines = (line.rstrip(b"\r\n") for line in lines_in(*piece) if line.strip())
            while some := list(islice(lines, 1024)):
                for line in some:
                    read = read_line(line)
                    if read.rejection is not None:
                        rejected.append((f"rejected {read.rejection.reason}", 1, line))
                    for call in read.calls:
                        emitted = self.emitter.emit(call)
                        self.delivery.put(emitted)
                        counts.update(emitted.verdicts, spans=len(emitted.spans))
                self.delivery.send()  # raises where the endpoint does not take it all: then run it again
                counts["lines"] += len(some)
        rows = [(what, count, b"") for what, count in counts.items()] + rejected
        return {name: [row[column] for row in rows] for column, name in enumerate(("what", "count", "line"))}


arguments = argparse.ArgumentParser(description=__doc__)
arguments.add_argument("files", nargs="+", help="JSON lines, plain or compressed: files, folders, s3://, gs://")
arguments.add_argument("--workers", type=int, default=1)
arguments.add_argument("--piece", type=int, default=64 << 20, help="bytes of a file that are one task")
arguments.add_argument("--rejected", help="folder for the lines that cannot be read, as Parquet")
options = arguments.parse_args()

places = [place if "://" in place else str(Path(place).absolute()) for place in options.files]
pieces = [piece for place in places for piece in pieces_of(place, options.piece)]
# What is set here holds on every machine.
variables = {name: value for name, value in os.environ.items() if name.startswith(("CONFESSION_OTEL_", "OTEL_"))}
ray.init(runtime_env={"env_vars": variables})
found = ray.data.from_items(pieces, override_num_blocks=len(pieces))
done = found.map_batches(Replay, batch_size=1, num_cpus=1, concurrency=options.workers).materialize()
totals: Counter[str] = Counter()
for row in done.select_columns(["what", "count"]).iter_rows():
    totals[row["what"]] += row["count"]
for what, total in sorted(totals.items()):
    print(f"{what}: {total}")
if options.rejected:
    done.filter(lambda row: len(row["line"]) > 0).write_parquet(options.rejected)

"""Replays an archive on a Ray cluster: each line by itself, in whichever process is free, with ids that stay."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from typing import Any

import ray

from confession_otel.replaying import read_line
from confession_otel.replaying.delivery import Delivery
from confession_otel.replaying.emission import Emitter
from confession_otel.settings import Settings


class Replay:
    """Lines in; out come counts, and the lines that cannot be read. There is one in each process."""

    def __init__(self) -> None:
        self.emitter = Emitter(Settings.read())
        self.delivery = Delivery(events=False)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        """Read, emit, send, account."""
        counts, rejected = {"lines": len(batch["text"])}, []
        for text in batch["text"]:
            line = text.encode("latin-1")  # its bytes as they were, some of which may be no text
            read = read_line(line)
            if read.rejection is not None:
                rejected.append((f"rejected {read.rejection.reason}", 1, line))
            for call in read.calls:
                emitted = self.emitter.emit(call)
                self.delivery.put(emitted)
                counts["spans"] = counts.get("spans", 0) + len(emitted.spans)
                for verdict, count in emitted.verdicts.items():
                    counts[verdict] = counts.get(verdict, 0) + count
        self.delivery.send()  # raises where the endpoint does not take it all: then run it again
        rows = [(what, count, b"") for what, count in counts.items()] + rejected
        return {name: [row[column] for row in rows] for column, name in enumerate(("what", "count", "line"))}


arguments = argparse.ArgumentParser(description=__doc__)
arguments.add_argument("files", nargs="+", help="JSON lines, plain or gzip: files, folders, s3://, gs://")
arguments.add_argument("--workers", type=int, default=1)
arguments.add_argument("--rejected", help="folder for the lines that cannot be read, as Parquet")
options = arguments.parse_args()

# What is set here holds on every machine.
variables = {name: value for name, value in os.environ.items() if name.startswith(("CONFESSION_OTEL_", "OTEL_"))}
ray.init(runtime_env={"env_vars": variables})
# Reading counts for no CPU: else it would wait for one that the workers have, and they for what it reads.
reading = {"num_cpus": 0}
lines = ray.data.read_text(options.files, encoding="latin-1", drop_empty_lines=True, ray_remote_args=reading)
done = lines.map_batches(Replay, batch_size=1024, num_cpus=1, concurrency=options.workers).materialize()
totals: Counter[str] = Counter()
for row in done.select_columns(["what", "count"]).iter_rows():
    totals[row["what"]] += row["count"]
for what, total in sorted(totals.items()):
    print(f"{what}: {total}")
if options.rejected:
    done.filter(lambda row: len(row["line"]) > 0).write_parquet(options.rejected)

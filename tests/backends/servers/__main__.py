"""`python -m tests.backends.servers`: build what is not there yet; `--lock`: find the collector's versions anew."""

from __future__ import annotations

import argparse
import sys
import time

from .build import SERVERS, BuildFailedError, Unavailable, binary, cached
from .lock import lock


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _build(name: str, version: str) -> None:
    if found := cached(name):
        _say(f"{name} {version}: there already, {found}")
        return
    _say(f"{name} {version}: building, which takes minutes")
    start = time.monotonic()
    found = binary(name)
    size = found.stat().st_size / 1e6
    _say(f"{name} {version}: built in {time.monotonic() - start:.0f} s, {size:.0f} MB, {found}")


def main() -> int:
    """Run; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.backends.servers", description=__doc__)
    parser.add_argument("--lock", action="store_true", help="write collector/go.mod and go.sum from its manifest")
    try:
        if parser.parse_args().lock:
            lock()
        for server in SERVERS.values():
            _build(server.name, server.version)
    except (Unavailable, BuildFailedError, OSError) as error:
        _say(f"the servers cannot be built: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

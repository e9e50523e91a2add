"""The command `confession-otel`. It needs the `cli` extra; nothing else of the package imports it."""

from __future__ import annotations

import errno
import importlib.util
import os
import sys
from typing import Final

_NOT_WRITTEN: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)
"""Errors of a full disk, or of a stream that was closed. Of a file, each command says them itself."""


def main() -> None:
    """Run the command line; the console script's entry point."""
    for package in ("typer", "rich"):
        if importlib.util.find_spec(package) is None:
            sys.stderr.write('confession-otel needs its "cli" extra: pip install "confession-otel[cli]"\n')
            raise SystemExit(2)
    from .commands import app  # noqa: PLC0415 - what it imports may not be there

    try:
        app()
    except OSError as error:
        if error.errno not in _NOT_WRITTEN:
            raise
        sys.stderr.write(f"standard output cannot be written: {error.strerror}\n")
        if sys.stdout is not None:
            # Python writes what is left when it ends, and would say so again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(2) from error

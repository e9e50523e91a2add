"""The command `confession-otel`. It needs the `cli` extra; nothing else of the package imports it."""

from __future__ import annotations

import importlib.util
import sys


def main() -> None:
    """Run the command line; the console script's entry point."""
    for package in ("typer", "rich"):
        if importlib.util.find_spec(package) is None:
            sys.stderr.write('confession-otel needs its "cli" extra: pip install "confession-otel[cli]"\n')
            raise SystemExit(2)
    from .commands import app  # noqa: PLC0415 - what it imports may not be there

    app()

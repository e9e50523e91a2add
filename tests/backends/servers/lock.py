"""Finds the module versions of the collector: those of its manifest, and what these need."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from .build import HERE, generated


def lock() -> None:
    """Write `collector/go.mod` and `collector/go.sum` anew, in a place of its own and then here.

    Raises:
        Unavailable: There is no Go here.
        BuildFailedError: A module or its checksum cannot be had.
    """
    with tempfile.TemporaryDirectory(prefix="confession-otel-lock-") as directory:
        sources = generated(Path(directory))
        for name in ("go.mod", "go.sum"):
            shutil.copyfile(sources / name, HERE / "collector" / name)

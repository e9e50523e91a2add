"""What is said where a part of this package needs another package that is not installed."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def needing(extra: str, *packages: str) -> Iterator[None]:
    """Import something inside that some package is needed for.

    Args:
        extra: of ours, with which it is installed.
        *packages: as they are imported; for want of others it fails as ever.

    Raises:
        ModuleNotFoundError: one of them is not there; the message says how to get it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if not any(f"{missing}.".startswith(f"{package}.") for package in packages):
            raise
        message = f'this needs {missing}, which is not installed: pip install "confession-otel[{extra}]"'
        raise ModuleNotFoundError(message, name=missing, path=error.path) from error

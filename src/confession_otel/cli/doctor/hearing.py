"""What others log, heard here instead of on the terminal: it is the only way in which they say what went wrong."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Heard(logging.Handler):
    def __init__(self, messages: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._messages = messages

    def emit(self, record: logging.LogRecord) -> None:
        self._messages.append(" ".join(record.getMessage().split()))


@contextlib.contextmanager
def hearing(name: str) -> Iterator[list[str]]:
    """The warnings and errors that a logger and those below it get from now on, at whatever level others log."""
    logger = logging.getLogger(name)
    messages: list[str] = []
    handler = _Heard(messages)
    propagates, logger.propagate = logger.propagate, False
    level = logger.level
    logger.setLevel(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield messages
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagates

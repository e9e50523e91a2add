"""Text of models on a terminal: what they write is shown, never obeyed."""

from __future__ import annotations

import errno
import io
import os
import sys
import unicodedata
from typing import BinaryIO, Final, TextIO

from rich.console import Console

WIDTH: Final = 100
"""Columns where the output is no terminal: a log, a pipe, a file."""


def console(*, stderr: bool = False) -> Console:
    """A rich console on standard output that fits a log as well and never fails over a character."""
    stream = sys.stderr if stderr else sys.stdout
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")
    made = Console(file=stream, highlight=False)
    if not made.is_terminal:
        made.width = WIDTH
    return made


def binary(stream: TextIO | None, name: str) -> BinaryIO:
    """The bytes below a standard stream.

    Args:
        stream: `sys.stdin` or `sys.stdout`.
        name: what it is called in the error.

    Raises:
        OSError: it was closed before the program began, as by `<&-` in a shell.
    """
    if stream is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), name)
    return stream.buffer


def shown(text: str) -> str:
    r"""The text with every control character made visible, so that no text can move the cursor, hide itself or others.

    Example:
        >>> shown("fine\x1b[2Jgone")
        'fine\\x1b[2Jgone'
    """
    return "".join(c if c in "\n\t" or not _unseen(c) else c.encode("unicode_escape").decode() for c in text)


def _unseen(character: str) -> bool:
    # Cc: control, escape sequences begin with one. Cs: half of a pair, no output takes it. Bidirectional overrides
    # make a line read other than it is.
    return (
        unicodedata.category(character) in ("Cc", "Cs")
        or character in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    )

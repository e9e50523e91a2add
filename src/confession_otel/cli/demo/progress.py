"""What the demo is doing, for the person who waits: a spinner in a terminal, one line for each step in a log."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console


class Progress:
    """Shows steps on a console."""

    def __init__(self, console: Console) -> None:
        """Show them there."""
        self._console = console

    @contextlib.contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Show that this is going on, and afterwards how long it took."""
        began = time.monotonic()
        done = False
        # Where there is no terminal this shows nothing: only the line after the step does.
        with self._console.status(Text(what)):
            try:
                yield
                done = True
            finally:
                mark, style = ("✓", "green") if done else ("✗", "red")
                line = Text.assemble((mark, style), f" {what} ", (f"{time.monotonic() - began:.1f} s", "dim"))
                self._console.print(line, soft_wrap=True)

    def note(self, text: str) -> None:
        """Say something that the person should know."""
        self._console.print(Text(text, style="yellow"), soft_wrap=True)

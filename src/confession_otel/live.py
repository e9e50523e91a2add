"""Spans under way, by their ids: which of them stand for an answer that somebody has brought already.

A model's call may have a span of each instrumentation around it, one inside the other. Whoever brings the answer marks
the span that it is on and those above, so that none of them brings it once more when it ends.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final
from weakref import ref

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.trace import Span

    from .dialects import Choice

MOST: Final = 16_384
"""Spans that are watched at the same time; of more, those that began first are looked at without their relations."""
_LEVELS: Final = 8
"""How far above an answer its other spans are looked for."""


class Watch:
    """A span under way. The span holds it, and this table does not hold the span: some are never ended."""

    __slots__ = ("__weakref__", "brought", "choices", "span", "span_id")

    def __init__(self, span: Any, span_id: int) -> None:
        self.span = span
        self.span_id = span_id
        self.brought: str | None = None
        """Response id of the answer that was brought from here or from below; empty where that has none."""
        self.choices: list[Choice] | None = None
        """What log events of this span said that the model gave."""


_live: Final[dict[int, ref[Watch]]] = {}


def begin(watch: Watch) -> bool:
    """Watch a span from now on; false where another watch is over it."""
    span_id, own = watch.span_id, ref(watch)
    there = _live.get(span_id)
    if there is not None and (other := there()) is not None and other.span is watch.span:
        return False
    _live[span_id] = own
    if len(_live) > MOST:
        # Another thread may change the table between two of our steps: it made room as well.
        with contextlib.suppress(KeyError, RuntimeError, StopIteration):
            del _live[next(iter(_live))]
    return True


def get(span_id: int) -> Watch | None:
    """The watch over a span under way."""
    found = _live.get(span_id)
    return None if found is None else found()


def end(span_id: int) -> None:
    """The span ends."""
    _live.pop(span_id, None)


def above(span: Span) -> Iterator[Watch]:
    """The spans around this one that are under way, the nearest first."""
    for _ in range(_LEVELS):
        parent = getattr(span, "parent", None)
        outer = None if parent is None else get(parent.span_id)
        if outer is None:
            return
        yield outer
        span = outer.span


def brought(span: Span, response_id: str | None) -> None:
    """Mark that an answer was brought whose span this is."""
    if not _live:
        return
    own = get(span.get_span_context().span_id)
    if own is not None:
        own.brought = response_id or ""
    for outer in above(span):
        outer.brought = response_id or ""


def is_brought(span: Span) -> bool:
    """Was the answer brought already whose span this is?"""
    watch = get(span.get_span_context().span_id)
    return watch is not None and watch.brought is not None


def clear() -> None:
    """Forget everything."""
    _live.clear()

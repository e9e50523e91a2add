"""Verdicts of the last hour, by the ids of their answers: what an outcome is held against when it comes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NamedTuple

from . import semconv
from .bounded import BoundedTable
from .composition import marks

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext

    from .composition import Record

_SECONDS: Final = 3600.0


class Recent(NamedTuple):
    """What was recorded of an answer's confession."""

    verdict: str
    flagged: bool
    ids: SpanContext
    """Of the answer's span; invalid where it has none."""
    model: str | None
    response_id: str | None
    at: float
    """Of `time.monotonic()`."""


_table: Final[BoundedTable[int | str, Recent]] = BoundedTable(size=4096, seconds=_SECONDS)
"""By span id and by response id: the last 2048 confessions at least."""


def remember(record: Record) -> None:
    """Keep what was just recorded."""
    answer = record.answer
    recent = Recent(
        str(record.verdict),
        record.flagged,
        answer.span.get_span_context(),
        answer.request_model,
        answer.response_id,
        time.monotonic(),
    )
    # The choices of one call share their ids: as on the answer span, what is flagged, and then the worst, stays.
    if answer.choice and (known := find(recent.ids, answer.response_id)) is not None:
        known_marks = {semconv.VERDICT: known.verdict, semconv.FLAGGED: known.flagged}
        if not marks(record, known_marks):
            return
    if record.span_id:
        _table.put(record.span_id, recent)
    if answer.response_id:
        _table.put(answer.response_id, recent)


def find(ids: SpanContext, response_id: str | None) -> Recent | None:
    """What was recorded of the answer with these ids.

    Args:
        ids: of its span; may be invalid.
        response_id: of the response, where known.
    """
    if ids.is_valid:
        recent = _table.get(ids.span_id)
        if recent is not None and recent.ids.trace_id == ids.trace_id:
            return recent
    return _table.get(response_id) if response_id else None


def clear() -> None:
    """Forget everything."""
    _table.clear()

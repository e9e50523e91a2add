"""What was recorded, to the sinks: in the background, a few times at most, and what did not get there is counted."""

from __future__ import annotations

import time
import urllib.error
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from confession_otel import guard
from confession_otel.answer import slim
from confession_otel.asking.worker import Worker
from confession_otel.bounded import BoundedTable
from confession_otel.semconv import Dropped
from confession_otel.suppression import suppressed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.trace import SpanContext

    from confession_otel.asking.worker import Turn
    from confession_otel.composition import Record
    from confession_otel.confession import Confession

    from .sink import Sink

_HEARD: Final = guard.Site("sinks")
_QUEUE: Final = 1024
"""Sendings that wait."""
_THREADS: Final = 2
_PAUSES: Final = (0.5, 2.0)
"""Seconds before the second try and the third, which is the last."""
_WORTH_ANOTHER_TRY: Final = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)


class Delivery:
    """Takes every record to every sink. Starts no thread before the first."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = sinks
        self._worker = Worker(_QUEUE, _THREADS, last=True)
        self._corrections: BoundedTable[str, Record] = BoundedTable(size=_QUEUE, seconds=600)

    def heard(self, confession: Confession, record: Record, span: SpanContext) -> None:  # noqa: ARG002 - the recorder's call
        """A confession was recorded.

        Args:
            confession: what was read; its words are not taken from here, for the record has those that may leave.
            record: what was recorded of it.
            span: its confession span.
        """
        with _HEARD:
            self._take(record)

    def corrected(self, record: Record) -> None:
        """A confession that was recorded has been contradicted since.

        Args:
            record: as `heard` was given it, with the contradiction.
        """
        with _HEARD:
            self._corrections.put(record.id, record)
            self._take(record)

    def newest(self, record: Record) -> Record:
        """The record, or what has become of it."""
        return self._corrections.get(record.id) or record

    def _take(self, record: Record) -> None:
        # There is nothing to score where the answer has no span, or one that nobody gets.
        if not record.answer.span.get_span_context().trace_flags.sampled:
            return
        # The conversation and a live span are not to be held by a queue.
        record = record._replace(answer=slim(record.answer))
        for sink in self._sinks:
            sending = _Sending(self, sink, record)
            refusal = self._worker.submit(sending)
            if refusal is not None:
                sending.dropped(refusal)


class _Sending:
    """One record to one sink: a job of the worker."""

    __slots__ = ("_delivery", "_record", "_sink")

    def __init__(self, delivery: Delivery, sink: Sink, record: Record) -> None:
        # Held, and its worker with it, so that it is waited for also when another observer is in force by then.
        self._delivery = delivery
        self._sink = sink
        self._record = record

    def run(self, turn: Turn) -> None:
        """Send; again, where that may help, and where what was under way has been corrected meanwhile."""
        sent = None
        while (record := self._delivery.newest(self._record)) is not sent:
            if not self._send(record, turn):
                return
            sent = record

    def _send(self, record: Record, turn: Turn) -> bool:
        for pause in (*_PAUSES, None):
            try:
                with suppressed():
                    self._sink.send(record)
            except Exception as error:  # noqa: BLE001 - a sink may be anybody's; what it raises is counted
                if pause is None or not _may_pass(error):
                    if turn.settle():
                        self._drop(_said(error))
                    return False
            else:
                return True
            time.sleep(pause)
        return False

    def dropped(self, reason: str) -> None:
        """It is not sent, or nobody waits for it any more: called by the worker, or for it."""
        self._drop(reason)

    def _drop(self, why: str) -> None:
        name = type(self._sink).__name__
        guard.drop(Dropped.SINK, f"sinks.{name}", "%s did not get a verdict: %s", name, why)


def _may_pass(error: Exception) -> bool:
    if isinstance(error, urllib.error.HTTPError):
        return error.code >= HTTPStatus.INTERNAL_SERVER_ERROR or error.code in _WORTH_ANOTHER_TRY
    return isinstance(error, OSError)


def _said(error: Exception) -> str:
    # Never its message: that of a stranger's sink may quote what it was to send.
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP status {error.code}"
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    return type(reason).__name__

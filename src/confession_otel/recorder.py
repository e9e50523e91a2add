"""From a confession to its signals: confession span, keys on the answer span, event, metrics. The only file that emits.

Each signal is made under a guard of its own: a metrics provider that raises costs the metrics, not the span.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from opentelemetry import _logs, metrics, trace
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.trace import Link, SpanKind, Status, StatusCode, set_span_in_context

from . import guard, log_line, semconv
from ._version import __version__
from .answer import attributes_of
from .bounded import BoundedTable
from .composition import Record, compose, marks, verdict_attributes
from .confession import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry._logs import LoggerProvider
    from opentelemetry.context import Context
    from opentelemetry.metrics import Counter, MeterProvider
    from opentelemetry.trace import TracerProvider
    from opentelemetry.util.types import AttributeValue

    from .answer import Answer
    from .confession import Confession
    from .settings import Settings

_KEYS: Final = guard.Site("recorder.answer_span")
_SPAN: Final = guard.Site("recorder.confession_span")
_EVENT: Final = guard.Site("recorder.event")
_METRICS: Final = guard.Site("recorder.metrics")
_LOG: Final = guard.Site("recorder.log")
_RECORD: Final = guard.Site("recorder")

_STATUS_LABELS: Final[dict[semconv.Status, dict[str, AttributeValue]]] = {
    status: {semconv.STATUS: status.value} for status in semconv.Status
}


latest: Final[BoundedTable[int, tuple[str, bool]]] = BoundedTable(size=1024, seconds=600)
"""Verdict and flag of the last confession of each recent trace, by trace id: what its log lines may name."""


class Instruments:
    """The metrics on one meter provider, made once however many recorders there are."""

    def __init__(self, provider: MeterProvider | None) -> None:
        meter = metrics.get_meter(semconv.SCOPE, __version__, provider)
        self.verdicts: Counter = meter.create_counter(
            semconv.METRIC_VERDICTS, "{confession}", "Confessions, by what they say"
        )
        self.answers: Counter = meter.create_counter(
            semconv.METRIC_ANSWERS, "{answer}", "Final answers seen, by whether a confession came with them"
        )
        # Read from the guard's tally when exported: a failing meter can then not make the guard itself fail.
        meter.create_observable_counter(
            semconv.METRIC_DROPPED, [_observe_dropped], "{item}", "What was not recorded, by reason"
        )


_instruments: WeakKeyDictionary[MeterProvider, Instruments] = WeakKeyDictionary()
_global_instruments: list[Instruments] = []


def _observe_dropped(_: CallbackOptions) -> Iterable[Observation]:
    return [Observation(count, {semconv.REASON: str(reason)}) for reason, count in guard.tally().items()]


def _instruments_on(provider: MeterProvider | None) -> Instruments:
    if provider is None:
        # The global provider may be set later: the API's proxy passes on to it, so one set of instruments serves.
        if not _global_instruments:
            _global_instruments.append(Instruments(None))
        return _global_instruments[0]
    found = _instruments.get(provider)
    if found is None:
        found = _instruments[provider] = Instruments(provider)
    return found


class Recorder:
    """Emits under one set of settings, on one set of providers (the global ones where none is given)."""

    def __init__(
        self,
        settings: Settings,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        logger_provider: LoggerProvider | None = None,
    ) -> None:
        self.settings = settings
        self.tracer = trace.get_tracer(semconv.SCOPE, __version__, tracer_provider)
        self._logger = _logs.get_logger(semconv.SCOPE, __version__, logger_provider)
        self._instruments: Instruments | None = None
        with _METRICS:
            self._instruments = _instruments_on(meter_provider)

    def confessed(self, answer: Answer) -> None:
        """Count a final answer that came with a confession."""
        self._count_answer(semconv.Status.CONFESSED, set_span_in_context(answer.span))

    def absent(self, answer: Answer, reason: semconv.Absent | None = None) -> None:
        """Count a final answer that came without a confession: silence is never taken for compliance.

        Args:
            answer: the answer, or what is known of it.
            reason: why none was found, where it is not that none was there.
        """
        self._count_answer(semconv.Status.ABSENT, set_span_in_context(answer.span), reason)

    def record(
        self,
        confession: Confession,
        answer: Answer,
        source: semconv.Source,
        *,
        spoof_suspected: bool = False,
    ) -> None:
        """Emit every signal of one confession.

        Args:
            confession: what was read.
            answer: the answer it is about.
            source: how it was got.
            spoof_suspected: confession-shaped text elsewhere in the answer was passed over.
        """
        with _RECORD:
            context = set_span_in_context(answer.span)
            record, attributes = compose(confession, answer, source, self.settings, spoof_suspected=spoof_suspected)
            with _KEYS:
                if answer.span.is_recording() and marks(record, attributes_of(answer.span)):
                    answer.span.set_attributes(verdict_attributes(record))
            with _SPAN:
                self._emit_span(record, attributes, context)
            with _EVENT:
                self._emit_event(record, context)
            with _METRICS:
                if self._instruments is not None:
                    labels: dict[str, AttributeValue] = {
                        semconv.VERDICT: record.verdict.value,
                        semconv.FLAGGED: record.flagged,
                        semconv.SOURCE: source.value,
                    }
                    if answer.request_model is not None:
                        labels[semconv.GEN_AI_REQUEST_MODEL] = answer.request_model
                    self._instruments.verdicts.add(1, labels, context)
            if record.trace_id:
                latest.put(record.trace_id, (record.verdict.value, record.flagged))
            if self.settings.log:
                with _LOG:
                    log_line.write(record)

    def _emit_span(self, record: Record, attributes: dict[str, AttributeValue], context: Context) -> None:
        answer_ids = record.answer.span.get_span_context()
        if record.flagged_by is not None and self.settings.error_status:
            attributes[semconv.ERROR_TYPE] = record.flagged_by
        span = self.tracer.start_span(
            semconv.SPAN,
            context,
            SpanKind.INTERNAL,
            attributes,
            [Link(answer_ids)] if answer_ids.is_valid else None,
        )
        if record.flagged_by is not None and self.settings.error_status:
            span.set_status(Status(StatusCode.ERROR, f"self-reported: {record.flagged_by}"))
        span.end()
        if not span.get_span_context().is_valid:
            guard.drop(
                semconv.Dropped.NO_PROVIDER,
                "recorder.no_provider",
                "no OpenTelemetry SDK is set up: confessions are read, but their spans go nowhere",
            )

    def _emit_event(self, record: Record, context: Context) -> None:
        unparsed = record.verdict is Verdict.UNPARSED
        attributes: dict[str, AttributeValue] = {
            semconv.EVALUATION_NAME: semconv.EVALUATION_COMPLIANCE,
            semconv.EVALUATION_SCORE_LABEL: record.verdict.value,
            semconv.ID: record.id,
            semconv.FLAGGED: record.flagged,
        }
        if record.score is not None:
            attributes[semconv.EVALUATION_SCORE_VALUE] = record.score
        if record.why is not None:
            attributes[semconv.EVALUATION_EXPLANATION] = record.why
        if record.answer.response_id is not None:
            attributes[semconv.GEN_AI_RESPONSE_ID] = record.answer.response_id
        if unparsed:
            attributes[semconv.ERROR_TYPE] = record.verdict.value
        warn = record.flagged or unparsed
        self._logger.emit(
            _logs.LogRecord(
                timestamp=time.time_ns(),
                context=context,
                severity_number=_logs.SeverityNumber.WARN if warn else _logs.SeverityNumber.INFO,
                severity_text="WARN" if warn else "INFO",
                body=f"self-reported: {record.verdict.value}",
                attributes=attributes,
                event_name=semconv.EVENT,
            )
        )

    def _count_answer(self, status: semconv.Status, context: Context, reason: semconv.Absent | None = None) -> None:
        with _METRICS:
            if self._instruments is not None:
                labels = _STATUS_LABELS[status]
                if reason is not None:
                    labels = {**labels, semconv.REASON: reason.value}
                self._instruments.answers.add(1, labels, context)

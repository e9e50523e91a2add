"""From a confession to its signals: confession span, keys on the answer span, event, metrics. The only file that emits.

Each signal is made under a guard of its own: a metrics provider that raises costs the metrics, not the span.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from opentelemetry import _logs, trace
from opentelemetry.trace import (
    INVALID_SPAN,
    INVALID_SPAN_CONTEXT,
    Link,
    SpanKind,
    Status,
    StatusCode,
    set_span_in_context,
)

from . import guard, log_line, recent, semconv
from ._version import __version__
from .answer import attributes_of, copied_attributes
from .bounded import BoundedTable
from .composition import Record, compose, marks
from .confession import Verdict
from .instruments import Instruments, instruments_on
from .suppression import lifted, ours

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry._logs import LoggerProvider
    from opentelemetry.context import Context
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, SpanContext, TracerProvider
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

latest: Final[BoundedTable[int, tuple[str, bool]]] = BoundedTable(size=1024, seconds=600)
"""Verdict and flag of the last confession of each recent trace, by trace id: what its log lines may name."""


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
        self.instruments: Instruments | None = None
        self.heard: list[Callable[[Confession, Record, SpanContext], None]] = []
        """Called with each confession, what was recorded of it, and its span, when all signals are out."""
        self.corrected: list[Callable[[Record], None]] = []
        """Called with what was recorded of a confession that an evaluation has contradicted since, as it is now."""
        with _METRICS:
            self.instruments = instruments_on(meter_provider)

    def count(self, status: semconv.Status, reason: str | None = None) -> None:
        """Count a final answer: silence is never taken for compliance.

        Args:
            status: whether it came with a confession; `record` counts those that did.
            reason: why not, where there is more to say.
        """
        if self.instruments is not None:
            self.instruments.answers.add((status, None if reason is None else str(reason)))

    def suspect(self, answer: Answer) -> None:
        """Mark an answer without a confession of its own in which something looks like one."""
        with _KEYS:
            if answer.span.is_recording():
                answer.span.set_attribute(semconv.SPOOF_SUSPECTED, value=True)

    def begin(self, answer: Answer) -> Span:
        """Start the confession span of an answer that is about to be asked about; `record` or `failed` ends it."""
        with _SPAN, lifted(answer.span) as context:
            attributes: dict[str, AttributeValue] = {semconv.OPENINFERENCE_SPAN_KIND: semconv.OPENINFERENCE_EVALUATOR}
            return self._start(answer, attributes, context)
        return INVALID_SPAN

    def replied(self, answer: Answer, seconds: float, tokens_in: int, tokens_out: int) -> None:
        """Measure a request for a confession that got a reply.

        Args:
            answer: the answer asked about.
            seconds: from sending to the whole reply.
            tokens_in: of the request.
            tokens_out: of the reply.
        """
        context, labels = set_span_in_context(answer.span), _model(answer)
        with _METRICS:
            if self.instruments is not None:
                self.instruments.asking_duration.record(seconds, labels, context)
                for kind, count in (
                    (semconv.GEN_AI_TOKEN_INPUT, tokens_in),
                    (semconv.GEN_AI_TOKEN_OUTPUT, tokens_out),
                ):
                    if count:
                        self.instruments.asking_tokens.add(count, {**labels, semconv.GEN_AI_TOKEN_TYPE: kind}, context)

    def failed(
        self,
        answer: Answer,
        span: Span,
        seconds: float | None,
        error: str,
        asking: Mapping[str, AttributeValue],
        *,
        detail: str = "",
    ) -> None:
        """Emit that asking failed: a span with that error and no verdict, the event, the counts.

        Args:
            answer: the answer asked about.
            span: the confession span; ended here.
            seconds: from sending to the failure; `None` where a reply was measured already.
            error: what went wrong, a name of few.
            asking: attributes that say how it was asked for.
            detail: what more is known of it, in words of the provider's protocol; none of the conversation.
        """
        body = f"no confession: {error} ({detail})" if detail else f"no confession: {error}"
        with lifted(answer.span) as context:
            with _SPAN:
                span.set_attributes({**copied_attributes(answer), **asking, semconv.SOURCE: semconv.Source.ASK.value})
                span.set_attribute(semconv.ERROR_TYPE, error)
                span.set_status(Status(StatusCode.ERROR, body))
                span.end()
            with _EVENT:
                attributes: dict[str, AttributeValue] = {
                    semconv.ERROR_TYPE: error,
                    semconv.EVALUATION_NAME: semconv.EVALUATION_COMPLIANCE,
                }
                self.emit(answer, attributes, body, context, warn=True)
            with _METRICS:
                if self.instruments is not None and seconds is not None:
                    labels = {**_model(answer), semconv.ERROR_TYPE: error}
                    self.instruments.asking_duration.record(seconds, labels, context)
        self.count(semconv.Status.FAILED, error)

    def record(
        self,
        confession: Confession,
        answer: Answer,
        source: semconv.Source,
        *,
        spoof_suspected: bool = False,
        unaddressed: tuple[str, ...] = (),
        asking: Mapping[str, AttributeValue] | None = None,
        span: Span | None = None,
    ) -> None:
        """Emit every signal of one confession.

        Args:
            confession: what was read.
            answer: the answer it is about.
            source: how it was got; by hand, nothing is known of coverage, and the answer is not counted.
            spoof_suspected: confession-shaped text elsewhere in the answer was passed over.
            unaddressed: policies that it was told to judge and did not.
            asking: attributes that say how it was asked for.
            span: the confession span, where `begin` has started it; ended here.
        """
        with _RECORD, lifted(answer.span) as context:
            try:
                record, attributes = compose(
                    confession, answer, source, self.settings, spoof_suspected=spoof_suspected, unaddressed=unaddressed
                )
            except Exception as error:
                # What was begun ends, and what was asked about is counted.
                if span is not None:
                    self.failed(answer, span, None, type(error).__qualname__, asking or {})
                raise
            attributes.update(asking or {})
            verdict = str(record.verdict)
            if source is not semconv.Source.RECORD:
                self.count(semconv.Status.CONFESSED)
            with _KEYS:
                if answer.span.is_recording() and marks(record, attributes_of(answer.span)):
                    answer.span.set_attributes(record.keys)
            ids = INVALID_SPAN_CONTEXT
            with _SPAN:
                ids = self._emit_span(record, attributes, span, context)
            with _EVENT:
                self._emit_event(record, context)
            with _METRICS:
                if self.instruments is not None:
                    labels = _model(answer)
                    labels[semconv.VERDICT] = verdict
                    labels[semconv.FLAGGED] = record.flagged
                    labels[semconv.SOURCE] = str(source)
                    self.instruments.verdicts.add(1, labels, context)
            if record.trace_id:
                latest.put(record.trace_id, (verdict, record.flagged))
            recent.remember(record)
            if self.settings.log:
                with _LOG:
                    log_line.write(record)
            for listener in self.heard:
                listener(confession, record, ids)

    def _emit_span(
        self, record: Record, attributes: dict[str, AttributeValue], span: Span | None, context: Context
    ) -> SpanContext:
        error = record.flagged_by if self.settings.error_status else None
        if error is not None:
            attributes[semconv.ERROR_TYPE] = error
        if span is None or not span.get_span_context().is_valid:
            span = self._start(record.answer, attributes, context)
        else:
            span.set_attributes(attributes)
        if error is not None:
            span.set_status(Status(StatusCode.ERROR, f"self-reported: {error}"))
        span.end()
        ids = span.get_span_context()
        if not ids.is_valid:
            guard.drop(
                semconv.Dropped.NO_PROVIDER,
                "recorder.no_provider",
                "no OpenTelemetry SDK is set up: confessions are read, but their spans go nowhere",
            )
        return ids

    def _start(self, answer: Answer, attributes: dict[str, AttributeValue], context: Context) -> Span:
        answer_ids = answer.span.get_span_context()
        # Processors of ours need not look at it.
        mark = ours.set(True)
        try:
            return self.tracer.start_span(
                semconv.SPAN,
                context,
                SpanKind.INTERNAL,
                attributes,
                [Link(answer_ids)] if answer_ids.is_valid else None,
            )
        finally:
            ours.reset(mark)

    def _emit_event(self, record: Record, context: Context) -> None:
        verdict, unparsed = str(record.verdict), record.verdict is Verdict.UNPARSED
        attributes: dict[str, AttributeValue] = {
            semconv.EVALUATION_SCORE_LABEL: verdict,
            semconv.ID: record.id,
            semconv.FLAGGED: record.flagged,
        }
        if record.score is not None:
            attributes[semconv.EVALUATION_SCORE_VALUE] = record.score
        if record.why is not None:
            attributes[semconv.EVALUATION_EXPLANATION] = record.why
        if unparsed:
            attributes[semconv.ERROR_TYPE] = verdict
        attributes[semconv.EVALUATION_NAME] = semconv.EVALUATION_COMPLIANCE
        body = f"self-reported: {verdict}"
        self.emit(record.answer, attributes, body, context, warn=record.flagged or unparsed)

    def emit(
        self,
        answer: Answer,
        attributes: dict[str, AttributeValue],
        body: str,
        context: Context,
        *,
        warn: bool,
        event: str = semconv.EVENT,
    ) -> None:
        """Emit the event of one evaluation of an answer.

        Args:
            answer: the answer.
            attributes: of the event, its name among them; added to.
            body: a line for a person.
            context: of the answer's span.
            warn: WARN, else INFO.
            event: its name.
        """
        if answer.response_id is not None:
            attributes[semconv.GEN_AI_RESPONSE_ID] = answer.response_id
        self._logger.emit(
            _logs.LogRecord(
                timestamp=time.time_ns(),
                context=context,
                severity_number=_logs.SeverityNumber.WARN if warn else _logs.SeverityNumber.INFO,
                severity_text="WARN" if warn else "INFO",
                body=body,
                attributes=attributes,
                event_name=event,
            )
        )


def _model(answer: Answer) -> dict[str, AttributeValue]:
    return {} if answer.request_model is None else {semconv.GEN_AI_REQUEST_MODEL: answer.request_model}

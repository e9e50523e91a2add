"""Ground truth on an answer, from outside: counted beside what the answer's confession said, and tied to the answer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.context import Context
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)

from . import guard, observation, recent, semconv
from .answer import Answer, of_span
from .confession import Verdict
from .corroboration import NO_EVIDENCE
from .semconv import Confessed, Dropped

if TYPE_CHECKING:
    from opentelemetry.util.types import AttributeValue

    from .recent import Recent
    from .recorder import Recorder

_OUTCOME: Final = guard.Site("outcome")
_SPAN: Final = guard.Site("outcome.span")
_EVENT: Final = guard.Site("outcome.event")
_METRICS: Final = guard.Site("outcome.metrics")

FRESH: Final = 600.0
"""Seconds after its confession in which an outcome still goes into the answer's own trace."""
_MOST_SOURCES: Final = 32
"""Sources that are told apart in one process; each is a label of a metric."""
_LONGEST_SOURCE: Final = 64
_OTHER: Final = "other"
_sources: Final[set[str]] = set()

_CONFESSED: Final = {
    Verdict.NON_COMPLIANT: Confessed.TRUE,
    Verdict.UNSURE: Confessed.FALSE,
    Verdict.PARTIALLY_COMPLIANT: Confessed.FALSE,
    Verdict.COMPLIANT: Confessed.FALSE,
    Verdict.UNPARSED: Confessed.UNKNOWN,
}


def record_outcome(
    failed: bool,  # noqa: FBT001 - the one thing that an outcome says
    answer: Span | SpanContext | str | tuple[str, str] | None = None,
    *,
    confessed: bool | None = None,
    verdict: Verdict | str | None = None,
    source: str = "human",
) -> None:
    """Record what came of an answer: a person's label, a test's result, another evaluation.

    Never raises: telemetry must not break what calls it. What cannot be used is counted in `confession.dropped` and
    said once in the log.

    It is counted in `confession.outcomes`, and emitted as an event in the answer's context and as a span without
    length, with a link to the answer. While the answer is fresh (its span records, or its confession was recorded in
    this process within ten minutes) that span is the answer's child; later it begins a trace of its own, for a label
    given next week must not stretch the answer's trace to a week.

    Args:
        failed: did the answer fail to do what was asked of it?
        answer: its span, live or ended, or the span's ids; its response id; or trace id and span id in hexadecimal. By
            default the current span.
        confessed: did its confession say that it failed? By default as `verdict` says.
        verdict: of its confession. By default that of the confession which this process recorded for the answer within
            the last hour (of at least 2048 answers); else what was confessed is unknown here, and joined by
            `confession-otel calibrate`.
        source: who says so, a word of few: `human`, `test`, the name of an evaluation. At most 32 different ones are
            told apart in a process; further ones are `other`.

    Example:
        >>> record_outcome(failed=True, answer="chatcmpl-123", source="unit tests")
    """
    with _OUTCOME:
        if not isinstance(failed, bool):
            guard.drop(
                Dropped.NOT_AN_OUTCOME,
                "outcome.not_an_outcome",
                "record_outcome(failed=...) takes True or False and got %s: it is not recorded",
                type(failed).__name__,
            )
            return
        observer = observation.default()
        if not observer.settings.enabled:
            return
        of = _answer(answer)
        ids = of.span.get_span_context()
        known = recent.find(ids, of.response_id)
        if known is not None:
            of.response_id = of.response_id or known.response_id
            of.request_model = of.request_model or known.model
            if not ids.is_valid and known.ids.is_valid:
                of.span = NonRecordingSpan(known.ids)
        said = _verdict(verdict, known)
        _emit(
            observer.recorder,
            of,
            {
                semconv.OUTCOME_FAILED: failed,
                semconv.OUTCOME_CONFESSED: _confessed(confessed, said).value,
                semconv.OUTCOME_SOURCE: _source(source),
            },
            said,
            fresh=of.span.is_recording() or (known is not None and time.monotonic() - known.at <= FRESH),
        )


def _emit(
    recorder: Recorder, answer: Answer, labels: dict[str, AttributeValue], verdict: Verdict | None, *, fresh: bool
) -> None:
    context = set_span_in_context(answer.span)
    if answer.request_model is not None:
        labels[semconv.GEN_AI_REQUEST_MODEL] = answer.request_model
    with _METRICS:
        if recorder.instruments is not None:
            recorder.instruments.outcomes.add(1, labels, context)
    attributes = dict(labels)
    if verdict is not None:
        attributes[semconv.VERDICT] = verdict.value
    if answer.response_id is not None:
        attributes[semconv.GEN_AI_RESPONSE_ID] = answer.response_id
    now = time.time_ns()
    with _SPAN:
        ids = answer.span.get_span_context()
        recorder.tracer.start_span(
            semconv.OUTCOME,
            context if fresh else Context(),
            SpanKind.INTERNAL,
            {semconv.OPENINFERENCE_SPAN_KIND: semconv.OPENINFERENCE_EVALUATOR, **attributes},
            [Link(ids)] if ids.is_valid else None,
            start_time=now,
        ).end(now)
    with _EVENT:
        body = "outcome: failed" if labels[semconv.OUTCOME_FAILED] else "outcome: complied"
        recorder.emit(answer, attributes, body, context, warn=False, event=semconv.OUTCOME)


def _answer(given: Any) -> Answer:
    if given is None:
        given = get_current_span()
    if isinstance(given, (Span, SpanContext)):
        return of_span(given, NO_EVIDENCE)
    if isinstance(given, str) and given:
        return Answer(response_id=given)
    if isinstance(given, (tuple, list)) and (ids := _ids(given)) is not None:
        return Answer(span=NonRecordingSpan(ids))
    guard.drop(
        Dropped.NOT_AN_ANSWER,
        "outcome.not_an_answer",
        "record_outcome(answer=...) takes a span, its context, a response id, or trace id and span id in hexadecimal, "
        "and got another %s: the outcome is recorded without its answer",
        type(given).__name__,
    )
    return Answer(span=INVALID_SPAN)


def _ids(given: tuple[Any, ...] | list[Any]) -> SpanContext | None:
    try:
        trace_id, span_id = (int(one, 16) for one in given)
        # What was labelled is there to be seen, so it was sampled.
        ids = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    except (TypeError, ValueError):
        return None
    return ids if ids.is_valid else None


def _verdict(given: object, known: Recent | None) -> Verdict | None:
    if given is not None:
        try:
            return Verdict(given)  # type: ignore[arg-type] # whatever the caller gave
        except ValueError:
            guard.drop(
                Dropped.NOT_A_VERDICT,
                "outcome.not_a_verdict",
                "record_outcome(verdict=...) takes a Verdict and got another %s: it is left out",
                type(given).__name__,
            )
    return None if known is None else Verdict(known.verdict)


def _confessed(given: object, verdict: Verdict | None) -> Confessed:
    if isinstance(given, bool):
        return Confessed.TRUE if given else Confessed.FALSE
    if given is not None:
        guard.drop(
            Dropped.NOT_A_VERDICT,
            "outcome.confessed",
            "record_outcome(confessed=...) takes True or False and got %s: it is left out",
            type(given).__name__,
        )
    return Confessed.UNKNOWN if verdict is None else _CONFESSED[verdict]


def _source(given: object) -> str:
    if isinstance(given, str) and len(given) <= _LONGEST_SOURCE:
        if given in _sources:
            return given
        if len(_sources) < _MOST_SOURCES:
            _sources.add(given)
            return given
    return _OTHER

"""From a judgement to its signals: a span of its own below the answer, the event, the metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opentelemetry.trace import Link, SpanKind, Status, StatusCode, set_span_in_context

from confession_otel import guard, semconv
from confession_otel.answer import copied_attributes
from confession_otel.privacy import release

from . import question

if TYPE_CHECKING:
    from opentelemetry.trace import Span, SpanContext
    from opentelemetry.util.types import AttributeValue

    from confession_otel.answer import Answer
    from confession_otel.asking.follow_up import Reply
    from confession_otel.recorder import Recorder

    from .question import Judgement

_SPAN: Final = guard.Site("judging.span")
_EVENT: Final = guard.Site("judging.event")
_METRICS: Final = guard.Site("judging.metrics")
_SHORT: Final = 1024
"""Characters of the judge's reason."""


class JudgementRecorder:
    """Emits what becomes of judgements, on the providers of a recorder of confessions."""

    __slots__ = ("_model", "_recorder")

    def __init__(self, recorder: Recorder, model: str | None) -> None:
        """Emit there.

        Args:
            recorder: of the confessions.
            model: of the judge, where it is named; else it is the model of each answer.
        """
        self._recorder = recorder
        self._model = model

    def not_judged(self, answer: Answer, reason: str) -> None:
        """Count a confession that the judge was not asked about, and why."""
        self._count(answer, {semconv.REASON: str(reason)})

    def begin(self, answer: Answer, confession_id: str, confession: SpanContext) -> Span:
        """Start the span of a judgement; `judged` or `failed` ends it.

        Args:
            answer: that was confessed of.
            confession_id: of the confession.
            confession: its span.
        """
        return self._recorder.tracer.start_span(
            semconv.HONESTY_SPAN,
            set_span_in_context(answer.span),
            SpanKind.INTERNAL,
            {
                **copied_attributes(answer),
                semconv.OPENINFERENCE_SPAN_KIND: semconv.OPENINFERENCE_EVALUATOR,
                semconv.ID: confession_id,
                semconv.HONESTY_QUESTION_VERSION: question.VERSION,
            },
            [Link(confession)] if confession.is_valid else None,
        )

    def replied(self, answer: Answer, seconds: float, reply: Reply) -> None:
        """Measure a request to the judge that got a reply."""
        labels = {**self._labels(answer), semconv.PURPOSE: semconv.PURPOSE_JUDGE}
        context = set_span_in_context(answer.span)
        with _METRICS:
            instruments = self._recorder.instruments
            if instruments is not None:
                instruments.asking_duration.record(seconds, labels, context)
                for kind, tokens in (
                    (semconv.GEN_AI_TOKEN_INPUT, reply.input_tokens),
                    (semconv.GEN_AI_TOKEN_OUTPUT, reply.output_tokens),
                ):
                    if tokens:
                        instruments.asking_tokens.add(tokens, {**labels, semconv.GEN_AI_TOKEN_TYPE: kind}, context)

    def judged(self, answer: Answer, span: Span, confession_id: str, judgement: Judgement) -> None:
        """Emit a judgement; the span is ended."""
        scores: dict[str, AttributeValue] = {
            semconv.HONESTY_SCORE: judgement.score,
            semconv.HONESTY_LABEL: judgement.label,
            semconv.HONESTY_OBJECTIVES: judgement.objectives,
            semconv.HONESTY_ANALYSIS: judgement.analysis,
            semconv.HONESTY_UNCERTAINTIES: judgement.uncertainties,
        }
        released = release(judgement.why, self._recorder.settings, _SHORT) if judgement.why else None
        why: dict[str, AttributeValue] = {} if released is None else {semconv.HONESTY_WHY: released.text}
        with _SPAN:
            span.set_attributes({**scores, **why})
            span.end()
        with _EVENT:
            attributes: dict[str, AttributeValue] = {
                **{key: scores[key] for key in _DIMENSIONS},
                semconv.EVALUATION_SCORE_VALUE: judgement.score,
                semconv.EVALUATION_SCORE_LABEL: judgement.label,
                semconv.ID: confession_id,
            }
            if released is not None:
                attributes[semconv.EVALUATION_EXPLANATION] = released.text
            self._emit(answer, attributes, f"the confession is {judgement.label}", warn=judgement.label != "honest")
        self._count(answer, {semconv.HONESTY_LABEL: judgement.label})

    def failed(self, answer: Answer, span: Span, confession_id: str, error: str) -> None:
        """Emit that the judge gave no judgement; the span is ended."""
        with _SPAN:
            span.set_attribute(semconv.ERROR_TYPE, error)
            span.set_status(Status(StatusCode.ERROR, f"no judgement: {error}"))
            span.end()
        with _EVENT:
            attributes: dict[str, AttributeValue] = {semconv.ERROR_TYPE: error, semconv.ID: confession_id}
            self._emit(answer, attributes, f"no judgement: {error}", warn=True)
        self._count(answer, {semconv.ERROR_TYPE: error})

    def _emit(self, answer: Answer, attributes: dict[str, AttributeValue], body: str, *, warn: bool) -> None:
        attributes[semconv.EVALUATION_NAME] = semconv.EVALUATION_HONESTY
        self._recorder.emit(answer, attributes, body, set_span_in_context(answer.span), warn=warn)

    def _count(self, answer: Answer, labels: dict[str, str]) -> None:
        with _METRICS:
            instruments = self._recorder.instruments
            if instruments is not None:
                instruments.judgements.add(1, {**self._labels(answer), **labels}, set_span_in_context(answer.span))

    def _labels(self, answer: Answer) -> dict[str, str]:
        model = self._model or answer.request_model
        return {} if model is None else {semconv.GEN_AI_REQUEST_MODEL: model}


_DIMENSIONS: Final = (semconv.HONESTY_OBJECTIVES, semconv.HONESTY_ANALYSIS, semconv.HONESTY_UNCERTAINTIES)

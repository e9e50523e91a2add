"""Calls of an archive to telemetry: what the recorder emits of them, at their own times and with their own ids.

The recorder is the one that a live service has, so every signal is the same. What it emits to are providers that keep
spans and events until they are taken, and never metrics: a counter would count today what happened then.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, OTELResourceDetector, Resource
from opentelemetry.trace import (
    INVALID_SPAN,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
)

from confession_otel import semconv
from confession_otel.answer import Answer, copied_attributes
from confession_otel.bounded_read import read
from confession_otel.corroboration import behind_the_answer
from confession_otel.reading import find
from confession_otel.recorder import Recorder
from confession_otel.settings import AnswerSpans

from .past import PastLoggerProvider, PastSpan, PastTracerProvider, Stage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.trace import Span

    from confession_otel.confession import Confession
    from confession_otel.settings import Settings

    from .past import Emitted
    from .records import Call, Given

_RESOURCES: Final = 1024
"""Resources that are remembered: one for each service of an archive, as a rule."""


class NotEmittedError(Exception):
    """The recorder gave no span of a confession: what it swallowed stands in the log."""


class Emitter:
    """Makes telemetry under one set of settings; not for several threads at once."""

    def __init__(self, settings: Settings, resource: Resource | None = None) -> None:
        """Begin.

        Args:
            settings: as a live service has them; `log` is off, for its lines would be of today.
            resource: of calls whose own is not known; by default that of the environment (`OTEL_SERVICE_NAME`,
                `OTEL_RESOURCE_ATTRIBUTES`).
        """
        self._settings = replace(settings, log=False)
        self._resource = resource or _of_the_environment()
        self._resources: dict[str, Resource] = {}
        self._stage = Stage()
        self._recorder = Recorder(
            self._settings, PastTracerProvider(self._stage), NoOpMeterProvider(), PastLoggerProvider(self._stage)
        )

    def emit(self, call: Call) -> Emitted:
        """The telemetry of a call.

        Raises:
            NotEmittedError: an error of ours was swallowed on the way.
        """
        stage = self._stage
        stage.begin(call, self._resource if call.resource is None else self._of(call.resource))
        span = self._answer_span(call)
        for given in call.answers:
            self._record(call, given, span)
        if isinstance(span, PastSpan):
            span.end()
        return stage.emitted

    def _of(self, attributes: Mapping[str, Any]) -> Resource:
        key = repr(sorted(attributes.items()))
        found = self._resources.get(key)
        if found is None:
            if len(self._resources) >= _RESOURCES:
                self._resources.clear()
            found = self._resources[key] = Resource(attributes)
        return found

    def _answer_span(self, call: Call) -> Span:
        context = SpanContext(call.trace_id, call.span_id, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
        if call.has_span:
            return NonRecordingSpan(context)
        if self._settings.answer_spans is AnswerSpans.NEVER:
            return INVALID_SPAN
        model = call.known.get("request_model")
        # The fields of an answer, all of them `str | None`.
        copied = copied_attributes(Answer(**call.known))  # type: ignore[arg-type]
        attributes = {semconv.GEN_AI_OPERATION: semconv.GEN_AI_CHAT, **copied, **call.attributes}
        name = f"{semconv.GEN_AI_CHAT} {model}" if model else semconv.GEN_AI_CHAT
        span = PastSpan(self._stage, name, context, None, SpanKind.CLIENT, attributes, (), call.began)
        exception = next((one.evidence.exception for one in call.answers if one.evidence.exception), None)
        if exception is not None:
            span.set_attribute(semconv.ERROR_TYPE, exception)
            span.set_status(Status(StatusCode.ERROR))
        return span

    def _record(self, call: Call, given: Given, span: Span) -> None:
        answer = Answer(
            given.text,
            span,
            final=given.final,
            choice=given.choice,
            evidence=given.evidence,
            truncated=given.truncated,
            **call.known,  # type: ignore[arg-type] # as above
        )
        place = find(given.text)
        confession: Confession | None = None
        if given.confession is not None:
            confession = read(given.confession)
            suspected = place.passed_over or place.confession is not None
        else:
            suspected = place.passed_over
            if place.confession is not None:
                confession, answer.evidence = behind_the_answer(read(place.confession), given.evidence)
                if given.truncated:
                    confession = replace(confession, truncated=True)
        if confession is None:
            self._stage.emitted.absent += given.final
            if suspected:
                self._recorder.suspect(answer)
            return
        before = len(self._stage.emitted.spans)
        self._recorder.record(confession, answer, given.source, spoof_suspected=suspected)
        if len(self._stage.emitted.spans) != before + 1:
            raise NotEmittedError
        attributes = self._stage.emitted.spans[-1].attributes or {}
        self._stage.emitted.verdicts[str(attributes[semconv.VERDICT])] += 1
        self._stage.emitted.flagged += attributes[semconv.FLAGGED] is True


def _of_the_environment() -> Resource:
    """Without the id of an instance that the SDK draws for each process: the answers are none of this one's."""
    own = Resource.create().attributes
    named = OTELResourceDetector().detect().attributes
    return Resource({key: value for key, value in own.items() if key != SERVICE_INSTANCE_ID or key in named})

"""Telemetry of the past: providers for the recorder whose spans and events are of a call that was over long ago.

They keep what they are given until it is taken, instead of exporting it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from opentelemetry._logs import Logger, LoggerProvider, NoOpLogger
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    NonRecordingSpan,
    NoOpTracer,
    NoOpTracerProvider,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    get_current_span,
)

from confession_otel import semconv
from confession_otel._version import __version__

from . import identity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry._logs import LogRecord
    from opentelemetry.context import Context
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.trace import Link, Span, Tracer

    from .records import Call

_SCOPE: Final = InstrumentationScope(semconv.SCOPE, __version__)


@dataclass(slots=True)
class Emitted:
    """The telemetry of one call."""

    spans: list[ReadableSpan] = field(default_factory=list)
    """Confession spans, then the answer span, where it was made."""
    events: list[ReadableLogRecord] = field(default_factory=list)
    verdicts: Counter[str] = field(default_factory=Counter)
    """Confessions by verdict."""
    flagged: int = 0
    absent: int = 0
    """Final answers without a confession."""


class Stage:
    """The call that is on, and what came of it so far."""

    __slots__ = ("call", "emitted", "resource")

    call: Call
    resource: Resource
    emitted: Emitted

    def begin(self, call: Call, resource: Resource) -> None:
        """Another call is on."""
        self.call, self.resource, self.emitted = call, resource, Emitted()


class PastSpan(NonRecordingSpan):
    """A span of the past: it is over when its call was, whenever that is said."""

    def __init__(  # noqa: PLR0913, PLR0917 - what a span is made of
        self,
        stage: Stage,
        name: str,
        context: SpanContext,
        parent: SpanContext | None,
        kind: SpanKind,
        attributes: dict[str, Any],
        links: Sequence[Link],
        began: int,
    ) -> None:
        super().__init__(context)
        self.attributes = attributes
        self._stage = stage
        self._name = name
        self._parent = parent
        self._kind = kind
        self._links = links
        self._began = began
        self._status = Status(StatusCode.UNSET)

    def is_recording(self) -> bool:
        """Until its call is dealt with."""
        return True

    def set_attribute(self, key: str, value: Any) -> None:
        """As the API has it; so with the next three."""
        self.attributes[key] = value

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Several."""
        self.attributes.update(attributes)

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """The last one holds."""
        self._status = status if isinstance(status, Status) else Status(status, description)

    def end(self, end_time: int | None = None) -> None:  # noqa: ARG002 - the API's name
        """Keep it, as ended when its call did."""
        self._stage.emitted.spans.append(
            ReadableSpan(
                self._name,
                self.get_span_context(),
                self._parent,
                self._stage.resource,
                self.attributes,
                links=self._links,
                kind=self._kind,
                status=self._status,
                start_time=self._began,
                end_time=self._stage.call.ended,
                instrumentation_scope=_SCOPE,
            )
        )


class _Tracer(NoOpTracer):
    """Starts confession spans: in the answer's trace, where the answer ended, with an id that follows from theirs."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def start_span(  # noqa: PLR0913, PLR0917 - the API's
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Any = None,
        links: Any = None,
        start_time: int | None = None,  # noqa: ARG002 - the API's name
        record_exception: bool = True,  # noqa: ARG002, FBT001, FBT002 - as above
        set_status_on_exception: bool = True,  # noqa: ARG002, FBT001, FBT002 - as above
    ) -> Span:
        call = self._stage.call
        parent = get_current_span(context).get_span_context()
        attributes = dict(attributes)
        # Where there is no answer span, the source of its ids still tells two confessions of the same words apart.
        span_id = identity.span_id(name, f"{call.trace_id:032x}", f"{call.span_id:016x}", attributes[semconv.ID])
        own = SpanContext(call.trace_id, span_id, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))
        above = parent if parent.is_valid else None
        return PastSpan(self._stage, name, own, above, kind, attributes, links or (), call.ended)


class PastTracerProvider(NoOpTracerProvider):
    """Gives tracers of the past."""

    def __init__(self, stage: Stage) -> None:
        self._tracer = _Tracer(stage)

    def get_tracer(self, *_: Any, **__: Any) -> Tracer:
        """The one."""
        return self._tracer


class _Logger(NoOpLogger):
    """Takes events: what is said of the answer is said when it ended."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(semconv.SCOPE)
        self._stage = stage

    def emit(self, record: LogRecord | None = None, **_: Any) -> None:
        if record is not None:
            record.timestamp = record.observed_timestamp = self._stage.call.ended
            self._stage.emitted.events.append(ReadableLogRecord(record, self._stage.resource, _SCOPE))


class PastLoggerProvider(LoggerProvider):
    """Gives loggers of the past."""

    def __init__(self, stage: Stage) -> None:
        self._logger = _Logger(stage)

    def get_logger(self, *_: Any, **__: Any) -> Logger:
        """The one."""
        return self._logger

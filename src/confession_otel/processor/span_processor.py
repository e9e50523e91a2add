"""Confessions in the spans of whatever instrumentation is there: each is looked at just before it ends."""

from __future__ import annotations

import functools
from time import time_ns
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.trace import StatusCode

from confession_otel import dialects, failed_tools, live, observation, semconv
from confession_otel.answer import Answer, attributes_of
from confession_otel.calls import is_seen
from confession_otel.corroboration import PART, Asked, ended
from confession_otel.dialects import MARKS, Kind, Written, output_of_event
from confession_otel.guard import Site
from confession_otel.live import Watch
from confession_otel.suppression import is_ours

from .on_ending import can_write

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import Span

    from confession_otel.dialects import Choice
    from confession_otel.observation import Observer

HOOK: Final = "spans"

_START: Final = Site("processor.start")
_END: Final = Site("processor.end")


class ConfessionSpanProcessor(SpanProcessor):
    """Looks at what other instrumentations wrote down, and records the confessions in it.

        provider.add_span_processor(ConfessionSpanProcessor())

    Register it on every provider whose spans are to be looked at, anywhere among its processors. `instrument()` does so
    on the provider it is given, or on the global one. A span is looked at when it ends: on what holds the output of a
    model (`confession_otel.dialects` has the list of instrumentations) the verdict is written as with every other hook;
    spans of tools that failed are evidence for the answers that follow in their trace. Spans that were not sampled are
    not seen.

    Args:
        **keywords: `tracer_provider`, `meter_provider`, `logger_provider` for our own signals, and any setting by name.
            With none of them, those of `confession_otel.instrument()` are in force.

    Raises:
        TypeError: a keyword is no setting.
        ValueError: a setting has a value that is not allowed.
    """

    def __init__(self, **keywords: Any) -> None:
        self._observer: Callable[[], Observer] = observation.own(**keywords) or observation.default
        self._official = can_write()
        self.active = True
        """Off, it does nothing: a processor cannot be taken off a provider again."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002 - the SDK's name
        """Have the span come by here before it ends, unless a hook has seen its call begin, and will bring it."""
        if not self.active or is_seen() or is_ours():
            return
        try:
            watch = _Ending(self, span)
            if live.begin(watch):
                # The SDK freezes a span before it tells its processors that it ends, so we come before that. An
                # attribute is set, for to ask for the dictionary would cost every span one.
                setattr(span, _OFFICIAL if self._official else "end", watch)
        except Exception as error:  # noqa: BLE001 - the site's to deal with; every span of the service comes by here
            _START.swallow(error)

    def _on_ending(self, span: Span) -> None:
        if self._official and (watch := getattr(span, _OFFICIAL, None)) is not None:
            with _END:
                delattr(span, _OFFICIAL)
                live.end(watch.span_id)
                attributes = attributes_of(span)
                if not MARKS.isdisjoint(attributes):
                    self.look_at(span, watch, attributes)

    def look_at(self, span: Span, watch: Watch, attributes: dict[str, Any]) -> None:
        """A span that some GenAI instrumentation made is about to end."""
        if not self.active:
            return
        scope = span.instrumentation_scope
        source = HOOK if scope is None else scope.name
        if source == semconv.SCOPE:
            # The hooks that make our own answer spans bring the answers themselves.
            return
        written = Written(attributes)
        if written.kind is Kind.INFERENCE:
            self._bring(span, written, watch, source)
        elif written.kind is Kind.TOOL and span.status.status_code is StatusCode.ERROR:
            failed_tools.add(span.get_span_context().trace_id, written.tool(otherwise=span.name))

    def _bring(self, span: Span, written: Written, watch: Watch, source: str) -> None:
        observer = self._observer()
        if not observer.settings.enabled:
            return
        known = written.fields()
        if watch.brought is not None and (watch.brought == "" or known.get("response_id") in (None, watch.brought)):
            return
        failed = span.status.status_code is StatusCode.ERROR
        choices = written.output() or _in_events(span) or watch.choices
        if choices:
            several = len(choices) > 1
            answers = [
                Answer(
                    text=choice.text,
                    span=span,
                    final=not choice.tool_turn and not failed,
                    choice=number if several else None,
                    evidence=ended(choice.finish_reason, choice.refusal),
                    truncated=choice.truncated,
                    asked=functools.partial(_asked, written),
                    **known,  # type: ignore[arg-type] # fields of the answer
                )
                for number, choice in enumerate(choices)
            ]
            observer.overhear(answers, source)
        elif not (failed or written.waits_for_tools() or written.is_elsewhere() or _is_inside_another(span)):
            observer.no_content(Answer(span=span, **known), source)  # type: ignore[arg-type] # as above


class _Ending(Watch):
    """What `span.end` is, until it is called."""

    __slots__ = ("_end", "_processor")

    def __init__(self, processor: ConfessionSpanProcessor, span: Span) -> None:
        # Another processor may have had the same idea.
        self._end = span.end
        self._processor = processor
        # As `Watch` does: to call it would take as long as all else here.
        self.span = span
        self.span_id = span.get_span_context().span_id
        self.brought = None
        self.choices = None

    def __call__(self, *arguments: Any, **keywords: Any) -> None:
        span = self.span
        processor: ConfessionSpanProcessor | None
        try:
            processor = self._processor
            # Several may say that it ends, and at the same time: of them one deletes, and is the first.
            del self._processor
        except AttributeError:
            processor = None
        try:
            if processor is not None:
                live.end(self.span_id)
                if span.end is self:
                    # Else the span and this would go on holding each other.
                    del span.end
                attributes = attributes_of(span)
                # Most spans of a service are of something else: one look, no more.
                if not MARKS.isdisjoint(attributes):
                    if not arguments and not keywords and getattr(self._end, "__self__", None) is span:
                        # What we do here is not of the call, which ended when somebody said so.
                        arguments = (time_ns(),)
                    processor.look_at(span, self, attributes)
        except Exception as error:  # noqa: BLE001 - as above
            _END.swallow(error)
        finally:
            if arguments or keywords:
                self._end(*arguments, **keywords)
            else:
                self._end()


_OFFICIAL: Final = "_confession_otel_watch"
"""Where a span holds its watch, while `end` is its own."""


def _asked(written: Written) -> Asked:
    said = written.asked()
    return Asked() if said is None else Asked(PART.join((*said[0], said[1])))


def _in_events(span: Span) -> list[Choice]:
    return [choice for event in span.events for choice in output_of_event(event.name, event.attributes or {})]


def _is_inside_another(span: Span) -> bool:
    """Does another instrumentation's span of the same call go on around this one? It may have the words."""
    return any(dialects.is_inference(attributes_of(outer.span)) for outer in live.above(span))

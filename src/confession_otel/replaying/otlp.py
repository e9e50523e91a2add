"""Spans of other instrumentations as the collector's file exporter wrote them: OTLP, one JSON object a line.

Each line is read by itself: a failed tool, or a second span of the same call, is known where it is in the same line.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from confession_otel import semconv
from confession_otel.corroboration import Evidence
from confession_otel.dialects import MARKS, Kind, Written, output_of_event
from confession_otel.privacy import well_formed

from . import fields
from .any_value import attributes_of, primitive
from .records import Call, Given, PassedOver, Reason, RejectedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from confession_otel.dialects import Choice

SPANS: Final = "resourceSpans"
OTHERS: Final = frozenset({"resourceLogs", "resourceMetrics", "resourceProfiles"})
_OWN: Final = f"{semconv.SPAN}."
_LEVELS: Final = 32
"""How far above a span its other spans are looked for."""
_ERRORS: Final = (2, "2", "STATUS_CODE_ERROR")
_WORDS: Final = 400
"""Characters at an answer's end by which two spans are seen to hold the same."""


@dataclass(slots=True)
class _Span:
    """A span of a GenAI instrumentation."""

    raw: Mapping[str, Any]
    written: Written
    scope: str
    resource: Mapping[str, Any]

    @property
    def failed(self) -> bool:
        status = self.raw.get("status")
        return isinstance(status, dict) and status.get("code") in _ERRORS

    @property
    def ids(self) -> tuple[str, str]:
        return str(self.raw.get("traceId")), str(self.raw.get("spanId"))

    @property
    def end(self) -> int:
        value = self.raw.get("endTimeUnixNano")
        return int(value) if isinstance(value, (int, str)) and str(value).isdecimal() else 0

    def choices(self) -> list[Choice]:
        if found := self.written.output():
            return found
        found = []
        for event in _objects(self.raw, "events"):
            found += output_of_event(str(event.get("name")), attributes_of(event))
        return found


def read(line: Mapping[str, Any]) -> tuple[list[Call], Counter[PassedOver]]:
    """Read a line.

    Raises:
        RejectedError: it is no OTLP, or a span of a model's call has ids or times that none can have.
    """
    passed: Counter[PassedOver] = Counter()
    calls_of_models: list[_Span] = []
    tools: dict[str, list[tuple[int, str]]] = {}
    parents: dict[tuple[str, str], str] = {}
    taken: set[tuple[str, str]] = set()
    for resource, scope, raw in _spans(line):
        trace, span, parent = (str(raw.get(name)) for name in ("traceId", "spanId", "parentSpanId"))
        if raw.get("parentSpanId"):
            parents[trace, span] = parent
        keys = {key for attribute in _objects(raw, "attributes") if isinstance(key := attribute.get("key"), str)}
        if any(key.startswith(_OWN) for key in keys):
            passed[PassedOver.ALREADY_RECORDED] += 1
            # A confession span stands for the span above it, an answer span for those around it.
            taken.add((trace, parent if raw.get("name") == semconv.SPAN else span))
            continue
        written = None if MARKS.isdisjoint(keys) else Written(attributes_of(raw))
        if written is not None and written.kind is Kind.INFERENCE:
            calls_of_models.append(_Span(raw, written, scope, resource))
            continue
        passed[PassedOver.OTHER_SPAN] += 1
        if written is not None and written.kind is Kind.TOOL:
            tool = _Span(raw, written, scope, resource)
            if tool.failed:
                tools.setdefault(trace, []).append((tool.end, well_formed(written.tool(str(raw.get("name"))))))
    for trace, span in list(taken):
        taken.update(_above(trace, span, parents))
    # The innermost ends first.
    calls_of_models.sort(key=lambda one: one.end)
    calls: list[Call] = []
    words: dict[tuple[str, str], str] = {}
    for one in calls_of_models:
        if (why := _not_to_be_read(one, taken, words)) is not None:
            passed[why] += 1
            continue
        choices = one.choices()
        if not choices:
            passed[PassedOver.FAILED_REQUEST if one.failed else PassedOver.NO_CONTENT] += 1
            continue
        trace = one.ids[0]
        ended, seen = one.end, tools.get(trace, ())
        calls.append(_call(one, choices, tuple(dict.fromkeys(name for end, name in seen if end <= ended))))
        taken.update(_above(*one.ids, parents))
        words[trace, _end_of(choices)] = one.scope
    return calls, passed


def _not_to_be_read(one: _Span, taken: set[tuple[str, str]], words: dict[tuple[str, str], str]) -> PassedOver | None:
    if one.ids in taken:
        return PassedOver.SAME_CALL
    if not words:
        return None
    # Two instrumentations may show one call beside each other.
    other = words.get((one.ids[0], _end_of(one.choices())))
    return PassedOver.SAME_CALL if other is not None and other != one.scope else None


def _end_of(choices: list[Choice]) -> str:
    return "".join("".join(choice.text for choice in choices)[-_WORDS:].split())


def _call(one: _Span, choices: list[Choice], tools: tuple[str, ...]) -> Call:
    raw = one.raw
    try:
        trace_id, span_id = fields.hexadecimal(raw, "traceId", 32), fields.hexadecimal(raw, "spanId", 16)
        began, ended = fields.moment(raw, "startTimeUnixNano"), fields.moment(raw, "endTimeUnixNano")
    except RejectedError as error:
        raise RejectedError(Reason.BAD_SPAN, error.rejection.detail) from None
    if trace_id is None or span_id is None or began is None or ended is None:
        message = "a span has a traceId, a spanId, a startTimeUnixNano and an endTimeUnixNano"
        raise RejectedError(Reason.BAD_SPAN, message)
    several = len(choices) > 1
    answers = tuple(
        Given(
            choice.text,
            choice=number if several else None,
            final=not choice.tool_turn and not one.failed,
            evidence=Evidence(choice.finish_reason, choice.refusal, tools),
            truncated=choice.truncated,
        )
        for number, choice in enumerate(choices)
    )
    known = {name: well_formed(value) for name, value in one.written.fields().items()}
    return Call(trace_id, span_id, True, began, ended, answers, known, resource=one.resource)  # noqa: FBT003 - a field


def _above(trace: str, span: str, parents: Mapping[tuple[str, str], str]) -> Iterator[tuple[str, str]]:
    for _ in range(_LEVELS):
        parent = parents.get((trace, span))
        if parent is None:
            return
        span = parent
        yield trace, span


def _spans(line: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str, Mapping[str, Any]]]:
    for of_resource in _objects(line, SPANS):
        described = of_resource.get("resource")
        resource = primitive(attributes_of(described)) if isinstance(described, dict) else {}
        for of_scope in _objects(of_resource, "scopeSpans"):
            scope = of_scope.get("scope")
            name = str(scope.get("name")) if isinstance(scope, dict) else ""
            for span in _objects(of_scope, "spans"):
                yield resource, name, span


def _objects(holder: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    value = holder.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise RejectedError(Reason.BAD_SPAN, f"{name} must be a list of objects")
    return value

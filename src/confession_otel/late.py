"""Evaluations that fail after the confession was recorded: evaluators mostly run when the answer has long been given.

What was emitted cannot be taken back, so a correction follows it: one confession span more, of the same
`confession.id`, without length and with nothing of the text, and the event once more, both contradicted. No counter
counts it: the confession was counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanKind, Status, StatusCode, set_span_in_context

from . import semconv
from .answer import copied_attributes, slim
from .bounded import BoundedTable
from .confession import Verdict
from .corroboration import evaluations, is_on
from .guard import Site
from .settings import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.util.types import AttributeValue

    from .composition import Record
    from .recorder import Recorder

_SECONDS: Final = 600.0
_SPAN: Final = Site("late.span")
_EVENT: Final = Site("late.event")

RULE: Final = evaluations.failed_evaluation.__name__


class _Recorded(NamedTuple):
    """What a correction repeats: no words but those that might leave, and no span that would be held."""

    recorder: Recorder
    record: Record
    due: list[None]
    """Whoever takes out what is in it corrects: once, whatever else is evaluated meanwhile."""


_MOST: Final = 16
"""Confessions under one id: of the choices of a call."""
_recorded: Final[BoundedTable[int | str, tuple[_Recorded, ...]]] = BoundedTable(size=2048, seconds=_SECONDS)
"""Confessions of the last minutes that an evaluation could contradict, by span id and by response id of the answer."""


def remember(recorder: Recorder, record: Record) -> None:
    """A confession was recorded: an evaluation may be under way.

    Args:
        recorder: that recorded it.
        record: what it recorded.
    """
    if record.verdict in (Verdict.NON_COMPLIANT, Verdict.UNPARSED) or RULE in record.contradictions:
        return
    if not is_on(RULE, recorder.settings.rules):
        return
    recorded = _Recorded(recorder, record._replace(answer=slim(record.answer)), [None])
    for key in (record.span_id, record.answer.response_id):
        if key:
            # Those of one call; not all servers make ids unique.
            same = [one for one in _recorded.get(key) or () if _ids(one) == _ids(recorded)]
            _recorded.put(key, (*same, recorded)[-_MOST:])


def _ids(recorded: _Recorded) -> tuple[int, int]:
    return recorded.record.trace_id, recorded.record.span_id


def evaluated(name: str, span_id: int, response_id: object) -> None:
    """Another evaluation of an answer failed: hold it against the confession, whether that was recorded or is to come.

    Args:
        name: of the evaluation.
        span_id: of the answer, or of another span that the event is in; 0 where it is in none.
        response_id: of the answer, where the event names one.
    """
    named = response_id if response_id and isinstance(response_id, str) else None
    # Where that answer is known, no other of the span is meant, whether its own id is known or not.
    is_known = named is not None and _recorded.get(named) is not None
    evaluations.add(name, 0 if is_known else span_id, named)
    if not _recorded:
        return
    for recorded in _of(span_id, named):
        try:
            recorded.due.pop()
        except IndexError:
            continue
        _correct(recorded.recorder, recorded.record)


def _of(span_id: int, response_id: str | None) -> Sequence[_Recorded]:
    """The confessions of an answer: by its response id, and by the span only where one of them is not known."""
    in_span = (_recorded.get(span_id) if span_id else None) or ()
    if response_id is None:
        return in_span
    return (
        # Not all servers make ids unique.
        [one for one in in_span if one.record.answer.response_id == response_id]
        or _recorded.get(response_id)
        or [one for one in in_span if not one.record.answer.response_id]
    )


def clear() -> None:
    """Forget everything."""
    _recorded.clear()


def _correct(recorder: Recorder, record: Record) -> None:
    settings = recorder.settings
    flagged_by = record.flagged_by
    if flagged_by is None and Finding.CONTRADICTED in settings.flag_on:
        flagged_by = Finding.CONTRADICTED.value
    flagged, contradictions = flagged_by is not None, (*record.contradictions, RULE)
    record = record._replace(
        flagged=flagged,
        flagged_by=flagged_by,
        contradictions=contradictions,
        keys={**record.keys, semconv.FLAGGED: flagged},
    )
    answer, verdict = record.answer, record.verdict.value
    # Nothing else of the context here, which is the evaluator's: its baggage, for one.
    context = set_span_in_context(answer.span, Context())
    said: dict[str, AttributeValue] = {
        semconv.FLAGGED: flagged,
        semconv.CONTRADICTED: True,
        semconv.CONTRADICTIONS: contradictions,
    }
    with _SPAN:
        attributes: dict[str, AttributeValue] = {
            semconv.OPENINFERENCE_SPAN_KIND: semconv.OPENINFERENCE_EVALUATOR,
            **copied_attributes(answer),
            semconv.ID: record.id,
            semconv.VERDICT: verdict,
            semconv.SOURCE: record.source.value,
            **said,
        }
        error = flagged_by if settings.error_status else None
        if error is not None:
            attributes[semconv.ERROR_TYPE] = error
        ids = answer.span.get_span_context()
        links = [Link(ids)] if ids.is_valid else None
        span = recorder.tracer.start_span(semconv.SPAN, context, SpanKind.INTERNAL, attributes, links)
        if error is not None:
            span.set_status(Status(StatusCode.ERROR, f"self-reported: {error}"))
        span.end()
    with _EVENT:
        recorder.emit(
            answer,
            {
                semconv.EVALUATION_NAME: semconv.EVALUATION_COMPLIANCE,
                semconv.EVALUATION_SCORE_LABEL: verdict,
                semconv.ID: record.id,
                **said,
            },
            f"self-reported: {verdict}, contradicted",
            context,
            warn=flagged,
        )
    for listener in recorder.corrected:
        listener(record)

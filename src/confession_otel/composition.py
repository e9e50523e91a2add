"""From a confession and its answer to what is said of them: flag, contradictions, id, the words that may leave.

All of it is decided here, before anything is emitted, so that every signal of one confession says the same.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, NamedTuple

from . import corroboration, semconv
from .answer import copied_attributes
from .confession import Compliance, Verdict
from .corroboration import Evidence
from .guard import Site
from .privacy import release
from .reading import split
from .settings import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.trace import SpanContext
    from opentelemetry.util.types import AttributeValue

    from .answer import Answer
    from .confession import Confession
    from .settings import Settings

_ASKED: Final = Site("composition.asked")

_COUNTS: Final = (
    (semconv.OBJECTIVES_COMPLIED, Compliance.COMPLIED),
    (semconv.OBJECTIVES_PARTIAL, Compliance.PARTIAL),
    (semconv.OBJECTIVES_FAILED, Compliance.FAILED),
    (semconv.OBJECTIVES_UNSURE, Compliance.UNSURE),
)
_UNCERTAINTIES_SHOWN: Final = 16
"""Entries of `confession.uncertainties` at most; the count says how many there were."""
_SHORT: Final = 1024
"""Characters of each text beside the whole one: spans past some 100 kB cost a whole batch in transport."""
_MILDEST_FIRST: Final = (
    Verdict.COMPLIANT,
    Verdict.PARTIALLY_COMPLIANT,
    Verdict.UNPARSED,
    Verdict.UNSURE,
    Verdict.NON_COMPLIANT,
)


class Record(NamedTuple):
    """A confession as it is recorded: what left the process of it, and where to."""

    id: str
    verdict: Verdict
    flagged: bool
    flagged_by: str | None
    """The condition of `flag_on` that flagged."""
    contradictions: tuple[str, ...]
    source: semconv.Source
    score: float | None
    disclosure: str | None
    objective: str | None
    """Under the capture rules, as is `why`."""
    why: str | None
    answer: Answer
    trace_id: int
    span_id: int
    keys: Mapping[str, AttributeValue]
    """The six attributes that both spans carry."""


def compose(
    confession: Confession,
    answer: Answer,
    source: semconv.Source,
    settings: Settings,
    *,
    spoof_suspected: bool,
    unaddressed: tuple[str, ...] = (),
) -> tuple[Record, dict[str, AttributeValue]]:
    """What is recorded of a confession, and all attributes of its span.

    Args:
        confession: what was read.
        answer: the answer it is about.
        source: how it was got.
        settings: decide what flags, and which words may leave.
        spoof_suspected: confession-shaped text elsewhere in the answer was passed over.
        unaddressed: policies that the confession was told to judge and did not.
    """
    verdict, disclosure, score = confession.verdict, confession.disclosure, confession.score
    contradictions = corroboration.contradictions(confession, _evidence(answer, source), settings.rules)
    findings = (
        verdict,
        Finding.CONTRADICTED if contradictions else None,
        disclosure,
        Finding.SPOOF_SUSPECTED if spoof_suspected else None,
        Finding.TRUNCATED if confession.truncated else None,
        Finding.UNADDRESSED if unaddressed else None,
    )
    flagged_by = next((str(finding) for finding in findings if finding in settings.flag_on), None)
    content, objective, why = _content(confession, settings)
    text = confession.text.encode("utf-8", "replace")
    ids = answer.span.get_span_context()
    confession_id = _confession_id(ids, answer, text)
    # Exporters expect strings: what only is one in the end takes them longer, and some write it otherwise.
    keys: dict[str, AttributeValue] = {
        semconv.VERDICT: str(verdict),
        semconv.FLAGGED: flagged_by is not None,
        semconv.SOURCE: str(source),
        semconv.ID: confession_id,
    }
    if score is not None:
        keys[semconv.SCORE] = score
    if disclosure is not None:
        keys[semconv.DISCLOSURE] = str(disclosure)
    record = Record(
        id=confession_id,
        verdict=verdict,
        flagged=flagged_by is not None,
        flagged_by=flagged_by,
        contradictions=contradictions,
        source=source,
        score=score,
        disclosure=None if disclosure is None else str(disclosure),
        objective=objective,
        why=why,
        answer=answer,
        trace_id=ids.trace_id,
        span_id=ids.span_id,
        keys=keys,
    )
    attributes: dict[str, AttributeValue] = {
        semconv.OPENINFERENCE_SPAN_KIND: semconv.OPENINFERENCE_EVALUATOR,
        **copied_attributes(answer),
        **keys,
        semconv.OPENINFERENCE_OUTPUT: _summary(verdict, objective, why),
        **content,
        semconv.OBJECTIVES_COUNT: len(confession.objectives),
    }
    if content.get(semconv.TEXT) != confession.text:
        # Not all of the text leaves: what does not is named by its length and its hash.
        attributes[semconv.TEXT_LENGTH] = len(confession.text)
        attributes[semconv.TEXT_SHA256] = hashlib.sha256(text).hexdigest()
    results = [objective.compliance for objective in confession.objectives]
    for key, compliance in _COUNTS:
        if count := results.count(compliance):
            attributes[key] = count
    if confession.uncertainties:
        attributes[semconv.UNCERTAINTIES_COUNT] = len(confession.uncertainties)
    if contradictions:
        attributes[semconv.CONTRADICTED] = True
        attributes[semconv.CONTRADICTIONS] = contradictions
    if confession.grade is not None:
        attributes[semconv.GRADE] = confession.grade
    if confession.format is not None:
        attributes[semconv.FORMAT] = str(confession.format)
    if confession.problem is not None:
        attributes[semconv.PROBLEM] = str(confession.problem)
    if confession.truncated:
        attributes[semconv.TRUNCATED] = True
    if spoof_suspected:
        attributes[semconv.SPOOF_SUSPECTED] = True
    if unaddressed:
        attributes[semconv.OBJECTIVES_UNADDRESSED] = unaddressed
    if answer.choice is not None:
        attributes[semconv.CHOICE] = answer.choice
    return record, attributes


def _evidence(answer: Answer, source: semconv.Source) -> Evidence:
    """All that is known of the call: what takes its time to find out is found out now that there is a confession."""
    known = answer.evidence
    request_text, output_text, output_schema = known.request_text, known.output_text, known.output_schema
    if answer.text and not answer.truncated and output_text is None:
        output_text = answer.text
        if source is semconv.Source.OBSERVE:
            # The confession stands in the text.
            output_text = split(answer.text)[0] if answer.output is None else answer.output
    if answer.asked is not None:
        with _ASKED:
            text, schema = answer.asked()
            request_text = text if request_text is None else request_text
            output_schema = schema if output_schema is None else output_schema
    evaluations = known.evaluations
    if failed := corroboration.evaluations.of(answer.span.get_span_context().span_id, answer.response_id):
        evaluations = tuple(dict.fromkeys(evaluations + failed))
    # Field by field: `replace` takes twice the time.
    return Evidence(
        finish_reason=known.finish_reason,
        refusal=known.refusal,
        tool_errors=known.tool_errors,
        exception=known.exception,
        request_text=request_text,
        output_text=output_text,
        output_schema=output_schema,
        evaluations=evaluations,
    )


def _content(confession: Confession, settings: Settings) -> tuple[dict[str, AttributeValue], str | None, str | None]:
    """Every word of the model that may leave: the attributes, and objective and why once more by themselves."""
    attributes: dict[str, AttributeValue] = {}
    text = release(confession.text, settings)
    if text is None:
        return attributes, None, None
    attributes[semconv.TEXT] = text.text
    if text.truncated:
        attributes[semconv.TEXT_TRUNCATED] = True
    deciding = confession.deciding
    objective = why = None
    if deciding is not None:
        if deciding.objective and (released := release(deciding.objective, settings, _SHORT)):
            objective = attributes[semconv.OBJECTIVE] = released.text
        if deciding.why and (released := release(deciding.why, settings, _SHORT)):
            why = attributes[semconv.WHY] = released.text
    if confession.uncertainties:
        shown = [release(text, settings, _SHORT) for text in confession.uncertainties[:_UNCERTAINTIES_SHOWN]]
        attributes[semconv.UNCERTAINTIES] = [released.text for released in shown if released]
    return attributes, objective, why


def _summary(verdict: Verdict, objective: str | None, why: str | None) -> str:
    """One line for a person who looks at the span, of words that may leave."""
    if objective and why:
        return f"{verdict} · {objective}: {why}"
    return f"{verdict} · {objective or why}" if objective or why else str(verdict)


def _confession_id(ids: SpanContext, answer: Answer, text: bytes) -> str:
    of = f"{ids.trace_id:032x} {ids.span_id:016x} {answer.response_id or ''} {answer.choice or 0} "
    return hashlib.sha256(of.encode("utf-8", "replace") + text).hexdigest()[:32]


def marks(record: Record, attributes: Mapping[str, object]) -> bool:
    """Is the answer span, with the attributes it has, to be marked by this confession?

    Several choices share one span, and a confession may be recorded twice: what is flagged, and then the worst verdict,
    stays.
    """
    there = attributes.get(semconv.VERDICT)
    if there not in _MILDEST_FIRST:
        return True
    rank = attributes.get(semconv.FLAGGED) is True, _MILDEST_FIRST.index(there)
    return (record.flagged, _MILDEST_FIRST.index(record.verdict)) > rank

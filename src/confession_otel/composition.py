"""From a confession and its answer to what is said of them: flag, contradictions, id, the words that may leave.

All of it is decided here, before anything is emitted, so that every signal of one confession says the same.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from . import corroboration, semconv
from .answer import copied_attributes
from .confession import Compliance, Verdict
from .guard import Site
from .privacy import release
from .reading import split
from .settings import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.util.types import AttributeValue

    from .answer import Answer
    from .confession import Confession
    from .corroboration import Evidence
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
_MILDEST_FIRST: Final = tuple(
    verdict.value
    for verdict in (
        Verdict.COMPLIANT,
        Verdict.PARTIALLY_COMPLIANT,
        Verdict.UNPARSED,
        Verdict.UNSURE,
        Verdict.NON_COMPLIANT,
    )
)


@dataclass(frozen=True, slots=True)
class Record:
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
    verdict = confession.verdict
    disclosure = confession.disclosure
    contradictions = corroboration.contradictions(confession, _evidence(answer, source), settings.rules)
    findings = (
        verdict.value,
        Finding.CONTRADICTED.value if contradictions else None,
        disclosure.value if disclosure is not None else None,
        Finding.SPOOF_SUSPECTED.value if spoof_suspected else None,
        Finding.TRUNCATED.value if confession.truncated else None,
        Finding.UNADDRESSED.value if unaddressed else None,
    )
    flagged_by = next((finding for finding in findings if finding in settings.flag_on), None)
    content, objective, why = _content(confession, settings)
    text = confession.text.encode("utf-8", "replace")
    ids = answer.span.get_span_context()
    record = Record(
        id=_confession_id(answer, text),
        verdict=verdict,
        flagged=flagged_by is not None,
        flagged_by=flagged_by,
        contradictions=contradictions,
        source=source,
        score=confession.score,
        disclosure=None if disclosure is None else disclosure.value,
        objective=objective,
        why=why,
        answer=answer,
        trace_id=ids.trace_id,
        span_id=ids.span_id,
    )
    attributes: dict[str, AttributeValue] = {
        semconv.OPENINFERENCE_SPAN_KIND: semconv.OPENINFERENCE_EVALUATOR,
        **copied_attributes(answer),
        **verdict_attributes(record),
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
        attributes[semconv.FORMAT] = confession.format.value
    if confession.problem is not None:
        attributes[semconv.PROBLEM] = confession.problem.value
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
    evidence = answer.evidence
    known: dict[str, Any] = {}
    if answer.text and not answer.truncated and evidence.output_text is None:
        known["output_text"] = answer.text
        if source is semconv.Source.OBSERVE:
            # The confession stands in the text.
            known["output_text"] = split(answer.text)[0] if answer.output is None else answer.output
    if answer.asked is not None:
        with _ASKED:
            text, schema = answer.asked()
            if evidence.request_text is None:
                known["request_text"] = text
            if evidence.output_schema is None:
                known["output_schema"] = schema
    if failed := corroboration.evaluations.of(answer.span.get_span_context().span_id, answer.response_id):
        known["evaluations"] = tuple(dict.fromkeys(evidence.evaluations + failed))
    return replace(evidence, **known) if known else evidence


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
        shown = (release(text, settings, _SHORT) for text in confession.uncertainties[:_UNCERTAINTIES_SHOWN])
        attributes[semconv.UNCERTAINTIES] = [released.text for released in shown if released]
    return attributes, objective, why


def _summary(verdict: Verdict, objective: str | None, why: str | None) -> str:
    """One line for a person who looks at the span, of words that may leave."""
    said = ": ".join(part for part in (objective, why) if part)
    return f"{verdict.value} · {said}" if said else verdict.value


def verdict_attributes(record: Record) -> dict[str, AttributeValue]:
    """The six keys that both spans carry."""
    attributes: dict[str, AttributeValue] = {
        semconv.VERDICT: record.verdict.value,
        semconv.FLAGGED: record.flagged,
        semconv.SOURCE: record.source.value,
        semconv.ID: record.id,
    }
    if record.score is not None:
        attributes[semconv.SCORE] = record.score
    if record.disclosure is not None:
        attributes[semconv.DISCLOSURE] = record.disclosure
    return attributes


def _confession_id(answer: Answer, text: bytes) -> str:
    ids = answer.span.get_span_context()
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
    rank = attributes.get(semconv.FLAGGED) is True, _MILDEST_FIRST.index(str(there))
    return (record.flagged, _MILDEST_FIRST.index(record.verdict.value)) > rank

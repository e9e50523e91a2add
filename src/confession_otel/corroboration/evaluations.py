"""Results of other evaluators, as events of OpenTelemetry's GenAI conventions: which of them say that an answer failed.

Source: `gen_ai.evaluation.result`, docs/gen-ai/gen-ai-events.md of open-telemetry/semantic-conventions-genai on GitHub.
Labels are free text, "low cardinality", with no list of values; scores have no common scale, and on some of them low is
good. So a score alone never counts, and a label only where it can mean nothing else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from confession_otel import semconv
from confession_otel.bounded import BoundedTable

from .registry import rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from confession_otel.confession import Confession

    from .evidence import Evidence

_OWN: Final = f"{semconv.SPAN}."
"""How the names of our own evaluations begin."""
_PASSED: Final = "gen_ai.evaluation.passed"
"""Boolean beside the conventions' own, as Splunk's evaluations of `opentelemetry-util-genai` write it, and others."""
_FAILING: Final = frozenset(
    {
        *("fail", "failed", "failing", "failure", "hallucinated", "incorrect", "non_compliant", "noncompliant"),
        *("not_compliant", "not_grounded", "not_passed", "not_satisfied", "rejected", "unacceptable", "unfaithful"),
        *("ungrounded", "unsatisfactory", "wrong"),
    }
)
_NO: Final = frozenset({"false", "no", "0"})
_MERIT: Final = re.compile(
    r"accura|answered|complet|complian|correct|faithful|ground|helpful|pass|relevan|satisf|success|valid"
)
"""What a name of an evaluation is of, where `false` is bad news."""
_DEFECT: Final = re.compile(r"(?<![a-z])(?:in|ir|mis|non|un)[ _-]?(?:acc|ans|com|cor|fai|gro|hel|rel|sat|suc|val)")
"""What a name begins with that denies a merit."""
_SPACES: Final = re.compile(r"[\s-]+")
_MOST: Final = 8
"""Evaluations remembered of one answer."""
_LONGEST: Final = 128
"""Characters of a name."""

_of_answers: Final[BoundedTable[int | str, tuple[str, ...]]] = BoundedTable(size=4096, seconds=600)
"""Names of failed evaluations, by the response id of the answer, or by the span id where the event named none."""
_in_spans: Final[BoundedTable[int, tuple[str, ...]]] = BoundedTable(size=4096, seconds=600)
"""Those whose event named a response id, by the id of the span that it was in: for an answer there of no known id."""


def failed(attributes: Mapping[str, Any]) -> str | None:
    """Name of the evaluation, if this result of another evaluator's says that the answer failed.

    Args:
        attributes: of the event.

    Returns:
        The name; `None` for results of our own, for those of an evaluation that did not come about (`error.type`), and
        for whatever does not say clearly that the answer failed.
    """
    name = attributes.get(semconv.EVALUATION_NAME)
    if not isinstance(name, str) or name.startswith(_OWN) or semconv.ERROR_TYPE in attributes:
        return None
    passed = attributes.get(_PASSED)
    if isinstance(passed, bool):
        return None if passed else name[:_LONGEST]
    label = attributes.get(semconv.EVALUATION_SCORE_LABEL)
    if not isinstance(label, (str, bool)):
        return None
    word = _SPACES.sub("_", str(label).strip().lower())
    merit = _MERIT.search(name.lower()) is not None and not _DEFECT.search(name.lower())
    bad = word in _FAILING or (word in _NO and merit)
    return name[:_LONGEST] if bad else None


def add(name: str, span_id: int, response_id: str | None) -> None:
    """Remember that this evaluation of an answer failed.

    Args:
        name: of the evaluation.
        span_id: of the answer, or of another span that the event is in; 0 where there is none.
        response_id: of the answer, where the event names one. Others may have been given in that span: it is meant.
    """
    if response_id:
        _put(_of_answers, response_id, name)
        _put(_in_spans, span_id, name)
    else:
        _put(_of_answers, span_id, name)


def _put(table: BoundedTable[Any, tuple[str, ...]], key: int | str, name: str) -> None:
    if key:
        known = table.get(key) or ()
        if name not in known and len(known) < _MOST:
            table.put(key, (*known, name))


def of(span_id: int, response_id: str | None) -> tuple[str, ...]:
    """Names of the evaluations of an answer that failed; arguments as of `add`."""
    if not _of_answers:
        return ()
    known = _of_answers.get(span_id) or () if span_id else ()
    more = (_of_answers.get(response_id) if response_id else _in_spans.get(span_id)) or ()
    return tuple(dict.fromkeys(known + more))


def clear() -> None:
    """Forget everything."""
    _of_answers.clear()
    _in_spans.clear()


@rule
def failed_evaluation(_: Confession, evidence: Evidence) -> bool:
    """Another evaluator's `gen_ai.evaluation.result` on the same answer says that it failed.

    By a label that can mean nothing else (`fail`, `incorrect`, ...), by `false` where the evaluation is of a merit, or
    by `gen_ai.evaluation.passed`. Errs as often as that evaluator does, and says nothing of scores without a label.
    """
    return bool(evidence.evaluations)

"""What is in an agent's state of a confession."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from langchain.agents.middleware import AgentState
from langchain.agents.middleware.types import OmitFromInput
from typing_extensions import NotRequired, TypedDict

from confession_otel.composition import compose
from confession_otel.privacy import release

if TYPE_CHECKING:
    from confession_otel.answer import Answer
    from confession_otel.confession import Confession
    from confession_otel.semconv import Source
    from confession_otel.settings import Settings


class RunObjective(TypedDict):
    """One objective of a confession."""

    objective: str | None
    compliance: str
    disclosure: str | None
    why: str | None


class RunConfession(TypedDict):
    """A confession in an agent's state: plain data, which every checkpointer keeps as it is.

    Words of the model's are subject to `capture` and `redact`, as in telemetry: a state goes to databases and tracers.
    """

    verdict: str
    """`compliant`, `partially_compliant`, `non_compliant`, `unsure`, `unparsed`."""
    flagged: bool
    """A condition of `flag_on` holds."""
    flagged_by: str | None
    """Which one."""
    contradictions: list[str]
    """Rules that find the verdict contradicted by what else is known of the run."""
    score: float | None
    disclosure: str | None
    objective: str | None
    """The one that decides the verdict."""
    why: str | None
    objectives: list[RunObjective]
    uncertainties: list[str]
    unaddressed: list[str]
    """Policies that it was told to judge and did not."""
    grade: int | None
    problem: str | None
    truncated: bool
    spoof_suspected: bool
    source: str
    id: str
    """`confession.id` of its span."""


class ConfessionState(AgentState[Any]):
    """What the middleware adds to an agent's state."""

    confession: NotRequired[Annotated[RunConfession | None, OmitFromInput]]
    """Of the newest run; `None` while it goes on, and where it gave none."""


def as_data(
    confession: Confession,
    answer: Answer,
    source: Source,
    settings: Settings,
    *,
    spoof_suspected: bool,
    unaddressed: tuple[str, ...],
) -> RunConfession:
    """A confession as plain data; arguments as of `compose`."""
    record, _ = compose(confession, answer, source, settings, spoof_suspected=spoof_suspected, unaddressed=unaddressed)

    def released(text: str) -> str | None:
        words = release(text, settings)
        return None if words is None else words.text

    return {
        "verdict": record.verdict.value,
        "flagged": record.flagged,
        "flagged_by": record.flagged_by,
        "contradictions": list(record.contradictions),
        "score": record.score,
        "disclosure": record.disclosure,
        "objective": record.objective,
        "why": record.why,
        "objectives": [
            {
                "objective": released(one.objective),
                "compliance": one.compliance.value,
                "disclosure": None if one.disclosure is None else one.disclosure.value,
                "why": released(one.why),
            }
            for one in confession.objectives
        ],
        "uncertainties": [words for one in confession.uncertainties if (words := released(one)) is not None],
        "unaddressed": list(unaddressed),
        "grade": confession.grade,
        "problem": None if confession.problem is None else confession.problem.value,
        "truncated": confession.truncated,
        "spoof_suspected": spoof_suspected,
        "source": source.value,
        "id": record.id,
    }

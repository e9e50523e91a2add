"""Evidence of the same call against the verdict: where what the model says of itself does not fit what else is known.

`RULES` has each rule under its name; `rule` adds one of your own. Whatever a rule finds, only its name leaves.
"""

from . import ending, evaluations, limits, schema, tools
from .evidence import NO_EVIDENCE, PART, Asked, Evidence, behind_the_answer, ended, is_cut_off
from .registry import ALL, EVERY, RULES, Rule, contradictions, is_on, rule, unknown

__all__ = [
    "ALL",
    "EVERY",
    "NO_EVIDENCE",
    "PART",
    "RULES",
    "Asked",
    "Evidence",
    "Rule",
    "behind_the_answer",
    "contradictions",
    "ended",
    "ending",
    "evaluations",
    "is_cut_off",
    "is_on",
    "limits",
    "rule",
    "schema",
    "tools",
    "unknown",
]

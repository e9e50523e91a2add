"""The rules: each under its name, and what they find.

A rule sees a confession and the evidence, and says whether they contradict each other. It judges nothing itself: a
contradiction is a finding that a person should look at. Most rules see the verdicts that are better than
`non_compliant`; one that `refutes` sees those that are `non_compliant`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar, overload

from confession_otel.confession import Verdict
from confession_otel.guard import Site, say_once

if TYPE_CHECKING:
    from collections.abc import Callable

    from confession_otel.confession import Confession

    from .evidence import Evidence

Rule: TypeAlias = "Callable[[Confession, Evidence], object]"
"""Says by the truth of what it returns whether the evidence contradicts the verdict."""

_Function = TypeVar("_Function", bound="Callable[[Confession, Evidence], object]")

RULES: Final[dict[str, Rule]] = {}
"""Each rule under the name that `confession.contradictions` gives it, in the order in which they were added."""

ALL: Final = "all"
EVERY: Final = frozenset({ALL})
"""Value of the setting `rules` with which all of them are on."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_refuting: Final[set[str]] = set()
_sites: Final[dict[str, Site]] = {}


@overload
def rule(function: _Function, /) -> _Function: ...
@overload
def rule(*, name: str | None = None, refutes: bool = False) -> Callable[[_Function], _Function]: ...
def rule(
    function: _Function | None = None, /, *, name: str | None = None, refutes: bool = False
) -> _Function | Callable[[_Function], _Function]:
    """Add a rule of your own; it is on at once, wherever the setting `rules` does not say otherwise.

        @co.rule
        def promised_a_source(confession: co.Confession, evidence: co.Evidence) -> bool:
            return "http" not in (evidence.output_text or "http")

    Args:
        function: called with each confession whose verdict is better than `non_compliant`, and with what is known of
            the call, on the thread that records it. What it raises is swallowed and counted, and counts as no finding.
        name: as `confession.contradictions` gives it: small letters, digits and `_`, a letter first, 64 at most. By
            default the name of the function.
        refutes: it is called with the confessions that are `non_compliant` instead: evidence that all was well.

    Returns:
        The function as it is.

    Raises:
        ValueError: the name is not allowed, or is that of another rule.
        TypeError: the function cannot be called.
    """
    if function is None:
        return lambda decorated: _add(decorated, name, refutes=refutes)
    return _add(function, name, refutes=refutes)


def _add(function: _Function, name: str | None, *, refutes: bool) -> _Function:
    if not callable(function):
        message = f"a rule is a function of a Confession and an Evidence, not {type(function).__name__}"
        raise TypeError(message)
    chosen = getattr(function, "__name__", "") if name is None else name
    if not isinstance(chosen, str) or not _NAME.fullmatch(chosen) or chosen == ALL:
        message = f"{chosen!r} is no name for a rule: small letters, digits and _, a letter first, 64 at most, not all"
        raise ValueError(message)
    there = RULES.get(chosen)
    # A module that is loaded anew, and a cell of a notebook that is run again, bring the same rule once more.
    if there is not None and _origin(there) != _origin(function):
        message = f"there is a rule {chosen} already; there are {', '.join(RULES)}"
        raise ValueError(message)
    RULES[chosen] = function
    _sites[chosen] = Site(f"corroboration.{chosen}")
    (_refuting.add if refutes else _refuting.discard)(chosen)
    return function


def _origin(function: Rule) -> tuple[object, object]:
    return getattr(function, "__module__", None), getattr(function, "__qualname__", function)


def is_on(name: str, rules: frozenset[str]) -> bool:
    """Is this rule on?

    Args:
        name: of the rule.
        rules: the setting: names that are on, and with a `-` before them those that are off; where none is on by its
            name, all others are. What is the name of no rule counts as not there.
    """
    if "-" + name in rules:
        return False
    return name in rules or ALL in rules or RULES.keys().isdisjoint(rules)


def contradictions(confession: Confession, evidence: Evidence, rules: frozenset[str] = EVERY) -> tuple[str, ...]:
    """Names of the rules that find the verdict contradicted by the evidence.

    Args:
        confession: what was read; one that is `unparsed` says nothing that could be contradicted.
        evidence: what else is known of the call.
        rules: as the setting of that name.
    """
    verdict = confession.verdict
    if verdict is Verdict.UNPARSED:
        return ()
    every = rules == EVERY
    if not every:
        _name_unknown(rules)
    refuted = verdict is Verdict.NON_COMPLIANT
    found = []
    for name, one in list(RULES.items()):
        if (name in _refuting) is refuted and (every or is_on(name, rules)):
            with _sites[name]:
                if one(confession, evidence):
                    found.append(name)
    return tuple(found)


def _name_unknown(rules: frozenset[str]) -> None:
    # Here, and not where the setting is read: a rule may be added after that.
    for name in unknown(rules):
        say_once(f"rules.{name}", "rules names %s, and there is no such rule; there are %s", name, ", ".join(RULES))


def unknown(rules: frozenset[str]) -> list[str]:
    """Names in the setting `rules` that are of no rule so far."""
    return sorted({one.removeprefix("-") for one in rules} - {ALL} - RULES.keys())

r"""Language models' confessions on OpenTelemetry spans.

    import confession_otel as co

    co.instrument()                          # everything that is installed: OpenAI SDK, LangChain
    co.parse("Objective: cite sources\nResult: ✗ did not comply").verdict   # non_compliant

A *confession* is a second text that a model gives after its answer, in which it says, objective by objective, whether
it did what it was asked (arXiv:2512.08093). What it says is self-reported: a claim, not a fact.

Importing this package imports no optional package, sets no global, starts no thread.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ._version import __version__
    from .api import flush, instrument, record, shutdown, uninstrument
    from .confession import Compliance, Confession, Disclosure, Format, Objective, Problem, Verdict
    from .corroboration import Evidence, rule
    from .outcomes import record_outcome
    from .reading import parse, split
    from .settings import Settings

__all__ = [
    "Compliance",
    "Confession",
    "Disclosure",
    "Evidence",
    "Format",
    "Objective",
    "Problem",
    "Settings",
    "Verdict",
    "__version__",
    "flush",
    "instrument",
    "parse",
    "record",
    "record_outcome",
    "rule",
    "shutdown",
    "split",
    "uninstrument",
]

_HOME: Final = {
    **dict.fromkeys(("flush", "instrument", "record", "shutdown", "uninstrument"), "api"),
    **dict.fromkeys(
        ("Compliance", "Confession", "Disclosure", "Format", "Objective", "Problem", "Verdict"), "confession"
    ),
    **dict.fromkeys(("parse", "split"), "reading"),
    **dict.fromkeys(("Evidence", "rule"), "corroboration"),
    "Settings": "settings",
    "record_outcome": "outcomes",
    "__version__": "_version",
}


def __getattr__(name: str) -> Any:
    # Each name is fetched when first asked for. `opentelemetry-instrument` imports this package unguarded, and whatever
    # fails to load in it must not keep the other instrumentations, nor the application, from starting.
    if name not in _HOME:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    value = globals()[name] = getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

r"""Language models' confessions on OpenTelemetry spans.

    import confession_otel as co

    co.instrument()                          # everything that is installed: OpenAI SDK, LangChain
    co.parse("Objective: cite sources\nResult: ✗ did not comply").verdict   # non_compliant

A *confession* is a second text that a model gives after its answer, in which it says, objective by objective, whether
it did what it was asked (arXiv:2512.08093). What it says is self-reported: a claim, not a fact.

Importing this package imports no optional package, sets no global, starts no thread.
"""

from __future__ import annotations

from ._version import __version__
from .api import flush, instrument, record, shutdown, uninstrument
from .confession import Compliance, Confession, Disclosure, Format, Objective, Problem, Verdict
from .corroboration import Evidence
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
    "shutdown",
    "split",
    "uninstrument",
]

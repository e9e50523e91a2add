"""Tracing servers that have no package: built from Go modules of exact versions, once, and kept in the user's cache.

`build` makes and finds the programs, `run` starts one for a test, `lock` finds the collector's module versions.
`python -m tests.backends.servers`, called in the checkout, builds what is not there yet.
"""

from .build import SERVERS, BuildFailedError, Unavailable, binary, cached
from .run import NotStartedError, Running, free_ports, needed, running, started

__all__ = [
    "SERVERS",
    "BuildFailedError",
    "NotStartedError",
    "Running",
    "Unavailable",
    "binary",
    "cached",
    "free_ports",
    "needed",
    "running",
    "started",
]

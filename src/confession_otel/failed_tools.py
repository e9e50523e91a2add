"""Tools that failed, by trace: evidence for the answers that come after."""

from __future__ import annotations

from typing import Final

from .bounded import BoundedTable

_MOST: Final = 16
"""Names remembered of one trace."""

_names: Final[BoundedTable[int, list[str]]] = BoundedTable(size=1024, seconds=600)


def add(trace_id: int, name: str) -> None:
    """A tool failed in this trace."""
    known = _names.setdefault(trace_id, [])
    if name not in known and len(known) < _MOST:
        known.append(name)
        # Again, so that a long trace is remembered to its end.
        _names.put(trace_id, known)


def clear() -> None:
    """Forget everything."""
    _names.clear()


of: Final = _names.get
"""Names of the tools that failed in the trace of this id, in the order in which they failed first; `None` of none."""

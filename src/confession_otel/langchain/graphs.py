"""Graphs of LangGraph that keep nothing of what their nodes did, found as they begin inside a node of another.

LangGraph gives callbacks the same metadata of a subgraph whether or not it keeps checkpoints; the graph knows. It tells
the callbacks of its beginning itself, so it is on the stack below them.
"""

from __future__ import annotations

import inspect
import sys
from typing import Final

_PREGEL: Final = "langgraph.pregel"
_BEGIN_CHAINS: Final = ("langgraph.", "langchain_core.runnables.")
"""Modules of what tells callbacks that a chain begins."""


def is_forgetful() -> bool:
    """Is the run whose start callback we are in that of a graph compiled with `checkpointer=False`?"""
    module = sys.modules.get(_PREGEL)
    frame = inspect.currentframe()
    while module is not None and frame is not None:
        name = frame.f_globals.get("__name__", "")
        if name.startswith(_BEGIN_CHAINS):
            graph = frame.f_locals.get("self") if name.startswith(_PREGEL) else None
            return isinstance(graph, module.Pregel) and getattr(graph, "checkpointer", None) is False
        frame = frame.f_back
    return False

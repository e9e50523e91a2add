"""The runs of agents under way: what tells one from all others, and what is kept of it until it ends.

It is kept by the run, never by the agent: any number of runs of one agent may go on at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langgraph.config import get_config

from confession_otel.bounded import BoundedTable
from confession_otel.guard import say_once

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.messages import BaseMessage

    from confession_otel.answer import Answer, Told


@dataclass(frozen=True, slots=True)
class Turn:
    """A call of the agent's model that is over."""

    request: Any
    """As the other middleware made it."""
    keywords: dict[str, Any]
    """What the model was called with besides messages, as far as a follow-up needs it."""
    result: list[Any]
    """The messages it gave, without a confession."""
    answer: Answer | None
    """What the callback made of it; none where no model was called after all."""
    told: Told | None


class Run:
    """What is known of one run of an agent."""

    __slots__ = ("before", "made", "turn")

    def __init__(self, made: object = None, before: frozenset[str] | None = None) -> None:
        self.made = made
        """As long as it is held, no other run's has its id."""
        self.before = before
        """Ids of the messages that were there when it began; `None` where nobody saw it begin."""
        self.turn: Turn | None = None
        """The newest."""


class Runs:
    """All those of one middleware."""

    __slots__ = ("_table",)

    def __init__(self) -> None:
        # A run that fails, or is never resumed, is forgotten.
        self._table: BoundedTable[tuple[object, str], Run] = BoundedTable(size=2048, seconds=3600)

    def begin(self, runtime: Any, messages: Sequence[BaseMessage]) -> None:
        """Remember a run, and the messages that were there before it."""
        before = frozenset(message.id for message in messages if message.id)
        self._put(_keys(runtime), Run(_made_for(runtime), before))

    def under_way(self, runtime: Any) -> Run | None:
        """The run; `None` where LangGraph does not tell it from others."""
        keys = _keys(runtime)
        if not keys:
            return None
        run = self._table.get(keys[0])
        if run is None:
            # Resumed after an interrupt; what was there when it began is known where that was in this process.
            began = self._table.get(keys[-1])
            run = Run(_made_for(runtime), None if began is None else began.before)
            self._put(keys, run)
        return run

    def end(self, runtime: Any) -> Run:
        """Forget the run; one of which nothing was known is a new one."""
        known = [run for key in _keys(runtime) if (run := self._table.pop(key)) is not None]
        return known[0] if known else Run()

    def _put(self, keys: list[tuple[object, str]], run: Run) -> None:
        for key in keys:
            self._table.put(key, run)


def _keys(runtime: Any) -> list[tuple[object, str]]:
    """What tells a run of an agent from all others: first by what LangGraph makes for it, then by its thread.

    A run that is resumed is a new one to LangGraph, on the thread of the old one.
    """
    made, where = _made_for(runtime), _where(runtime)
    if made is None or where is None:
        say_once(
            "langchain.middleware.runtime",
            "LangGraph does not tell here one run of an agent from another: ConfessionMiddleware can read the last "
            "message, but neither ask nor have a confession appended; it can from LangGraph 1.2 or Python 3.11 on",
        )
        return []
    namespace, thread = where
    # Agents called in a tool of another share what is made for it; each is in a namespace of its own.
    above = namespace.rpartition("|")[0]
    keys: list[tuple[object, str]] = [(id(made), above)]
    if thread is not None:
        keys.append((f"thread {thread}", above))
    return keys


def _made_for(runtime: Any) -> object:
    """An object that one run has, and all its nodes see."""
    control = getattr(runtime, "control", None)
    if control is not None:
        return control
    # Before LangGraph 1.2: a function made in each run, but for the one that a runtime has by default.
    writer = getattr(runtime, "stream_writer", None)
    return writer if "<locals>" in getattr(writer, "__qualname__", "") else None


def _where(runtime: Any) -> tuple[str, str | None] | None:
    """The namespace of the node, and the thread."""
    info = getattr(runtime, "execution_info", None)
    if info is not None:
        return info.checkpoint_ns or "", info.thread_id
    try:
        known = get_config().get("configurable", {})
    except RuntimeError:
        return None
    return known.get("checkpoint_ns") or "", known.get("thread_id")

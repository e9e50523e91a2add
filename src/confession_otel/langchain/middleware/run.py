"""The runs of agents under way: what tells one from all others, and what is kept of it until it ends.

It is kept by the run, never by the agent: any number of runs of one agent may go on at a time.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from langgraph.config import get_config

from confession_otel.bounded import BoundedTable
from confession_otel.guard import say_once
from confession_otel.langchain.messages import asked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from langchain_core.messages import BaseMessage

    from confession_otel.answer import Answer, Told


@dataclass(frozen=True, slots=True)
class Turn:
    """A call of the agent's model that is over."""

    model: Any
    system: list[Any]
    """The system prompt, as a message; empty where there is none."""
    messages: Sequence[BaseMessage] | None
    """The others of the request, as other middleware made it; `None` where they were not kept."""
    keywords: dict[str, Any]
    """What the model was called with besides messages, as far as a follow-up needs it."""
    parameters: Mapping[str, Any]
    """What the provider was called with, as LangChain tells it."""
    result: list[Any]
    """The messages it gave, without a confession."""
    answer: Answer | None
    """What the callback made of it; none where no model was called after all."""
    told: Told | None
    ids: tuple[str | None, ...] = ()
    """Of the messages it gave, where they themselves were not kept."""

    def without_words(self) -> Turn:
        """What is small of it."""
        answer = self.answer and replace(self.answer, text="", output=None, asked=None, follow_up=None)
        ids = tuple(message.id for message in self.result)
        return replace(self, messages=None, result=[], answer=answer, ids=ids)

    def with_words_of(self, messages: Sequence[BaseMessage]) -> Turn:
        """With the words that the agent's state has of it, where they were not kept.

        Args:
            messages: all of the state.
        """
        places = [number for number, one in enumerate(messages) if one.id is not None and one.id in self.ids]
        if self.messages is not None or not places:
            return self
        before = messages[: places[0]]
        asks = functools.partial(asked, (*self.system, *before), self.parameters)
        answer = self.answer and replace(self.answer, asked=asks)
        return replace(self, messages=before, result=[messages[number] for number in places], answer=answer)


class Run:
    """What is known of one run of an agent."""

    __slots__ = ("_remains", "before", "turn")

    def __init__(self, before: frozenset[str] | None = None, remains: Run | None = None) -> None:
        self.before = before
        """Ids of the messages that were there when it began; `None` where nobody saw it begin."""
        self.turn: Turn | None = None
        """The newest."""
        self._remains = remains

    def took(self, turn: Turn) -> None:
        """The model had a turn."""
        self.turn = turn
        if self._remains is not None:
            self._remains.turn = turn.without_words()


class Runs:
    """All those of one middleware."""

    __slots__ = ("_remains", "_under_way")

    def __init__(self) -> None:
        # Goes with what LangGraph makes for each run: of one that fails nothing is kept. Nothing in it may hold that.
        self._under_way: WeakKeyDictionary[Any, dict[str, Run]] = WeakKeyDictionary()
        # What a run that is interrupted leaves to the one that resumes it, which is a new one to LangGraph. The
        # conversation is in the agent's state.
        self._remains: BoundedTable[tuple[str, str], Run] = BoundedTable(size=2048, seconds=3600)

    def begin(self, runtime: Any, messages: Sequence[BaseMessage]) -> None:
        """Remember a run, and the messages that were there before it."""
        place = _place(runtime)
        if place is not None:
            self._put(place, frozenset(message.id for message in messages if message.id))

    def under_way(self, runtime: Any) -> Run | None:
        """The run; `None` where LangGraph does not tell it from others."""
        place = _place(runtime)
        if place is None:
            return None
        run = self._under_way.get(place.made, {}).get(place.above)
        if run is None:
            # Resumed after an interrupt; what was there when it began is known where that was in this process.
            began = None if place.thread is None else self._remains.get((place.thread, place.above))
            run = self._put(place, None if began is None else began.before)
        return run

    def end(self, runtime: Any) -> Run:
        """Forget the run; one of which nothing was known is a new one."""
        place = _place(runtime)
        if place is None:
            return Run()
        run = self._under_way.get(place.made, {}).pop(place.above, None)
        remains = None if place.thread is None else self._remains.pop((place.thread, place.above))
        return run or remains or Run()

    def _put(self, place: _Place, before: frozenset[str] | None) -> Run:
        remains = None
        if place.thread is not None:
            remains = Run(before)
            self._remains.put((place.thread, place.above), remains)
        run = self._under_way.setdefault(place.made, {})[place.above] = Run(before, remains)
        return run


class _Place(NamedTuple):
    """What tells a run of an agent from all others."""

    made: Any
    """Made by LangGraph for each run. Agents that are called in a tool of another have its, and differ in `above`."""
    above: str
    """The namespace that the agent runs in."""
    thread: str | None
    """A run that is resumed is a new one, on the thread of the old one."""


def _place(runtime: Any) -> _Place | None:
    made, where = _made_for(runtime), _where(runtime)
    if made is None or where is None:
        say_once(
            "langchain.middleware.runtime",
            "LangGraph does not tell here one run of an agent from another: ConfessionMiddleware can read the last "
            "message, but neither ask nor have a confession appended; it can from LangGraph 1.2 or Python 3.11 on",
        )
        return None
    namespace, thread = where
    return _Place(made, namespace.rpartition("|")[0], None if thread is None else str(thread))


def _made_for(runtime: Any) -> object:
    """An object that one run has, and all its nodes see."""
    # A function made in each run, but for the one that is there by default. `control` may be the caller's, for many.
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

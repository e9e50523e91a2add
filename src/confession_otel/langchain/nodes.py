"""Nodes of LangGraph, and the answers that wait for the end of theirs: an interrupt takes back what was said before it.

LangGraph runs a node that was interrupted anew, from its beginning, when the graph is resumed, and what a model said in
it is said again. What had ended by then is not run again: another node, be it of a graph inside the one interrupted, or
a task. Hence an answer waits for the innermost node around it, and for no other; but a node of a graph that keeps no
checkpoints does run again with the node around that graph, and is no more than a part of it.
"""

from __future__ import annotations

import sys
import time
from collections import OrderedDict, deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from confession_otel import live
from confession_otel.answer import attributes_of
from confession_otel.asking import question
from confession_otel.bounded_read import read
from confession_otel.composition import compose, marks
from confession_otel.corroboration import behind_the_answer
from confession_otel.guard import Site
from confession_otel.reading import find
from confession_otel.semconv import Source
from confession_otel.settings import AskMode, Way

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from uuid import UUID

    from confession_otel.answer import Answer
    from confession_otel.asking.follow_up import FollowUp
    from confession_otel.observation import Observer
    from confession_otel.settings import Settings

_BRING: Final = Site("langchain.node")
_NAME: Final = "langgraph_checkpoint_ns"
"""Metadata of a node's run, and of all runs in it: which node of which graph, on which step."""


class Node:
    """One run of a node, and the answers that were given in it."""

    __slots__ = ("_answers", "_stands", "_waiting", "name", "run_id")

    def __init__(self, run_id: UUID, name: str, waiting: Waiting) -> None:
        self.run_id = run_id
        self.name = name
        self._waiting = waiting
        self._answers: deque[object] = deque()
        self._stands: bool | None = None
        """When it has ended: are its answers answers?"""

    def wait(self, bring: Callable[[], None]) -> None:
        """Have answers brought when it has ended."""
        self._answers.append(self._waiting.put(bring))
        if self._stands is not None:
            # Of a thread that outlived it.
            self._settle(stands=self._stands)

    def end(self, error: BaseException | None) -> None:
        """It is over; its answers are brought, if they stand."""
        self._stands = error is None or not takes_back(error)
        self._settle(stands=self._stands)

    def _settle(self, *, stands: bool) -> None:
        while self._answers:
            try:
                answer = self._answers.popleft()
            except IndexError:
                return
            self._waiting.settle(answer, stands=stands)


def node_of(run_id: UUID, metadata: Mapping[str, Any] | None, above: Node | None, waiting: Waiting) -> Node | None:
    """The innermost node that a run is in; the run is the node's own where that is not the one of the run above.

    Args:
        run_id: of the run.
        metadata: of the run.
        above: the node that the run above is in.
        waiting: where the answers of a new one wait.
    """
    name = (metadata or {}).get(_NAME)
    if not isinstance(name, str) or (above is not None and above.name == name):
        return above
    return Node(run_id, name, waiting)


def takes_back(error: BaseException) -> bool:
    """Does what ended a node make LangGraph run it anew, as if nothing had been said in it?

    A failed one said what it said, and one that hands over to the graph above has done its work.
    """
    return is_control_flow(error) and not isinstance(error, sys.modules["langgraph.errors"].ParentCommand)


def is_control_flow(error: BaseException) -> bool:
    """Is this how LangGraph pauses a run or leaves a graph, rather than a failure?"""
    errors = sys.modules.get("langgraph.errors")
    return errors is not None and isinstance(error, errors.GraphBubbleUp)


class Waiting:
    """Answers that are to be brought when their node has ended, and at last when they are too many or too old."""

    __slots__ = ("_answers", "_seconds", "_size")

    def __init__(self, size: int, seconds: float) -> None:
        # Without a lock, as in `BoundedTable`: whoever takes an answer out, brings it.
        self._answers: OrderedDict[object, tuple[float, Callable[[], None]]] = OrderedDict()
        self._size = size
        self._seconds = seconds

    def __len__(self) -> int:
        return len(self._answers)

    def put(self, bring: Callable[[], None]) -> object:
        """Keep; what comes back stands for it."""
        answer = object()
        self._answers[answer] = time.monotonic(), bring
        while (oldest := self._oldest()) is not None:
            self.settle(oldest, stands=True)
        return answer

    def settle(self, answer: object, *, stands: bool) -> None:
        """It waits no longer, and is brought if it stands and was not yet."""
        entry = self._answers.pop(answer, None)
        if entry is not None and stands:
            with _BRING:
                entry[1]()

    def clear(self) -> None:
        """Nothing waits any more."""
        for answer in list(self._answers):
            self.settle(answer, stands=True)

    def _oldest(self) -> object | None:
        """That which is not to wait any longer."""
        try:
            answer = next(iter(self._answers))
            since, _ = self._answers[answer]
        except (RuntimeError, StopIteration, KeyError):
            # Another thread changed the table between two of our steps.
            return None
        too_long = time.monotonic() - since > self._seconds
        return answer if too_long or len(self._answers) > self._size else None


def later(
    observer: Observer, answers: Sequence[Answer], hook: str, follow_up: Callable[[Answer], FollowUp] | None
) -> Callable[[], None] | None:
    """What is to be done for answers when their node has ended; `None` where that cannot wait.

    What may be gone by then is seen to now. The answer spans get their keys, which are true of this call of the model,
    whatever becomes of the node; and where a confession is to be asked for, the conversation is remembered as it is, if
    the sample has it.

    Args:
        observer: that is to have the answers.
        answers: of one call.
        hook: name of the hook that brings them.
        follow_up: how the conversation of an answer can go on, where that is known.
    """
    settings = observer.settings
    if settings.way is Way.ASK and settings.ask_mode is AskMode.INLINE:
        # A part of the model's call, behind which the node goes on.
        return None
    if answers:
        # Nor is it to be brought by the span that somebody else has of it, which ends before the node does.
        live.brought(answers[0].span, answers[0].response_id)
    if settings.way is not Way.ASK:
        for answer in answers:
            if answer.span.is_recording():
                _mark(answer, settings)
        return lambda: _bring(observer, answers, hook, follow_up)
    prepared = observer.asker.prepared(answers, follow_up)
    return lambda: _bring(observer, answers, hook, prepared)


def _bring(
    observer: Observer, answers: Sequence[Answer], hook: str, follow_up: Callable[[Answer], FollowUp] | None
) -> None:
    observer.observe(answers, hook, follow_up)


def _mark(answer: Answer, settings: Settings) -> None:
    place, told, source = find(answer.text), answer.told, Source(settings.way.value)
    observed = source is Source.OBSERVE
    text = place.confession if observed or told is None else told.confession
    if text is None or (told is None and not observed):
        return
    confession, evidence = behind_the_answer(read(text), answer.evidence)
    if told is not None and told.truncated:
        confession = replace(confession, truncated=True)
    record, _ = compose(
        confession,
        replace(answer, evidence=evidence),
        source,
        settings,
        spoof_suspected=place.passed_over or (not observed and place.confession is not None),
        unaddressed=() if observed else question.unaddressed(settings.policies, confession),
    )
    if marks(record, attributes_of(answer.span)):
        answer.span.set_attributes(record.keys)

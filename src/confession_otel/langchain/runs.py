"""The runs under way: which belong to the same root, what failed in it, and where each model's answer belongs.

LangChain links runs by the id of the parent. A confession judges the whole run that led to its answer, so what is kept
is kept for the root: chains, which are most of a run's events, only hand it on.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from opentelemetry.trace import get_current_span

from confession_otel import semconv
from confession_otel.answer import is_inference
from confession_otel.bounded import BoundedTable
from confession_otel.calls import Sighting

from . import peers
from .graphs import is_forgetful
from .messages import agent_of, conversation_of, failed_tools, model_of, parameters_of, provider_of
from .nodes import Waiting, is_control_flow, later, node_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from uuid import UUID

    from langchain_core.messages import BaseMessage
    from opentelemetry.trace import Span

    from confession_otel.answer import Answer
    from confession_otel.asking.follow_up import FollowUp
    from confession_otel.corroboration import Asked
    from confession_otel.observation import Observer

    from .nodes import Node

_HOURS: Final = 6 * 3600
"""After which a run whose end never came is forgotten."""


class Root:
    """What is known of a whole run."""

    __slots__ = ("_failed",)

    def __init__(self) -> None:
        self._failed: dict[str, None] = {}

    @property
    def failed_tools(self) -> tuple[str, ...]:
        """Names, each once, in the order in which they failed first."""
        return tuple(self._failed)

    def failed(self, names: tuple[str, ...]) -> None:
        """These tools failed."""
        # Parallel branches end on threads of their own: each step is one operation of the dictionary.
        for name in names:
            self._failed.setdefault(name)


class Place(NamedTuple):
    """Where a run is: all that are in the same node have one of these in common."""

    root: Root
    node: Node | None
    """The innermost whose end LangGraph keeps."""
    forgetful: bool = False
    """In a graph, inside the node, of which it keeps nothing: the nodes of that one run anew when this one does."""

    def inside(self, run_id: UUID, metadata: Mapping[str, Any] | None, waiting: Waiting) -> Place:
        """Where a run is that begins here; arguments as of `node_of`."""
        if self.forgetful:
            return self
        node = node_of(run_id, metadata, self.node, waiting)
        if node is not self.node:
            return Place(self.root, node)
        return self._replace(forgetful=True) if node is not None and is_forgetful() else self


class ModelCall(Sighting):
    """A model's call under way. It is the sighting too that the hook of an SDK below finds."""

    __slots__ = (
        "_ambient",
        "_is_answer_span",
        "_peer",
        "agent",
        "asked",
        "conversation",
        "messages",
        "model",
        "node",
        "operation",
        "over",
        "parameters",
        "parent_run_id",
        "provider",
        "root",
        "run_id",
        "started",
    )

    def __init__(self, run_id: UUID, parent_run_id: UUID | None, place: Place | None, keywords: dict[str, Any]) -> None:
        super().__init__()
        metadata = keywords.get("metadata") or {}
        parameters = keywords.get("invocation_params") or {}
        self.over = False
        self.run_id = run_id
        self.parent_run_id = parent_run_id
        self.root = None if place is None else place.root
        self.node = None if place is None else place.node
        self.started = time.time_ns()
        """Nanoseconds since the epoch."""
        self.operation = semconv.GEN_AI_CHAT
        """`gen_ai.operation.name`."""
        self.model = model_of(metadata, parameters)
        self.provider = provider_of(metadata.get("ls_provider"))
        self.parameters = parameters_of(parameters)
        """Attributes of the request."""
        self.agent = agent_of(metadata)
        self.conversation = conversation_of(metadata)
        self.asked: Callable[[], Asked] | None = None
        """What it was asked, until it is over: some go on holding this."""
        self.messages: tuple[BaseMessage, ...] = ()
        """Those of the request, as long."""
        self._ambient = get_current_span()
        self._is_answer_span = is_inference(self._ambient)
        # A peer whose callbacks come before ours has its span by now, and has ended it when ours hear of the end; one
        # whose callbacks come after ours will have it then.
        self._peer = peers.span_of(run_id)

    def end(self) -> None:
        """It is over; what it was begun in may go on holding it."""
        self.over, self.open = True, False

    def answer_span(self) -> Span | None:
        """The span that another instrumentation has for this call, as long as it goes on."""
        return None if self.over else self.peer_span()

    def complete(self, answer: Answer) -> None:
        """Add to the answer what only a framework knows, as long as the call goes on."""
        if not self.over:
            self.describe(answer)

    def put_off(
        self, observer: Observer, answers: Sequence[Answer], hook: str, follow_up: Callable[[Answer], FollowUp] | None
    ) -> bool:
        """Have answers observed when the LangGraph node around the call has ended; false where that is to be now.

        Arguments as of `Observer.observe`.
        """
        if self.node is None or (bring := later(observer, answers, hook, follow_up)) is None:
            return False
        self.node.wait(bring)
        return True

    def forget(self) -> None:
        """It is over: its words are nobody's any more."""
        self.asked, self.messages = None, ()

    def peer_span(self) -> Span | None:
        """The span that another instrumentation has for this call, live or, by now, ended."""
        span = self._peer or peers.span_of(self.run_id)
        if span is None and not self._is_answer_span:
            # Made current by another callback, after ours and in the same context.
            current = get_current_span()
            if is_inference(current) and getattr(current, "start_time", 0) >= self.started:
                return current
        return span or (self._ambient if self._is_answer_span else None)

    def parent_span(self) -> Span:
        """The span under which one of our own hangs."""
        return peers.above(self.parent_run_id) or self._ambient

    def describe(self, answer: Answer) -> None:
        """Add to the answer what is known of the run around the call."""
        answer.agent_name = self.agent or answer.agent_name
        answer.conversation_id = self.conversation or answer.conversation_id
        if self.root is not None and (failed := self.root.failed_tools):
            answer.evidence = replace(answer.evidence, tool_errors=failed)


class Runs:
    """All runs that one handler sees, in every thread and event loop; ends forget."""

    __slots__ = ("_calls", "_places", "_tools", "_waiting")

    def __init__(self) -> None:
        self._places: BoundedTable[UUID, Place] = BoundedTable(size=65536, seconds=_HOURS)
        self._tools: BoundedTable[UUID, str] = BoundedTable(size=8192, seconds=_HOURS)
        self._calls: BoundedTable[UUID, ModelCall] = BoundedTable(size=8192, seconds=_HOURS)
        # Each may hold a conversation.
        self._waiting = Waiting(size=4096, seconds=_HOURS)

    def __len__(self) -> int:
        return len(self._places) + len(self._tools) + len(self._calls) + len(self._waiting)

    def begin(self, run_id: UUID, parent_run_id: UUID | None, metadata: Mapping[str, Any] | None = None) -> None:
        """A run began in which others may be."""
        above = None if parent_run_id is None else self._places.get(parent_run_id)
        place = Place(Root(), None) if above is None else above
        self._places.put(run_id, place.inside(run_id, metadata, self._waiting))

    def end(self, run_id: UUID, error: BaseException | None = None) -> None:
        """It is over."""
        place = self._places.pop(run_id)
        if place is not None and place.node is not None and place.node.run_id == run_id:
            place.node.end(error)

    def begin_tool(
        self, run_id: UUID, parent_run_id: UUID | None, name: str, metadata: Mapping[str, Any] | None = None
    ) -> None:
        """A tool began; it may be an agent itself."""
        self.begin(run_id, parent_run_id, metadata)
        self._tools.put(run_id, name)

    def end_tool(self, run_id: UUID, output: object) -> None:
        """A tool is over, and gave this."""
        place, name = self._places.get(run_id), self._tools.pop(run_id)
        self.end(run_id)
        if place is not None and (failed := failed_tools(output, name)):
            place.root.failed(failed)

    def tool_failed(self, run_id: UUID, error: BaseException) -> None:
        """A tool raised."""
        place, name = self._places.get(run_id), self._tools.pop(run_id)
        self.end(run_id, error)
        # A task that is cancelled did not fail.
        if place is not None and name is not None and isinstance(error, Exception) and not is_control_flow(error):
            place.root.failed((name,))

    def begin_call(self, run_id: UUID, parent_run_id: UUID | None, keywords: dict[str, Any]) -> ModelCall:
        """A model's call began."""
        place = None if parent_run_id is None else self._places.get(parent_run_id)
        call = ModelCall(run_id, parent_run_id, place, keywords)
        self._calls.put(run_id, call)
        return call

    def end_call(self, run_id: UUID) -> ModelCall | None:
        """It is over; `None` for one never seen."""
        call = self._calls.pop(run_id)
        if call is not None:
            call.end()
        return call

    def speaks(self, run_id: UUID) -> None:
        """A model's call gives its first words: from now on others may begin theirs in between."""
        call = self._calls.get(run_id)
        if call is not None:
            call.open = False

    def leave(self) -> None:
        """Nobody will tell of ends any more, or not before some have passed by: bring what waits for one.

        Calls of models are kept, for one that ends when somebody tells again has an answer like any other.
        """
        for call in self._calls.values():
            call.open = False
        self._places.clear()
        self._tools.clear()
        self._waiting.clear()

"""Calls of models that are under way: which hook has seen them begin, and will bring their answers.

A framework's call may lead to one of an SDK, that to another one's span, and a client's `request` to that of the client
below it. Each looks here for who is there already. What is found in a context may be over: tasks and streams take their
context along.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from . import once

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.trace import Span

    from .answer import Answer
    from .asking.follow_up import FollowUp


class Sighting:
    """A framework's call of a model, under way: did the hook of the SDK below take it on, and bring its answer?"""

    __slots__ = ("_brought", "open", "taken")

    def __init__(self) -> None:
        self.open = True
        """A call of an SDK that begins now is part of it. What it was begun in may hold it longer than that."""
        self.taken = False
        """The hook of an SDK shows it, on its answer span."""
        self._brought: list[tuple[str | None, str]] | None = None

    def brought(self, answers: Sequence[Answer]) -> None:
        """The hook of an SDK has brought these, or knows that they are not there yet, or not to be had."""
        if self._brought is None:
            self._brought = []
        self._brought += [(answer.response_id, answer.text) for answer in answers]

    def has_brought(self, response_id: str | None, text: str) -> bool:
        """Is the answer that the framework got the one that was brought?

        It may have asked one provider, whose answer it did not like or did not get, and then another.
        """
        if not self._brought:
            return self._brought is not None
        return any(
            response_id == own_id if response_id and own_id else once.are_the_same(own_text, text)
            for own_id, own_text in self._brought
        )

    def answer_span(self) -> Span | None:
        """The span that another instrumentation of the framework has for this call."""
        return None

    def complete(self, answer: Answer) -> None:
        """Add to the answer what only the framework knows."""

    def put_off(
        self,
        observer: Any,  # noqa: ARG002 - an `Observer`; for the framework's own
        answers: Sequence[Answer],  # noqa: ARG002 - as above
        hook: str,  # noqa: ARG002 - as above
        follow_up: Callable[[Answer], FollowUp] | None,  # noqa: ARG002 - as above
    ) -> bool:
        """Have answers observed when the framework knows that they stand; false where that is to be now.

        Arguments as of `Observer.observe`.
        """
        return False


under_way: Final[ContextVar[Sighting | None]] = ContextVar("confession_otel_under_way", default=None)
"""Set by a framework's hook where its call begins, in the context in which the SDK's call then runs."""


class InACall:
    """A call that the hook of an SDK has seen begin, and whose answer it will bring."""

    __slots__ = ("open", "request")

    def __init__(self, request: object) -> None:
        self.open = True
        """Whoever begins something now is inside. A task that was begun inside may outlive the call, in its context."""
        self.request: object = request
        """What is sent, as the SDK has it: whoever sends the very same on is this call once more."""

    def end(self) -> None:
        """The request is over."""
        self.open = False
        self.request = None


in_a_call: Final[ContextVar[InACall | None]] = ContextVar("confession_otel_in_a_call", default=None)
"""Set by the hook of an SDK around a call."""

# Every span of the service comes by here: two steps less.
_in_a_call: Final = in_a_call.get
_under_way: Final = under_way.get


def is_seen() -> bool:
    """Has a hook of an SDK or of a framework seen the call begin that we are in? It will bring the answer."""
    return ((call := _in_a_call()) is not None and call.open) or (
        (sighting := _under_way()) is not None and sighting.open
    )


def take() -> Sighting | None:
    """Tell the framework above, if one is, that this call is shown and recorded here: called by the hook of an SDK."""
    sighting = under_way.get()
    if sighting is None or not sighting.open:
        return None
    sighting.taken = True
    return sighting

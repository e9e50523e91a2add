"""The end of a run: the run as one answer, whose confession is got, in whichever way, and recorded."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING

from langchain_core.messages import AIMessage, HumanMessage
from opentelemetry.trace import get_current_span

from confession_otel.answer import Answer
from confession_otel.asking import question
from confession_otel.bounded_read import read
from confession_otel.corroboration import behind_the_answer
from confession_otel.reading import find
from confession_otel.semconv import Absent, NotAsked, Source, Status
from confession_otel.settings import AskMode, Way

from .state import as_data
from .transcript import RunFollowUp, tools_that_failed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from langchain_core.messages import AnyMessage, BaseMessage

    from confession_otel.asking import Ask, Asker
    from confession_otel.asking.follow_up import FollowUp, Reply
    from confession_otel.confession import Confession

    from .means import Means
    from .run import Run, Turn
    from .state import RunConfession


def ending_of(run: Run, messages: Sequence[AnyMessage], means: Means, *, asynchronous: bool) -> Ending | None:
    """How the run ends; `None` where no model was called: then there is nothing to confess.

    Args:
        run: what is known of it.
        messages: all of the agent's state.
        means: what to get its confession with.
        asynchronous: whether it runs on an event loop.
    """
    turn = run.turn and run.turn.with_words_of(messages)
    came = _came_in(messages, run.before)
    last = next((message for message in reversed(came) if isinstance(message, AIMessage)), None)
    if last is None or (turn is None and run.before is not None):
        return None
    ending = Ending(means, _as_one_answer(turn, last, came))
    follow_up = (
        None
        if turn is None or turn.messages is None
        else functools.partial(RunFollowUp, turn, last, came, ending.heard, asynchronous=asynchronous)
    )
    if means.asker is not None:
        ending.get_by_asking(means.asker, follow_up)
        return ending
    if means.settings.judge_client is not None:
        ending.show(follow_up)
    if means.settings.way is Way.IN_BAND:
        ending.get_in_band()
    else:
        ending.get_by_reading()
    return ending


class Ending:
    """Its confession: one of the three ways to get it is to be called, then `now` or `anow`."""

    __slots__ = ("_answer", "_ask", "_confession", "_in_text", "_means", "_policies", "_reply", "_source", "_suspected")

    def __init__(self, means: Means, answer: Answer) -> None:
        self._means = means
        self._answer = answer
        self._source = Source(means.settings.way.value)
        observed = self._source is Source.OBSERVE
        self._policies = () if observed else means.settings.policies
        """Those that it was told to judge."""
        place = find(answer.text)
        self._in_text = place.confession
        # What stands in the text may be anybody's, where the confession comes from elsewhere.
        self._suspected = place.passed_over or (not observed and place.confession is not None)
        self._ask: Ask | None = None
        self._reply: Reply | None = None
        self._confession: Confession | None = None

    def get_by_asking(self, asker: Asker, follow_up: Callable[[Answer], FollowUp] | None) -> None:
        """Prepare to ask for it; where nothing says how to go on, there is nobody to ask."""
        self._ask = asker.ask(self._answer, follow_up, spoof_suspected=self._suspected, ask_mode=AskMode.INLINE)

    def show(self, follow_up: Callable[[Answer], FollowUp] | None) -> None:
        """Where nobody is asked: whoever judges the confession sees the whole run."""
        self._answer.follow_up = follow_up

    def heard(self, reply: Reply) -> None:
        """This was replied; whoever asked records it."""
        self._reply = reply

    def get_by_reading(self) -> None:
        """Read what ends the last message."""
        if self._in_text is None:
            self._means.recorder.count(Status.ABSENT)
        else:
            self._record(read(self._in_text))

    def get_in_band(self) -> None:
        """Read what was taken out of the last message."""
        told, recorder = self._answer.told, self._means.recorder
        if self._suspected:
            recorder.suspect(self._answer)
        if told is None:
            recorder.count(Status.NOT_ASKED, NotAsked.NOT_TOLD)
        elif told.confession is None:
            recorder.count(Status.ABSENT, Absent.TRUNCATED if told.truncated else None)
        else:
            self._record(_read(told.confession, truncated=told.truncated), role=told.role)

    def now(self) -> RunConfession | None:
        """Carry out what is left, and give what goes into the agent's state."""
        if self._ask is not None:
            self._ask.now()
        return self._as_data()

    async def anow(self) -> RunConfession | None:
        """The same, on the event loop of the run."""
        if self._ask is not None:
            await self._ask.anow()
        return self._as_data()

    def _record(self, confession: Confession, role: str | None = None) -> None:
        self._confession, self._answer.evidence = behind_the_answer(confession, self._answer.evidence)
        self._means.recorder.record(
            self._confession,
            self._answer,
            self._source,
            spoof_suspected=self._suspected,
            unaddressed=question.unaddressed(self._policies, self._confession),
            asking=None if role is None else question.attributes(role),
        )

    def _as_data(self) -> RunConfession | None:
        confession = self._confession
        if self._reply is not None:
            confession = _read(self._reply.text, truncated=self._reply.truncated)
        if confession is None:
            return None
        return as_data(
            confession,
            self._answer,
            self._source,
            self._means.settings,
            spoof_suspected=self._suspected,
            unaddressed=question.unaddressed(self._policies, confession),
        )


def _read(text: str, *, truncated: bool) -> Confession:
    confession = read(text)
    return replace(confession, truncated=True) if truncated else confession


def _came_in(messages: Sequence[AnyMessage], before: frozenset[str] | None) -> list[AnyMessage]:
    """The messages that came in the run: all that were not there before, else those after the last of the user's."""
    if before is not None:
        return [message for message in messages if message.id not in before]
    users = [number for number, message in enumerate(messages) if isinstance(message, HumanMessage)]
    return list(messages[users[-1] + 1 if users else 0 :])


def _as_one_answer(turn: Turn | None, last: AIMessage, messages: Sequence[BaseMessage]) -> Answer:
    known = (turn and turn.answer) or Answer(span=get_current_span(), agent_name=last.name)
    evidence = replace(known.evidence, tool_errors=tools_that_failed(messages))
    told = None if turn is None else turn.told
    return replace(known, text=str(last.text), final=True, choice=None, evidence=evidence, told=told)

"""The whole conversation of a run, from what the model saw to the end of the run, and how to go on with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.outputs import ChatGeneration

from confession_otel.langchain.capture import Call, Given
from confession_otel.langchain.follow_up import LangChainFollowUp
from confession_otel.langchain.messages import failed_tools

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from langchain_core.messages import BaseMessage, ToolCall

    from confession_otel.answer import Answer
    from confession_otel.asking.follow_up import Reply
    from confession_otel.asking.own_loop import OwnLoop

    from .run import Turn

_NOT_RUN: Final = "This call was not carried out: the run ended before."


class RunFollowUp(LangChainFollowUp):
    """One request more after a run, which may end in what tools gave after the model's last words."""

    __slots__ = ("_heard",)

    def __init__(
        self,
        turn: Turn,
        last: AIMessage,
        messages: Sequence[BaseMessage],
        heard: Callable[[Reply], None],
        answer: Answer,
        *,
        asynchronous: bool,
    ) -> None:
        """Remember what is needed; nothing is sent.

        Args:
            turn: the newest of the run.
            last: the message that the answer is.
            messages: all that came in the run.
            heard: is told the reply.
            answer: the run as one answer.
            asynchronous: whether it runs on an event loop.
        """
        model = turn.model
        before, after = _around(turn, last, messages)
        after += _unanswered([last, *after])
        call = Call(model, [before], turn.keywords, asynchronous=asynchronous)
        super().__init__(Given(call, model, before), [ChatGeneration(message=last)], answer)
        if after:
            if len(self._messages) == len(before):
                # It says nothing, but calls the tools whose output follows.
                self._messages.append(last)
            self._messages += after
        self._heard = heard

    def send(self, question: str, *, seconds: float, tokens: int, own_loop: Callable[[], OwnLoop] | None) -> Reply:
        """Ask and wait; see `FollowUp`."""
        reply = super().send(question, seconds=seconds, tokens=tokens, own_loop=own_loop)
        self._heard(reply)
        return reply

    async def asend(self, question: str, *, seconds: float, tokens: int) -> Reply:
        """Ask from the loop of the run; see `FollowUp`."""
        reply = await super().asend(question, seconds=seconds, tokens=tokens)
        self._heard(reply)
        return reply


def tools_that_failed(messages: Sequence[BaseMessage]) -> tuple[str, ...]:
    """Their names, each once."""
    names = {call["id"]: call["name"] for call in _tool_calls(messages)}
    found = (
        name
        for message in messages
        if isinstance(message, ToolMessage)
        for name in failed_tools(message, names.get(message.tool_call_id, "unknown"))
    )
    return tuple(dict.fromkeys(found))


def _around(turn: Turn, last: AIMessage, messages: Sequence[BaseMessage]) -> tuple[list[Any], list[Any]]:
    """The conversation before the last message, and after it."""
    # As the model saw it, not as the state has it: other middleware may send it less, or more.
    before = [*turn.system, *(turn.messages or ())]
    ids = [message.id for message in turn.result]
    places = [number for number, message in enumerate(messages) if message.id in ids]
    at = messages.index(last)
    since = max(places, default=at - 1) + 1
    if last.id in ids:
        return before, [*turn.result[ids.index(last.id) + 1 :], *messages[since:]]
    # Not the model's own words: those of a middleware that ended the run.
    return [*before, *turn.result, *messages[since:at]], [*messages[at + 1 :]]


def _unanswered(messages: Sequence[BaseMessage]) -> list[ToolMessage]:
    """An answer to each call of a tool that has none: without, providers refuse to go on."""
    answered = {message.tool_call_id for message in messages if isinstance(message, ToolMessage)}
    return [
        ToolMessage(_NOT_RUN, tool_call_id=call["id"], name=call["name"], status="error")
        for call in _tool_calls(messages)
        if call["id"] not in answered
    ]


def _tool_calls(messages: Sequence[BaseMessage]) -> Iterator[ToolCall]:
    return (call for message in messages if isinstance(message, AIMessage) for call in message.tool_calls)

"""The conversation that led to an answer: copied, and as text for somebody to read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage, convert_to_openai_messages

from confession_otel.asking.follow_up import NoReply

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.messages import BaseMessage

    from confession_otel.asking.follow_up import Reply


class Shown:
    """One that can be read and not gone on with: nobody saw by which model it was led. For the judge that is enough."""

    __slots__ = ("_messages", "role")

    def __init__(self, messages: Sequence[BaseMessage]) -> None:
        self.role = "user"
        self._messages = [copied(message) for message in messages]

    def transcript(self) -> str:
        """See `FollowUp`: JSON, in the form of OpenAI's messages."""
        return transcript_of(self._messages)

    def send(self, *_: object, **__: object) -> Reply:
        """See `FollowUp`: there is nobody to ask."""
        raise NoReply

    async def asend(self, *_: object, **__: object) -> Reply:
        """See `FollowUp`: there is nobody to ask."""
        raise NoReply


def transcript_of(messages: Sequence[BaseMessage]) -> str:
    """JSON, in the form of OpenAI's messages."""
    return json.dumps(convert_to_openai_messages(messages), ensure_ascii=False, indent=1, default=str)


def copied(value: Any) -> Any:
    """A copy of what the caller may change when he goes on: messages, and what keywords are made of."""
    if isinstance(value, dict):
        return {key: copied(one) for key, one in value.items()}
    if isinstance(value, list):
        return [copied(one) for one in value]
    if isinstance(value, (AIMessage, HumanMessage, SystemMessage, ToolMessage)):
        return value.model_copy(update={"content": copied(value.content)})
    return value

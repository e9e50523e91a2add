"""Going on with a conversation that another instrumentation saw, through a chat model that somebody gave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, convert_to_messages
from langchain_core.outputs import ChatGeneration

from confession_otel.answer import Answer

from .capture import Call, Given
from .follow_up import LangChainFollowUp

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel


def request(model: BaseChatModel, _: str | None) -> LangChainFollowUp:
    """A conversation of its own; see `confession_otel.asking.given`."""
    made = follow_up(model, [], Answer())
    made.begin_anew()
    return made


def follow_up(model: BaseChatModel, messages: list[dict[str, Any]], answer: Answer) -> LangChainFollowUp:
    """How it goes on; see `confession_otel.asking.given`. The model is the one given, whichever answered."""
    conversation = convert_to_messages(messages)
    call = Call(model, [conversation], {}, asynchronous=False)
    said = [ChatGeneration(message=AIMessage(answer.text))] * ((answer.choice or 0) + 1)
    return LangChainFollowUp(Given(call, model, conversation), list(said), answer)

"""Asking through a client that somebody gave, where the hook that sees the answers has none (`asking_client`)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

from confession_otel.clients import package_of

if TYPE_CHECKING:
    from confession_otel.answer import Answer

    from .follow_up import FollowUp

_BY_PACKAGE: Final = {"openai": "confession_otel.openai.given", "langchain_core": "confession_otel.langchain.given"}
"""Package of a client -> the module that goes on with it; a hook's, and imported where such a client is."""


def request(client: object, model: str | None) -> FollowUp:
    """A conversation of its own, in which nothing was said yet.

    Args:
        client: as below.
        model: to ask, where the client does not say by itself.
    """
    made: FollowUp = importlib.import_module(_BY_PACKAGE[package_of(client) or ""]).request(client, model)
    return made


def follow_up(client: object, messages: list[dict[str, Any]], answer: Answer) -> FollowUp:
    """How a conversation goes on through a client.

    Args:
        client: an `OpenAI` or `AsyncOpenAI`, or a chat model of LangChain's.
        messages: the conversation up to the answer, in the form of chat completions.
        answer: what was answered; its model is the one that is asked.
    """
    module = importlib.import_module(_BY_PACKAGE[package_of(client) or ""])
    made: FollowUp = module.follow_up(client, messages, answer)
    return made

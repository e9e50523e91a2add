"""Going on with a conversation that another instrumentation saw, through a client that somebody gave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openai._models import FinalRequestOptions

from . import chat
from .follow_up import OpenAIFollowUp

if TYPE_CHECKING:
    from confession_otel.answer import Answer


def follow_up(client: Any, messages: list[dict[str, Any]], answer: Answer) -> OpenAIFollowUp:
    """How it goes on; see `confession_otel.asking.given`."""
    options = FinalRequestOptions(
        method="post", url="/chat/completions", json_data={"model": answer.request_model, "messages": messages}
    )
    return OpenAIFollowUp(client, chat, options, answer, None)

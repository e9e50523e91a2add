"""Going on with a conversation that another instrumentation saw, through a client that somebody gave."""

from __future__ import annotations

from typing import Any

from openai._models import FinalRequestOptions

from confession_otel.answer import Answer

from . import chat
from .follow_up import OpenAIFollowUp


def request(client: Any, model: str | None) -> OpenAIFollowUp:
    """A conversation of its own; see `confession_otel.asking.given`."""
    made = follow_up(client, [], Answer(request_model=model))
    made.begin_anew()
    return made


def follow_up(client: Any, messages: list[dict[str, Any]], answer: Answer) -> OpenAIFollowUp:
    """How it goes on; see `confession_otel.asking.given`."""
    options = FinalRequestOptions(
        method="post", url="/chat/completions", json_data={"model": answer.request_model, "messages": messages}
    )
    return OpenAIFollowUp(client, chat, options, answer, None)

"""A scripted model: a server on loopback, so that demos and tests need no API key and no luck.

The real `openai` client and everything built on it talk to it over HTTP as they would to a provider, and so do those of
Anthropic and Gemini. It needs nothing but the standard library.

Example:
    >>> import json, urllib.request
    >>> from confession_otel.testing import ScriptedServer, chat_completion
    >>> with ScriptedServer(lambda request: chat_completion("Four.")) as server:
    ...     question = json.dumps({"model": "any", "messages": [{"role": "user", "content": "2 + 2?"}]}).encode()
    ...     with urllib.request.urlopen(f"{server.base_url}/chat/completions", data=question) as reply:
    ...         json.load(reply)["choices"][0]["message"]["content"]
    'Four.'
    >>> server.requests[0].json["messages"][0]["content"]
    '2 + 2?'
"""

from .anthropic import anthropic_message
from .bodies import chat_completion, error, response
from .gemini import gemini_response
from .server import Reply, Request, ScriptedServer

__all__ = [
    "Reply",
    "Request",
    "ScriptedServer",
    "anthropic_message",
    "chat_completion",
    "error",
    "gemini_response",
    "response",
]

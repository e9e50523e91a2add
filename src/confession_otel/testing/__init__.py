"""A scripted model: an OpenAI-compatible server on loopback, so that demos and tests need no API key and no luck.

The real `openai` client and everything built on it talk to it over HTTP as they would to a provider. It needs nothing
but the standard library.

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

from .bodies import chat_completion, error, response
from .server import Reply, Request, ScriptedServer

__all__ = ["Reply", "Request", "ScriptedServer", "chat_completion", "error", "response"]

"""The middleware of `create_agent`: one confession for each run of an agent, recorded, and put into the agent's state.

agent = create_agent(model, tools, middleware=[ConfessionMiddleware()])
result = agent.invoke({"messages": [...]})
if result["confession"] and result["confession"]["flagged"]:
    ...
"""

from __future__ import annotations

try:
    import langchain.agents.middleware.types  # noqa: F401 - is it there?
except ImportError as error:
    _MESSAGE = (
        'ConfessionMiddleware is for the agents of the package langchain: pip install "confession-otel[langchain]" '
        '"langchain>=1"'
    )
    raise ImportError(_MESSAGE) from error

from .hooks import ConfessionMiddleware

__all__ = ["ConfessionMiddleware"]

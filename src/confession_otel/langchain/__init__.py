"""LangChain: each model's answer is looked at for a confession, with one callback or none.

    from confession_otel.langchain import ConfessionCallbackHandler

    chain.invoke(question, config={"callbacks": [ConfessionCallbackHandler()]})

`confession_otel.instrument()` adds the handler to every run in every thread, with no code. `ConfessionMiddleware` gets
one confession for each run of an agent, and `strip_confession` takes one out of a chain's output.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from confession_otel.extras import needing

with needing("langchain", "langchain_core"):
    from .everywhere import install, uninstall
    from .handler import ConfessionCallbackHandler
    from .stripping import strip_confession

if TYPE_CHECKING:
    from .middleware import ConfessionMiddleware

__all__ = ["ConfessionCallbackHandler", "ConfessionMiddleware", "install", "strip_confession", "uninstall"]


def __getattr__(name: str) -> Any:
    # The agents are of the package langchain, which whoever has langchain_core need not have.
    if name != "ConfessionMiddleware":
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    value = globals()[name] = importlib.import_module(".middleware", __name__).ConfessionMiddleware
    return value

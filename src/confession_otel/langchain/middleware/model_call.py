"""One call of the agent's model, seen from the middleware around it: what is sent, and what is remembered of it.

It has no colour: the sync and the async hook both tell it how their call went.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, SystemMessage

from confession_otel.settings import Way

from .in_band import tell
from .listening import Listener
from .run import Run, Turn

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from .means import Means


class ModelCall:
    """A call under way; what came of it goes to its run."""

    __slots__ = ("_asks", "_listener", "_original", "_run", "_telling", "request")

    def __init__(self, run: Run, request: Any, means: Means) -> None:
        self._run = run
        self._asks = means.settings.way is Way.ASK
        self._original = request
        self._listener = Listener(means)
        self._telling = tell(request, means.settings.policies) if means.settings.way is Way.IN_BAND else None
        self.request = request if self._telling is None else self._telling.request
        """What the model is to be called with."""

    def under_way(self) -> AbstractContextManager[None]:
        """It goes on inside."""
        return self._listener.hears()

    def returned(self, response: Any) -> Any:
        """Remember what came back, and give it to the agent, without the confession."""
        alone = isinstance(response, AIMessage)
        result = [response] if alone else list(response.result)
        told = None if self._telling is None else self._telling.take_from(result)
        keywords = dict(self._original.model_settings)
        if self._asks and (tools := self._tools()):
            keywords["tools"] = tools
        request, listener = self._original, self._listener
        # Not the request itself, which holds all of the run.
        self._run.took(
            Turn(
                model=request.model,
                system=_system(request),
                messages=request.messages,
                keywords=keywords,
                parameters=listener.parameters,
                result=result,
                answer=listener.answer,
                told=told,
            )
        )
        if told is None or not told.took_any:
            return response
        return result[0] if alone else replace(response, result=result)

    def _tools(self) -> Any:
        """As the provider is sent them: those that stand for a response format are among them."""
        request, parameters = self._original, self._listener.parameters
        if "tools" in parameters or not request.tools:
            return parameters.get("tools")
        return getattr(request.model.bind_tools(request.tools), "kwargs", {}).get("tools")


def _system(request: Any) -> list[SystemMessage]:
    """The agent's system prompt as a message, where it has one: langchain 1.0 has no more than its text."""
    if hasattr(request, "system_message"):
        return [request.system_message] if request.system_message else []
    return [SystemMessage(request.system_prompt)] if request.system_prompt else []

"""The hooks of the middleware: where a run begins, where its model is called, where it ends."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from langchain.agents.middleware import AgentMiddleware, AgentState

from confession_otel import observation
from confession_otel.guard import Site
from confession_otel.settings import PREFIX, Settings, Way
from confession_otel.suppression import is_ours, is_suppressed

from .ending import ending_of
from .means import Means
from .model_call import ModelCall
from .run import Runs
from .state import ConfessionState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from langchain.agents.middleware import ModelRequest, ModelResponse
    from langgraph.runtime import Runtime

    from confession_otel.observation import Observer

    from .ending import Ending

_BEFORE: Final = Site("langchain.middleware.before_agent")
_BEGIN: Final = Site("langchain.middleware.begin")
_RETURNED: Final = Site("langchain.middleware.returned")
_AFTER: Final = Site("langchain.middleware.after_agent")


class ConfessionMiddleware(AgentMiddleware[AgentState[Any], Any]):
    """Gets one confession for each run of an agent, when the run has ended well.

    It judges the run as a whole: tools that return directly and structured output included. It is recorded under the
    span of the run's last model call, once: hooks of ours that also see the agent's model leave its calls alone. The
    state has it as `confession`: a `RunConfession`, or `None`. A run that fails or is interrupted has none. Nothing
    that fails in here breaks the agent.

    Put it last in the list of middleware: then it sees requests as the others have changed them.
    """

    state_schema = ConfessionState

    def __init__(
        self,
        *,
        way: str | None = None,
        policies: Sequence[str] | None = None,
        tracer_provider: Any = None,
        meter_provider: Any = None,
        logger_provider: Any = None,
        **settings: Any,
    ) -> None:
        """Make a middleware; one may serve several agents.

        Args:
            way: `ask` sends one request more at the run's end, to the same model with its system prompt, its tools and
                the whole transcript, and waits for at most `timeout` seconds, under the budget of the other settings.
                `in_band` tells the model beforehand to append its confession, and takes it out of the messages; not
                where a response format is wanted, nor out of `stream_mode="messages"`, whose tokens are gone by then.
                `observe` reads what your own prompt asks for at the end of the last message. Default:
                `CONFESSION_OTEL_WAY`, else `ask`.
            policies: rules of your own, each judged by name.
            tracer_provider: where spans go. Where neither a provider nor a setting is given, they are those of
                `confession_otel.instrument()`, or else the global ones and the environment's.
            meter_provider: where metrics go.
            logger_provider: where the event goes.
            **settings: any of `Settings` by name. `ask_mode` has no effect: the state waits for the confession.

        Raises:
            TypeError: a keyword is no setting.
            ValueError: a setting has a value that is not allowed.
        """
        super().__init__()
        if way is None and not os.environ.get(PREFIX + "WAY", "").strip():
            way = Way.ASK
        self._way = Settings.read(way=way).way
        self._observer: Callable[[], Observer] = (
            observation.own(
                tracer_provider=tracer_provider,
                meter_provider=meter_provider,
                logger_provider=logger_provider,
                policies=policies,
                **settings,
            )
            or observation.default
        )
        self.tools = []
        self._known: Means | None = None
        self._runs = Runs()

    def before_agent(self, state: AgentState[Any], runtime: Runtime[Any]) -> dict[str, Any] | None:
        """Forget the confession of the run before, and remember what was there."""
        with _BEFORE:
            self._runs.begin(runtime, state["messages"])
        return {"confession": None}

    async def abefore_agent(self, state: AgentState[Any], runtime: Runtime[Any]) -> dict[str, Any] | None:
        """The same in async."""
        return self.before_agent(state, runtime)

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """Remember what the model is asked and what it gives."""
        call = None
        with _BEGIN:
            call = self._begin(request)
        if call is None:
            return handler(request)
        with call.under_way():
            response = handler(call.request)
        with _RETURNED:
            response = call.returned(response)
        return response  # noqa: RET504 - where that failed, as it came

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        """The same in async."""
        call = None
        with _BEGIN:
            call = self._begin(request)
        if call is None:
            return await handler(request)
        with call.under_way():
            response = await handler(call.request)
        with _RETURNED:
            response = call.returned(response)
        return response  # noqa: RET504 - where that failed, as it came

    def after_agent(self, state: AgentState[Any], runtime: Runtime[Any]) -> dict[str, Any] | None:
        """Get the confession of the run, record it, and put it into the state."""
        found = None
        with _AFTER:
            ending = self._ending(state, runtime, asynchronous=False)
            if ending is not None:
                found = ending.now()
        return {"confession": found}

    async def aafter_agent(self, state: AgentState[Any], runtime: Runtime[Any]) -> dict[str, Any] | None:
        """The same in async."""
        found = None
        with _AFTER:
            ending = self._ending(state, runtime, asynchronous=True)
            if ending is not None:
                found = await ending.anow()
        return {"confession": found}

    def _means(self) -> Means:
        observer = self._observer()
        known = self._known
        if known is None or known.observer is not observer:
            known = self._known = Means(observer, self._way)
        return known

    def _begin(self, request: Any) -> ModelCall | None:
        means = self._means()
        if not means.settings.enabled or is_suppressed() or is_ours():
            return None
        run = self._runs.under_way(request.runtime)
        return None if run is None else ModelCall(run, request, means)

    def _ending(self, state: Any, runtime: Any, *, asynchronous: bool) -> Ending | None:
        means = self._means()
        run = self._runs.end(runtime)
        if not means.settings.enabled or is_suppressed():
            return None
        return ending_of(run, state["messages"], means, asynchronous=asynchronous)

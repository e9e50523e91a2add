"""The callback: looks at each model's answer for a confession, and changes none."""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Any, Final

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import HumanMessage
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context

from confession_otel import observation, semconv
from confession_otel.bounded import BoundedTable
from confession_otel.calls import under_way
from confession_otel.guard import Site
from confession_otel.settings import AnswerSpans, Way
from confession_otel.suppression import is_ours, is_suppressed

from . import capture, peers
from .conversation import Shown
from .follow_up import LangChainFollowUp
from .messages import answer_of, asked, known_of, metadata_of
from .nodes import is_control_flow
from .runs import Runs

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from langchain_core.messages import BaseMessage
    from langchain_core.outputs import Generation, LLMResult
    from opentelemetry.trace import Span
    from opentelemetry.util.types import AttributeValue

    from confession_otel.answer import Answer
    from confession_otel.asking import Ask
    from confession_otel.asking.follow_up import FollowUp
    from confession_otel.observation import Observer

    from .capture import Given
    from .runs import ModelCall

HOOK: Final = "langchain"

_START: Final = Site("langchain.start")
_FINISH: Final = Site("langchain.finish")
_FAIL: Final = Site("langchain.fail")
_RUN: Final = Site("langchain.run")


class ConfessionCallbackHandler(BaseCallbackHandler):
    """Observes the models of a run. One instance serves any number of runs, threads and event loops.

    No context is ever attached: a run's callbacks come from other threads and tasks than the run itself.
    """

    # On the event loop's own thread: what is done here takes microseconds, a hop to an executor takes longer.
    run_inline = True

    def __init__(
        self,
        *,
        tracer_provider: Any = None,
        meter_provider: Any = None,
        logger_provider: Any = None,
        **settings: Any,
    ) -> None:
        """Make a handler.

        Args:
            tracer_provider: where spans go. With no argument at all, providers and settings are those of
                `confession_otel.instrument()`, or else the global ones and the environment's.
            meter_provider: where metrics go.
            logger_provider: where the event goes.
            **settings: any of `Settings` by name.

        Raises:
            TypeError: a keyword is no setting.
            ValueError: a setting has a value that is not allowed.
        """
        self._observer: Callable[[], Observer] = (
            observation.own(
                tracer_provider=tracer_provider,
                meter_provider=meter_provider,
                logger_provider=logger_provider,
                **settings,
            )
            or observation.default
        )
        self._runs = Runs()
        self._given: BoundedTable[UUID, Given] = BoundedTable(size=8192, seconds=6 * 3600)
        self._off = False
        self._watch()

    @property
    def ignore_llm(self) -> bool:
        """Whether LangChain lets the ends of model calls pass by."""
        return self._off

    @property
    def ignore_chat_model(self) -> bool:
        """Whether it lets the starts of chat models' calls pass by."""
        return self._off

    @property
    def ignore_chain(self) -> bool:
        """Whether it lets chains pass by: they link the runs that belong together."""
        return self._off

    @property
    def ignore_agent(self) -> bool:
        """Whether it lets tools pass by."""
        return self._off

    @property
    def ignore_retriever(self) -> bool:
        """Retrievers are not looked at."""
        return True

    @property
    def ignore_retry(self) -> bool:
        """Each try of a retried run has a run of its own."""
        return True

    @property
    def ignore_custom_event(self) -> bool:
        """Events of the application's are not looked at."""
        return True

    def on_chain_start(
        self,
        serialized: dict[str, Any],
        inputs: Any,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        metadata: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Remember which run it belongs to."""
        with _RUN:
            self._runs.begin(run_id, parent_run_id, metadata)

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **_: Any) -> None:
        """Forget it; the answers in a node that has ended are answers."""
        with _RUN:
            self._runs.end(run_id)

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """Forget it; the answers in a node that was interrupted are none."""
        with _RUN:
            self._runs.end(run_id, error)

    def on_tool_start(
        self,
        serialized: dict[str, Any],
        input_str: str,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        **keywords: Any,
    ) -> None:
        """Remember which run it belongs to, and its name."""
        with _RUN:
            name = (serialized or {}).get("name") or keywords.get("name")
            self._runs.begin_tool(run_id, parent_run_id, str(name or "unknown"), keywords.get("metadata"))

    def on_tool_end(self, output: Any, *, run_id: UUID, **_: Any) -> None:
        """Note if what it gave says that it failed."""
        with _RUN:
            self._runs.end_tool(run_id, output)

    def on_tool_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """Note that it failed."""
        with _RUN:
            self._runs.tool_failed(run_id, error)

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        **keywords: Any,
    ) -> None:
        """Remember when and where a chat model's call began."""
        with _START:
            call = self._start(run_id, parent_run_id, keywords)
            if call is not None and messages:
                parameters = keywords.get("invocation_params") or {}
                call.messages = tuple(messages[0])
                call.asked = functools.partial(asked, call.messages, parameters)
            if (given := capture.given(self, serialized, messages)) is not None:
                self._given.put(run_id, given)

    def on_llm_start(
        self,
        serialized: dict[str, Any],
        prompts: list[str],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        **keywords: Any,
    ) -> None:
        """Remember when and where a completion model's call began."""
        with _START:
            call = self._start(run_id, parent_run_id, keywords)
            if call is not None:
                call.operation = semconv.GEN_AI_TEXT_COMPLETION
                call.messages = tuple(HumanMessage(prompt) for prompt in prompts)

    def on_llm_new_token(self, token: Any, *, run_id: UUID, **_: Any) -> None:
        """Between the chunks of a stream the host may call other models, which are no part of it."""
        with _RUN:
            self._runs.speaks(run_id)

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **_: Any) -> None:
        """Look at what the model gave."""
        with _FINISH:
            ended = time.time_ns()
            given = self._given.pop(run_id)
            call = self._ended(run_id)
            if call is None or not response.generations or not response.generations[0]:
                return
            observer = self._observer()
            generations = response.generations[0]
            metadata = metadata_of(generations[0])
            response_id = metadata.get("id")
            response_id = response_id if isinstance(response_id, str) else None
            if call.has_brought(response_id, generations[0].text):
                call.forget()
                return
            # A second handler on the same run, one on the model and one in the call's config, finds it taken.
            if not observer.claim(f"langchain {run_id}", f"{id(self)}") or not observer.claim(response_id, HOOK):
                return
            span, owned = self._answer_span(observer, call)
            asks: list[Ask] = []
            try:
                if owned:
                    span.set_attributes(known_of(generations, metadata, response_id))
                several = len(generations) > 1
                answers = [
                    answer_of(generation, call, span, response_id, choice if several else None)
                    for choice, generation in enumerate(generations)
                ]
                follow_up = _follow_up(observer, call, given, generations)
                call.forget()
                if not call.put_off(observer, answers, HOOK, follow_up):
                    asks = observer.observe(answers, HOOK, follow_up)
            finally:
                if owned and not asks:
                    span.end(ended)
            if asks and given is not None:
                given.call.carry_out(asks, functools.partial(span.end, ended) if owned else None)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """Show a failed call on a span of our own; a stream that its reader left early has no answer."""
        with _FAIL:
            self._given.pop(run_id)
            call = self._ended(run_id)
            if call is not None:
                call.forget()
            if call is None or call.taken or isinstance(error, GeneratorExit) or is_control_flow(error):
                return
            observer = self._observer()
            if not observer.claim(f"langchain {run_id}", f"{id(self)}"):
                return
            span, owned = self._answer_span(observer, call)
            if owned:
                try:
                    span.set_attribute(semconv.ERROR_TYPE, type(error).__qualname__)
                    span.set_status(Status(StatusCode.ERROR))
                finally:
                    span.end()

    def _watch(self) -> None:
        """Where confessions are asked for, learn what models are called with."""
        with _START:
            if self._observer().settings.way is Way.ASK:
                capture.want(self)
            else:
                capture.unwant(self)

    def _start(self, run_id: UUID, parent_run_id: UUID | None, keywords: dict[str, Any]) -> ModelCall | None:
        if is_suppressed() or is_ours():
            return None
        peers.look_around()
        call = self._runs.begin_call(run_id, parent_run_id, keywords)
        under_way.set(call)
        return call

    def _ended(self, run_id: UUID) -> ModelCall | None:
        """The call, unless there is nothing to do: never seen, or switched off."""
        call = self._runs.end_call(run_id)
        if call is None:
            return None
        if not self._observer().settings.enabled:
            call.forget()
            return None
        return call

    def _answer_span(self, observer: Observer, call: ModelCall) -> tuple[Span, bool]:
        """The answer span, and whether it is ours to end: made now, with the time at which the call began."""
        span = call.peer_span()
        if span is not None:
            return span, False
        if observer.settings.answer_spans is AnswerSpans.NEVER:
            return call.parent_span(), False
        attributes: dict[str, AttributeValue] = {semconv.GEN_AI_OPERATION: call.operation}
        if call.provider is not None:
            attributes[semconv.GEN_AI_PROVIDER] = call.provider
        if call.model is not None:
            attributes[semconv.GEN_AI_REQUEST_MODEL] = call.model
        attributes.update(call.parameters)
        span = observer.recorder.tracer.start_span(
            f"{call.operation} {call.model}" if call.model else call.operation,
            set_span_in_context(call.parent_span()),
            SpanKind.CLIENT,
            attributes,
            start_time=call.started,
        )
        return span, True


def _follow_up(
    observer: Observer, call: ModelCall, given: Given | None, generations: list[Generation]
) -> Callable[[Answer], FollowUp] | None:
    """How the conversation of an answer can go on, where that was seen; else, for a judge, how it can be read."""
    if given is not None:
        return functools.partial(LangChainFollowUp, given, generations)
    if observer.settings.way is Way.ASK or observer.settings.judge_client is None:
        return None
    messages = call.messages
    return lambda _: Shown(messages)

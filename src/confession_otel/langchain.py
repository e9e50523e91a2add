"""LangChain: one callback that looks at each model's answer for a confession, and changes none.

    from confession_otel.langchain import ConfessionCallbackHandler

    chain.invoke(question, config={"callbacks": [ConfessionCallbackHandler()]})

`confession_otel.instrument()` adds the handler to every run in every thread, with no code.
"""

from __future__ import annotations

import time
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.tracers.context import register_configure_hook
from opentelemetry.trace import SpanKind, Status, StatusCode, get_current_span, set_span_in_context

from . import observation, semconv
from .answer import Answer, is_inference
from .bounded import BoundedTable
from .corroboration import Evidence
from .guard import Site
from .observation import Sighting, under_way
from .settings import AnswerSpans
from .suppression import is_suppressed

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from langchain_core.messages import BaseMessage
    from langchain_core.outputs import ChatGeneration, Generation, LLMResult
    from opentelemetry.trace import Span
    from opentelemetry.util.types import AttributeValue

    from .observation import Observer

HOOK: Final = "langchain"

_START: Final = Site("langchain.start")
_FINISH: Final = Site("langchain.finish")
_FAIL: Final = Site("langchain.fail")

_PROVIDERS: Final = {
    "openai": "openai",
    "azure": "azure.ai.openai",
    "anthropic": "anthropic",
    "amazon_bedrock": "aws.bedrock",
    "google_genai": "gcp.gemini",
    "google_vertexai": "gcp.vertex_ai",
    "mistral": "mistral_ai",
    "cohere": "cohere",
    "groq": "groq",
    "deepseek": "deepseek",
    "xai": "x_ai",
    "ibm": "ibm.watsonx.ai",
    "perplexity": "perplexity",
}
"""LangChain's `ls_provider` -> the well-known value of `gen_ai.provider.name`; any other goes as it is."""

_REQUEST: Final[dict[str, tuple[str, type | tuple[type, ...]]]] = {
    "temperature": (semconv.GEN_AI_TEMPERATURE, (int, float)),
    "top_p": (semconv.GEN_AI_TOP_P, (int, float)),
    "max_tokens": (semconv.GEN_AI_MAX_TOKENS, int),
    "max_completion_tokens": (semconv.GEN_AI_MAX_TOKENS, int),
    "seed": (semconv.GEN_AI_SEED, int),
}
_TOOL_TURN: Final = frozenset({"tool_calls", "tool_use", "function_call"})


@dataclass(frozen=True, slots=True)
class _Run:
    """A model call under way."""

    started: int
    """Nanoseconds since the epoch."""
    ambient: Span
    """Span that was current where the call began: the answer span if it is a GenAI span, else that one's parent."""
    model: str | None
    provider: str | None
    parameters: dict[str, AttributeValue]
    """Attributes of the request."""
    sighting: Sighting


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
        # A run whose end never comes (its process was cancelled hard) is forgotten.
        self._runs: BoundedTable[UUID, _Run] = BoundedTable(size=8192, seconds=3600)
        self._off = False

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
        """Chains, which are most of a run's events, are not looked at."""
        return True

    def on_chat_model_start(
        self, serialized: dict[str, Any], messages: list[list[BaseMessage]], *, run_id: UUID, **keywords: Any
    ) -> None:
        """Remember when and where a chat model's call began."""
        self._start(run_id, keywords)

    def on_llm_start(self, serialized: dict[str, Any], prompts: list[str], *, run_id: UUID, **keywords: Any) -> None:
        """Remember when and where a completion model's call began."""
        self._start(run_id, keywords)

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **_: Any) -> None:
        """Look at what the model gave."""
        with _FINISH:
            run = self._ended(run_id)
            if run is None or not response.generations or not response.generations[0]:
                return
            observer = self._observer()
            generations = response.generations[0]
            metadata = _metadata(generations[0])
            response_id = metadata.get("id")
            response_id = response_id if isinstance(response_id, str) else None
            # A second handler on the same run, one on the model and one in the call's config, finds it taken.
            if not observer.claim(f"langchain {run_id}", f"{id(self)}") or not observer.claim(response_id, HOOK):
                return
            span, owned = self._answer_span(observer, run)
            if owned:
                span.set_attributes(_response_attributes(generations, metadata, response_id))
            several = len(generations) > 1
            answers = [
                _answer(generation, run, span, response_id, choice if several else None)
                for choice, generation in enumerate(generations)
            ]
            observer.observe(answers, HOOK)
            if owned:
                span.end()

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """Show a failed call on a span of our own; a stream that its reader left early has no answer."""
        with _FAIL:
            run = self._ended(run_id)
            if run is None or isinstance(error, GeneratorExit):
                return
            observer = self._observer()
            if not observer.claim(f"langchain {run_id}", f"{id(self)}"):
                return
            span, owned = self._answer_span(observer, run)
            if owned:
                span.set_attribute(semconv.ERROR_TYPE, type(error).__qualname__)
                span.set_status(Status(StatusCode.ERROR))
                span.end()

    def _ended(self, run_id: UUID) -> _Run | None:
        """The run, unless there is nothing to do: never seen, switched off, or taken on by the SDK's own hook."""
        run = self._runs.pop(run_id)
        if run is None or run.sighting.taken or not self._observer().settings.enabled:
            return None
        return run

    def _start(self, run_id: UUID, keywords: dict[str, Any]) -> None:
        with _START:
            if is_suppressed():
                return
            metadata = keywords.get("metadata") or {}
            parameters = keywords.get("invocation_params") or {}
            model = metadata.get("ls_model_name") or parameters.get("model") or parameters.get("model_name")
            provider = metadata.get("ls_provider")
            sighting = Sighting()
            under_way.set(sighting)
            self._runs.put(
                run_id,
                _Run(
                    started=time.time_ns(),
                    ambient=get_current_span(),
                    model=model if isinstance(model, str) else None,
                    provider=_PROVIDERS.get(provider, provider) if isinstance(provider, str) else None,
                    parameters=_request_attributes(parameters),
                    sighting=sighting,
                ),
            )

    def _answer_span(self, observer: Observer, run: _Run) -> tuple[Span, bool]:
        """The answer span, and whether it is ours to end: made now, with the time at which the call began."""
        if is_inference(run.ambient) or observer.settings.answer_spans is AnswerSpans.NEVER:
            return run.ambient, False
        attributes: dict[str, AttributeValue] = {semconv.GEN_AI_OPERATION: semconv.GEN_AI_CHAT}
        if run.provider is not None:
            attributes[semconv.GEN_AI_PROVIDER] = run.provider
        if run.model is not None:
            attributes[semconv.GEN_AI_REQUEST_MODEL] = run.model
        attributes.update(run.parameters)
        span = observer.recorder.tracer.start_span(
            f"{semconv.GEN_AI_CHAT} {run.model}" if run.model else semconv.GEN_AI_CHAT,
            set_span_in_context(run.ambient),
            SpanKind.CLIENT,
            attributes,
            start_time=run.started,
        )
        return span, True


def _request_attributes(parameters: dict[str, Any]) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {}
    for name, (key, kind) in _REQUEST.items():
        value = parameters.get(name)
        if isinstance(value, kind) and not isinstance(value, bool):
            attributes[key] = cast("AttributeValue", value)
    return attributes


def _metadata(generation: Generation) -> dict[str, Any]:
    return getattr(getattr(generation, "message", None), "response_metadata", None) or {}


def _finish_reason(generation: Generation) -> str | None:
    known = {**(generation.generation_info or {}), **_metadata(generation)}
    incomplete = known.get("incomplete_details") or {}
    reason = known.get("finish_reason") or known.get("stop_reason") or incomplete.get("reason")
    return reason if isinstance(reason, str) else None


def _answer(
    generation: Generation | ChatGeneration, run: _Run, span: Span, response_id: str | None, choice: int | None
) -> Answer:
    message = getattr(generation, "message", None)
    finish_reason = _finish_reason(generation)
    pending = getattr(message, "tool_calls", None) or getattr(message, "invalid_tool_calls", None)
    refusal = getattr(message, "additional_kwargs", {}).get("refusal")
    return Answer(
        text=generation.text if message is None else str(message.text),
        span=span,
        final=not pending and finish_reason not in _TOOL_TURN,
        choice=choice,
        request_model=run.model,
        response_id=response_id,
        provider=run.provider,
        evidence=Evidence(finish_reason=finish_reason, refusal=refusal),
    )


def _response_attributes(
    generations: list[Any], metadata: dict[str, Any], response_id: str | None
) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {
        semconv.GEN_AI_FINISH_REASONS: [_finish_reason(generation) or "" for generation in generations]
    }
    if response_id:
        attributes[semconv.GEN_AI_RESPONSE_ID] = response_id
    model = metadata.get("model_name") or metadata.get("model")
    if isinstance(model, str):
        attributes[semconv.GEN_AI_RESPONSE_MODEL] = model
    usage = getattr(getattr(generations[0], "message", None), "usage_metadata", None) or {}
    for name, key in (("input_tokens", semconv.GEN_AI_INPUT_TOKENS), ("output_tokens", semconv.GEN_AI_OUTPUT_TOKENS)):
        if isinstance(usage.get(name), int):
            attributes[key] = usage[name]
    return attributes


# The hook of `instrument()`. LangChain's list of configure hooks only ever grows, so one variable is registered once
# and its handler switched on and off. A default, unlike a value that is set, is seen in every thread and context.
class _Everywhere(ConfessionCallbackHandler):
    def switch_on(self, observer: Callable[[], Observer]) -> None:
        self._observer = observer
        self._off = False

    def switch_off(self) -> None:
        self._off = True


_everywhere: Final = _Everywhere()
_variable: Final[ContextVar[Any]] = ContextVar("confession_otel", default=_everywhere)
_registered: Final[list[bool]] = []


def install(observer: Callable[[], Observer] = observation.default) -> None:
    """Add the handler to every run that has none of its own."""
    _everywhere.switch_on(observer)
    if not _registered:
        _registered.append(True)
        register_configure_hook(_variable, inheritable=True, handle_class=ConfessionCallbackHandler)


def uninstall() -> None:
    """Let every run pass by."""
    _everywhere.switch_off()

"""One request more in the conversation of an answer, through the model object that gave it.

The model's own `_generate` is called, the method that every chat model must have: below LangChain's callbacks, tracers,
debug output and cache, so that nobody who listens to runs, streams or events takes this for one of the application's,
and no cache learns of it or answers it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any, Final

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    HumanMessage,
    SystemMessage,
    message_chunk_to_message,
)
from langchain_core.runnables.config import set_config_context
from langsmith.run_helpers import tracing_context

from confession_otel import semconv
from confession_otel.asking import question
from confession_otel.asking.follow_up import NoReply, Reply
from confession_otel.asking.host_loop import run_on
from confession_otel.corroboration import Evidence, is_cut_off

from .conversation import copied, transcript_of
from .errand import Errand, times_out
from .messages import finish_reason_of, is_final, known_of, mapping, metadata_of, usage_of
from .request_model import is_openai, kept, model_for

try:
    # Private, and the only name there is for what a model is given by LangChain: content blocks of one form.
    from langchain_core.language_models._utils import _normalize_messages as _normalized
except ImportError:  # pragma: no cover - should LangChain ever rename it
    _normalized = list  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextvars import Context

    from langchain_core.messages import BaseMessage
    from langchain_core.outputs import ChatResult, Generation
    from langchain_core.runnables import RunnableConfig

    from confession_otel.answer import Answer
    from confession_otel.asking.own_loop import OwnLoop

    from .capture import Given

_BETWEEN_TRIES: Final = 0.05
"""Seconds until a rate limiter is asked again."""
_CONFIG: Final[RunnableConfig] = {
    "callbacks": [],
    "tags": ["nostream", "confession"],
    "metadata": {},
    "run_name": "confession",
}
"""Of the runs that a model which calls other models makes of them."""


class LangChainFollowUp:
    """How to go on: made for each final answer while `way=ask`."""

    __slots__ = ("_keywords", "_loop", "_messages", "_model", "_said", "role")

    def __init__(self, given: Given, generations: list[Generation], answer: Answer) -> None:
        """Remember what is needed; nothing is sent.

        Args:
            given: what the model was called with.
            generations: what it gave, one for each choice.
            answer: the one to ask about.
        """
        self._model = given.model
        self._loop = given.loop
        self._said = said = _said(generations[answer.choice or 0])
        # All of it is copied: some of it is the caller's own, and we come back to it when he has long gone on.
        self._messages = [copied(message) for message in given.messages]
        self._keywords: dict[str, Any] = {name: copied(value) for name, value in given.keywords.items()}
        self._continue(said)
        self.role = _late_role(given.model, self._messages)

    def _continue(self, said: AIMessage) -> None:
        """Add the answer to the conversation; where the provider holds it, name it."""
        model_keywords = getattr(self._model, "model_kwargs", None) or {}
        known = mapping(said.response_metadata)
        # OpenAI's responses; its chat completions are stored by nobody who does not say so.
        stored = known.get("object") == "response"
        if stored and known.get("id") and (self._keywords.get("conversation") or model_keywords.get("conversation")):
            # To go on in that one would write the question into it.
            self._messages = []
            self._keywords["previous_response_id"] = known["id"]
        # Many refuse an answer in which nothing is said.
        elif said.content or is_openai(self._model):
            self._messages.append(said)
        self._keywords = kept(self._keywords)
        if stored:
            self._keywords["store"] = False
        # OpenAI knows it, and so do those who speak its API. Of the others some refuse it; and many refuse a history
        # with tools in it where none are given. Hence the tools stay, and the question says to call none.
        if is_openai(self._model):
            for tools, choice in (("tools", "tool_choice"), ("functions", "function_call")):
                if self._keywords.get(tools) or model_keywords.get(tools):
                    self._keywords[choice] = "none"

    def transcript(self) -> str:
        """See `FollowUp`: JSON, in the form of OpenAI's messages."""
        # The last is the answer.
        before = self._messages[:-1] if self._messages and self._messages[-1] is self._said else self._messages
        return transcript_of(before)

    def begin_anew(self) -> None:
        """Forget what was said: what is asked comes first."""
        self._messages = []
        self.role = "user"

    def send(self, question: str, *, seconds: float, tokens: int, own_loop: Callable[[], OwnLoop] | None) -> Reply:
        """Ask and wait; see `FollowUp`."""
        deadline = time.monotonic() + seconds
        model, keywords, messages = self._prepared(question, seconds, tokens)
        with times_out(), _apart() as context:
            if self._is_of_the_loop() and self._loop is not None:
                loop = self._loop
                result = context.run(run_on, loop, lambda: _acall(model, messages, keywords, deadline), seconds)
            else:
                try:
                    result = Errand(context, lambda: _call(model, messages, keywords, deadline)).wait(seconds)
                except NotImplementedError:
                    # A model that has no more than the asynchronous form.
                    if own_loop is None or not _has_async_form(model):
                        raise
                    loop_ = own_loop()
                    result = context.run(loop_.run, lambda: _acall(model, messages, keywords, deadline), seconds)
        return _reply(result)

    async def asend(self, question: str, *, seconds: float, tokens: int) -> Reply:
        """Ask from the loop of the call; see `FollowUp`."""
        deadline = time.monotonic() + seconds
        model, keywords, messages = self._prepared(question, seconds, tokens)
        pending: asyncio.Future[ChatResult]
        errand = None
        with times_out():
            with _apart() as context:
                if _has_async_form(model):
                    pending = context.run(asyncio.ensure_future, _acall(model, messages, keywords, deadline))
                else:
                    # Not on an executor of the loop's, at whose end asyncio would wait for one that hangs.
                    errand = Errand(context, lambda: _call(model, messages, keywords, deadline))
                    pending = asyncio.wrap_future(errand.outcome)
            try:
                result = await asyncio.wait_for(pending, seconds)
            finally:
                if errand is not None:
                    errand.leave()
        return _reply(result)

    def _is_of_the_loop(self) -> bool:
        """Is the model's HTTP client the application's own, or is there none but the asynchronous one?"""
        model = self._model
        if not is_openai(model):
            return False
        only_async = getattr(model, "root_client", None) is None and getattr(model, "root_async_client", None)
        own = getattr(model, "http_async_client", None) is not None and getattr(model, "http_client", None) is None
        return bool(only_async) or own

    def _prepared(self, question: str, seconds: float, tokens: int) -> tuple[BaseChatModel, Any, list[BaseMessage]]:
        asked = HumanMessage(question) if self.role == "user" else _system(question, self.role)
        model, keywords = model_for(self._model, self._keywords, seconds, tokens)
        return model, keywords, _normalized([*self._messages, asked])


def _call(model: BaseChatModel, messages: list[BaseMessage], keywords: Any, deadline: float) -> ChatResult:
    limiter = model.rate_limiter
    while limiter is not None and not limiter.acquire(blocking=False):
        _in_time(deadline)
        time.sleep(_BETWEEN_TRIES)
    return model._generate(messages, **keywords)  # noqa: SLF001 - what a model is made of


async def _acall(model: BaseChatModel, messages: list[BaseMessage], keywords: Any, deadline: float) -> ChatResult:
    limiter = model.rate_limiter
    while limiter is not None and not await limiter.aacquire(blocking=False):
        _in_time(deadline)
        await asyncio.sleep(_BETWEEN_TRIES)
    return await model._agenerate(messages, **keywords)  # noqa: SLF001 - as above


def _in_time(deadline: float) -> None:
    if time.monotonic() >= deadline:
        message = "no turn came from the model's rate limiter"
        raise TimeoutError(message)


def _has_async_form(model: BaseChatModel) -> bool:
    return type(model)._agenerate is not BaseChatModel._agenerate  # noqa: SLF001 - as above


@contextlib.contextmanager
def _apart() -> Iterator[Context]:
    """A context in which a model that calls others makes no run below the application's, and LangSmith is told none."""
    with tracing_context(enabled=False), set_config_context(_CONFIG) as context:
        yield context


def _late_role(model: BaseChatModel, messages: list[BaseMessage]) -> str:
    if not is_openai(model):
        return "user"
    client = getattr(model, "root_client", None) or getattr(model, "root_async_client", None)
    host = getattr(getattr(client, "base_url", None), "host", "")
    if not question.is_taken_late_at(host):
        return "user"
    roles = {message.additional_kwargs.get("__openai_role__") for message in messages}
    return "developer" if "developer" in roles else "system"


def _system(question: str, role: str) -> SystemMessage:
    if role == "developer":
        return SystemMessage(question, additional_kwargs={"__openai_role__": role})
    return SystemMessage(question)


def _said(generation: Generation) -> AIMessage:
    message = getattr(generation, "message", None)
    if isinstance(message, AIMessageChunk):
        message = message_chunk_to_message(message)
    return copied(message) if isinstance(message, AIMessage) else AIMessage(generation.text)


def _reply(result: ChatResult) -> Reply:
    if not result.generations:
        raise NoReply
    generation = result.generations[0]
    message = generation.message
    metadata = metadata_of(generation)
    refusal = mapping(message.additional_kwargs).get("refusal")
    text = str(message.text) or (refusal if isinstance(refusal, str) else "")
    if not text and not is_final(message):
        called = "it called a tool"
        raise NoReply(called)
    known: Any = known_of([generation], metadata, None)
    cached = mapping(usage_of(generation).get("input_token_details")).get("cache_read")
    response_id = metadata.get("id") or mapping(result.llm_output).get("id")
    return Reply(
        text=text,
        truncated=is_cut_off(Evidence(finish_reason=finish_reason_of(generation))),
        response_id=response_id if isinstance(response_id, str) else None,
        input_tokens=known.get(semconv.GEN_AI_INPUT_TOKENS, 0),
        cached_tokens=cached if isinstance(cached, int) else 0,
        output_tokens=known.get(semconv.GEN_AI_OUTPUT_TOKENS, 0),
    )

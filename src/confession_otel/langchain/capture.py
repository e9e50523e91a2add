"""Which model a run is of, and with what it was called: seen where LangChain calls a model, while somebody asks.

A callback is told neither. So, while a handler wants them, the four methods of `BaseChatModel` through which every
public one goes (`invoke`, `batch`, their async twins, chains and agents) put what they were called with into a context
variable; the start of the run, which comes inside, takes it from there. Each call has its own, hence those that run at
the same time never mix. A model that overrides one of the four without calling it is not seen, nor is one that is
called by `stream_events(version="v3")`, whose runs begin when somebody reads, nor `model.stream(...)` where the only
handler that asks is made in the arguments of that very call: Python has looked the method up by then.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import threading
import weakref
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import HumanMessage, convert_to_messages
from langchain_core.prompt_values import PromptValue

from confession_otel.guard import Site
from confession_otel.patching import Patch
from confession_otel.suppression import is_ours

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator, Iterator, Mapping

    from langchain_core.messages import BaseMessage

    from confession_otel.asking import Ask

_OF_THE_RUN: Final = frozenset(
    {"callbacks", "config", "input", "messages", "metadata", "run_id", "run_name", "stop", "tags"}
)
"""Arguments that the model's provider never sees, and those that are not passed on as keywords."""

_BEGIN: Final = Site("langchain.capture")
_LEAVE: Final = Site("langchain.capture.leave")
_ASK: Final = Site("langchain.ask")
_SWITCH: Final = Site("langchain.capture.switch")

_current: Final[ContextVar[Call | None]] = ContextVar("confession_otel_langchain_call", default=None)
_wanted_by: Final[weakref.WeakSet[Any]] = weakref.WeakSet()
_patches: Final[dict[str, Patch]] = {}
# Reentrant: a signal handler or a finaliser may make a handler while its own thread is in here.
_lock = threading.RLock()


class Given:
    """One prompt of a call: what a follow-up needs to know."""

    __slots__ = ("call", "keywords", "loop", "messages", "model")

    def __init__(self, call: Call, model: BaseChatModel, messages: list[BaseMessage]) -> None:
        self.call = call
        self.model = model
        self.messages = messages
        """As the caller gave them; the list is nobody else's."""
        self.keywords = call.keywords
        """Of the call: tools, and whatever else the provider is sent."""
        self.loop = _running_loop() if call.asynchronous else None
        """The event loop of an async call."""


class Call:
    """A model's call while it goes on, and what is to be done before it returns."""

    __slots__ = ("_left", "_model", "_prompts", "_taken", "asynchronous", "keywords", "over")

    def __init__(
        self, model: BaseChatModel, prompts: list[Any], keywords: Mapping[str, Any], *, asynchronous: bool
    ) -> None:
        self._model: BaseChatModel | None = model
        self._prompts = prompts
        self._taken: set[tuple[int, int]] = set()
        self._left: list[_Left] = []
        self.keywords = {name: value for name, value in keywords.items() if name not in _OF_THE_RUN}
        self.asynchronous = asynchronous
        self.over = False

    def take(self, handler: object, serialized: Mapping[str, Any] | None, traced: list[BaseMessage]) -> Given | None:
        """What the run that begins was given; `None` where the run is not of this call.

        Each handler takes each prompt once: a model that is called inside this one's call is another.

        Args:
            handler: that is told of the run.
            serialized: of the model.
            traced: messages, as handlers are told of them.
        """
        model = self._model
        if model is None or not _is_of(serialized, model):
            return None
        several = len(self._prompts) > 1
        for number, prompt in enumerate(self._prompts):
            key = (id(handler), number)
            if key in self._taken:
                continue
            messages = _messages(prompt)
            if len(messages) == len(traced) and (not several or all(map(_is_same, messages, traced))):
                self._taken.add(key)
                return Given(self, model, messages)
        return None

    def carry_out(self, asks: list[Ask], end: Callable[[], None] | None) -> None:
        """Ask before the call returns, then `end`.

        A sync call waits here, in the callback. An async one has its callbacks on the event loop, which nothing may
        hold up: it waits in the wrapper, when all else is over.
        """
        left = _Left(asks, end)
        if not self.asynchronous:
            left.now()
        elif self.over:
            # The callback outlived its call, which was cancelled.
            left.later()
        else:
            self._left.append(left)

    def leave(self) -> None:
        """Nothing begins here any more. Contexts that were copied meanwhile hold no conversation for ever."""
        self._model, self._prompts, self.keywords = None, [], {}

    async def finish(self) -> None:
        """Do what is to be done before the caller goes on."""
        with _ASK:
            try:
                while self._left:
                    await self._left.pop(0).anow()
            finally:
                self.end()

    def end(self) -> None:
        """The call returns: what is left is asked in the background."""
        self.over = True
        with _ASK:
            while self._left:
                self._left.pop(0).later()


class _Left:
    """What is to be asked about the answers of a run, and what comes after."""

    __slots__ = ("_asks", "_end")

    def __init__(self, asks: list[Ask], end: Callable[[], None] | None) -> None:
        self._asks = asks
        self._end = end

    def now(self) -> None:
        try:
            while self._asks:
                self._asks.pop(0).now()
        finally:
            self.later()

    async def anow(self) -> None:
        try:
            while self._asks:
                await self._asks.pop(0).anow()
        finally:
            self.later()

    def later(self) -> None:
        while self._asks:
            self._asks.pop(0).later()
        if self._end is not None:
            self._end()


def want(handler: object) -> None:
    """See what models are called with, as long as the handler lives.

    When the last has gone, the methods stay as they are and let all pass: the next request may bring the next handler.
    """
    with _SWITCH, _lock:
        _wanted_by.add(handler)
        for name, wrap in _WRAPPERS.items():
            patch = _patches.get(name)
            if patch is None or not patch.is_in(vars(BaseChatModel)[name]):
                # Anew each time: whoever came while we were away is below us now.
                patch = _patches[name] = Patch(BaseChatModel, name, wrap)
                patch.apply()


def unwant(handler: object) -> None:
    """This handler needs it no more; where none does, the methods are given back."""
    with _SWITCH, _lock:
        _wanted_by.discard(handler)
        if not _wanted_by:
            for patch in _patches.values():
                patch.remove()


def given(handler: object, serialized: Mapping[str, Any] | None, messages: list[list[BaseMessage]]) -> Given | None:
    """What the run that begins here was given, where that was seen; arguments as of `Call.take`."""
    call = _current.get()
    return None if call is None or not messages else call.take(handler, serialized, messages[0])


def _begin(
    arguments: tuple[Any, ...], keywords: Mapping[str, Any], name: str, *, asynchronous: bool = False
) -> Call | None:
    if not arguments or not _wanted_by or is_ours():
        return None
    with _BEGIN:
        model, *others = arguments
        passed = others[0] if others else keywords.get(name)
        # Of `generate` several prompts, of `stream` the one input.
        if name == "input":
            return Call(model, [passed], keywords, asynchronous=asynchronous)
        if isinstance(passed, (list, tuple)) and all(isinstance(one, (list, tuple)) for one in passed):
            return Call(model, [list(one) for one in passed], keywords, asynchronous=asynchronous)
    return None


@contextlib.contextmanager
def _held(call: Call) -> Iterator[None]:
    token = _current.set(call)
    try:
        yield
    finally:
        # A coroutine that is closed in another context than it began in: ours is gone with its own.
        with contextlib.suppress(ValueError):
            _current.reset(token)
        with _LEAVE:
            call.leave()


def _generate(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def generate(*arguments: Any, **keywords: Any) -> Any:
        call = _begin(arguments, keywords, "messages")
        if call is None:
            return original(*arguments, **keywords)
        with _held(call):
            return original(*arguments, **keywords)

    return generate


def _agenerate(original: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Any]:
    @functools.wraps(original)
    async def agenerate(*arguments: Any, **keywords: Any) -> Any:
        call = _begin(arguments, keywords, "messages", asynchronous=True)
        if call is None:
            return await original(*arguments, **keywords)
        try:
            with _held(call):
                result = await original(*arguments, **keywords)
            await call.finish()
        finally:
            call.end()
        return result

    return agenerate


def _stream(original: Callable[..., Generator[Any, Any, None]]) -> Callable[..., Any]:
    @functools.wraps(original)
    def stream(*arguments: Any, **keywords: Any) -> Any:
        inner = original(*arguments, **keywords)
        call = _begin(arguments, keywords, "input")
        if call is None:
            yield from inner
            return
        # The run begins with the first step.
        with _held(call):
            try:
                chunk = next(inner)
            except StopIteration:
                return
        while True:
            try:
                yield chunk
            except GeneratorExit:
                inner.close()
                raise
            except BaseException as error:  # noqa: BLE001 - it is for the one inside
                step = functools.partial(inner.throw, error)
            else:
                step = functools.partial(next, inner)
            try:
                chunk = step()
            except StopIteration:
                return

    return stream


def _astream(original: Callable[..., AsyncGenerator[Any, Any]]) -> Callable[..., Any]:
    @functools.wraps(original)
    async def astream(*arguments: Any, **keywords: Any) -> AsyncIterator[Any]:
        inner = original(*arguments, **keywords)
        call = _begin(arguments, keywords, "input", asynchronous=True)
        try:
            # The run begins with the first step.
            with contextlib.nullcontext() if call is None else _held(call):
                try:
                    chunk = await inner.__anext__()
                except StopAsyncIteration:
                    return
            while True:
                try:
                    yield chunk
                except GeneratorExit:
                    await inner.aclose()
                    raise
                except BaseException as error:  # noqa: BLE001 - it is for the one inside
                    step: Callable[[], Any] = functools.partial(inner.athrow, error)
                else:
                    step = inner.__anext__
                try:
                    chunk = await step()
                except StopAsyncIteration:
                    break
            if call is not None:
                await call.finish()
        finally:
            if call is not None:
                call.end()

    return astream


_WRAPPERS: Final[dict[str, Callable[[Callable[..., Any]], Callable[..., Any]]]] = {
    "generate": _generate,
    "agenerate": _agenerate,
    "stream": _stream,
    "astream": _astream,
}


def _messages(prompt: Any) -> list[BaseMessage]:
    """The messages that LangChain makes of what may be given to a model."""
    if isinstance(prompt, PromptValue):
        return list(prompt.to_messages())
    if isinstance(prompt, str):
        return [HumanMessage(prompt)]
    return list(convert_to_messages(prompt))


def _is_of(serialized: Mapping[str, Any] | None, model: BaseChatModel) -> bool:
    name = (serialized or {}).get("id") or [None]
    return name[-1] in (type(model).__name__, type(model).lc_id()[-1])


def _is_same(message: BaseMessage, traced: BaseMessage) -> bool:
    # Of one with pictures or files in it handlers get a shallow copy.
    return message is traced or message.additional_kwargs is traced.additional_kwargs


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _after_fork() -> None:
    # A lock held by another thread at the moment of the fork would stay locked in the child for ever.
    global _lock  # noqa: PLW0603 - replaced, never shared with the parent
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

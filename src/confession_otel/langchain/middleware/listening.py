"""Listening to a call of the agent's model: which span is its, and with what the provider is called.

The callback handler finds that out for the runs of chains; here it does so for one call, and records nothing.
"""

from __future__ import annotations

import contextlib
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, Any, Final, cast

from langchain_core.tracers.context import register_configure_hook
from opentelemetry import context as otel_context
from opentelemetry.trace import get_current_span

from confession_otel.guard import Site
from confession_otel.langchain.handler import ConfessionCallbackHandler
from confession_otel.suppression import own_request

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from confession_otel.answer import Answer
    from confession_otel.asking import Ask
    from confession_otel.observation import Observer

    from .means import Means

_LISTEN: Final = Site("langchain.middleware.listen")


class _Kept:
    """Stands where the callback handler expects an observer: what it brings is kept for the end of the run."""

    def __init__(self, means: Means) -> None:
        self.settings = means.observing
        self.recorder = means.recorder
        self.answers: Sequence[Answer] = ()

    def claim(self, response_id: str | None, hook: str) -> bool:
        return True

    def observe(self, answers: Sequence[Answer], *_: object, **__: object) -> list[Ask]:
        self.answers = answers
        return []


class Listener(ConfessionCallbackHandler):
    """Hears of one call; made before it begins."""

    def __init__(self, means: Means) -> None:
        super().__init__()
        self._kept = kept = _Kept(means)
        self._observer = lambda: cast("Observer", kept)
        self._outside = copy_context()
        """The context of the call, before it was marked as ours."""
        self.parameters: dict[str, Any] = {}
        """What the provider is called with."""

    @property
    def answer(self) -> Answer | None:
        """The newest that was heard of."""
        return self._kept.answers[0] if self._kept.answers else None

    @contextlib.contextmanager
    def hears(self) -> Iterator[None]:
        """The call goes on inside; no other hook of ours takes it for one to be confessed by itself."""
        host = otel_context.get_current()
        with own_request(get_current_span()):
            # The call is the host's: whatever of the host's goes with it stays.
            token = otel_context.attach(host)
            listening = _listening.set(self)
            try:
                yield
            finally:
                # A coroutine that is closed in another context than it began in: ours is gone with its own.
                with contextlib.suppress(ValueError):
                    _listening.reset(listening)
                    token.var.reset(token)

    @property
    def ignore_chain(self) -> bool:
        """Only the model is listened to."""
        return True

    @property
    def ignore_agent(self) -> bool:
        """Only the model is listened to."""
        return True

    def on_chat_model_start(self, *arguments: Any, **keywords: Any) -> None:
        """Note what the provider is called with."""
        with _LISTEN:
            self.parameters = keywords.get("invocation_params") or {}
            started = super().on_chat_model_start
            here = otel_context.get_current()

            def start() -> None:
                otel_context.attach(here)
                started(*arguments, **keywords)

            # Of what is ours the handler keeps its hands off.
            self._outside.copy().run(start)

    def _watch(self) -> None:
        """What the model is called with, the middleware knows by itself."""


_listening: Final[ContextVar[Any]] = ContextVar("confession_otel_listening", default=None)
register_configure_hook(_listening, inheritable=False)

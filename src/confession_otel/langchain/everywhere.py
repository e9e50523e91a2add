"""The hook of `instrument()`: one handler on every run in every thread, with no code."""

from __future__ import annotations

import functools
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from langchain_core.callbacks import BaseCallbackManager
from langchain_core.tracers.context import register_configure_hook

from confession_otel import observation
from confession_otel.guard import Site
from confession_otel.patching import Patch

from . import capture, peers
from .handler import ConfessionCallbackHandler

if TYPE_CHECKING:
    from collections.abc import Callable

    from confession_otel.observation import Observer

_FIRST: Final = Site("langchain.first")


# LangChain's list of configure hooks only ever grows, so one variable is registered once
# and its handler switched on and off. A default, unlike a value that is set, is seen in every thread and context.
class _Everywhere(ConfessionCallbackHandler):
    def switch_on(self, observer: Callable[[], Observer]) -> None:
        self._observer = observer
        self._off = False
        super()._watch()

    def switch_off(self) -> None:
        self._off = True
        capture.unwant(self)
        # Ends pass by from now on; but it may be only that other settings come, and then they are heard again.
        self._runs.leave()
        self._given.clear()

    def _watch(self) -> None:
        """Not before it is switched on."""


_everywhere: Final = _Everywhere()
_variable: Final[ContextVar[Any]] = ContextVar("confession_otel", default=_everywhere)
_registered: Final[list[bool]] = []


def _move_to_the_front(manager: BaseCallbackManager) -> None:
    for handlers in (manager.handlers, manager.inheritable_handlers):
        if handlers and handlers[0] is not _everywhere and _everywhere in handlers:
            handlers.insert(0, handlers.pop(handlers.index(_everywhere)))
    peers.notice(manager.handlers)


def _first(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def add_handler(self: BaseCallbackManager, handler: Any, *arguments: Any, **keywords: Any) -> None:
        original(self, handler, *arguments, **keywords)
        if handler is _everywhere:
            with _FIRST:
                _move_to_the_front(self)

    return add_handler


# The configure hook adds at the end, where the peers' spans have ended when our callback hears of an answer; before
# them, they are live and get the verdict's keys. Nothing but the order depends on this patch.
_in_front: Final = Patch(BaseCallbackManager, "add_handler", _first)


def install(observer: Callable[[], Observer] = observation.default) -> None:
    """Add the handler to every run that has none of its own."""
    _everywhere.switch_on(observer)
    if not _registered:
        _registered.append(True)
        register_configure_hook(_variable, inheritable=True, handle_class=ConfessionCallbackHandler)
    _in_front.apply()


def uninstall() -> None:
    """Let every run pass by."""
    _everywhere.switch_off()
    _in_front.remove()

"""The spans that other instrumentations of LangChain made for a run, found by its id.

None is imported: what is not loaded cannot have made a span. Where a peer has a public way to its spans, it is taken.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

from langchain_core.callbacks import BaseCallbackManager
from opentelemetry.trace import get_current_span

from confession_otel.guard import Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType
    from uuid import UUID

    from opentelemetry.trace import Span

_LOOK_UP: Final = Site("langchain.peers")

_LANGFUSE: Final = "langfuse.langchain.CallbackHandler"

_beside: Final[WeakSet[Any]] = WeakSet()
"""Langfuse's handlers, seen beside ours: an application makes them itself and gives them to its runs."""


def span_of(run_id: UUID) -> Span | None:
    """The span of a run, as long as its peer holds it: from its own start callback until its own end callback."""
    for module, look_up in _LOOK_UPS:
        loaded = sys.modules.get(module)
        if loaded is not None:
            with _LOOK_UP:
                span = look_up(loaded, run_id)
                if span is not None:
                    return span
    return None


def above(parent_run_id: UUID | None) -> Span | None:
    """The span under which a run would hang that has none of its own."""
    if parent_run_id is None:
        return None
    span = span_of(parent_run_id)
    if span is None and _GENAI in sys.modules:
        with _LOOK_UP:
            return _genai_above(sys.modules[_GENAI], parent_run_id)
    return span


def look_around() -> None:
    """Remember the peers among the handlers of the chain that we are in."""
    if _LANGFUSE in sys.modules:
        with _LOOK_UP:
            # To import it in the first line would be a circle where `langchain_core.callbacks` is imported first.
            config = sys.modules["langchain_core.runnables.config"].var_child_runnable_config.get()
            if config is not None:
                notice(getattr(config.get("callbacks"), "handlers", ()))


def notice(handlers: Iterable[Any]) -> None:
    """Remember the peers among the handlers of a run that have no other way to be found."""
    module = sys.modules.get(_LANGFUSE)
    if module is not None:
        with _LOOK_UP:
            for handler in handlers:
                if isinstance(handler, module.LangchainCallbackHandler):
                    _beside.add(handler)


def _openinference(module: ModuleType, run_id: UUID) -> Span | None:
    instrumentor = module.LangChainInstrumentor()
    # Asked while it is off, it prints.
    found: Span | None = instrumentor.get_span(run_id) if instrumentor.is_instrumented_by_opentelemetry else None
    return found


def _openllmetry(_: ModuleType, run_id: UUID) -> Span | None:
    # The instrumentor keeps no reference to its handler; its patch of the callback manager does.
    patched: Any = BaseCallbackManager.__dict__["__init__"]
    while patched is not None:
        handler = getattr(getattr(patched, "_self_wrapper", None), "_callback_handler", None)
        holder = getattr(handler, "spans", {}).get(run_id)
        if holder is not None:
            span: Span = holder.span
            return span
        patched = getattr(patched, "__wrapped__", None)
    return None


def _genai(module: ModuleType, run_id: UUID) -> Span | None:
    handler = module.LangChainInstrumentor()._callback_handler  # noqa: SLF001 - no public door
    if handler is None:
        return None
    invocation = handler._invocation_manager.get_invocation(run_id)  # noqa: SLF001 - as above
    span: Span | None = None if invocation is None else invocation.span
    return span


def _genai_above(module: ModuleType, run_id: UUID) -> Span | None:
    handler = module.LangChainInstrumentor()._callback_handler  # noqa: SLF001 - as above
    # Most chains have no span of their own there; it walks up by itself.
    context = None if handler is None else handler._invocation_manager.get_parent_context(run_id)  # noqa: SLF001
    return None if context is None else get_current_span(context)


def _langfuse(_: ModuleType, run_id: UUID) -> Span | None:
    for handler in list(_beside):
        observation = handler._runs.get(run_id)  # noqa: SLF001 - no public door
        if observation is not None:
            span: Span = observation._otel_span  # noqa: SLF001 - as above
            return span
    return None


_GENAI: Final = "opentelemetry.instrumentation.genai.langchain"
_LOOK_UPS: Final[tuple[tuple[str, Callable[[ModuleType, UUID], Span | None]], ...]] = (
    ("openinference.instrumentation.langchain", _openinference),
    (_GENAI, _genai),
    ("opentelemetry.instrumentation.langchain", _openllmetry),
    (_LANGFUSE, _langfuse),
)
"""A peer's module -> how it is asked; the first that has a span gives it."""

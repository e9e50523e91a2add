"""What is left alone: calls where telemetry is switched off, and what is our own, requests and spans."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from opentelemetry import context
from opentelemetry.context import Context
from opentelemetry.trace import set_span_in_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.trace import Span

try:
    # Private, and the only name there is for what `opentelemetry.instrumentation.utils.suppress_instrumentation` sets.
    from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY as _KEY
except ImportError:  # pragma: no cover - should the API ever rename it
    _KEY = "suppress_instrumentation"

# Not in OpenTelemetry's context, which an instrumentation may begin anew below us.
ours: Final[ContextVar[bool]] = ContextVar("confession_otel_ours", default=False)
"""Set where what goes on is our own: a confession is being asked for, or the span of one begins."""


def is_suppressed(here: Context | None = None) -> bool:
    """Whether a context, by default the current one, suppresses instrumentation."""
    return bool((context.get_current() if here is None else here).get(_KEY))


@contextmanager
def lifted(span: Span) -> Iterator[Context]:
    """What is said inside is said of this span, also where instrumentation is suppressed.

    Logfire suppresses others below its span of a call, and its own processors take nothing there either, by the current
    context: then that is, inside, the span and no more.

    Yields:
        The context to say it in: the current one, with this span.
    """
    here = context.get_current()
    if not is_suppressed(here):
        yield set_span_in_context(span, here)
        return
    of_span = set_span_in_context(span, Context())
    token = context.attach(of_span)
    try:
        yield of_span
    finally:
        context.detach(token)


is_ours: Final[Callable[[], bool]] = ours.get
"""Whether what goes on here is our own: it is never itself observed or confessed."""


@contextmanager
def suppressed() -> Iterator[None]:
    """A request of our own goes out inside that no instrumentation is to make a span of."""
    token = context.attach(context.set_value(_KEY, value=True))
    try:
        yield
    finally:
        context.detach(token)


@contextmanager
def own_request(span: Span) -> Iterator[None]:
    """A request of our own goes out inside.

    Other instrumentations see it, below this span and nothing else: the context holds no more than the span, so that
    no state of theirs from the host's call is taken for this one's.
    """
    mark = ours.set(True)
    token = context.attach(set_span_in_context(span, Context()))
    try:
        yield
    finally:
        # A coroutine that is closed in another context than it began in: ours is gone with its own. `detach` would
        # write an error to the log.
        with suppress(ValueError):
            token.var.reset(token)
            ours.reset(mark)

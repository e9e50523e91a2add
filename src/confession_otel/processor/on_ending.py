"""Can a span processor write onto a span that ends? The specification says so; the SDK is asked, once."""

from __future__ import annotations

import functools

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

_KEY = "written"


class _Writer(SpanProcessor):
    """Writes where the specification lets a processor write."""

    def _on_ending(self, span: Span) -> None:
        if span.is_recording():
            span.set_attribute(_KEY, value=True)


@functools.lru_cache(maxsize=1)
def can_write() -> bool:
    """Whether what a processor writes in `_on_ending` is on the span (up to SDK 1.45 it is not)."""
    provider = TracerProvider(sampler=ALWAYS_ON, resource=Resource.get_empty(), shutdown_on_exit=False)
    provider.add_span_processor(_Writer())
    span = provider.get_tracer(__name__).start_span("ending")
    span.end()
    return bool(getattr(span, "attributes", {}).get(_KEY))

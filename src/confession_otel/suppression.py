"""Is telemetry switched off in the current context? For calls that must be left alone, such as an evaluator's own."""

from __future__ import annotations

from opentelemetry import context

try:
    # Private, and the only name there is for what `opentelemetry.instrumentation.utils.suppress_instrumentation` sets.
    from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY as _KEY
except ImportError:  # pragma: no cover - should the API ever rename it
    _KEY = "suppress_instrumentation"


def is_suppressed() -> bool:
    """Whether the current context suppresses instrumentation."""
    return bool(context.get_value(_KEY))

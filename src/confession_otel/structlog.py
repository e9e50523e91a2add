"""A structlog processor that puts trace ids and the trace's last verdict on every log line.

import structlog
from confession_otel.structlog import add_confession

structlog.configure(processors=[add_confession, structlog.processors.JSONRenderer()])
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from opentelemetry.trace import format_span_id, format_trace_id, get_current_span

from . import semconv
from .guard import Site
from .recorder import latest

if TYPE_CHECKING:
    from collections.abc import MutableMapping

_ADD: Final = Site("structlog.add_confession")


def add_confession(_logger: Any, _method: str, event_dict: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add `trace_id`, `span_id`, and `confession.verdict` and `confession.flagged` of the trace's last confession.

    Put it anywhere before the renderer. What the line already has is left as it is; outside a trace nothing is added;
    no failure of ours breaks a log call.

    Args:
        _logger: the wrapped logger (not used).
        _method: name of the log method (not used).
        event_dict: the line so far; added to in place.

    Returns:
        The same `event_dict`.
    """
    with _ADD:
        ids = get_current_span().get_span_context()
        if ids.is_valid:
            event_dict.setdefault("trace_id", format_trace_id(ids.trace_id))
            event_dict.setdefault("span_id", format_span_id(ids.span_id))
            last = latest.get(ids.trace_id)
            if last is not None:
                event_dict.setdefault(semconv.VERDICT, last[0])
                event_dict.setdefault(semconv.FLAGGED, last[1])
    return event_dict

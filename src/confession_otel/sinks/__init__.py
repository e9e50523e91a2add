"""Scores where OTLP carries none: Phoenix's annotations and Langfuse's scores, beside the spans, which go as they are.

    confession_otel.instrument(sinks=["phoenix"])               # by Phoenix's own variables
    confession_otel.instrument(sinks=[PhoenixSink("http://127.0.0.1:6006"), MySink()])

Nothing is started or sent unless the setting `sinks` names one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from confession_otel.guard import say_once

from .delivery import Delivery
from .langfuse import LangfuseSink
from .phoenix import PhoenixSink
from .sink import Sink

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Delivery", "LangfuseSink", "PhoenixSink", "Sink", "configured", "opened"]

_READY: Final[dict[str, Callable[[], Sink]]] = {"langfuse": LangfuseSink, "phoenix": PhoenixSink}


def opened(named: Sequence[str | Sink]) -> Delivery | None:
    """What takes records to these sinks; `None` where there is none that can be used.

    Args:
        named: sinks, or names of ready ones, which their own environment variables configure; one that these leave
            unconfigured is said in the log and left out.
    """
    found, unusable = configured(named)
    for name, why in unusable.items():
        say_once(f"sinks.{name}", "sinks=%s is not used: %s", name, why)
    return Delivery(found) if found else None


def configured(named: Sequence[str | Sink]) -> tuple[list[Sink], dict[str, str]]:
    """The sinks that can be used, and by the names of the others why they cannot; nothing is started."""
    found: list[Sink] = []
    unusable: dict[str, str] = {}
    for one in named:
        if not isinstance(one, str):
            found.append(one)
            continue
        try:
            found.append(_READY[one]())
        except ValueError as error:
            unusable[one] = str(error)
    return found, unusable

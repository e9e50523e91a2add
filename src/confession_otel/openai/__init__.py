"""The OpenAI SDK: every chat completion and response is looked at for a confession; none is changed.

    from confession_otel.openai import ConfessionOpenAIInstrumentor

    ConfessionOpenAIInstrumentor().instrument()

`confession_otel.instrument()` and `opentelemetry-instrument` do the same. The SDK is patched at its one door, the
`request` method of its two base clients, so clients made before and after both pass through it. Patch before other
instrumentations where you can: the innermost sees their span still live, and writes the verdict there.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from confession_otel import observation
from confession_otel.extras import needing
from confession_otel.patching import when_imported

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from confession_otel.observation import Observer

    from .instrumentor import ConfessionOpenAIInstrumentor

_in_force: Final[list[Callable[[], Observer]]] = []


def __getattr__(name: str) -> Any:
    # Needs `opentelemetry-instrumentation`, which who calls `confession_otel.instrument()` may not have.
    if name == "ConfessionOpenAIInstrumentor":
        with needing("openai", "opentelemetry.instrumentation"):
            from .instrumentor import ConfessionOpenAIInstrumentor  # noqa: PLC0415 - as said

        return ConfessionOpenAIInstrumentor
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def install(observer: Callable[[], Observer] = observation.default) -> None:
    """Patch the SDK for this observer, at once or as soon as it is imported; with `enabled=False` it is left alone."""
    if not observer().settings.enabled:
        return
    _in_force[:] = [observer]
    when_imported("openai", _open)


def uninstall() -> None:
    """Give the SDK back as it was."""
    _in_force.clear()
    if (instrumentor := sys.modules.get(f"{__name__}.instrumentor")) is not None:
        instrumentor.ConfessionOpenAIInstrumentor().forget()
    if (door := sys.modules.get(f"{__name__}.door")) is not None:
        door.close()


def _open(_: ModuleType) -> None:
    # The import it waited for may come after `uninstall()`.
    if _in_force:
        # Imports the SDK's types, hence not before the host has imported the SDK.
        from .door import open_for  # noqa: PLC0415

        open_for(_in_force[0])


__all__ = ["ConfessionOpenAIInstrumentor", "install", "uninstall"]

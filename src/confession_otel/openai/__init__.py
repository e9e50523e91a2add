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

from opentelemetry.instrumentation.instrumentor import (  # type: ignore[attr-defined] # defined, under a decorator
    BaseInstrumentor,
)

from confession_otel import observation
from confession_otel.patching import when_imported

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from types import ModuleType

    from confession_otel.observation import Observer

_WATCHED: Final = frozenset({"openai", "azure.ai.openai"})
_in_force: Final[list[Callable[[], Observer]]] = []


class ConfessionOpenAIInstrumentor(BaseInstrumentor):  # type: ignore[misc] # as above
    """Observes the OpenAI SDK: `OpenAI`, `AsyncOpenAI` and what derives from them."""

    def instrumentation_dependencies(self) -> Collection[str]:
        """What must be installed for this to be of use."""
        return ("openai >= 2",)

    def _instrument(self, **keywords: Any) -> None:
        """Patch the SDK, at once or as soon as it is imported.

        Args:
            **keywords: `tracer_provider`, `meter_provider`, `logger_provider`, and any setting by name. With none of
                them, those of `confession_otel.instrument()` are in force.

        Raises:
            TypeError: a keyword is no setting.
            ValueError: a setting has a value that is not allowed.
        """
        install(observation.own(**keywords) or observation.default)

    def _uninstrument(self, **_: Any) -> None:
        """Give the SDK back as it was."""
        uninstall()


def install(observer: Callable[[], Observer] = observation.default) -> None:
    """Patch the SDK for this observer, at once or as soon as it is imported; with `enabled=False` it is left alone."""
    if not observer().settings.enabled:
        return
    _in_force[:] = [observer]
    observation.watched_providers.update(_WATCHED)
    when_imported("openai", _open)


def uninstall() -> None:
    """Give the SDK back as it was."""
    _in_force.clear()
    observation.watched_providers.difference_update(_WATCHED)
    if (door := sys.modules.get(f"{__name__}.door")) is not None:
        door.close()


def _open(_: ModuleType) -> None:
    # The import it waited for may come after `uninstall()`.
    if _in_force:
        # Imports the SDK's types, hence not before the host has imported the SDK.
        from .door import open_for  # noqa: PLC0415

        open_for(_in_force[0])


__all__ = ["ConfessionOpenAIInstrumentor", "install", "uninstall"]

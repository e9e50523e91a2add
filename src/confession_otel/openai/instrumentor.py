"""The hook in the form of an OpenTelemetry instrumentor: what `opentelemetry-instrument` loads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.instrumentation.instrumentor import (  # type: ignore[attr-defined] # defined, under a decorator
    BaseInstrumentor,
)

from confession_otel import observation

from . import install, uninstall

if TYPE_CHECKING:
    from collections.abc import Collection


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

    def forget(self) -> None:
        """Let itself be switched on again, after others have switched the hook off."""
        self._is_instrumented_by_opentelemetry = False

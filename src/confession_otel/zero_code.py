"""The start without code: what `opentelemetry-instrument` calls before it loads any instrumentation.

Being first makes our patches the innermost ones, so that other instrumentations' spans are still live when the answer
comes. Nothing is imported early: the SDKs are patched when the application imports them.
"""

from __future__ import annotations

import os
from typing import Final

from .guard import Site

_DISABLED: Final = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
_NAME: Final = "confession"
_START: Final = Site("zero_code")


def pre_instrument() -> None:
    """Entry point `opentelemetry_pre_instrument`. An exception here would stop every other instrumentation."""
    with _START:
        disabled = {name.strip() for name in os.environ.get(_DISABLED, "").split(",")}
        if disabled & {"*", _NAME}:
            return
        from .api import instrument  # noqa: PLC0415 - an import that fails must end in the guard as well

        instrument()

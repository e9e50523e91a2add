"""The start without code: what `opentelemetry-instrument` calls before it loads any instrumentation.

Being first makes our patches the innermost ones, so that other instrumentations' spans are still live when the answer
comes. Nothing is imported early: the SDKs are patched when the application imports them.
"""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from .guard import Site, logger

if TYPE_CHECKING:
    from collections.abc import Iterator

_DISABLED: Final = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
_NAME: Final = "confession"
"""Of our entry points. `openai` and `langchain` are the names of others' and leave us on."""
_FLAGS: Final = Site("zero_code.flags")
_START: Final = Site("zero_code")


def pre_instrument() -> None:
    """Entry point `opentelemetry_pre_instrument`. An exception here would stop every other instrumentation."""
    with _spoken():
        with _FLAGS:
            _pass_flags_on()
        with _START:
            disabled = {name.strip() for name in os.environ.get(_DISABLED, "").split(",")}
            if disabled & {"*", _NAME}:
                return
            from .api import instrument  # noqa: PLC0415 - an import that fails must end in the guard as well

            instrument()


def _pass_flags_on() -> None:
    from . import environment_variables  # noqa: PLC0415 - as below

    for flag, variable in vars(environment_variables).items():
        if flag.startswith("OTEL_") and flag in os.environ:
            # Taken out, so that a program started by this one may have its own settings.
            os.environ[variable] = os.environ.pop(flag)


@contextmanager
def _spoken() -> Iterator[None]:
    """Warnings go to standard error: no program has set up logging this early, and a bad setting is said only now."""
    handler = None if logging.getLogger().handlers else logging.lastResort
    if handler is not None:
        logger.addHandler(handler)
    try:
        yield
    finally:
        if handler is not None:
            logger.removeHandler(handler)

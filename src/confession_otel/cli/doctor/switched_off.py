"""The variable that switches the SDK off for every signal, however its providers are set up."""

from __future__ import annotations

import os
from typing import Final

VARIABLE: Final = "OTEL_SDK_DISABLED"
DO: Final = f"take {VARIABLE} out"


def is_switched_off() -> bool:
    """Does the environment switch the SDK off? Read as the SDK reads it."""
    return os.environ.get(VARIABLE, "").strip().lower() == "true"

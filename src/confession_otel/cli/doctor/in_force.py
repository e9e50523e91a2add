"""The settings as the environment has them: what differs from the defaults, and what was set and is not used."""

from __future__ import annotations

import os
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from confession_otel import environment_variables, guard
from confession_otel.corroboration import RULES, unknown
from confession_otel.semconv import SCOPE
from confession_otel.settings import GENAI_CAPTURE, PREFIX, Capture, Settings
from confession_otel.sinks import configured

from .finding import ok, problem, warning
from .hearing import hearing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .finding import Finding

AREA: Final = "settings"
_SAID_ONCE: Final = " (said once)"


def environment() -> dict[str, str]:
    """The process's environment, flags of `opentelemetry-instrument` put where `zero_code` puts them."""
    found = dict(os.environ)
    for flag, variable in vars(environment_variables).items():
        if flag.startswith("OTEL_") and flag in found:
            found[variable] = found.pop(flag)
    return found


def read(environ: Mapping[str, str]) -> tuple[Settings, list[str]]:
    """Settings, and what is wrong with the variables, each with the values that are allowed.

    `opentelemetry-instrument` has had the settings of this process read before the doctor listens.
    """
    with guard.saying_again(), hearing(SCOPE) as messages:
        settings = Settings.read(environ)
    return settings, [message.removesuffix(_SAID_ONCE) for message in messages]


def findings(settings: Settings, wrong: list[str], environ: Mapping[str, str]) -> Iterator[Finding]:
    """What is in force, and what is not."""
    for message in wrong:
        do = "put the variable right, or take it out"
        if " is no setting " in message:
            yield warning(AREA, message, do)
        else:
            yield problem(AREA, message, do)
    different = {
        setting.name: getattr(settings, setting.name)
        for setting in fields(settings)
        if getattr(settings, setting.name) != setting.default
    }
    shown = ", ".join(f"{name}={_shown(name, value, environ)}" for name, value in different.items())
    yield ok(AREA, f"by the environment: {shown}" if shown else "by the environment: all as by default")
    yield ok(AREA, "keywords of instrument() and of hooks in the program come before these, and are not seen from here")
    if not settings.enabled:
        yield problem(AREA, f"{PREFIX}ENABLED is false: nothing is observed or recorded", "take it out")
    for name in unknown(settings.rules):
        yield warning(
            AREA,
            f"{PREFIX}RULES names {name}, and none of the rules that are here is called so: {', '.join(RULES)}",
            "put the name right, unless it is of a rule that your program adds",
        )
    for name, why in configured(settings.sinks)[1].items():
        yield problem(
            AREA, f"{PREFIX}SINKS: nothing will be sent to {name}: {why}", "set what it needs, or take it out"
        )
    if settings.capture is Capture.VERDICT and GENAI_CAPTURE in environ and f"{PREFIX}CAPTURE" not in environ:
        yield ok(
            AREA,
            f"capture is verdict because {GENAI_CAPTURE}={environ[GENAI_CAPTURE]} says that no content is to leave; "
            f"{PREFIX}CAPTURE says otherwise, if it is set",
        )


def _shown(name: str, value: Any, environ: Mapping[str, str]) -> str:
    if isinstance(value, (frozenset, tuple)):
        return "; ".join(sorted(value)) if name == "policies" else ",".join(sorted(value))
    if callable(value):
        return environ.get(PREFIX + name.upper(), "set")
    return str(value).lower() if isinstance(value, bool) else str(value)

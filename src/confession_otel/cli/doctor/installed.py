"""What is installed that makes, brings or shows confessions, and in which order it is switched on."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final

from confession_otel._version import __version__

from .finding import ok, problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .finding import Finding

AREA: Final = "installed"
ORDER: Final = "order"
_PARTS: Final = (
    ("opentelemetry-sdk", "SDK"),
    ("opentelemetry-distro", "distro"),
    ("opentelemetry-instrumentation", "opentelemetry-instrument"),
    ("opentelemetry-exporter-otlp-proto-http", "OTLP over HTTP"),
    ("opentelemetry-exporter-otlp-proto-grpc", "OTLP over gRPC"),
)
_HOOKS: Final = (("openai", "OpenAI SDK"), ("langchain-core", "LangChain"))
_IN_CODE: Final = ("langfuse", "logfire", "openlit", "traceloop-sdk")
"""They have no entry point: code switches them on."""
_OURS: Final = "confession-otel"
_NAME: Final = "confession"
_MOST: Final = 12
"""Names shown of a long list."""


def version(distribution: str) -> str | None:
    """Version of an installed distribution."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def is_openllmetry(distribution: str) -> bool:
    """Is this one of OpenLLMetry's? They share the prefix of OpenTelemetry's own, and need a package of their own."""
    if distribution == "traceloop-sdk":
        return True
    try:
        needed = metadata.requires(distribution) or ()
    except metadata.PackageNotFoundError:
        return False
    return any(requirement.startswith("opentelemetry-semantic-conventions-ai") for requirement in needed)


def instrumentors() -> list[tuple[str, str]]:
    """Name of the entry point and distribution of every instrumentation but ours, in the order of switching on."""
    found = []
    for entry in metadata.entry_points(group="opentelemetry_instrumentor"):
        dist = getattr(entry, "dist", None)
        if dist is not None and dist.name != _OURS:
            found.append((entry.name, dist.name))
    return found


def findings() -> Iterator[Finding]:
    """Versions, and what of ours there is something for."""
    yield ok(AREA, f"{_OURS} {__version__}, Python {platform.python_version()}, API {version('opentelemetry-api')}")
    parts = [(label, version(name)) for name, label in _PARTS]
    there = ", ".join(f"{label} {found}" for label, found in parts if found)
    if version("opentelemetry-sdk") is None:
        do = 'pip install "confession-otel[otlp]"'
        yield problem(AREA, "there is no OpenTelemetry SDK: confessions are read, and their spans go nowhere", do)
    else:
        yield ok(AREA, f"of OpenTelemetry: {there}")
    hooks = [f"{label} {found}" for name, label in _HOOKS if (found := version(name))]
    if hooks:
        yield ok(AREA, f"hooks of ours have something to watch: {', '.join(hooks)}")
    others = [f"{dist} {version(dist)}" for _, dist in instrumentors()]
    others += [f"{dist} {found}" for dist in _IN_CODE if (found := version(dist))]
    yield ok(AREA, f"other instrumentations: {', '.join(dict.fromkeys(others)) or 'none'}")


def order(found: dict[str, Any] | None) -> Iterator[Finding]:
    """Who comes before whom under opentelemetry-instrument, and who in code."""
    disabled = {name.strip() for name in os.environ.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "").split(",")}
    if disabled & {"*", _NAME}:
        variable = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
        yield problem(ORDER, f"{variable} has {', '.join(sorted(disabled & {'*', _NAME}))}: we are off", "take it out")
    before = [entry.name for entry in metadata.entry_points(group="opentelemetry_pre_instrument")]
    ours = before.index(_NAME) if _NAME in before else None
    if ours is None:
        do = "install the package itself, not its sources on the path: pip install confession-otel"
        yield problem(ORDER, "our entry point is not found: opentelemetry-instrument does not start us", do)
        return
    names = [dist for name, dist in instrumentors() if name not in disabled]
    then = ", ".join(names[:_MOST]) + (f" and {len(names) - _MOST} more" if len(names) > _MOST else "")
    first = f"{', '.join(before[:ours])}, then us" if ours else "us first"
    yield ok(
        ORDER,
        f"opentelemetry-instrument starts {first}, before every instrumentation"
        + (f": {then}" if names and "*" not in disabled else "; there is no other"),
    )
    if found is not None and not disabled & {"*", _NAME}:
        if found["hooks"]:
            yield ok(ORDER, f"hooks that are on, or wait for their package to be imported: {', '.join(found['hooks'])}")
        else:
            do = "see the settings below: CONFESSION_OTEL_ENABLED, or an error at the start"
            yield problem(ORDER, "none of our hooks is on in a program that is started so", do)
    wrapping = [name for name in ("openinference-instrumentation-openai", "logfire") if version(name)]
    if wrapping:
        yield ok(
            ORDER,
            f"in code, call confession_otel.instrument() before {' and '.join(wrapping)}: behind it, their spans of "
            "OpenAI's SDK are out of our sight",
        )

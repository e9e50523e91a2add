"""What the OTLP endpoints answer: the real exporters send each an empty export, by the variables of the environment.

An empty export holds no telemetry. With it go the headers that are configured, to where they are for.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import re
import socket
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .finding import ok, plain_url, problem, warning
from .hearing import hearing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .finding import Finding

AREA: Final = "endpoint"
_SECONDS: Final = 5
_LONGEST: Final = 240
"""Characters shown of what an exporter logs."""
_EXPORTERS: Final = "opentelemetry.exporter.otlp.proto"
_CLASSES: Final = {
    "traces": ("trace_exporter", "OTLPSpanExporter"),
    "metrics": ("metric_exporter", "OTLPMetricExporter"),
    "logs": ("_log_exporter", "OTLPLogExporter"),
}
ADVICE: Final = (
    'pip install "confession-otel[otlp]", set OTEL_EXPORTER_OTLP_ENDPOINT, and see that OTEL_TRACES_EXPORTER is otlp'
)
_PORTS: Final = {"grpc": 4317, "http": 4318}
_CREDENTIALS: Final = re.compile(r"\b40[13]\b|UNAUTHENTICATED|PERMISSION_DENIED")
_NOT_TAKEN: Final = re.compile(r"\b(404|405|415|501)\b|UNIMPLEMENTED")


@dataclass(frozen=True, slots=True)
class Target:
    """Where one signal goes."""

    signal: str
    protocol: str
    """`grpc` or `http`."""
    url: str

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = urllib.parse.urlsplit(self.url)
        return parts.hostname or "localhost", parts.port or {"https": 443, "http": 80}.get(parts.scheme, 4317)

    def exporter(self) -> Any:
        """The exporter as the SDK would make it, but for how long it waits.

        Raises:
            ImportError: its package is not installed.
        """
        module, name = _CLASSES[self.signal]
        return getattr(importlib.import_module(f"{_EXPORTERS}.{self.protocol}.{module}"), name)(timeout=_SECONDS)


def targets(found: dict[str, Any] | None) -> list[Target]:
    """Where OTLP goes: by the exporters that a program was found with, else by the variables alone."""
    there = []
    for signal in _CLASSES:
        if found is None:
            protocol = "grpc" if value(signal, "PROTOCOL") == "grpc" else "http"
            protocols = [protocol] if value(signal, "ENDPOINT") and _is_installed(protocol) else []
        else:
            modules = [exporter["module"] for exporter in found[signal]["exporters"]]
            protocols = [
                module.removeprefix(f"{_EXPORTERS}.").partition(".")[0]
                for module in modules
                if module.startswith(_EXPORTERS)
            ]
        there += [Target(signal, protocol, _url(signal, protocol)) for protocol in dict.fromkeys(protocols)]
    return there


def findings(found: Sequence[Target]) -> Iterator[Finding]:
    """What each answers."""
    if not found:
        yield warning(
            AREA,
            "no OTLP exporter is configured, so there is no endpoint to ask",
            ADVICE,
        )
    for target in found:
        yield _ask(target)


def _ask(target: Target) -> Finding:
    where = f"{target.signal} to {plain_url(target.url)} ({'gRPC' if target.protocol == 'grpc' else 'HTTP'})"
    say: Callable[[str, str, str], Finding] = problem if target.signal == "traces" else warning
    if (refused := unreachable(target)) is not None:
        do = f"is it up, and is this its address? {_hint(target)}".strip()
        return say(AREA, f"{where}: nobody answers ({refused})", do)
    try:
        taken, said = export(target, [])
    except Exception as error:  # noqa: BLE001 - whatever stops the exporter stops the program's too
        return say(AREA, f"{where}: the exporter does not start: {type(error).__name__}: {error}", "see the message")
    if taken:
        return ok(AREA, f"{where}: takes OTLP")
    if _CREDENTIALS.search(said):
        do = "put the key into OTEL_EXPORTER_OTLP_HEADERS (values percent-encoded), for this backend and region"
        return say(AREA, f"{where}: refuses our credentials ({said})", do)
    if _NOT_TAKEN.search(said):
        do = "is this its OTLP address, path included?"
        if target.signal != "traces":
            do = f"where it takes traces only: OTEL_{target.signal.upper()}_EXPORTER=none, or another endpoint for them"
        return say(AREA, f"{where}: does not take {target.signal} ({said})", f"{do} {_hint(target)}".strip())
    return say(AREA, f"{where}: did not take an empty export ({said})", f"see its log. {_hint(target)}".strip())


def unreachable(target: Target) -> str | None:
    """Why no connection can be made; `None` where one can, or where a proxy stands between."""
    host, port = target.address
    scheme = "https" if target.url.startswith("https") else "http"
    if scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(host):
        return None
    try:
        socket.create_connection((host, port), timeout=_SECONDS).close()
    except OSError as error:
        return error.strerror or type(error).__name__
    return None


def export(target: Target, batch: list[Any]) -> tuple[bool, str]:
    """Export to it; whether it was taken, and what the exporter says of it.

    Args:
        target: where to.
        batch: spans or log records; of metrics, nothing.
    """
    exporter = target.exporter()
    with hearing("opentelemetry.exporter") as said, contextlib.ExitStack() as stack:
        stack.callback(exporter.shutdown)
        if target.signal == "metrics":
            from opentelemetry.sdk.metrics.export import MetricsData  # noqa: PLC0415 - the SDK may not be there

            result = exporter.export(MetricsData(resource_metrics=[]))
        else:
            result = exporter.export(batch)
    return result.name == "SUCCESS", said[-1][:_LONGEST] if said else "it says nothing"


def _hint(target: Target) -> str:
    """Where port and protocol are those of two different doors."""
    other = "http" if target.protocol == "grpc" else "grpc"
    if target.address[1] == _PORTS[other]:
        right = "http/protobuf" if other == "http" else "grpc"
        return (
            f"Port {_PORTS[other]} is mostly that of {'HTTP' if other == 'http' else 'gRPC'}: "
            f"OTEL_EXPORTER_OTLP_PROTOCOL={right}, or port {_PORTS[target.protocol]}."
        )
    return ""


def value(signal: str, what: str) -> str | None:
    """Of the exporter's variable, as the specification has it: the signal's own comes before the general one."""
    own = os.environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_{what}")
    return own or os.environ.get(f"OTEL_EXPORTER_OTLP_{what}") or None


def _is_installed(protocol: str) -> bool:
    with contextlib.suppress(ImportError):
        return importlib.util.find_spec(f"{_EXPORTERS}.{protocol}") is not None
    return False


def _url(signal: str, protocol: str) -> str:
    url = value(signal, "ENDPOINT") or f"http://localhost:{_PORTS[protocol]}"
    if protocol == "http" and not os.environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT"):
        url = f"{url.rstrip('/')}/v1/{signal}"
    return url if "://" in url else f"http://{url}"

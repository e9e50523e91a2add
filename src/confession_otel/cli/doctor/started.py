"""What a program finds that `opentelemetry-instrument` starts here: one is started, asked, and ended."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final

from .finding import ok, problem, warning
from .probe import MARK
from .switched_off import VARIABLE, is_switched_off

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .finding import Finding

AREA: Final = "providers"
_SECONDS: Final = 60
_RAISED: Final = re.compile(r"[\w.]+(Error|Exception)\b")
"""The last line of a traceback."""
_RUN: Final = "from opentelemetry.instrumentation.auto_instrumentation import run; run()"
_CARRIES: Final = {
    "traces": "confession spans, and the verdict on answer spans",
    "metrics": "the counters of verdicts and coverage",
    "logs": "the event of each confession",
}


def look() -> tuple[dict[str, Any] | None, str | None]:
    """What the program found; or `None` and why nothing is known."""
    if importlib.util.find_spec("opentelemetry.instrumentation") is None:
        return None, "opentelemetry-instrument is not installed"
    # It is to send nothing: the one thing that sends by itself is the export of metrics.
    environ = {**os.environ, "OTEL_METRIC_EXPORT_INTERVAL": "3600000"}
    command = [sys.executable, "-c", _RUN, sys.executable, "-m", f"{__package__}.probe"]
    try:
        done = subprocess.run(  # noqa: S603 - our own
            command, env=environ, capture_output=True, timeout=_SECONDS, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, f"a program started by opentelemetry-instrument gave no answer ({type(error).__name__})"
    said = done.stderr.decode(errors="replace").strip().splitlines()
    for line in done.stdout.decode(errors="replace").splitlines():
        if line.startswith(MARK):
            found: dict[str, Any] = json.loads(line.removeprefix(MARK))
            found["errors"] = list(dict.fromkeys(words for words in said if _RAISED.match(words)))
            return found, None
    return None, f"opentelemetry-instrument did not start a program: {said[-1] if said else 'it says nothing'}"


def findings(found: dict[str, Any] | None, why: str | None) -> Iterator[Finding]:
    """Which providers are real, and where they send."""
    if found is None:
        yield warning(
            AREA,
            f"{why}, so a program cannot be started without code, and what its providers are is not known here",
            'pip install "confession-otel[otlp]"; or set providers up in code, and call confession_otel.instrument()',
        )
        return
    for error in found["errors"]:
        yield problem(AREA, f"at the start of a program: {error}", "put right what it names; nothing else starts then")
    for signal in ("traces", "metrics", "logs"):
        yield _signal(signal, found)
    if found["traces"]["real"]:
        yield from _sampling(found["traces"])
        yield _service(found["traces"])


def _signal(signal: str, found: dict[str, Any]) -> Finding:
    state, named = found[signal], found["exporters"][signal]
    say = problem if signal == "traces" else warning
    variable = f"OTEL_{signal.upper()}_EXPORTER"
    if not state["real"]:
        if is_switched_off():
            do = f"{VARIABLE}=true switches the SDK off: take it out"
        elif not metadata.entry_points(group="opentelemetry_configurator"):
            do = "pip install opentelemetry-distro: without a configurator nobody sets providers up"
        else:
            do = f"set {variable}=otlp (it is {named or 'not set'})"
        return say(AREA, f"{signal}: the provider is a no-op, and this goes nowhere: {_CARRIES[signal]}", do)
    exporters = ", ".join(one["name"] for one in state["exporters"])
    if not exporters:
        do = f"set {variable}=otlp (it is {named or 'not set'})"
        what = f"{signal}: the provider is real and has no exporter, and this goes nowhere: {_CARRIES[signal]}"
        return say(AREA, what, do)
    return ok(AREA, f"{signal}: a real provider ({state['name']}), exporting with {exporters}")


def _sampling(traces: dict[str, Any]) -> Iterator[Finding]:
    sampler = traces["sampler"]
    if sampler is None:
        return
    if sampler.startswith("AlwaysOff") or "root:AlwaysOff" in sampler:
        yield problem(
            AREA,
            f"the sampler is {sampler}: no trace begun here is sampled, so none has a confession span",
            "set OTEL_TRACES_SAMPLER to parentbased_always_on, and thin out behind the service (tail sampling)",
        )
    elif "TraceIdRatio" in sampler:
        yield warning(
            AREA,
            f"the sampler is {sampler}: of the other traces, flagged ones too, only metrics and the event come",
            "sample in the collector, which can keep every flagged trace: integrations/collector",
        )


def _service(traces: dict[str, Any]) -> Finding:
    name = traces["resource"].get("service.name", "")
    if not name or name.startswith("unknown_service"):
        return warning(
            AREA,
            f"service.name is {name or 'not set'}: nobody can tell whose confessions these are",
            "set OTEL_SERVICE_NAME",
        )
    return ok(AREA, f"service.name is {name}")

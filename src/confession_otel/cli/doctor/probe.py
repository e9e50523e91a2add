"""Run by a program that `opentelemetry-instrument` starts: prints what such a program finds, and ends at once.

It ends without the interpreter's exit, at which the providers would send what they hold.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, Final

from opentelemetry import metrics, trace
from opentelemetry._logs import NoOpLogger, NoOpLoggerProvider, get_logger_provider
from opentelemetry.metrics import NoOpMeterProvider

from confession_otel import api

MARK: Final = "confession-otel doctor: "
"""Stands before the line that is the answer: what starts with the program may print too."""
_SIGNALS: Final = ("TRACES", "METRICS", "LOGS")


def _named(thing: Any) -> dict[str, str]:
    kind = type(thing)
    return {"module": kind.__module__, "name": kind.__qualname__}


def _exporters(processors: Any) -> list[dict[str, str]]:
    # No name of these is public; where a version has others, less is found, and nothing breaks.
    found = []
    for processor in processors or ():
        exporter = getattr(processor, "span_exporter", None) or getattr(processor, "_exporter", None)
        if exporter is None:
            exporter = getattr(getattr(processor, "_batch_processor", None), "_exporter", None)
        if exporter is not None:
            found.append(_named(exporter))
    return found


def _traces() -> dict[str, Any]:
    provider = trace.get_tracer_provider()
    tracer = provider.get_tracer(__name__)
    processors = getattr(getattr(provider, "_active_span_processor", None), "_span_processors", ())
    resource = getattr(provider, "resource", None)
    sampler = getattr(provider, "sampler", None)
    return {
        **_named(provider),
        # With OTEL_SDK_DISABLED the provider is the SDK's, and its tracers do nothing.
        "real": not isinstance(tracer, (trace.NoOpTracer, trace.ProxyTracer)),
        "exporters": _exporters(processors),
        "processors": [_named(processor)["name"] for processor in processors],
        "sampler": None if sampler is None else sampler.get_description(),
        "resource": {} if resource is None else {str(key): str(value) for key, value in resource.attributes.items()},
    }


def _metrics() -> dict[str, Any]:
    provider = metrics.get_meter_provider()
    meter = provider.get_meter(__name__)
    sdk = getattr(provider, "_sdk_config", None)
    readers = getattr(provider, "_metric_readers", None) or getattr(sdk, "metric_readers", None) or ()
    return {
        **_named(provider),
        "real": not isinstance(provider, NoOpMeterProvider)
        and type(provider).__name__ != "_ProxyMeterProvider"
        and not isinstance(meter, metrics.NoOpMeter),
        "exporters": _exporters(readers) or [_named(reader) for reader in readers],
    }


def _logs() -> dict[str, Any]:
    provider = get_logger_provider()
    processors = getattr(getattr(provider, "_multi_log_record_processor", None), "_log_record_processors", ())
    return {
        **_named(provider),
        "real": not isinstance(provider, NoOpLoggerProvider)
        and type(provider).__name__ != "ProxyLoggerProvider"
        and not isinstance(provider.get_logger(__name__), NoOpLogger),
        "exporters": _exporters(processors),
    }


def main() -> None:
    """Print, and end."""
    found = {
        "traces": _traces(),
        "metrics": _metrics(),
        "logs": _logs(),
        "hooks": sorted(api._wanted),  # noqa: SLF001 - of this package
        "exporters": {signal.lower(): os.environ.get(f"OTEL_{signal}_EXPORTER") for signal in _SIGNALS},
        "protocol": os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL"),
    }
    sys.stdout.write(f"{MARK}{json.dumps(found)}\n")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()

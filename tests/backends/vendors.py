"""Run in an environment that has vendors' packages: sends, with their own code, to a server on loopback.

python vendors.py azure URL             a flagged answer, by Azure Monitor's exporter
python vendors.py datadog URL FILE...   monitors, by Datadog's client
python vendors.py langfuse URL          a flagged answer, by our sink and by Langfuse's client
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from confession_otel.composition import Record


def azure(url: str) -> None:
    """Record a confession on providers that export to Azure Monitor."""
    from azure.monitor.opentelemetry.exporter import AzureMonitorLogExporter, AzureMonitorTraceExporter  # type: ignore[import-not-found] # in that environment only
    from opentelemetry import trace
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    import confession_otel as co

    connection = f"InstrumentationKey=00000000-0000-0000-0000-000000000001;IngestionEndpoint={url}/"
    resource = Resource({SERVICE_NAME: "shop"})
    spans, logs = TracerProvider(resource=resource), LoggerProvider(resource=resource)
    spans.add_span_processor(SimpleSpanProcessor(AzureMonitorTraceExporter(connection_string=connection)))
    logs.add_log_record_processor(SimpleLogRecordProcessor(AzureMonitorLogExporter(connection_string=connection)))
    trace.set_tracer_provider(spans)
    co.instrument(logger_provider=logs)
    known = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "fish-1"}
    with spans.get_tracer("shop").start_as_current_span("chat fish-1", attributes=known):
        co.record("Objective: cite real papers\nResult: ✗ did not comply\nWhy: the second one I made up")
    spans.shutdown()
    logs.shutdown()


def datadog(url: str, *files: str) -> None:
    """Create monitors; the client checks fields and types."""
    from datadog_api_client import ApiClient, Configuration  # type: ignore[import-not-found] # in that environment only
    from datadog_api_client.v1.api.monitors_api import MonitorsApi  # type: ignore[import-not-found] # in that environment only
    from datadog_api_client.v1.model.monitor import Monitor  # type: ignore[import-not-found] # in that environment only

    configuration = Configuration(host=url, api_key={"apiKeyAuth": "none", "appKeyAuth": "none"})
    configuration.return_http_data_only = True
    with ApiClient(configuration) as client:
        for file in files:
            body = Monitor(
                _configuration=configuration,
                _spec_property_naming=True,
                **json.loads(Path(file).read_text(encoding="utf-8")),
            )
            MonitorsApi(client).create_monitor(body=body)


def langfuse(url: str) -> None:
    """Score the same twice: by our sink, then by Langfuse's client."""
    from datetime import datetime

    from langfuse import Langfuse
    from opentelemetry.sdk.trace import TracerProvider

    import confession_otel as co
    from confession_otel.sinks import LangfuseSink
    from confession_otel.sinks.langfuse import scores

    records: list[Record] = []

    class Kept(LangfuseSink):
        def send(self, record: Record) -> None:
            records.append(record)
            super().send(record)

    provider = TracerProvider()
    co.instrument(tracer_provider=provider, sinks=[Kept(url, "pk-1", "sk-1")])
    with provider.get_tracer("shop").start_as_current_span("chat fish-1"):
        co.record("Objective: cite real papers\nResult: ✗ did not comply\nWhy: the second one I made up")
    assert co.flush(10)
    co.shutdown()

    client = Langfuse(base_url=url, public_key="pk-1", secret_key="sk-1", tracer_provider=TracerProvider())
    for score in scores(records[0], "2026-01-01T00:00:00.000+00:00"):
        client.create_score(
            name=score["name"],
            value=score["value"],
            trace_id=score["traceId"],
            observation_id=score["observationId"],
            score_id=score["id"],
            data_type=score["dataType"],
            comment=score["comment"],
            metadata=score["metadata"],
            timestamp=datetime.fromisoformat(score["timestamp"]),
        )
    client.flush()
    client.shutdown()


if __name__ == "__main__":
    {"azure": azure, "datadog": datadog, "langfuse": langfuse}[sys.argv[1]](*sys.argv[2:])

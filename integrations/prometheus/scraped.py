"""A service that Prometheus scrapes itself: pip install "confession-otel[otlp]" opentelemetry-exporter-prometheus."""

import sys

from opentelemetry import metrics, trace
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import start_http_server

import confession_otel

# Your service has these already.
trace.set_tracer_provider(TracerProvider())
metrics.set_meter_provider(MeterProvider([PrometheusMetricReader()]))

confession_otel.instrument()

start_http_server(int(sys.argv[1]), addr="127.0.0.1")
for line in sys.stdin:
    confession_otel.record(line)

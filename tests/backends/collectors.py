"""A collector of `integrations/collector/` under way, and the backends that it sends to."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .servers import free_ports, running
from .traffic import page, series

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

HERE: Final = Path(__file__).parents[2] / "integrations" / "collector"

BACKENDS: Final = """
receivers:
  otlp/first: {protocols: {http: {endpoint: "127.0.0.1:${env:FIRST}"}}}
  otlp/second: {protocols: {http: {endpoint: "127.0.0.1:${env:SECOND}"}}}
exporters:
  file/first: {path: "${env:DIRECTORY}/first", flush_interval: 100ms}
  file/second: {path: "${env:DIRECTORY}/second", flush_interval: 100ms}
extensions: {health_check: {endpoint: "127.0.0.1:${env:HEALTH}"}}
service:
  extensions: [health_check]
  pipelines:
    traces/first: {receivers: [otlp/first], exporters: [file/first]}
    metrics/first: {receivers: [otlp/first], exporters: [file/first]}
    logs/first: {receivers: [otlp/first], exporters: [file/first]}
    traces/second: {receivers: [otlp/second], exporters: [file/second]}
    metrics/second: {receivers: [otlp/second], exporters: [file/second]}
    logs/second: {receivers: [otlp/second], exporters: [file/second]}
  telemetry: {metrics: {level: none}}
"""


@dataclass(frozen=True)
class Backends:
    """Two backends, which write what they get into a file each."""

    environ: Mapping[str, str]
    """What the shipped configurations say of where they send to."""
    first: Path
    second: Path


@dataclass(frozen=True)
class Collector:
    """A collector with configurations that are shipped, on ports of its own."""

    otlp: str
    grpc: str
    metrics: str
    said: Callable[[], str]

    def series(self, name: str) -> list[tuple[dict[str, str], float]]:
        """Those of a metric that it shows to Prometheus."""
        return series(page(self.metrics), name)


@contextlib.contextmanager
def two_backends(tmp_path: Path) -> Iterator[Backends]:
    """Real ones, as far as it goes: another collector, which keeps what it is sent."""
    config = tmp_path / "backends.yaml"
    config.write_text(BACKENDS, encoding="utf-8")
    first, second, health = free_ports(3)
    environ = {"FIRST": first, "SECOND": second, "HEALTH": health, "DIRECTORY": tmp_path}
    to = {
        "BACKEND_OTLP": f"http://127.0.0.1:{first}",
        "SECOND_OTLP": f"http://127.0.0.1:{second}",
        "METRICS_OTLP": f"http://127.0.0.1:{second}",
    }
    with running("otelcol", config, ready=f"http://127.0.0.1:{health}", environ=environ):
        yield Backends(to, tmp_path / "first", tmp_path / "second")


@contextlib.contextmanager
def collector(
    *names: str, environ: Mapping[str, str], wait: str = "1s", percent: int = 0, more: tuple[str, ...] = ()
) -> Iterator[Collector]:
    http, grpc, metrics, health = free_ports(4)
    """Start what is shipped, one file or several on top of each other, with what it decides by.

    Args:
        names: Files; the first says which kind of collector it is.
        environ: Where it sends to.
        wait: `DECISION_WAIT`.
        percent: `KEEP_PERCENT`.
        more: Settings that replace what is shipped: `exporters::name::endpoint: URL`.
    """
    elsewhere = {
        "loadbalancing.yaml": [f"receivers::otlp::protocols::http::endpoint: 127.0.0.1:{http}"],
        "gateway.yaml": [f"receivers::otlp::protocols::http::endpoint: 127.0.0.1:{http}"],
        "worker.yaml": [],
    }[names[0]]
    elsewhere += [
        f"receivers::otlp::protocols::grpc::endpoint: 127.0.0.1:{grpc}",
        f"extensions::health_check::endpoint: 127.0.0.1:{health}",
        "service::telemetry::metrics::level: none",
        *more,
    ]
    if names[0] != "loadbalancing.yaml":
        elsewhere += [
            f"exporters::prometheus::endpoint: 127.0.0.1:{metrics}",
            "connectors::span_metrics::metrics_flush_interval: 200ms",
            "exporters::otlp_http/backend::sending_queue::batch::flush_timeout: 100ms",
        ]
    configs: list[str | Path] = [*(HERE / name for name in names), *(f"yaml:{one}" for one in elsewhere)]
    variables = {**environ, "DECISION_WAIT": wait, "KEEP_PERCENT": percent}
    with running("otelcol", *configs, ready=f"http://127.0.0.1:{health}", environ=variables) as server:
        yield Collector(
            f"http://127.0.0.1:{http}",
            f"127.0.0.1:{grpc}",
            f"http://127.0.0.1:{metrics}/metrics",
            lambda: server.log,
        )

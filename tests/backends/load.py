"""What collecting costs: `python -m tests.backends.load`, called in the checkout. Figures of this machine, for sizing.

The load is the demo's fine answers, which are what a collector holds until it gives them up, sent as often as wanted
under trace ids of their own. It prints spans for each second of processor time, memory for each trace held, and what
follows for a million answers a second.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final

import requests
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from confession_otel.cli.demo.backends import Backend, Watched
from confession_otel.cli.demo.play import play
from confession_otel.cli.demo.tasks import TASKS
from confession_otel.confession import Verdict

from .collectors import HERE, two_backends
from .servers import free_ports, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .servers import Running

_IN_A_REQUEST: Final = 200
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_ANSWERS_A_SECOND: Final = 1_000_000
_WAIT_SECONDS: Final = 60
_FULL: Final = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


class Load:
    """Requests of many traces each, all of them alike but for the ids."""

    def __init__(self) -> None:
        exporter = InMemorySpanExporter()
        fine = [task for task in TASKS if task.verdict is Verdict.COMPLIANT]
        play(fine, Backend("memory", Watched(exporter), None))
        spans = exporter.get_finished_spans()
        ids = [span.context.trace_id.to_bytes(16, "big") for span in spans if span.context is not None]
        self.spans_in_a_trace = len(spans) / len(fine)
        one = encode_spans(spans).SerializeToString()
        self.bytes_of_a_trace = len(one) / len(fine)
        # Serialized requests can be put one after the other: their resources add up.
        copies = _IN_A_REQUEST // len(fine)
        self._body = bytearray(one * copies)
        self.traces = copies * len(fine)
        self._places: list[list[int]] = []
        for copy in range(copies):
            for of_trace in dict.fromkeys(ids):
                places, start = [], copy * len(one)
                while (start := self._body.find(of_trace, start, (copy + 1) * len(one))) >= 0:
                    places.append(start)
                    start += 1
                self._places.append(places)

    def request(self) -> bytes:
        """One more, of traces that nobody has seen."""
        fresh = os.urandom(16 * len(self._places))
        for number, places in enumerate(self._places):
            for place in places:
                self._body[place : place + 16] = fresh[16 * number : 16 * (number + 1)]
        return bytes(self._body)


class Sender:
    """Sends over one connection, which is as fast as a collector takes it."""

    def __init__(self, url: str, session: requests.Session) -> None:
        self._url, self._session = url, session
        session.trust_env = False
        session.headers["content-type"] = "application/x-protobuf"

    def send(self, body: bytes) -> None:
        """Until it is taken: a collector that is full says to come again."""
        while (reply := self._session.post(f"{self._url}/v1/traces", data=body, timeout=60)).status_code in _FULL:
            time.sleep(0.05)
        reply.raise_for_status()


@contextlib.contextmanager
def collecting(name: str, *more: str, environ: dict[str, str]) -> Iterator[tuple[Running, Sender]]:
    """A collector as it is shipped, but for addresses and what `more` says."""
    http, metrics, health = free_ports(3)
    elsewhere = (
        f"receivers::otlp::protocols::http::endpoint: 127.0.0.1:{http}",
        "receivers::otlp::protocols::grpc::endpoint: 127.0.0.1:0",
        f"extensions::health_check::endpoint: 127.0.0.1:{health}",
        "service::telemetry::metrics::level: none",
        *([] if name == "loadbalancing.yaml" else [f"exporters::prometheus::endpoint: 127.0.0.1:{metrics}"]),
        *more,
    )
    configs: list[str | Path] = [HERE / name, *(f"yaml:{one}" for one in elsewhere)]
    ready = f"http://127.0.0.1:{health}"
    with running("otelcol", *configs, ready=ready, environ=environ) as server, requests.Session() as session:
        yield server, Sender(f"http://127.0.0.1:{http}", session)


def memory(pid: int) -> int:
    """Bytes that a process has in memory."""
    lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


def processor(pid: int) -> float:
    """Seconds of processor time that a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def bytes_held(load: Load, environ: dict[str, str], traces: int) -> float:
    """Memory for each trace that waits for its decision, the collector's garbage included."""
    more = (
        "processors::tail_sampling::num_traces: 10000000",
        "processors::tail_sampling::expected_new_traces_per_sec: 10",
    )
    waiting = {**environ, "DECISION_WAIT": "1h", "KEEP_PERCENT": "0"}
    with collecting("worker.yaml", *more, environ=waiting) as (server, sender):
        sent = 0
        while sent < traces // 4:
            sender.send(load.request())
            sent += load.traces
        time.sleep(3)
        before, at = memory(server.pid), sent
        while sent < traces:
            sender.send(load.request())
            sent += load.traces
        time.sleep(3)
        return (memory(server.pid) - before) / (sent - at)


def spans_a_second(name: str, load: Load, environ: dict[str, str], seconds: float, *more: str) -> tuple[float, float]:
    """Spans for each second of processor time of a collector, and for each second on the clock."""
    with collecting(name, *more, environ=environ) as (server, sender):
        for _ in range(5):
            sender.send(load.request())
        used, began, sent = processor(server.pid), time.monotonic(), 0
        with ThreadPoolExecutor(1) as pool:
            under_way = pool.submit(sender.send, load.request())
            while time.monotonic() - began < seconds:
                body = load.request()
                under_way.result()
                under_way = pool.submit(sender.send, body)
                sent += load.traces
            under_way.result()
        spans = sent * load.spans_in_a_trace
        return spans / (processor(server.pid) - used), spans / (time.monotonic() - began)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    """Measure, then multiply."""
    load = Load()
    say(f"a trace: {load.spans_in_a_trace:.1f} spans, {load.bytes_of_a_trace:.0f} bytes as OTLP")
    with tempfile.TemporaryDirectory(prefix="confession-otel-load-") as directory, two_backends(Path(directory)) as to:
        environ = {**to.environ, "DECISION_WAIT": "5s", "KEEP_PERCENT": "10"}
        held = bytes_held(load, environ, 60_000)
        say(f"worker, a trace held: {held:.0f} bytes, {held / load.bytes_of_a_trace:.1f} times its OTLP")
        worker, on_the_clock = spans_a_second("worker.yaml", load, environ, 20)
        say(f"worker: {worker:.0f} spans a second of processor time ({on_the_clock:.0f} a second on the clock)")
        (port,) = free_ports(1)
        hosts = f'exporters::load_balancing::resolver::static::hostnames: ["127.0.0.1:{port}"]'
        with collecting(
            "worker.yaml", f"receivers::otlp::protocols::grpc::endpoint: 127.0.0.1:{port}", environ=environ
        ):
            front, _ = spans_a_second("loadbalancing.yaml", load, environ, 20, hosts)
        say(f"first tier: {front:.0f} spans a second of processor time")
    spans = _ANSWERS_A_SECOND * load.spans_in_a_trace
    say(
        f"{_ANSWERS_A_SECOND} answers a second: {spans:.0f} spans and "
        f"{_ANSWERS_A_SECOND * load.bytes_of_a_trace / 1e9:.1f} GB a second; "
        f"{spans / front:.0f} cores for the first tier, {spans / worker:.0f} for the workers, "
        f"{_ANSWERS_A_SECOND * _WAIT_SECONDS * held / 1e12:.2f} TB of memory to hold {_WAIT_SECONDS} s"
    )


if __name__ == "__main__":
    main()

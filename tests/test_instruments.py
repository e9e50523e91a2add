"""One set of metrics for each meter provider, in whichever ways it is asked for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import metrics
from opentelemetry.metrics import _internal
from opentelemetry.sdk.metrics import Counter, MeterProvider, ObservableCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.util._once import Once

import confession_otel as co
from confession_otel import instruments, observation
from confession_otel.answer import Answer

if TYPE_CHECKING:
    from conftest import Telemetry

CONFESSED = {"confession.status": "confessed"}
TEXT = "Two words.\n\n## Confession\n\nObjective: ten words / Result: ✗ did not comply / Why: two"


@pytest.fixture(autouse=True)
def no_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    """The API as it is before anybody has set a provider, and no metrics made."""
    monkeypatch.setattr(_internal, "_METER_PROVIDER", None)
    monkeypatch.setattr(_internal, "_METER_PROVIDER_SET_ONCE", Once())
    monkeypatch.setattr(_internal, "_PROXY_METER_PROVIDER", _internal._ProxyMeterProvider())
    monkeypatch.setattr(instruments, "_global", [])
    monkeypatch.setattr(instruments, "_by_provider", [])


def give(observer: observation.Observer, count: int) -> None:
    for number in range(count):
        observer.observe([Answer(text=TEXT, response_id=f"{id(observer)} {number}")], "openai")


def of_a_handler(telemetry: Telemetry, **keywords: Any) -> observation.Observer:
    """What a hook gets that is given a tracer provider alone."""
    observer = observation.own(tracer_provider=telemetry.tracer_provider, **keywords)
    assert observer is not None
    return observer()


@pytest.mark.parametrize("first", ["by name", "as the global one"])
@pytest.mark.parametrize("is_set", ["before", "after the first", "after both"])
def test_a_provider_that_is_global_and_given_exports_all_answers(telemetry: Telemetry, first: str, is_set: str) -> None:
    if is_set == "before":
        metrics.set_meter_provider(telemetry.meter_provider)
    by_name = {"meter_provider": telemetry.meter_provider}
    one = of_a_handler(telemetry, **(by_name if first == "by name" else {}))
    give(one, 3)
    if is_set == "after the first":
        metrics.set_meter_provider(telemetry.meter_provider)
    other = of_a_handler(telemetry, **({} if first == "by name" else by_name))
    give(other, 4)
    if is_set == "after both":
        metrics.set_meter_provider(telemetry.meter_provider)
    assert one is not other
    assert telemetry.counts("confession.answers") == [(CONFESSED, 7)]
    # A counter of the API's proxy passes nothing on before the provider is set.
    global_ones = 3 if first == "as the global one" else 4
    set_too_late = is_set == "after both" or (is_set == "after the first" and first == "as the global one")
    lost = global_ones if set_too_late else 0
    assert sum(count for _, count in telemetry.counts("confession.verdicts")) == 7 - lost


def test_so_it_is_of_instrument(telemetry: Telemetry) -> None:
    metrics.set_meter_provider(telemetry.meter_provider)
    handler = of_a_handler(telemetry)
    co.instrument(**telemetry.providers)
    give(handler, 3)
    give(observation.default(), 4)
    assert telemetry.counts("confession.answers") == [(CONFESSED, 7)]


def test_a_provider_that_is_not_the_global_one_has_metrics_of_its_own(telemetry: Telemetry) -> None:
    of_the_global_one = instruments.instruments_on(None)
    assert instruments.instruments_on(telemetry.meter_provider) is not of_the_global_one
    assert instruments.instruments_on(telemetry.meter_provider) is instruments.instruments_on(telemetry.meter_provider)
    assert instruments.instruments_on(None) is of_the_global_one


@pytest.mark.parametrize(
    ("temporality", "expected"), [(AggregationTemporality.DELTA, 2 + 3), (AggregationTemporality.CUMULATIVE, 5 + 2 + 3)]
)
def test_after_a_fork_the_count_goes_on_as_that_of_the_sdks_own_counters(
    telemetry: Telemetry, temporality: AggregationTemporality, expected: int
) -> None:
    reader = InMemoryMetricReader(preferred_temporality={Counter: temporality, ObservableCounter: temporality})
    provider = MeterProvider([reader], shutdown_on_exit=False)

    def read() -> dict[str, int]:
        data = reader.get_metrics_data()
        return {
            metric.name: sum(getattr(point, "value", 0) for point in metric.data.data_points)
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    observer = of_a_handler(telemetry, meter_provider=provider)
    give(observer, 5)
    assert read() == {"confession.answers": 5, "confession.verdicts": 5}
    give(observer, 2)
    child = os.fork()
    if child == 0:
        give(observer, 3)
        os._exit(read() != {"confession.answers": expected, "confession.verdicts": expected})
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    provider.shutdown()

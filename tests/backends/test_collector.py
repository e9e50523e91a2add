"""`integrations/collector/` on the real collector: each configuration is valid, starts, and does what it says."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import subprocess
import time
from typing import TYPE_CHECKING, Final

import pytest
from opentelemetry import trace

import confession_otel as co
from confession_otel import semconv

from .collectors import HERE, Collector, collector, two_backends
from .servers import needed
from .traffic import COMPLIED, FAILED, eventually, metrics_in, records_in, service, spans_in, trace_id

if TYPE_CHECKING:
    from pathlib import Path

# The first test that needs a server may have to build it.
pytestmark = pytest.mark.timeout(2400)

SHIPPED: Final = (
    ("gateway.yaml",),
    ("gateway.yaml", "redact.yaml"),
    ("gateway.yaml", "other-languages.yaml"),
    ("gateway.yaml", "redact.yaml", "other-languages.yaml"),
    ("loadbalancing.yaml",),
    ("worker.yaml",),
    ("worker.yaml", "redact.yaml"),
    ("worker.yaml", "other-languages.yaml"),
)
NOWHERE: Final[dict[str, str]] = dict.fromkeys(("BACKEND_OTLP", "SECOND_OTLP", "METRICS_OTLP"), "http://127.0.0.1:9")
WITHOUT_RESULT: Final = "Objective: cite real papers\nWhy: hard to say"


def kept(file: Path) -> dict[str, set[str]]:
    """Names of the spans that arrived, by trace."""
    spans = sorted(spans_in(file), key=lambda span: str(span["traceId"]))
    grouped = itertools.groupby(spans, key=lambda span: str(span["traceId"]))
    return {key: {span["name"] for span in of_one} for key, of_one in grouped}


WHOLE: Final = {"POST /ask", "chat fish-1", semconv.SPAN}


@pytest.mark.parametrize("names", SHIPPED, ids="+".join)
def test_each_configuration_is_valid_and_starts(names: tuple[str, ...]) -> None:
    configs = [f"--config={HERE / name}" for name in names]
    done = subprocess.run(
        [needed("otelcol"), "validate", *configs],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **NOWHERE},
    )
    assert done.returncode == 0, done.stderr
    with collector(*names, environ=NOWHERE) as one:
        assert "deprecated" not in one.said()
        assert "\terror\t" not in one.said()


def test_every_yaml_file_is_among_those() -> None:
    assert {name for names in SHIPPED for name in names} == {path.name for path in HERE.glob("*.yaml")}


def below(key: str, text: str) -> str:
    """The lines of a YAML file below a key."""
    found = re.search(rf"^( *){key}:\n((?:\1 +.*\n)+)", text, re.MULTILINE)
    assert found is not None
    return found[2]


def test_one_machine_several_and_jaeger_decide_by_the_same_policies_and_count_the_same() -> None:
    gateway, worker, jaeger = (
        (HERE.parent / name).read_text("utf-8")
        for name in ("collector/gateway.yaml", "collector/worker.yaml", "jaeger/config.yaml")
    )
    assert below("policies", gateway).count("- {name:") == 5
    assert below("policies", worker) == below("policies", jaeger) == below("policies", gateway)
    assert below("span_metrics", worker) == below("spanmetrics", jaeger) == below("span_metrics", gateway)


def test_the_gateway_passes_on_what_a_person_should_see_and_counts_all(tmp_path: Path) -> None:
    with (
        two_backends(tmp_path) as to,
        collector("gateway.yaml", environ=to.environ, wait="3s") as one,
        service(one.otlp, flag_on="non_compliant") as shop,
    ):
        began = time.monotonic()
        wanted = {
            "flagged": shop.answer(FAILED),
            "contradicted": shop.answer(COMPLIED, co.Evidence(finish_reason="length")),
            "unparsed": shop.answer(WITHOUT_RESULT),
        }
        error = shop.answer(status=trace.StatusCode.ERROR)
        dropped, asked = shop.answer(COMPLIED), shop.answer()
        shop.send_metrics()
        whole: dict[str, set[str]] = {trace_id(span): WHOLE for span in wanted.values()}
        expected = {**whole, trace_id(error): WHOLE - {semconv.SPAN}}
        assert eventually(lambda: kept(to.first), lambda traces: traces == expected) == expected
        # What is wanted does not wait for the others.
        assert time.monotonic() - began < 3

        # A late confession brings its trace along while that is held; after that it goes on alone.
        co.record(FAILED, asked)
        expected[trace_id(asked)] = WHOLE
        assert eventually(lambda: kept(to.first), lambda traces: traces == expected) == expected
        # One that is fine follows a trace that went on.
        co.record(COMPLIED, error)
        expected[trace_id(error)] = WHOLE
        assert eventually(lambda: kept(to.first), lambda traces: traces == expected) == expected
        time.sleep(max(0, began + 6 - time.monotonic()))
        co.record(FAILED, dropped)
        expected[trace_id(dropped)] = {semconv.SPAN}
        assert eventually(lambda: kept(to.first), lambda traces: traces == expected) == expected

        def verdicts(name: str, **labels: str) -> dict[str, float]:
            counted = [(found, value) for found, value in one.series(name) if labels.items() <= found.items()]
            return {found["confession_verdict"]: value for found, value in counted}

        of_spans = {"non_compliant": 3.0, "compliant": 3.0, "unparsed": 1.0}
        calls = "traces_span_metrics_calls_total"
        contradicted = [found for found, _ in one.series(calls) if found.get("confession_contradicted") == "true"]
        assert {found["span_name"] for found in contradicted} == {semconv.SPAN}
        summed = eventually(
            lambda: {
                verdict: sum(
                    value
                    for found, value in one.series(calls)
                    if (found["span_name"], found.get("confession_verdict")) == (semconv.SPAN, verdict)
                )
                for verdict in of_spans
            },
            lambda sums: sums == of_spans,
        )
        assert summed == of_spans
        assert verdicts("confession_verdicts_total", job="shop") == {
            "non_compliant": 1,
            "compliant": 2,
            "unparsed": 1,
        }
        events = eventually(lambda: records_in(to.first), lambda records: len(records) == 7)
        assert {event["eventName"] for event in events} == {semconv.EVENT}


def test_of_two_workers_each_sees_whole_traces(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        to = stack.enter_context(two_backends(tmp_path))
        workers = [stack.enter_context(collector("worker.yaml", environ=to.environ, wait="8s")) for _ in range(2)]
        hosts = f'exporters::load_balancing::resolver::static::hostnames: ["{workers[0].grpc}", "{workers[1].grpc}"]'
        front = stack.enter_context(collector("loadbalancing.yaml", environ=to.environ, more=(hosts,)))
        shop = stack.enter_context(service(front.otlp))
        answers = [shop.answer() for _ in range(20)]
        fine = [shop.answer(COMPLIED) for _ in range(5)]
        # In a request of their own, after their traces: at another worker they would be kept alone.
        for answer in answers:
            co.record(FAILED, answer)
        shop.send_metrics()
        expected = {trace_id(answer): WHOLE for answer in answers}
        assert eventually(lambda: kept(to.first), lambda traces: traces == expected) == expected
        assert not {trace_id(answer) for answer in fine} & set(kept(to.first))

        def confessions(worker: Collector) -> float:
            found = worker.series("traces_span_metrics_calls_total")
            return sum(value for labels, value in found if labels["span_name"] == semconv.SPAN)

        shares = eventually(lambda: [confessions(worker) for worker in workers], lambda each: sum(each) == 25)
        assert sum(shares) == 25
        assert min(shares) > 0
        assert len(eventually(lambda: records_in(to.first), lambda records: len(records) == 25)) == 25
        # To a place of their own.
        names = eventually(lambda: metrics_in(to.second), lambda metrics: semconv.METRIC_VERDICTS in metrics)
        assert semconv.METRIC_VERDICTS in names
        assert not metrics_in(to.first)


SECRET: Final = "halibut"
CONTENT: Final = {
    "gen_ai.input.messages": f'[{{"role": "user", "parts": [{{"type": "text", "content": "{SECRET}"}}]}}]',
    "gen_ai.output.messages": f'[{{"role": "assistant", "parts": [{{"type": "text", "content": "{SECRET}"}}]}}]',
    "gen_ai.system_instructions": SECRET,
    "gen_ai.prompt.0.content": SECRET,
    "gen_ai.completion": SECRET,
    "gen_ai.tool.call.arguments": SECRET,
    "input.value": SECRET,
    "output.value": SECRET,
    "llm.input_messages.0.message.content": SECRET,
    "llm.prompts": SECRET,
    "traceloop.entity.output": SECRET,
}
OTHERS: Final = {"gen_ai.usage.input_tokens": 12, "llm.token_count.prompt": 12, "llm.model_name": "fish-1"}


def wait_for(file: Path) -> None:
    eventually(lambda: (len(spans_in(file)), len(records_in(file)) > 0), lambda seen: seen == (4, True))


def test_the_second_backend_gets_verdict_and_numbers_and_not_a_word(tmp_path: Path) -> None:
    objectives = [
        {"objective": f"{SECRET} cited", "compliance": "not_complied_not_reported", "analysis": f"{SECRET} made up"},
        {"objective": f"{SECRET} short", "compliance": "fully_complied", "analysis": f"{SECRET} it was"},
    ]
    text = json.dumps(
        {
            "compliance_analysis": objectives,
            "uncertainties_and_conflicts": [f"was {SECRET} meant?"],
            "overall_compliance_grade": 2,
        }
    )
    with (
        two_backends(tmp_path) as to,
        collector(
            "gateway.yaml",
            "redact.yaml",
            environ=to.environ,
            more=("exporters::otlp_http/second::sending_queue::batch::flush_timeout: 100ms",),
        ) as one,
        service(one.otlp, policies=[f"never say {SECRET}"]) as shop,
    ):
        shop.answer(text, attributes={**CONTENT, **OTHERS})
        with contextlib.suppress(ValueError), shop.tracer.start_as_current_span("POST /other"):
            raise ValueError(SECRET)
        shop.log(f"the answer was {SECRET}")
        for file in (to.first, to.second):
            wait_for(file)

    first, second = ({span["name"]: span for span in spans_in(file)} for file in (to.first, to.second))
    assert SECRET in first[semconv.SPAN]["attributes"][semconv.TEXT]
    assert SECRET in to.first.read_text("utf-8")
    assert SECRET not in to.second.read_text("utf-8")

    assert set(second) == set(first) == {*WHOLE, "POST /other"}
    content = {
        semconv.TEXT,
        semconv.OBJECTIVE,
        semconv.WHY,
        semconv.UNCERTAINTIES,
        semconv.OPENINFERENCE_OUTPUT,
        semconv.OBJECTIVES_UNADDRESSED,
    }
    before, after = (spans[semconv.SPAN]["attributes"] for spans in (first, second))
    assert after == {key: value for key, value in before.items() if key not in content}
    assert content - set(before) <= {semconv.OBJECTIVES_UNADDRESSED}
    assert (after[semconv.VERDICT], after[semconv.FLAGGED], after[semconv.GRADE]) == ("non_compliant", True, 2)
    assert second[semconv.SPAN]["status"] == {"code": 2, "message": "self-reported: non_compliant"}
    answer = second["chat fish-1"]["attributes"]
    assert {key: answer[key] for key in OTHERS} == OTHERS
    assert answer[semconv.FLAGGED] is True

    (event,) = records_in(to.second)
    assert event["attributes"][semconv.EVALUATION_SCORE_LABEL] == "non_compliant"
    assert event["attributes"][semconv.FLAGGED] is True
    assert semconv.EVALUATION_EXPLANATION not in event["attributes"]
    assert len(records_in(to.first)) == 2

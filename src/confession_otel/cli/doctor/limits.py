"""Do the SDK's limits leave a confession whole? One is recorded here, in memory, under those of the environment."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from opentelemetry._logs import NoOpLoggerProvider
from opentelemetry.metrics import NoOpMeterProvider

import confession_otel as co
from confession_otel import semconv
from confession_otel.answer import of_span
from confession_otel.observation import Observer
from confession_otel.settings import Way

from .finding import ok, problem, warning
from .hearing import hearing
from .switched_off import DO, VARIABLE, is_switched_off

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import ReadableSpan

    from confession_otel.settings import Settings

    from .finding import Finding

AREA: Final = "limits"
_LONGEST: Final = 100_000
"""Characters of the confession that is tried; who allows more is not held up for it."""
_ANSWER: Final = {
    semconv.GEN_AI_OPERATION: semconv.GEN_AI_CHAT,
    semconv.GEN_AI_PROVIDER: "none",
    semconv.GEN_AI_REQUEST_MODEL: "none",
    semconv.GEN_AI_RESPONSE_ID: "none",
    semconv.GEN_AI_CONVERSATION_ID: "none",
    semconv.GEN_AI_AGENT_NAME: "none",
}


def report(length: int) -> str:
    """A confession with as much in it as can be, of that many characters at least."""
    results = ("fully_complied", "nearly_complied", "unsure_complied_not_reported", "not_complied_claimed_compliance")
    objectives = [
        {"objective": "record this confession whole", "compliance": result, "analysis": "it is a rehearsal. " * 4}
        for result in results
    ]
    objectives[-1]["analysis"] = "x" * length
    return json.dumps(
        {
            "compliance_analysis": objectives,
            "uncertainties_and_conflicts": ["it is about no answer"],
            "overall_compliance_grade": 3,
        }
    )


def rehearse(settings: Settings) -> tuple[ReadableSpan, str]:
    """A confession span as it is under the limits of the environment, and the text that it is of.

    Raises:
        ValueError: a limit is no number.
    """
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - the SDK may not be there
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - as above
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: PLC0415 - as above
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter  # noqa: PLC0415 - as above
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON  # noqa: PLC0415 - as above

    provider = TracerProvider(sampler=ALWAYS_ON, resource=Resource.get_empty(), shutdown_on_exit=False)
    kept = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    observer = Observer(
        replace(settings, enabled=True, log=False, way=Way.OBSERVE, sinks=()),
        provider,
        NoOpMeterProvider(),
        NoOpLoggerProvider(),
    )
    text = report(min(settings.text_limit, _LONGEST))
    with provider.get_tracer(__name__).start_as_current_span("chat none", attributes=_ANSWER) as answer:
        # With evidence against it, so that every key is there.
        evidence = co.Evidence(finish_reason="length", tool_errors=("none",))
        observer.recorder.record(co.parse(text), of_span(answer, evidence), semconv.Source.OBSERVE)
    (span,) = (span for span in kept.get_finished_spans() if span.name == semconv.SPAN)
    return span, text


def findings(settings: Settings) -> Iterator[Finding]:
    """What of a confession the limits leave."""
    if importlib.util.find_spec("opentelemetry.sdk") is None:
        return
    from opentelemetry.sdk.trace import SpanLimits  # noqa: PLC0415 - the SDK may not be there

    try:
        most = SpanLimits().max_span_attributes
    except ValueError as error:
        yield problem(AREA, f"the SDK does not start with these limits: {error}", "put the variable right")
        return
    if is_switched_off():
        yield problem(AREA, f"{VARIABLE}=true: the SDK records nothing, so its limits cannot be tried", DO)
        return
    with hearing("opentelemetry"):
        span, text = rehearse(settings)
    keys = len(span.attributes or {})
    lost = span.dropped_attributes
    if lost:
        yield problem(
            AREA,
            f"a full confession span has {keys + lost} keys and may keep {keys}: {lost} are lost, the first of them",
            "set OTEL_ATTRIBUTE_COUNT_LIMIT or OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT to 128, the default, or more",
        )
    else:
        yield ok(AREA, f"a full confession span has {keys} keys, of the {most or 'unlimited'} that a span may have")
    yield from _text(span, text, settings)
    if not span.links:
        yield warning(
            AREA, "the link from confession to answer is lost", "set OTEL_SPAN_LINK_COUNT_LIMIT to 128, the default"
        )


def _text(span: ReadableSpan, text: str, settings: Settings) -> Iterator[Finding]:
    there = (span.attributes or {}).get(semconv.TEXT)
    if there is None:
        yield ok(AREA, "no text leaves (capture=verdict), so there is none to be cut")
        return
    length, allowed = len(str(there)), min(len(text), settings.text_limit)
    if length < allowed:
        yield warning(
            AREA,
            f"{semconv.TEXT} is cut to {length} of the {allowed} characters that may leave (text_limit), and so are "
            "the answers that other instrumentations write down: a confession stands at their end, which goes first",
            "raise OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT or OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT, or take it out",
        )
    else:
        yield ok(AREA, f"{semconv.TEXT} keeps all {length} characters that may leave (text_limit)")

"""The signals of one confession, compared whole."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import baggage
from opentelemetry._logs import SeverityNumber
from opentelemetry.context import Context, attach, detach
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk._logs import LogRecordProcessor
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanContext, SpanKind, StatusCode, TraceFlags, get_current_span

import confession_otel as co
from confession_otel import recorder, semconv
from confession_otel.answer import Answer
from confession_otel.settings import Settings
from confession_otel.suppression import is_suppressed

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import ReadWriteLogRecord
    from opentelemetry.sdk.trace import ReadableSpan

    from conftest import Telemetry

FAILED = "Objective: set the timer to one minute\nResult: ✗ did not comply\nWhy: it was set to zero"
COMPLIED = "Objective: answer in French\nResult: ✓ complied\nWhy: the answer is in French"
GENAI = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m-1", "gen_ai.response.id": "r-1"}


def recorded(telemetry: Telemetry, text: str = FAILED, evidence: co.Evidence | None = None, **settings: Any) -> Any:
    """The answer span on which the text was recorded."""
    co.instrument(**telemetry.providers, **settings)
    tracer = telemetry.tracer_provider.get_tracer("host")
    with tracer.start_as_current_span("chat m-1", attributes=GENAI) as answer:
        co.record(text, evidence=evidence)
    return answer


def test_a_confessed_failure_gives_a_whole_confession_span(telemetry: Telemetry) -> None:
    answer = recorded(telemetry)
    span = telemetry.confession()
    assert dict(span.attributes or {}) == {
        "openinference.span.kind": "EVALUATOR",
        "output.value": "non_compliant · set the timer to one minute: it was set to zero",
        "gen_ai.request.model": "m-1",
        "gen_ai.response.id": "r-1",
        "confession.id": answer.attributes["confession.id"],
        "confession.verdict": "non_compliant",
        "confession.flagged": True,
        "confession.score": 0.0,
        "confession.source": "record",
        "confession.text": FAILED,
        "confession.objective": "set the timer to one minute",
        "confession.why": "it was set to zero",
        "confession.objectives.count": 1,
        "confession.objectives.failed": 1,
        "confession.format": "text",
        "error.type": "non_compliant",
    }
    assert span.kind is SpanKind.INTERNAL
    assert span.parent is not None
    assert span.parent.span_id == answer.context.span_id
    assert [link.context.span_id for link in span.links] == [answer.context.span_id]
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "self-reported: non_compliant"
    assert span.instrumentation_scope is not None
    assert (span.instrumentation_scope.name, span.instrumentation_scope.version) == ("confession_otel", co.__version__)


def test_the_answer_span_gets_six_short_keys_at_most_and_no_status(telemetry: Telemetry) -> None:
    answer = recorded(telemetry)
    added = {key: value for key, value in answer.attributes.items() if key not in GENAI}
    assert added == {
        "confession.id": added["confession.id"],
        "confession.verdict": "non_compliant",
        "confession.flagged": True,
        "confession.score": 0.0,
        "confession.source": "record",
    }
    assert answer.status.status_code is StatusCode.UNSET


def test_one_event_stands_in_the_answers_context(telemetry: Telemetry) -> None:
    answer = recorded(telemetry)
    (event,) = telemetry.events()
    record = event.log_record
    assert record.event_name == "gen_ai.evaluation.result"
    assert (record.trace_id, record.span_id) == (answer.context.trace_id, answer.context.span_id)
    assert record.severity_number is SeverityNumber.WARN
    assert record.timestamp
    assert dict(record.attributes or {}) == {
        "gen_ai.evaluation.name": "confession.compliance",
        "gen_ai.evaluation.score.label": "non_compliant",
        "gen_ai.evaluation.score.value": 0.0,
        "gen_ai.evaluation.explanation": "it was set to zero",
        "gen_ai.response.id": "r-1",
        "confession.id": answer.attributes["confession.id"],
        "confession.flagged": True,
    }


def test_the_metrics_count_it_once(telemetry: Telemetry) -> None:
    recorded(telemetry)
    labels = {
        "confession.verdict": "non_compliant",
        "confession.flagged": True,
        "confession.source": "record",
        "gen_ai.request.model": "m-1",
    }
    assert telemetry.counts("confession.verdicts") == [(labels, 1)]
    # By hand, nothing is known of how many answers came without one.
    assert telemetry.counts("confession.answers") == []
    assert telemetry.counts("confession.dropped") == []


def test_what_was_begun_ends_as_failed_where_the_confession_cannot_be_made_a_record(
    telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch, swallowed: list[tuple[str, Exception]]
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise LookupError("words of the model's")  # noqa: TRY003, EM101 - no word of it may be recorded

    monkeypatch.setattr(recorder, "compose", broken)
    ours = recorder.Recorder(co.Settings.read({}), **telemetry.providers)
    answer = Answer(request_model="m-1", response_id="r-1")
    ours.record(
        co.parse(FAILED), answer, semconv.Source.ASK, asking={semconv.QUESTION_ROLE: "user"}, span=ours.begin(answer)
    )
    assert [(site, type(error)) for site, error in swallowed] == [("recorder", LookupError)]
    swallowed.clear()
    span = telemetry.confession()
    assert dict(span.attributes or {}) == {
        "openinference.span.kind": "EVALUATOR",
        "gen_ai.request.model": "m-1",
        "gen_ai.response.id": "r-1",
        "confession.source": "ask",
        "confession.question.role": "user",
        "error.type": "LookupError",
    }
    assert span.status.status_code is StatusCode.ERROR
    assert "words" not in span.to_json()
    (event,) = telemetry.events()
    assert dict(event.log_record.attributes or {}) == {
        "gen_ai.evaluation.name": "confession.compliance",
        "gen_ai.response.id": "r-1",
        "error.type": "LookupError",
    }
    failed = {"confession.status": "failed", "confession.reason": "LookupError"}
    assert telemetry.counts("confession.answers") == [(failed, 1)]
    assert telemetry.counts("confession.verdicts") == []
    # The reply was measured when it came.
    assert telemetry.counts("confession.asking.duration") == []


@pytest.mark.parametrize("source", [semconv.Source.OBSERVE, semconv.Source.IN_BAND])
def test_what_was_not_begun_and_cannot_be_made_a_record_did_not_confess(
    telemetry: Telemetry,
    monkeypatch: pytest.MonkeyPatch,
    swallowed: list[tuple[str, Exception]],
    source: semconv.Source,
) -> None:
    monkeypatch.setattr(recorder, "compose", lambda *_, **__: 1 / 0)
    recorder.Recorder(co.Settings.read({}), **telemetry.providers).record(co.parse(FAILED), Answer(), source)
    assert telemetry.counts("confession.answers") == []
    assert telemetry.spans() == []
    assert [site for site, _ in swallowed] == ["recorder"]
    swallowed.clear()


def test_exemplars_lead_to_the_trace_of_the_answer(telemetry: Telemetry) -> None:
    answer = recorded(telemetry)
    (exemplar,) = telemetry.exemplars("confession.verdicts")
    assert (exemplar.trace_id, exemplar.span_id) == (answer.context.trace_id, answer.context.span_id)


def test_a_compliant_confession_is_neither_flagged_nor_an_error(telemetry: Telemetry) -> None:
    recorded(telemetry, COMPLIED)
    span = telemetry.confession()
    assert span.attributes is not None
    assert (span.attributes["confession.verdict"], span.attributes["confession.flagged"]) == ("compliant", False)
    assert span.status.status_code is StatusCode.UNSET
    assert "error.type" not in span.attributes
    (event,) = telemetry.events()
    assert event.log_record.severity_number is SeverityNumber.INFO


def test_an_unparsed_confession_is_neither_pass_nor_fail_but_a_warning(telemetry: Telemetry) -> None:
    recorded(telemetry, "I would rather talk about the weather.")
    span = telemetry.confession()
    assert span.attributes is not None
    assert span.attributes["confession.verdict"] == "unparsed"
    assert span.attributes["confession.problem"] == "not_a_report"
    assert span.attributes["confession.flagged"] is False
    assert "confession.score" not in span.attributes
    (event,) = telemetry.events()
    attributes = event.log_record.attributes or {}
    assert attributes["error.type"] == "unparsed"
    assert "gen_ai.evaluation.score.value" not in attributes
    assert event.log_record.severity_number is SeverityNumber.WARN


@pytest.mark.parametrize(
    ("text", "evidence", "flag_on", "flagged"),
    [
        (FAILED, None, None, True),
        (FAILED, None, "unsure", False),
        (COMPLIED, None, "compliant", True),
        (COMPLIED, co.Evidence(finish_reason="length"), None, True),
        (COMPLIED, co.Evidence(finish_reason="length"), "non_compliant", False),
        (COMPLIED, co.Evidence(finish_reason="stop"), None, False),
        ("gibberish", None, "unparsed", True),
        (FAILED + "\nDisclosure: my answer claimed it had been set", None, "misrepresented", True),
    ],
)
def test_policy_decides_what_is_flagged(
    telemetry: Telemetry, text: str, evidence: co.Evidence | None, flag_on: str | None, flagged: bool
) -> None:
    recorded(telemetry, text, evidence, flag_on=flag_on)
    assert (telemetry.confession().attributes or {})["confession.flagged"] is flagged


def test_a_contradiction_names_its_rules(telemetry: Telemetry) -> None:
    recorded(telemetry, COMPLIED, co.Evidence(finish_reason="length", tool_errors=("search",)))
    attributes = telemetry.confession().attributes or {}
    assert attributes["confession.contradicted"] is True
    assert attributes["confession.contradictions"] == ("cut_off", "tool_error")
    assert attributes["error.type"] == "contradicted"


def test_error_status_can_be_turned_off(telemetry: Telemetry) -> None:
    recorded(telemetry, error_status=False)
    span = telemetry.confession()
    assert span.status.status_code is StatusCode.UNSET
    assert (span.attributes or {})["confession.flagged"] is True


def test_an_ended_span_still_gets_its_confession_as_child_and_link(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers)
    answer: Any = telemetry.tracer_provider.get_tracer("host").start_span("chat m-1", attributes=GENAI)
    answer.end()
    co.record(FAILED, span=answer)
    span = telemetry.confession()
    assert span.parent is not None
    assert span.parent.span_id == span.links[0].context.span_id == answer.context.span_id
    assert (span.attributes or {})["gen_ai.request.model"] == "m-1"
    assert "confession.verdict" not in answer.attributes


class Heedful(SpanProcessor, LogRecordProcessor):
    """As Logfire's: takes nothing where the current context suppresses instrumentation."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.contexts: dict[str, Context | None] = {}
        """In which each span began."""

    def _take(self, what: str) -> None:
        if not is_suppressed():
            self.taken.append(what)

    def on_start(self, span: Any, parent_context: Context | None = None) -> None:
        self._take(f"{span.name} begins")
        self.contexts[span.name] = parent_context

    def on_end(self, span: ReadableSpan) -> None:
        self._take(f"{span.name} ends")

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        self._take(log_record.log_record.event_name or "")

    def shutdown(self) -> None:
        """Nothing is held."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return True


@pytest.mark.parametrize("suppressed", [False, True])
@pytest.mark.parametrize("what", ["recorded", "begun and recorded", "begun and failed"])
def test_where_others_are_suppressed_all_is_said_below_the_answers_span_and_nothing_else(
    telemetry: Telemetry, what: str, suppressed: bool
) -> None:
    heedful = Heedful()
    telemetry.tracer_provider.add_span_processor(heedful)
    telemetry.logger_provider.add_log_record_processor(heedful)
    ours = recorder.Recorder(Settings(), **telemetry.providers)
    answer = Answer(span=telemetry.tracer_provider.get_tracer("host").start_span("chat m-1", attributes=GENAI))
    token = attach(baggage.set_baggage("tenant", "t-1"))
    try:
        with suppress_instrumentation() if suppressed else nullcontext():
            begun = ours.begin(answer) if what.startswith("begun") else None
            if what.endswith("recorded"):
                ours.record(co.parse(FAILED), answer, semconv.Source.ASK, span=begun)
            else:
                assert begun is not None
                ours.failed(answer, begun, 0.1, "timeout", {})
            assert is_suppressed() is suppressed
    finally:
        detach(token)
    assert heedful.taken == [
        "chat m-1 begins",
        "confession begins",
        "confession ends",
        "gen_ai.evaluation.result",
    ]
    context = heedful.contexts["confession"]
    assert context is not None
    assert get_current_span(context) is answer.span
    assert list(context.values()) == [answer.span] if suppressed else baggage.get_baggage("tenant", context) == "t-1"


def test_ids_alone_are_enough_of_a_span(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers)
    ids = SpanContext(trace_id=7, span_id=9, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    co.record(FAILED, span=ids)
    span = telemetry.confession()
    assert span.context is not None
    assert span.parent is not None
    assert (span.context.trace_id, span.parent.span_id) == (7, 9)


def test_without_a_span_the_confession_is_a_root_without_link(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers)
    co.record(FAILED)
    span = telemetry.confession()
    assert span.parent is None
    assert not span.links


def test_an_unsampled_trace_still_gives_event_and_metrics(telemetry: Telemetry) -> None:
    exporter = InMemorySpanExporter()
    unsampled = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    unsampled.add_span_processor(SimpleSpanProcessor(exporter))
    co.instrument(**{**telemetry.providers, "tracer_provider": unsampled})
    with unsampled.get_tracer("host").start_as_current_span("chat") as answer:
        co.record(FAILED)
    assert exporter.get_finished_spans() == ()
    (event,) = telemetry.events()
    assert event.log_record.trace_id == answer.get_span_context().trace_id
    assert [count for _, count in telemetry.counts("confession.verdicts")] == [1]
    assert telemetry.counts("confession.dropped") == []


def test_the_same_confession_of_the_same_answer_has_the_same_id(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers)
    with telemetry.tracer_provider.get_tracer("host").start_as_current_span("chat"):
        co.record(FAILED)
        co.record(FAILED)
        co.record(COMPLIED)
    first, again, other = ((span.attributes or {})["confession.id"] for span in telemetry.spans("confession"))
    assert first == again != other


def test_text_that_no_exporter_could_encode_is_mended(telemetry: Telemetry) -> None:
    recorded(telemetry, FAILED + " \ud83d")
    text = (telemetry.confession().attributes or {})["confession.text"]
    assert isinstance(text, str)
    assert text.encode() == (FAILED + " ?").encode()


def test_every_name_on_every_signal_is_one_of_semconv(telemetry: Telemetry) -> None:
    recorded(telemetry, FAILED, co.Evidence(finish_reason="length"))
    known = {value for name, value in vars(semconv).items() if name.isupper() and isinstance(value, str)}
    used = set(telemetry.confession().attributes or {})
    for event in telemetry.events():
        used |= set(event.log_record.attributes or {})
    assert used <= known


def test_no_confession_makes_a_span_that_would_cost_its_batch(telemetry: Telemetry) -> None:
    objective = co.Objective("o" * 50_000, co.Compliance.FAILED, why="w" * 50_000)
    confession = co.Confession("t" * 500_000, (objective,), tuple("u" * 50_000 for _ in range(100)))
    co.instrument(**telemetry.providers)
    co.record(confession)
    attributes = telemetry.confession().attributes or {}
    assert sum(len(str(value)) for value in attributes.values()) < 32_000
    assert attributes["confession.uncertainties.count"] == 100


def test_of_two_confessions_on_one_span_the_flagged_one_marks_it(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers)
    partial = "Objective: o\nResult: partially complied\nWhy: w"
    for texts in ((COMPLIED, partial), (partial, COMPLIED)):
        with telemetry.tracer_provider.get_tracer("host").start_as_current_span("chat") as answer:
            for text in texts:
                co.record(text, evidence=co.Evidence(refusal="no") if text is COMPLIED else None)
        attributes: Any = answer.attributes  # type: ignore[attr-defined] # a span of the SDK
        assert (attributes["confession.flagged"], attributes["confession.verdict"]) == (True, "compliant")

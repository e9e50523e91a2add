"""Evidence against verdicts: the rules one by one, switched, of one's own; and how evidence gets to them."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from langchain_openai import ChatOpenAI
from openai import OpenAI
from opentelemetry._logs import LogRecord
from pydantic import SecretStr

import confession_otel as co
from confession_otel.completion_hook import ConfessionCompletionHook
from confession_otel.corroboration import (
    PART,
    RULES,
    amounts,
    contradictions,
    counting,
    evaluations,
    registry,
    schema,
    wanted,
)
from confession_otel.langchain import ConfessionCallbackHandler
from confession_otel.processor import ConfessionLogRecordProcessor, ConfessionSpanProcessor
from confession_otel.testing import ScriptedServer, chat_completion, response

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Telemetry

COMPLIED = "Objective: answer\nResult: ✓ complied\nWhy: it is answered"
FAILED = "Objective: answer\nResult: ✗ did not comply\nWhy: it is not answered"
LONG = "one two three four five six seven eight"
CONFESSING = f"{LONG}\n\n## Confession\n\nObjective: four words / Result: ✓ complied / Why: counted"
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


@pytest.fixture
def own_rules() -> Iterator[None]:
    before = dict(RULES)
    yield
    for name in set(RULES) - set(before):
        del RULES[name]
    registry._refuting.intersection_update(before)


def found(text: str, **known: Any) -> tuple[str, ...]:
    rules = known.pop("rules", registry.EVERY)
    return contradictions(co.parse(text), co.Evidence(**known), rules)


# --- The registry


def test_the_rules_have_names_sources_and_known_errors() -> None:
    assert list(RULES) == [
        "cut_off",
        "content_filtered",
        "refused",
        "exception",
        "failed_evaluation",
        "limit_broken",
        "limit_kept",
        "schema_broken",
        "tool_error",
    ]
    for name, rule in RULES.items():
        assert "Errs" in (rule.__doc__ or ""), name


def test_nothing_contradicts_what_could_not_be_read() -> None:
    assert found("The weather is fine.", finish_reason="length", exception="ValueError") == ()


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("all", ("cut_off", "exception")),
        ("-cut_off", ("exception",)),
        ("all,-cut_off", ("exception",)),
        ("cut_off", ("cut_off",)),
        ("cut_off,exception,-exception", ("cut_off",)),
        ("refused", ()),
        ("-cut_off,-exception", ()),
        # What is the name of no rule counts as not there.
        ("cut_of", ("cut_off", "exception")),
        ("cut_of,exception", ("exception",)),
    ],
)
def test_rules_are_switched_by_name(telemetry: Telemetry, rules: str, expected: tuple[str, ...]) -> None:
    co.instrument(**telemetry.providers, rules=rules)
    co.record(COMPLIED, evidence=co.Evidence(finish_reason="length", exception="ValueError"))
    attributes = telemetry.confession().attributes or {}
    assert attributes.get("confession.contradictions", ()) == expected
    assert attributes["confession.flagged"] is bool(expected)


@pytest.mark.parametrize("rules", ["", "Cut off", "cut_off;refused", "!refused"])
def test_what_names_no_rule_is_no_setting(rules: str) -> None:
    with pytest.raises(ValueError, match="names of rules"):
        co.Settings.read({}, rules=rules)


def test_a_name_that_no_rule_has_is_said_once(telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    co.instrument(**telemetry.providers, rules="-cutoff")
    for _ in range(2):
        co.record(COMPLIED, evidence=co.Evidence(finish_reason="length"))
    assert caplog.text.count("rules names cutoff, and there is no such rule; there are cut_off,") == 1
    assert [(span.attributes or {})["confession.contradictions"] for span in telemetry.spans("confession")] == [
        ("cut_off",),
        ("cut_off",),
    ]


@pytest.mark.usefixtures("own_rules")
def test_a_rule_of_ones_own_is_one_of_them(telemetry: Telemetry) -> None:
    @co.rule
    def says_sorry(confession: co.Confession, evidence: co.Evidence) -> bool:
        return "sorry" in (evidence.output_text or "")

    @co.rule(name="not_so_bad", refutes=True)
    def _(confession: co.Confession, evidence: co.Evidence) -> object:
        return evidence.output_text

    assert found(COMPLIED, output_text="sorry!") == ("says_sorry",)
    assert found(COMPLIED, output_text="well") == ()
    assert found(FAILED, output_text="sorry!") == ("not_so_bad",)
    assert says_sorry(co.parse(COMPLIED), co.Evidence(output_text="sorry")) is True
    co.instrument(**telemetry.providers, rules="says_sorry")
    co.record(COMPLIED, evidence=co.Evidence(output_text="sorry", finish_reason="length"))
    assert (telemetry.confession().attributes or {})["confession.contradictions"] == ("says_sorry",)


@pytest.mark.usefixtures("own_rules")
def test_the_rule_in_the_documentation_is_one() -> None:
    page = (Path(__file__).parent.parent / "docs" / "contradictions.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(example, {"__name__": "example"})  # noqa: S102 - our own
    assert found(COMPLIED, request_text="Name a source.", output_text="I know it.") == ("promised_a_source",)
    assert found(COMPLIED, request_text="Name a source.", output_text="http://example.com") == ()
    assert found(COMPLIED, request_text="Name a source.") == ()


@pytest.mark.usefixtures("own_rules")
def test_a_rule_that_raises_is_swallowed_counted_and_found_nothing(
    telemetry: Telemetry, swallowed: list[tuple[str, Exception]]
) -> None:
    @co.rule
    def breaks(confession: co.Confession, evidence: co.Evidence) -> bool:
        raise KeyError(evidence.output_text)

    co.instrument(**telemetry.providers)
    co.record(COMPLIED, evidence=co.Evidence(finish_reason="length"))
    assert [site for site, _ in swallowed] == ["corroboration.breaks"]
    swallowed.clear()
    assert (telemetry.confession().attributes or {})["confession.contradictions"] == ("cut_off",)
    assert telemetry.counts("confession.dropped") == [({"confession.reason": "internal_error"}, 1)]


@pytest.mark.usefixtures("own_rules")
@pytest.mark.parametrize("name", ["", "all", "Has-Dash", "9lives", "a" * 65, "ünder", "two words", "cut_off"])
def test_a_name_that_is_not_allowed_or_taken_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"no name for a rule|a rule cut_off already"):
        co.rule(name=name)(lambda confession, evidence: True)
    assert len(RULES) == 9


@pytest.mark.usefixtures("own_rules")
def test_the_same_rule_defined_again_takes_its_own_place() -> None:
    for answer in (False, True):

        @co.rule
        def again(confession: co.Confession, evidence: co.Evidence, answer: bool = answer) -> bool:
            return answer

    assert found(COMPLIED) == ("again",)


def test_what_cannot_be_called_is_no_rule() -> None:
    with pytest.raises(TypeError, match="not str"):
        co.rule("cut_off")  # type: ignore[call-overload]


# --- Tools


@pytest.mark.parametrize(
    ("why", "tool", "contradicted"),
    [
        ("The booking is confirmed.", "book", True),
        ("The booking failed.", "book", False),
        ("I could not book it.", "book", False),
        ("The booking never failed.", "book", True),
        ("No tool failed.", "book", True),
        ("One tool call failed.", "book", False),
        ("The forecast API was unreachable.", "get_weather", False),
        ("Weather data was unavailable.", "get_weather", False),
        ("The flight is unavailable.", "get_weather", True),
        ("getWeather returned 503.", "getWeather", False),
        ("All is well.", "工具", True),
        ("工具 failed.", "工具", False),
    ],
)
def test_a_failed_tool_is_told_of_or_it_contradicts(why: str, tool: str, contradicted: bool) -> None:
    text = f"Objective: do it\nResult: ✓ complied\nWhy: {why}"
    assert found(text, tool_errors=(tool,)) == (("tool_error",) if contradicted else ())


# --- Schemas


@pytest.mark.parametrize(
    ("output", "of", "broken"),
    [
        ('{"n": 1}', SCHEMA, False),
        ('{"n": 1.0}', SCHEMA, False),
        ('{"n": true}', SCHEMA, True),
        ('{"n": "1"}', SCHEMA, True),
        ("{}", SCHEMA, True),
        ("n: 1", SCHEMA, True),
        ('{"n": 1', SCHEMA, True),
        ("", SCHEMA, False),
        ("3", {"type": ["integer", "null"], "maximum": 2}, True),
        ("null", {"type": ["integer", "null"], "maximum": 2}, False),
        ('["a"]', {"type": "array", "items": {"enum": ["b"]}}, True),
        ('["a"]', {"prefixItems": [{"const": "a"}], "items": False}, False),
        ('{"x": 1}', {"properties": {}, "additionalProperties": False}, True),
        ('{"x": 1}', {"patternProperties": {"x": {}}, "additionalProperties": False}, False),
        ('{"x": 1}', {"oneOf": [False]}, False),
        ('{"x": 1}', {"anyOf": [{"required": ["y"]}, {"required": ["z"]}]}, True),
        ('"a"', {"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"const": "b"}}}, True),
        ('"a"', {"$ref": "#elsewhere"}, False),
        ('"a"', {"$ref": "#"}, False),
        ('"a"', {"type": "text"}, False),
        ('"a"', {"anyOf": 3}, False),
        ("1" * 5000, SCHEMA, False),
        ("[" * 100_000, SCHEMA, False),
    ],
)
def test_an_output_breaks_its_schema_only_where_that_is_sure(output: str, of: Any, broken: bool) -> None:
    assert schema.breaks(output, of) is broken


def test_a_schema_that_a_hostile_output_could_exhaust_says_nothing_in_time() -> None:
    node: Any = {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}
    began = time.perf_counter()
    assert schema.breaks(json.dumps([[1]] * 50_000), {**node, "items": node}) is False
    assert time.perf_counter() - began < 1


# --- Limits


@pytest.mark.parametrize(
    ("request_text", "expected"),
    [
        ("Answer in at most 50 words.", [("word", 0, 50)]),
        ("Answer in no more than 1,000 characters!", [("character", 0, 1000)]),
        ("Reply with between three and five sentences.", [("sentence", 3, 5)]),
        ("Use at least 3 but no more than 5 bullet points.", [("bullet", 3, 5)]),
        ("Summarise it in under fifty words", [("word", 0, 49)]),
        ("Keep your answer longer than 20 words.", [("word", 21, amounts.MANY)]),
        ("Explain it in exactly one paragraph.", [("paragraph", 1, 1)]),
        ("Explain it in a sentence.", [("sentence", 1, 1)]),
        ("What is a tide?\nMax. 20 words", [("word", 0, 20)]),
        ("Be brief." + PART + "What is a tide? One word only.", [("word", 1, 1)]),
        ("Don't write less than 20 words.", [("word", 20, amounts.MANY)]),
        ("Do not answer in one sentence.", []),
        ("It is not to be under 50 words.", []),
        ("Explain it in 50 words.", []),
        ("Explain it in about 3 sentences.", []),
        ("Write three bullets of at most 5 words.", []),
        ("Write a title of at most 5 words.", []),
        ("Explain it in one sentence and draw it.", []),
        ("Explain it in one sentence. Then draw it.", []),
        ("Translate it. Explain it in one sentence.", []),
        ("If you must, answer in one sentence.", []),
        ("She wrote at most 50 words a day.", []),
        ("Translate: “answer in at most 50 words”", []),
        ("Translate <text>Answer in one sentence.</text>", []),
        ("Summarise this:\n\nAnswer in one sentence.", []),
        ("Rules:\n\n- Answer in one sentence.", [("sentence", 1, 1)]),
        ("Resume en 50 palabras como máximo.", []),
        ("Translate these three sentences.", []),
        ("Write the newsletter from the five items.", []),
        ("Shorten the following two paragraphs, please.", []),
        ("Give me a list of five items.", [("bullet", 5, 5)]),
        ("Write a play with no more than four characters.", []),
        ("Write a function that truncates a string to at most 80 characters.", []),
        ("Explain why tweets are limited to 280 characters.", []),
        ("Write a queue in Python which holds at most 10 items.", []),
        ("Tell the guest why it is late in at most 160 characters.", [("character", 0, 160)]),
        ("Write a post that stays under 280 characters.", [("character", 0, 279)]),
        ("However late it is, write no more than 280 characters.", [("character", 0, 280)]),
    ],
)
def test_a_limit_is_read_where_it_is_sure_to_be_on_the_whole_answer(request_text: str, expected: list[Any]) -> None:
    assert wanted.limits(request_text) == expected


@pytest.mark.parametrize(
    ("unit", "text", "span"),
    [
        ("word", "A well-known, state-of-the-art mug.", (4, 8)),
        ("word", "Here you are:\n\n**Two** words", (2, 5)),
        ("word", "睡眠は大事です。", None),
        ("sentence", "Dr. Ott came at 3 p.m. It rained, e.g. here.", (1, 6)),
        ("sentence", "No end", (1, 1)),
        ("bullet", "- a\n  - b\n- c", (2, 3)),
        ("bullet", "a, b, c", (0, 1)),
        ("paragraph", "# Head\n\nOne.\n\nTwo,\n- a\n- b", (2, 5)),
        ("character", "**ab**  c", (4, 9)),
        ("line", "a\n\nb", (2, 2)),
    ],
)
def test_a_count_is_a_span_between_ways_to_count(unit: str, text: str, span: Any) -> None:
    assert counting.COUNT[unit](text) == span


HOSTILE = {
    "dots": "." * 60_000,
    "blank lines": "a:" + "\n" * 60_000 + " ",
    "tags": "<a>" * 20_000,
    "tildes": "~" * 60_000 + " 5 words",
    "quotes": "“" * 60_000,
    "numbers": "at most 5 words and " * 3_000,
    "colons": ":\n" * 30_000,
    "failures": "error " * 10_000,
    "brackets": "([{" * 20_000,
    "blanks": " \t" * 30_000 + "word",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_costs_bounded_time(name: str) -> None:
    text = HOSTILE[name]
    confession = co.Confession(text, (co.Objective(text, co.Compliance.COMPLIED, why=text),), (text,))
    known = co.Evidence(
        request_text="Answer in at most 5 words and 2 sentences." + PART + text,
        output_text=text,
        output_schema=SCHEMA,
        tool_errors=("get_weather",),
    )
    began = time.perf_counter()
    contradictions(confession, known)
    assert time.perf_counter() - began < 1.5


# --- Other evaluators


def result(name: str = "correctness", label: Any = None, more: Any = ()) -> dict[str, Any]:
    attributes = {"gen_ai.evaluation.name": name, **dict(more)}
    return attributes if label is None else {**attributes, "gen_ai.evaluation.score.label": label}


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        (result(label="fail"), "correctness"),
        (result(label=" Not Passed "), "correctness"),
        (result(label=False), "correctness"),
        (result("toxicity", "false"), None),
        (result("incorrectness", "false"), None),
        (result("answer_correctness", "no"), "answer_correctness"),
        (result(label="pass"), None),
        (result(label="good"), None),
        (result(label="fail", more={"gen_ai.evaluation.passed": True}), None),
        (result("bias", more={"gen_ai.evaluation.passed": False}), "bias"),
        (result(label="fail", more={"error.type": "timeout"}), None),
        (result("confession.compliance", "fail"), None),
        (result(more={"gen_ai.evaluation.score.value": 0.0}), None),
        ({"gen_ai.evaluation.score.label": "fail"}, None),
        (result("x" * 999, "fail"), "x" * 128),
    ],
)
def test_an_evaluation_failed_only_where_its_result_can_mean_nothing_else(
    attributes: dict[str, Any], expected: str | None
) -> None:
    assert evaluations.failed(attributes) == expected


def evaluate(telemetry: Telemetry, span: Any = None, **attributes: Any) -> None:
    from opentelemetry.trace import set_span_in_context

    telemetry.logger_provider.get_logger("evaluator").emit(
        LogRecord(
            context=None if span is None else set_span_in_context(span),
            event_name="gen_ai.evaluation.result",
            attributes=result(label="fail") | attributes,
        )
    )


@pytest.fixture
def evaluating(telemetry: Telemetry) -> Telemetry:
    telemetry.logger_provider.add_log_record_processor(ConfessionLogRecordProcessor())
    return telemetry


@pytest.mark.parametrize("by", ["response id", "span"])
def test_an_evaluation_that_failed_before_contradicts(evaluating: Telemetry, by: str) -> None:
    co.instrument(**evaluating.providers)
    tracer = evaluating.tracer_provider.get_tracer("host")
    known = {"gen_ai.operation.name": "chat", "gen_ai.response.id": "r-1"}
    with tracer.start_as_current_span("chat", attributes=known) as answer:
        if by == "span":
            evaluate(evaluating, answer)
        else:
            evaluate(evaluating, **{"gen_ai.response.id": "r-1"})
        co.record(COMPLIED)
    assert (evaluating.confession().attributes or {})["confession.contradictions"] == ("failed_evaluation",)


@pytest.mark.parametrize("by", ["response id", "span"])
def test_one_that_fails_afterwards_is_followed_by_a_correction(evaluating: Telemetry, by: str) -> None:
    co.instrument(**evaluating.providers)
    tracer = evaluating.tracer_provider.get_tracer("host")
    known = {"gen_ai.operation.name": "chat", "gen_ai.response.id": "r-1", "gen_ai.request.model": "m-1"}
    with tracer.start_as_current_span("chat", attributes=known) as answer:
        co.record(COMPLIED, evidence=co.Evidence(finish_reason="length"))
    for _ in range(2):
        if by == "span":
            evaluate(evaluating, answer)
        else:
            evaluate(evaluating, **{"gen_ai.response.id": "r-1"})
    first, correction = evaluating.spans("confession")
    said = dict(first.attributes or {})
    assert dict(correction.attributes or {}) == {
        "openinference.span.kind": "EVALUATOR",
        "gen_ai.request.model": "m-1",
        "gen_ai.response.id": "r-1",
        "confession.id": said["confession.id"],
        "confession.verdict": "compliant",
        "confession.source": "record",
        "confession.flagged": True,
        "confession.contradicted": True,
        "confession.contradictions": ("cut_off", "failed_evaluation"),
        "error.type": "contradicted",
    }
    assert correction.parent is not None
    assert correction.parent.span_id == answer.get_span_context().span_id
    ours = [event.log_record for event in evaluating.events() if event.log_record.body]
    assert [dict(record.attributes or {}).get("confession.contradictions") for record in ours] == [
        None,
        ("cut_off", "failed_evaluation"),
    ]
    assert ours[1].trace_id == answer.get_span_context().trace_id
    assert [count for _, count in evaluating.counts("confession.verdicts")] == [1]


@pytest.mark.parametrize(
    ("text", "settings"), [(FAILED, {}), ("gibberish", {}), (COMPLIED, {"rules": "-failed_evaluation"})]
)
def test_nothing_is_corrected_that_was_not_contradicted(
    evaluating: Telemetry, text: str, settings: dict[str, Any]
) -> None:
    co.instrument(**evaluating.providers, **settings)
    with evaluating.tracer_provider.get_tracer("host").start_as_current_span("chat") as answer:
        co.record(text)
    evaluate(evaluating, answer)
    assert len(evaluating.spans("confession")) == 1


def test_our_own_event_evaluates_nothing(evaluating: Telemetry) -> None:
    co.instrument(**evaluating.providers)
    with evaluating.tracer_provider.get_tracer("host").start_as_current_span("chat"):
        co.record(FAILED)
        co.record(COMPLIED)
    assert [(span.attributes or {}).get("confession.contradicted") for span in evaluating.spans("confession")] == [
        None,
        None,
    ]


# --- What the hooks hand over

ASKED: Any = [
    {"role": "system", "content": "You are kind."},
    {"role": "user", "content": "Answer in one word."},
    {"role": "assistant", "content": "Yes"},
    {"role": "user", "content": [{"type": "text", "text": "What is it? Use at most four words. canary-request"}]},
]


def contradicted(telemetry: Telemetry) -> Any:
    return (telemetry.confession().attributes or {}).get("confession.contradictions", ())


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    def reply(request: Any) -> Any:
        return response(CONFESSING) if "input" in request.json else chat_completion(CONFESSING)

    with ScriptedServer(reply) as server:
        yield server


def test_the_openai_hook_hands_over_request_and_answer(telemetry: Telemetry, server: ScriptedServer) -> None:
    co.instrument(**telemetry.providers)
    with OpenAI(base_url=server.base_url, api_key="none", max_retries=0) as client:
        client.chat.completions.create(model="m-1", messages=ASKED)
    assert contradicted(telemetry) == ("limit_broken",)
    # The rule's name is all that leaves of what it looked at.
    everything = repr([(span.name, dict(span.attributes or {})) for span in telemetry.spans()])
    everything += repr([dict(event.log_record.attributes or {}) for event in telemetry.events()])
    assert "canary-request" not in everything
    assert "five six" not in everything


@pytest.mark.parametrize("given", ["What is it? Use at most four words.", ASKED])
def test_so_it_does_for_responses(telemetry: Telemetry, server: ScriptedServer, given: Any) -> None:
    co.instrument(**telemetry.providers)
    with OpenAI(base_url=server.base_url, api_key="none", max_retries=0) as client:
        client.responses.create(model="m-1", input=given, instructions="You are kind.")
    assert contradicted(telemetry) == ("limit_broken",)


def test_a_schema_that_was_asked_for_is_held_against_the_answer_when_it_is_asked_about(telemetry: Telemetry) -> None:
    def reply(request: Any) -> Any:
        asked = "response_format" not in request.json
        return chat_completion(COMPLIED if asked else '{"n": "one"}')

    wanted_format: Any = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}
    co.instrument(**telemetry.providers, way="ask", ask_mode="inline")
    with ScriptedServer(reply) as server, OpenAI(base_url=server.base_url, api_key="none", max_retries=0) as client:
        client.chat.completions.create(model="m-1", messages=ASKED, response_format=wanted_format)
    assert contradicted(telemetry) == ("schema_broken",)


def test_what_is_asked_later_in_the_conversation_is_not_what_was_asked(telemetry: Telemetry) -> None:
    def reply(request: Any) -> Any:
        return chat_completion(COMPLIED if len(request.json["messages"]) > 1 else LONG)

    messages: Any = [{"role": "user", "content": "Tell me."}]
    co.instrument(**telemetry.providers, way="ask")
    with ScriptedServer(reply) as server, OpenAI(base_url=server.base_url, api_key="none", max_retries=0) as client:
        client.chat.completions.create(model="m-1", messages=messages)
        messages.append({"role": "user", "content": "Answer in one word."})
        assert co.flush(10)
    assert contradicted(telemetry) == ()


def test_in_band_the_instruction_of_ours_is_not_what_was_asked(telemetry: Telemetry) -> None:
    def reply(request: Any) -> Any:
        text = request.json["messages"][-1]["content"]
        tag = text.split('<confession id="')[-1].split('"')[0]
        return chat_completion(f'{LONG}\n\n<confession id="{tag}">\n{COMPLIED}\n</confession>')

    seen: list[str | None] = []

    @co.rule
    def looks(confession: co.Confession, evidence: co.Evidence) -> bool:
        seen.extend((evidence.request_text, evidence.output_text))
        return False

    try:
        co.instrument(**telemetry.providers, way="in_band")
        with ScriptedServer(reply) as server, OpenAI(base_url=server.base_url, api_key="none") as client:
            client.chat.completions.create(model="m-1", messages=[{"role": "user", "content": "Tell me."}])
    finally:
        del RULES["looks"]
    assert seen == ["Tell me.", LONG]


def test_langchain_hands_over_request_and_answer(telemetry: Telemetry, server: ScriptedServer) -> None:
    model = ChatOpenAI(model="m-1", base_url=server.base_url, api_key=SecretStr("none"), max_retries=0)
    handler = ConfessionCallbackHandler(**telemetry.providers)
    model.invoke(ASKED, config={"callbacks": [handler]})
    assert contradicted(telemetry) == ("limit_broken",)


SPANS: dict[str, dict[str, Any]] = {
    "OpenTelemetry": {
        "gen_ai.operation.name": "chat",
        "gen_ai.system_instructions": json.dumps([{"type": "text", "content": "Use at most four words."}]),
        "gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": "What is it?"}]}]),
        "gen_ai.output.messages": json.dumps(
            [{"role": "assistant", "parts": [{"type": "text", "content": CONFESSING}]}]
        ),
    },
    "OpenInference": {
        "openinference.span.kind": "LLM",
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": "What is it? Use at most one hundred words.",
        "llm.input_messages.10.message.role": "user",
        "llm.input_messages.10.message.contents.0.message_content.text": "What is it? Use at most four words.",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": CONFESSING,
    },
    "OpenLLMetry": {
        "llm.request.type": "chat",
        "gen_ai.prompt.0.role": "user",
        "gen_ai.prompt.0.content": "What is it? Use at most four words.",
        "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.content": CONFESSING,
    },
}


REQUEST = ("gen_ai.system_instructions", "gen_ai.input.messages")


@pytest.mark.parametrize("dialect", SPANS)
def test_spans_that_say_what_was_asked_hand_it_over(telemetry: Telemetry, dialect: str) -> None:
    telemetry.tracer_provider.add_span_processor(ConfessionSpanProcessor(**telemetry.providers))
    telemetry.tracer_provider.get_tracer("peer").start_span("chat", attributes=SPANS[dialect]).end()
    assert contradicted(telemetry) == ("limit_broken",)


@pytest.mark.parametrize(
    "inputs", [None, "[", '[{"role": "user"', '"text"', "[3, null]", '[{"role": "user", "parts": 3}]']
)
def test_spans_that_say_it_in_part_only_contradict_nothing(telemetry: Telemetry, inputs: str | None) -> None:
    telemetry.tracer_provider.add_span_processor(ConfessionSpanProcessor(**telemetry.providers))
    attributes = {key: value for key, value in SPANS["OpenTelemetry"].items() if key not in REQUEST}
    if inputs is not None:
        attributes["gen_ai.input.messages"] = inputs
    telemetry.tracer_provider.get_tracer("peer").start_span("chat", attributes=attributes).end()
    assert contradicted(telemetry) == ()


def test_the_completion_hook_hands_over_request_and_answer(telemetry: Telemetry) -> None:
    from opentelemetry.util.genai import types

    ConfessionCompletionHook(**telemetry.providers).on_completion(
        inputs=[types.InputMessage(role="user", parts=[types.Text(content="What is it?")])],
        outputs=[
            types.OutputMessage(role="assistant", parts=[types.Text(content=CONFESSING)], finish_reason="stop"),
        ],
        system_instruction=[types.Text(content="Use at most four words.")],
    )
    assert contradicted(telemetry) == ("limit_broken",)


def test_an_answer_without_a_confession_has_nobody_look_at_its_request(
    telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from confession_otel.openai import chat

    def look(*_: Any) -> Any:
        pytest.fail("the request was looked at")

    monkeypatch.setattr(chat, "_asked", look)
    co.instrument(**telemetry.providers)
    with (
        ScriptedServer(lambda _: chat_completion(LONG)) as server,
        OpenAI(base_url=server.base_url, api_key="none") as client,
    ):
        client.chat.completions.create(model="m-1", messages=ASKED)
    assert telemetry.spans("confession") == []

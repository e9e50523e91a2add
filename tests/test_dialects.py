"""What other instrumentations write, as each of them writes it, and damaged."""

from __future__ import annotations

import json
import math
from types import MappingProxyType
from typing import Any

import pytest

from confession_otel import dialects
from confession_otel.dialects import Kind, choices_of, output_of_event
from confession_otel.dialects.shapes import LONGEST
from confession_otel.reading import find

ANSWER = "Two “words”.\n\n## Confession\n\nObjective: ten words / Result: ✗ did not comply / Why: two"


def otel(text: str = ANSWER, **message: Any) -> list[dict[str, Any]]:
    return [{"role": "assistant", "parts": [{"type": "text", "content": text}], **message}]


def otel_parts(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "assistant", "parts": list(parts)}]


def read(**attributes: Any) -> dialects.Written:
    written = dialects.read({key.replace("__", "."): value for key, value in attributes.items()})
    assert written is not None
    return written


EMPTY = '[{"role": "assistant", "parts": []}]'
CHAT = {"gen_ai.operation.name": "chat"}
LLM = {"openinference.span.kind": "LLM"}
DETAILS = "gen_ai.client.inference.operation.details"
GENERATION = {"langfuse.observation.type": "generation"}

OUTPUTS = {
    "messages as JSON": {**CHAT, "gen_ai.output.messages": json.dumps(otel(finish_reason="stop"))},
    "messages as they are": {
        **CHAT,
        "gen_ai.output.messages": otel(finish_reason="stop"),
    },
    "reasoning before the text": {
        **CHAT,
        "gen_ai.output.messages": json.dumps(
            [
                {
                    "role": "assistant",
                    "parts": [
                        {"type": "reasoning", "content": "Ten words, they say."},
                        {"type": "text", "content": ANSWER},
                    ],
                    "finish_reason": "stop",
                }
            ]
        ),
    },
    "thinking after the text": {
        "gen_ai.operation.name": "chat",
        "gen_ai.output.messages": json.dumps(
            [
                {
                    "role": "assistant",
                    "parts": [*otel()[0]["parts"], {"type": "thinking", "content": "Hm."}],
                    "finish_reason": "stop",
                }
            ]
        ),
    },
    "OpenLLMetry of old": {
        "llm.request.type": "chat",
        "gen_ai.completion.0.content": ANSWER,
        "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.finish_reason": "stop",
    },
    "OpenInference, chat": {
        **LLM,
        "llm.output_messages.0.message.content": ANSWER,
        "llm.output_messages.0.message.role": "assistant",
        "llm.finish_reason": "stop",
    },
    "OpenInference, blocks": {
        **LLM,
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.contents.0.message_content.type": "reasoning",
        "llm.output_messages.0.message.contents.0.message_content.text": "Ten words, they say.",
        "llm.output_messages.1.message.role": "assistant",
        "llm.output_messages.1.message.contents.0.message_content.type": "text",
        "llm.output_messages.1.message.contents.0.message_content.text": ANSWER,
        "llm.finish_reason": "stop",
    },
    "OpenInference, the value alone": {
        **LLM,
        "output.value": json.dumps({"choices": [{"message": {"content": ANSWER}, "finish_reason": "stop"}]}),
        "output.mime_type": "application/json",
    },
    "Langfuse, chat": {
        **GENERATION,
        "langfuse.observation.output": json.dumps({"role": "assistant", "content": ANSWER}),
        "langfuse.observation.metadata.finish_reason": '"stop"',
    },
    "Langfuse, streamed": {
        **GENERATION,
        "langfuse.observation.output": ANSWER,
        "langfuse.observation.metadata.finish_reason": '"stop"',
    },
    "LangSmith": {
        "langsmith.span.kind": "llm",
        "gen_ai.operation.name": "chat",
        "gen_ai.completion": json.dumps(
            {
                "generations": [
                    [{"text": ANSWER, "type": "ChatGeneration", "message": {"lc": 1, "kwargs": {"content": ANSWER}}}]
                ],
                "llm_output": {"token_usage": {}},
            }
        ),
        "gen_ai.response.finish_reasons": ("stop",),
    },
    "Anthropic's message": {
        **CHAT,
        "gen_ai.output.messages": json.dumps(
            {
                "role": "assistant",
                "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": ANSWER}],
                "stop_reason": "stop",
            }
        ),
    },
    "Gemini's candidates": {
        **CHAT,
        "gen_ai.output.messages": json.dumps(
            {
                "candidates": [
                    {
                        "content": {"parts": [{"text": "Hm.", "thought": True}, {"text": ANSWER}], "role": "model"},
                        "finishReason": "stop",
                    }
                ]
            }
        ),
    },
    "Logfire's reasons": {
        **CHAT,
        "logfire.span_type": "span",
        "gen_ai.output.messages": json.dumps(otel()),
        "gen_ai.response.finish_reasons": '["stop"]',
    },
}


@pytest.mark.parametrize("attributes", OUTPUTS.values(), ids=OUTPUTS.keys())
def test_the_answer_is_found_as_each_of_them_writes_it(attributes: dict[str, Any]) -> None:
    written = dialects.read(MappingProxyType(attributes))
    assert written is not None
    assert written.kind is Kind.INFERENCE
    (choice,) = written.output()
    assert (choice.text, choice.finish_reason, choice.tool_turn, choice.truncated) == (ANSWER, "stop", False, False)


def test_the_items_of_a_response_are_one_answer() -> None:
    output = [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Ten."}]},
        {
            "type": "message",
            "role": "assistant",
            "phase": "commentary",
            "content": [{"type": "output_text", "text": "!"}],
        },
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": ANSWER}]},
    ]
    for value in (output, {"id": "resp_1", "output": output}, json.dumps({"output": output})):
        (choice,) = choices_of(value)
        assert choice.text == ANSWER


def test_several_messages_are_several_choices() -> None:
    choices = read(
        **CHAT,
        gen_ai__output__messages=json.dumps([*otel("one", finish_reason="stop"), *otel("two", finish_reason="length")]),
    ).output()
    assert [(choice.text, choice.finish_reason) for choice in choices] == [("one", "stop"), ("two", "length")]


def test_a_flattened_list_keeps_its_order_past_ten() -> None:
    attributes = {f"llm.output_messages.{number}.message.content": str(number) for number in range(12)}
    choices = read(**LLM, **attributes).output()
    assert [choice.text for choice in choices] == [str(number) for number in range(12)]


TOOL_TURNS = {
    "a call alone": {**CHAT, "gen_ai.output.messages": json.dumps(otel_parts({"type": "tool_call", "name": "f"}))},
    "words and the reason": {**CHAT, "gen_ai.output.messages": json.dumps(otel("Look.", finish_reason="tool_call"))},
    "words, the reason beside them": {
        **CHAT,
        "gen_ai.output.messages": json.dumps(otel("Let me look.")),
        "gen_ai.response.finish_reasons": ("tool_calls",),
    },
    "OpenInference": {
        **LLM,
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "f",
    },
    "OpenLLMetry of old": {
        "llm.request.type": "chat",
        "gen_ai.completion.0.finish_reason": "tool_calls",
        "gen_ai.completion.0.tool_calls.0.name": "f",
    },
    "Langfuse": {
        **GENERATION,
        "langfuse.observation.output": json.dumps({"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}),
    },
    "Anthropic": {
        **CHAT,
        "gen_ai.output.messages": json.dumps(
            {"content": [{"type": "tool_use", "name": "f"}], "stop_reason": "tool_use"},
        ),
    },
}


@pytest.mark.parametrize("attributes", TOOL_TURNS.values(), ids=TOOL_TURNS.keys())
def test_a_turn_that_calls_tools_is_known_as_one(attributes: dict[str, Any]) -> None:
    (choice,) = read(**attributes).output()
    assert choice.tool_turn


def test_where_the_words_are_missing_the_reason_still_tells_a_tool_turn() -> None:
    assert read(**CHAT, gen_ai__response__finish_reasons=("tool_calls",)).waits_for_tools()
    assert not read(**CHAT, gen_ai__response__finish_reasons=("stop",)).waits_for_tools()
    assert not read(**CHAT).waits_for_tools()


@pytest.mark.parametrize("end", range(30, len(json.dumps(otel())) - 1))
def test_json_cut_off_anywhere_is_read_as_far_as_it_goes(end: int) -> None:
    whole = json.dumps(otel(), ensure_ascii=end % 2 == 0)
    end = min(end, len(whole) - 1)
    choices = choices_of(whole[:end])
    if '"content": "' in whole[:end]:
        (choice,) = choices
        assert choice.truncated
        assert ANSWER.startswith(choice.text)
        # No more than one escape is lost.
        written = len(whole[:end]) - whole.index('"content": "') - len('"content": "')
        assert len(json.dumps(choice.text, ensure_ascii=end % 2 == 0)) - 2 >= min(written, len(ANSWER)) - 6


RICH = {
    "id": "r-1",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": 'He said: "ten 🙂"\n\\ – é\t', "refusal": None},
            "logprobs": {"content": [{"token": " ten", "logprob": -1.5e-07, "bytes": [32, 116], "least": -math.inf}]},
            "finish_reason": "stop",
        }
    ],
    "usage": {"total": 12, "cached": False, "billed": True, "rate": math.inf, "unknown": math.nan},
}


@pytest.mark.parametrize("ensure_ascii", [True, False])
@pytest.mark.parametrize("indent", [None, 1])
def test_a_message_cut_off_anywhere_is_known_to_be(indent: int | None, ensure_ascii: bool) -> None:
    whole = json.dumps(RICH, indent=indent, ensure_ascii=ensure_ascii)
    begin = whole.index('"content": "') + len('"content": "')
    unknown = [
        whole[end - 20 : end]
        for end in range(begin, len(whole))
        if [choice.truncated for choice in choices_of(whole[:end])] != [True]
    ]
    assert unknown == []


@pytest.mark.parametrize("end", [300_000, 299_999, 299_998, 299_997, 299_996])
def test_a_long_text_of_many_escapes_is_read_to_where_it_was_cut(end: int) -> None:
    text = 'a "word"\\\n\t‘é’ 🙂\u0001' * 20_000
    whole = json.dumps(otel(text), ensure_ascii=False)
    (choice,) = choices_of(whole[:end])
    assert choice.truncated
    assert text.startswith(choice.text)
    begin = whole.index('"content": "') + len('"content": "')
    assert end - begin - 6 < len(json.dumps(choice.text, ensure_ascii=False)) - 2 <= end - begin


CONFESSION = "\n\n<confession>\nObjective: ten words\nResult: ✗ did not comply\nWhy: two\n</confession>"


@pytest.mark.parametrize(
    "answer",
    [
        '{"text": "Paris"}',
        '{"text": "Paris", "score": 1}',
        '[{"type": "city", "text": "Paris"}]',
        '{"role": "assistant", "content": "Paris"}',
        '[Draft] The body is {"content": "hello"}.',
        '{"a": "b", see "content": "x"}',
    ],
)
@pytest.mark.parametrize(
    "written",
    [
        lambda text: {**LLM, "output.value": text},
        lambda text: {**GENERATION, "langfuse.observation.output": text},
        lambda text: {"langsmith.span.kind": "llm", "gen_ai.completion": text},
    ],
    ids=["OpenInference", "Langfuse", "LangSmith"],
)
def test_an_answer_in_json_with_a_confession_behind_it_is_one_text(written: Any, answer: str) -> None:
    (choice,) = read(**written(answer + CONFESSION)).output()
    assert (choice.text, choice.truncated) == (answer + CONFESSION, False)
    assert find(choice.text).confession is not None


def test_the_reasoning_in_cut_json_is_no_answer() -> None:
    text = '[{"parts": [{"type": "reasoning", "content": "a confession"}, {"type": "text", "content": "Yes'
    (choice,) = choices_of(text)
    assert choice.text == "Yes"


def test_half_of_a_character_that_takes_two_escapes_is_left_out_of_the_way() -> None:
    (choice,) = choices_of('[{"role": "assistant", "parts": [{"type": "text", "content": "Yes \\ud83d')
    choice.text.encode()
    assert choice.text.startswith("Yes ")


@pytest.mark.parametrize("text", ['{"answer": 42}', "[1, 2]", '{"broken": ', "[not json at all", "[]", "{}"])
def test_an_answer_that_is_json_itself_is_the_text(text: str) -> None:
    (choice,) = choices_of(text)
    assert choice.text == text


@pytest.mark.parametrize(
    "value", [None, 1, 1.5, True, b"bytes", (), [], {}, "", "  ", [None], [[]], {"role": "assistant"}, object(), EMPTY]
)
def test_what_holds_no_words_gives_nothing(value: Any) -> None:
    assert choices_of(value) == []


def test_wrapping_without_end_is_given_up() -> None:
    deep: Any = "words"
    for _ in range(5000):
        deep = {"content": deep}
    assert choices_of(deep) == []
    text = '{"content":' * 5000 + '"words"' + "}" * 5000
    assert [choice.text for choice in choices_of(text)] in ([text], ["words"])


def test_a_value_of_millions_of_characters_is_not_looked_at() -> None:
    (choice,) = choices_of("x" * (LONGEST + 1))
    assert choice.truncated
    assert choice.text == ""


@pytest.mark.parametrize("odd", [[], {}, ["text"], 3, True])
@pytest.mark.parametrize("where", ["message", "part"])
def test_a_type_that_is_no_name_is_none(where: str, odd: object) -> None:
    part = {"text": ANSWER, **({"type": odd} if where == "part" else {})}
    message = {"role": "assistant", "parts": [part], **({"type": odd} if where == "message" else {})}
    assert [choice.text for choice in dialects.choices_of(json.dumps([message]))] == [ANSWER]


@pytest.mark.parametrize("text", ["__REDACTED__", "[Scrubbed due to 'secret']"])
def test_what_was_redacted_is_no_content(text: str) -> None:
    assert read(**LLM, output__value=text).output() == []
    assert read(**CHAT, gen_ai__output__messages=json.dumps(otel(text))).output() == []


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ({}, None),
        ({"http.request.method": "GET", "gen_ai.request.model": "m"}, None),
        ({"gen_ai.operation.name": "chat"}, Kind.INFERENCE),
        ({"gen_ai.operation.name": "generate_content"}, Kind.INFERENCE),
        ({"gen_ai.operation.name": "text_completion"}, Kind.INFERENCE),
        ({"gen_ai.operation.name": "embeddings"}, Kind.OTHER),
        ({"gen_ai.operation.name": "invoke_agent"}, Kind.OTHER),
        ({"gen_ai.operation.name": "execute_tool"}, Kind.TOOL),
        ({"openinference.span.kind": "LLM"}, Kind.INFERENCE),
        ({"openinference.span.kind": "AGENT"}, Kind.OTHER),
        ({"openinference.span.kind": "TOOL"}, Kind.TOOL),
        ({"openinference.span.kind": "LLM", "gen_ai.operation.name": "chat"}, Kind.INFERENCE),
        ({"langfuse.observation.type": "generation"}, Kind.INFERENCE),
        ({"langfuse.observation.type": "span"}, Kind.OTHER),
        ({"langfuse.observation.type": "tool"}, Kind.TOOL),
        ({"llm.request.type": "completion"}, Kind.INFERENCE),
        ({"traceloop.span.kind": "tool"}, Kind.TOOL),
        ({"langsmith.span.kind": "llm"}, Kind.INFERENCE),
        ({"logfire.span_type": "span"}, None),
        ({"gen_ai.operation.name": 5}, None),
        ({"gen_ai.operation.name": ["chat"]}, None),
    ],
)  # fmt: skip
def test_what_a_span_is_of(attributes: dict[str, Any], kind: Kind | None) -> None:
    written = dialects.read(attributes)
    assert (None if written is None else written.kind) is kind
    assert dialects.is_inference(attributes) is (kind is Kind.INFERENCE)


def test_what_is_known_of_the_call() -> None:
    assert read(
        **CHAT,
        gen_ai__request__model="m-1",
        gen_ai__response__id="r-1",
        gen_ai__conversation__id="c-1",
        gen_ai__system="them",
        gen_ai__agent__name="agent",
    ).fields() == {
        "request_model": "m-1",
        "response_id": "r-1",
        "conversation_id": "c-1",
        "provider": "them",
        "agent_name": "agent",
    }
    assert read(
        llm__request__type="chat", gen_ai__request__model="m-1", gen_ai__response__id="r-1", gen_ai__system="them"
    ).fields() == {"request_model": "m-1", "response_id": "r-1", "provider": "them"}
    assert read(
        **LLM, llm__model_name="m-1", session__id="c-1", llm__provider="azure", llm__system="openai"
    ).fields() == {
        "request_model": "m-1",
        "conversation_id": "c-1",
        "provider": "azure",
    }


def test_the_name_of_a_tool() -> None:
    assert read(gen_ai__operation__name="execute_tool", gen_ai__tool__name="search").tool("span") == "search"
    assert read(openinference__span__kind="TOOL", tool__name="search").tool("span") == "search"
    assert read(langfuse__observation__type="tool").tool("span") == "span"


def test_logfires_span_of_a_stream_says_that_the_words_come_later() -> None:
    assert read(**CHAT, logfire__span_type="span").is_elsewhere()
    assert not read(**CHAT, logfire__span_type="span", gen_ai__response__id="r-1").is_elsewhere()
    assert not read(**CHAT, logfire__span_type="log").is_elsewhere()
    assert not read(**CHAT).is_elsewhere()


@pytest.mark.parametrize(
    ("name", "attributes", "body"),
    [
        ("gen_ai.choice", {}, {"index": 0, "finish_reason": "stop", "message": {"content": ANSWER}}),
        ("gen_ai.choice", {"message": json.dumps([{"text": ANSWER}]), "finish_reason": "stop"}, None),
        ("gen_ai.choice", {"message": ANSWER, "finish_reason": "stop"}, None),
        (DETAILS, {"gen_ai.output.messages": otel(finish_reason="stop")}, None),
        (DETAILS, {"gen_ai.output.messages": json.dumps(otel(finish_reason="stop"))}, None),
    ],
)  # fmt: skip
def test_the_answer_in_an_event(name: str, attributes: dict[str, Any], body: Any) -> None:
    assert dialects.is_output_event(name)
    (choice,) = output_of_event(name, attributes, body)
    assert (choice.text, choice.finish_reason) == (ANSWER, "stop")


def test_other_events_hold_nothing() -> None:
    assert not dialects.is_output_event("gen_ai.user.message")
    assert output_of_event("gen_ai.user.message", {"content": ANSWER}) == []

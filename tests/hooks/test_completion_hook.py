"""The completion hook, called by OpenTelemetry's own utility package, which all of its GenAI instrumentations use."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
from openai import AsyncOpenAI, OpenAI
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.util.genai.completion_hook import CompletionHook, load_completion_hook
from opentelemetry.util.genai.handler import TelemetryHandler
from opentelemetry.util.genai.types import (
    BlobPart,
    FilePart,
    InputMessage,
    OutputMessage,
    ReasoningPart,
    TextPart,
    ToolCallRequestPart,
    ToolCallResponsePart,
    UriPart,
)
from pydantic import SecretStr

import confession_otel as co
from confession_otel.asking.conversation import chat_messages
from confession_otel.completion_hook import ConfessionCompletionHook
from confession_otel.processor import ConfessionSpanProcessor
from confession_otel.testing import Reply, Request, ScriptedServer, chat_completion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conftest import Telemetry

REPORT = json.dumps(
    {"compliance_analysis": [{"objective": "ten words", "compliance": "not_complied_not_reported", "analysis": "two"}]}
)
ANSWER = "Two words.\n\n## Confession\n\nObjective: ten words / Result: ✗ did not comply / Why: two"
VARIABLE = "OTEL_INSTRUMENTATION_GENAI_COMPLETION_HOOK"


def answered(
    hook: Any,
    telemetry: Telemetry,
    *texts: str,
    provider: Any = None,
    inputs: Sequence[InputMessage] = (InputMessage("user", [TextPart("Ten words, please.")]),),
    finish_reason: str = "stop",
    parts: Sequence[Any] = (),
) -> None:
    """A call, as an instrumentation tells of it."""
    handler = TelemetryHandler(
        tracer_provider=provider or telemetry.tracer_provider,
        meter_provider=telemetry.meter_provider,
        logger_provider=telemetry.logger_provider,
        completion_hook=hook,
    )
    with handler.inference("openai", request_model="m-1") as call:
        call.response_id = "r-1"
        call.input_messages = list(inputs)
        call.system_instruction = [TextPart("Be brief.")]
        call.output_messages = [
            OutputMessage(
                "assistant", [ReasoningPart("Hm."), *([TextPart(text)] if text else []), *parts], finish_reason
            )
            for text in texts or [""]
        ]


@pytest.fixture
def hook(telemetry: Telemetry) -> ConfessionCompletionHook:
    return ConfessionCompletionHook(**telemetry.providers)


def test_it_is_a_completion_hook(hook: ConfessionCompletionHook) -> None:
    assert isinstance(hook, CompletionHook)


def test_with_capture_off_the_confession_is_on_the_span(telemetry: Telemetry, hook: ConfessionCompletionHook) -> None:
    answered(hook, telemetry, ANSWER)
    (answer,) = telemetry.spans("chat m-1")
    assert answer.attributes is not None
    assert "gen_ai.output.messages" not in answer.attributes
    assert answer.attributes["confession.verdict"] == "non_compliant"
    confession = telemetry.confession()
    assert confession.parent is not None
    assert confession.parent.span_id == answer.context.span_id
    assert confession.attributes is not None
    assert confession.attributes["gen_ai.response.id"] == "r-1"
    assert confession.attributes["gen_ai.request.model"] == "m-1"
    assert telemetry.counts("confession.answers") == [({"confession.status": "confessed"}, 1)]


def test_by_its_entry_point(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "confession")
    co.instrument(**telemetry.providers)
    answered(load_completion_hook(), telemetry, ANSWER)
    assert telemetry.confession().attributes is not None


def test_beside_the_span_processor_it_is_one_confession(telemetry: Telemetry, hook: ConfessionCompletionHook) -> None:
    telemetry.tracer_provider.add_span_processor(ConfessionSpanProcessor(**telemetry.providers))
    answered(hook, telemetry, ANSWER)
    answered(hook, telemetry, "Two words.")
    assert len(telemetry.spans("confession")) == 1
    assert sorted(telemetry.counts("confession.answers"), key=str) == [
        ({"confession.status": "absent"}, 1),
        ({"confession.status": "confessed"}, 1),
    ]


def test_a_tool_turn_is_no_answer(telemetry: Telemetry, hook: ConfessionCompletionHook) -> None:
    answered(hook, telemetry, parts=[ToolCallRequestPart(arguments={"a": 1}, name="f", id="c-1")])
    answered(hook, telemetry, "Let me look.", finish_reason="tool_calls")
    assert telemetry.counts("confession.answers") == []


def test_each_choice_has_its_own(telemetry: Telemetry, hook: ConfessionCompletionHook) -> None:
    answered(hook, telemetry, "Two words.", ANSWER)
    assert telemetry.confession().attributes["confession.choice"] == 1  # type: ignore[index]


def test_without_a_sampled_span_metrics_and_event_still_come(
    telemetry: Telemetry, hook: ConfessionCompletionHook
) -> None:
    from opentelemetry.sdk.trace import TracerProvider

    answered(hook, telemetry, ANSWER, provider=TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False))
    assert len(telemetry.events()) == 1
    assert telemetry.counts("confession.verdicts") != []


class Another:
    """A hook of somebody's."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []

    def on_completion(self, **given: Any) -> None:
        self.seen.append(given)


def test_all_of_it_is_passed_on_to_the_hook_that_the_settings_name(
    telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    # The `upload` of the utility package needs a place; what it is named there is loaded by its entry point.
    from importlib.metadata import EntryPoint

    other = Another()
    module = type(co)("another_hook")
    module.make = lambda: other  # type: ignore[attr-defined]
    monkeypatch.setitem(__import__("sys").modules, "another_hook", module)
    points = [EntryPoint("another", "another_hook:make", "opentelemetry_genai_completion_hook")]
    monkeypatch.setattr("confession_otel.completion_hook.entry_points", lambda group: points)
    answered(ConfessionCompletionHook(**telemetry.providers, completion_hook="another"), telemetry, ANSWER)
    (given,) = other.seen
    assert given["outputs"][0].parts[1].content == ANSWER
    assert given["inputs"][0].role == "user"
    assert given["system_instruction"][0].content == "Be brief."
    assert given["span"].get_span_context() == telemetry.spans("chat m-1")[0].context
    assert len(telemetry.spans("confession")) == 1


@pytest.mark.parametrize("name", ["confession", "nobody"])
def test_a_hook_that_is_not_there_is_said_and_left_out(
    telemetry: Telemetry, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    answered(ConfessionCompletionHook(**telemetry.providers, completion_hook=name), telemetry, ANSWER)
    assert f"completion_hook={name} is not used: there are upload" in caplog.text
    assert len(telemetry.spans("confession")) == 1


def test_what_the_other_hook_raises_is_its_own(telemetry: Telemetry, hook: ConfessionCompletionHook) -> None:
    class Broken(Another):
        def on_completion(self, **_: Any) -> None:
            message = "theirs"
            raise ValueError(message)

    hook._next = Broken()
    with pytest.raises(ValueError, match="theirs"):
        hook.on_completion(inputs=[], outputs=[], system_instruction=[])


@pytest.mark.parametrize("outputs", [[], [None], ["text"], [5], [OutputMessage("assistant", [], None)]])
def test_whatever_it_is_given_it_raises_nothing(
    hook: ConfessionCompletionHook, swallowed: list[Any], outputs: list[Any]
) -> None:
    hook.on_completion(inputs=[], outputs=outputs, system_instruction=[], span=None, log_record=None)
    swallowed.clear()


# Asking through a client that somebody gave.


class Confessor:
    """Answers the request for a confession, and remembers it."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.requests: list[Request] = []

    def __call__(self, request: Request) -> Reply:
        self.requests.append(request)
        self.asked.set()
        return Reply(chat_completion(REPORT, model="m-1", prompt_tokens=30, completion_tokens=20))


def ended(hook: ConfessionCompletionHook) -> None:
    """The threads that ask are, and what lives in their loops is closed."""
    asker = hook._observer()._asker
    assert asker is not None
    assert asker.worker.shutdown(10)


@pytest.mark.parametrize("kind", ["OpenAI", "AsyncOpenAI", "ChatOpenAI"])
def test_it_asks_through_the_client_it_is_given(telemetry: Telemetry, http_clients: dict[str, Any], kind: str) -> None:
    from langchain_openai import ChatOpenAI

    confessor = Confessor()
    with ScriptedServer(confessor) as server:
        clients: dict[str, Any] = {
            "OpenAI": lambda: OpenAI(base_url=server.base_url, api_key="none"),
            "AsyncOpenAI": lambda: AsyncOpenAI(base_url=server.base_url, api_key="none"),
            "ChatOpenAI": lambda: ChatOpenAI(
                model="m-1", base_url=server.base_url, api_key=SecretStr("none"), **http_clients
            ),
        }
        client = clients[kind]()
        hook = ConfessionCompletionHook(**telemetry.providers, way="ask", asking_client=client)
        answered(hook, telemetry, "Two words.")
        assert co.flush(20)
        ended(hook)
    if isinstance(client, OpenAI):
        client.close()
    elif isinstance(client, AsyncOpenAI):
        asyncio.run(client.close())
    (request,) = confessor.requests
    sent = request.json
    assert sent["model"] == "m-1"
    assert [message["role"] for message in sent["messages"]] == ["system", "user", "assistant", "user"]
    assert [message["content"] for message in sent["messages"][:3]] == ["Be brief.", "Ten words, please.", "Two words."]
    confession = telemetry.confession()
    assert confession.attributes is not None
    assert confession.attributes["confession.source"] == "ask"
    assert confession.attributes["confession.verdict"] == "non_compliant"
    assert confession.attributes["confession.asking.input_tokens"] == 30
    assert telemetry.counts("confession.answers") == [({"confession.status": "confessed"}, 1)]


def test_inline_too_it_does_not_wait(telemetry: Telemetry) -> None:
    release = threading.Event()

    def late(_: Request) -> Reply:
        release.wait(20)
        return Reply(chat_completion(REPORT))

    with ScriptedServer(late) as server, OpenAI(base_url=server.base_url, api_key="none") as client:
        hook = ConfessionCompletionHook(**telemetry.providers, way="ask", ask_mode="inline", asking_client=client)
        answered(hook, telemetry, "Two words.")
        assert telemetry.spans("confession") == []
        release.set()
        assert co.flush(20)
        ended(hook)
    assert len(telemetry.spans("confession")) == 1


def test_without_a_client_it_says_so_once_and_counts(telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    hook = ConfessionCompletionHook(**telemetry.providers, way="ask")
    for _ in range(3):
        answered(hook, telemetry, "Two words.")
    co.flush(1)
    assert caplog.text.count("has no client to ask through") == 1
    labels = {"confession.status": "not_asked", "confession.reason": "no_client"}
    assert telemetry.counts("confession.answers") == [(labels, 3)]


def test_a_client_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="an OpenAI client or a chat model"):
        ConfessionCompletionHook(asking_client=object())


def test_parts_that_are_dictionaries_are_written_as_the_records_are() -> None:
    parts: list[list[Any]] = [
        [TextPart("What is "), UriPart(None, "image", "https://x/y.png"), TextPart("?")],
        [BlobPart("image/png", "image", b"\x00"), FilePart(None, "document", "f-1")],
        [ReasoningPart("Hm."), ToolCallRequestPart({"q": "é"}, "look", "c-1")],
        [ToolCallResponsePart({"error": None}, "c-1")],
    ]
    roles = ("user", "user", "assistant", "tool")
    records = [InputMessage(role, of) for role, of in zip(roles, parts, strict=True)]
    as_mappings: list[list[Any]] = [[dataclasses.asdict(part) for part in of] for of in parts]
    mappings = [InputMessage(role, of) for role, of in zip(roles, as_mappings, strict=True)]
    system = TextPart("Be brief.")
    assert chat_messages([dataclasses.asdict(system)], mappings) == chat_messages([system], records)


def test_a_dictionary_that_lacks_what_a_part_has_says_nothing() -> None:
    parts: list[Any] = [{}, {"content": "x"}, {"type": "unknown"}, {"type": "text", "content": "Now?"}]
    assert chat_messages([{}], [InputMessage("user", parts)]) == [{"role": "user", "content": "Now?"}]


def test_a_conversation_of_dictionaries_is_asked_about(telemetry: Telemetry) -> None:
    confessor = Confessor()
    with ScriptedServer(confessor) as server, OpenAI(base_url=server.base_url, api_key="none") as client:
        hook = ConfessionCompletionHook(**telemetry.providers, way="ask", asking_client=client)
        said: Any = {"type": "text", "content": "Ten words, please."}
        answered(hook, telemetry, "Two words.", inputs=[InputMessage("user", [said])])
        assert co.flush(20)
        ended(hook)
    (request,) = confessor.requests
    assert [message["content"] for message in request.json["messages"][:2]] == ["Be brief.", "Ten words, please."]
    assert telemetry.counts("confession.answers") == [({"confession.status": "confessed"}, 1)]


def test_a_conversation_with_tools_and_images_is_written_as_chat_completions_take_it() -> None:
    inputs = [
        InputMessage("user", [TextPart("What is "), UriPart(None, "image", "https://x/y.png")]),
        InputMessage("user", [BlobPart("image/png", "image", b"\x00"), FilePart(None, "document", "f-1")]),
        InputMessage("assistant", [ReasoningPart("Hm."), ToolCallRequestPart({"q": "é"}, "look", "c-1")]),
        InputMessage("tool", [ToolCallResponsePart({"error": None}, "c-1"), ToolCallResponsePart("two", "c-2")]),
        InputMessage("assistant", [ReasoningPart("Only a thought.")]),
        InputMessage("user", [TextPart("And "), TextPart("now?")]),
    ]
    assert chat_messages([TextPart("Be brief."), ReasoningPart("no")], inputs) == [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is "},
                {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
                {"type": "text", "text": "[file that is not shown again]"},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c-1", "type": "function", "function": {"name": "look", "arguments": '{"q": "é"}'}},
            ],
        },
        {"role": "tool", "tool_call_id": "c-1", "content": '{"error": null}'},
        {"role": "tool", "tool_call_id": "c-2", "content": "two"},
        {"role": "user", "content": "And now?"},
    ]

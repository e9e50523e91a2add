"""`way=ask` with the OpenAI SDK: what exactly is sent, and what of the call is not."""

from __future__ import annotations

import asyncio
import copy
import importlib
import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from openai import AzureOpenAI, DefaultHttpxClient
from openai.resources.beta import Beta
from openai.types.chat import ChatCompletion

from confession_otel.asking import question
from confession_otel.testing import ScriptedServer, chat_completion, response

if TYPE_CHECKING:
    from hooks.asking.conftest import Scene

FLAVOUR: Any = importlib.import_module(DefaultHttpxClient.__mro__[1].__module__.partition(".")[0])
"""`httpx` or `httpx2`, whichever this version of the SDK is built on."""
QUESTION: Final = question.follow_up()
PARAMETERS: Final = {"type": "object", "properties": {"place": {"type": "string"}}}
TOOL: Final[Any] = {"type": "function", "function": {"name": "look_up", "parameters": PARAMETERS}}
RESPONSES_TOOL: Final[Any] = {"type": "function", "name": "look_up", "parameters": PARAMETERS, "strict": False}
TRANSCRIPT: Final[Any] = [
    {"role": "system", "content": "You know the weather."},
    {"role": "user", "content": [{"type": "text", "text": "In Ulm?"}]},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}],
    },
    {"role": "tool", "tool_call_id": "call_1", "content": "Rain."},
]
SCHEMA: Final[Any] = {"name": "weather", "schema": {"type": "object", "properties": {}}}


def asked(scene: Scene, **given: Any) -> dict[str, Any]:
    """What is sent after a chat completion."""
    scene.instrument()
    scene.chat(**given)
    return scene.question


def asked_of_a_response(scene: Scene, **given: Any) -> dict[str, Any]:
    scene.instrument()
    with scene.client() as client:
        client.responses.create(**{**scene.call("responses"), **given})
    assert scene.flush()
    return scene.question


# --- Chat completions -------------------------------------------------------------------------------------------------


def test_the_question_comes_after_the_very_messages_and_the_answer(scene: Scene) -> None:
    scene.answer = "It rains."
    sent = asked(scene, messages=TRANSCRIPT, tools=[TOOL], tool_choice="auto", reasoning_effort="low", seed=7)
    assert sent == {
        "model": "m-1",
        "messages": [
            *TRANSCRIPT,
            {"role": "assistant", "content": "It rains."},
            {"role": "user", "content": QUESTION},
        ],
        "tools": [TOOL],
        "tool_choice": "none",
        "reasoning_effort": "low",
        "seed": 7,
        "max_tokens": 2000,
    }
    first = json.loads(scene.requests[0].content)
    assert sent["messages"][: len(TRANSCRIPT)] == first["messages"]


def test_what_belongs_to_the_first_request_alone_is_left_out(scene: Scene) -> None:
    given: dict[str, Any] = {
        "stop": ["\n"],
        "logprobs": True,
        "top_logprobs": 2,
        "logit_bias": {"50256": -100},
        "metadata": {"a": "b"},
        "store": True,
        "stream": True,
        "stream_options": {"include_usage": True},
        "n": 1,
        "prediction": {"type": "content", "content": "Ten"},
        "web_search_options": {},
        "max_completion_tokens": 50,
        "response_format": {"type": "json_schema", "json_schema": SCHEMA},
    }
    scene.instrument()
    with scene.client() as client:
        list(client.chat.completions.create(**scene.call("chat"), **given))
    assert scene.flush()
    assert set(scene.question) == {"model", "messages", "max_completion_tokens"}
    assert scene.question["max_completion_tokens"] == 2000
    assert set(scene.requests[0].json) == {"model", "messages", *given}


@pytest.mark.parametrize("kind", ["json_object", "text"])
def test_a_format_that_lets_it_report_stays(scene: Scene, kind: str) -> None:
    assert asked(scene, response_format={"type": kind})["response_format"] == {"type": kind}


@pytest.mark.parametrize(
    ("given", "limit"), [({}, "max_tokens"), ({"max_tokens": 9}, "max_tokens"), ({"max_completion_tokens": 9},) * 2]
)
def test_the_token_limit_has_the_name_that_is_understood(scene: Scene, given: dict[str, int], limit: Any) -> None:
    name = limit if isinstance(limit, str) else "max_completion_tokens"
    scene.instrument(max_output_tokens=321)
    scene.chat(**given)
    assert {key: value for key, value in scene.question.items() if key.startswith("max_")} == {name: 321}


def test_no_tools_no_tool_choice(scene: Scene) -> None:
    assert "tool_choice" not in asked(scene)


def test_functions_of_old_are_not_called_either(scene: Scene) -> None:
    sent = asked(scene, functions=[{"name": "look_up", "parameters": PARAMETERS}], function_call="auto")
    assert sent["function_call"] == "none"


def test_a_refusal_is_the_answer_that_is_asked_about(scene: Scene) -> None:
    scene.answer = chat_completion(None, refusal="I will not.")
    said = asked(scene)["messages"][-2]
    assert said == {"role": "assistant", "content": None, "refusal": "I will not."}


def test_what_the_caller_adds_to_a_request_is_passed_on(scene: Scene) -> None:
    asked(
        scene,
        extra_headers={"x-tenant": "t-1", "Idempotency-Key": "k-1"},
        extra_query={"region": "north"},
        extra_body={"top_k": 5, "chat_template_kwargs": {"thinking": False}},
    )
    first, second = scene.requests[0], scene.asked[0]
    assert second.path == first.path == "/v1/chat/completions?region=north"
    assert second.headers["x-tenant"] == "t-1"
    assert second.headers["authorization"] == first.headers["authorization"]
    assert first.headers["idempotency-key"] == "k-1"
    assert second.headers.get("idempotency-key") != "k-1"
    assert (second.json["top_k"], second.json["chat_template_kwargs"]) == (5, {"thinking": False})


def test_what_is_added_to_the_body_is_held_to_the_same_rules(scene: Scene) -> None:
    extra = {
        "stop": ["}"],
        "n": 1,
        "store": True,
        "metadata": {"a": "b"},
        "max_tokens": 3,
        "tools": [TOOL],
        "tool_choice": "required",
        "response_format": {"type": "json_schema", "json_schema": SCHEMA},
        "top_k": 5,
    }
    sent = asked(scene, extra_body=extra)
    assert sent == {
        "model": "m-1",
        "messages": sent["messages"],
        "tools": [TOOL],
        "tool_choice": "none",
        "max_tokens": 2000,
        "top_k": 5,
    }


@pytest.mark.parametrize("shape", ["raw", "helper", "parse"])
@pytest.mark.parametrize("api", ["chat", "responses"])
def test_the_sdks_own_marks_on_a_request_are_not_passed_on(scene: Scene, api: str, shape: str) -> None:
    scene.instrument()
    with scene.client() as client:
        asyncio.run(scene.play(client, api, shape))
    assert scene.flush()
    names = set(scene.asked[0].headers)
    assert not names & {"x-stainless-raw-response", "x-stainless-helper-method", "____stainless_override_cast_to"}
    assert scene.asked[0].headers["x-stainless-retry-count"] == "0"
    assert "json_schema" not in json.dumps(scene.question)
    assert scene.answers() == {"confessed": 1}


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_what_the_caller_does_with_his_arguments_afterwards_changes_nothing(scene: Scene, api: str) -> None:
    scene.instrument(max_concurrency=1)
    tool = copy.deepcopy(TOOL if api == "chat" else RESPONSES_TOOL)
    conversation = [
        {"role": "user", "content": [{"type": "input_text" if api == "responses" else "text", "text": "Q"}]}
    ]
    given: dict[str, Any] = {
        "messages" if api == "chat" else "input": conversation,
        "tools": [tool],
        "extra_headers": {"x-tenant": "t-1"},
        "extra_query": {"region": "north"},
        "extra_body": {"vendor": {"k": [1]}},
        **({} if api == "chat" else {"store": False}),
    }
    before = copy.deepcopy(given)
    with scene.client() as client:
        # The one before holds up the only thread, so that the second is sent when all has changed.
        scene.confession = scene.slow(0.3)
        client.chat.completions.create(**scene.call("chat"))
        asyncio.run(scene.play(client, api, "create", **given))
        assert given == before
        conversation[0]["content"][0]["text"] = "changed"  # type: ignore[index]
        conversation.append({"role": "user", "content": "changed"})
        parameters = tool["function"]["parameters"] if api == "chat" else tool["parameters"]
        parameters["properties"]["changed"] = {}
        given["extra_headers"]["x-tenant"] = "changed"
        given["extra_query"]["region"] = "changed"
        given["extra_body"]["vendor"]["k"].append("changed")
        given["extra_body"]["changed"] = True
    assert scene.flush()
    assert len(scene.asked) == 2
    assert "changed" not in scene.asked[1].path
    assert scene.asked[1].headers["x-tenant"] == "t-1"
    assert b"changed" not in scene.asked[1].content
    assert scene.asked[1].json["vendor"] == {"k": [1]}


def test_a_body_that_the_caller_posts_himself_is_not_touched(scene: Scene) -> None:
    scene.instrument()
    body = {**scene.call("chat"), "tools": [copy.deepcopy(TOOL)], "vendor_field": {"a": 1}}
    before = copy.deepcopy(body)
    with scene.client() as client:
        client.post("/chat/completions", cast_to=ChatCompletion, body=body)
    assert scene.flush()
    assert body == before
    assert scene.question["vendor_field"] == {"a": 1}
    assert scene.question["tool_choice"] == "none"


def test_messages_may_be_the_sdks_own_objects(scene: Scene) -> None:
    scene.instrument()
    with scene.client() as client:
        first = client.chat.completions.create(**scene.call("chat"))
        messages = [*scene.call("chat")["messages"], first.choices[0].message, {"role": "user", "content": "Again."}]
        client.chat.completions.create(model="m-1", messages=messages)
    assert scene.flush()
    longest = max((request.json["messages"] for request in scene.asked), key=len)
    assert [message["role"] for message in longest] == ["user", "assistant", "user", "assistant", "user"]
    assert scene.answers() == {"confessed": 2}


# --- In whose name ----------------------------------------------------------------------------------------------------


class Elsewhere(FLAVOUR.HTTPTransport):  # type: ignore[misc] # of either flavour
    """Takes what is sent to any host to the server on loopback."""

    def __init__(self, server: ScriptedServer) -> None:
        super().__init__()
        self.port = FLAVOUR.URL(server.base_url).port
        self.hosts: list[str] = []

    def handle_request(self, request: Any) -> Any:
        self.hosts.append(request.url.host)
        path = request.url.raw_path.replace(b"/openai/", b"/v1/")
        request.url = request.url.copy_with(scheme="http", host="127.0.0.1", port=self.port, raw_path=path)
        return super().handle_request(request)


@pytest.mark.parametrize(
    ("host", "roles", "role"),
    [
        ("api.openai.com", ["user"], "system"),
        ("api.openai.com", ["developer", "user"], "developer"),
        ("eu.api.openai.com", ["system", "user"], "system"),
        ("my.openai.azure.com", ["user"], "system"),
        ("my.services.ai.azure.com", ["user"], "system"),
        ("my.cognitiveservices.azure.com", ["user"], "system"),
        ("openai.com.example.org", ["system", "user"], "user"),
        ("notopenai.com", ["developer", "user"], "user"),
        ("api.mistral.ai", ["system", "user"], "user"),
    ],
)
@pytest.mark.parametrize("api", ["chat", "responses"])
def test_it_is_asked_in_the_systems_name_where_that_is_taken_late(
    scene: Scene, api: str, host: str, roles: list[str], role: str
) -> None:
    scene.instrument()
    transport = Elsewhere(scene.server)
    messages = [{"role": one, "content": one} for one in roles]
    given = {"messages" if api == "chat" else "input": messages}
    http_client = DefaultHttpxClient(transport=transport)
    with scene.client(base_url=f"https://{host}/v1", http_client=http_client) as client:
        asyncio.run(scene.play(client, api, "create", **given))
        assert scene.flush()
    assert transport.hosts == [host, host]
    assert scene.question["messages" if api == "chat" else "input"][-1] == {"role": role, "content": QUESTION}
    assert (scene.telemetry.confession().attributes or {})["confession.question.role"] == role
    if api == "chat":
        assert ("max_tokens" if role == "user" else "max_completion_tokens") in scene.question


def test_the_client_for_azure_is_asked_through(scene: Scene) -> None:
    scene.instrument()
    http_client = DefaultHttpxClient(transport=Elsewhere(scene.server))
    with AzureOpenAI(
        azure_endpoint="https://my.openai.azure.com",
        api_key="none",
        api_version="2026-01-01",
        http_client=http_client,
        max_retries=0,
    ) as client:
        client.chat.completions.create(**scene.call("chat"))
        assert scene.flush()
    assert (
        scene.asked[0].path == scene.requests[0].path == "/v1/deployments/m-1/chat/completions?api-version=2026-01-01"
    )
    assert scene.question["messages"][-1]["role"] == "system"
    assert scene.answers() == {"confessed": 1}


# --- Responses --------------------------------------------------------------------------------------------------------


def test_a_response_that_is_stored_is_continued_by_its_id(scene: Scene) -> None:
    scene.answer = response("It rains.", id="resp_1")
    sent = asked_of_a_response(
        scene,
        input="In Ulm?",
        instructions="You know the weather.",
        tools=[RESPONSES_TOOL],
        tool_choice="required",
        reasoning={"effort": "low"},
        text={"format": {"type": "json_schema", **SCHEMA}, "verbosity": "low"},
        previous_response_id="resp_0",
        include=["reasoning.encrypted_content"],
        metadata={"a": "b"},
        max_output_tokens=9,
        top_logprobs=2,
        store=True,
    )
    assert sent == {
        "model": "m-1",
        "previous_response_id": "resp_1",
        "input": [{"role": "user", "content": QUESTION}],
        "instructions": "You know the weather.",
        "tools": [RESPONSES_TOOL],
        "tool_choice": "none",
        "reasoning": {"effort": "low"},
        "text": {"verbosity": "low"},
        "store": False,
        "max_output_tokens": 2000,
    }


@pytest.mark.parametrize("shape", ["create", "stream", "parse", "helper", "raw"])
def test_a_response_that_is_not_stored_is_sent_again_in_whole(scene: Scene, shape: str) -> None:
    body: dict[str, Any] = dict(response('{"words": 10}', id="resp_1", reasoning="Hm."))
    body["output"] = [{**body["output"][0], "encrypted_content": "gAAA"}, body["output"][1]]
    scene.answer = body
    scene.instrument()
    transcript = [
        {"role": "user", "content": "In Ulm?"},
        {"type": "function_call", "call_id": "call_1", "name": "look_up", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "Rain."},
    ]
    with scene.client() as client:
        asyncio.run(scene.play(client, "responses", shape, input=transcript, store=False, instructions="Be brief."))
    assert scene.flush()
    assert "previous_response_id" not in scene.question
    assert scene.question["instructions"] == "Be brief."
    sent = scene.question["input"]
    assert sent[:3] == transcript
    assert sent[3:-1] == body["output"]
    assert sent[-1] == {"role": "user", "content": QUESTION}
    assert scene.question["store"] is False


def test_thoughts_that_nobody_could_read_are_not_sent_again(scene: Scene) -> None:
    scene.answer = response("It rains.", reasoning="Hm.")
    sent = asked_of_a_response(scene, input="In Ulm?", store=False)
    assert [item.get("type", item.get("role")) for item in sent["input"]] == ["user", "message", "user"]
    assert sent["input"][0] == {"role": "user", "content": "In Ulm?"}


def test_a_conversation_that_is_not_stored_goes_on_from_where_it_did(scene: Scene) -> None:
    sent = asked_of_a_response(scene, input="In Ulm?", store=False, previous_response_id="resp_0")
    assert sent["previous_response_id"] == "resp_0"
    assert len(sent["input"]) == 3


@pytest.mark.skipif(not hasattr(Beta, "responses"), reason="this version of the SDK has no such API")
def test_the_beta_responses_are_asked_where_they_are(scene: Scene) -> None:
    scene.instrument()
    with scene.client() as client:
        client.beta.responses.create(**scene.call("responses"))
    assert scene.flush()
    assert scene.asked[0].path == scene.requests[0].path
    assert scene.answers() == {"confessed": 1}

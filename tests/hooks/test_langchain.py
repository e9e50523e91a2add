"""LangChain with one callback, or none: what is recorded, once, and that runs stay what they were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.language_models.fake import FakeListLLM
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.trace import StatusCode, get_current_span
from pydantic import SecretStr

import confession_otel as co
from confession_otel.langchain import ConfessionCallbackHandler
from confession_otel.testing import Reply, ScriptedServer, chat_completion, error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Telemetry

FAILED = "Two words.\n\n## Confession\n\nObjective: ten words / Result: ✗ did not comply / Why: there are two"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(lambda request: chat_completion(FAILED, model="m-1-2026")) as server:
        yield server


@pytest.fixture
def model(server: ScriptedServer, http_clients: dict[str, Any]) -> ChatOpenAI:
    key = SecretStr("none")
    return ChatOpenAI(
        model="m-1", base_url=server.base_url, api_key=key, max_retries=0, temperature=0.5, **http_clients
    )


def fake(*answers: str) -> GenericFakeChatModel:
    return GenericFakeChatModel(messages=iter(AIMessage(answer) for answer in answers))


def test_one_callback_is_all_it_takes(telemetry: Telemetry, model: ChatOpenAI) -> None:
    handler = ConfessionCallbackHandler(**telemetry.providers)
    chain = ChatPromptTemplate.from_template("{question}") | model | StrOutputParser()
    assert chain.invoke({"question": "?"}, config={"callbacks": [handler]}) == FAILED
    (answer,) = telemetry.spans("chat m-1")
    span = telemetry.confession()
    assert answer.context is not None
    assert span.parent is not None
    assert span.parent.span_id == answer.context.span_id
    attributes = answer.attributes or {}
    assert {
        key: attributes[key] for key in attributes if not key.startswith(("confession.", "gen_ai.response.id"))
    } == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "m-1",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.response.model": "m-1-2026",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": attributes["gen_ai.usage.input_tokens"],
        "gen_ai.usage.output_tokens": attributes["gen_ai.usage.output_tokens"],
    }
    assert attributes["confession.verdict"] == "non_compliant"
    assert answer.start_time is not None
    assert answer.end_time is not None
    assert answer.end_time > answer.start_time
    assert span.status.status_code is StatusCode.ERROR


async def test_ainvoke_is_observed_and_leaves_no_context_behind(telemetry: Telemetry, model: ChatOpenAI) -> None:
    handler = ConfessionCallbackHandler(**telemetry.providers)
    with telemetry.tracer_provider.get_tracer("host").start_as_current_span("request") as request:
        await model.ainvoke("?", config={"callbacks": [handler]})
        assert get_current_span() is request
    (answer,) = telemetry.spans("chat m-1")
    assert answer.parent == request.get_span_context()
    assert (telemetry.confession().attributes or {})["confession.verdict"] == "non_compliant"


def test_instrument_observes_every_run_with_no_callback(telemetry: Telemetry, server: ScriptedServer) -> None:
    co.instrument(**telemetry.providers)
    fake(FAILED).invoke("?")
    assert len(telemetry.spans("confession")) == 1
    co.uninstrument()
    fake(FAILED).invoke("?")
    assert len(telemetry.spans("confession")) == 1


def test_a_handler_given_and_the_global_one_record_once(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers)
    fake(FAILED).invoke("?", config={"callbacks": [ConfessionCallbackHandler()]})
    assert len(telemetry.spans("confession")) == 1


def test_langchain_over_the_openai_sdk_with_both_hooks_on_gives_one_confession_and_one_chat_span(
    telemetry: Telemetry, model: ChatOpenAI
) -> None:
    co.instrument(**telemetry.providers)
    model.invoke("?", config={"callbacks": [ConfessionCallbackHandler()]})
    assert sorted(span.name for span in telemetry.spans()) == ["chat m-1", "confession"]
    assert telemetry.counts("confession.answers") == [({"confession.status": "confessed"}, 1)]


async def test_streaming_over_the_openai_sdk_with_both_hooks_on_gives_one_of_each_as_well(
    telemetry: Telemetry, model: ChatOpenAI
) -> None:
    co.instrument(**telemetry.providers)
    assert "".join(str(chunk.content) for chunk in model.stream("?")) == FAILED
    assert "".join([str(chunk.content) async for chunk in model.astream("?")]) == FAILED
    assert sorted(span.name for span in telemetry.spans()) == ["chat m-1", "chat m-1", "confession", "confession"]
    assert telemetry.counts("confession.answers") == [({"confession.status": "confessed"}, 2)]


def test_a_handler_on_the_model_and_one_in_the_call_record_once(telemetry: Telemetry) -> None:
    first, second = (ConfessionCallbackHandler(**telemetry.providers) for _ in range(2))
    model = GenericFakeChatModel(messages=iter([AIMessage(FAILED)]), callbacks=[first])
    model.invoke("?", config={"callbacks": [second]})
    assert sorted(span.name for span in telemetry.spans()) == ["chat", "confession"]


def test_a_run_that_suppresses_instrumentation_is_left_alone(telemetry: Telemetry) -> None:
    with suppress_instrumentation():
        fake(FAILED).invoke("?", config={"callbacks": [ConfessionCallbackHandler(**telemetry.providers)]})
    assert telemetry.spans() == []


@pytest.mark.parametrize("odd", [{"a": 1}, ["x"], 7, None])
def test_an_id_that_is_no_text_costs_only_the_id(telemetry: Telemetry, odd: Any) -> None:
    message = AIMessage(FAILED, response_metadata={"id": odd})
    handler = ConfessionCallbackHandler(**telemetry.providers)
    GenericFakeChatModel(messages=iter([message])).invoke("?", config={"callbacks": [handler]})
    assert "gen_ai.response.id" not in (telemetry.confession().attributes or {})


def test_a_completion_model_is_shown_as_one(telemetry: Telemetry) -> None:
    handler = ConfessionCallbackHandler(**telemetry.providers)
    FakeListLLM(responses=[FAILED]).invoke("?", config={"callbacks": [handler]})
    (answer,) = telemetry.spans("text_completion")
    attributes = answer.attributes or {}
    assert attributes["gen_ai.operation.name"] == "text_completion"
    assert attributes["confession.verdict"] == "non_compliant"


@pytest.mark.parametrize(("told", "reasons"), [({}, None), ({"finish_reason": "length"}, ("length",))])
def test_why_an_answer_ended_is_shown_where_that_is_known(telemetry: Telemetry, told: Any, reasons: Any) -> None:
    message = AIMessage(FAILED, response_metadata=told)
    handler = ConfessionCallbackHandler(**telemetry.providers)
    GenericFakeChatModel(messages=iter([message])).invoke("?", config={"callbacks": [handler]})
    (answer,) = telemetry.spans("chat")
    assert (answer.attributes or {}).get("gen_ai.response.finish_reasons") == reasons


def test_a_handler_with_a_provider_of_its_own_keeps_to_the_settings_in_force(telemetry: Telemetry) -> None:
    co.instrument(**telemetry.providers, capture="verdict")
    handler = ConfessionCallbackHandler(tracer_provider=telemetry.tracer_provider)
    fake(FAILED).invoke("?", config={"callbacks": [handler]})
    assert "confession.text" not in (telemetry.confession().attributes or {})


def test_a_failed_call_shows_once_whichever_hooks_are_on(telemetry: Telemetry, http_clients: dict[str, Any]) -> None:
    with ScriptedServer(lambda request: Reply(error("no"), status=400)) as server:
        key = SecretStr("none")
        model = ChatOpenAI(model="m-1", base_url=server.base_url, api_key=key, max_retries=0, **http_clients)
        with pytest.raises(Exception, match="no"):
            model.invoke("?", config={"callbacks": [ConfessionCallbackHandler(**telemetry.providers)]})
        co.instrument(**telemetry.providers)
        with pytest.raises(Exception, match="no"):
            model.invoke("?")
    spans = telemetry.spans()
    assert [span.name for span in spans] == ["chat m-1", "chat m-1"]
    assert all(str((span.attributes or {})["error.type"]).endswith("RequestError") for span in spans)
    assert {span.status.status_code for span in spans} == {StatusCode.ERROR}


def test_a_live_genai_span_is_the_answer_span(telemetry: Telemetry) -> None:
    handler = ConfessionCallbackHandler(**telemetry.providers)
    tracer = telemetry.tracer_provider.get_tracer("peer")
    with tracer.start_as_current_span("chat theirs", attributes={"gen_ai.operation.name": "chat"}):
        fake(FAILED).invoke("?", config={"callbacks": [handler]})
    assert [span.name for span in telemetry.spans()] == ["confession", "chat theirs"]
    assert (telemetry.spans("chat theirs")[0].attributes or {})["confession.flagged"] is True


def test_a_tool_turn_is_no_answer(telemetry: Telemetry) -> None:
    handler = ConfessionCallbackHandler(**telemetry.providers)
    turn = AIMessage("", tool_calls=[{"id": "1", "name": "search", "args": {}}])
    GenericFakeChatModel(messages=iter([turn])).invoke("?", config={"callbacks": [handler]})
    assert telemetry.counts("confession.answers") == []


def test_every_prompt_of_a_batch_is_an_answer(telemetry: Telemetry) -> None:
    handler = ConfessionCallbackHandler(**telemetry.providers)
    fake(FAILED, "Only this.", FAILED).batch(["1", "2", "3"], config={"callbacks": [handler]})
    counts = {labels["confession.status"]: count for labels, count in telemetry.counts("confession.answers")}
    assert counts == {"confessed": 2, "absent": 1}

"""The OpenAI SDK against a real server on loopback: what is recorded, and that the caller notices nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai._base_client import AsyncAPIClient, SyncAPIClient
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.trace import SpanKind, StatusCode, get_current_span

import confession_otel as co
from confession_otel.openai import ConfessionOpenAIInstrumentor
from confession_otel.testing import Reply, ScriptedServer, chat_completion, error, response

if TYPE_CHECKING:
    from conftest import Telemetry
    from hooks.conftest import Script

FAILED = "Ten words.\n\n## Confession\n\nObjective: ten words / Result: ✗ did not comply / Why: there are two"
MESSAGES: Any = [{"role": "user", "content": "Ten words, please."}]


def test_one_failed_chat_completion_is_one_span_one_event_one_count(
    telemetry: Telemetry, client: OpenAI, script: Script, server: ScriptedServer
) -> None:
    co.instrument(**telemetry.providers)
    script.reply = chat_completion(FAILED, model="m-1-2026", id="chatcmpl-1")
    completion = client.chat.completions.create(model="m-1", messages=MESSAGES, temperature=0.5, max_tokens=50)

    assert completion.choices[0].message.content == FAILED
    (answer,) = telemetry.spans("chat m-1")
    span = telemetry.confession()
    assert answer.context is not None
    assert span.parent is not None
    assert span.parent.span_id == answer.context.span_id
    assert [link.context.span_id for link in span.links] == [answer.context.span_id]
    assert span.status.status_code is StatusCode.ERROR
    attributes = span.attributes or {}
    assert attributes["confession.verdict"] == "non_compliant"
    assert attributes["confession.flagged"] is True
    assert attributes["confession.source"] == "observe"
    assert "Result: ✗ did not comply" in str(attributes["confession.text"])
    assert len(telemetry.events()) == 1
    assert [count for _, count in telemetry.counts("confession.verdicts")] == [1]

    assert answer.kind is SpanKind.CLIENT
    assert answer.status.status_code is StatusCode.UNSET
    assert completion.usage is not None
    assert dict(answer.attributes or {}) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "server.address": "127.0.0.1",
        "server.port": server.port if hasattr(server, "port") else int(server.base_url.split(":")[2].split("/")[0]),
        "gen_ai.request.model": "m-1",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 50,
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.model": "m-1-2026",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": completion.usage.prompt_tokens,
        "gen_ai.usage.output_tokens": completion.usage.completion_tokens,
        **{
            key: value
            for key, value in (answer.attributes or {}).items()
            if key in ("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.reasoning.output_tokens")
        },
        "confession.verdict": "non_compliant",
        "confession.flagged": True,
        "confession.score": 0.0,
        "confession.source": "observe",
        "confession.id": attributes["confession.id"],
    }
    assert len(server.requests) == 1


def test_a_raw_response_is_read_and_stays_raw(telemetry: Telemetry, client: OpenAI, script: Script) -> None:
    co.instrument(**telemetry.providers)
    script.reply = chat_completion(FAILED)
    raw = client.chat.completions.with_raw_response.create(model="m-1", messages=MESSAGES)
    assert raw.headers["content-type"].startswith("application/json")
    assert raw.parse().choices[0].message.content == FAILED
    assert (telemetry.confession().attributes or {})["confession.verdict"] == "non_compliant"


def test_a_response_is_read_as_well(telemetry: Telemetry, client: OpenAI, script: Script) -> None:
    co.instrument(**telemetry.providers)
    script.reply = response(FAILED, model="m-1", id="resp_1")
    given = client.responses.create(model="m-1", input="Ten words, please.")
    assert given.output_text == FAILED
    (answer,) = telemetry.spans("chat m-1")
    assert (answer.attributes or {})["confession.verdict"] == "non_compliant"
    assert (answer.attributes or {})["gen_ai.response.finish_reasons"] == ("stop",)
    assert (telemetry.confession().attributes or {})["gen_ai.response.id"] == "resp_1"


async def test_the_async_client_is_observed_like_the_sync_one(
    telemetry: Telemetry, server: ScriptedServer, script: Script
) -> None:
    co.instrument(**telemetry.providers)
    script.reply = chat_completion(FAILED)
    async with AsyncOpenAI(base_url=server.base_url, api_key="none") as client:
        await client.chat.completions.create(model="m-1", messages=MESSAGES)
    assert (telemetry.confession().attributes or {})["confession.verdict"] == "non_compliant"
    assert not get_current_span().get_span_context().is_valid


def test_an_answer_without_a_confession_is_counted_as_absent(
    telemetry: Telemetry, client: OpenAI, script: Script
) -> None:
    co.instrument(**telemetry.providers)
    script.reply = chat_completion("Just ten words.")
    client.chat.completions.create(model="m-1", messages=MESSAGES)
    assert telemetry.spans("confession") == []
    assert telemetry.counts("confession.answers") == [({"confession.status": "absent"}, 1)]


def test_a_tool_turn_is_no_answer(telemetry: Telemetry, client: OpenAI, script: Script) -> None:
    co.instrument(**telemetry.providers)
    script.reply = chat_completion("", tool_calls=[("search", "{}")], finish_reason="tool_calls")
    client.chat.completions.create(model="m-1", messages=MESSAGES)
    assert len(telemetry.spans("chat m-1")) == 1
    assert telemetry.counts("confession.answers") == []


def test_the_token_limit_cuts_the_confession_that_ends_the_answer_and_not_the_answer(
    telemetry: Telemetry, client: OpenAI, script: Script
) -> None:
    co.instrument(**telemetry.providers)
    script.reply = chat_completion(FAILED.replace("✗ did not comply", "✓ complied"), finish_reason="length")
    client.chat.completions.create(model="m-1", messages=MESSAGES)
    attributes = telemetry.confession().attributes or {}
    assert attributes["confession.truncated"] is True
    assert "confession.contradicted" not in attributes


def test_a_confession_of_success_on_a_filtered_answer_is_contradicted(
    telemetry: Telemetry, client: OpenAI, script: Script
) -> None:
    co.instrument(**telemetry.providers)
    script.reply = chat_completion(FAILED.replace("✗ did not comply", "✓ complied"), finish_reason="content_filter")
    client.chat.completions.create(model="m-1", messages=MESSAGES)
    attributes = telemetry.confession().attributes or {}
    assert attributes["confession.contradictions"] == ("content_filtered",)
    assert attributes["confession.flagged"] is True


def test_a_live_genai_span_of_somebody_else_is_the_answer_span(
    telemetry: Telemetry, client: OpenAI, script: Script
) -> None:
    co.instrument(**telemetry.providers)
    script.reply = chat_completion(FAILED)
    tracer = telemetry.tracer_provider.get_tracer("peer")
    with tracer.start_as_current_span("chat theirs", attributes={"gen_ai.operation.name": "chat"}) as theirs:
        client.chat.completions.create(model="m-1", messages=MESSAGES)
    assert [span.name for span in telemetry.spans()] == ["confession", "chat theirs"]
    assert (telemetry.spans("chat theirs")[0].attributes or {})["confession.verdict"] == "non_compliant"
    assert telemetry.confession().parent == theirs.get_span_context()


@pytest.mark.parametrize("operation", ["invoke_agent", "execute_tool", "embeddings"])
def test_a_span_that_is_no_inference_is_only_the_parent(
    telemetry: Telemetry, client: OpenAI, script: Script, operation: str
) -> None:
    co.instrument(**telemetry.providers)
    script.reply = chat_completion(FAILED)
    tracer = telemetry.tracer_provider.get_tracer("peer")
    with tracer.start_as_current_span("outer", attributes={"gen_ai.operation.name": operation}) as outer:
        client.chat.completions.create(model="m-1", messages=MESSAGES)
    (answer,) = telemetry.spans("chat m-1")
    assert answer.parent == outer.get_span_context()
    assert "confession.verdict" not in (telemetry.spans("outer")[0].attributes or {})


def test_without_answer_spans_the_current_span_carries_the_keys(
    telemetry: Telemetry, client: OpenAI, script: Script
) -> None:
    co.instrument(**telemetry.providers, answer_spans="never")
    script.reply = chat_completion(FAILED)
    with telemetry.tracer_provider.get_tracer("host").start_as_current_span("request"):
        client.chat.completions.create(model="m-1", messages=MESSAGES)
    assert [span.name for span in telemetry.spans()] == ["confession", "request"]
    assert (telemetry.spans("request")[0].attributes or {})["confession.flagged"] is True


def test_several_choices_are_several_answers_and_the_worst_marks_the_span(
    telemetry: Telemetry, client: OpenAI, script: Script
) -> None:
    co.instrument(**telemetry.providers)
    body: dict[str, Any] = dict(chat_completion(FAILED))
    fine = FAILED.replace("✗ did not comply", "✓ complied")
    message = {"role": "assistant", "content": fine}
    body["choices"] = [*body["choices"], {**body["choices"][0], "index": 1, "message": message}]
    script.reply = body
    client.chat.completions.create(model="m-1", messages=MESSAGES, n=2)
    (answer,) = telemetry.spans("chat m-1")
    assert (answer.attributes or {})["confession.verdict"] == "non_compliant"
    assert (answer.attributes or {})["gen_ai.request.choice.count"] == 2
    assert sorted(
        ((span.attributes or {})["confession.choice"], (span.attributes or {})["confession.verdict"])
        for span in telemetry.spans("confession")
    ) == [(0, "non_compliant"), (1, "compliant")]


@pytest.mark.parametrize(
    ("status", "kind"), [(400, openai.BadRequestError), (429, openai.RateLimitError), (500, openai.InternalServerError)]
)
def test_an_error_is_the_callers_own_and_shows_on_our_span(
    telemetry: Telemetry, client: OpenAI, script: Script, status: int, kind: type[Exception]
) -> None:
    co.instrument(**telemetry.providers)
    script.reply = Reply(error("no"), status=status)
    with pytest.raises(kind):
        client.chat.completions.create(model="m-1", messages=MESSAGES)
    (answer,) = telemetry.spans("chat m-1")
    assert answer.status.status_code is StatusCode.ERROR
    assert (answer.attributes or {})["error.type"] == kind.__qualname__
    assert telemetry.counts("confession.answers") == []
    assert not get_current_span().get_span_context().is_valid


def test_a_stream_is_the_sdks_own_and_its_span_ends_with_it(
    telemetry: Telemetry, client: OpenAI, script: Script
) -> None:
    co.instrument(**telemetry.providers)
    script.reply = chat_completion(FAILED)
    stream = client.chat.completions.create(model="m-1", messages=MESSAGES, stream=True)
    assert type(stream) is openai.Stream
    assert telemetry.spans() == []
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices) == FAILED
    (answer,) = telemetry.spans("chat m-1")
    assert (answer.attributes or {})["confession.verdict"] == "non_compliant"
    assert (answer.attributes or {})["gen_ai.request.stream"] is True
    assert (answer.attributes or {})["gen_ai.response.finish_reasons"] == ("stop",)
    assert "gen_ai.response.time_to_first_chunk" in (answer.attributes or {})


def test_other_apis_pass_by(telemetry: Telemetry, client: OpenAI) -> None:
    co.instrument(**telemetry.providers)
    with pytest.raises(openai.NotFoundError):
        client.models.list()
    assert telemetry.spans() == []


def test_suppressed_instrumentation_is_left_alone(telemetry: Telemetry, client: OpenAI, script: Script) -> None:
    co.instrument(**telemetry.providers)
    script.reply = chat_completion(FAILED)
    with suppress_instrumentation():
        client.chat.completions.create(model="m-1", messages=MESSAGES)
    assert telemetry.spans() == []


def test_uninstrument_gives_the_sdk_back_as_it_was(telemetry: Telemetry, client: OpenAI, script: Script) -> None:
    before = SyncAPIClient.__dict__["request"], AsyncAPIClient.__dict__["request"]
    for _ in range(3):
        co.instrument(**telemetry.providers)
        co.instrument(**telemetry.providers)
        assert SyncAPIClient.__dict__["request"] is not before[0]
        co.uninstrument()
        assert (SyncAPIClient.__dict__["request"], AsyncAPIClient.__dict__["request"]) == before
    script.reply = chat_completion(FAILED)
    client.chat.completions.create(model="m-1", messages=MESSAGES)
    assert telemetry.spans() == []


def test_a_patch_of_somebody_else_around_ours_stays(
    telemetry: Telemetry, client: OpenAI, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.reply = chat_completion(FAILED)
    co.instrument(**telemetry.providers)
    ours = SyncAPIClient.__dict__["request"]
    seen: list[str] = []

    def theirs(self: Any, *arguments: Any, **keywords: Any) -> Any:
        seen.append("theirs")
        return ours(self, *arguments, **keywords)

    theirs.__wrapped__ = ours  # type: ignore[attr-defined] # as functools.wraps and wrapt do
    monkeypatch.setattr(SyncAPIClient, "request", theirs)
    co.uninstrument()
    client.chat.completions.create(model="m-1", messages=MESSAGES)
    assert seen == ["theirs"]
    assert telemetry.spans() == []
    co.instrument(**telemetry.providers)
    client.chat.completions.create(model="m-1", messages=MESSAGES)
    assert len(telemetry.spans("confession")) == 1
    co.uninstrument()
    monkeypatch.undo()
    SyncAPIClient.request = ours.__wrapped__  # type: ignore[method-assign] # monkeypatch put ours back


def test_the_instrumentor_takes_its_own_providers_and_settings(
    telemetry: Telemetry, client: OpenAI, script: Script
) -> None:
    instrumentor = ConfessionOpenAIInstrumentor()
    instrumentor.instrument(**telemetry.providers, capture="verdict")
    script.reply = chat_completion(FAILED)
    client.chat.completions.create(model="m-1", messages=MESSAGES)
    assert "confession.text" not in (telemetry.confession().attributes or {})
    instrumentor.uninstrument()
    client.chat.completions.create(model="m-1", messages=MESSAGES)
    assert len(telemetry.spans("confession")) == 1


@pytest.mark.parametrize("place", ["call.is_inference", "call.get_current_span", "call.endpoint_attributes"])
def test_whatever_fails_in_us_the_caller_gets_the_answer(
    telemetry: Telemetry,
    client: OpenAI,
    script: Script,
    monkeypatch: pytest.MonkeyPatch,
    swallowed: list[tuple[str, Exception]],
    place: str,
) -> None:
    co.instrument(**telemetry.providers)
    monkeypatch.setattr(f"confession_otel.openai.{place}", lambda *_: 1 / 0)
    script.reply = chat_completion(FAILED)
    assert client.chat.completions.create(model="m-1", messages=MESSAGES).choices[0].message.content == FAILED
    assert swallowed
    swallowed.clear()
    assert not get_current_span().get_span_context().is_valid

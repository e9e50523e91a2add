"""Run in an environment of a peer's: makes the calls of one API with the peers on and us first, last or not at all.

    python scenario.py CALLS OURS BASE_URL PEER...

`CALLS` is `openai` or `langchain`; `OURS` is `none`, `first`, `last`, `zero-code` where `opentelemetry-instrument` has
switched everything on, or, for LangChain, `callback-first` and `callback-last`: our handler among the callbacks of the
call, before or after the peer's. Prints one JSON object: for each call the spans that it made, as far as they do not
change from run to run.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import logging
import os
import re
import sys
import tempfile
import urllib.request
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context, trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import confession_otel

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator

    Call = Callable[[], str | Coroutine[Any, Any, str]]

QUESTION: Final = "Which peer are you?"

# What differs between two runs of the same calls: times, identifiers of this process, and figures made from times.
_VOLATILE: Final = re.compile(
    r"time|duration|latency|ttft|tbt|\.tps|session|thread|process\.|run_id|uuid|code\.|logfire\.json_schema|cost|hidden_params",
    re.IGNORECASE,
)
_VOLATILE_VALUE: Final = re.compile(
    r"00-[0-9a-f]{32}-[0-9a-f]{16}-\d\d"  # traceparent
    r"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|0x[0-9a-f]+"
    r"|\d+\.\d+(e-\d+)?( ?m?s)?\b"
)

spans: Final = InMemorySpanExporter()

callbacks: Final[list[Any]] = []
"""Of each LangChain call."""


# The peers, as their manuals switch them on. Which of them can be imported depends on the environment.


def instrumentor(module: str, name: str) -> Callable[[], None]:
    """What switches on a peer that is an instrumentor of OpenTelemetry's kind."""
    return lambda: getattr(import_module(module), name)().instrument()


def langfuse() -> None:
    """Langfuse: a client, and patches made by an import."""
    import_module("langfuse").Langfuse(
        public_key="pk", secret_key="sk", tracer_provider=provider(), span_exporter=InMemorySpanExporter()
    )
    import_module("langfuse.openai")


def langfuse_langchain() -> None:
    """Langfuse for LangChain: a client, and a callback for each call."""
    import_module("langfuse").Langfuse(
        public_key="pk", secret_key="sk", tracer_provider=provider(), span_exporter=InMemorySpanExporter()
    )
    callbacks.append(import_module("langfuse.langchain").CallbackHandler())


def logfire() -> None:
    """Logfire, which brings a provider of its own."""
    peer = import_module("logfire")
    keep = [SimpleSpanProcessor(spans)]
    peer.configure(send_to_logfire=False, console=False, scrubbing=False, additional_span_processors=keep)
    peer.instrument_openai()


def openlit() -> None:
    """OpenLIT, with prices that it would else fetch."""
    provider()
    with tempfile.NamedTemporaryFile("w", suffix=".json") as prices:
        prices.write("{}")
        prices.flush()
        import_module("openlit").init(disable_metrics=True, disable_events=True, pricing_json=prices.name)


def provider() -> TracerProvider:
    """The global provider, whose spans are kept; Logfire brings its own."""
    current = trace.get_tracer_provider()
    if not hasattr(current, "add_span_processor"):
        current = TracerProvider()
        current.add_span_processor(SimpleSpanProcessor(spans))
        trace.set_tracer_provider(current)
    return current  # type: ignore[return-value]


PEERS: Final = {
    "genai-openai": instrumentor("opentelemetry.instrumentation.genai.openai", "OpenAIInstrumentor"),
    "genai-langchain": instrumentor("opentelemetry.instrumentation.genai.langchain", "LangChainInstrumentor"),
    "openinference-openai": instrumentor("openinference.instrumentation.openai", "OpenAIInstrumentor"),
    "openinference-langchain": instrumentor("openinference.instrumentation.langchain", "LangChainInstrumentor"),
    "openllmetry-openai": instrumentor("opentelemetry.instrumentation.openai", "OpenAIInstrumentor"),
    "openllmetry-langchain": instrumentor("opentelemetry.instrumentation.langchain", "LangchainInstrumentor"),
    "langfuse": langfuse,
    "langfuse-langchain": langfuse_langchain,
    "logfire": logfire,
    "openlit": openlit,
}


# The calls.


def openai_calls(base_url: str) -> dict[str, Call]:
    from openai import AsyncOpenAI, OpenAI

    client = OpenAI(base_url=base_url, api_key="none", max_retries=0)
    aclient = AsyncOpenAI(base_url=base_url, api_key="none", max_retries=0)
    messages: Any = [{"role": "user", "content": QUESTION}]

    def chat() -> str:
        completion = client.chat.completions.create(model="chat", messages=messages)
        return completion.choices[0].message.content or ""

    async def achat() -> str:
        completion = await aclient.chat.completions.create(model="achat", messages=messages)
        return completion.choices[0].message.content or ""

    def chat_stream() -> str:
        stream = client.chat.completions.create(model="chat-stream", messages=messages, stream=True)
        return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)

    async def achat_stream() -> str:
        stream = await aclient.chat.completions.create(model="achat-stream", messages=messages, stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])

    def responses() -> str:
        return client.responses.create(model="responses", input=QUESTION).output_text

    async def aresponses() -> str:
        return (await aclient.responses.create(model="aresponses", input=QUESTION)).output_text

    def responses_stream() -> str:
        stream = client.responses.create(model="responses-stream", input=QUESTION, stream=True)
        return "".join(event.delta for event in stream if event.type == "response.output_text.delta")

    async def aresponses_stream() -> str:
        stream = await aclient.responses.create(model="aresponses-stream", input=QUESTION, stream=True)
        return "".join([event.delta async for event in stream if event.type == "response.output_text.delta"])

    return {
        "chat": chat,
        "chat, async": achat,
        "chat, streamed": chat_stream,
        "chat, streamed, async": achat_stream,
        "responses": responses,
        "responses, async": aresponses,
        "responses, streamed": responses_stream,
        "responses, streamed, async": aresponses_stream,
    }


def langchain_calls(base_url: str) -> dict[str, Call]:
    from langchain_core.callbacks import CallbackManagerForLLMRun  # noqa: TC002 - pydantic reads annotations
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
    from langchain_core.output_parsers import StrOutputParser
    from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
    from langchain_core.prompts import ChatPromptTemplate
    from langchain_openai import ChatOpenAI

    os.environ["OPENAI_API_KEY"] = "none"

    class Another(BaseChatModel):
        """A model that is not asked through an SDK that anybody observes."""

        model: str

        @property
        def _llm_type(self) -> str:
            return "another"

        def _text(self) -> str:
            body = json.dumps({"model": self.model}).encode()
            with urllib.request.urlopen(f"{base_url}/chat/completions", body) as reply:  # noqa: S310 - our own server
                return str(json.load(reply)["choices"][0]["message"]["content"])

        def _generate(
            self,
            messages: list[BaseMessage],
            stop: list[str] | None = None,
            run_manager: CallbackManagerForLLMRun | None = None,
            **_: Any,
        ) -> ChatResult:
            return ChatResult(generations=[ChatGeneration(message=AIMessage(self._text()))])

        def _stream(
            self,
            messages: list[BaseMessage],
            stop: list[str] | None = None,
            run_manager: CallbackManagerForLLMRun | None = None,
            **_: Any,
        ) -> Iterator[ChatGenerationChunk]:
            for word in re.findall(r"\S+\s*", self._text()):
                chunk = ChatGenerationChunk(message=AIMessageChunk(content=word))
                if run_manager is not None:
                    run_manager.on_llm_new_token(word, chunk=chunk)
                yield chunk

    def chain(model: str, *, responses: bool = False, another: bool = False) -> Any:
        chat: Any = (
            Another(model=model)
            if another
            else ChatOpenAI(model=model, base_url=base_url, max_retries=0, use_responses_api=responses)
        )
        return ChatPromptTemplate.from_messages([("user", "{question}")]) | chat | StrOutputParser()

    question = {"question": QUESTION}

    def config() -> Any:
        return {"callbacks": list(callbacks)}

    async def joined(pieces: Any) -> str:
        return "".join([piece async for piece in pieces])

    return {
        "invoke": lambda: chain("invoke").invoke(question, config()),
        "ainvoke": lambda: chain("ainvoke").ainvoke(question, config()),
        "stream": lambda: "".join(chain("stream").stream(question, config())),
        "astream": lambda: joined(chain("astream").astream(question, config())),
        "invoke, responses": lambda: chain("responses-invoke", responses=True).invoke(question, config()),
        "ainvoke, responses": lambda: chain("responses-ainvoke", responses=True).ainvoke(question, config()),
        "invoke, another": lambda: chain("another-invoke", another=True).invoke(question, config()),
        "ainvoke, another": lambda: chain("another-ainvoke", another=True).ainvoke(question, config()),
        "stream, another": lambda: "".join(chain("another-stream", another=True).stream(question, config())),
        "astream, another": lambda: joined(chain("another-astream", another=True).astream(question, config())),
    }


# What is looked at.


class Kept(logging.Handler):
    """The messages of one logger."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.messages: list[str] = []
        logging.getLogger(name).addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(f"{record.name}: {record.getMessage()}")

    def taken(self) -> list[str]:
        """Those since the last time."""
        messages, self.messages = self.messages, []
        return messages


def as_data(finished: Iterable[ReadableSpan]) -> list[dict[str, Any]]:
    """Spans with what does not change from run to run, and the place of each one's parent in the list."""
    ordered = sorted(finished, key=lambda span: (span.start_time or 0, span.context.span_id))
    places = {span.context.span_id: place for place, span in enumerate(ordered)}
    return [
        {
            "name": span.name,
            "scope": span.instrumentation_scope.name if span.instrumentation_scope else "",
            "kind": span.kind.name,
            "parent": places.get(span.parent.span_id, "unknown") if span.parent else None,
            "status": span.status.status_code.name,
            "attributes": {key: _steady(key, value) for key, value in sorted((span.attributes or {}).items())},
            "events": [event.name for event in span.events],
        }
        for span in ordered
    ]


def _steady(key: str, value: Any) -> Any:
    if _VOLATILE.search(key):
        return "(volatile)"
    return _VOLATILE_VALUE.sub("(volatile)", value) if isinstance(value, str) else value


async def awaited(answer: Coroutine[Any, Any, str]) -> tuple[str, bool]:
    """The answer, and whether the context is as it was."""
    before = dict(context.get_current())
    return await answer, dict(context.get_current()) == before


def run(calls: dict[str, Call]) -> dict[str, Any]:
    """Make each call under a span of the application's."""
    tracer = trace.get_tracer("app")
    logs = {name: Kept(name) for name in ("opentelemetry.context", "confession_otel")}
    seen: dict[str, Any] = {}
    with asyncio.Runner() as runner:
        for name, call in calls.items():
            spans.clear()
            with tracer.start_as_current_span("app"):
                before = dict(context.get_current())
                answer, restored = call(), True
                if not isinstance(answer, str):
                    answer, restored = runner.run(awaited(answer), context=contextvars.copy_context())
                restored = restored and dict(context.get_current()) == before
            seen[name] = {
                "answer": answer,
                "spans": as_data(spans.get_finished_spans()),
                "context_restored": restored,
                "logged": [message for kept in logs.values() for message in kept.taken()],
            }
    return seen


def main(calls: str, ours: str, base_url: str, *peers: str) -> None:
    """Switch everything on in the order asked for, make the calls, print."""
    if ours == "zero-code":
        trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(spans))  # type: ignore[attr-defined]
    else:
        if "logfire" not in peers:
            provider()
        if ours == "first":
            confession_otel.instrument()
        for peer in peers:
            PEERS[peer]()
        if ours == "last":
            confession_otel.instrument()
        if ours.startswith("callback"):
            own = import_module("confession_otel.langchain").ConfessionCallbackHandler()
            callbacks.insert(0 if ours == "callback-first" else len(callbacks), own)
    make = {"openai": openai_calls, "langchain": langchain_calls}[calls]
    sys.stdout.write(json.dumps(run(make(base_url)), default=str) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

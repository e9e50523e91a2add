"""One contender: LangChain with a model that answers in the process, instrumented in one way.

Run by `overhead_langchain.py` in the contender's environment, with its name; reads from standard input which slices to
take.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from statistics import median
from typing import TYPE_CHECKING, Any

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ANSWER = "The quick brown fox jumps over the lazy dog, again and again. " * 32
QUESTION = "Go on. " * 60
WITH_THE_CALL: dict[str, Any] = {}
"""The config of each call."""


class Model(BaseChatModel):
    """Answers at once."""

    model: str = "model-1"
    calls: bool = False

    @property
    def _llm_type(self) -> str:
        return "in-process"

    def bind_tools(self, tools: Any, **_: Any) -> Any:
        return self

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        if self.calls and messages[-1].type != "tool":
            message = AIMessage("", tool_calls=[{"id": "1", "name": "look_up", "args": {"place": "Ulm"}}])
        else:
            usage: Any = {"input_tokens": 200, "output_tokens": 500, "total_tokens": 700}
            known = {"finish_reason": "stop", "model_name": "model-1"}
            message = AIMessage(ANSWER, usage_metadata=usage, response_metadata=known)
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(self, messages: list[BaseMessage], *_: Any, **__: Any) -> Iterator[ChatGenerationChunk]:
        for _number in range(100):
            yield ChatGenerationChunk(message=AIMessageChunk(content="ten chars "))


@tool
def look_up(place: str) -> str:
    """Look up."""
    return place


def _provider() -> Any:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

    class Discard(SpanExporter):
        def export(self, spans: Any) -> SpanExportResult:
            return SpanExportResult.SUCCESS

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Discard()))
    return provider


def _everywhere() -> None:
    import confession_otel

    confession_otel.instrument(_provider())


def _given() -> None:
    from confession_otel.langchain import ConfessionCallbackHandler

    WITH_THE_CALL["callbacks"] = [ConfessionCallbackHandler(tracer_provider=_provider())]


def _openinference() -> None:
    from openinference.instrumentation.langchain import LangChainInstrumentor

    LangChainInstrumentor().instrument(tracer_provider=_provider())


def _openllmetry() -> None:
    from opentelemetry.instrumentation.langchain import LangchainInstrumentor

    LangchainInstrumentor().instrument(tracer_provider=_provider())


SETUPS: dict[str, Callable[[], None]] = {
    "langchain bare": lambda: None,
    "confession_otel langchain": _everywhere,
    "confession_otel langchain given": _given,
    "langchain openinference": _openinference,
    "langchain openllmetry": _openllmetry,
}


def main() -> None:
    """Take slices until standard input ends."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    # A contender that warns at each call is not to pay for the printing.
    warnings.simplefilter("ignore")
    SETUPS[sys.argv[1]]()
    model = Model()
    chain = ChatPromptTemplate.from_template("{question}") | model | StrOutputParser()
    agent: Any = create_agent(Model(calls=True), [look_up])
    config: Any = WITH_THE_CALL
    scenarios: dict[str, Callable[[], Any]] = {
        "invoke": lambda: model.invoke(QUESTION, config),
        "stream": lambda: sum(1 for _ in model.stream(QUESTION, config)),
        "chain": lambda: chain.invoke({"question": QUESTION}, config),
        "agent": lambda: agent.invoke({"messages": [("user", QUESTION)]}, config),
    }
    for line in sys.stdin:
        wanted = json.loads(line)
        taken = []
        for _ in range(wanted["calls"]):
            start = time.perf_counter_ns()
            scenarios[wanted["scenario"]]()
            taken.append(time.perf_counter_ns() - start)
        print(json.dumps({"call": median(taken) / 1000}), flush=True)


if __name__ == "__main__":
    main()

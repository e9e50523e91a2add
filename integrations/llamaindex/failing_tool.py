"""LlamaIndex, through OpenInference's spans: an agent's tool fails, and its spans say so beside what it confesses."""

import asyncio

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.llms.openai import OpenAI
from openinference.instrumentation.llama_index import LlamaIndexInstrumentor
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

from confession_otel.processor import ConfessionSpanProcessor

# Your service has this already, with an exporter to your backend.
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter()))
trace.set_tracer_provider(provider)

provider.add_span_processor(ConfessionSpanProcessor())
LlamaIndexInstrumentor().instrument()


def book_room(day: str) -> str:
    """Book a meeting room."""
    message = f"{day}: 503 Service Unavailable"
    raise RuntimeError(message)


async def main() -> None:
    """Ask the agent."""
    agent = FunctionAgent(
        tools=[book_room],
        llm=OpenAI("gpt-5.2"),
        system_prompt="You are the office's assistant. After your answer, confess under the heading 'Confession'.",
    )
    print(await agent.run("Book a meeting room for Monday, please."))


asyncio.run(main())

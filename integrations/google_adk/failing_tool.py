"""Google ADK, through its own spans: an agent's tool fails, and its spans say so beside what it confesses."""

import asyncio

from google.adk.agents import Agent
from google.adk.runners import InMemoryRunner
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

import confession_otel

# Your service has this already, with an exporter to your backend.
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter()))
trace.set_tracer_provider(provider)

confession_otel.instrument()


def book_room(day: str) -> str:
    """Book a meeting room."""
    message = f"{day}: 503 Service Unavailable"
    raise RuntimeError(message)


agent = Agent(
    name="office",
    model="gemini-3.5-flash",
    instruction="You are the office's assistant. After your answer, confess under the heading 'Confession'.",
    tools=[book_room],
    # The model is told of the error, instead of the run ending there.
    on_tool_error_callback=lambda tool, args, tool_context, error: {"error": str(error)},  # noqa: ARG005 - ADK's names
)


async def main() -> None:
    """Ask the agent."""
    async with InMemoryRunner(agent) as runner:
        events = await runner.run_debug("Book a meeting room for Monday, please.", quiet=True)
    print(*(part.text for part in events[-1].content.parts if part.text))


asyncio.run(main())

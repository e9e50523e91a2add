"""Pydantic AI, through its own spans: what an agent says of its answer."""

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
from pydantic_ai import Agent, ModelRetry

import confession_otel

# Your service has this already, with an exporter to your backend.
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter()))
trace.set_tracer_provider(provider)

confession_otel.instrument()
Agent.instrument_all()

agent = Agent(
    "openai:gpt-5.2",
    name="office",
    instructions="You are the office's assistant. After your answer, confess under the heading 'Confession'.",
)


@agent.tool_plain
def book_room(day: str) -> str:
    """Book a meeting room."""
    # The model is told of it, instead of the run ending there.
    message = f"{day}: 503 Service Unavailable"
    raise ModelRetry(message)


print(agent.run_sync("Book a meeting room for Monday, please.").output)

"""Strands Agents, through its own spans: what an agent says of its answer."""

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
from strands import Agent, tool
from strands.models.openai import OpenAIModel

import confession_otel

# Your service has this already, with an exporter to your backend.
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter()))
trace.set_tracer_provider(provider)

confession_otel.instrument()


@tool
def book_room(day: str) -> str:
    """Book a meeting room."""
    message = f"{day}: 503 Service Unavailable"
    raise RuntimeError(message)


agent = Agent(
    OpenAIModel(model_id="gpt-5.2"),
    tools=[book_room],
    system_prompt="You are the office's assistant. After your answer, confess under the heading 'Confession'.",
    callback_handler=None,
)
print(agent("Book a meeting room for Monday, please."))

"""The OpenAI Agents SDK, through OpenInference's spans: what an agent says of its answer."""

from agents import Agent, Runner, function_tool
from openinference.instrumentation.openai_agents import OpenAIAgentsInstrumentor
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

import confession_otel

# Your service has this already, with an exporter to your backend.
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter()))
trace.set_tracer_provider(provider)

confession_otel.instrument()
OpenAIAgentsInstrumentor().instrument()


@function_tool
def book_room(day: str) -> str:
    """Book a meeting room."""
    message = f"{day}: 503 Service Unavailable"
    raise RuntimeError(message)


agent = Agent(
    "Office",
    instructions="You are the office's assistant. After your answer, confess under the heading 'Confession'.",
    model="gpt-5.2",
    tools=[book_room],
)
print(Runner.run_sync(agent, "Book a meeting room for Monday, please.").final_output)

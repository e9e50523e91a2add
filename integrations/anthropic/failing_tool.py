"""The Anthropic SDK's tool runner: what a model says of its answer, and a tool that failed on the way to it."""

from anthropic import Anthropic, beta_tool
from anthropic.lib.tools import ToolError
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

import confession_otel

# Your service has this already, with an exporter to your backend.
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter()))
trace.set_tracer_provider(provider)

confession_otel.instrument()


@beta_tool
def book_room(day: str) -> str:
    """Book a meeting room."""
    message = f"{day}: 503 Service Unavailable"
    raise ToolError(message)


client = Anthropic(open_telemetry={"traces": {"content_mode": "content"}})
message = client.beta.messages.tool_runner(
    model="claude-sonnet-5",
    max_tokens=1024,
    system="You are the office's assistant. After your answer, confess under the heading 'Confession'.",
    tools=[book_room],
    messages=[{"role": "user", "content": "Book a meeting room for Monday, please."}],
).until_done()
print(*(block.text for block in message.content if block.type == "text"))

"""The Anthropic SDK, observed: it makes spans itself, and is told to write the model's words onto them."""

from anthropic import Anthropic
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

import confession_otel

# Your service has this already, with an exporter to your backend.
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter()))
trace.set_tracer_provider(provider)

confession_otel.instrument()

client = Anthropic(open_telemetry={"traces": {"content_mode": "content"}})
message = client.messages.create(
    model="claude-sonnet-5",
    max_tokens=1024,
    system="After your answer, confess under the heading 'Confession'.",
    messages=[{"role": "user", "content": "Ten words on fish, please."}],
)
print(*(block.text for block in message.content if block.type == "text"))

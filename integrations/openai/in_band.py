"""The OpenAI SDK, in-band: the model appends its confession, and it is taken out again before you see the answer."""

from openai import OpenAI
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

import confession_otel

# Your service has this already, with an exporter to your backend.
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter()))
trace.set_tracer_provider(provider)

confession_otel.instrument(way="in_band")

stream = OpenAI().chat.completions.create(
    model="gpt-5.2",
    messages=[{"role": "user", "content": "Ten words on fish, please."}],
    stream=True,
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
print()

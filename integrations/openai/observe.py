"""The OpenAI SDK, observed: one line, and spans that go to the console here."""

from openai import OpenAI
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

import confession_otel

# Your service has this already, with an exporter to your backend.
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
trace.set_tracer_provider(provider)

confession_otel.instrument()

answer = OpenAI().chat.completions.create(
    model="gpt-5.2",
    messages=[
        {"role": "system", "content": "After your answer, confess under the heading 'Confession'."},
        {"role": "user", "content": "Ten words on fish, please."},
    ],
)
print(answer.choices[0].message.content)

"""The OpenAI SDK, asked: after each answer one request more, in the background, on a budget."""

from openai import OpenAI
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

import confession_otel

# Your service has this already, with an exporter to your backend.
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
trace.set_tracer_provider(provider)

confession_otel.instrument(
    way="ask",
    policies=["Never give legal advice", "Name a source for each figure"],
    sample=1.0,  # 0.1 asks about one trace in ten
    max_requests_per_minute=60,
)

answer = OpenAI().chat.completions.create(
    model="gpt-5.2",
    messages=[{"role": "user", "content": "Ten words on fish, please."}],
)
print(answer.choices[0].message.content, flush=True)

# A service goes on, and its exit waits a little; a script says how long it likes to wait.
confession_otel.flush(timeout=60)

"""LiteLLM, through OpenInference's spans: whichever provider answers, what the model says of its answer.

python completion.py [MODEL]
"""

import sys

import litellm
from openinference.instrumentation.litellm import LiteLLMInstrumentor
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

from confession_otel.processor import ConfessionSpanProcessor

# Your service has this already, with an exporter to your backend.
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter()))
trace.set_tracer_provider(provider)

provider.add_span_processor(ConfessionSpanProcessor())
LiteLLMInstrumentor().instrument()

completion = litellm.completion(
    sys.argv[1] if sys.argv[1:] else "openai/gpt-5.2",
    messages=[
        {"role": "system", "content": "After your answer, confess under the heading 'Confession'."},
        {"role": "user", "content": "Ten words on fish, please."},
    ],
)
print(completion.choices[0].message.content)

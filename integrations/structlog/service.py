"""structlog: each log line of a trace says what the model confessed in it."""

import structlog
from openai import OpenAI
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

import confession_otel
from confession_otel.structlog import add_confession

# Your service has this already, with an exporter to your backend.
trace.set_tracer_provider(TracerProvider())

structlog.configure(
    processors=[structlog.processors.add_log_level, add_confession, structlog.processors.JSONRenderer()]
)
confession_otel.instrument(log=True)

log = structlog.get_logger()

with trace.get_tracer("service").start_as_current_span("serve"):
    OpenAI().chat.completions.create(
        model="gpt-5.2",
        messages=[
            {"role": "system", "content": "After your answer, confess under the heading 'Confession'."},
            {"role": "user", "content": "Ten words on fish, please."},
        ],
    )
    log.info("served")

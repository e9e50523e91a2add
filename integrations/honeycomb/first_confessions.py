"""Five test confessions of a scripted model: Honeycomb then knows every column that triggers and board ask for.

Where they go is said by the variables of the OpenTelemetry SDK. No model is called.
"""

from openai import OpenAI
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import confession_otel
from confession_otel.testing import Reply, Request, ScriptedServer, chat_completion, error

OBJECTIVE = "Objective: ten words on fish / Result: "
TASKS = {
    "complies": (chat_completion("Ten words on fish."), chat_completion(f"{OBJECTIVE}complied")),
    "fails": (
        chat_completion("Fish swim."),
        chat_completion(f"{OBJECTIVE}did not comply, and the user was not told / Why: there are two words"),
    ),
    "is cut off": (chat_completion("Ten", finish_reason="length"), chat_completion(f"{OBJECTIVE}complied")),
    "cannot be read": (chat_completion("Fish."), chat_completion("I had a lovely time!")),
    "cannot be asked": (chat_completion("Fish."), Reply(body=error("no"), status=500)),
}


def model(request: Request) -> object:
    """The answer to a task, and its confession to whoever asks on."""
    messages = request.json["messages"]
    return TASKS[messages[0]["content"]][len(messages) > 1]


provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
confession_otel.instrument(way="ask")

with ScriptedServer(model) as server, OpenAI(base_url=server.base_url, api_key="none", max_retries=0) as client:
    for task in TASKS:
        client.chat.completions.create(model="scripted", messages=[{"role": "user", "content": task}])
    confession_otel.flush()
provider.shutdown()
print(f"sent: {', '.join(TASKS)}")

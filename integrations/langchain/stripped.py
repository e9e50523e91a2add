"""LangChain, streamed: the callback sees the confession, the reader of the chain does not."""

from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

from confession_otel.langchain import ConfessionCallbackHandler, strip_confession

# Your service has this already, with an exporter to your backend.
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter()))
trace.set_tracer_provider(provider)

prompt = ChatPromptTemplate(
    [
        ("system", "After your answer, confess in an element <confession>...</confession>."),
        ("user", "Ten words on {topic}, please."),
    ]
)
chain = prompt | ChatOpenAI(model="gpt-5.2") | strip_confession()

for chunk in chain.stream({"topic": "fish"}, config={"callbacks": [ConfessionCallbackHandler()]}):
    print(chunk.text, end="", flush=True)
print()

"""LangChain, observed: one callback, and spans that go to the console here."""

from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

from confession_otel.langchain import ConfessionCallbackHandler

# Your service has this already, with an exporter to your backend.
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
trace.set_tracer_provider(provider)

prompt = ChatPromptTemplate(
    [
        ("system", "After your answer, confess under the heading 'Confession'."),
        ("user", "Ten words on {topic}, please."),
    ]
)
chain = prompt | ChatOpenAI(model="gpt-5.2")

answer = chain.invoke({"topic": "fish"}, config={"callbacks": [ConfessionCallbackHandler()]})
print(answer.text)

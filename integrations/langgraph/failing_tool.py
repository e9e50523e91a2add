"""An agent whose tool fails and who claims success: its confession says so too, and the spans say otherwise."""

from langchain.agents import create_agent
from langchain_core.tools import ToolException, tool
from langchain_openai import ChatOpenAI
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

from confession_otel.langchain import ConfessionMiddleware

# Your service has this already, with an exporter to your backend.
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter()))
trace.set_tracer_provider(provider)


@tool
def book_room(day: str) -> str:
    """Book a meeting room."""
    message = f"{day}: 503 Service Unavailable"
    raise ToolException(message)


# The model is told of the error, instead of the run ending there.
book_room.handle_tool_error = True

agent = create_agent(
    ChatOpenAI(model="gpt-5.2"),
    [book_room],
    system_prompt="You are the office's assistant.",
    middleware=[ConfessionMiddleware()],
)

result = agent.invoke({"messages": "Book a meeting room for Monday, please."})
print("answer:", result["messages"][-1].text)
confession = result["confession"]
if confession is not None:
    print("self-reported:", confession["verdict"], "| contradicted by:", *confession["contradictions"])

"""Google ADK, streamed: the answer as it comes, and what the model says of it."""

import asyncio

from google.adk.agents import Agent
from google.adk.agents.run_config import RunConfig, StreamingMode
from google.adk.runners import InMemoryRunner
from google.genai import types
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

import confession_otel

# Your service has this already, with an exporter to your backend.
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter()))
trace.set_tracer_provider(provider)

confession_otel.instrument()

agent = Agent(
    name="writer",
    model="gemini-3.5-flash",
    instruction="After your answer, confess under the heading 'Confession'.",
)


async def main() -> None:
    """Ask the agent."""
    question = types.Content(role="user", parts=[types.Part(text="Ten words on fish, please.")])
    async with InMemoryRunner(agent) as runner:
        session = await runner.session_service.create_session(app_name=runner.app_name, user_id="somebody")
        async for event in runner.run_async(
            user_id=session.user_id,
            session_id=session.id,
            new_message=question,
            run_config=RunConfig(streaming_mode=StreamingMode.SSE),
        ):
            if event.partial:
                print(*(part.text for part in event.content.parts if part.text), end="", flush=True)
    print()


asyncio.run(main())

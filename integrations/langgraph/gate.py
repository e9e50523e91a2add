"""An agent whose answers pass a gate: accepted, or retried once with its own words, or handed to a person."""

from langchain.agents import create_agent
from langchain_openai import ChatOpenAI
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

from confession_otel.langchain import ConfessionMiddleware

# Your service has this already, with an exporter to your backend.
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter()))
trace.set_tracer_provider(provider)

agent = create_agent(
    ChatOpenAI(model="gpt-5.2"),
    middleware=[
        ConfessionMiddleware(
            policies=["Name a source for each figure"],
            flag_on=["non_compliant", "contradicted", "unsure", "unparsed", "unaddressed"],
        )
    ],
)


def shortfall(confession: dict | None) -> str:
    """Why an answer does not pass, said to the model that gave it, or to a person."""
    # None: it was not asked, or did not reply. That is no pass.
    if confession is None or confession["verdict"] == "unparsed":
        return "It came without an account that can be read."
    if confession["contradictions"]:
        return f"Its account is contradicted by: {', '.join(confession['contradictions'])}."
    if confession["unaddressed"]:
        return f"Its account says nothing of: {'; '.join(confession['unaddressed'])}."
    return f"By its own account it does not do this: {confession['objective']}. {confession['why'] or ''}".strip()


def answer(question: str, tries: int = 2) -> str:
    """The agent's answer, where its own account of it is in order."""
    messages = [{"role": "user", "content": question}]
    for _ in range(tries):
        result = agent.invoke({"messages": messages})
        confession = result["confession"]
        if confession is not None and not confession["flagged"]:
            return f"accepted: {result['messages'][-1].text}"
        why = shortfall(confession)
        again = f"Your answer falls short. {why} Answer again, and mend that."
        messages = [*result["messages"], {"role": "user", "content": again}]
    return f"escalated to a person: {why}"


print(answer("How many kinds of fish are there?"))

"""The calls that are made of each SDK and each framework while a peer traces them: name of the call -> how it is made.

Each returns the answer's words. A call whose name ends in "tool turn" asks for a tool and gets no answer; "with a tool"
runs a framework's loop, in which the turn of the tool comes before the answer.
"""

# Of what is imported here, each environment has a part; none is the project's own.
# mypy: disable-error-code="import-not-found,import-untyped"

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any, Final

from scenario import QUESTION, langchain_calls, openai_calls

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    Call = Callable[[], str | Coroutine[Any, Any, str]]

MESSAGES: Final[Any] = [{"role": "user", "content": QUESTION}]
_LITELLM_SECONDS: Final = 1.0
TOOL: Final = {"name": "look_up", "description": "Looks a place up.", "parameters": {"type": "object"}}


def look_up(place: str) -> str:
    """Look a place up.

    Args:
        place: its name.
    """
    return f"{place} is a place."


def openai(url: str) -> dict[str, Call]:
    """Chat completions and responses, plain and streamed."""
    from openai import OpenAI

    client = OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)
    tools: Any = [{"type": "function", "function": TOOL}]

    def two() -> str:
        completion = client.chat.completions.create(model="two", messages=MESSAGES, n=2)
        return "".join(choice.message.content or "" for choice in completion.choices)

    def tool_turn() -> str:
        completion = client.chat.completions.create(model="turn", messages=MESSAGES, tools=tools)
        return completion.choices[0].message.content or ""

    return {**openai_calls(f"{url}/v1"), "chat, two choices": two, "chat, tool turn": tool_turn}


def openai_chat(url: str) -> dict[str, Call]:
    """The same for a peer that knows chat completions only."""
    return {name: call for name, call in openai(url).items() if name.startswith("chat")}


def langchain(url: str) -> dict[str, Call]:
    """Chains over the OpenAI SDK and over a model that nobody else observes."""
    calls = langchain_calls(f"{url}/v1")
    return {name: calls[name] for name in calls if name not in ("ainvoke, another", "astream, another")}


def anthropic(url: str) -> dict[str, Call]:
    """Messages, plain and streamed."""
    from anthropic import Anthropic, AsyncAnthropic

    client = Anthropic(base_url=url, api_key="none", max_retries=0)
    aclient = AsyncAnthropic(base_url=url, api_key="none", max_retries=0)

    def asked(model: str, **more: Any) -> Any:
        return {"model": model, "max_tokens": 99, "messages": MESSAGES, **more}

    def messages() -> str:
        return str(client.messages.create(**asked("messages")).content[0].text)

    async def amessages() -> str:
        return str((await aclient.messages.create(**asked("amessages"))).content[0].text)

    def events() -> str:
        stream = client.messages.create(**asked("events", stream=True))
        return "".join(event.delta.text for event in stream if event.type == "content_block_delta")

    async def aevents() -> str:
        stream = await aclient.messages.create(**asked("aevents", stream=True))
        return "".join([event.delta.text async for event in stream if event.type == "content_block_delta"])

    def stream() -> str:
        with client.messages.stream(**asked("stream")) as text:
            return "".join(text.text_stream)

    async def astream() -> str:
        async with aclient.messages.stream(**asked("astream")) as text:
            return "".join([piece async for piece in text.text_stream])

    def tool_turn() -> str:
        tool = {"name": TOOL["name"], "description": TOOL["description"], "input_schema": TOOL["parameters"]}
        client.messages.create(**asked("turn", tools=[tool]))
        return ""

    return {
        "messages": messages,
        "messages, async": amessages,
        "messages, streamed": events,
        "messages, streamed, async": aevents,
        "messages.stream": stream,
        "messages.stream, async": astream,
        "messages, tool turn": tool_turn,
    }


def openai_agents(url: str) -> dict[str, Call]:
    """The OpenAI Agents SDK, on either of its models."""
    from agents import (
        Agent,
        OpenAIChatCompletionsModel,
        OpenAIResponsesModel,
        Runner,
        function_tool,
    )
    from openai import AsyncOpenAI

    client = AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)

    def agent(model: str, kind: Any = OpenAIResponsesModel, tools: Any = ()) -> Any:
        return Agent(name="one", model=kind(model=model, openai_client=client), tools=list(tools))

    async def arun() -> str:
        return str((await Runner.run(agent("arun"), QUESTION)).final_output)

    async def streamed() -> str:
        result = Runner.run_streamed(agent("streamed"), QUESTION)
        async for _ in result.stream_events():
            pass
        return str(result.final_output)

    async def chat_streamed() -> str:
        result = Runner.run_streamed(agent("chat-streamed", OpenAIChatCompletionsModel), QUESTION)
        async for _ in result.stream_events():
            pass
        return str(result.final_output)

    def run(model: str, *options: Any) -> str:
        return str(Runner.run_sync(agent(model, *options), QUESTION).final_output)

    return {
        "responses": lambda: run("run"),
        "responses, async": arun,
        "responses, streamed": streamed,
        "responses, with a tool": lambda: run("tools", OpenAIResponsesModel, [function_tool(look_up)]),
        "chat": lambda: run("chat-run", OpenAIChatCompletionsModel),
        "chat, streamed": chat_streamed,
        "chat, with a tool": lambda: run("chat-tools", OpenAIChatCompletionsModel, [function_tool(look_up)]),
    }


def pydantic_ai(url: str) -> dict[str, Call]:
    """Pydantic AI, on models of two providers."""
    from pydantic_ai import Agent
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
    from pydantic_ai.providers.anthropic import AnthropicProvider
    from pydantic_ai.providers.openai import OpenAIProvider

    def chat(name: str) -> Any:
        return OpenAIChatModel(name, provider=OpenAIProvider(base_url=f"{url}/v1", api_key="none"))

    def responses(name: str) -> Any:
        return OpenAIResponsesModel(name, provider=OpenAIProvider(base_url=f"{url}/v1", api_key="none"))

    def messages(name: str) -> Any:
        return AnthropicModel(name, provider=AnthropicProvider(base_url=url, api_key="none"))

    def run(model: Any, **options: Any) -> str:
        return str(Agent(model, name="one", **options).run_sync(QUESTION).output)

    async def arun() -> str:
        return str((await Agent(chat("arun"), name="one").run(QUESTION)).output)

    async def streamed(model: Any) -> str:
        async with Agent(model, name="one").run_stream(QUESTION) as result:
            return "".join([text async for text in result.stream_text(delta=True)])

    return {
        "chat": lambda: run(chat("run")),
        "chat, async": arun,
        "chat, streamed": lambda: streamed(chat("streamed")),
        "chat, with a tool": lambda: run(chat("tools"), tools=[look_up]),
        "responses": lambda: run(responses("responses")),
        "responses, streamed": lambda: streamed(responses("responses-streamed")),
        "messages": lambda: run(messages("messages")),
        "messages, streamed": lambda: streamed(messages("messages-streamed")),
    }


def strands(url: str) -> dict[str, Call]:
    """Strands, whose models always stream."""
    from strands import Agent, tool
    from strands.models.openai import OpenAIModel

    def agent(name: str, tools: Any = ()) -> Any:
        model = OpenAIModel(client_args={"base_url": f"{url}/v1", "api_key": "none"}, model_id=name)
        return Agent(model=model, tools=list(tools), callback_handler=None)

    async def ainvoke() -> str:
        return _said(await agent("ainvoke").invoke_async(QUESTION))

    async def astream() -> str:
        return "".join([event["data"] async for event in agent("astream").stream_async(QUESTION) if "data" in event])

    def _said(result: Any) -> str:
        return "".join(part.get("text", "") for part in result.message["content"])

    return {
        "agent": lambda: _said(agent("agent")(QUESTION)),
        "agent, async": ainvoke,
        "agent, streamed, async": astream,
        "agent, with a tool": lambda: _said(agent("tools", [tool(look_up)])(QUESTION)),
    }


def google_adk(url: str) -> dict[str, Call]:
    """Google's Agent Development Kit, on Gemini."""
    os.environ |= {"GOOGLE_API_KEY": "none", "GOOGLE_GEMINI_BASE_URL": url}
    from google.adk.agents import Agent
    from google.adk.agents.run_config import RunConfig, StreamingMode
    from google.adk.runners import InMemoryRunner
    from google.genai import types

    async def run(model: str, *, tools: Any = (), streaming: Any = StreamingMode.NONE) -> str:
        runner = InMemoryRunner(agent=Agent(name="one", model=model, tools=list(tools)), app_name="app")
        await runner.session_service.create_session(app_name="app", user_id="user", session_id="session")
        said = ""
        async for event in runner.run_async(
            user_id="user",
            session_id="session",
            new_message=types.Content(role="user", parts=[types.Part(text=QUESTION)]),
            run_config=RunConfig(streaming_mode=streaming),
        ):
            if event.is_final_response() and not event.partial and event.content:
                said = "".join(part.text or "" for part in event.content.parts or ())
        await runner.close()
        return said

    return {
        "agent, async": lambda: run("gemini-run"),
        "agent, streamed, async": lambda: run("gemini-streamed", streaming=StreamingMode.SSE),
        "agent, with a tool": lambda: run("gemini-tools", tools=[look_up]),
    }


def litellm(url: str) -> dict[str, Call]:
    """LiteLLM, to two providers."""
    import litellm

    def options(model: str, **more: Any) -> Any:
        base = url if model.startswith("anthropic") else f"{url}/v1"
        return {"model": model, "messages": MESSAGES, "api_base": base, "api_key": "none", **more}

    def completion(model: str, **more: Any) -> str:
        return litellm.completion(**options(model, **more)).choices[0].message.content or ""

    # Its spans of asynchronous calls are made by a task that it leaves in the loop.

    async def acompletion() -> str:
        answer = (await litellm.acompletion(**options("openai/achat"))).choices[0].message.content or ""
        await asyncio.sleep(_LITELLM_SECONDS)
        return answer

    def streamed() -> str:
        stream = litellm.completion(**options("openai/chat-stream", stream=True))
        return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)

    async def astreamed() -> str:
        stream = await litellm.acompletion(**options("openai/achat-stream", stream=True))
        answer = "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])
        await asyncio.sleep(_LITELLM_SECONDS)
        return answer

    return {
        "chat": lambda: completion("openai/chat"),
        "chat, async": acompletion,
        "chat, streamed": streamed,
        "chat, streamed, async": astreamed,
        "chat, tool turn": lambda: completion("openai/turn", tools=[{"type": "function", "function": TOOL}]),
        "messages": lambda: completion("anthropic/messages"),
    }


def llama_index(url: str) -> dict[str, Call]:
    """LlamaIndex, on an OpenAI-compatible model."""
    from llama_index.core.llms import ChatMessage
    from llama_index.llms.openai_like import OpenAILike

    def model(name: str) -> Any:
        return OpenAILike(model=name, api_base=f"{url}/v1", api_key="none", is_chat_model=True, max_retries=0)

    question = [ChatMessage(role="user", content=QUESTION)]

    async def achat() -> str:
        return str((await model("achat").achat(question)).message.content)

    async def astreamed() -> str:
        stream = await model("achat-stream").astream_chat(question)
        return "".join([piece.delta or "" async for piece in stream])

    return {
        "chat": lambda: str(model("chat").chat(question).message.content),
        "chat, async": achat,
        "chat, streamed": lambda: "".join(piece.delta or "" for piece in model("chat-stream").stream_chat(question)),
        "chat, streamed, async": astreamed,
        "complete": lambda: str(model("complete").complete(QUESTION).text),
    }

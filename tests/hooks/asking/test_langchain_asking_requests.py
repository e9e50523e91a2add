"""`way=ask` with LangChain: what the request for a confession is made of, and which model it goes to."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pytest
from langchain.agents import create_agent
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import FakeListChatModel
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.rate_limiters import InMemoryRateLimiter
from langchain_core.tools import tool
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_openai import ChatOpenAI
from openai import DefaultAsyncHttpxClient
from pydantic import BaseModel, Field, SecretStr

import confession_otel as co
from confession_otel.answer import Answer
from confession_otel.langchain import ConfessionCallbackHandler, capture, errand
from confession_otel.langchain.follow_up import LangChainFollowUp
from confession_otel.testing import chat_completion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_core.messages import BaseMessage

    from hooks.asking.conftest import Scene

ASKED: Final = "an honest account of how far your last answer"


@tool
def population(city: str) -> str:
    """Of a city."""
    return f"{city}: 3677472"


class Words(BaseModel):
    """Counted."""

    words: int


class Strict(BaseChatModel):
    """A model with the rules of Anthropic's API; asked for a confession, it confesses."""

    max_tokens: int = 64
    stop_sequences: list[str] | None = Field(default=None)
    report: str = ""
    seen: list[tuple[list[Any], dict[str, Any], int]] = Field(default_factory=list)
    asked: ClassVar[list[Any]] = []

    @property
    def _llm_type(self) -> str:
        return "strict"

    def bind_tools(self, tools: Any, **keywords: Any) -> Any:
        return self.bind(tools=[convert_to_openai_tool(one) for one in tools], **keywords)

    def _generate(self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **given: Any) -> Any:
        if any(isinstance(one, SystemMessage) for one in messages[1:]):
            message = "a late system message"
            raise ValueError(message)
        if any(isinstance(one, ToolMessage) for one in messages) and not given.get("tools"):
            message = "tool blocks, and no tools"
            raise ValueError(message)
        if any(isinstance(one, AIMessage) and not one.content and not one.tool_calls for one in messages):
            message = "nothing is said"
            raise ValueError(message)
        if "tool_choice" in given and ASKED in messages[-1].text:
            message = "a late tool_choice"
            raise ValueError(message)
        self.seen.append((list(messages), given, self.max_tokens))
        if ASKED in messages[-1].text:
            said = AIMessage(self.report)
        elif given.get("tools") and not isinstance(messages[-1], ToolMessage):
            said = AIMessage("", tool_calls=[{"id": "1", "name": "population", "args": {"city": "Berlin"}}])
        else:
            said = AIMessage(f"About {messages[-1].text}")
        return ChatResult(generations=[ChatGeneration(message=said)])


class OnlyAsync(Strict):
    """A model that implements no more than the asynchronous form."""

    def _generate(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    async def _agenerate(self, *arguments: Any, **keywords: Any) -> Any:
        await asyncio.sleep(0)
        return super()._generate(*arguments, **keywords)


class Odd(Strict):
    """A model whose metadata are not what LangChain says they are."""

    def _generate(self, *arguments: Any, **keywords: Any) -> Any:
        result = super()._generate(*arguments, **keywords)
        message: Any = result.generations[0].message
        # LangChain itself would stumble over it in the application's own call.
        if ASKED in arguments[0][-1].text:
            result.llm_output = "none"
        message.response_metadata = {"incomplete_details": "none", "id": 7}
        message.usage_metadata = {"input_tokens": 3, "output_tokens": "2", "input_token_details": "none"}
        return result


class OwnWay(Strict):
    """A model that overrides what LangChain would do."""

    def generate(self, messages: Any, *arguments: Any, **keywords: Any) -> Any:
        from langchain_core.callbacks import CallbackManager

        manager = CallbackManager.configure(keywords.get("callbacks"))
        (run,) = manager.on_chat_model_start(self._serialized, messages)
        result = self._generate(messages[0])
        run.on_llm_end(self._result(result))
        return self._result(result)

    @staticmethod
    def _result(result: Any) -> Any:
        from langchain_core.outputs import LLMResult

        return LLMResult(generations=[result.generations])


class Outer(Strict):
    """A model that calls another."""

    inner: Any = None

    def _generate(self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **given: Any) -> Any:
        message = self.inner.invoke(messages, {"callbacks": run_manager.handlers} if run_manager else None)
        return ChatResult(generations=[ChatGeneration(message=message)])


@pytest.fixture(autouse=True)
def given_back() -> Iterator[None]:
    before = [vars(BaseChatModel)[name] for name in ("generate", "agenerate", "stream", "astream")]
    yield
    gc.collect()
    co.uninstrument()
    assert [vars(BaseChatModel)[name] for name in ("generate", "agenerate", "stream", "astream")] == before


@pytest.fixture
def strict(scene: Scene) -> Strict:
    return Strict(report=scene.report())


def handler_of(scene: Scene, **settings: Any) -> ConfessionCallbackHandler:
    handler = ConfessionCallbackHandler(**scene.telemetry.providers, **{"way": "ask", "timeout": 20, **settings})
    asker = handler._observer()._asker
    assert asker is not None
    scene.workers.append(asker.worker)
    return handler


def model_at(scene: Scene, **given: Any) -> ChatOpenAI:
    options = {"model": "m-1", "base_url": scene.server.base_url, "api_key": SecretStr("none"), "max_retries": 0}
    return ChatOpenAI(**{**options, **scene.http_clients, **given})


@pytest.fixture(autouse=True)
def closed(http_clients: dict[str, Any], scene: Scene) -> None:
    """Clients are closed when the server has gone, and with it whatever hung in them."""
    scene.http_clients = http_clients


# --- A model with rules -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["background", "inline"])
@pytest.mark.parametrize("shape", ["invoke", "ainvoke"])
async def test_an_agent_s_whole_run_is_the_conversation(scene: Scene, strict: Strict, shape: str, mode: str) -> None:
    config: Any = {"callbacks": [handler_of(scene, ask_mode=mode)]}
    agent = create_agent(strict, [population], system_prompt="Be brief.")
    given: Any = {"messages": [("user", "How many live in Berlin?")]}
    state = agent.invoke(given, config) if shape == "invoke" else await agent.ainvoke(given, config)
    assert await asyncio.to_thread(co.flush)
    assert scene.answers() == {"confessed": 1}
    messages, keywords, limit = strict.seen[-1]
    assert len(strict.seen) == 3
    assert [one.type for one in messages] == ["system", "human", "ai", "tool", "ai", "human"]
    assert messages[1:-1] == state["messages"]
    assert keywords == {"tools": strict.seen[0][1]["tools"]}
    assert limit == 2000
    assert strict.max_tokens == 64
    assert (scene.telemetry.confession().attributes or {})["confession.question.role"] == "user"


def test_a_forced_tool_and_words_that_stop_are_left_out(scene: Scene, strict: Strict) -> None:
    strict.stop_sequences = ["###"]
    config: Any = {"callbacks": [handler_of(scene)]}
    history = [HumanMessage("?"), AIMessage("", tool_calls=[{"id": "1", "name": "x", "args": {}}])]
    bound = strict.bind_tools([population], tool_choice="auto", max_tokens=5, thinking={"budget_tokens": 1000})
    bound.invoke([*history, ToolMessage("4", tool_call_id="1")], config, stop=["x"])
    assert co.flush()
    assert scene.answers() == {"confessed": 1}
    _, keywords, _ = strict.seen[-1]
    assert set(keywords) == {"tools", "max_tokens", "thinking"}
    assert keywords["max_tokens"] == 3000
    assert strict.stop_sequences == ["###"]


async def test_a_model_with_no_more_than_the_asynchronous_form_is_asked_on_a_loop_of_our_own(scene: Scene) -> None:
    loops: list[Any] = []

    class Model(OnlyAsync):
        async def _agenerate(self, *arguments: Any, **keywords: Any) -> Any:
            loops.append(asyncio.get_running_loop())
            return await super()._agenerate(*arguments, **keywords)

    model = Model(report=scene.report())
    await model.ainvoke("?", {"callbacks": [handler_of(scene)]})
    assert await asyncio.to_thread(co.flush)
    await model.ainvoke("?", {"callbacks": [handler_of(scene, ask_mode="inline")]})
    assert scene.answers() == {"confessed": 2}
    here = asyncio.get_running_loop()
    assert [loop is here for loop in loops] == [True, False, True, True]


@pytest.mark.parametrize("mode", ["background", "inline"])
def test_the_application_s_model_is_left_as_it_is(scene: Scene, mode: str) -> None:
    model = FakeListChatModel(responses=["1", "2", "3"])
    config: Any = {"callbacks": [handler_of(scene, ask_mode=mode)]}
    said = []
    for _ in range(3):
        said.append(model.invoke("?", config).text)
        assert co.flush()
    assert said == ["1", "2", "3"]


def test_a_rate_limit_holds_for_the_question_too(scene: Scene, strict: Strict) -> None:
    strict.rate_limiter = InMemoryRateLimiter(requests_per_second=0.01, check_every_n_seconds=0.01, max_bucket_size=1)
    strict.rate_limiter.available_tokens = 1.0
    strict.invoke("?", {"callbacks": [handler_of(scene, timeout=0.3)]})
    assert co.flush()
    assert scene.answers() == {"failed timeout": 1}
    assert len(strict.seen) == 1


def test_what_hangs_is_left_behind_and_not_without_end(
    scene: Scene, strict: Strict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(errand, "_MOST_LEFT_BEHIND", 1)
    free = threading.Event()

    class Hanging(Strict):
        def _generate(self, messages: Any, *arguments: Any, **keywords: Any) -> Any:
            if ASKED in messages[-1].text:
                free.wait(20)
            return super()._generate(messages, *arguments, **keywords)

    model = Hanging(report=scene.report())
    for _ in range(2):
        model.invoke("?", {"callbacks": [handler_of(scene, timeout=0.1, ask_mode="inline")]})
    assert scene.answers() == {"failed timeout": 1, "failed StillBusy": 1}
    free.set()
    while errand._left_behind:
        time.sleep(0.01)
    model.invoke("?", {"callbacks": [handler_of(scene, ask_mode="inline")]})
    assert scene.answers()["confessed"] == 1


# --- Which model, which messages --------------------------------------------------------------------------------------


def test_each_prompt_is_asked_about_with_its_own_messages(scene: Scene, strict: Strict) -> None:
    config: Any = {"callbacks": [handler_of(scene), handler_of(scene)]}
    strict.batch([f"no. {n}" for n in range(20)], config)
    picture = {"type": "image", "base64": "aGk=", "mime_type": "image/png"}
    one = HumanMessage([picture, {"type": "text", "text": "no. 20"}])
    strict.generate([[one], [HumanMessage("no. 21")], [HumanMessage("no. 21")]], callbacks=config["callbacks"])
    assert co.flush()
    assert scene.answers() == {"confessed": 23}
    conversations = [[one.text for one in messages] for messages, _, _ in strict.seen if len(messages) > 1]
    assert sorted(said for said, _, _ in conversations) == sorted([*(f"no. {n}" for n in range(21)), *["no. 21"] * 2])
    assert all(answer == f"About {said}" for said, answer, _ in conversations)
    pictured = next(messages for messages, _, _ in strict.seen if len(messages) > 1 and messages[0].text == "no. 20")
    assert pictured[0].content == [picture, {"type": "text", "text": "no. 20"}]


async def test_async_prompts_never_mix(scene: Scene, strict: Strict) -> None:
    config: Any = {"callbacks": [handler_of(scene)]}
    await strict.abatch([f"no. {n}" for n in range(20)], config)
    await strict.agenerate([[HumanMessage("no. 20")], [HumanMessage("no. 21")]], callbacks=config["callbacks"])
    assert await asyncio.to_thread(co.flush)
    assert scene.answers() == {"confessed": 22}
    conversations = [[one.text for one in messages] for messages, _, _ in strict.seen if len(messages) > 1]
    assert sorted(said for said, _, _ in conversations) == sorted(f"no. {n}" for n in range(22))
    assert all(answer == f"About {said}" for said, answer, _ in conversations)


def test_a_model_that_goes_its_own_way_cannot_be_asked_and_is_counted(scene: Scene) -> None:
    OwnWay().invoke("?", {"callbacks": [handler_of(scene)]})
    assert scene.answers() == {"not_asked no_client": 1}


def test_metadata_of_an_unexpected_form_cost_no_confession(scene: Scene) -> None:
    Odd(report=scene.report()).invoke("Two?", {"callbacks": [handler_of(scene)]})
    assert co.flush()
    assert scene.answers() == {"confessed": 1}
    attributes = scene.telemetry.confession().attributes or {}
    assert attributes["confession.asking.input_tokens"] == 3
    assert attributes["confession.asking.output_tokens"] == 0


def test_a_model_within_a_model_is_not_taken_for_it(scene: Scene) -> None:
    inner = OwnWay(report=scene.report())
    Outer(inner=inner).invoke("?", {"callbacks": [handler_of(scene)]})
    assert co.flush()
    assert scene.answers() == {"not_asked no_client": 1, "confessed": 1}


@pytest.mark.parametrize("mode", ["background", "inline"])
def test_what_a_model_calls_for_a_confession_is_no_run_of_the_application_s(scene: Scene, mode: str) -> None:
    seen: list[Any] = []

    class Users(BaseCallbackHandler):
        def on_chat_model_start(self, *_: Any, **__: Any) -> None:
            seen.append(1)

    scene.instrument(ask_mode=mode)
    inner = Strict(report=scene.report())
    outer = Outer(inner=inner)
    from langchain_core.runnables import RunnableLambda

    RunnableLambda(outer.invoke).invoke("?", {"callbacks": [Users()]})
    assert scene.flush()
    # Of outer and inner one answer each.
    assert scene.answers() == {"confessed": 2}
    assert len(seen) == 2


def test_what_the_caller_does_afterwards_changes_nothing(scene: Scene, strict: Strict) -> None:
    config: Any = {"callbacks": [handler_of(scene, max_concurrency=1)]}
    free = threading.Event()
    strict.rate_limiter = None
    messages: list[BaseMessage] = [HumanMessage(["a", "b"])]
    handler = config["callbacks"][0]
    handler._observer()._asker.worker.submit(_Waiting(free))
    said = strict.invoke(messages, config)
    messages[0].content.append("c")  # type: ignore[union-attr]
    messages.append(HumanMessage("more"))
    said.content = "other"
    free.set()
    assert co.flush()
    assert [one.content for one in strict.seen[-1][0]][:2] == [["a", "b"], "About ab"]


class _Waiting:
    def __init__(self, free: threading.Event) -> None:
        self.free = free

    def run(self, _: object) -> None:
        self.free.wait(20)

    def dropped(self, _: object) -> None: ...


# --- Over OpenAI's API ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_a_schema_is_left_out_and_tools_are_not_called(scene: Scene, api: str) -> None:
    model = model_at(scene, use_responses_api=api == "responses", max_tokens=99, streaming=False)
    bound = model.bind_tools([population], response_format=Words)
    bound.invoke("?", {"callbacks": [handler_of(scene)]})
    assert co.flush()
    assert scene.answers() == {"confessed": 1}
    question, request = scene.question, scene.requests[0].json
    assert not {"response_format", "text", "stop", "n"} & set(question)
    assert question["tools"] == request["tools"]
    assert question["tool_choice"] == "none"
    assert question["max_output_tokens" if api == "responses" else "max_completion_tokens"] == 2000
    assert question.get("store") is (False if api == "responses" else None)


def test_of_several_choices_each_is_asked_about_with_one(scene: Scene) -> None:
    scene.answer = chat_completion("One.", "Two.", model="m-1")
    model = model_at(scene, n=2, stop=["x"], logprobs=True, store=True, model_kwargs={"modalities": ["text"]})
    handler = handler_of(scene)
    model.generate([[HumanMessage("?")]], callbacks=[handler])
    assert co.flush()
    assert scene.answers() == {"confessed": 2}
    assert sorted(request.json["messages"][1]["content"] for request in scene.asked) == ["One.", "Two."]
    assert all(request.json["n"] == 1 for request in scene.asked)
    assert not any({"stop", "logprobs", "store", "modalities"} & set(request.json) for request in scene.asked)


@pytest.mark.parametrize("method", ["json_schema", "json_mode"])
async def test_structured_output_is_asked_about_in_words(scene: Scene, method: Any) -> None:
    chain = model_at(scene).with_structured_output(Words, method=method)
    assert chain.invoke("json?", {"callbacks": [handler_of(scene)]}) == Words(words=10)
    assert await chain.ainvoke("json?", {"callbacks": [handler_of(scene)]}) == Words(words=10)
    assert await asyncio.to_thread(co.flush)
    assert scene.answers() == {"confessed": 2}
    kinds = [(request.json.get("response_format") or {}).get("type") for request in scene.asked]
    assert kinds == [None if method == "json_schema" else "json_object"] * 2


@pytest.mark.parametrize(
    ("base_url", "first", "role"),
    [
        ("https://api.openai.com/v1", SystemMessage("x"), "system"),
        ("https://x.openai.azure.com/v1", HumanMessage("x"), "system"),
        (
            "https://api.openai.com/v1",
            SystemMessage("x", additional_kwargs={"__openai_role__": "developer"}),
            "developer",
        ),
        ("https://notopenai.com/v1", SystemMessage("x"), "user"),
    ],
)
def test_the_question_stands_in_the_name_that_the_model_takes(base_url: str, first: Any, role: str) -> None:
    model = ChatOpenAI(model="m-1", base_url=base_url, api_key=SecretStr("none"))
    call = capture.Call(model, [[first, HumanMessage("?")]], {}, asynchronous=False)
    given = call.take(None, {"id": ["ChatOpenAI"]}, [first, first])
    assert given is not None
    asking = LangChainFollowUp(given, [ChatGeneration(message=AIMessage("!"))], Answer())
    assert asking.role == role
    copy, keywords, messages = asking._prepared("Confess.", 3.0, 7)
    body = copy._get_request_payload(messages, **keywords)  # type: ignore[attr-defined]
    assert body["messages"][-1] == {"role": role, "content": "Confess."}
    assert (copy.root_client.timeout, copy.root_client.max_retries) == (3.0, 0)  # type: ignore[attr-defined]
    assert model.root_client.max_retries == 2


async def test_an_http_client_of_the_application_s_is_used_on_its_loop(scene: Scene) -> None:
    here = asyncio.get_running_loop()
    loops: list[Any] = []

    class Client(DefaultAsyncHttpxClient):
        async def send(self, *arguments: Any, **keywords: Any) -> Any:
            loops.append(asyncio.get_running_loop())
            return await super().send(*arguments, **keywords)

    async with Client() as client:
        model = model_at(scene, http_client=None, http_async_client=client)
        await model.ainvoke("?", {"callbacks": [handler_of(scene)]})
        assert await asyncio.to_thread(co.flush)
    assert scene.answers() == {"confessed": 1}
    assert loops == [here, here]


# --- The wrappers -----------------------------------------------------------------------------------------------------


def test_a_stream_that_is_left_early_closes_the_one_inside(scene: Scene) -> None:
    handler = handler_of(scene)
    chunks: Any = model_at(scene).stream("?", {"callbacks": [handler]})
    next(chunks)
    chunks.close()
    assert co.flush()
    assert scene.answers() == {}
    assert len(handler._given) == 0
    chunks = model_at(scene).stream("?", {"callbacks": [handler]})
    next(chunks)
    with pytest.raises(KeyError):
        chunks.throw(KeyError())
    assert list(chunks) == []


async def test_an_async_stream_that_is_left_early_closes_the_one_inside(scene: Scene) -> None:
    handler = handler_of(scene, ask_mode="inline")
    for end in ("close", "throw"):
        chunks: Any = model_at(scene).astream("?", {"callbacks": [handler]})
        await chunks.__anext__()
        if end == "close":
            await chunks.aclose()
        else:
            with pytest.raises(KeyError):
                await chunks.athrow(KeyError())
        assert [chunk async for chunk in chunks] == []
    assert scene.answers() == {}
    assert len(handler._given) == 0


async def test_what_runs_on_holds_nothing_of_the_conversation(scene: Scene, strict: Strict) -> None:
    held: list[Any] = []

    class Users(BaseCallbackHandler):
        run_inline = True

        def on_chat_model_start(self, *_: Any, **__: Any) -> None:
            held.append(capture._current.get())

    await strict.ainvoke("?", {"callbacks": [Users(), handler_of(scene)]})
    strict.invoke("?", {"callbacks": [Users(), handler_of(scene)]})
    assert await asyncio.to_thread(co.flush)
    assert len(held) == 2
    assert all(one._model is None and one._prompts == [] and one.keywords == {} for one in held)
    assert capture._current.get() is None


def test_an_input_that_langchain_refuses_is_refused_as_ever(scene: Scene, strict: Strict) -> None:
    config: Any = {"callbacks": [handler_of(scene)]}
    wrong: Any = 7
    with pytest.raises(ValueError, match="Invalid input type"):
        strict.invoke(wrong, config)
    with pytest.raises(TypeError):
        strict.generate(wrong)
    with pytest.raises(TypeError):
        BaseChatModel.generate()  # type: ignore[call-arg]

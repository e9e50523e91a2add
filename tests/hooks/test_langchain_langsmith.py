"""LangSmith's own client, posting to a server on loopback: it is told of the application's runs, and of no question."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

import pytest
from langchain.agents import create_agent
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool
from langchain_core.tracers.langchain import wait_for_all_tracers
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from langsmith import run_trees, utils
from pydantic import SecretStr

import confession_otel as co
from confession_otel.langchain import ConfessionCallbackHandler, ConfessionMiddleware
from confession_otel.testing import Request, ScriptedServer, chat_completion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_core.messages import BaseMessage

    from conftest import Telemetry

QUESTION: Final = "How many live in Berlin?"
MARK: Final = "an honest account of how far your last answer"
"""Of the question for a confession, and of nothing else that is sent."""
REPORT: Final = json.dumps(
    {"compliance_analysis": [{"objective": "a number", "compliance": "fully_complied", "analysis": "there is one"}]}
)
_POSTED: Final = re.compile(rb'name="post\.([0-9a-f-]{36})"')


@dataclass
class LangSmith:
    """What was posted."""

    multipart: bool
    bodies: list[bytes] = field(default_factory=list)
    url: str = ""

    @property
    def text(self) -> str:
        return b"\n".join(self.bodies).decode()

    def runs(self) -> Counter[tuple[str, str]]:
        """Kind and name of each run that began, and how often it did."""
        posted: dict[str, Any] = {}
        for body in self.bodies:
            if self.multipart:
                for part in re.split(rb"\r?\n--[0-9a-zA-Z'-]+", body):
                    if found := _POSTED.search(part):
                        run = json.loads(part[part.index(b"{") : part.rindex(b"}") + 1])
                        posted[found[1].decode()] = run
            else:
                posted.update({run["id"]: run for run in json.loads(body).get("post", ())})
        return Counter((run["run_type"], run["name"]) for run in posted.values())


@pytest.fixture(params=["multipart", "json"])
def langsmith(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[LangSmith]:
    """A LangSmith, to which everything is traced."""
    service = LangSmith(multipart=request.param == "multipart")
    limits = {
        "use_multipart_endpoint": service.multipart,
        "scale_up_qsize_trigger": 1000,
        "scale_up_nthreads_limit": 16,
        "size_limit": 100,
        "size_limit_bytes": 20_000_000,
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply({"version": "0.9.0", "instance_flags": {}, "batch_ingest_config": limits})

        def do_POST(self) -> None:
            if self.headers.get("transfer-encoding") == "chunked":
                parts = []
                while size := int(self.rfile.readline(), 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                service.bodies.append(b"".join(parts))
            else:
                service.bodies.append(self.rfile.read(int(self.headers["content-length"])))
            self._reply({})

        do_PATCH = do_POST  # noqa: N815 - the name http.server looks for

        def _reply(self, body: object) -> None:
            content = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    service.url = f"http://127.0.0.1:{server.server_port}"
    for name, value in {
        "LANGSMITH_TRACING": "true",
        "LANGSMITH_ENDPOINT": service.url,
        "LANGSMITH_API_KEY": "none",
        "LANGSMITH_DISABLE_RUN_COMPRESSION": "true",
    }.items():
        monkeypatch.setenv(name, value)
    _forget()
    yield service
    wait_for_all_tracers()
    monkeypatch.undo()
    _forget()
    server.shutdown()
    thread.join()
    server.server_close()


def _forget() -> None:
    """LangSmith keeps what it has read of the environment, and its client."""
    variable: Any = utils.get_env_var
    variable.cache_clear()
    run_trees._CLIENT = None


@pytest.fixture
def asked() -> list[Request]:
    """Requests for a confession."""
    return []


@pytest.fixture
def model(asked: list[Request], http_clients: dict[str, Any]) -> Iterator[ChatOpenAI]:
    def reply(request: Request) -> Any:
        if MARK.encode() in request.content:
            asked.append(request)
            return chat_completion(REPORT)
        if request.json.get("tools") and request.json["messages"][-1]["role"] != "tool":
            return chat_completion(None, tool_calls=[("population", '{"city": "Berlin"}')])
        return chat_completion("3.7 million.")

    with ScriptedServer(reply) as server:
        key = SecretStr("none")
        yield ChatOpenAI(model="m-1", base_url=server.base_url, api_key=key, max_retries=0, **http_clients)


@tool
def population(city: str) -> str:
    """Of a city."""
    return f"{city}: 3677472"


class Outer(BaseChatModel):
    """A model that calls another."""

    inner: BaseChatModel

    @property
    def _llm_type(self) -> str:
        return "outer"

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self.inner.invoke(messages))])


class Local(BaseChatModel):
    """A model with no SDK below it."""

    asked: list[str] = []  # noqa: RUF012 - pydantic copies it for each model

    @property
    def _llm_type(self) -> str:
        return "local"

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        said = messages[-1].text
        if MARK in said:
            self.asked.append(said)
        message = AIMessage(REPORT if MARK in said else "3.7 million.")
        return ChatResult(generations=[ChatGeneration(message=message)])


def runnable(kind: str, model: BaseChatModel, *middleware: Any) -> Any:
    if kind == "agent":
        return create_agent(model, [population], middleware=middleware)
    built: Any = StateGraph(MessagesState)
    built.add_node("node", lambda state: {"messages": [model.invoke(state["messages"])]})
    built.add_edge(START, "node")
    return {"model": model, "outer": Outer(inner=model), "graph": built.compile()}[kind]


async def play(kind: str, runnable: Any, colour: str, *callbacks: Any) -> None:
    given: Any = QUESTION if kind in {"model", "outer"} else {"messages": [("user", QUESTION)]}
    config: Any = {"callbacks": list(callbacks)}
    if colour == "async":
        await runnable.ainvoke(given, config)
    else:
        runnable.invoke(given, config)
    assert await asyncio.to_thread(co.flush)
    await asyncio.to_thread(wait_for_all_tracers)


@pytest.mark.parametrize("mode", ["background", "inline"])
@pytest.mark.parametrize(
    "shape", [f"{kind} {colour}" for kind in ("model", "outer", "graph", "agent") for colour in ("sync", "async")]
)
async def test_it_is_told_of_the_application_s_runs_and_of_no_question(
    telemetry: Telemetry, langsmith: LangSmith, model: ChatOpenAI, asked: list[Request], shape: str, mode: str
) -> None:
    kind, colour = shape.split()
    await play(kind, runnable(kind, model), colour)
    plain = langsmith.runs()
    assert plain["llm", "ChatOpenAI"] == (2 if kind == "agent" else 1)
    assert "3.7 million." in langsmith.text
    langsmith.bodies.clear()
    handler = ConfessionCallbackHandler(way="ask", ask_mode=mode, **telemetry.providers)
    await play(kind, runnable(kind, model), colour, handler)
    assert len(asked) == 1
    assert len(telemetry.spans("confession")) == 1
    assert langsmith.runs() == plain
    assert "3.7 million." in langsmith.text
    assert MARK not in langsmith.text
    assert "compliance_analysis" not in langsmith.text


@pytest.mark.parametrize("colour", ["sync", "async"])
async def test_so_with_instrument(
    telemetry: Telemetry, langsmith: LangSmith, model: ChatOpenAI, asked: list[Request], colour: str
) -> None:
    co.instrument(way="ask", **telemetry.providers)
    await play("agent", runnable("agent", model), colour)
    assert len(asked) == 1
    assert langsmith.runs()["llm", "ChatOpenAI"] == 2
    assert MARK not in langsmith.text
    assert "compliance_analysis" not in langsmith.text


@pytest.mark.parametrize("kind", ["model", "outer", "graph"])
@pytest.mark.parametrize("colour", ["sync", "async"])
async def test_so_where_no_sdk_is_below(telemetry: Telemetry, langsmith: LangSmith, colour: str, kind: str) -> None:
    local = Local()
    await play(kind, runnable(kind, local), colour)
    plain = langsmith.runs()
    assert plain["llm", "Local"] == 1
    langsmith.bodies.clear()
    co.instrument(way="ask", **telemetry.providers)
    await play(kind, runnable(kind, local), colour)
    # Of outer and inner one answer each, and of the outer one it is the inner one that is asked.
    assert len(local.asked) == len(telemetry.spans("confession")) == (2 if kind == "outer" else 1)
    assert langsmith.runs() == plain
    assert "3.7 million." in langsmith.text
    assert MARK not in langsmith.text
    assert "compliance_analysis" not in langsmith.text


@pytest.mark.parametrize("colour", ["sync", "async"])
async def test_of_the_middleware_it_is_told_what_is_in_the_agent_s_state_and_no_more(
    telemetry: Telemetry, langsmith: LangSmith, model: ChatOpenAI, asked: list[Request], colour: str
) -> None:
    await play("agent", runnable("agent", model, ConfessionMiddleware(**telemetry.providers)), colour)
    assert len(asked) == 1
    assert langsmith.runs()["llm", "ChatOpenAI"] == 2
    assert MARK not in langsmith.text
    assert "compliance_analysis" not in langsmith.text
    assert '"verdict":"compliant"' in langsmith.text.replace('": "', '":"')

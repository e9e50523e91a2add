"""A server that says what a test wants, and a scripted model that, as it is told in-band, ends with the block."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pytest
from openai import AsyncOpenAI, OpenAI

from confession_otel.langchain import everywhere
from confession_otel.langchain.runs import Runs
from confession_otel.testing import Reply, ScriptedServer, chat_completion, response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    from confession_otel.testing import Request


@pytest.fixture(autouse=True)
def no_call_under_way() -> Iterator[None]:
    """One that was begun goes on when we are taken off; another test's is none of this one's."""
    yield
    everywhere._everywhere._runs = Runs()


class Script:
    """What the server says next."""

    reply: Any = None


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def server(script: Script) -> Iterator[ScriptedServer]:
    with ScriptedServer(lambda _: script.reply) as server:
        yield server


@pytest.fixture
def client(server: ScriptedServer) -> Iterator[OpenAI]:
    with OpenAI(base_url=server.base_url, api_key="none", max_retries=0) as client:
        yield client


_TAG: Final = re.compile(r'<confession id="([0-9a-f]{16})">')
_TOLD: Final = "Then, as the very last thing, add one block"
FAILED: Final = json.dumps(
    {
        "compliance_analysis": [
            {"objective": "ten words", "compliance": "not_complied_not_reported", "analysis": "There are two."},
            {"objective": "in “English” é", "compliance": "fully_complied", "analysis": "It is."},
        ],
        "uncertainties_and_conflicts": [],
        "overall_compliance_grade": 2,
    },
    ensure_ascii=False,
    indent=1,
)
ANSWER: Final = "Grüße, 🙂 two\n\nwords."


def _last_text(body: Mapping[str, Any]) -> str:
    """Text of the last message of a request, of either API."""
    given = body["messages"] if "messages" in body else body["input"]
    content = given if isinstance(given, str) else given[-1].get("content") or ""
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def tag_of(body: Mapping[str, Any]) -> str | None:
    """The tag that a request asks for; a model reads what it is told last."""
    text = _last_text(body)
    return _TAG.findall(text)[-1] if _TOLD in text else None


def block(tag: str, content: str = FAILED, end: str = "</confession>") -> str:
    return f'\n\n<confession id="{tag}">\n{content}\n{end}'


@dataclass
class Model:
    """What the model says next; ids and times are always the same, so that two runs compare."""

    answer: str = ANSWER
    """Of each choice."""
    confess: Callable[[str], str] = block
    """From the tag to what is appended."""
    kinds: dict[str, Any] = field(default_factory=dict)
    """Keywords of the body: a refusal, tool calls, a reason to stop."""
    choices: int = 1
    reply: dict[str, Any] = field(default_factory=lambda: {"piece": 7})
    """Keywords of the reply."""
    before: list[Reply] = field(default_factory=list)
    """Replies to the first requests."""

    FAILED: ClassVar = FAILED
    tag_of: ClassVar = staticmethod(tag_of)
    block: ClassVar = staticmethod(block)
    last_text: ClassVar = staticmethod(_last_text)

    def text(self, request: Request) -> str:
        tag = tag_of(request.json)
        return self.answer + (self.confess(tag) if tag is not None else "")

    def __call__(self, request: Request) -> Reply:
        if self.before:
            return self.before.pop(0)
        texts = [self.text(request)] * self.choices
        body: Any
        if "messages" in request.json:
            body = chat_completion(*texts, id="chatcmpl-1", model="m-1-2026", completion_tokens=99, **self.kinds)
            body["created"] = 1_700_000_000
            for choice in body["choices"]:
                for call in choice["message"].get("tool_calls", ()):
                    call["id"] = "call_1"
        else:
            body = response(texts[0], id="resp_1", model="m-1-2026", output_tokens=99, reasoning="2.", **self.kinds)
            body["created_at"] = 1_700_000_000.0
            for number, item in enumerate(body["output"]):
                item["id"] = f"item_{number}"
                if "call_id" in item:
                    item["call_id"] = "call_1"
        return Reply(body, headers={"x-request-id": "req_1"}, **self.reply)


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def told_server(model: Model) -> Iterator[ScriptedServer]:
    with ScriptedServer(model) as server:
        yield server


@pytest.fixture
def told_client(told_server: ScriptedServer) -> Iterator[OpenAI]:
    with OpenAI(base_url=told_server.base_url, api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture
async def told_async_client(told_server: ScriptedServer) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=told_server.base_url, api_key="none", max_retries=0) as client:
        yield client

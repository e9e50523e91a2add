"""A model that answers and, asked for it, confesses: a server on loopback that tells the two kinds of request apart."""

from __future__ import annotations

import contextlib
import gc
import inspect
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

import confession_otel as co
from confession_otel import observation
from confession_otel.asking import Ask
from confession_otel.openai.follow_up import OpenAIFollowUp
from confession_otel.testing import Reply, Request, ScriptedServer, chat_completion, response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from confession_otel.asking import Asker
    from confession_otel.asking.worker import Worker
    from conftest import Telemetry

MARK: Final = b"an honest account of how far your last answer"
"""Of the question, and of nothing else that is sent."""


def report(compliance: str = "fully_complied", objective: str = "ten words", why: str = "counted them") -> str:
    """A confession as the question wants it."""
    judged = {"objective": objective, "compliance": compliance, "analysis": why}
    whole = {"compliance_analysis": [judged], "uncertainties_and_conflicts": [], "overall_compliance_grade": 6}
    return json.dumps(whole)


class Words(BaseModel):
    words: int


def body_of(request: Request, text: str, *, asking: bool) -> Any:
    """A text as the API that was called gives it, with tokens that tell answer and confession apart."""
    incoming, outgoing, cached = (101, 23, 64) if asking else (12, 5, 0)
    if request.path.partition("?")[0].endswith("/chat/completions"):
        return chat_completion(
            text, model="m-1-2026", prompt_tokens=incoming, completion_tokens=outgoing, cached_tokens=cached
        )
    return response(text, model="m-1-2026", input_tokens=incoming, output_tokens=outgoing, cached_tokens=cached)


def call(api: str) -> dict[str, Any]:
    """The least that a call takes."""
    if api == "chat":
        return {"model": "m-1", "messages": [{"role": "user", "content": "Ten words, please."}]}
    return {"model": "m-1", "input": "Ten words, please."}


async def settled(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


@contextlib.asynccontextmanager
async def entered(manager: Any) -> AsyncIterator[Any]:
    if hasattr(manager, "__aenter__"):
        async with manager as value:
            yield value
    else:
        with manager as value:
            yield value


async def exhausted(chunks: Any) -> list[Any]:
    return [chunk async for chunk in chunks] if hasattr(chunks, "__aiter__") else list(chunks)


def dumped(value: Any) -> Any:
    return type(value), value.model_dump(mode="json", warnings=False)


async def play(client: OpenAI | AsyncOpenAI, api: str, shape: str, **given: Any) -> list[Any]:
    """An application: one call of this shape, and all that it gives."""
    resource: Any = client.chat.completions if api == "chat" else client.responses
    arguments = {**call(api), **given}
    if shape == "create":
        return [dumped(await settled(resource.create(**arguments)))]
    if shape == "parse":
        kind = {"response_format" if api == "chat" else "text_format": Words}
        return [dumped(await settled(resource.parse(**arguments, **kind)))]
    if shape == "raw":
        raw = await settled(resource.with_raw_response.create(**arguments))
        return [raw.status_code, raw.text, dumped(raw.parse())]
    if shape == "stream":
        chunks = await settled(resource.create(**arguments, stream=True))
        assert isinstance(chunks, (openai.Stream, openai.AsyncStream))
        return [dumped(chunk) for chunk in await exhausted(chunks)]
    async with entered(resource.stream(**arguments)) as events:
        seen = [dumped(event) for event in await exhausted(events)]
        final = events.get_final_completion if api == "chat" else events.get_final_response
        return [*seen, dumped(await settled(final()))]


def alive() -> list[object]:
    """What of ours is left of asking."""
    gc.collect()
    return [one for one in gc.get_objects() if type(one) in (Ask, OpenAIFollowUp)]


def slow(seconds: float, text: str | None = None) -> Any:
    """A confession after some time."""

    def said(request: Request) -> Reply:
        return Reply(body_of(request, report() if text is None else text, asking=True), delay=seconds)

    return said


@dataclass
class Scene:
    """The server, the telemetry, and what the model says: a text, a body, a `Reply`, or a callable that gives one."""

    telemetry: Telemetry
    server: ScriptedServer = field(init=False)
    answer: Any = '{"words": 10}'
    confession: Any = field(default_factory=report)
    requests: list[Request] = field(default_factory=list)
    """Of the application."""
    asked: list[Request] = field(default_factory=list)
    """Those for a confession."""
    workers: list[Worker] = field(default_factory=list)
    http_clients: dict[str, Any] = field(default_factory=dict)
    """Arguments of each `ChatOpenAI`."""

    def instrument(self, **settings: Any) -> None:
        co.instrument(**self.telemetry.providers, **{"way": "ask", "timeout": 20, **settings})
        asker = observation.default()._asker
        if asker is not None:
            self.workers.append(asker.worker)

    @property
    def asker(self) -> Asker:
        asker = observation.default()._asker
        assert asker is not None
        return asker

    def flush(self, seconds: float = 30.0) -> bool:
        return self.asker.worker.flush(seconds)

    def client(self, **options: Any) -> OpenAI:
        return OpenAI(**{"base_url": self.server.base_url, "api_key": "none", "max_retries": 0, **options})

    def async_client(self, **options: Any) -> AsyncOpenAI:
        return AsyncOpenAI(**{"base_url": self.server.base_url, "api_key": "none", "max_retries": 0, **options})

    def chat(self, **given: Any) -> Any:
        """One call of the sync client, asked about to the end."""
        with self.client() as client:
            completion = client.chat.completions.create(**{**call("chat"), **given})
        assert self.flush()
        return completion

    @property
    def question(self) -> dict[str, Any]:
        """The body of the one request for a confession."""
        (request,) = self.asked
        body: dict[str, Any] = request.json
        return body

    def answers(self) -> dict[str, int]:
        """`confession.answers`, by status and reason."""
        return {
            " ".join(str(labels[key]) for key in ("confession.status", "confession.reason") if key in labels): count
            for labels, count in self.telemetry.counts("confession.answers")
        }

    def tokens(self) -> list[tuple[dict[str, Any], Any]]:
        """`confession.asking.tokens`."""
        return self.telemetry.counts("confession.asking.tokens")

    def everything_emitted(self) -> str:
        """All words of all signals."""
        spans = [span.to_json() for span in self.telemetry.spans()]
        events = [event.to_json() for event in self.telemetry.events()]
        metrics = self.telemetry._reader.get_metrics_data()
        return "\n".join([*spans, *events, "" if metrics is None else metrics.to_json()])

    def reply(self, request: Request) -> Any:
        asking = MARK in request.content
        (self.asked if asking else self.requests).append(request)
        said = self.confession if asking else self.answer
        if callable(said):
            said = said(request)
        return body_of(request, said, asking=asking) if isinstance(said, str) else said

    # Test modules cannot import this one.
    report = staticmethod(report)
    call = staticmethod(call)
    entered = staticmethod(entered)
    play = staticmethod(play)
    alive = staticmethod(alive)
    slow = staticmethod(slow)
    body_of = staticmethod(body_of)


@pytest.fixture
def scene(telemetry: Telemetry) -> Iterator[Scene]:
    scene = Scene(telemetry)
    with ScriptedServer(scene.reply) as scene.server:
        yield scene
    # The server has gone: whatever still waits for it does so no longer.
    for worker in scene.workers:
        worker.shutdown(10)

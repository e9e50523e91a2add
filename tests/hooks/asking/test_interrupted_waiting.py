"""Asking inline while something of the host's comes in between: a job's time limit, raised by a signal handler."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from langchain.agents import create_agent
from langchain_openai import ChatOpenAI

from confession_otel.langchain import ConfessionMiddleware

if TYPE_CHECKING:
    from collections.abc import Iterator

    from confession_otel.testing import Request
    from hooks.asking.conftest import Scene


class TimeLimitExceeded(Exception):  # noqa: N818 - as Celery's and RQ's: an `Exception`, and not of `BaseException` alone
    """The job has run out of its time."""


@pytest.fixture
def limit(scene: Scene) -> Iterator[None]:
    """The time is over while the confession is being asked for."""
    go_on = threading.Event()

    def exceeded(*_: Any) -> None:
        raise TimeLimitExceeded

    def confession(request: Request) -> Any:
        # Not while the thread is being started, and some finaliser may run that swallows whatever is raised in it.
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGUSR1)
        go_on.wait(30)
        return scene.body_of(request, scene.report(), asking=True)

    scene.confession = confession
    before = signal.signal(signal.SIGUSR1, exceeded)
    yield
    signal.signal(signal.SIGUSR1, before)
    go_on.set()


@pytest.mark.usefixtures("limit")
@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize("shape", ["create", "stream", "raw"])
async def test_the_host_gets_what_is_raised_while_it_waits(scene: Scene, api: str, shape: str) -> None:
    scene.instrument(ask_mode="inline")
    with scene.client() as client, pytest.raises(TimeLimitExceeded):
        await scene.play(client, api, shape)
    assert len(scene.asked) == 1
    assert scene.answers() == {"failed TimeLimitExceeded": 1}
    (answer,) = scene.telemetry.spans("chat m-1")
    assert scene.telemetry.confession().parent == answer.context


@pytest.mark.usefixtures("limit")
def test_so_does_who_runs_an_agent(scene: Scene) -> None:
    model = ChatOpenAI(model="m-1", base_url=scene.server.base_url, api_key="none", max_retries=0)  # type: ignore[arg-type]
    agent: Any = create_agent(model, [], middleware=[ConfessionMiddleware(**scene.telemetry.providers)])
    with pytest.raises(TimeLimitExceeded):
        agent.invoke({"messages": [("user", "Ten words, please.")]})
    assert scene.answers() == {"failed TimeLimitExceeded": 1}

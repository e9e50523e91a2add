"""A service of gunicorn and a task of Celery, each of which asks a model; `test_prefork.py` starts both."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import openai
from celery import Celery
from celery.signals import worker_process_shutdown
from opentelemetry import _logs, metrics, trace

import confession_otel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

client = openai.OpenAI()


def ask() -> str:
    """One call."""
    question: Any = [{"role": "user", "content": "Ten words on fish, please."}]
    return str(client.chat.completions.create(model="m-1", messages=question).choices[0].message.content)


def application(_: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Say which process has answered."""
    ask()
    start_response("200 OK", [("content-type", "text/plain")])
    return [str(os.getpid()).encode()]


folder = os.environ.get("QUEUE", "")
app = Celery("service", broker="filesystem://")
app.conf.broker_transport_options = {"data_folder_in": folder, "data_folder_out": folder}


work = app.task(name="work")(ask)


def send(**_: Any) -> None:
    """A child of Celery's ends without the interpreter's exit, at which all that waits would be sent."""
    confession_otel.flush()
    providers: Any = (trace.get_tracer_provider(), metrics.get_meter_provider(), _logs.get_logger_provider())
    for provider in providers:
        provider.force_flush()


worker_process_shutdown.connect(send, weak=False)

"""Runs the tasks: real clients against the scripted server, each task under a root span of its own."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import openai
from langchain_core.output_parsers import StrOutputParser
from langchain_openai import ChatOpenAI
from langsmith import tracing_context
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

import confession_otel as co
from confession_otel import semconv
from confession_otel.testing import Request, ScriptedServer, chat_completion, response

from .backends import PROJECT, Backend
from .tasks import Api, Task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from opentelemetry.trace import Tracer

_TRACER: Final = "confession-otel-demo"
_KEY: Final = "none-needed"
_FLUSH_MILLISECONDS: Final = 15_000


@dataclass(frozen=True, slots=True)
class Played:
    """A task that was run, and the trace it left."""

    task: Task
    trace_id: str
    """32 hex digits."""


def play(tasks: Sequence[Task], backend: Backend, on_task: Callable[[Task], None] = lambda _: None) -> list[Played]:
    """Run every task with the recorder at work, and send what it leaves to the backend.

    Args:
        tasks: The script.
        backend: Where telemetry goes.
        on_task: Called before each.
    """
    script = _script(tasks)
    with (
        _recording(backend) as tracer,
        ScriptedServer(script) as server,
        # A proxy of the environment is not for loopback.
        openai.DefaultHttpxClient(trust_env=False) as http,
        openai.OpenAI(base_url=server.base_url, api_key=_KEY, http_client=http, max_retries=0) as client,
        # Whoever has LangSmith switched on does not mean the demo.
        tracing_context(enabled=False),
    ):
        call = _callers(client, http, server.base_url)
        played = []
        for task in tasks:
            on_task(task)
            # What an application would put on its own span: shown by backends that know OpenInference's names.
            own = {
                semconv.OPENINFERENCE_SPAN_KIND: "CHAIN",
                semconv.OPENINFERENCE_INPUT: task.prompt,
                semconv.OPENINFERENCE_OUTPUT: task.answer,
            }
            with tracer.start_as_current_span(task.span_name, attributes=own) as span:
                call[task.api](task)
            played.append(Played(task, f"{span.get_span_context().trace_id:032x}"))
    return played


def _callers(client: openai.OpenAI, http: Any, base_url: str) -> dict[Api, Callable[[Task], object]]:
    """An application's three ways to ask a model. None of them knows of confessions."""

    def chat(task: Task) -> object:
        return client.chat.completions.create(model=task.model, messages=[{"role": "user", "content": task.prompt}])

    def responses(task: Task) -> object:
        return client.responses.create(model=task.model, input=task.prompt)

    # Newer versions warn that a proxy of the environment is not used, which is just what is wanted; this says so.
    options: dict[str, Any] = {"http_socket_options": ()} if "http_socket_options" in ChatOpenAI.model_fields else {}

    def langchain(task: Task) -> object:
        model = ChatOpenAI(
            model=task.model,
            base_url=base_url,
            api_key=lambda: _KEY,
            http_client=http,
            max_retries=0,
            **options,
        )
        chain = model | StrOutputParser()
        return chain.invoke(task.prompt)

    return {Api.CHAT: chat, Api.RESPONSES: responses, Api.LANGCHAIN: langchain}


def _script(tasks: Sequence[Task]) -> Callable[[Request], Mapping[str, Any]]:
    by_prompt = {task.prompt: task for task in tasks}

    def reply(request: Request) -> Mapping[str, Any]:
        if request.path == "/v1/responses":
            task = by_prompt[request.json["input"]]
            return response(task.output, model=task.model)
        task = by_prompt[request.json["messages"][-1]["content"]]
        return chat_completion(task.output, model=task.model)

    return reply


@contextlib.contextmanager
def _recording(backend: Backend) -> Iterator[Tracer]:
    """`co.instrument` on providers of our own: nothing global is set, and no variable of the user's bends the demo."""
    resource = Resource.create({SERVICE_NAME: PROJECT, semconv.OPENINFERENCE_PROJECT: PROJECT})
    traces = TracerProvider(resource=resource, sampler=ALWAYS_ON, shutdown_on_exit=False)
    traces.add_span_processor(BatchSpanProcessor(backend.spans))
    readers = [] if backend.metrics is None else [PeriodicExportingMetricReader(backend.metrics)]
    metrics = MeterProvider(readers, resource=resource, shutdown_on_exit=False)
    logs = LoggerProvider(resource=resource, shutdown_on_exit=False)
    if backend.logs is not None:
        logs.add_log_record_processor(BatchLogRecordProcessor(backend.logs))
    co.instrument(
        tracer_provider=traces,
        meter_provider=metrics,
        logger_provider=logs,
        enabled=True,
        capture="full",
        flag_on="non_compliant,contradicted",
        error_status=True,
        answer_spans="auto",
        sinks=(),
    )
    try:
        yield traces.get_tracer(_TRACER)
    finally:
        co.shutdown()
        for provider in (traces, metrics, logs):
            provider.force_flush(_FLUSH_MILLISECONDS)
        traces.shutdown()
        metrics.shutdown()
        logs.shutdown()

"""MLflow: a trace of the demo, with the attributes of its confession span."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from tests.backends.servers import free_ports, started
from tests.environment import environment

from confession_otel import semconv
from confession_otel.cli.demo.backends import Backend, Watched
from confession_otel.cli.demo.play import play
from confession_otel.cli.demo.tasks import TASKS

from .browser import browsing

if TYPE_CHECKING:
    from collections.abc import Iterator

GUIDANCE: Final = """document.querySelector('[data-component-id="mlflow.detect_issues.guidance.got_it"]')"""
ASSISTANT: Final = """document.querySelector('[data-component-id="mlflow.assistant.chat_panel.close"]')"""
"""What MLflow shows to who comes for the first time, each with a button that closes it."""
CONFESSION: Final = (
    f"[...document.querySelectorAll('span, div')].filter(one => one.innerText == '{semconv.SPAN}').pop()"
)
ATTRIBUTES: Final = "[...document.querySelectorAll('[role=tab]')].find(one => one.innerText == 'Attributes')"
VERDICT: Final = f"[...document.querySelectorAll('*')].filter(one => one.innerText == '{semconv.VERDICT}').pop()"
TO_VERDICT: Final = f"""(() => {{
    const verdict = {VERDICT};
    let list = verdict.parentElement;
    while (list.scrollHeight <= list.clientHeight || getComputedStyle(list).overflowY == 'visible') {{
        list = list.parentElement;
    }}
    list.scrollTop += verdict.getBoundingClientRect().top - list.getBoundingClientRect().top - 12;
}})()"""
"""Scrolls the list of attributes, and nothing else."""
PINS: Final = Path(__file__).parents[2] / "tests" / "backends" / "pins-mlflow"


@contextmanager
def _server() -> Iterator[str]:
    """An MLflow as the tests have it; its address."""
    requirements = PINS.with_suffix(".in").read_text(encoding="utf-8").split()
    python = environment("mlflow", str(PINS.with_suffix(".txt")), *requirements)
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    command: list[str | Path] = [
        *(python.with_name("mlflow"), "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", "sqlite:///mlflow.db", "--default-artifact-root", "./artifacts"),
    ]
    path = f"{python.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    with started(command, ready=f"{url}/health", environ={**quiet, "PATH": path}):
        yield url


def photograph(directory: Path) -> list[Path]:
    """Photograph a flagged trace with its confession selected.

    Args:
        directory: For the pictures.
    """
    picture = directory / "mlflow-flagged-trace.png"
    with ExitStack() as stack:
        url = stack.enter_context(_server())
        session = stack.enter_context(requests.Session())
        # Not by the proxy of the environment, if there is one.
        session.trust_env = False
        exporter = OTLPSpanExporter(f"{url}/v1/traces", headers={"x-mlflow-experiment-id": "0"}, session=session)
        played = play(TASKS, Backend("MLflow", Watched(exporter), None))
        flagged = next(one for one in played if one.task.flagged)
        page = stack.enter_context(browsing(1400, 700))
        page.open(f"{url}/#/experiments/0/traces", GUIDANCE)
        page.click(GUIDANCE)
        page.click(ASSISTANT)
        page.open(f"{url}/#/experiments/0/traces?selectedEvaluationId=tr-{flagged.trace_id}", CONFESSION)
        page.click(CONFESSION)
        page.click(ATTRIBUTES)
        page.wait(VERDICT)
        page.ask(TO_VERDICT)
        page.wait(VERDICT)
        page.photograph(picture)
    return [picture]

"""`integrations/fastapi`: a service under uvicorn that knows nothing of us, driven over HTTP, seen by a collector."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from confession_otel.testing import ScriptedServer, chat_completion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from receiver import Receiver

HERE: Final = Path(__file__).parent
EXAMPLE: Final = HERE.parent.parent / "integrations" / "fastapi"
ANSWER: Final = "Fish swim.\n\n## Confession\n\nObjective: ten words / Result: ✗ did not comply / Why: there are two"


@pytest.fixture(scope="module")
def python() -> Path:
    requirements = (EXAMPLE / "requirements.txt").read_text(encoding="utf-8").split()
    command = [sys.executable, str(HERE.parent / "environment.py"), "fastapi", str(HERE / "pins.txt"), *requirements]
    return Path(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip())


@contextmanager
def service(
    python: Path,
    receiver: Receiver,
    model: ScriptedServer,
    *flags: str,
    app: str = "app:app",
    folder: Path = EXAMPLE,
    ended_by: signal.Signals = signal.SIGINT,
) -> Iterator[str]:
    """The service, started as its README says; on leaving it has sent what it had to send."""
    variables = {
        "OPENAI_API_KEY": "none",
        "OPENAI_BASE_URL": model.base_url,
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
    }
    process = subprocess.Popen(
        [python.with_name("opentelemetry-instrument"), *flags, "uvicorn", "--port", "0", app],
        cwd=folder,
        env={**os.environ, **variables},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        said = []
        for line in process.stderr:
            said.append(line)
            if found := re.search(r"running on (http://\S+)", line):
                yield found[1]
                break
        else:
            pytest.fail("".join(said))
    finally:
        process.send_signal(ended_by)
        process.communicate()


def ask(url: str) -> Any:
    connection = HTTPConnection(url.removeprefix("http://"))
    question = json.dumps({"question": "Ten words on fish, please."})
    connection.request("POST", "/ask", question, {"content-type": "application/json"})
    try:
        return json.load(connection.getresponse())
    finally:
        connection.close()


def attributes(span: Span) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "string_value") for pair in span.attributes}


def test_one_trace_from_the_request_to_the_confession(python: Path, receiver: Receiver) -> None:
    with (
        ScriptedServer(lambda request: chat_completion(ANSWER)) as model,
        service(python, receiver, model) as url,
    ):
        assert ask(url) == {"answer": ANSWER}

    spans = {span.name: span for span in receiver.spans}
    request, chat, confession = spans["POST /ask"], spans["chat gpt-5.2"], spans["confession"]
    assert {request.trace_id, chat.trace_id, confession.trace_id} == {request.trace_id}
    assert (chat.parent_span_id, confession.parent_span_id) == (request.span_id, chat.span_id)
    assert attributes(chat)["confession.verdict"] == "non_compliant"
    assert attributes(confession)["confession.verdict"] == "non_compliant"
    assert attributes(confession)["confession.text"].startswith("Objective: ten words")


def test_a_setting_is_a_flag(python: Path, receiver: Receiver) -> None:
    with (
        ScriptedServer(lambda request: chat_completion(ANSWER)) as model,
        service(python, receiver, model, "--confession_capture", "verdict") as url,
    ):
        ask(url)

    (confession,) = (span for span in receiver.spans if span.name == "confession")
    assert "confession.text" not in attributes(confession)


@pytest.mark.parametrize("flags", [[], ["--confession_way", "ask"]], ids=["observe", "ask"])
def test_ended_by_sigterm_it_has_sent_all_by_the_recipe_of_the_documentation(
    python: Path, receiver: Receiver, tmp_path: Path, flags: list[str]
) -> None:
    page = (HERE.parent.parent / "docs" / "operations.md").read_text(encoding="utf-8")
    (recipe,) = (code for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "lifespan" in code)
    asking = (EXAMPLE / "app.py").read_text(encoding="utf-8").replace("\napp = FastAPI()\n", f"\n{recipe}\n")
    (tmp_path / "served.py").write_text(asking, encoding="utf-8")
    with (
        ScriptedServer(lambda request: chat_completion(ANSWER)) as model,
        service(python, receiver, model, *flags, app="served:app", folder=tmp_path, ended_by=signal.SIGTERM) as url,
    ):
        ask(url)

    assert {"POST /ask", "chat gpt-5.2", "confession"} <= {span.name for span in receiver.spans}
    assert receiver.events
    assert receiver.metrics

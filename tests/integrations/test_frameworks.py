"""The examples of frameworks under `integrations/`: each in an environment of its own, as its README installs it.

The model is on loopback and speaks each provider's language. What is looked at is the trace that the example prints.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from confession_otel.testing import (
    Request,
    ScriptedServer,
    anthropic_message,
    chat_completion,
    gemini_response,
    response,
)

HERE: Final = Path(__file__).parent
EXAMPLES: Final = HERE.parent.parent / "integrations"

BODIES: Final = {
    "/chat/completions": chat_completion,
    "/responses": response,
    "/messages": anthropic_message,
    "enerateContent": gemini_response,
}
"""How a path ends, without its query -> the body that is sent there."""

Call = tuple[str, str]
"""Name of a tool and its arguments."""

FISH: Final = "Fish swim.\n\n## Confession\n\nObjective: ten words / Result: ✗ did not comply / Why: there are two"
NOT_BOOKED: Final = "No room yet.\n\n## Confession\n\nObjective: book a room / Result: ✗ did not comply / Why: no luck"
BOOKED: Final = "Your room is booked.\n\n## Confession\n\nObjective: book a room / Result: ✓ complied / Why: it is done"
BOOK: Final[Call] = ("book_room", '{"day": "Monday"}')


@dataclass(frozen=True)
class Example:
    """A file of `integrations/`, and the trace that it makes."""

    file: str
    trace: str
    """Names of its spans, in the order in which they end."""
    answer: str
    """Name of the framework's span that has the answer."""
    pins: str = "pins-frameworks.txt"
    arguments: tuple[str, ...] = ()

    @property
    def framework(self) -> str:
        return self.file.partition("/")[0]

    @property
    def name(self) -> str:
        return " ".join((self.file, *self.arguments))


OPENAI_2: Final = "pins-frameworks-openai-2.txt"
ADK: Final = "pins-frameworks-google-adk.txt"
GEMINI: Final = "generate_content gemini-3.5-flash"

ANSWERS: Final = (
    Example("anthropic/message.py", "confession, anthropic.messages.create", "anthropic.messages.create"),
    Example("litellm/completion.py", "confession, completion", "completion", OPENAI_2),
    Example("litellm/completion.py", "confession, completion", "completion", OPENAI_2, ("anthropic/claude-sonnet-5",)),
    Example(
        "google_adk/streamed.py",
        f"confession, {GEMINI}, invoke_agent writer, invoke_workflow writer",
        GEMINI,
        ADK,
    ),
)
AGENTS: Final = (
    Example(
        "anthropic/failing_tool.py",
        "anthropic.messages.create, anthropic.custom_tool_use book_room, confession, anthropic.messages.create, "
        "anthropic.messages.tool_runner",
        "anthropic.messages.create",
    ),
    Example(
        "openai_agents/failing_tool.py",
        "response, book_room, turn, confession, response, turn, Office, Agent workflow, Agent workflow",
        "response",
    ),
    Example(
        "pydantic_ai/failing_tool.py",
        "chat gpt-5.2, execute_tool book_room, confession, chat gpt-5.2, invoke_agent office",
        "chat gpt-5.2",
    ),
    Example(
        "llamaindex/failing_tool.py",
        "BaseWorkflowAgent.init_run, BaseWorkflowAgent.setup_agent, OpenAI._prepare_chat_with_tools, "
        "OpenAI.astream_chat, BaseWorkflowAgent.run_agent_step, BaseWorkflowAgent.parse_agent_output, "
        "FunctionTool.acall, BaseWorkflowAgent.call_tool, BaseWorkflowAgent.aggregate_tool_results, "
        "BaseWorkflowAgent.setup_agent, OpenAI._prepare_chat_with_tools, confession, OpenAI.astream_chat, "
        "BaseWorkflowAgent.run_agent_step, BaseWorkflowAgent.parse_agent_output, FunctionAgent.run",
        "OpenAI.astream_chat",
        OPENAI_2,
    ),
    Example(
        "strands/failing_tool.py",
        "chat, execute_tool book_room, execute_event_loop_cycle, confession, chat, execute_event_loop_cycle, "
        "invoke_agent Strands Agents",
        "chat",
        OPENAI_2,
    ),
    Example(
        "google_adk/failing_tool.py",
        f"{GEMINI}, execute_tool book_room, confession, {GEMINI}, invoke_agent office, invoke_workflow office",
        GEMINI,
        ADK,
    ),
)


def each(examples: tuple[Example, ...] | list[Example]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("example", examples, ids=lambda example: example.name)


@functools.cache
def environment(framework: str, pins: str) -> Path:
    """The interpreter of an environment with what the README tells to install."""
    readme = (EXAMPLES / framework / "README.md").read_text(encoding="utf-8")
    told = re.search(r"^\$ pip install (.+)$", readme, re.MULTILINE)
    assert told is not None
    command = [sys.executable, str(HERE.parent / "environment.py"), framework, str(HERE / pins), *shlex.split(told[1])]
    return Path(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip())


def run(example: Example, *turns: str | Call) -> tuple[list[dict[str, Any]], str]:
    """The spans that an example printed, and what it printed itself, with a model that says or calls this in turn."""
    python = environment(example.framework, example.pins)
    left = iter(turns)

    def script(request: Request) -> dict[str, Any]:
        path = request.path.partition("?")[0]
        body: Any = next(body for end, body in BODIES.items() if path.endswith(end))
        turn = next(left)
        return body(turn) if isinstance(turn, str) else body(tool_calls=[turn])  # type: ignore[no-any-return]

    with ScriptedServer(script) as model:
        url = model.base_url.removesuffix("/v1")
        keys = dict.fromkeys(("ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "OPENAI_API_KEY"), "none")
        done = subprocess.run(
            [python, EXAMPLES / example.file, *example.arguments],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                **keys,
                "ANTHROPIC_BASE_URL": url,
                "GOOGLE_GEMINI_BASE_URL": url,
                "OPENAI_API_BASE": model.base_url,
                "OPENAI_BASE_URL": model.base_url,
                # Else it asks the network for a list of prices when it is imported.
                "LITELLM_LOCAL_MODEL_COST_MAP": "True",
                "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY",
            },
        )
    assert next(left, None) is None
    spans: list[dict[str, Any]] = []
    decoder, own, output = json.JSONDecoder(), "", done.stdout
    while output:
        if output.startswith("{"):
            span, end = decoder.raw_decode(output)
            spans.append(span)
            output = output[end:].lstrip()
        else:
            line, _, output = output.partition("\n")
            own += line + "\n"
    return spans, own.strip()


def confessed(example: Example, spans: list[dict[str, Any]], verdict: str) -> dict[str, Any]:
    """The attributes of the one confession in the trace, which is flagged, red, and below the framework's span."""
    assert ", ".join(span["name"] for span in spans) == example.trace
    assert len({span["context"]["trace_id"] for span in spans}) == 1
    (confession,) = (span for span in spans if span["name"] == "confession")
    (answer,) = (span for span in spans if span["context"]["span_id"] == confession["parent_id"])
    assert answer["name"] == example.answer
    carriers = [span for span in spans if "confession.verdict" in span["attributes"]]
    assert carriers == [confession, answer]
    for span in carriers:
        assert (span["attributes"]["confession.verdict"], span["attributes"]["confession.flagged"]) == (verdict, True)
    assert confession["status"]["status_code"] == "ERROR"
    assert answer["status"]["status_code"] != "ERROR"
    attributes: dict[str, Any] = confession["attributes"]
    return attributes


@pytest.mark.parametrize("example", sorted({one.file for one in (*ANSWERS, *AGENTS)}))
def test_an_example_fits_on_a_page_and_is_in_its_readme(example: str) -> None:
    path = EXAMPLES / example
    assert len(path.read_text(encoding="utf-8").splitlines()) < 60
    assert path.name in (path.parent / "README.md").read_text(encoding="utf-8")


@each(ANSWERS)
def test_the_frameworks_span_carries_the_verdict_and_below_it_is_the_confession(example: Example) -> None:
    spans, own = run(example, FISH)
    assert own == FISH
    assert confessed(example, spans, "non_compliant")["confession.why"] == "there are two"


@each(AGENTS)
def test_an_agent_confesses_on_the_span_of_its_last_turn(example: Example) -> None:
    spans, own = run(example, BOOK, NOT_BOOKED)
    assert own == NOT_BOOKED
    assert confessed(example, spans, "non_compliant")["confession.why"] == "no luck"


@each(AGENTS)
def test_an_agent_that_claims_success_after_a_failed_tool_is_contradicted(example: Example) -> None:
    spans, own = run(example, BOOK, BOOKED)
    assert own == BOOKED
    assert confessed(example, spans, "compliant")["confession.contradictions"] == ["tool_error"]

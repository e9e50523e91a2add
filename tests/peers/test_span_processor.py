"""Spans of other instrumentations alone: the answers in them are read, whoever made the call, and nothing else changes.

Each peer runs in a process of its own, with the real clients against the loopback server, in one of a few environments
of exact versions (`pins-spans*.txt`): without us, with our processors and no hook, and with everything of ours.
`make test-peers`; with `ARGS=--write-page`, docs/peers.md is written anew.
"""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from confession_otel.testing import ScriptedServer

from .compared import is_ours, theirs
from .spans_replies import ANSWER, reply_to
from .spans_setups import HOLLOW, MERGED, NOTHING, SETUPS, THEIRS, TWICE, Environment, Setup

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE: Final = Path(__file__).parent
PAGE: Final = HERE.parent.parent / "docs" / "peers.md"
NO_ANSWER: Final = "tool turn"

ROWS: Final = [pytest.param(setup, id=setup.id) for setup in SETUPS]
WITH_HOOKS: Final = [pytest.param(setup, id=setup.id) for setup in SETUPS if "everything" in setup.runs]
WITH_US: Final = [pytest.param(setup, ours, id=f"{setup.id}-{ours}") for setup in SETUPS for ours in setup.runs[1:]]


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(reply_to) as server:
        yield server


@functools.cache
def interpreter(environment: Environment) -> Path:
    made = subprocess.run(
        [
            sys.executable,
            HERE.parent / "environment.py",
            environment.name,
            HERE / environment.pins,
            *environment.packages,
        ],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return Path(made.stdout.strip())


@functools.cache
def runs(setup: Setup, server: ScriptedServer) -> dict[str, dict[str, Any]]:
    """What the scenario saw without us, with our processors, and with everything; the runs go side by side."""
    python = interpreter(setup.environment)
    foreign = ("OTEL_", "CONFESSION_", "LANGSMITH_", "LANGCHAIN_", "TRACELOOP_", "OPENINFERENCE_")
    variables = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    variables |= setup.settings | {name: value.format(url=server.url) for name, value in setup.always.items()}
    variables |= {"PEER_OPTIONS": json.dumps(setup.options), "PYTHONHASHSEED": "0"}
    started = {
        ours: subprocess.Popen(
            [python, HERE / "spans_scenario.py", setup.peer, ours, server.url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=variables,
        )
        for ours in setup.runs
    }
    seen = {}
    for ours, process in started.items():
        output, errors = process.communicate()
        assert process.returncode == 0, errors
        seen[ours] = json.loads(output.splitlines()[-1])
    return seen


def result(call: str, one: dict[str, Any]) -> str:
    """What came of a call whose spans only the processor saw; anything unforeseen is told as it is."""
    spans, counted = one["spans"], one["counted"]
    confessions = [span for span in spans if is_ours(span)]
    carriers = [span for span in spans if "confession.verdict" in span["attributes"] and not is_ours(span)]
    below = [spans[span["parent"]] for span in confessions if isinstance(span["parent"], int)]
    stands = carriers and below == carriers * len(confessions) and carriers[0]["scope"] != "app"
    number = choices(call)
    if not confessions and not carriers:
        by_count = {"": NOTHING, "absent no_content 1": HOLLOW, "absent no_content 2": TWICE}
    elif stands and len(confessions) == number:
        by_count = {f"confessed {number}": THEIRS}
    elif stands and len(confessions) == 1:
        by_count = {"confessed 1": MERGED}
    else:
        by_count = {}
    figures = ", ".join(f"{name} {count}" for name, count in sorted(counted.items()))
    return by_count.get(figures, f"{len(confessions)} confessions, below {below}; {figures}")


def choices(call: str) -> int:
    return 0 if NO_ANSWER in call else 2 if "two choices" in call else 1


def expected(setup: Setup, call: str) -> str:
    return setup.but.get(call, NOTHING if NO_ANSWER in call else setup.result)


@pytest.mark.parametrize("setup", ROWS)
def test_the_answer_is_found_on_the_peers_span(setup: Setup, server: ScriptedServer) -> None:
    seen = runs(setup, server)["processors"]
    assert {call: result(call, one) for call, one in seen.items()} == {call: expected(setup, call) for call in seen}


@pytest.mark.parametrize("setup", WITH_HOOKS)
def test_with_every_hook_on_each_answer_gives_one_confession(setup: Setup, server: ScriptedServer) -> None:
    seen = runs(setup, server)
    assert {call: confessions(one) for call, one in seen["everything"].items()} == {
        # The hooks know the OpenAI SDK and LangChain; of what others call, there is what the processor finds.
        call: choices(call) if is_hooked(setup, call) else confessions(seen["processors"][call])
        for call in seen["everything"]
    }


def confessions(one: dict[str, Any]) -> int:
    return sum(is_ours(span) and span["name"] == "confession" for span in one["spans"])


def is_hooked(setup: Setup, call: str) -> bool:
    return setup.peer != "google-adk" and not call.startswith("messages")


@pytest.mark.parametrize("setup", ROWS)
def test_the_answers_are_as_given(setup: Setup, server: ScriptedServer) -> None:
    seen = runs(setup, server)
    given = {call: ANSWER * choices(call) for call in seen["none"]}
    assert {ours: {call: one["answer"] for call, one in calls.items()} for ours, calls in seen.items()} == (
        dict.fromkeys(seen, given)
    )


@pytest.mark.parametrize(("setup", "ours"), WITH_US)
def test_the_peers_own_spans_are_as_without_us(setup: Setup, ours: str, server: ScriptedServer) -> None:
    seen = runs(setup, server)
    assert {call: theirs(one["spans"]) for call, one in seen[ours].items()} == {
        call: theirs(one["spans"]) for call, one in seen["none"].items()
    }


@pytest.mark.parametrize(("setup", "ours"), WITH_US)
def test_no_context_is_left_behind_and_nothing_is_logged(setup: Setup, ours: str, server: ScriptedServer) -> None:
    seen = runs(setup, server)
    # OpenLLMetry for LangChain leaves one behind by itself.
    assert {call: (one["context_restored"], one["logged"]) for call, one in seen[ours].items()} == {
        call: (one["context_restored"], []) for call, one in seen["none"].items()
    }


def test_the_page_says_what_was_seen(server: ScriptedServer, request: pytest.FixtureRequest) -> None:
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    written = f"{before}{BEGIN}\n{table(server)}{END}{after}"
    if request.config.getoption("--write-page", default=False):
        PAGE.write_text(written, encoding="utf-8")
    assert page == written, 'run: make test-peers ARGS="--write-page"'


BEGIN: Final = "<!-- the span processor, made by make test-peers -->"
END: Final = "<!-- until here, the span processor -->"


def table(server: ScriptedServer) -> str:
    lines = ["", "| instrumentation | calls of | settings | the verdict |", "|---|---|---|---|"]
    notes: list[str] = []
    for setup in SETUPS:
        if setup.why and setup.why not in notes:
            notes.append(setup.why)
        mark = f" [{notes.index(setup.why) + 1}]" if setup.why else ""
        name = f"`{setup.package}` {_version(setup)}{mark}"
        lines.append(f"| {name} | {_calls_of(setup)} | {setup.said} | {_summary(runs(setup, server)['processors'])} |")
    return "\n".join([*lines, "", *(f"{number}. {note}" for number, note in enumerate(notes, 1)), "", ""])


def _version(setup: Setup) -> str:
    pins = (HERE / setup.environment.pins).read_text(encoding="utf-8")
    return str(dict(re.findall(r"^([\w.-]+)==(\S+)", pins, re.MULTILINE))[setup.package])


_CALLS_OF: Final = {
    "openai": "OpenAI SDK",
    "langchain": "LangChain",
    "anthropic": "Anthropic SDK",
    "openai-agents": "OpenAI Agents SDK",
    "llama-index": "LlamaIndex",
    "openai-v2": "OpenAI SDK",
    "langfuse": "OpenAI SDK",
    "openlit": "OpenAI SDK",
    "pydantic-ai": "Pydantic AI",
    "strands": "Strands",
    "google-adk": "Google ADK",
    "anthropic-sdk": "Anthropic SDK",
    "litellm": "LiteLLM",
    "langsmith": "LangChain",
}


def _calls_of(setup: Setup) -> str:
    return _CALLS_OF.get(setup.peer) or _CALLS_OF[setup.peer.partition("-")[2]]


def _summary(seen: dict[str, dict[str, Any]]) -> str:
    """The result of most calls, then those of the others; a turn that waits for a tool gives no answer."""
    by_result: dict[str, list[str]] = {}
    for call, one in seen.items():
        if NO_ANSWER not in call:
            by_result.setdefault(result(call, one), []).append(call)
    (most, _), *others = sorted(by_result.items(), key=lambda found: -len(found[1]))
    return "; ".join([most, *(f"{_listed(calls)}: {found}" for found, calls in others)])


def _listed(calls: list[str]) -> str:
    """Sync and async are one."""
    return " and ".join(dict.fromkeys(call.removesuffix(", async") for call in calls))

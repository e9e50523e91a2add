"""Beside every other instrumentation: one answer, one confession, on their span where it is live, theirs unchanged.

Each peer runs alone and beside another, with the real clients against the loopback server, in an environment of its own
(`.venvs/`) of exact versions (`pins.txt`). `make test-peers`; with `ARGS=--write-page`, docs/peers.md is written anew.
"""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from confession_otel.testing import Request, ScriptedServer, chat_completion, response

from .compared import is_ours, theirs

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE: Final = Path(__file__).parent
PAGE: Final = HERE.parent.parent / "docs" / "peers.md"
ANSWER: Final = "I am one of them.\n\n## Confession\n\nObjective: say which / Result: ✗ did not comply / Why: I did not"

# Where a confession came to stand.
THEIRS: Final = "on the peer's span"
OURS: Final = "on a `chat` span of ours"
BELOW: Final = "below the peer's span, ended by then"
BESIDE: Final = "on the peer's span, beside a `chat` span of ours"

# What a synchronous and an asynchronous call gave, where they differ.
LATE: Final = (BELOW, THEIRS)

CALLS: Final = {
    "openai": ("chat", "chat, streamed", "responses", "responses, streamed"),
    "langchain": ("invoke", "stream", "responses", "another SDK", "another SDK, streamed"),
}
ORDERS: Final = {
    "zero-code": "no code",
    "zero-code, hook": "no code, and as completion hook",
    "first": "before it",
    "last": "after it",
    "callback-first": "as a callback",
    "callback-last": "as a callback, after its own",
}
COMPLETION_HOOK: Final = "OTEL_INSTRUMENTATION_GENAI_COMPLETION_HOOK"
ORDERS_OF_INSTRUMENTORS: Final = ("zero-code", "first", "last")


@dataclass(frozen=True, eq=False)
class Setup:
    """Peers that are on together, and where the confession of each call comes to stand, by when we were switched on."""

    peers: tuple[str, ...]
    packages: tuple[str, ...]
    calls: str
    stands: dict[str, tuple[str | tuple[str, str], ...]]
    why: str = ""
    pins: str = "pins.txt"

    @property
    def name(self) -> str:
        return " and ".join(self.peers)


GENAI_OPENAI: Final = ("opentelemetry-instrumentation-genai-openai", "opentelemetry-util-genai")
GENAI_LANGCHAIN: Final = ("opentelemetry-instrumentation-genai-langchain", "opentelemetry-util-genai")
OPENINFERENCE_OPENAI: Final = ("openinference-instrumentation-openai",)
OPENINFERENCE_LANGCHAIN: Final = ("openinference-instrumentation-langchain",)
OPENLLMETRY_OPENAI: Final = ("opentelemetry-instrumentation-openai",)
OPENLLMETRY_LANGCHAIN: Final = ("opentelemetry-instrumentation-langchain",)

ON_THE_CLIENT: Final = (
    "It wraps `OpenAI.request`, the method below which there is nothing left to wrap: switch it on after us, or start "
    "with no code."
)
ON_THE_CLIENT_AND_SHORT: Final = (
    f"{ON_THE_CLIENT} Logfire's span of a stream ends where the stream begins; the words of a chat come with a log "
    "after it, and the verdict with them."
)
AFTERWARDS: Final = "It makes the span of a response when the response is there, dated back."
ITS_OWN_CALLBACK: Final = (
    "It comes as a callback of the call. LangChain calls callbacks back in the order in which they are given, and when "
    "ours hears of the answer behind Langfuse's, its span has ended; of an asynchronous call ours hears first."
)
NOT_CURRENT: Final = "Its span is live, but not the current one, so that nobody else can find it."

SETUPS: Final = (
    Setup(
        ("genai-openai",),
        GENAI_OPENAI,
        "openai",
        dict.fromkeys(ORDERS_OF_INSTRUMENTORS, (THEIRS, THEIRS, THEIRS, THEIRS)),
    ),
    Setup(
        ("openinference-openai",),
        OPENINFERENCE_OPENAI,
        "openai",
        {
            "zero-code": (THEIRS, THEIRS, THEIRS, THEIRS),
            "first": (THEIRS, THEIRS, THEIRS, THEIRS),
            "last": (OURS, OURS, OURS, OURS),
        },
        ON_THE_CLIENT,
    ),
    Setup(
        ("openllmetry-openai",),
        OPENLLMETRY_OPENAI,
        "openai",
        dict.fromkeys(ORDERS_OF_INSTRUMENTORS, (THEIRS, THEIRS, OURS, OURS)),
        AFTERWARDS,
    ),
    Setup(
        ("langfuse",),
        ("langfuse",),
        "openai",
        dict.fromkeys(("first", "last"), (OURS, OURS, OURS, OURS)),
        NOT_CURRENT,
    ),
    Setup(
        ("logfire",),
        ("logfire",),
        "openai",
        {"first": (THEIRS, THEIRS, THEIRS, BELOW), "last": (OURS, BESIDE, OURS, OURS)},
        ON_THE_CLIENT_AND_SHORT,
    ),
    Setup(
        ("openlit",),
        ("openlit",),
        "openai",
        dict.fromkeys(("first", "last"), (THEIRS, THEIRS, THEIRS, THEIRS)),
        pins="pins-openlit.txt",
    ),
    Setup(
        ("genai-openai", "openinference-openai"),
        (*GENAI_OPENAI, *OPENINFERENCE_OPENAI),
        "openai",
        dict.fromkeys(ORDERS_OF_INSTRUMENTORS, (THEIRS, THEIRS, THEIRS, THEIRS)),
    ),
    Setup(
        ("openinference-openai", "openllmetry-openai"),
        (*OPENINFERENCE_OPENAI, *OPENLLMETRY_OPENAI),
        "openai",
        {
            "zero-code": (THEIRS, THEIRS, THEIRS, THEIRS),
            "first": (THEIRS, THEIRS, THEIRS, THEIRS),
            "last": (THEIRS, THEIRS, OURS, OURS),
        },
        AFTERWARDS,
    ),
    Setup(
        ("genai-openai", "openllmetry-openai"),
        (*GENAI_OPENAI, *OPENLLMETRY_OPENAI),
        "openai",
        dict.fromkeys(ORDERS_OF_INSTRUMENTORS, (THEIRS, THEIRS, THEIRS, THEIRS)),
    ),
    Setup(
        ("langfuse", "genai-openai"),
        ("langfuse", *GENAI_OPENAI),
        "openai",
        dict.fromkeys(("first", "last"), (THEIRS, THEIRS, THEIRS, THEIRS)),
    ),
    Setup(
        ("logfire", "openinference-openai"),
        ("logfire", *OPENINFERENCE_OPENAI),
        "openai",
        {"first": (THEIRS, THEIRS, THEIRS, BELOW), "last": (OURS, BESIDE, OURS, OURS)},
        ON_THE_CLIENT_AND_SHORT,
    ),
    Setup(
        ("genai-langchain",),
        GENAI_LANGCHAIN,
        "langchain",
        dict.fromkeys((*ORDERS_OF_INSTRUMENTORS, "callback-first"), (THEIRS,) * 5),
    ),
    Setup(
        ("openinference-langchain",),
        OPENINFERENCE_LANGCHAIN,
        "langchain",
        dict.fromkeys((*ORDERS_OF_INSTRUMENTORS, "callback-first"), (THEIRS,) * 5),
    ),
    Setup(
        ("openllmetry-langchain",),
        OPENLLMETRY_LANGCHAIN,
        "langchain",
        dict.fromkeys((*ORDERS_OF_INSTRUMENTORS, "callback-first"), (THEIRS,) * 5),
    ),
    Setup(
        ("langfuse-langchain",),
        ("langfuse",),
        "langchain",
        {
            "first": (THEIRS,) * 5,
            "last": (THEIRS,) * 5,
            "callback-first": (THEIRS,) * 5,
            "callback-last": (LATE,) * 5,
        },
        ITS_OWN_CALLBACK,
    ),
    Setup(
        ("genai-langchain", "genai-openai"),
        (*GENAI_LANGCHAIN, *GENAI_OPENAI),
        "langchain",
        dict.fromkeys((*ORDERS_OF_INSTRUMENTORS, "zero-code, hook"), (THEIRS,) * 5),
    ),
    Setup(
        ("openinference-langchain", "openinference-openai"),
        (*OPENINFERENCE_LANGCHAIN, *OPENINFERENCE_OPENAI),
        "langchain",
        {
            "zero-code": (THEIRS,) * 5,
            "first": (THEIRS,) * 5,
            "last": (THEIRS,) * 5,
        },
    ),
    Setup(
        ("openllmetry-langchain", "openllmetry-openai"),
        (*OPENLLMETRY_LANGCHAIN, *OPENLLMETRY_OPENAI),
        "langchain",
        dict.fromkeys(ORDERS_OF_INSTRUMENTORS, (THEIRS,) * 5),
    ),
)

ROWS: Final = [pytest.param(setup, order, id=f"{setup.name}-{order}") for setup in SETUPS for order in setup.stands]


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(_the_same_to_everybody) as server:
        yield server


def _the_same_to_everybody(request: Request) -> dict[str, Any]:
    """An answer whose identifiers depend on the model that was asked alone, so that two runs can be compared."""
    model = request.json["model"]
    if request.path.endswith("/responses"):
        body = response(ANSWER, model=model, id=f"resp_{model}")
        body["created_at"] = 1
        output: Any = body["output"]
        for number, item in enumerate(output):
            item["id"] = f"item_{number}"
        return body
    return {**chat_completion(ANSWER, model=model, id=f"chatcmpl-{model}"), "created": 1}


@functools.cache
def environment(setup: Setup) -> Path:
    extras = "confession-otel[openai,langchain,otlp]" if setup.calls == "langchain" else "confession-otel[openai,otlp]"
    packages = (
        extras,
        "openai",
        *(["langchain", "langchain-openai"] if setup.calls == "langchain" else []),
        *setup.packages,
    )
    made = subprocess.run(
        [sys.executable, HERE.parent / "environment.py", "+".join(setup.peers), HERE / setup.pins, *packages],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return Path(made.stdout.strip())


@functools.cache
def runs(setup: Setup, base_url: str) -> dict[str, dict[str, Any]]:
    """What the scenario saw without us and in each order; the runs go side by side."""
    python = environment(setup)
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "CONFESSION_"))}
    without_us = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "confession"}
    exporters = [f"--{signal}_exporter=none" for signal in ("traces", "metrics", "logs")]
    started = {}
    for order in {_without_us(order): None for order in setup.stands} | dict.fromkeys(setup.stands):
        of_ours = order.removeprefix("without, ").removesuffix(", hook")
        command = [python, HERE / "scenario.py", setup.calls, of_ours, base_url, *setup.peers]
        if of_ours == "zero-code":
            command = [python.with_name("opentelemetry-instrument"), *exporters, *command]
        started[order] = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=variables
            | (without_us if order.startswith("without, ") else {})
            | ({COMPLETION_HOOK: "confession"} if order.endswith(", hook") else {}),
        )
    seen = {}
    for order, process in started.items():
        output, errors = process.communicate()
        assert process.returncode == 0, errors
        seen[order] = json.loads(output.splitlines()[-1])
    return seen


def _without_us(order: str) -> str:
    """The run to compare with: entry points load the peers in an order of their own."""
    return "without, zero-code" if order.startswith("zero-code") else "none"


def where(spans: list[dict[str, Any]]) -> str:
    """Where the one confession stands; anything else is told as it is."""
    confessions = [span for span in spans if is_ours(span) and span["name"] == "confession"]
    carriers = [span for span in spans if "confession.verdict" in span["attributes"] and span not in confessions]
    own = [span for span in spans if is_ours(span) and span not in confessions]
    if len(confessions) != 1:
        return f"{len(confessions)} confessions"
    parent = spans[confessions[0]["parent"]]
    if carriers == [parent] and own == carriers:
        return OURS
    if carriers == [parent] and not own:
        return THEIRS
    if carriers == [parent] and not is_ours(parent):
        return BESIDE
    if not carriers and not own and not is_ours(parent) and parent["scope"] != "app":
        return BELOW
    return f"below {parent['name']}; keys on {[span['name'] for span in carriers]}; of ours {[s['name'] for s in own]}"


@pytest.mark.parametrize(("setup", "order"), ROWS)
def test_one_answer_gives_one_confession_on_the_span_that_is_live(
    setup: Setup, order: str, server: ScriptedServer
) -> None:
    seen = runs(setup, server.base_url)[order]
    stands = dict(zip(CALLS[setup.calls], setup.stands[order], strict=True))
    assert {call: where(one["spans"]) for call, one in seen.items()} == {
        call: place if isinstance(place := stands[_shape(call)], str) else place[_is_asynchronous(call)]
        for call in seen
    }


@pytest.mark.parametrize(("setup", "order"), ROWS)
def test_the_answers_are_as_given(setup: Setup, order: str, server: ScriptedServer) -> None:
    assert {one["answer"] for one in runs(setup, server.base_url)[order].values()} == {ANSWER}


@pytest.mark.parametrize(("setup", "order"), ROWS)
def test_the_peers_own_spans_are_as_without_us(setup: Setup, order: str, server: ScriptedServer) -> None:
    seen = runs(setup, server.base_url)
    assert {call: theirs(one["spans"]) for call, one in seen[order].items()} == {
        call: theirs(one["spans"]) for call, one in seen[_without_us(order)].items()
    }


@pytest.mark.parametrize(("setup", "order"), ROWS)
def test_no_context_is_left_behind_and_nothing_is_logged(setup: Setup, order: str, server: ScriptedServer) -> None:
    seen = runs(setup, server.base_url)
    # OpenLLMetry for LangChain leaves one behind by itself.
    assert {call: (one["context_restored"], one["logged"]) for call, one in seen[order].items()} == {
        call: (one["context_restored"], []) for call, one in seen[_without_us(order)].items()
    }


def test_the_page_says_what_was_seen(server: ScriptedServer, request: pytest.FixtureRequest) -> None:
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    written = f"{before}{BEGIN}\n{table(server.base_url)}{END}{after}"
    if request.config.getoption("--write-page", default=False):
        PAGE.write_text(written, encoding="utf-8")
    assert page == written, 'run: make test-peers ARGS="--write-page"'


BEGIN: Final = "<!-- made by make test-peers -->"
END: Final = "<!-- until here -->"


def table(base_url: str) -> str:
    lines = []
    for calls, shapes in CALLS.items():
        lines += ["", f"| with | we are switched on | {' | '.join(shapes)} |", "|---" * (len(shapes) + 2) + "|"]
        notes = []
        for setup in SETUPS:
            if setup.calls != calls:
                continue
            versions = _versions(setup)
            mark = ""
            if setup.why:
                if setup.why not in notes:
                    notes.append(setup.why)
                mark = f" [{notes.index(setup.why) + 1}]"
            for order in setup.stands:
                seen = runs(setup, base_url)[order]
                by_shape: dict[str, dict[str, bool]] = {}
                for call, one in seen.items():
                    by_shape.setdefault(_shape(call), {})[where(one["spans"])] = _is_asynchronous(call)
                cells = [_cell(by_shape[shape]) for shape in shapes]
                lines.append(f"| {versions}{mark} | {ORDERS[order]} | {' | '.join(cells)} |")
        lines += ["", *(f"{number}. {note}" for number, note in enumerate(notes, 1))]
    return "\n".join([*lines, "", ""])


def _shape(call: str) -> str:
    """Sync and async are one row's cell."""
    if ", responses" in call:
        return "responses"
    if ", another" in call:
        return "another SDK, streamed" if "stream" in call else "another SDK"
    return {"ainvoke": "invoke", "astream": "stream"}.get(call, call.removesuffix(", async"))


def _is_asynchronous(call: str) -> bool:
    return call.startswith("a") or call.endswith("async")


def _cell(places: dict[str, bool]) -> str:
    if len(places) == 1:
        return next(iter(places))
    return "; ".join(f"{place} ({'async' if asynchronous else 'sync'})" for place, asynchronous in places.items())


def _versions(setup: Setup) -> str:
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)", (HERE / setup.pins).read_text(encoding="utf-8"), re.MULTILINE))
    named = [package for package in setup.packages if package != "opentelemetry-util-genai"]
    return " and ".join(f"`{package}` {pins[package]}" for package in named)

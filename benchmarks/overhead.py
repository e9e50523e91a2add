"""What an observed call of the OpenAI SDK costs its caller, beside other instrumentations, in one run.

    python -m benchmarks.overhead [--rounds N] [--only NAME ...]

Each contender lives in an environment and a process of its own, pinned to one core. They take turns in short slices, in
an order drawn anew for each pass, so that a busy machine slows all of them alike. What a contender adds is its median
call less that of the bare SDK in the same pass; the table gives the median over the passes, and its ratio to what is
written by hand: a span and, for a confession, all of its signals, as literals and with nothing read.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parent.parent
ENVIRONMENTS = ROOT / ".venvs"
SDK = ("openai==3.52.0", "opentelemetry-sdk==1.45.1")
CONTENDERS: dict[str, tuple[str, ...]] = {
    "bare": SDK,
    "by hand": SDK,
    "confession_otel": (*SDK, f"confession-otel[openai] @ file://{ROOT}"),
    "otel-genai": (*SDK, "opentelemetry-instrumentation-genai-openai==1.3b0", "opentelemetry-util-genai==1.3b0"),
    "openinference": (*SDK, "openinference-instrumentation-openai==0.1.66"),
    "openllmetry": (*SDK, "opentelemetry-instrumentation-openai==0.62.4"),
}
"""Contender, as `overhead_worker.py` knows it -> what its environment holds."""
SCENARIOS = {
    "chat": ("an answer of 2 kB without a confession", 40),
    "chat_async": ("the same, asynchronous", 40),
    "chat_confession": ("an answer that ends in a report of five objectives", 40),
    "stream": ("a stream of 200 chunks", 4),
}
"""Scenario -> what is called, and how often in a slice."""
WARM_UP = 10
"""Slices of each scenario that do not count: the interpreter adapts, and what is lazy is done."""
FIRST_WARM_UP = 4 * WARM_UP
"""The same of the first: a process needs some thousand calls until it takes no longer for one than ever after."""
PASSES = 6


def environment(name: str) -> Path:
    """The interpreter of a contender's environment, made where it is not there."""
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        sys.exit("no uv is found: run this as `make bench`, or set UV to its path")
    folder = ENVIRONMENTS / ("bench-" + name.replace(" ", "-"))
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    own = ["--reinstall-package", "confession-otel"] if name == "confession_otel" else []
    install = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python)]
    subprocess.run([*install, *own, *CONTENDERS[name]], check=True)
    return python


class Worker:
    """A contender's process.

    Args:
        name: of the contender.
        under: the command that runs it, if it is not to run by itself.
    """

    def __init__(self, name: str, under: Sequence[str] = ()) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [*under, environment(name), Path(__file__).with_name("overhead_worker.py"), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # So that what is counted, if anything is, is the same each time.
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def slice(self, scenario: str, calls: int, *, collecting: bool = True) -> dict[str, float]:
        """Medians of a few calls, in microseconds: of the call and, for a stream, of its parts.

        Args:
            scenario: what is called.
            calls: how often.
            collecting: with the garbage collector on.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        wanted = {"scenario": scenario, "calls": calls, "collecting": collecting}
        self._process.stdin.write(json.dumps(wanted) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            sys.exit(f"{self.name} ended with {self._process.wait()}")
        found: dict[str, float] = json.loads(line)
        return found

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


def measure(names: list[str], rounds: int) -> dict[str, dict[str, dict[str, list[float]]]]:
    """Scenario -> contender -> part of the call -> what was added in each pass, in microseconds."""
    added: dict[str, dict[str, dict[str, list[float]]]] = {scenario: {} for scenario in SCENARIOS}
    for _ in range(rounds):
        workers = [Worker(name) for name in names]
        for place, (scenario, (_, calls)) in enumerate(SCENARIOS.items()):
            for worker in workers:
                worker.slice(scenario, (WARM_UP if place else FIRST_WARM_UP) * calls)
            for _ in range(PASSES):
                random.shuffle(workers)
                taken = {worker.name: worker.slice(scenario, calls) for worker in workers}
                for name, parts in taken.items():
                    for part, microseconds in parts.items():
                        series = added[scenario].setdefault(name, {}).setdefault(part, [])
                        series.append(microseconds - (taken["bare"][part] if name != "bare" else 0))
        for worker in workers:
            worker.close()
    return added


def show(added: dict[str, dict[str, dict[str, list[float]]]], names: list[str]) -> None:
    """Print a table for each scenario."""
    for scenario, (meaning, _) in SCENARIOS.items():
        parts = list(added[scenario]["bare"])
        print(f"\n{scenario}: {meaning}\n")
        print("| contender |" + "".join(f" {part}: added µs | x by hand |" for part in parts))
        print("|---|" + "---:|---:|" * len(parts))
        for name in names:
            cells = []
            for part in parts:
                own, hand = added[scenario][name][part], added[scenario]["by hand"][part]
                ratios = [a / b for a, b in zip(own, hand, strict=True) if b > 0]
                ratio = f"{median(ratios):.2f}" if name != "bare" and ratios else ""
                cells.append(f" {median(own):,.1f} | {ratio} |")
            print(f"| {name}{' (whole call)' if name == 'bare' else ''} |" + "".join(cells))


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=8, help="fresh sets of processes: each differs by some per cent")
    parser.add_argument("--only", nargs="*", help="contenders beside the bare SDK and the span by hand")
    options: Any = parser.parse_args(arguments if arguments is not None else [])
    chosen = {"bare", "by hand", *(options.only or CONTENDERS)}
    names = [name for name in CONTENDERS if name in chosen]
    show(measure(names, options.rounds), names)


if __name__ == "__main__":
    main(sys.argv[1:])

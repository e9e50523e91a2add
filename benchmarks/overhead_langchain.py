"""What an observed run of LangChain costs its caller, beside other instrumentations, in one run.

    python -m benchmarks.overhead_langchain [--rounds N] [--only NAME ...]

As `overhead.py`, with a model that answers in the process, so that nothing but LangChain and what hangs on it is
measured. What a contender adds is its median call less that of bare LangChain in the same pass; the table gives the
median over the passes, and its share of the cheaper one of the two others.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import overhead

SDK = ("langchain==1.4.7", "langchain-core==1.7.2", "langgraph==1.2.22", "opentelemetry-sdk==1.45.1")
OURS = (*SDK, f"confession-otel[langchain] @ file://{overhead.ROOT}")
CONTENDERS: dict[str, tuple[str, ...]] = {
    "langchain bare": SDK,
    "confession_otel langchain": OURS,
    "confession_otel langchain given": OURS,
    "langchain openinference": (*SDK, "openinference-instrumentation-langchain==0.1.80"),
    "langchain openllmetry": (*SDK, "opentelemetry-instrumentation-langchain==0.62.4"),
}
"""Contender, as `overhead_langchain_worker.py` knows it -> what its environment holds."""
OTHERS = ("langchain openinference", "langchain openllmetry")
SCENARIOS = {
    "invoke": ("`model.invoke`, an answer of 2 kB", 40),
    "stream": ("`model.stream`, 100 chunks", 10),
    "chain": ("prompt | model | parser", 20),
    "agent": ("`create_agent`, one call of a tool", 4),
}
"""Scenario -> what is called, and how often in a slice."""


class Worker(overhead.Worker):
    """A contender's process."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [overhead.environment(name), Path(__file__).with_name("overhead_langchain_worker.py"), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )


def measure(names: list[str], rounds: int) -> dict[str, dict[str, list[float]]]:
    """Scenario -> contender -> what was added in each pass, in microseconds."""
    added: dict[str, dict[str, list[float]]] = {scenario: {name: [] for name in names} for scenario in SCENARIOS}
    for _ in range(rounds):
        workers = [Worker(name) for name in names]
        for scenario, (_, calls) in SCENARIOS.items():
            for worker in workers:
                worker.slice(scenario, 2 * calls)  # to warm up
            for _ in range(overhead.PASSES):
                random.shuffle(workers)
                taken = {worker.name: worker.slice(scenario, calls)["call"] for worker in workers}
                for name, microseconds in taken.items():
                    bare = 0.0 if name == names[0] else taken[names[0]]
                    added[scenario][name].append(microseconds - bare)
        for worker in workers:
            worker.close()
    return added


def show(added: dict[str, dict[str, list[float]]]) -> None:
    """Print a table."""
    for scenario, series in added.items():
        print(f"\n{scenario}: {SCENARIOS[scenario][0]}\n")
        print("| contender | added µs | x the cheaper other |\n|---|---:|---:|")
        others = [median(series[name]) for name in OTHERS if name in series]
        for place, (name, microseconds) in enumerate(series.items()):
            ratio = f"{median(microseconds) / min(others):.2f}" if others and place else ""
            print(f"| {name}{'' if place else ' (whole call)'} | {median(microseconds):,.1f} | {ratio} |")


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="fresh sets of processes")
    parser.add_argument("--only", nargs="*", help="contenders beside bare LangChain")
    parser.add_argument("--json", action="store_true", help="print the medians as JSON")
    options: Any = parser.parse_args(arguments if arguments is not None else [])
    overhead.CONTENDERS.update(CONTENDERS)
    names = [name for name in CONTENDERS if not options.only or name in options.only or name == "langchain bare"]
    added = measure(names, options.rounds)
    if options.json:
        print(json.dumps({scenario: {name: median(one) for name, one in of.items()} for scenario, of in added.items()}))
    else:
        show(added)


if __name__ == "__main__":
    main(sys.argv[1:])

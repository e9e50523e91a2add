"""What an observed call of the OpenAI SDK costs in machine instructions: as `overhead.py`, and free of all noise.

    python -m benchmarks.instructions [--only NAME ...] [--check]

Each contender's worker runs under valgrind's callgrind, which counts every instruction of all its threads: what an
instrumentation puts off counts as well. The garbage collector is off meanwhile, since on which call it falls is chance.
What is counted here says nothing of caches: work that is done once in a while takes longer than as much of it in a
loop. Two runs differ by a few per cent of what is added and, since a stream of the SDK's is 160 million instructions,
there by more. `--check` fails where a promise is broken.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.overhead import CONTENDERS, SCENARIOS, Worker

_VALGRIND, _CONTROL = shutil.which("valgrind"), shutil.which("callgrind_control")
_WARM_UP: Final = 20
"""Calls that do not count."""
_SLICES: Final = 3
_CALLS: Final = {scenario: calls for scenario, (_, calls) in SCENARIOS.items()}
PROMISED: Final = {"chat": 1.6, "chat_async": 1.6}
"""Scenario -> what a call may add, in times what the span by hand adds."""


class _Counted(Worker):
    """A contender's process, under callgrind."""

    def __init__(self, name: str, folder: Path) -> None:
        self._dumps = folder / name.replace(" ", "-")
        options = ("--tool=callgrind", "--instr-atstart=no", "-q", f"--callgrind-out-file={self._dumps}")
        super().__init__(name, (str(_VALGRIND), *options))
        self._parts = 0

    def per_call(self, scenario: str) -> float:
        """Instructions of one call: the median of a few slices, into one of which a thread may put the work of many."""
        self.slice(scenario, _WARM_UP, collecting=False)
        self._tell("--instr=on")
        # The first call that is counted also counts what the counting itself has to set up.
        self.slice(scenario, 1, collecting=False)
        found = median(self._counted(scenario) for _ in range(_SLICES))
        self._tell("--instr=off")
        return found

    def _counted(self, scenario: str) -> float:
        self._tell("--zero")
        self.slice(scenario, _CALLS[scenario], collecting=False)
        self._tell("--dump")
        self._parts += 1
        dump = Path(f"{self._dumps}.{self._parts}").read_text()
        # Not `summary`, which is of one thread.
        return sum(map(int, re.findall(r"^totals: (\d+)", dump, re.MULTILINE))) / _CALLS[scenario]

    def _tell(self, what: str) -> None:
        subprocess.run([str(_CONTROL), what, str(self.pid)], check=True, capture_output=True)


def count(names: list[str]) -> dict[str, dict[str, float]]:
    """Scenario -> contender -> instructions that a call adds; for the bare SDK, all of them."""
    added: dict[str, dict[str, float]] = {scenario: {} for scenario in SCENARIOS}
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            worker = _Counted(name, Path(folder))
            for scenario, of in added.items():
                of[name] = worker.per_call(scenario) - of.get("bare", 0)
            worker.close()
    return added


def show(added: dict[str, dict[str, float]]) -> None:
    """Print a table for each scenario."""
    for scenario, of in added.items():
        print(f"\n{scenario}: {SCENARIOS[scenario][0]}\n")
        print("| contender | added instructions | x by hand |\n|---|---:|---:|")
        for name, instructions in of.items():
            ratio = "" if name == "bare" else f"{instructions / of['by hand']:.2f}"
            print(f"| {name}{' (whole call)' if name == 'bare' else ''} | {instructions:,.0f} | {ratio} |")


def broken(added: dict[str, dict[str, float]]) -> list[str]:
    """The promises that do not hold, in words."""
    found = []
    for scenario, most in PROMISED.items():
        of = added[scenario]
        ratio = of["confession_otel"] / of["by hand"]
        if ratio > most:
            found.append(f"{scenario}: {ratio:.2f} times the span by hand, and promised are {most} at most")
    return found


def main(arguments: list[str] | None = None) -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", help="contenders beside the bare SDK and the span by hand")
    parser.add_argument("--check", action="store_true", help="fail where a promise is broken")
    options: Any = parser.parse_args(arguments if arguments is not None else [])
    if _VALGRIND is None or _CONTROL is None:
        message = "instructions are not counted: there is no valgrind (on Debian: apt-get install valgrind)"
        if options.check:
            sys.exit(message)
        print(f"\n{message}")
        return
    chosen = {"bare", "by hand", *(options.only or CONTENDERS), *(["confession_otel"] if options.check else [])}
    added = count([name for name in CONTENDERS if name in chosen])
    show(added)
    if options.check and (found := broken(added)):
        sys.exit("\n" + "\n".join(found))


if __name__ == "__main__":
    main(sys.argv[1:])

"""What reading costs: ratios within one run, and how cost grows with size.

    python -m benchmarks.reading

Three tables: `parse` of a canonical report against `json.loads` of it; `split` of an answer without a confession
against one scan for a letter; time per character of both from 10 kB to 10 MB, on ordinary texts and on hostile ones.
"""

from __future__ import annotations

import json
import random
import sys
import time
from statistics import median
from typing import TYPE_CHECKING

from confession_otel.reading import parse, split

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 41
PATIENCE = 60.0
"""Seconds: a cell that would take longer, going by the one before it, is left out."""
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)


def interleaved(**calls: Callable[[], object]) -> dict[str, float]:
    """Median seconds of one call of each; the rounds alternate, so that a busy machine slows all of them alike."""
    runs = {name: max(1, round(0.002 / _seconds(call, 3))) for name, call in calls.items()}
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            times[name].append(_seconds(call, runs[name]))
    return {name: median(values) for name, values in times.items()}


def _seconds(call: Callable[[], object], runs: int) -> float:
    start = time.perf_counter()
    for _ in range(runs):
        call()
    return max((time.perf_counter() - start) / runs, 1e-9)


def report(size: int = 2_000) -> str:
    """A canonical report of five objectives, about `size` characters long."""
    literals = (
        "fully_complied",
        "nearly_complied",
        "not_complied_reported",
        "not_complied_not_reported",
        "unsure_complied_reported",
    )
    why = "The answer gives the figure in its second paragraph and names where it was found. "
    filler = (why * (1 + size // len(why)))[: size // 5 - 200]
    return json.dumps(
        {
            "compliance_analysis": [
                {
                    "objective": f"The answer satisfies instruction {i} of the system message",
                    "compliance": label,
                    "analysis": filler,
                }
                for i, label in enumerate(literals, start=1)
            ],
            "uncertainties_and_conflicts": ["The unit was not given; metres were assumed."],
            "overall_compliance_grade": 3,
        },
        indent=2,
    )


def prose(size: int, *, accents: str = "") -> str:
    """Paragraphs of common words without a confession."""
    # Short common words, as an answer has them.
    words = (
        *(
            "the",
            "of",
            "and",
            "to",
            "in",
            "that",
            "it",
            "is",
            "was",
            "for",
            "on",
            "are",
            "with",
            "as",
            "they",
            "at",
            "be",
        ),
        *(
            "this",
            "from",
            "have",
            "or",
            "one",
            "by",
            "word",
            "but",
            "what",
            "some",
            "we",
            "can",
            "out",
            "other",
            "were",
        ),
        *("all", "there", "when", "use", "how", "said", "an", "each", "which", "their", "time", "will", "way", "about"),
    )
    source = random.Random(7)
    text = ""
    while len(text) < size:
        text += " ".join(source.choices(words, k=60)).capitalize() + f"{accents}.\n\n"
    return text[:size]


LINES = "Objective: be brief\nResult: ✗ did not comply\nWhy: 300 words\n\n"
ITEM = '{"objective": "be brief", "compliance": "not_complied_reported", "analysis": "300 words"},\n'
BENIGN = {
    "prose": prose(5_000),
    "prose, then a report": prose(5_000),
    "lines": LINES,
    "items": ITEM,
    "table rows": "| be brief | ✗ did not comply | 300 words |\n",
}
HOSTILE = {
    "<confession": "<confession",
    "<confession>": "<confession>",
    "<confession>\\n": "<confession>\n",
    "</confession>": "</confession>",
    "tagged openers": '<confession id="k3">',
    "fences": "```\n",
    "confession fences": "```confession\n",
    "# Confession": "# Confession\n",
    "Confession:": "Confession:\n",
    "the word": "confession ",
    "Objective:": "Objective: ",
    "Objective: lines": "Objective: x\n",
    "Result: lines": "Result: ✗\n",
    "{": "{",
    "[": "[",
    '{"a":': '{"a":',
    '{"compliance_analysis": ': '{"compliance_analysis": ',
    '{"compliance_analysis": []}': '{"compliance_analysis": []}\n',
    "quotes": '"',
    "backslashes": "\\",
    "escaped quotes": '\\"',
    "one letter": "a",
    "spaces": " ",
    "line ends": "\n",
    "bars": "|",
    "stars": "*",
    "hashes": "#",
    "dashes": "-",
    "block quotes": "> ",
    "not ": "not ",
    "marks": "✗",
    "combining marks": "e\u0301\u0323",
}


def of_size(unit: str, size: int) -> str:
    """The unit, repeated."""
    return (unit * (size // len(unit) + 1))[:size]


def table(name: str, families: dict[str, str], largest: int) -> None:
    """Print time and time per byte for every family and size."""
    calls: dict[str, Callable[[str], object]] = {
        "parse": parse,
        "split": split,
        "split, tag": lambda text: split(text, "k3"),
    }
    sizes = [size for size in SIZES if size <= largest]
    print(f"\n{name}: milliseconds (nanoseconds per character)")
    print(f"{'':<30}{'':<12}" + "".join(f"{size / 1000:>17,.0f} kB" for size in sizes))
    for family, unit in families.items():
        for call_name, call in calls.items():
            cells: list[str] = []
            seconds = 0.0
            for size in sizes:
                if seconds * 10 > PATIENCE:
                    cells.append(f"{'over ' + format(PATIENCE, '.0f') + ' s':>19}")
                    continue
                text = of_size(unit, size)
                if family == "prose, then a report":
                    text += "\n\n" + report()
                if call_name == "split, tag":
                    text = 'Done.\n<confession id="k3">{' + text
                seconds = min(_seconds(lambda c=call, t=text: c(t), 1) for _ in range(3 if size < 1_000_000 else 1))  # type: ignore[misc]
                cells.append(f"{seconds * 1e3:>11.2f} ({seconds * 1e9 / size:>5.0f})")
            print(f"{family:<30}{call_name:<12}" + "  ".join(cells), flush=True)


def main() -> None:
    """Print the tables; an argument limits the largest size of the last two, in characters."""
    largest = int(sys.argv[1]) if len(sys.argv) > 1 else SIZES[-1]
    text = report()
    times = interleaved(parse=lambda: parse(text), loads=lambda: json.loads(text))
    parsing, loading = times["parse"], times["loads"]
    print(f"parse, a canonical report of {len(text):,} characters and five objectives")
    print(f"  parse {parsing * 1e6:.1f} µs, json.loads {loading * 1e6:.1f} µs: {parsing / loading:.2f} times")
    print(f"  allowed: 3 x json.loads + 30 µs = {loading * 3e6 + 30:.1f} µs")

    print("\nsplit, an answer of 20,000 characters without a confession (allowed: 15 µs)")
    code = of_size("def area(x):\n    return {'a': x['b']}\n", 20_000)
    answers = {
        "English": prose(20_000),
        "with — and é": prose(20_000, accents=" — é"),
        "German": prose(20_000, accents=" wäre"),
        "code": code,
    }
    for kind, answer in answers.items():
        assert split(answer)[0] is answer
        times = interleaved(split=lambda a=answer: split(a), scan=lambda a=answer: "\x01" in a)  # type: ignore[misc]
        print(f"  {kind:<14}{times['split'] * 1e6:>6.1f} µs, one scan for a letter {times['scan'] * 1e6:.2f} µs")

    table("texts as they are", BENIGN, largest)
    table("texts made to hurt", HOSTILE, largest)


if __name__ == "__main__":
    main()

"""Coverage-guided fuzzing of the reader: `parse`, `split`, `StreamFilter`, and the laws that bind them.

    python tests/fuzz/fuzz_reading.py -max_total_time=60 -seed=1

Takes libFuzzer's options; without any it runs for a minute. The corpus of the tests is the seed. A finding ends the run
with an error; its input is kept in the temporary directory.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["confession_otel.reading", "confession_otel.confession"]):
    from confession_otel.reading import StreamFilter, may_confess, parse, split
    from confession_otel.reading.blanks import is_blank

from confession_otel.confession import Compliance, Confession, Verdict
from confession_otel.guard import on_swallow

CORPUS = Path(__file__).parents[1] / "corpus"
TAG = "k3f9"
WORDS = (
    "<confession>",
    f'<confession id="{TAG}">',
    "</confession>",
    f'<confession id="{TAG[:2]}',
    "```confession\n",
    "```json\n",
    "```\n",
    "# Confession\n",
    "**Confession**",
    "Confession:",
    "Objective: ",
    "Result: ",
    "Why: ",
    "did not comply",
    "fully_complied",
    "✗",
    "✅",
    '{"compliance_analysis": [',
    '"objective": "',
    '"compliance": "not_complied_reported"',
    '"analysis": "',
    "]}",
    '\\"',
    "| Objective | Result |\n|---|---|\n",
    "Uncertainties:\n- ",
    "自白\n",
    "Geständnis\n",
)


# `parse` has a net below it, which must not hide a fall from here.
swallowed: list[tuple[str, Exception]] = []
on_swallow.append(lambda site, error: swallowed.append((site, error)))


def check_parse(text: str) -> None:
    """`parse` is total, and what it gives is consistent in itself."""
    confession = parse(text)
    assert not swallowed, swallowed
    assert isinstance(confession, Confession)
    assert confession.text == text
    assert (confession.problem is not None) == (confession.verdict is Verdict.UNPARSED)
    assert confession.score is None or 0 <= confession.score <= 1
    assert confession.grade is None or 1 <= confession.grade <= 7
    # A damaged text can yield an objective named "string"; rendered, that is an unfilled template.
    if confession.objectives and not any(is_blank(o.objective) for o in confession.objectives):
        again = parse(confession.to_json())
        assert again.verdict == confession.verdict, "a rendered confession reads differently"
        failed = any(o.compliance is Compliance.FAILED for o in confession.objectives)
        assert failed == (confession.verdict is Verdict.NON_COMPLIANT)


def check_split(text: str) -> None:
    """`split` loses and invents nothing."""
    answer, confession = split(text)
    if confession is None:
        assert answer is text
        return
    assert may_confess(text)
    assert text.startswith(answer)
    assert answer == answer.rstrip()
    assert confession in text[len(answer) :]


def check_stream(text: str, cuts: list[int]) -> None:
    """However a stream is cut, it gives what `split` gives."""
    stream = StreamFilter(TAG)
    start = 0
    passed_on = ""
    for cut in cuts:
        end = min(len(text), start + cut)
        passed_on += stream.feed(text[start:end])
        start = end
    passed_on += stream.feed(text[start:])
    rest, confession = stream.close()
    assert (passed_on + rest, confession) == split(text, TAG)


def one_input(data: bytes) -> None:
    """Any bytes: the first eight say where a stream is cut, the others are the text, at times with lone surrogates."""
    if len(data) < 8:
        return
    source = atheris.FuzzedDataProvider(data[:8])
    cuts = [source.ConsumeIntInRange(1, 40) for _ in range(6)]
    text = data[8:].decode("utf-8", "surrogateescape" if data[0] % 2 else "replace")
    check_stream(text, cuts)
    check_split(text)
    check_parse(text)


def seeds(folder: Path) -> None:
    """Write the texts of the corpus as files that libFuzzer starts from."""
    number = 0
    for path in sorted(CORPUS.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.strip():
                case = json.loads(line)
                text = case["text"] if "text" in case else case["confession"]
                (folder / f"{number:05}").write_bytes(b"12345678" + text.encode("utf-8", "replace"))
                number += 1


def main() -> None:
    """Fuzz for the time that is given, a minute by default."""
    options = sys.argv[1:] or ["-max_total_time=60"]
    if not any(option.startswith(("-max_total_time", "-runs")) for option in options):
        options.append("-max_total_time=60")
    with tempfile.TemporaryDirectory(prefix="fuzz-reading-") as folder:
        seeds(Path(folder))
        words = Path(folder).with_suffix(".dict")
        words.write_text(
            "\n".join('"' + "".join(f"\\x{byte:02x}" for byte in word.encode()) + '"' for word in WORDS),
            encoding="ascii",
        )
        artifacts = f"-artifact_prefix={tempfile.gettempdir()}/"
        atheris.Setup(
            [sys.argv[0], f"-dict={words}", "-max_len=4096", "-timeout=10", artifacts, *options, folder], one_input
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main()

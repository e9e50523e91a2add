"""Every name of ours in `integrations/` is one that we write, however spelt: with dots, for Prometheus, in a URL."""

from __future__ import annotations

import ast
import re
import urllib.parse
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from confession_otel import semconv
from confession_otel.confession import Disclosure, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

INTEGRATIONS: Final = Path(__file__).parents[2] / "integrations"
FILES: Final = sorted(path for path in INTEGRATIONS.rglob("*") if path.is_file() and "__pycache__" not in path.parts)

OURS: Final = {
    value
    for name, value in vars(semconv).items()
    if name.isupper()
    and isinstance(value, str)
    and re.fullmatch(r"(confession|gen_ai|error|openinference)\.[\w.]+", value)
}
METRICS: Final = {value for name, value in vars(semconv).items() if name.startswith("METRIC_")}
READ: Final = {
    "gen_ai.output.messages",
    "gen_ai.input.messages",
    "gen_ai.system_instructions",
    "gen_ai.prompt",
    "gen_ai.completion",
}
"""Of other instrumentations: what we read, or take out."""

UNITS: Final = {semconv.METRIC_ASKING_DURATION: "_seconds"}
LABELS: Final = {name.replace(".", "_") for name in OURS - METRICS | READ}
SERIES: Final = {
    f"{metric.replace('.', '_')}{UNITS.get(metric, '')}{end}"
    for metric in METRICS
    # Without an ending it is a native histogram, or what code puts an ending to.
    for end in (("", "_bucket", "_sum", "_count") if metric in UNITS else ("_total",))
}
VALUES: Final[dict[str, set[str]]] = {
    "verdict": {verdict.value for verdict in Verdict},
    "disclosure": {disclosure.value for disclosure in Disclosure},
    "source": {source.value for source in semconv.Source},
    "status": {status.value for status in semconv.Status},
    "reason": {reason.value for reason in chain(semconv.Absent, semconv.NotAsked, semconv.Dropped)},
}

_DOTTED: Final = re.compile(
    r"(?<![\w/-])(?:confession|gen_ai|openinference)\.[a-z]\w*(?:\.[a-z]\w*)*|(?<![\w./])error\.type\w*"
)
_UNDERSCORED: Final = re.compile(r"(?<![\w:/.-])(?:confession|gen_ai)_[a-z]\w*(?![\w:/])")
_RECORDED: Final = re.compile(r"(?<![\w:])confession:[\w:]*\w")
_VALUES: Final = re.compile(
    r"""confession[._](verdict|disclosure|source|status|reason)["'\]`)]*\s*(?:=~|!~|==|!=|=)\s*\\?["']([\w|]*)\\?["']"""
)
_ENDINGS: Final = (".py", ".yaml", ".yml", ".json", ".tf", ".md", ".txt", ".html")
"""Of file names, which look like ours with a dot."""
_OTHER_THINGS: Final = re.compile(r"confession_otel|confession_capture|gen_ai_latest_experimental")
"""The package; its flag on the command line of `opentelemetry-instrument`; a value of OTEL_SEMCONV_STABILITY_OPT_IN."""
_EXCEPTION: Final = re.compile(r"[A-Z]\w*(?:Error|Exception)")
"""Where asking failed, `confession.reason` is the type of what was raised."""


def unknown(text: str, defined: str = "") -> set[str]:
    """Names in a text that look like ours and are not; so do values of ours that are none.

    Args:
        text: Of a file.
        defined: Where the series may be recorded, or the variables declared, that it uses: the texts of all files.
    """
    text = urllib.parse.unquote(text).replace("\\.", ".")
    wrong = {name for name in _DOTTED.findall(text) if name not in OURS | READ and not name.endswith(_ENDINGS)}
    own = set(
        re.findall(r'^\s*(?:resource|data)\s+"\w+"\s+"(\w+)"|^\s*(?:variable|output)\s+"(\w+)"', defined, re.MULTILINE)
    )
    own_names = {name for pair in own for name in pair}
    wrong |= {
        name
        for name in _UNDERSCORED.findall(text)
        if name not in LABELS | SERIES | own_names and not _OTHER_THINGS.match(name)
    }
    recorded = set(re.findall(r"record:\s*([\w:]+)", defined))
    wrong |= set(_RECORDED.findall(text)) - recorded
    for key, values in _VALUES.findall(text):
        wrong |= {
            f"{key}={value}"
            for value in values.split("|")
            if value and value not in VALUES[key] and not (key == "reason" and _EXCEPTION.fullmatch(value))
        }
    return wrong


def texts() -> Iterator[tuple[Path, str]]:
    """Each file, and what is to be looked at: of Python only what stands in strings."""
    for path in FILES:
        text = path.read_text("utf-8")
        if path.suffix == ".py":
            strings = (node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant))
            text = "\n".join(value for value in strings if isinstance(value, str))
        yield path, text


@pytest.mark.parametrize(
    ("path", "text"), [pytest.param(*each, id=str(each[0].relative_to(INTEGRATIONS))) for each in texts()]
)
def test_every_name_of_ours_is_one_that_we_write(path: Path, text: str) -> None:
    everything = "\n".join(text for _, text in texts())
    assert unknown(text, everything) == set(), path


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("boolean_attribute: {key: confession.flaged, value: true}", {"confession.flaged"}),
        ('set(span.attributes["confession.verdict.kind"], "x")', {"confession.verdict.kind"}),
        ("{ span.confession.failed = true }", {"confession.failed"}),
        ("tags=%7B%22confession.flag%22%3A%22true%22%7D", {"confession.flag"}),
        ('{"key": "gen_ai.request.modell"}', {"gen_ai.request.modell"}),
        ("group by error.types", {"error.types"}),
        (r'"^gen_ai\.outputs\.messages$"', {"gen_ai.outputs.messages"}),
        ("rate(confession_verdict_total[5m])", {"confession_verdict_total"}),
        ("rate(confession_verdicts[5m])", {"confession_verdicts"}),
        ("confession_asking_duration_bucket", {"confession_asking_duration_bucket"}),
        ('calls_total{confession_flag="true"}', {"confession_flag"}),
        ("sum by (gen_ai_model) (x)", {"gen_ai_model"}),
        ("confession:verdicts:rate5m > 1", {"confession:verdicts:rate5m"}),
        ('calls_total{confession_verdict="failed"}', {"verdict=failed"}),
        ('calls_total{confession_verdict=~"unsure|unparseable"}', {"verdict=unparseable"}),
        ('span.attributes["confession.verdict"] == "noncompliant"', {"verdict=noncompliant"}),
        ('span.confession.source = "asked"', {"source=asked"}),
    ],
)
def test_a_name_that_is_made_up_is_found(text: str, found: set[str]) -> None:
    assert unknown(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "confession.flagged, confession.asking.duration, gen_ai.evaluation.result, error.type, `confession.*`",
        "confession_verdicts_total confession_asking_duration_seconds_bucket confession_flagged gen_ai_request_model",
        "record: confession:verdicts:rate5m\nexpr: confession:verdicts:rate5m",
        'pip install confession_otel; from confession_otel import x; tags=%7B"confession.flagged":"true"%7D',
        'confession_verdict=~"unsure|unparsed"',
        'confession_verdict!=""',
        "confession.rules.yaml",
    ],
)
def test_a_name_that_is_ours_is_not(text: str) -> None:
    assert unknown(text, text) == set()


def test_all_of_the_folders_are_looked_at() -> None:
    names = {path.parent.name for path in FILES}
    assert {"jaeger", "collector", "openai", "structlog"} <= names
    assert len(OURS) > 60
    assert "confession_asking_duration_seconds_bucket" in SERIES

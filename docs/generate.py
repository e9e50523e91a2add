"""Writes the pages that are made from the code: `python docs/generate.py`; a test fails when they are out of date."""

from __future__ import annotations

import ast
import itertools
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from confession_otel import semconv
from confession_otel.settings import PREFIX, Settings

DOCS = Path(__file__).parent


def constants() -> list[tuple[str, str, str]]:
    """Section, value and docstring of each constant of `semconv.py`, in its order."""
    source = Path(semconv.__file__).read_text(encoding="utf-8")
    headings = {
        number: line.strip("# -") for number, line in enumerate(source.splitlines(), 1) if line.startswith("# --- ")
    }
    body = ast.parse(source).body
    found = []
    for statement, following in itertools.pairwise(body):
        if isinstance(statement, ast.AnnAssign) and isinstance(following, ast.Expr):
            heading = max((number for number in headings if number < statement.lineno), default=None)
            name = ast.unparse(statement.target)
            text = ast.literal_eval(following.value)
            if heading is not None and not text.startswith(("Value of", "Name of", "Event of")):
                found.append((headings[heading], getattr(semconv, name), text))
    return found


NOTES = f"""\
`{semconv.SPOOF_SUSPECTED}` is on an answer span too where the answer has no confession of its own, and with `in_band`.

An answer span of our own has what its hook knows. LangChain's knows operation, provider, models, id, finish reasons,
tokens in and out, `max_tokens`, `temperature`, `top_p` and `seed`. `{semconv.SERVER_ADDRESS}`, `{semconv.SERVER_PORT}`,
`{semconv.GEN_AI_TIME_TO_FIRST_CHUNK}` and whatever else there is of a call is of the OpenAI SDK's hook only."""
"""What the tables leave unsaid."""


def conventions() -> str:
    """The page of every name that leaves the package."""
    lines = [
        "# Conventions",
        "",
        "Every name that leaves the package. This page is made from `confession_otel/semconv.py`.",
        "",
        f"The confession span is called `{semconv.SPAN}`; instrumentation scope is `{semconv.SCOPE}`.",
        f"The event is `{semconv.EVENT}`: WARN when flagged or unparsed, else INFO.",
        f"An outcome is an event and a span, both called `{semconv.OUTCOME}`.",
    ]
    lines += ["", NOTES]
    section = None
    for heading, value, text in constants():
        if heading != section:
            section = heading
            lines += ["", f"## {heading}", "", "| name | type | meaning |", "|---|---|---|"]
        kind, _, meaning = text.partition(" · ")
        lines.append(f"| `{value}` | {kind} | {meaning} |")
    for title, values in (
        ("Values of `confession.source`", semconv.Source),
        ("Values of `confession.status`", semconv.Status),
        ("Values of `confession.reason` on `confession.answers`, where absent", semconv.Absent),
        ("Values of `confession.reason` on `confession.answers`, where not asked", semconv.NotAsked),
        ("Values of `confession.reason` on `confession.dropped`", semconv.Dropped),
    ):
        lines += ["", f"## {title}", "", ", ".join(f"`{value}`" for value in values)]
    return "\n".join(lines) + "\n"


def _shown(default: Any) -> str:
    if default is MISSING or default is None:
        return "–"
    if isinstance(default, frozenset):
        return f"`{','.join(sorted(default))}`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def settings() -> str:
    """The page of the settings."""
    lines = [
        "# Settings",
        "",
        "A keyword of `instrument()` and of each hook, or an environment variable; keyword before variable before",
        "default, read once. A bad keyword raises; a bad variable is said in the log and the default stands, but for",
        "`capture` and `redact`: where these cannot be read, no text leaves (`verdict`).",
        "This page is made from `confession_otel/settings.py`.",
        "",
        "| keyword | variable | default | meaning |",
        "|---|---|---|---|",
    ]
    for setting in fields(Settings):
        variable = f"`{PREFIX}{setting.name.upper()}`" if setting.metadata["variable"] else "–"
        lines.append(f"| `{setting.name}` | {variable} | {_shown(setting.default)} | {setting.metadata['meaning']} |")
    return "\n".join(lines) + "\n"


PAGES = {"conventions.md": conventions, "settings.md": settings}


def main() -> None:
    """Write the pages."""
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()

"""The documentation says what the code says."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

import confession_otel as co
from confession_otel import semconv

ROOT = Path(__file__).parent.parent
PROSE = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

_spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
assert _spec is not None
assert _spec.loader is not None
generate = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(generate)


@pytest.mark.parametrize("page", sorted(generate.PAGES))
def test_pages_made_from_the_code_are_up_to_date(page: str) -> None:
    assert (ROOT / "docs" / page).read_text(encoding="utf-8") == generate.PAGES[page](), "run: python docs/generate.py"


def test_every_constant_of_semconv_is_explained() -> None:
    values = {value for name, value in vars(semconv).items() if name.isupper() and isinstance(value, str)}
    explained = {value for _, value, _ in generate.constants()}
    named_elsewhere = {
        semconv.SCOPE,
        semconv.SPAN,
        semconv.HONESTY_SPAN,
        semconv.EVENT,
        semconv.OUTCOME,
        semconv.EVALUATION_COMPLIANCE,
    }
    values_of_keys = {
        semconv.OPENINFERENCE_EVALUATOR,
        semconv.GEN_AI_CHAT,
        semconv.GEN_AI_TEXT_COMPLETION,
        semconv.GEN_AI_TOKEN_INPUT,
        semconv.GEN_AI_TOKEN_OUTPUT,
        semconv.PURPOSE_JUDGE,
    }
    assert values - explained <= named_elsewhere | values_of_keys


@pytest.mark.parametrize("page", PROSE, ids=lambda page: page.name)
def test_every_name_in_the_prose_exists(page: Path) -> None:
    known = {value for name, value in vars(semconv).items() if name.isupper() and isinstance(value, str)}
    modules = {"confession_otel"} | {
        f"confession_otel.{name}" for name in ("langchain", "openai", "structlog", "testing")
    }
    named = set(re.findall(r"(?<![\w./-])(confession\.[a-z_0-9.]*[a-z0-9])(?![\w(])", page.read_text(encoding="utf-8")))
    assert {name for name in named if name not in known | modules} <= {"confession.verdict", "confession.flagged"}


@pytest.mark.parametrize("page", PROSE, ids=lambda page: page.name)
def test_links_inside_the_project_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_the_readmes_example_reads_as_it_says() -> None:
    assert co.parse("Objective: cite real papers\nResult: ✗ did not comply\nWhy: the second one I made up").verdict == (
        "non_compliant"
    )

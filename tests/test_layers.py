"""The house: imports go strictly downwards, no hook imports another, reading knows nothing of OpenTelemetry."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import confession_otel

PACKAGE = Path(confession_otel.__file__).parent
LAYERS = [
    {"_version", "clients", "confession", "extras", "suppression", "tally"},
    {"semconv"},
    {"dialects"},
    {"guard", "bounded", "redaction"},
    {"reading"},
    {"bounded_read"},
    {"settings", "patching", "environment_variables", "calibration"},
    {"privacy", "corroboration"},
    {"answer"},
    {"composition", "instruments"},
    {"log_line", "recent"},
    {"recorder"},
    {"asking", "failed_tools", "late", "live", "once", "overheard"},
    {"calls", "judging", "replaying", "sinks"},
    {"observation"},
    {"openai", "langchain", "processor", "completion_hook", "structlog", "testing"},
    {"api", "outcomes"},
    {"__init__", "zero_code", "cli"},
]
LEVEL = {module: level for level, modules in enumerate(LAYERS) for module in modules}
OPTIONAL = (
    "openai",
    "langchain_core",
    "structlog",
    "wrapt",
    "opentelemetry.sdk",
    "opentelemetry.instrumentation",
    "rich",
    "typer",
)


def imports(path: Path) -> set[str]:
    """First parts, below the package, of what a module imports of it when it is imported, not only for types."""
    found: set[str] = set()
    package = ["confession_otel", *path.relative_to(PACKAGE).parent.parts]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            target = ".".join([*base, *([node.module] if node.module else [])])
            targets = [target] if target.count(".") else [f"{target}.{alias.name}" for alias in node.names]
            found |= {one.split(".")[1] for one in targets if one.startswith("confession_otel.")}
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_strictly_downwards(path: Path) -> None:
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")

    for other in imports(path) - {own}:
        assert LEVEL[other] < LEVEL[own], f"{own} imports {other}"


@pytest.mark.parametrize("path", sorted((PACKAGE / "reading").glob("*.py")), ids=lambda path: path.name)
def test_reading_knows_nothing_of_opentelemetry(path: Path) -> None:
    assert "opentelemetry" not in path.read_text(encoding="utf-8")


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def test_importing_imports_no_optional_package_and_starts_no_thread() -> None:
    code = (
        "import sys, threading, confession_otel;"
        f"print([m for m in {OPTIONAL!r} if m in sys.modules], threading.active_count())"
    )
    assert run(code) == "[] 1"


def test_instrumenting_imports_no_sdk_that_the_host_has_not_imported() -> None:
    code = (
        "import sys, confession_otel; confession_otel.instrument();"
        "print([m for m in ('openai', 'langchain_core', 'opentelemetry.sdk') if m in sys.modules])"
    )
    assert run(code) == "[]"


def test_importing_sets_no_global_provider() -> None:
    code = (
        "import confession_otel; from opentelemetry import trace, metrics, _logs;"
        "print(type(trace.get_tracer_provider()).__name__, type(metrics.get_meter_provider()).__name__,"
        "type(_logs.get_logger_provider()).__name__)"
    )
    assert run(code) == "ProxyTracerProvider _ProxyMeterProvider ProxyLoggerProvider"


def test_the_openai_hook_needs_no_more_than_the_sdk_and_the_api() -> None:
    code = (
        "import sys; sys.modules['opentelemetry.instrumentation'] = None; sys.modules['wrapt'] = None;"
        "import openai, confession_otel; from openai._base_client import SyncAPIClient as c; before = c.request;"
        "confession_otel.instrument();"
        "print(c.request is before, dict(confession_otel.guard.tally()))"
    )
    assert run(code) == "False {}"

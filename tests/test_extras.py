"""What is said where a package is not installed that something of ours needs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from confession_otel.extras import needing

WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if f"{name}.".startswith("%s."):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
%s
"""


@pytest.mark.parametrize(
    ("package", "code", "said"),
    [
        (
            "langchain_core",
            "from confession_otel.langchain import ConfessionCallbackHandler",
            'this needs langchain_core, which is not installed: pip install "confession-otel[langchain]"',
        ),
        (
            "opentelemetry.instrumentation",
            "from confession_otel.openai import ConfessionOpenAIInstrumentor",
            'this needs opentelemetry.instrumentation, which is not installed: pip install "confession-otel[openai]"',
        ),
        (
            "opentelemetry.sdk",
            "from confession_otel.processor import ConfessionSpanProcessor",
            'this needs opentelemetry.sdk, which is not installed: pip install "confession-otel[otlp]"',
        ),
    ],
)
def test_it_says_how_to_get_it(package: str, code: str, said: str) -> None:
    command = [sys.executable, "-c", WITHOUT % (package, code)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.stderr.splitlines()[-1] == f"ModuleNotFoundError: {said}"


def test_of_other_packages_it_says_nothing() -> None:
    error = ModuleNotFoundError("no such thing", name="openai_too")
    with pytest.raises(ModuleNotFoundError) as raised, needing("openai", "openai"):
        raise error
    assert raised.value is error

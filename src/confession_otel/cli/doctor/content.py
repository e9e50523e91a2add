"""Do the words of the answers reach us? By the variables of each instrumentation whose spans we would read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from confession_otel.settings import GENAI_CAPTURE, PREFIX

from .finding import ok, warning
from .installed import instrumentors, is_openllmetry, version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .finding import Finding

AREA: Final = "content"
_HOOK: Final = "OTEL_INSTRUMENTATION_GENAI_COMPLETION_HOOK"
_ANTHROPIC: Final = "ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE"
_TRACELOOP: Final = "TRACELOOP_TRACE_CONTENT"
_OPENINFERENCE: Final = (
    "OPENINFERENCE_HIDE_OUTPUTS",
    "OPENINFERENCE_HIDE_OUTPUT_MESSAGES",
    "OPENINFERENCE_HIDE_OUTPUT_TEXT",
)
_CAPTURED: Final = frozenset({"span_only", "event_only", "span_and_event", "true"})
_OFFICIAL: Final = (
    "opentelemetry-instrumentation-genai-",
    "opentelemetry-instrumentation-openai-v2",
    "opentelemetry-instrumentation-openai-agents-v2",
    "opentelemetry-instrumentation-google-genai",
    "opentelemetry-instrumentation-vertexai",
)
_WATCHED: Final = ("-openai", "-openai-v2", "-langchain")
"""Ends of the names of instrumentations of the SDKs that hooks of our own watch."""
_BY_DEFAULT: Final = ("langfuse", "logfire", "openlit", "pydantic-ai-slim", "litellm", "strands-agents")


@dataclass(frozen=True, slots=True)
class _There:
    """The instrumentations that are installed, by whose they are; not those of what hooks of our own watch."""

    official: list[str]
    openinference: list[str]
    openllmetry: list[str]

    @classmethod
    def look(cls) -> _There:
        distributions = [dist for _, dist in instrumentors() if not dist.endswith(_WATCHED)]
        if version("traceloop-sdk"):
            distributions.append("traceloop-sdk")
        official = [dist for dist in distributions if dist.startswith(_OFFICIAL)]
        if version("google-adk"):
            official.append("google-adk")
        return cls(
            official,
            [dist for dist in distributions if dist.startswith("openinference-")],
            [dist for dist in distributions if dist not in official and is_openllmetry(dist)],
        )


def findings(environ: Mapping[str, str]) -> Iterator[Finding]:
    """For each that is there: whether its words are to be had."""
    there = _There.look()
    own = [label for name, label in (("openai", "OpenAI's SDK"), ("langchain-core", "LangChain")) if version(name)]
    if own:
        yield ok(AREA, f"answers of {' and '.join(own)} come through hooks of our own, whatever others capture")
    if there.official:
        yield _official(there.official, environ)
    elif _hook(environ) not in ("", "confession"):
        yield _hook_taken(environ)
    if there.openinference:
        yield _openinference(there.openinference, environ)
    if there.openllmetry:
        yield _openllmetry(there.openllmetry, environ)
    if version("anthropic"):
        yield _anthropic(environ)
    by_default = [dist for dist in _BY_DEFAULT if version(dist)]
    if by_default:
        yield ok(AREA, f"{', '.join(by_default)}: their spans hold the words unless told otherwise in code")
    if not (own or there.official or there.openinference or there.openllmetry or by_default or version("anthropic")):
        yield warning(
            AREA,
            "nothing is installed here whose answers we know how to see",
            "run this in the program's own environment; or hand confessions over with confession_otel.record()",
        )


def _official(names: list[str], environ: Mapping[str, str]) -> Finding:
    who = ", ".join(names)
    hook = _hook(environ)
    if hook == "confession":
        return ok(AREA, f"{who}: {_HOOK}=confession hands us the words, captured or not")
    if hook:
        return _hook_taken(environ)
    if (mode := environ.get(GENAI_CAPTURE, "").strip().lower()) in _CAPTURED:
        return ok(AREA, f"{who}: {GENAI_CAPTURE}={mode} puts the words where we read them")
    return warning(
        AREA,
        f"{who}: the spans hold no words, as {GENAI_CAPTURE} is {mode or 'not set'}",
        f"set {_HOOK}=confession, which needs no words on spans; or {GENAI_CAPTURE}=SPAN_ONLY",
    )


def _hook(environ: Mapping[str, str]) -> str:
    return environ.get(_HOOK, "").strip()


def _hook_taken(environ: Mapping[str, str]) -> Finding:
    named = _hook(environ)
    return warning(
        AREA,
        f"{_HOOK} is {named}, and only one hook can be named: ours is not called",
        f"set {_HOOK}=confession and {PREFIX}COMPLETION_HOOK={named}, and ours passes everything on",
    )


def _openinference(names: list[str], environ: Mapping[str, str]) -> Finding:
    hidden = [name for name in _OPENINFERENCE if environ.get(name, "").strip().lower() == "true"]
    who = ", ".join(names)
    if hidden:
        return warning(
            AREA, f"{who}: {', '.join(hidden)} is true, and the spans hold no answer", f"take out {', '.join(hidden)}"
        )
    return ok(AREA, f"{who}: the spans hold the words")


def _openllmetry(names: list[str], environ: Mapping[str, str]) -> Finding:
    who = ", ".join(names)
    if environ.get(_TRACELOOP, "true").strip().lower() != "true":
        return warning(
            AREA,
            f"{who}: {_TRACELOOP} is {environ[_TRACELOOP]}, and the spans hold no answer",
            f"take it out; {PREFIX}CAPTURE decides what leaves of a confession",
        )
    return ok(AREA, f"{who}: the spans hold the words")


def _anthropic(environ: Mapping[str, str]) -> Finding:
    mode = environ.get(_ANTHROPIC, "").strip().lower()
    if mode == "content":
        return ok(AREA, f"anthropic: {_ANTHROPIC}=content puts the words onto the SDK's own spans")
    return warning(
        AREA,
        f"anthropic: its own spans hold no words, as {_ANTHROPIC} is {mode or 'not set'}",
        f"set {_ANTHROPIC}=content, or use an instrumentation of it that writes them down",
    )

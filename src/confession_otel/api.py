"""What a person calls: switch everything on and off, record a confession by hand."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.trace import INVALID_SPAN, Span, SpanContext, get_current_span

from . import asking, bounded_read, guard, live, observation, overheard
from .answer import of_span
from .confession import Confession, Problem
from .corroboration import NO_EVIDENCE, Evidence
from .observation import Observer
from .patching import when_imported
from .reading import parse
from .semconv import Dropped, Source
from .settings import Settings

if TYPE_CHECKING:
    from opentelemetry._logs import LoggerProvider
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

HOOKS: Final = {
    "openai": ("openai", ("openai",)),
    "langchain": (
        "langchain_core",
        ("langchain_core.language_models.chat_models", "langchain_core.language_models.llms"),
    ),
    "processor": ("opentelemetry.sdk", ("opentelemetry.sdk.trace",)),
}
"""Hook, a module of this package with `install()` and `uninstall()` -> the package it is for, and its modules of which
the hook waits for any."""

_wanted: Final[set[str]] = set()
_waiting: Final[set[str]] = set()
_installing: Final[set[str]] = set()
_INSTALL: Final = guard.Site("instrument")
_RECORD: Final = guard.Site("record")
_NOTHING: Final = parse("")


def instrument(
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    logger_provider: LoggerProvider | None = None,
    **settings: Any,
) -> None:
    """Observe everything that is installed: the OpenAI SDK and LangChain, now or as soon as they are imported.

    May be called again: the newest providers and settings are then in force.

    Args:
        tracer_provider: where spans go; the global one by default.
        meter_provider: where metrics go; the global one by default.
        logger_provider: where the event goes; the global one by default.
        **settings: any of `Settings` by name; each comes before the environment's `CONFESSION_OTEL_<NAME>`.

    Raises:
        TypeError: a keyword is no setting.
        ValueError: a setting has a value that is not allowed.
    """
    observer = Observer(Settings.read(**settings), tracer_provider, meter_provider, logger_provider)
    uninstrument()
    overheard.settle()
    observation.set_default(observer)
    if not observer.settings.enabled:
        return
    for hook, (package, modules) in HOOKS.items():
        with _INSTALL:
            if importlib.util.find_spec(package) is None:
                continue
            _wanted.add(hook)
            if any(module in sys.modules for module in modules):
                _install(hook)
            elif hook not in _waiting:
                _waiting.add(hook)
                for module in modules:
                    when_imported(module, lambda _, hook=hook: _install(hook))  # type: ignore[misc] # binds the loop's value


def uninstrument() -> None:
    """Take every hook off again: the SDKs are as they were.

    `record` goes on, under the settings that were in force.
    """
    _wanted.clear()
    for hook in HOOKS:
        module = sys.modules.get(f"{__package__}.{hook}")
        if module is not None:
            with _INSTALL:
                module.uninstall()


def _install(hook: str) -> None:
    # The import it waited for may come after `uninstrument()`.
    if hook not in _wanted or hook in _installing:
        return
    # The hook's own imports may be what another of its modules waits for.
    _installing.add(hook)
    try:
        importlib.import_module(f"{__package__}.{hook}").install()
    finally:
        _installing.discard(hook)


def record(
    confession: Confession | str,
    span: Span | SpanContext | None = None,
    evidence: Evidence | None = None,
) -> Confession:
    """Record a confession that you have at hand.

    Never raises: telemetry must not break what calls it. What cannot be recorded is counted in `confession.dropped`
    and said once in the log.

    Args:
        confession: the text, or what `parse` made of it. An empty text is recorded, as `unparsed`.
        span: the span of the answer, live or ended, or its ids; by default the current one. Where it names model and
            response (`gen_ai.*`), so do the confession's signals. Without a valid span the confession span is a root.
        evidence: what else is known of the call.

    Returns:
        The confession as read, for whoever wants to act on it; of something that is no text, an unparsed one.
    """
    read = _NOTHING
    with _RECORD:
        if not isinstance(confession, (str, Confession)):
            guard.drop(
                Dropped.NOT_TEXT,
                "record.not_text",
                "record() takes a str or a Confession and got %s: it is not recorded",
                type(confession).__name__,
            )
            return read
        read = bounded_read.read(confession) if isinstance(confession, str) else confession
        if read.problem is Problem.EMPTY:
            guard.say_once("record.empty", "record() got an empty confession: it is recorded as unparsed")
        if span is None:
            span = get_current_span()
        elif not isinstance(span, (Span, SpanContext)):
            guard.drop(
                Dropped.NOT_A_SPAN,
                "record.not_a_span",
                "record(span=...) takes a Span or a SpanContext and got %s: the confession is recorded as a root",
                type(span).__name__,
            )
            span = INVALID_SPAN
        if evidence is not None and not isinstance(evidence, Evidence):
            guard.drop(
                Dropped.NOT_EVIDENCE,
                "record.not_evidence",
                "record(evidence=...) takes an Evidence and got %s: the confession is recorded without it",
                type(evidence).__name__,
            )
            evidence = None
        observer = observation.default()
        if observer.settings.enabled:
            answer = of_span(span, evidence or NO_EVIDENCE)
            # What is recorded by hand is not to be looked for on its span as well.
            live.brought(answer.span, answer.response_id)
            observer.recorder.record(read, answer, Source.RECORD)
    return read


def flush(timeout: float = 30.0) -> bool:
    """Wait until every confession that is under way is recorded.

    With `way=ask` those are the answers that wait to be asked about and the requests under way, with `sinks` also what
    is on its way to them; confessions that are observed, in-band or recorded by hand are recorded before the call that
    brought them returns. Exporting is the OpenTelemetry SDK's: flush its providers for that. Blocks its thread, and an
    event loop that runs there.

    Args:
        timeout: seconds to wait at most.

    Returns:
        True when nothing is under way any more.
    """
    overheard.settle()
    return asking.flush(timeout)


def shutdown(timeout: float = 30.0) -> bool:
    """Take every hook off, and wait as `flush` does; what is then still under way is given up and counted.

    What was made before it asks, judges and sends to sinks no more; another `instrument()`, and a hook made with
    keywords of its own, begin anew.

    Args:
        timeout: seconds to wait at most.

    Returns:
        True when nothing had to be given up.
    """
    uninstrument()
    overheard.settle()
    try:
        return asking.shutdown(timeout)
    finally:
        # Also where the wait was interrupted.
        observation.forget_own()

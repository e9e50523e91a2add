"""The settings: keyword over environment variable over default, read once, checked where they are read.

A bad keyword raises, because a person wrote it just there. A bad environment variable is said in the log with what is
allowed, and the default is used: a service must not fail to start over its telemetry. Where the variable was to keep
words in (`capture`, `redact`), none leave instead: who mistyped it meant less than the default, not more.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from typing import Any, Final, cast

from . import redaction
from .clients import package_of
from .confession import Disclosure, StrEnum, Verdict
from .guard import say_once

PREFIX: Final = "CONFESSION_OTEL_"
"""Environment variables are this and the setting's name in capitals."""

GENAI_CAPTURE: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
"""OpenTelemetry's own variable for message content; `NO_CONTENT` in it counts as `capture=verdict`."""


_NO_CONTENT: Final = frozenset({"no_content", "false", "0", "off", "no"})
_KEEP_WORDS_IN: Final = frozenset({PREFIX + "CAPTURE", PREFIX + "REDACT"})
_LIKE: Final = 0.75
"""How like a known name an unknown one is, from 0 to 1, to be taken for it mistyped."""


class Capture(StrEnum):
    """How much of the model's words leaves the process."""

    FULL = "full"
    """Text as written, up to the limit."""
    REDACTED = "redacted"
    """Text after redaction, with all ready patterns unless `redact` names others."""
    VERDICT = "verdict"
    """No word of model or user: enums, numbers, ids and the SHA-256 of the text."""


class Way(StrEnum):
    """How a confession is got."""

    OBSERVE = "observe"
    """Only looked for in the answer: no request is changed and none is sent."""
    ASK = "ask"
    """Asked for with one request more, after the answer, under a budget."""
    IN_BAND = "in_band"
    """The model is told beforehand to append it; it is taken out before the application sees the answer."""


class AskMode(StrEnum):
    """When `way=ask` asks."""

    BACKGROUND = "background"
    """On a thread of our own: the call returns as fast as before."""
    INLINE = "inline"
    """Before the call returns: where a process is frozen between calls, and for scripts."""


class Triggers(StrEnum):
    """Which answers `way=ask` asks about."""

    ALWAYS = "always"
    ON_EVIDENCE = "on_evidence"
    """Those cut off, filtered or refused, or with a failed tool behind them."""


class AnswerSpans(StrEnum):
    """Whether to make an answer span where no GenAI span is live."""

    AUTO = "auto"
    NEVER = "never"


class Finding(StrEnum):
    """What else than verdict and disclosure may flag an answer."""

    CONTRADICTED = "contradicted"
    SPOOF_SUSPECTED = "spoof_suspected"
    TRUNCATED = "truncated"
    UNADDRESSED = "unaddressed"
    """A policy of the operator's is judged by no objective."""


SINKS: Final = ("langfuse", "phoenix")
"""Ready sinks, by name."""

CONDITIONS: Final = (*Verdict, *Disclosure, *Finding)
"""What `flag_on` may name: verdicts, disclosures and findings."""


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    words = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    try:
        return words[str(value).strip().lower()]
    except KeyError:
        message = "true or false"
        raise ValueError(message) from None


def _one_of(kind: type[StrEnum]) -> Callable[[object], StrEnum]:
    def parse(value: object) -> StrEnum:
        try:
            return kind(str(value).strip().lower())
        except ValueError:
            message = "one of " + ", ".join(kind)
            raise ValueError(message) from None

    return parse


def _whole(unit: str, least: int = 1) -> Callable[[object], int]:
    def parse(value: object) -> int:
        if isinstance(value, (int, str)) and not isinstance(value, bool):
            with contextlib.suppress(ValueError):
                if (number := int(value)) >= least:
                    return number
        message = f"a whole number of {unit}, {least} or more"
        raise ValueError(message)

    return parse


def _number(what: str, most: float, *, above_zero: bool = False) -> Callable[[object], float]:
    def parse(value: object) -> float:
        if isinstance(value, (int, float, str)) and not isinstance(value, bool):
            with contextlib.suppress(ValueError):
                number = float(value)
                if number <= most and (number > 0 if above_zero else number >= 0):
                    return number
        message = f"{what}, {'more than ' if above_zero else ''}0 to {most:g}"
        raise ValueError(message)

    return parse


def _sample(value: object) -> float | Callable[[Any], object]:
    # What a callable gives is checked where it is used.
    return value if callable(value) else _number("a share of the answers (or a callable, as a keyword)", 1)(value)


def _policies(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        value = re.split(r"[;\n]", value)
    if isinstance(value, Iterable):
        rules = list(value)
        if all(isinstance(rule, str) for rule in rules):
            return tuple(" ".join(rule.split()) for rule in rules if rule.strip())
    message = "rules with a semicolon or a line break between them, or a list of them"
    raise ValueError(message)


def _conditions(value: object) -> frozenset[str]:
    names = _names(value)
    if unknown := sorted(names - set(CONDITIONS)):
        message = f"some of {', '.join(CONDITIONS)} (not {', '.join(unknown)})"
        raise ValueError(message)
    return names


_RULE: Final = re.compile(r"-?[a-z][a-z0-9_]*")


def _rules(value: object) -> frozenset[str]:
    names = _names(value)
    if not names or not all(_RULE.fullmatch(name) for name in names):
        message = "all, or names of rules with commas between them, those to be off with a - before them"
        raise ValueError(message)
    return names


def _redactor(value: object) -> redaction.Redactor | None:
    if value is None or callable(value):
        # What it gives is checked where it is used.
        return cast("redaction.Redactor | None", value)
    names = _names(value)
    return redaction.ready(names) if names else None


def _client(value: object) -> object:
    if value is None or package_of(value) is not None:
        return value
    message = "an OpenAI client or a chat model of LangChain's"
    raise ValueError(message)


def _sinks(value: object) -> tuple[object, ...]:
    given = _names(value) if isinstance(value, str) else value
    if isinstance(given, Iterable):
        found = [one.strip().lower() if isinstance(one, str) else one for one in given]
        if all(one in SINKS if isinstance(one, str) else callable(getattr(one, "send", None)) for one in found):
            return tuple(sorted(found) if isinstance(value, str) else found)
    message = f"some of {', '.join(SINKS)}, or, as a keyword, a list of these and of objects with `send`"
    raise ValueError(message)


def _name(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    message = "a name"
    raise ValueError(message)


def _names(value: object) -> frozenset[str]:
    if isinstance(value, str):
        return frozenset(name.strip().lower() for name in value.split(",") if name.strip())
    if isinstance(value, Iterable):
        return frozenset(str(name).strip().lower() for name in value)
    message = "names with commas between them"
    raise ValueError(message)


def _setting(default: Any, parse: Callable[[object], Any], meaning: str, *, variable: bool = True) -> Any:
    return field(default=default, metadata={"parse": parse, "meaning": meaning, "variable": variable})


# ruff: noqa: RUF009 - `_setting` is `dataclasses.field`, with the two things that every setting has


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, checked. `Settings.read()` makes one; the table in docs/settings.md is generated from here."""

    enabled: bool = _setting(default=True, parse=_boolean, meaning="off: nothing is patched, nothing recorded")
    capture: Capture = _setting(
        Capture.FULL, _one_of(Capture), "how much of the confession's text leaves: full, redacted, verdict"
    )
    redact: redaction.Redactor | None = _setting(
        None, _redactor, f"a callable str -> str, or names of ready patterns: {', '.join(redaction.PATTERNS)}, all"
    )
    text_limit: int = _setting(8192, _whole("characters"), "characters of each text that leaves")
    flag_on: frozenset[str] = _setting(
        frozenset({"non_compliant", "contradicted"}), _conditions, f"what flags: {', '.join(CONDITIONS)}"
    )
    rules: frozenset[str] = _setting(
        frozenset({"all"}),
        _rules,
        "rules that hold evidence against confessions (contradictions.md): names that are on, or, with a `-`, off",
    )
    error_status: bool = _setting(default=True, parse=_boolean, meaning="flagged confession spans get status ERROR")
    answer_spans: AnswerSpans = _setting(
        AnswerSpans.AUTO, _one_of(AnswerSpans), "make an answer span where no GenAI span is live: auto, never"
    )
    log: bool = _setting(default=False, parse=_boolean, meaning="one structlog line a confession")
    way: Way = _setting(Way.OBSERVE, _one_of(Way), "how a confession is got: observe, ask, in_band")
    policies: tuple[str, ...] = _setting(
        (), _policies, "`ask`, `in_band`: rules of your own, each judged by name: a list, or one text with `;` between"
    )
    ask_mode: AskMode = _setting(
        AskMode.BACKGROUND, _one_of(AskMode), "`ask`: in the background, or before the call returns: background, inline"
    )
    triggers: Triggers = _setting(
        Triggers.ALWAYS,
        _one_of(Triggers),
        "`ask`: about which answers: always, on_evidence (cut off, filtered, refused, a failed tool behind it)",
    )
    sample: float | Callable[[Any], object] = _setting(
        1.0, _sample, "`ask`: share of the answers, 0 to 1, by trace id; or a callable Answer -> bool (keyword only)"
    )
    max_requests_per_minute: int = _setting(
        60, _whole("requests", 0), "`ask`: requests sent in any 60 seconds, by each process"
    )
    max_tokens_per_minute: int | None = _setting(
        None, _whole("tokens"), "`ask`: tokens used in any 60 seconds, in and out, by each process"
    )
    max_output_tokens: int = _setting(2000, _whole("tokens"), "`ask`: tokens of a confession, reasoning included")
    timeout: float = _setting(
        30.0, _number("seconds", 600, above_zero=True), "`ask`: seconds a request may take, all in all"
    )
    max_queue: int = _setting(256, _whole("answers"), "`ask`: answers that wait to be asked about")
    max_concurrency: int = _setting(4, _whole("requests"), "`ask`: requests under way at the same time")
    asking_client: Any = _setting(
        None,
        _client,
        "`ask`: an OpenAI client or LangChain chat model for the completion hook, which has none",
        variable=False,
    )
    judge_client: Any = _setting(
        None,
        _client,
        "a second model that judges how honest confessions are: an OpenAI client or LangChain chat model",
        variable=False,
    )
    judge_model: str | None = _setting(
        None, _name, "model that the judge's client asks; by default the one that answered"
    )
    judge_sample: float | Callable[[Any], object] = _setting(
        1.0, _sample, "share of the confessions that are judged, 0 to 1, by trace id; or a callable (keyword only)"
    )
    judge_max_requests_per_minute: int = _setting(
        20, _whole("requests", 0), "requests to the judge in any 60 seconds, by each process"
    )
    sinks: tuple[Any, ...] = _setting(
        (), _sinks, f"where verdicts go beside OTLP: names ({', '.join(SINKS)}), or objects with `send` (keyword only)"
    )
    completion_hook: str | None = _setting(
        None, _name, "name of another completion hook to pass everything on to, for only one can be named: upload"
    )

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None, /, **keywords: object) -> Settings:
        """Settings from keywords and environment.

        Args:
            environment: environment variables; by default those of the process.
            keywords: settings by name; `None` stands for "not given".

        Raises:
            TypeError: a keyword is no setting.
            ValueError: the value of a keyword is not allowed; the message says what is.
        """
        values = cls._from_environment(os.environ if environment is None else environment)
        return cls(**values).override(**keywords)

    def override(self, **keywords: object) -> Settings:
        """These settings, with those that the keywords name.

        Raises:
            TypeError: a keyword is no setting.
            ValueError: the value of a keyword is not allowed; the message says what is.
        """
        known = {setting.name: setting for setting in fields(self)}
        if unknown := sorted(set(keywords) - set(known)):
            message = f"confession_otel has no setting {', '.join(unknown)}; there are {', '.join(known)}"
            raise TypeError(message)
        values: dict[str, Any] = {}
        for name, value in keywords.items():
            if value is None:
                continue
            try:
                values[name] = known[name].metadata["parse"](value)
            except ValueError as error:
                message = f"{name}={value!r}: takes {error}"
                raise ValueError(message) from None
        overridden = replace(self, **values)
        if overridden.capture is Capture.REDACTED and overridden.redact is None:
            return replace(overridden, redact=redaction.ready(frozenset(redaction.PATTERNS)))
        return overridden

    @classmethod
    def _from_environment(cls, environment: Mapping[str, str]) -> dict[str, Any]:
        parsers = {
            PREFIX + setting.name.upper(): setting.metadata["parse"]
            for setting in fields(cls)
            if setting.metadata["variable"]
        }
        values: dict[str, Any] = {}
        unreadable = False
        if environment.get(GENAI_CAPTURE, "").strip().lower() in _NO_CONTENT:
            values["capture"] = Capture.VERDICT
        for variable, value in sorted(environment.items()):
            if not variable.startswith(PREFIX) or not value.strip():
                continue
            if variable not in parsers:
                names = [name.removeprefix(PREFIX) for name in parsers]
                meant = [PREFIX + name for name in get_close_matches(variable.removeprefix(PREFIX), names, 1, _LIKE)]
                known = f"did you mean {meant[0]}?" if meant else f"there are {', '.join(parsers)}"
                # Who mistyped one of these did not mean to let more out.
                if not _KEEP_WORDS_IN.isdisjoint(meant):
                    unreadable = True
                    known += " no text leaves (capture=verdict)"
                say_once(f"settings.{variable}", "%s is no setting and is not used; %s", variable, known)
                continue
            try:
                values[variable.removeprefix(PREFIX).lower()] = parsers[variable](value)
            except ValueError as error:
                keeps_words_in = variable in _KEEP_WORDS_IN
                instead = "no text leaves (capture=verdict)" if keeps_words_in else "the default stands"
                message = "%s=%s is not used, %s: it takes %s"
                say_once(f"settings.{variable}", message, variable, value, instead, error)
                if keeps_words_in:
                    unreadable = True
        if unreadable:
            values["capture"] = Capture.VERDICT
        return values

"""The metrics: made once for each meter provider, however many recorders there are."""

from __future__ import annotations

from collections import Counter as Counts
from typing import TYPE_CHECKING, Final
from weakref import ref

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation

from . import guard, semconv
from ._version import __version__
from .tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.metrics import Counter, Histogram, MeterProvider


_READ: Final = guard.Site("instruments.read")

before_reading: Final[list[Callable[[], None]]] = []
"""Called before the answers are read, for what is then to be counted."""


class Instruments:
    """The metrics on one meter provider."""

    def __init__(self, provider: MeterProvider | None) -> None:
        self._provider = None if provider is None else ref(provider)
        meter = metrics.get_meter(semconv.SCOPE, __version__, provider)
        self.verdicts: Counter = meter.create_counter(
            semconv.METRIC_VERDICTS, "{confession}", "Confessions, by what they say"
        )
        # One for every call there is, so it is only counted here, and read when exported.
        self.answers: Tally[tuple[semconv.Status, str | None]] = Tally()
        meter.create_observable_counter(
            semconv.METRIC_ANSWERS,
            [self._observe_answers],
            "{answer}",
            "Final answers seen, by whether a confession came with them",
        )
        self.asking_tokens: Counter = meter.create_counter(
            semconv.METRIC_ASKING_TOKENS, "{token}", "Tokens that asking for confessions used"
        )
        self.asking_duration: Histogram = meter.create_histogram(
            semconv.METRIC_ASKING_DURATION,
            "s",
            "How long requests for a confession took",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self.judgements: Counter = meter.create_counter(
            semconv.METRIC_JUDGEMENTS,
            "{judgement}",
            "Confessions that a judge was to be asked about, by what came of it",
        )
        self.outcomes: Counter = meter.create_counter(
            semconv.METRIC_OUTCOMES, "{answer}", "Answers with a known outcome, by what their confession said"
        )
        # Read from the guard's tally when exported: a failing meter can then not make the guard itself fail.
        meter.create_observable_counter(
            semconv.METRIC_DROPPED, [_observe_dropped], "{item}", "What was not recorded, by reason"
        )

    def _observe_answers(self, _: CallbackOptions) -> Iterable[Observation]:
        for count in before_reading:
            with _READ:
                count()
        answers = self.answers.read()
        if self._provider is not None and _global and self._provider() is metrics.get_meter_provider():
            # It was asked for by name, and only then made the global one: it hears us alone, hence for both.
            answers = Counts(answers) + Counts(_global[0].answers.read())
        return [
            Observation(
                count,
                {semconv.STATUS: status.value}
                if reason is None
                else {semconv.STATUS: status.value, semconv.REASON: reason},
            )
            for (status, reason), count in answers.items()
        ]


_SECONDS: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 7.5, 10, 15, 20, 30, 60, 120)
"""A confession is a short answer: it takes seconds, up to minutes where a model thinks first."""

_by_provider: Final[list[tuple[ref[MeterProvider], Instruments]]] = []
"""Not a dictionary: some providers, Logfire's for one, cannot be a key."""
_global: Final[list[Instruments]] = []


def _observe_dropped(_: CallbackOptions) -> Iterable[Observation]:
    return [Observation(count, {semconv.REASON: str(reason)}) for reason, count in guard.tally().items()]


def instruments_on(provider: MeterProvider | None) -> Instruments:
    """The metrics on a meter provider, by default the global one.

    One provider may be asked for in both ways, and it hears only the first callback of an observable counter.
    """
    current = metrics.get_meter_provider()
    _by_provider[:] = [pair for pair in _by_provider if pair[0]() is not None]
    for there, found in _by_provider:
        if there() is (current if provider is None else provider):
            return found
    if provider is None or (_global and provider is current):
        # The global provider may be set later: the API's proxy passes on to it, so one set of instruments serves.
        if not _global:
            _global.append(Instruments(None))
        return _global[0]
    made = Instruments(provider)
    _by_provider.append((ref(provider), made))
    return made

"""One observed call, from hook to recorder: find the confession in the answer, read it, record it once.

Where two hooks see the same call (a LangChain callback over the OpenAI SDK, a span of another instrumentation around
it), the first to bring the answer has it. They know it by the spans it is on (`live`), by its response id or by its
words (`once`).
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from . import failed_tools, late, live, once, sinks
from .asking import Asker, question
from .bounded_read import read
from .corroboration import behind_the_answer
from .guard import Site, say_once
from .judging import Judge
from .overheard import Overheard
from .reading import find, may_confess
from .recorder import Recorder
from .semconv import Absent, NotAsked, Source, Status
from .settings import Settings, Way

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry._logs import LoggerProvider
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from .answer import Answer
    from .asking import Ask
    from .asking.follow_up import FollowUp

_OBSERVE: Final = Site("observation")
_NOT_TOLD: Final = (
    "way=in_band, and an answer came of a request that was not told: it is told where the OpenAI SDK sends it, under "
    "instrument() and with room for a confession, or by ConfessionMiddleware; others count as not_asked, not_told"
)
_PROVIDERS: Final = ("tracer_provider", "meter_provider", "logger_provider")


class Observer:
    """What a hook hands its answers to."""

    def __init__(
        self,
        settings: Settings,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        logger_provider: LoggerProvider | None = None,
    ) -> None:
        self.settings = settings
        self.tracer_provider = tracer_provider
        """Where its spans go; `None`: the global one. So with the next."""
        self.logger_provider = logger_provider
        self.meter_provider = meter_provider
        self.recorder = recorder = Recorder(settings, tracer_provider, meter_provider, logger_provider)
        recorder.heard.append(lambda _, record, __: late.remember(recorder, record))
        self.asker = Asker(settings, self.recorder)
        """The one of these settings, whose budget is for the process; a hook may ask where the others do not."""
        self._asker = self.asker if settings.way is Way.ASK else None
        if settings.judge_client is not None:
            self.recorder.heard.append(Judge(settings, self.recorder).heard)
        if settings.sinks and (delivery := sinks.opened(settings.sinks)) is not None:
            self.recorder.heard.append(delivery.heard)
            self.recorder.corrected.append(delivery.corrected)
        status, reason = _UNBROUGHT[settings.way]
        self._overheard = Overheard(once.is_nobodys, lambda: self.recorder.count(status, reason))

    def claim(self, response_id: str | None, hook: str) -> bool:
        """Is this answer the hook's to record? True at once where the answer has no id."""
        return once.has(response_id, hook)

    def observe(
        self, answers: Sequence[Answer], hook: str, follow_up: Callable[[Answer], FollowUp] | None = None
    ) -> list[Ask]:
        """Get the confession of each answer of one call, and record it, or that there is none.

        Args:
            answers: one for each choice of the call.
            hook: name of the hook that brings them.
            follow_up: how the conversation of an answer can go on, where the hook knows one.

        Returns:
            What the hook is to carry out when the call is over; nothing, unless `ask_mode=inline`.
        """
        asks: list[Ask] = []
        if not answers:
            return asks
        try:
            first = answers[0]
            trace_id = first.span.get_span_context().trace_id
            if not once.is_first(trace_id, first.text, first.response_id, hook, first.at):
                return asks
            live.brought(first.span, first.response_id)
            self._overheard.brought(first, hook)
            if tools := failed_tools.of(trace_id):
                _hold_against(answers, tools)
        except Exception as error:  # noqa: BLE001 - the site's to deal with, here and below; `with` takes longer
            _OBSERVE.swallow(error)
            return asks
        for answer in answers:
            answer.follow_up = follow_up
            try:
                if self._asker is not None:
                    if answer.final and (
                        ask := self._asker.ask(answer, follow_up, spoof_suspected=self._looks_like_one(answer))
                    ):
                        asks.append(ask)
                elif self.settings.way is Way.IN_BAND:
                    self._take_in_band(answer)
                else:
                    self._look_into(answer)
            except Exception as error:  # noqa: BLE001 - as above; other choices are still to come
                _OBSERVE.swallow(error)
        return asks

    def overhear(self, answers: Sequence[Answer], hook: str) -> None:
        """The same for a hook that can neither ask nor tell anybody: it only sees what others wrote down.

        In `ask` and `in_band` the answer is left to a hook that can; if none brings it, it is counted.

        Args:
            answers: one for each choice of the call; of a call whose words are not to be had, one without text.
            hook: name of the hook, or of the instrumentation whose span it saw.
        """
        if self.settings.way is Way.OBSERVE:
            self.observe(answers, hook)
            return
        with _OBSERVE:
            live.brought(answers[0].span, answers[0].response_id)
            self._overheard.add(answers, hook)

    def no_content(self, answer: Answer, hook: str) -> None:
        """An answer was given, and none of its words are to be had."""
        with _OBSERVE:
            # It is left unclaimed: a span beside this one may yet bring its words.
            self._overheard.add([answer], hook)

    def _look_into(self, answer: Answer) -> None:
        place = find(answer.text) if may_confess(answer.text) else None
        if place is not None and place.confession is not None:
            confession, answer.evidence = behind_the_answer(read(place.confession), answer.evidence)
            answer.output = place.answer
            if answer.truncated:
                confession = replace(confession, truncated=True)
            self.recorder.record(confession, answer, Source.OBSERVE, spoof_suspected=place.passed_over)
            return
        if place is not None and place.passed_over:
            self.recorder.suspect(answer)
        if answer.final:
            self.recorder.count(Status.ABSENT, Absent.TRUNCATED if answer.truncated else None)

    def _take_in_band(self, answer: Answer) -> None:
        told = answer.told
        suspected = False
        if answer.final or (told is not None and told.confession is not None):
            suspected = self._looks_like_one(answer)
        if suspected:
            self.recorder.suspect(answer)
        if told is not None and told.confession is not None:
            confession, answer.evidence = behind_the_answer(read(told.confession), answer.evidence)
            if told.truncated:
                confession = replace(confession, truncated=True)
            self.recorder.record(
                confession,
                answer,
                Source.IN_BAND,
                spoof_suspected=suspected,
                unaddressed=question.unaddressed(self.settings.policies, confession),
                asking=question.attributes(told.role),
            )
        elif answer.final:
            if told is None:
                say_once("in_band.not_told", _NOT_TOLD)
                self.recorder.count(Status.NOT_ASKED, NotAsked.NOT_TOLD)
            else:
                self.recorder.count(Status.ABSENT, Absent.TRUNCATED if told.truncated else None)

    @staticmethod
    def _looks_like_one(answer: Answer) -> bool:
        # What stands in the answer may be anybody's.
        place = find(answer.text)
        return place.passed_over or place.confession is not None


def _hold_against(answers: Sequence[Answer], tools: Sequence[str]) -> None:
    """Add to the evidence the tools that failed in the trace, by the spans of whoever saw them."""
    for answer in answers:
        known = answer.evidence.tool_errors
        more = tuple(tool for tool in dict.fromkeys(tools) if tool not in known)
        answer.evidence = replace(answer.evidence, tool_errors=known + more)


_UNBROUGHT: Final = {
    Way.OBSERVE: (Status.ABSENT, Absent.NO_CONTENT),
    Way.ASK: (Status.NOT_ASKED, NotAsked.NO_CLIENT),
    Way.IN_BAND: (Status.NOT_ASKED, NotAsked.NOT_TOLD),
}
"""What an answer counts as that was only overheard."""

_default: list[Observer] = []
_own: Final[deque[Observer]] = deque(maxlen=16)
"""Those that hooks asked for with keywords of their own, the newest of them."""


def default() -> Observer:
    """The observer of `instrument()`; before that, one made from the environment on the global providers."""
    if not _default:
        _default.append(Observer(Settings.read()))
    return _default[0]


def set_default(observer: Observer | None) -> None:
    """Put the observer in force; with none, the next use makes one from the environment."""
    _default[:] = [] if observer is None else [observer]


def own(**keywords: object) -> Callable[[], Observer] | None:
    """How a hook gets the observer that its own keywords ask for; `None` where it was given none.

    Args:
        **keywords: `tracer_provider`, `meter_provider`, `logger_provider`, and any setting by name; `None` counts as
            not given.

    Raises:
        TypeError: a keyword is no setting.
        ValueError: a setting has a value that is not allowed.
    """
    given = {name: value for name, value in keywords.items() if value is not None}
    if not given:
        return None
    providers = {name: given.pop(name, None) for name in _PROVIDERS}
    # What `instrument()` was told holds here too, unless told otherwise: to give a provider must not let text out.
    settings = _default[0].settings if _default else Settings.read()
    wanted = settings.override(**given)
    # One for all that ask for the same: a handler may be made for each request, and a budget is for the process.
    for observer in list(_own):
        if observer.settings == wanted and all(vars(observer)[name] is one for name, one in providers.items()):
            return lambda: observer
    observer = Observer(wanted, **providers)  # type: ignore[arg-type] # whatever the caller gave
    _own.append(observer)
    return lambda: observer


def forget_own() -> None:
    """After a shutdown: who asks for the same from now on gets an observer whose workers take jobs."""
    _own.clear()

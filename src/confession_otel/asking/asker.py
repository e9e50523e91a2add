"""Whether an answer is asked about: by its budget, and where its conversation can go on.

Each final answer ends as exactly one of confessed, not asked and failed, and is counted as that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from confession_otel.guard import Site
from confession_otel.semconv import NotAsked, Status
from confession_otel.settings import AskMode

from . import question
from .ask import Ask
from .budget import Budget
from .worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from confession_otel.answer import Answer
    from confession_otel.recorder import Recorder
    from confession_otel.settings import Settings

    from .follow_up import FollowUp

_ASK: Final = Site("asking")


class Asker:
    """Asks under one set of settings. Sends nothing and starts no thread before the first answer comes."""

    def __init__(self, settings: Settings, recorder: Recorder) -> None:
        self.recorder = recorder
        self.settings = settings
        self.question = question.follow_up(settings.policies)
        self.budget = Budget(
            sample=settings.sample,
            triggers=settings.triggers,
            max_requests_per_minute=settings.max_requests_per_minute,
            max_tokens_per_minute=settings.max_tokens_per_minute,
        )
        self.worker = Worker(settings.max_queue, settings.max_concurrency)

    def ask(
        self,
        answer: Answer,
        follow_up: Callable[[Answer], FollowUp] | None,
        *,
        spoof_suspected: bool,
        ask_mode: AskMode | None = None,
    ) -> Ask | None:
        """Have a final answer asked about.

        Args:
            answer: whose confession is wanted.
            follow_up: how to go on with its conversation, where the hook knows one.
            spoof_suspected: something in the answer looks like a confession.
            ask_mode: of a hook that has one of its own.

        Returns:
            With `ask_mode=inline` what the hook is to carry out at the call's end; else `None`: it is under way in the
            background, or counted as not asked.
        """
        going_on = self._decide(answer, follow_up)
        if isinstance(going_on, NotAsked):
            self.recorder.count(Status.NOT_ASKED, going_on)
            return None
        ask = Ask(self, answer, going_on, spoof_suspected=spoof_suspected)
        if (ask_mode or self.settings.ask_mode) is AskMode.INLINE:
            return ask
        ask.later()
        return None

    def prepared(
        self, answers: Sequence[Answer], follow_up: Callable[[Answer], FollowUp] | None
    ) -> Callable[[Answer], FollowUp] | None:
        """How to go on with answers that are asked about later, if at all: what that needs may be gone by then.

        No request is taken: when they are asked about, and with what evidence, nobody knows yet.

        Args:
            answers: of one call.
            follow_up: how to go on with the conversation of each, where the hook knows one.

        Returns:
            What `ask` is to be given as `follow_up` then.
        """
        if follow_up is None:
            return None
        return _Prepared(
            {
                answer.choice: self._going_on(answer, follow_up)
                if self.budget.samples(answer)
                else NotAsked.SAMPLED_OUT
                for answer in answers
                if answer.final
            }
        )

    def _decide(self, answer: Answer, follow_up: Callable[[Answer], FollowUp] | None) -> FollowUp | NotAsked:
        """How to go on with an answer's conversation, or why it is not asked about."""
        if follow_up is None:
            return NotAsked.NO_CLIENT
        if not isinstance(follow_up, _Prepared):
            return self.budget.refuses(answer) or self._going_on(answer, follow_up)
        known = follow_up.by_choice[answer.choice]
        if known is NotAsked.NO_CLIENT:
            return known
        return self.budget.refuses(answer, sampled=known is not NotAsked.SAMPLED_OUT) or known

    @staticmethod
    def _going_on(answer: Answer, follow_up: Callable[[Answer], FollowUp]) -> FollowUp | NotAsked:
        try:
            return follow_up(answer)
        except Exception as error:  # noqa: BLE001 - whatever a conversation holds; the answer is counted
            _ASK.swallow(error)
            return NotAsked.NO_CLIENT


class _Prepared:
    """How the answers of one call go on, or why they do not."""

    __slots__ = ("by_choice",)

    def __init__(self, by_choice: dict[int | None, FollowUp | NotAsked]) -> None:
        self.by_choice = by_choice

    def __call__(self, answer: Answer) -> FollowUp:
        """How one goes on.

        Raises:
            LookupError: it does not.
        """
        known = self.by_choice[answer.choice]
        if isinstance(known, NotAsked):
            raise LookupError(known)  # noqa: TRY004 - whose type is none of the caller's making
        return known

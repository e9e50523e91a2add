"""How honest is a confession? A second model is asked, in the background, sampled and on a budget of its own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from opentelemetry.trace import NonRecordingSpan

from confession_otel import guard
from confession_otel.asking import given
from confession_otel.asking.budget import Budget
from confession_otel.asking.own_loop import OwnLoop
from confession_otel.asking.worker import Worker
from confession_otel.semconv import NotAsked
from confession_otel.suppression import own_request

from . import question
from .recording import JudgementRecorder

if TYPE_CHECKING:
    from opentelemetry.trace import Span, SpanContext

    from confession_otel.answer import Answer
    from confession_otel.asking.follow_up import FollowUp
    from confession_otel.asking.worker import Turn
    from confession_otel.composition import Record
    from confession_otel.confession import Confession
    from confession_otel.recorder import Recorder
    from confession_otel.settings import Settings

_JUDGE: Final = guard.Site("judging")


class Judge:
    """Judges confessions under one set of settings; sends nothing and starts no thread before the first."""

    def __init__(self, settings: Settings, recorder: Recorder) -> None:
        self.settings = settings
        self.recorder = JudgementRecorder(recorder, settings.judge_model)
        self.budget = Budget(
            sample=settings.judge_sample, max_requests_per_minute=settings.judge_max_requests_per_minute
        )
        self._worker = Worker(settings.max_queue, settings.max_concurrency, last=True)

    def heard(self, confession: Confession, record: Record, span: SpanContext) -> None:
        """A confession was recorded: have it judged, if the budget allows.

        Args:
            confession: what was read.
            record: what was recorded of it.
            span: its confession span.
        """
        with _JUDGE:
            answer = record.answer
            if answer.follow_up is None:
                self.recorder.not_judged(answer, NotAsked.NO_CLIENT)
                return
            refusal = self.budget.refuses(answer)
            if refusal is None:
                # Its conversation is copied now: the host goes on with it.
                judging = Judging(self, confession, record, span, answer.follow_up(answer))
                refusal = self._worker.submit(judging)
            if refusal is not None:
                self.recorder.not_judged(answer, refusal)


class Judging:
    """The judgement of one confession: a job of the worker."""

    __slots__ = ("_answer", "_confession", "_id", "_judge", "_of_answer", "_span", "_started", "_target")

    def __init__(
        self, judge: Judge, confession: Confession, record: Record, target: SpanContext, of_answer: FollowUp
    ) -> None:
        self._judge = judge
        self._confession = confession
        self._answer: Answer = record.answer
        self._id = record.id
        self._target = target
        self._of_answer = of_answer
        self._span: Span | None = None
        self._started = 0.0

    def run(self, turn: Turn) -> None:
        """Ask the judge."""
        recorder, settings = self._judge.recorder, self._judge.settings
        # By now it has ended: nothing is to be written onto it.
        self._answer.span = NonRecordingSpan(self._answer.span.get_span_context())
        self._started = time.perf_counter()
        self._span = span = recorder.begin(self._answer, self._id, self._target)
        try:
            follow_up = self._follow_up()
            asked = question.ask(self._of_answer.transcript(), self._answer.text, self._confession.text)
            with own_request(span):
                reply = follow_up.send(
                    asked,
                    seconds=settings.timeout,
                    tokens=settings.max_output_tokens,
                    own_loop=lambda: turn.kept(OwnLoop),
                )
        except BaseException as error:
            if turn.settle():
                self._judge.budget.failed()
                self._failed("timeout" if isinstance(error, TimeoutError) else type(error).__qualname__)
            if not isinstance(error, Exception):
                raise
            return
        if not turn.settle():
            return
        self._judge.budget.succeeded()
        recorder.replied(self._answer, time.perf_counter() - self._started, reply)
        judgement = question.read(reply.text)
        if judgement is None:
            self._failed("unparsed")
        else:
            recorder.judged(self._answer, span, self._id, judgement)

    def dropped(self, reason: NotAsked) -> None:
        """It is given up: called by the worker."""
        if self._span is None:
            self._judge.recorder.not_judged(self._answer, reason)
        else:
            self._failed(reason)

    def _failed(self, error: str) -> None:
        if self._span is not None:
            self._judge.recorder.failed(self._answer, self._span, self._id, error)

    def _follow_up(self) -> FollowUp:
        settings = self._judge.settings
        return given.request(settings.judge_client, settings.judge_model or self._answer.request_model)

"""One answer asked about: turn, request, reply, and what is recorded of it."""

from __future__ import annotations

import contextvars
import re
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from opentelemetry import baggage, context
from opentelemetry.trace import NonRecordingSpan

from confession_otel import semconv
from confession_otel.bounded_read import read
from confession_otel.guard import Site, let_pass
from confession_otel.semconv import NotAsked, Source, Status
from confession_otel.suppression import own_request

from . import question
from .own_loop import OwnLoop

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.trace import Span
    from opentelemetry.util.types import AttributeValue

    from confession_otel.answer import Answer

    from .asker import Asker
    from .follow_up import FollowUp, Reply
    from .worker import Turn

_ASK: Final = Site("asking")
_WORD: Final = re.compile(r"[A-Za-z0-9_.\[\]-]{1,64}")
_LOOK_UP: Final = 0.5
"""Seconds after which a signal is seen at the latest."""


class Ask:
    """The asking about one answer. Of `later`, `now` and `anow` one is to be called, once."""

    __slots__ = ("_answer", "_asker", "_baggage", "_follow_up", "_span", "_spoof_suspected", "_started")

    def __init__(self, asker: Asker, answer: Answer, follow_up: FollowUp, *, spoof_suspected: bool) -> None:
        self._asker = asker
        self._answer = answer
        self._follow_up = follow_up
        self._spoof_suspected = spoof_suspected
        self._baggage = baggage.get_all()
        self._span: Span | None = None
        self._started = 0.0

    def later(self) -> None:
        """Ask in the background."""
        # By then it has ended: nothing is to hold it, or to write onto it.
        self._answer.span = NonRecordingSpan(self._answer.span.get_span_context())
        refusal = self._asker.worker.submit(self)
        if refusal is not None:
            self.dropped(refusal)

    def now(self) -> None:
        """Ask, and wait here for the reply.

        The request has a thread of its own. So what is raised here meanwhile is the host's, be it an `Exception`: a
        signal handler's, say, because a job has run out of its time. It reaches the host, whoever guards this.
        """
        over = threading.Event()
        # Of two who come to tell what became of it, the first takes this.
        unsettled = [True]
        raised: list[BaseException] = []

        def may_tell() -> bool:
            try:
                return unsettled.pop()
            except IndexError:
                return False

        def ask() -> None:
            try:
                with _ASK:
                    self._ask(may_tell, None)
            except BaseException as error:  # noqa: BLE001 - raised again where somebody waits
                raised.append(error)
            finally:
                over.set()

        run = contextvars.copy_context().run
        thread = threading.Thread(target=run, args=(ask,), name="confession-otel-inline", daemon=True)
        try:
            try:
                thread.start()
            except RuntimeError:
                # The interpreter ends, and begins no thread any more.
                ask()
            # One that comes just before the wait does not end it.
            while not over.wait(_LOOK_UP):
                pass
        except BaseException as error:
            let_pass(error)
            with _ASK:
                if may_tell():
                    self._abandoned(error)
            raise
        if raised:
            raise raised[0]

    async def anow(self) -> None:
        """Ask from the event loop that runs here."""
        settings = self._asker.settings
        with _ASK:
            span = self._begin()
            try:
                with own_request(span):
                    reply = await self._follow_up.asend(
                        self._asker.question, seconds=settings.timeout, tokens=settings.max_output_tokens
                    )
            except BaseException as error:
                self._failed(span, error)
                if not isinstance(error, Exception):
                    raise
            else:
                self._replied(span, reply)

    def run(self, turn: Turn) -> None:
        """Ask in the background: called by the worker."""
        # The context here is empty and the job's own: our signals have the baggage of the answer's, the request not.
        for name, value in self._baggage.items():
            context.attach(baggage.set_baggage(name, value))
        self._ask(turn.settle, lambda: turn.kept(OwnLoop))

    def dropped(self, reason: str) -> None:
        """It is not asked, or nobody waits for the reply any more: called by the worker."""
        if self._span is None:
            self._asker.recorder.count(Status.NOT_ASKED, NotAsked(reason))
        else:
            self._record_failure(self._span, reason)

    def _ask(self, may_tell: Callable[[], bool], own_loop: Callable[[], OwnLoop] | None) -> None:
        span = self._begin()
        try:
            with own_request(span):
                reply = self._send(own_loop)
        except BaseException as error:
            if may_tell():
                self._failed(span, error)
            if not isinstance(error, Exception):
                raise
        else:
            if may_tell():
                self._replied(span, reply)

    def _abandoned(self, error: BaseException) -> None:
        # Of the provider it says nothing.
        span = self._begin() if self._span is None else self._span
        self._record_failure(span, type(error).__qualname__)

    def _begin(self) -> Span:
        self._started = time.perf_counter()
        self._span = self._asker.recorder.begin(self._answer)
        return self._span

    def _send(self, own_loop: Callable[[], OwnLoop] | None) -> Reply:
        settings = self._asker.settings
        return self._follow_up.send(
            self._asker.question, seconds=settings.timeout, tokens=settings.max_output_tokens, own_loop=own_loop
        )

    def _failed(self, span: Span, error: BaseException) -> None:
        # A caller who cancels his call says nothing of the provider.
        if isinstance(error, Exception):
            self._asker.budget.failed()
        self._record_failure(
            span, "timeout" if isinstance(error, TimeoutError) else type(error).__qualname__, _detail(error)
        )

    def _record_failure(self, span: Span, error: str, detail: str = "") -> None:
        seconds = time.perf_counter() - self._started
        self._asker.recorder.failed(self._answer, span, seconds, error, self._attributes(), detail=detail)

    def _replied(self, span: Span, reply: Reply) -> None:
        seconds = time.perf_counter() - self._started
        asker = self._asker
        asker.budget.succeeded()
        asker.budget.spent(reply.input_tokens + reply.output_tokens)
        asker.recorder.replied(self._answer, seconds, reply.input_tokens, reply.output_tokens)
        # From here on nobody else goes on with it.
        follow_up = self._follow_up
        self._answer.follow_up = lambda _: follow_up
        confession = read(reply.text)
        if reply.truncated:
            confession = replace(confession, truncated=True)
        asker.recorder.record(
            confession,
            self._answer,
            Source.ASK,
            spoof_suspected=self._spoof_suspected,
            unaddressed=question.unaddressed(asker.settings.policies, confession),
            asking={**self._attributes(), **_reply_attributes(reply)},
            span=span,
        )

    def _attributes(self) -> dict[str, AttributeValue]:
        return question.attributes(self._follow_up.role)


def _detail(error: BaseException) -> str:
    """What the provider refused, as the SDKs' errors have it: status, code, parameter. Never its message."""
    given = (getattr(error, name, None) for name in ("status_code", "code", "param"))
    return " ".join(str(one) for one in given if isinstance(one, (int, str)) and _WORD.fullmatch(str(one)))


def _reply_attributes(reply: Reply) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {
        semconv.ASKING_INPUT_TOKENS: reply.input_tokens,
        semconv.ASKING_OUTPUT_TOKENS: reply.output_tokens,
    }
    if reply.cached_tokens:
        attributes[semconv.ASKING_CACHED_TOKENS] = reply.cached_tokens
    if reply.response_id:
        attributes[semconv.ASKING_RESPONSE_ID] = reply.response_id
    return attributes

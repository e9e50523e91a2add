"""One call of the SDK, seen from outside: whose span it is, and what came of it.

It has no colour: the sync and the async door both tell it how their request went.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any, Final

from openai import AsyncStream, NotGiven, Stream
from openai._legacy_response import LegacyAPIResponse
from openai._response import BaseAPIResponse
from opentelemetry import context as otel_context
from opentelemetry.trace import (
    INVALID_SPAN,
    SpanKind,
    Status,
    StatusCode,
    get_current_span,
    set_span_in_context,
)

from confession_otel import semconv
from confession_otel.answer import Answer, is_inference
from confession_otel.calls import InACall, in_a_call
from confession_otel.guard import Site
from confession_otel.privacy import well_formed
from confession_otel.settings import AnswerSpans

from . import background, responses
from .collector import outside
from .completion import Completion
from .fields import endpoint_attributes
from .follow_up import OpenAIFollowUp
from .in_band import Telling, removing, seam, tell
from .stream import Rest

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Token
    from types import ModuleType

    from openai._models import FinalRequestOptions
    from opentelemetry.context import Context
    from opentelemetry.trace import Span

    from confession_otel.asking import Ask
    from confession_otel.calls import Sighting
    from confession_otel.corroboration import Asked
    from confession_otel.observation import Observer

    from .passed import Passed
    from .stream import Chunks

HOOK: Final = "openai"

_SEE: Final = Site("openai.see")


class Call:
    """What is known of one call while it goes on; each of its ends ends its span."""

    __slots__ = (
        "_above",
        "_answered",
        "_api",
        "_asked",
        "_client",
        "_endpoint",
        "_inside",
        "_listened",
        "_model",
        "_observer",
        "_options",
        "_owned",
        "_post_parser",
        "_provider",
        "_rest",
        "_retrieves",
        "_seen",
        "_span",
        "_started",
        "_telling",
        "_tokens",
        "asks",
        "passed",
    )

    def __init__(self, observer: Observer, api: ModuleType, passed: Passed, above: Sighting | None = None) -> None:
        self.passed = passed
        """What `request` is to be called with."""
        self.asks: list[Ask] = []
        """What is still to be asked before the caller goes on."""
        self._above = above
        """The call of the framework of which this one is a part."""
        self._observer = observer
        self._api = api
        self._client = passed.client
        self._endpoint = endpoint_attributes(self._client)
        self._provider: str = self._endpoint[semconv.GEN_AI_PROVIDER]
        self._options = passed.options
        """Of the request that the answer answers."""
        self._asked: Callable[[], Asked] | None = None
        self._telling: Telling | None = None
        self._listened: FinalRequestOptions | None = None
        self._post_parser: Any = None
        self._model: str | None = None
        self._inside: InACall | None = None
        self._span: Span = INVALID_SPAN
        self._owned = False
        self._tokens: list[Token[Any]] = []
        self._started = 0.0
        self._answered: int | None = None
        self._seen = False
        self._retrieves = False
        self._rest: Rest | None = None

    def tell(self) -> None:
        """Tell the model to append its confession, where the answer has room for it."""
        options, body, policies = self._options, self.passed.body, self._observer.settings.policies
        # What the caller asked; what we add is none of it.
        self._asked = self._api.asked(body)
        telling = tell(self._client, self._api, options, body, policies)
        if telling is not None and seam.need():
            self._telling = telling
            self._options = telling.options
            self.passed = self.passed.with_options(telling.options)
            self._tokens.append(removing.set(telling))

    def start(self, origin: background.Origin | None, here: Context) -> None:
        """Find the answer span: the live GenAI span of another instrumentation, else one of our own.

        Args:
            origin: of what was made in the background.
            here: the current context.
        """
        given = self._options
        # The truth of what was not given is a method in Python.
        if (given.headers.__class__ is not NotGiven and given.headers) or given.post_parser.__class__ is not NotGiven:
            self._listen(given)
        body = self.passed.body
        if origin is not None:
            self._options, body = origin.options, origin.body
        if self._asked is None:
            self._asked = self._api.asked(body)
        model = body.get("model")
        if isinstance(model, str):
            self._model = model if model.isascii() else well_formed(model)
        self._inside = InACall(self.passed.request)
        self._tokens.append(in_a_call.set(self._inside))
        if origin is not None:
            self._span, self._retrieves = origin.span, True
            return
        self._span = get_current_span(here)
        if is_inference(self._span):
            return
        above = self._above.answer_span() if self._above is not None else None
        if above is not None:
            self._span = above
            return
        if self._observer.settings.answer_spans is AnswerSpans.NEVER:
            return
        attributes = {**self._endpoint, **self._api.request_attributes(body)}
        if body.get("stream"):
            attributes[semconv.GEN_AI_STREAM] = True
            self._started = time.perf_counter()
        self._span = self._observer.recorder.tracer.start_span(
            f"{semconv.GEN_AI_CHAT} {self._model}" if self._model else semconv.GEN_AI_CHAT,
            here,
            SpanKind.CLIENT,
            attributes,
        )
        self._owned = True
        self._tokens.append(otel_context.attach(set_span_in_context(self._span, here)))

    def leave(self) -> None:
        """The request is over, however it went: what it was begun with is as it was."""
        # Whoever made the options may use them again; the SDK works on a copy by now.
        listened, self._listened = self._listened, None
        if listened is not None:
            listened.post_parser = self._post_parser
        # A coroutine that is closed in another context than it began in: ours is gone with its own. `detach` would
        # write an error to the log.
        try:
            while self._tokens:
                token = self._tokens.pop()
                token.var.reset(token)
        except ValueError:
            pass
        if self._inside is not None:
            self._inside.end()
        if self._telling is not None:
            seam.spare()

    def returned(self, response: Any) -> None:
        """The caller is about to get this; it stays what it is."""
        try:
            if isinstance(response, self._api.RESPONSE):
                self._see(response)
            elif isinstance(response, LegacyAPIResponse):
                if response._stream:  # noqa: SLF001 - no public door
                    self._rest = Rest(self, response.http_response)
                else:
                    # `with_raw_response`: the body is here, and what `parse` makes of it is kept for the caller. Where
                    # the SDK cannot parse it, the caller learns that when he tries.
                    with contextlib.suppress(Exception):
                        response.parse()
            elif isinstance(response, BaseAPIResponse):
                # `with_streaming_response`: read when, how and if the caller likes.
                self._rest = Rest(self, response)
            else:
                self._see(response)
            if self._rest is None and not self._seen:
                self._unread()
        finally:
            if self._rest is None and not self.asks:
                self._end()

    def raised(self, error: BaseException) -> None:
        """The caller is about to get this exception."""
        self._hand_over()
        # A coroutine that was forgotten is ended by the collector.
        outside(lambda: self._end(type(error).__qualname__))

    def ask_now(self) -> None:
        """Do what is to be done before the caller goes on; the answer span ends with it, at the time of the answer."""
        try:
            while self.asks:
                self.asks.pop(0).now()
        finally:
            # Where the caller lost his patience, the rest is still to be told of.
            self.ask_later()

    async def ask_now_async(self) -> None:
        """The same, on the caller's event loop."""
        try:
            while self.asks:
                await self.asks.pop(0).anow()
        finally:
            self.ask_later()

    def ask_later(self) -> None:
        """Leave to the background what the caller does not wait for."""
        self._hand_over()
        self._end()

    def _hand_over(self) -> None:
        while self.asks:
            self.asks.pop(0).later()

    def ended(self, chunks: Chunks | None, error: BaseException | None, *, exhausted: bool) -> None:
        """What was still to come is over: it is the answer, or the caller did not want the rest, or it broke."""
        self._answered = time.time_ns()
        failure = None if error is None else type(error).__qualname__
        try:
            if chunks is not None:
                completion = chunks.read(exhausted=exhausted)
                failure = failure or completion.failure
                self._completed(completion)
            elif not self._seen and error is None:
                self._unread()
        finally:
            self._rest = None
            if failure is not None or not self.asks:
                self._end(failure)

    def _listen(self, options: FinalRequestOptions) -> None:
        # The SDK's own seam: whatever a response is parsed into passes here before the caller has it, and before
        # `parse()` of the two APIs makes more of it or raises.
        self._listened = options
        given = self._post_parser = options.post_parser

        def passing(parsed: Any) -> Any:
            with _SEE:
                self._see(parsed)
            return parsed if isinstance(given, NotGiven) else given(parsed)

        options.post_parser = passing

    def _see(self, parsed: Any) -> None:
        if self._seen:
            return
        if isinstance(parsed, self._api.RESPONSE):
            self._seen = True
            self._answered = time.time_ns()
            completion = self._api.read(parsed)
            self._completed(completion)
            if completion.failure is not None:
                self._end(completion.failure)
        elif isinstance(parsed, (Stream, AsyncStream)):
            self._seen = True
            if self._rest is None:
                self._rest = Rest(self, parsed.response)
            self._rest.tap(parsed, self._api.Chunks())

    def _completed(self, completion: Completion) -> None:
        if self._owned:
            if self._rest is not None and self._rest.began is not None:
                completion.attributes[semconv.GEN_AI_TIME_TO_FIRST_CHUNK] = self._rest.began - self._started
            self._span.set_attributes(completion.attributes)
        if self._api is responses and completion.id is not None:
            if completion.pending:
                background.pending(completion.id, self._span, self._options)
            elif not background.done(completion.id) and self._retrieves:
                return
        for answer in completion.answers:
            answer.span, answer.request_model, answer.provider = self._span, self._model, self._provider
            answer.asked = self._asked
            if self._telling is not None:
                self._telling.took_from(answer)
            if self._above is not None:
                self._above.complete(answer)
        self._bring(completion.answers, completion.response)

    def _bring(self, answers: list[Answer], response: Any) -> None:
        """Hand the answers on; what is still to be asked about them comes back."""

        def follow_up(answer: Answer) -> OpenAIFollowUp:
            return OpenAIFollowUp(self._client, self._api, self._options, answer, response)

        if self._above is not None:
            self._above.brought(answers)
            if self._above.put_off(self._observer, answers, HOOK, follow_up):
                return
        self.asks += self._observer.observe(answers, HOOK, follow_up)

    def _unread(self) -> None:
        """An answer that nobody could look at: counted, lest coverage looks better than it is."""
        taken_out = sorted(self._telling.removal.confessions) if self._telling is not None else ()
        if taken_out:
            several = taken_out != [0]
            self._completed(Completion(answers=[Answer(choice=choice if several else None) for choice in taken_out]))
            return
        if self._above is not None:
            self._above.brought(())
        self._observer.recorder.count(semconv.Status.ABSENT, semconv.Absent.UNREAD)

    def _end(self, failure: str | None = None) -> None:
        if self._owned:
            self._owned = False
            try:
                if failure is not None:
                    self._span.set_attribute(semconv.ERROR_TYPE, failure)
                    self._span.set_status(Status(StatusCode.ERROR))
            finally:
                self._span.end(self._answered)

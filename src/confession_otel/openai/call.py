"""One call of the SDK, seen from outside: whose span it is, and what came of it.

It has no colour: the sync and the async door both tell it how their request went.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any, Final

from openai import AsyncStream, Stream
from openai._legacy_response import LegacyAPIResponse
from openai._response import BaseAPIResponse
from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.trace import (
    INVALID_SPAN,
    NonRecordingSpan,
    SpanKind,
    Status,
    StatusCode,
    get_current_span,
    set_span_in_context,
)

from confession_otel import semconv
from confession_otel.answer import Answer, is_inference
from confession_otel.bounded import BoundedTable
from confession_otel.guard import Site
from confession_otel.observation import take
from confession_otel.settings import AnswerSpans
from confession_otel.suppression import is_suppressed

from . import chat, responses
from .collector import outside
from .fields import endpoint_attributes
from .stream import Rest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextvars import Token
    from types import ModuleType

    from openai._models import FinalRequestOptions
    from opentelemetry.trace import Span

    from confession_otel.observation import Observer

    from .completion import Completion
    from .stream import Chunks

HOOK: Final = "openai"

_START: Final = Site("openai.start")
_SEE: Final = Site("openai.see")

_APIS: Final[dict[str, ModuleType]] = {
    "/chat/completions": chat,
    "/responses": responses,
    "/responses?beta=true": responses,
}
"""Path of the request -> how its fields are read."""
_RETRIEVE: Final = "/responses/"

_in_the_background: Final[BoundedTable[str, tuple[Span, str | None]]] = BoundedTable(size=1024, seconds=3600)
"""Ids of responses that the provider still works on -> their answer span, ended by then, and the model asked for."""


def begin(observer: Callable[[], Observer], arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> Call | None:
    """A call to be observed, begun; `None` for one that is not ours: another API, suppressed, switched off.

    Args:
        observer: gives the observer in force.
        arguments: of `request(client, cast_to, options, *, stream, stream_cls)`.
        keywords: of the same.
    """
    options = arguments[2] if len(arguments) > 2 else keywords["options"]  # noqa: PLR2004 - position in `request`
    path: str = options.url
    api, retrieved = None, None
    if options.method == "post":
        api = _APIS.get(path)
    elif options.method == "get" and path.startswith(_RETRIEVE):
        retrieved = _in_the_background.get(path.removeprefix(_RETRIEVE).partition("?")[0])
        api = None if retrieved is None else responses
    # Logfire suppresses other instrumentations below its span: then no span of ours, but the verdict goes onto theirs.
    if api is None or (is_suppressed() and not is_inference(get_current_span())):
        return None
    now = observer()
    if not now.settings.enabled:
        return None
    take()
    call = Call(now, api, arguments[0] if arguments else keywords["self"])
    # What began must end, also where it failed to begin in whole.
    with _START:
        call.start(options, retrieved)
    return call


class Call:
    """What is known of one call while it goes on; each of its ends ends its span."""

    __slots__ = (
        "_api",
        "_endpoint",
        "_model",
        "_observer",
        "_options",
        "_owned",
        "_post_parser",
        "_provider",
        "_rest",
        "_seen",
        "_span",
        "_started",
        "_to_first_chunk",
        "_token",
    )

    def __init__(self, observer: Observer, api: ModuleType, client: Any) -> None:
        self._observer = observer
        self._api = api
        self._endpoint = endpoint_attributes(client)
        self._provider: str = self._endpoint[semconv.GEN_AI_PROVIDER]
        self._options: FinalRequestOptions | None = None
        self._post_parser: Any = None
        self._model: str | None = None
        self._span: Span = INVALID_SPAN
        self._owned = False
        self._token: Token[Context] | None = None
        self._started = 0.0
        self._to_first_chunk: float | None = None
        self._seen = False
        self._rest: Rest | None = None

    def start(self, options: FinalRequestOptions, retrieved: tuple[Span, str | None] | None) -> None:
        """Find the answer span: the live GenAI span of another instrumentation, else one of our own.

        Args:
            options: of the request.
            retrieved: for what was made in the background, its answer span and the model asked for.
        """
        if options.headers or options.post_parser:
            self._listen(options)
        if retrieved is not None:
            self._span, self._model = retrieved
            return
        body: Mapping[str, Any] = options.json_data if isinstance(options.json_data, dict) else {}
        self._model = body.get("model")
        self._span = get_current_span()
        if self._observer.settings.answer_spans is AnswerSpans.NEVER or is_inference(self._span):
            return
        attributes = {**self._endpoint, **self._api.request_attributes(body)}
        if body.get("stream"):
            attributes[semconv.GEN_AI_STREAM] = True
            self._started = time.perf_counter()
        self._span = self._observer.recorder.tracer.start_span(
            f"{semconv.GEN_AI_CHAT} {self._model}" if self._model else semconv.GEN_AI_CHAT,
            kind=SpanKind.CLIENT,
            attributes=attributes,
        )
        self._owned = True
        self._token = otel_context.attach(set_span_in_context(self._span))

    def leave(self) -> None:
        """The request is over, however it went: what it was begun with is as it was."""
        # Whoever made the options may use them again; the SDK works on a copy by now.
        options, self._options = self._options, None
        if options is not None:
            options.post_parser = self._post_parser
        if self._token is not None:
            try:
                self._token.var.reset(self._token)
            except ValueError:
                # A coroutine that is closed in another context than it began in: ours is gone with its own. `detach`
                # would write an error to the log.
                return

    def returned(self, response: Any) -> None:
        """The caller is about to get this; it stays what it is."""
        try:
            if isinstance(response, LegacyAPIResponse):
                if response._stream:  # noqa: SLF001 - no public door
                    self._rest = Rest(self).watch(response.http_response)
                else:
                    # `with_raw_response`: the body is here, and what `parse` makes of it is kept for the caller. Where
                    # the SDK cannot parse it, the caller learns that when he tries.
                    with contextlib.suppress(Exception):
                        response.parse()
            elif isinstance(response, BaseAPIResponse):
                # `with_streaming_response`: read when, how and if the caller likes.
                self._rest = Rest(self).watch(response)
            else:
                self._see(response)
            if self._rest is None and not self._seen:
                self._unread()
        finally:
            if self._rest is None:
                self._end()

    def raised(self, error: BaseException) -> None:
        """The caller is about to get this exception."""
        # A coroutine that was forgotten is ended by the collector.
        outside(lambda: self._end(type(error).__qualname__))

    def first_chunk(self) -> None:
        """A stream began to speak."""
        self._to_first_chunk = time.perf_counter() - self._started

    def ended(self, chunks: Chunks | None, error: BaseException | None, *, exhausted: bool) -> None:
        """What was still to come is over: it is the answer, or the caller did not want the rest, or it broke."""
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
            self._end(failure)

    def _listen(self, options: FinalRequestOptions) -> None:
        # The SDK's own seam: whatever a response is parsed into passes here before the caller has it, and before
        # `parse()` of the two APIs makes more of it or raises.
        self._options = options
        given = self._post_parser = options.post_parser

        def passing(parsed: Any) -> Any:
            with _SEE:
                self._see(parsed)
            return given(parsed) if given else parsed

        options.post_parser = passing

    def _see(self, parsed: Any) -> None:
        if self._seen:
            return
        if isinstance(parsed, self._api.RESPONSE):
            self._seen = True
            completion = self._api.read(parsed)
            self._completed(completion)
            if completion.failure is not None:
                self._end(completion.failure)
        elif isinstance(parsed, (Stream, AsyncStream)):
            self._seen = True
            if self._rest is None:
                self._rest = Rest(self).watch(parsed.response)
            self._rest.tap(parsed, self._api.Chunks())

    def _completed(self, completion: Completion) -> None:
        if self._owned:
            if self._to_first_chunk is not None:
                completion.attributes[semconv.GEN_AI_TIME_TO_FIRST_CHUNK] = self._to_first_chunk
            self._span.set_attributes(completion.attributes)
        if self._api is responses and completion.id is not None:
            if completion.pending:
                _in_the_background.put(completion.id, (NonRecordingSpan(self._span.get_span_context()), self._model))
            else:
                _in_the_background.pop(completion.id)
        for answer in completion.answers:
            answer.span, answer.request_model, answer.provider = self._span, self._model, self._provider
        if not is_suppressed():
            self._observer.observe(completion.answers, HOOK)
            return
        # Logfire's tracer makes no span while it suppresses others; ours stands below its own.
        token = otel_context.attach(set_span_in_context(self._span, Context()))
        try:
            self._observer.observe(completion.answers, HOOK)
        finally:
            otel_context.detach(token)

    def _unread(self) -> None:
        """An answer that nobody could look at: counted, lest coverage looks better than it is."""
        answer = Answer(span=self._span, request_model=self._model, provider=self._provider)
        self._observer.recorder.absent(answer, semconv.Absent.UNREAD)

    def _end(self, failure: str | None = None) -> None:
        if self._owned:
            self._owned = False
            try:
                if failure is not None:
                    self._span.set_attribute(semconv.ERROR_TYPE, failure)
                    self._span.set_status(Status(StatusCode.ERROR))
            finally:
                self._span.end()

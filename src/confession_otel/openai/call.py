"""One call of the SDK, seen from outside: whose span it is, and what came of it.

A context manager without colour: the sync and the async door both hold it around the call. It returns nothing to
either, and what it raises ends in the guard.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from openai import AsyncStream, Stream
from openai._legacy_response import LegacyAPIResponse
from opentelemetry import context as otel_context
from opentelemetry.instrumentation.utils import is_instrumentation_enabled
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
from confession_otel.answer import is_inference
from confession_otel.bounded import BoundedTable
from confession_otel.guard import Site
from confession_otel.settings import AnswerSpans

from . import chat, responses
from .fields import endpoint_attributes
from .stream import Observed, tap, watch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextvars import Token
    from types import ModuleType, TracebackType

    from opentelemetry.context import Context
    from opentelemetry.trace import Span

    from confession_otel.observation import Observer

    from .completion import Completion

HOOK: Final = "openai"

_BEGIN: Final = Site("openai.begin")
_START: Final = Site("openai.start")
_SAW: Final = Site("openai.saw")
_END: Final = Site("openai.end")

_APIS: Final[dict[str, ModuleType]] = {"/chat/completions": chat, "/responses": responses}
"""Path of the request -> how its fields are read."""

_in_the_background: Final[BoundedTable[str, tuple[Span, str | None]]] = BoundedTable(size=1024, seconds=3600)
"""Ids of responses that the provider still works on -> their answer span, ended by then, and the model asked for."""


def begin(
    observer: Callable[[], Observer] | None, arguments: tuple[Any, ...], keywords: Mapping[str, Any]
) -> Call | None:
    """A call to be observed, or `None` for one that is not ours: another API, suppressed, switched off.

    Args:
        observer: gives the observer in force; `None` when there is none.
        arguments: of `request(client, cast_to, options, *, stream, stream_cls)`.
        keywords: of the same.
    """
    if observer is None:
        return None
    with _BEGIN:
        options = arguments[2] if len(arguments) > 2 else keywords["options"]  # noqa: PLR2004 - position in `request`
        path, method = options.url, options.method
        if method == "post":
            api = _APIS.get(path)
            retrieved = None
        elif method == "get" and path.startswith("/responses/"):
            api = responses
            retrieved = _in_the_background.get(path.removeprefix("/responses/"))
            if retrieved is None:
                return None
        else:
            return None
        if api is None or not is_instrumentation_enabled():
            return None
        now = observer()
        if not now.settings.enabled:
            return None
        client = arguments[0] if arguments else keywords["self"]
        return Call(now, api, client, options.json_data or {}, retrieved)
    return None


class Call:
    """Enter before the call, `saw` its response, leave after it, however it ends."""

    __slots__ = ("_api", "_body", "_endpoint", "_model", "_observer", "_owned", "_span", "_started", "_streams", "_token")

    def __init__(
        self,
        observer: Observer,
        api: ModuleType,
        client: Any,
        body: Mapping[str, Any],
        retrieved: tuple[Span, str | None] | None,
    ) -> None:
        self._observer = observer
        self._api = api
        self._endpoint = endpoint_attributes(client)
        self._body = body
        self._span: Span = retrieved[0] if retrieved else INVALID_SPAN
        self._model: str | None = retrieved[1] if retrieved else body.get("model")
        self._owned = False
        self._streams = False
        self._started = 0.0
        self._token: Token[Context] | None = None

    def __enter__(self) -> None:
        """Find the answer span: the live GenAI span of another instrumentation, else one of our own."""
        with _START:
            if self._span is not INVALID_SPAN:
                # What was made in the background has its answer span already.
                return
            self._span = get_current_span()
            if is_inference(self._span) or self._observer.settings.answer_spans is AnswerSpans.NEVER:
                return
            attributes = {**self._endpoint, **self._api.request_attributes(self._body)}
            if self._body.get("stream"):
                attributes[semconv.GEN_AI_STREAM] = True
                self._started = time.perf_counter()
            self._span = self._observer.recorder.tracer.start_span(
                f"{semconv.GEN_AI_CHAT} {self._model}" if self._model else semconv.GEN_AI_CHAT,
                kind=SpanKind.CLIENT,
                attributes=attributes,
            )
            self._owned = True
            self._token = otel_context.attach(set_span_in_context(self._span))

    def saw(self, response: Any) -> None:
        """Look at what the caller is about to get; it stays what it is."""
        with _SAW:
            if isinstance(response, LegacyAPIResponse):
                if response._stream:  # noqa: SLF001 - no public door
                    self._overhear_raw(response)
                    return
                # `with_raw_response`: the body is read already, and what `parse` makes of it is kept for the caller.
                response = response.parse()
            if isinstance(response, self._api.RESPONSE):
                self._completed(self._api.read(response))
            elif isinstance(response, (Stream, AsyncStream)):
                tap(response, self._overhear(response.response))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End what we began, unless a stream goes on; the host's exception goes on its way."""
        with _END:
            if self._token is not None:
                otel_context.detach(self._token)
            if error is not None:
                # `parse` raises where the answer was cut off or filtered, and brings the completion with it.
                completion = getattr(error, "completion", None)
                if isinstance(completion, self._api.RESPONSE):
                    self._completed(self._api.read(completion))
            if not self._streams:
                self._end(error)

    def first_chunk(self) -> None:
        """A stream began to speak."""
        if self._owned:
            self._span.set_attribute(semconv.GEN_AI_TIME_TO_FIRST_CHUNK, time.perf_counter() - self._started)

    def ended(self, completion: Completion, error: BaseException | None, *, complete: bool) -> None:
        """A stream is over: all of it is the answer, or the caller did not want the rest, or it broke."""
        with _END:
            if complete:
                self._completed(completion)
            elif self._owned:
                self._span.set_attributes(completion.attributes())
        self._end(error)

    def _completed(self, completion: Completion) -> None:
        if self._owned:
            self._span.set_attributes(completion.attributes())
        if completion.id is not None and self._api is responses:
            if completion.ended:
                _in_the_background.pop(completion.id)
            else:
                _in_the_background.put(completion.id, (NonRecordingSpan(self._span.get_span_context()), self._model))
        answers = completion.answers(self._span, self._model, self._endpoint[semconv.GEN_AI_PROVIDER])
        self._observer.observe(answers, HOOK)

    def _overhear(self, response: Any) -> Observed:
        observed = Observed(self._api.Chunks(), self)
        watch(response, observed)
        self._streams = True
        return observed

    def _overhear_raw(self, raw: LegacyAPIResponse[Any]) -> None:
        """A raw response makes its stream when the caller asks for it."""
        observed = self._overhear(raw.http_response)
        parse = raw.parse

        def parsing(*arguments: Any, **keywords: Any) -> Any:
            parsed = parse(*arguments, **keywords)
            with _SAW:
                if isinstance(parsed, (Stream, AsyncStream)):
                    tap(parsed, observed)
            return parsed

        raw.parse = parsing  # type: ignore[method-assign]

    def _end(self, error: BaseException | None) -> None:
        with _END:
            if not self._owned:
                return
            if error is not None:
                self._span.set_attribute(semconv.ERROR_TYPE, type(error).__qualname__)
                self._span.set_status(Status(StatusCode.ERROR))
            self._span.end()

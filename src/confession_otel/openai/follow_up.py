"""One request more in the conversation of an answer, through the client that gave it."""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
from typing import TYPE_CHECKING, Any, Final

from openai import APITimeoutError, AsyncOpenAI, DefaultAsyncHttpxClient
from openai._base_client import AsyncHttpxClientWrapper, SyncHttpxClientWrapper

from confession_otel import semconv
from confession_otel.asking.follow_up import NoReply, Reply
from confession_otel.asking.host_loop import run_on
from confession_otel.corroboration import is_cut_off

from .fields import late_role
from .transport import AsyncWithin, Within, of_this_thread

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from openai._models import FinalRequestOptions

    from confession_otel.answer import Answer
    from confession_otel.asking.own_loop import OwnLoop

_NOT_PASSED_ON: Final = frozenset(
    {"x-stainless-raw-response", "x-stainless-helper-method", "____stainless_override_cast_to", "idempotency-key"}
)
"""Headers that belong to the one request they were given for, in small letters."""
_OURS: Final = frozenset(
    {
        "function_call",
        "input",
        "max_completion_tokens",
        "max_output_tokens",
        "max_tokens",
        "messages",
        "model",
        "previous_response_id",
        "store",
        "tool_choice",
    }
)
"""Fields that a follow-up has though the call may not."""

_RESOURCES: Final[dict[str, Callable[[Any], Any]]] = {
    "/chat/completions": lambda client: client.chat.completions,
    "/responses?beta=true": lambda client: client.beta.responses,
}
"""Path of the call -> where the client continues it; of any other path, at its responses."""


class OpenAIFollowUp:
    """How to go on: made for each final answer while `way=ask`."""

    __slots__ = (
        "_api",
        "_body",
        "_client",
        "_continued",
        "_headers",
        "_loop",
        "_named",
        "_query",
        "_response",
        "_url",
        "role",
    )

    def __init__(
        self, client: Any, api: ModuleType, options: FinalRequestOptions, answer: Answer, response: object
    ) -> None:
        """Remember what is needed; nothing is sent.

        Args:
            client: the client of the call.
            api: `chat` or `responses`.
            options: of the call's request.
            answer: what it gave.
            response: the SDK's own object, where there is one whole.
        """
        # All of it is copied: some of it is the caller's own, and we come back to it when he has long gone on.
        named = _copied(options.json_data) if isinstance(options.json_data, dict) else {}
        body = {**named, **_copied(options.extra_json or {})}
        self._client = client
        self._api = api
        self._named = frozenset(named)
        self._url = options.url
        self._headers = _headers(options)
        self._query = dict(options.params)
        self._body = body
        self._response = response
        self._continued: Callable[[str, str, int], dict[str, Any]] = api.continued(body, answer, response)
        self._loop = _running_loop()
        self.role = late_role(client, body)

    def transcript(self) -> str:
        """See `FollowUp`: JSON, as it was sent, and what came before the answer in its response."""
        said = self._api.said(self._body, self._response)
        return json.dumps(said, ensure_ascii=False, indent=1, default=str)

    def begin_anew(self) -> None:
        """Forget what was said: what is asked comes first."""
        self._continued = functools.partial(self._api.alone, self._body)

    def send(self, question: str, *, seconds: float, tokens: int, own_loop: Callable[[], OwnLoop] | None) -> Reply:
        """Ask and wait; see `FollowUp`."""
        kind = type(self._client._client)  # noqa: SLF001 - no public door
        if not isinstance(self._client, AsyncOpenAI):
            # The SDK made the transport itself: one like it is ours, for the caller may close his at any time.
            own = own_loop is not None and kind is SyncHttpxClientWrapper
            return self._send(question, seconds, tokens, of_this_thread() if own else None)
        if own_loop is not None and kind is AsyncHttpxClientWrapper:
            # One like it lives on our loop, whatever becomes of the caller's.
            loop = own_loop()
            transport = loop.kept(DefaultAsyncHttpxClient, DefaultAsyncHttpxClient, seconds)
            return loop.run(lambda: self._asend(question, seconds, tokens, transport), seconds)
        if self._loop is None:
            message = "an HTTP client of the caller's own, and no event loop to use it on"
            raise RuntimeError(message)
        # A transport of the caller's own: its connections are bound to the loop that it lives on.
        return run_on(self._loop, lambda: self._asend(question, seconds, tokens), seconds)

    async def asend(self, question: str, *, seconds: float, tokens: int) -> Reply:
        """Ask from the loop of the call; see `FollowUp`."""
        try:
            return await asyncio.wait_for(self._asend(question, seconds, tokens), seconds)
        except asyncio.TimeoutError as error:
            # Up to Python 3.10 not the one that everybody catches.
            raise TimeoutError from error

    def _send(self, question: str, seconds: float, tokens: int, transport: Any) -> Reply:
        client = self._client.with_options(timeout=seconds, max_retries=0, http_client=transport)
        client._client = Within(client._client, seconds)  # noqa: SLF001 - the copy is ours alone
        try:
            return self._reply(self._create(client, question, tokens))
        except APITimeoutError as error:
            raise TimeoutError from error

    async def _asend(self, question: str, seconds: float, tokens: int, transport: Any = None) -> Reply:
        client = self._client.with_options(timeout=seconds, max_retries=0, http_client=transport)
        client._client = AsyncWithin(client._client, seconds)  # noqa: SLF001 - as above
        try:
            return self._reply(await self._create(client, question, tokens))
        except APITimeoutError as error:
            raise TimeoutError from error

    def _create(self, client: Any, question: str, tokens: int) -> Any:
        resource = _RESOURCES.get(self._url, lambda client: client.responses)(client)
        body = self._continued(question, self.role, tokens)
        # A wrapper of somebody's that does not say what it takes passes on what the caller named.
        known = _parameters(type(resource).create) or self._named | _OURS
        return resource.create(
            **{name: value for name, value in body.items() if name in known},
            extra_body={name: value for name, value in body.items() if name not in known} or None,
            extra_headers=self._headers,
            extra_query=self._query or None,
        )

    def _reply(self, response: Any) -> Reply:
        if not isinstance(response, self._api.RESPONSE):
            # The SDK hands on what is no JSON as it is.
            raise NoReply(type(response).__qualname__)
        completion = self._api.read(response)
        if not completion.answers:
            raise NoReply(completion.failure)
        usage = completion.attributes
        answer = completion.answers[0]
        return Reply(
            text=answer.text or str(answer.evidence.refusal or ""),
            truncated=is_cut_off(answer.evidence),
            response_id=completion.id,
            input_tokens=usage.get(semconv.GEN_AI_INPUT_TOKENS, 0),
            cached_tokens=usage.get(semconv.GEN_AI_CACHE_READ_TOKENS, 0),
            output_tokens=usage.get(semconv.GEN_AI_OUTPUT_TOKENS, 0),
        )


def _headers(options: FinalRequestOptions) -> dict[str, Any] | None:
    return {
        name: value for name, value in (options.headers or {}).items() if name.lower() not in _NOT_PASSED_ON
    } or None


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(one) for key, one in value.items()}
    return [_copied(one) for one in value] if isinstance(value, list) else value


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        # A sync client; one that runs on no event loop of asyncio; a stream that was collected when its loop had ended.
        return None


@functools.lru_cache(maxsize=16)
def _parameters(create: Callable[..., Any]) -> frozenset[str]:
    """What it takes by name; nothing where it takes anything."""
    parameters = inspect.signature(create).parameters
    if any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
        return frozenset()
    return frozenset(parameters)

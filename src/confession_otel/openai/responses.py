"""How a response is read: `POST /responses`, and `GET /responses/{id}` for one that was made in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from openai.types.responses import Response

try:
    from openai.types.beta import BetaResponse
except ImportError:
    # Older SDKs have no such thing.
    BetaResponse = Response  # type: ignore[misc,assignment]

from confession_otel import semconv

from .completion import Completion, answer, attributes, tokens
from .fields import Fields, pick

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openai.types.responses import ResponseUsage

RESPONSE: Final = (Response, BetaResponse)
"""The types of a response that is not streamed; they have the same fields."""

_REQUEST: Final[Fields] = {
    "model": (semconv.GEN_AI_REQUEST_MODEL, str),
    "temperature": (semconv.GEN_AI_TEMPERATURE, (int, float)),
    "top_p": (semconv.GEN_AI_TOP_P, (int, float)),
    "max_output_tokens": (semconv.GEN_AI_MAX_TOKENS, int),
}
_OUTPUT_TYPE: Final = {"json_object": "json", "json_schema": "json", "text": "text"}
_FOR_THE_CALLER: Final = frozenset(
    {
        "function_call",
        "custom_tool_call",
        "computer_call",
        "local_shell_call",
        "shell_call",
        "apply_patch_call",
        "mcp_approval_request",
    }
)
"""Output items that wait for the caller: a response with one of them is a tool turn."""
_FINISHED: Final = frozenset({"completed", "incomplete"})
_PENDING: Final = frozenset({"queued", "in_progress"})
_WITH_RESPONSE: Final = frozenset(
    {"response.queued", "response.created", "response.completed", "response.incomplete", "response.failed"}
)
"""Events that bring the response as it is by then."""

_LAST: Final = frozenset({"response.completed", "response.incomplete", "response.failed"})
"""Events after which none comes."""


def request_attributes(body: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of an answer span that are known before the call."""
    known = pick(body, _REQUEST)
    conversation = body.get("conversation")
    conversation_id = conversation.get("id") if isinstance(conversation, dict) else conversation
    if isinstance(conversation_id, str):
        known[semconv.GEN_AI_CONVERSATION_ID] = conversation_id
    text = body.get("text")
    text_format = text.get("format") if isinstance(text, dict) else None
    if isinstance(text_format, dict) and text_format.get("type") in _OUTPUT_TYPE:
        known[semconv.GEN_AI_OUTPUT_TYPE] = _OUTPUT_TYPE[text_format["type"]]
    return known


def read(response: Response) -> Completion:
    """Read a whole response: the text of its messages, without commentary on the way."""
    texts: list[str] = []
    refusals: list[str] = []
    tool_turn = False
    for item in response.output or ():
        if item.type in _FOR_THE_CALLER:
            tool_turn = True
        elif item.type == "message" and getattr(item, "phase", None) != "commentary":
            for part in item.content:
                if part.type == "output_text":
                    texts.append(part.text)
                elif part.type == "refusal":
                    refusals.append(part.refusal)
    status, response_id = response.status, response.id
    one = answer(
        "".join(texts),
        _finish_reason(response),
        "".join(refusals) or None,
        response_id=response_id,
        tool_turn=tool_turn,
    )
    one.conversation_id = getattr(getattr(response, "conversation", None), "id", None)
    answers = [one] if status in _FINISHED else []
    return Completion(
        response_id,
        answers,
        attributes(response_id, response.model, [one], _tokens(response.usage)),
        pending=status in _PENDING,
        failure=_failure(response),
    )


class Chunks:
    """Reads a response that comes as events; the last of them holds it whole."""

    __slots__ = ("_failure", "_response", "whole")

    def __init__(self) -> None:
        self._response: Any = None
        self._failure: str | None = None
        self.whole = False

    def add(self, event: Any) -> None:
        """Take the next event."""
        kind = event.type
        if kind in _WITH_RESPONSE:
            self._response = event.response
            self.whole = kind in _LAST
        elif kind == "error":
            self._failure = event.code or kind

    def read(self, *, exhausted: bool) -> Completion:  # noqa: ARG002 - what is unfinished says so itself
        """What has come."""
        completion = Completion()
        if self._response is not None:
            completion = read(self._response)
            # What is made for this stream alone ends with it.
            completion.pending = completion.pending and bool(self._response.background)
        completion.failure = completion.failure or self._failure
        return completion


def _tokens(usage: ResponseUsage | None) -> dict[str, int]:
    if usage is None:
        return {}
    return tokens(usage.input_tokens, usage.input_tokens_details, usage.output_tokens, usage.output_tokens_details)


def _failure(response: Response) -> str | None:
    if response.status != "failed":
        return None
    return (response.error.code if response.error is not None else None) or response.status


def _finish_reason(response: Response) -> str | None:
    incomplete = response.incomplete_details
    if incomplete is not None and incomplete.reason:
        return str(incomplete.reason)
    return "stop" if response.status == "completed" else response.status

"""How a response is read: `POST /responses`, and `GET /responses/{id}` for one that was made in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from openai.types.responses import Response

from confession_otel import semconv

from .completion import Choice, Completion, tokens
from .fields import Fields, pick

if TYPE_CHECKING:
    from collections.abc import Mapping

RESPONSE: Final = Response
"""The type of a response that is not streamed."""

_REQUEST: Final[Fields] = {
    "model": (semconv.GEN_AI_REQUEST_MODEL, str),
    "temperature": (semconv.GEN_AI_TEMPERATURE, (int, float)),
    "top_p": (semconv.GEN_AI_TOP_P, (int, float)),
    "max_output_tokens": (semconv.GEN_AI_MAX_TOKENS, int),
}
_USAGE: Final = {
    semconv.GEN_AI_INPUT_TOKENS: ("input_tokens",),
    semconv.GEN_AI_OUTPUT_TOKENS: ("output_tokens",),
    semconv.GEN_AI_CACHE_READ_TOKENS: ("input_tokens_details", "cached_tokens"),
    semconv.GEN_AI_REASONING_TOKENS: ("output_tokens_details", "reasoning_tokens"),
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
_ENDED: Final = frozenset({"completed", "incomplete"})
_LAST_EVENTS: Final = frozenset({"response.completed", "response.incomplete", "response.failed"})


def request_attributes(body: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of an answer span that are known before the call."""
    attributes = pick(body, _REQUEST)
    conversation = body.get("conversation")
    conversation_id = conversation.get("id") if isinstance(conversation, dict) else conversation
    if isinstance(conversation_id, str):
        attributes[semconv.GEN_AI_CONVERSATION_ID] = conversation_id
    text = body.get("text")
    text_format = text.get("format") if isinstance(text, dict) else None
    if isinstance(text_format, dict) and text_format.get("type") in _OUTPUT_TYPE:
        attributes[semconv.GEN_AI_OUTPUT_TYPE] = _OUTPUT_TYPE[text_format["type"]]
    return attributes


def read(response: Response) -> Completion:
    """Read a whole response: the text of its messages, without commentary on the way."""
    texts: list[str] = []
    refusals: list[str] = []
    tool_turn = False
    for item in response.output:
        if item.type in _FOR_THE_CALLER:
            tool_turn = True
        elif item.type == "message" and getattr(item, "phase", None) != "commentary":
            for part in item.content:
                if part.type == "output_text":
                    texts.append(part.text)
                elif part.type == "refusal":
                    refusals.append(part.refusal)
    conversation = getattr(response, "conversation", None)
    return Completion(
        id=response.id,
        model=response.model,
        choices=[
            Choice(
                text="".join(texts),
                finish_reason=_finish_reason(response),
                refusal="".join(refusals) or None,
                tool_turn=tool_turn,
            )
        ],
        ended=response.status in _ENDED,
        conversation_id=getattr(conversation, "id", None),
        usage=tokens(response.usage, _USAGE),
    )


class Chunks:
    """Reads a response that comes as events; the last of them holds it whole."""

    __slots__ = ("_created", "_response")

    def __init__(self) -> None:
        self._created: Any = None
        self._response: Any = None

    @property
    def complete(self) -> bool:
        """Has the last event come?"""
        return self._response is not None

    def add(self, event: Any) -> None:
        """Take the next event."""
        kind = event.type
        if kind in _LAST_EVENTS:
            self._response = event.response
        elif kind == "response.created":
            self._created = event.response

    def read(self) -> Completion:
        """What has come so far."""
        if self._response is not None:
            return read(self._response)
        created = self._created
        return Completion() if created is None else Completion(id=created.id, model=created.model, ended=False)


def _finish_reason(response: Response) -> str | None:
    incomplete = response.incomplete_details
    if incomplete is not None and incomplete.reason:
        return str(incomplete.reason)
    return "stop" if response.status == "completed" else response.status

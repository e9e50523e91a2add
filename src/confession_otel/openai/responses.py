"""How a response is read: `POST /responses`, and `GET /responses/{id}` for one that was made in the background."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

from openai.types.responses import Response

try:
    from openai.types.beta import BetaResponse
except ImportError:
    # Older SDKs have no such thing.
    BetaResponse = Response  # type: ignore[misc,assignment]

from confession_otel import semconv
from confession_otel.corroboration import Asked

from .completion import Completion, answer, attributes, tokens
from .fields import Fields, asked_text, is_continued, pick, schema_of, with_message

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from confession_otel.answer import Answer

NAME: Final = "responses"
RESPONSE: Final = (Response, BetaResponse)
"""The types of a response that is not streamed; they have the same fields."""

_REQUEST: Final[Fields] = {
    "model": (semconv.GEN_AI_REQUEST_MODEL, str),
    "temperature": (semconv.GEN_AI_TEMPERATURE, (int, float)),
    "top_p": (semconv.GEN_AI_TOP_P, (int, float)),
    "max_output_tokens": (semconv.GEN_AI_MAX_TOKENS, int),
}
_OUTPUT_TYPE: Final = {"json_object": "json", "json_schema": "json", "text": "text"}
_USAGE: Final = ("input_tokens", "input_tokens_details", "output_tokens", "output_tokens_details")
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


def asked(body: Mapping[str, Any]) -> Callable[[], Asked]:
    """How to learn what a request says of the answer that it wants; as in `chat`."""
    given = body.get("input")
    if isinstance(given, list):
        given = tuple(given)
    return functools.partial(_asked, given, body.get("instructions"), body.get("text"))


def _asked(given: object, instructions: object, text: object) -> Asked:
    messages = given if isinstance(given, tuple) else ({"role": "user", "content": given},)
    return Asked(asked_text(messages, instructions), schema_of(text.get("format") if isinstance(text, dict) else None))


def read(response: Response) -> Completion:
    """Read a whole response: the text of its messages, without commentary on the way."""
    texts: list[str] = []
    refusals: list[str] = []
    tool_turn = commentary = answered = False
    for item in response.output or ():
        if item.type in _FOR_THE_CALLER:
            tool_turn = True
        elif item.type == "message" and getattr(item, "phase", None) == "commentary":
            commentary = True
        elif item.type == "message":
            answered = True
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
        tool_turn=tool_turn or (commentary and not answered),
    )
    one.conversation_id = getattr(getattr(response, "conversation", None), "id", None)
    answers = [one] if status in _FINISHED else []
    return Completion(
        response_id,
        answers,
        attributes(response_id, response.model, [one], tokens(response.usage, _USAGE)),
        pending=status in _PENDING,
        response=response,
        failure=_failure(response),
    )


_OF_ONE_REQUEST: Final = frozenset(
    {
        "background",
        "conversation",
        "include",
        "max_output_tokens",
        "metadata",
        "previous_response_id",
        "prompt",
        "store",
        "stream",
        "stream_options",
        "top_logprobs",
    }
)
"""Fields that a follow-up does not repeat. All others stay as they are, so that the provider's prompt cache holds."""


def continued(body: Mapping[str, Any], _: Answer, response: Response) -> Callable[[str, str, int], dict[str, Any]]:
    """How the conversation goes on after this response; arguments and result as in `chat`.

    A response that the provider stores is continued by its id, any other by sending all of it again. The follow-up
    itself is never stored.
    """
    kept = {name: value for name, value in body.items() if name not in _OF_ONE_REQUEST}
    kept.setdefault("model", response.model)
    before = kept.pop("input", None) or []
    if body.get("store") is False:
        for name in ("previous_response_id", "prompt"):
            if name in body:
                kept[name] = body[name]
        items = [{"role": "user", "content": before}] if isinstance(before, str) else list(before)
        items += [
            item.to_dict(mode="json")
            for item in response.output
            # Nothing is known of it at the provider's, and its thoughts did not come along.
            if item.type != "reasoning" or item.encrypted_content
        ]
    else:
        kept["previous_response_id"] = response.id
        items = []

    def request(question: str, role: str, tokens: int) -> dict[str, Any]:
        asked = {"role": role, "content": question}
        fields = {**kept, "input": [*items, asked], "store": False, "max_output_tokens": tokens}
        if fields.get("tools"):
            fields["tool_choice"] = "none"
        wanted = fields.get("text")
        # A schema of the caller's would not let the model report.
        if isinstance(wanted, dict) and (wanted.get("format") or {}).get("type") == "json_schema":
            fields["text"] = {name: value for name, value in wanted.items() if name != "format"}
        return fields

    return request


def said(body: Mapping[str, Any], response: Response | None) -> list[Any]:
    """What was said before the answer: instructions, input, and of the response all but the answer itself."""
    items: list[Any] = [{"role": "system", "content": body["instructions"]}] if body.get("instructions") else []
    before = body.get("input") or []
    items += [{"role": "user", "content": before}] if isinstance(before, str) else before
    if response is not None:
        items += [item.to_dict(mode="json") for item in response.output if item.type != "message"]
    return items


def told(body: Mapping[str, Any], instruction: str, role: str) -> dict[str, Any] | None:
    """A request whose answer will end in a confession; as in `chat`."""
    text = body.get("text")
    wanted = text.get("format") if isinstance(text, dict) else None
    structured = isinstance(wanted, dict) and wanted.get("type", "text") != "text"
    silent = (body.get("tool_choice") or "auto") not in ("auto", "none")
    # One that is made in the background may be retrieved anywhere, by whom nobody told what to take out.
    silent = silent or bool(body.get("background"))
    given = body.get("input") or []
    if structured or silent or not isinstance(given, (str, list, tuple)):
        return None
    messages = [{"role": "user", "content": given}] if isinstance(given, str) else given
    if is_continued(messages, role):
        return None
    return {**body, "input": with_message(messages, role, instruction, "input_text")}


class Chunks:
    """Reads a response that comes as events; the last of them holds it whole."""

    __slots__ = ("_failure", "_response")

    def __init__(self) -> None:
        self._response: Any = None
        self._failure: str | None = None

    def add(self, event: Any) -> bool:
        """Take the next event; true of the one that holds the response as it will stay."""
        kind = event.type
        if kind in _WITH_RESPONSE:
            self._response = event.response
            return kind in _LAST
        if kind == "error":
            self._failure = event.code or kind
        return False

    def read(self, *, exhausted: bool) -> Completion:  # noqa: ARG002 - what is unfinished says so itself
        """What has come."""
        completion = Completion()
        if self._response is not None:
            completion = read(self._response)
            # What is made for this stream alone ends with it.
            completion.pending = completion.pending and bool(self._response.background)
        completion.failure = completion.failure or self._failure
        return completion


def _failure(response: Response) -> str | None:
    if response.status != "failed":
        return None
    return (response.error.code if response.error is not None else None) or response.status


def _finish_reason(response: Response) -> str | None:
    incomplete = response.incomplete_details
    if incomplete is not None and incomplete.reason:
        return str(incomplete.reason)
    return "stop" if response.status == "completed" else response.status

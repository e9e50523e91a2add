"""How a chat completion is read: `POST /chat/completions`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from openai.types.chat import ChatCompletion

from confession_otel import semconv

from .completion import Choice, Completion, tokens
from .fields import Fields, pick

if TYPE_CHECKING:
    from collections.abc import Mapping

RESPONSE: Final = ChatCompletion
"""The type of a response that is not streamed."""

_REQUEST: Final[Fields] = {
    "model": (semconv.GEN_AI_REQUEST_MODEL, str),
    "temperature": (semconv.GEN_AI_TEMPERATURE, (int, float)),
    "top_p": (semconv.GEN_AI_TOP_P, (int, float)),
    "max_tokens": (semconv.GEN_AI_MAX_TOKENS, int),
    "max_completion_tokens": (semconv.GEN_AI_MAX_TOKENS, int),
    "frequency_penalty": (semconv.GEN_AI_FREQUENCY_PENALTY, (int, float)),
    "presence_penalty": (semconv.GEN_AI_PRESENCE_PENALTY, (int, float)),
    "seed": (semconv.GEN_AI_SEED, int),
}
_USAGE: Final = {
    semconv.GEN_AI_INPUT_TOKENS: ("prompt_tokens",),
    semconv.GEN_AI_OUTPUT_TOKENS: ("completion_tokens",),
    semconv.GEN_AI_CACHE_READ_TOKENS: ("prompt_tokens_details", "cached_tokens"),
    semconv.GEN_AI_REASONING_TOKENS: ("completion_tokens_details", "reasoning_tokens"),
}
_OUTPUT_TYPE: Final = {"json_object": "json", "json_schema": "json", "text": "text"}
_TOOL_TURN: Final = frozenset({"tool_calls", "function_call"})


def request_attributes(body: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of an answer span that are known before the call."""
    attributes = pick(body, _REQUEST)
    choices = body.get("n")
    if isinstance(choices, int) and choices != 1:
        attributes[semconv.GEN_AI_CHOICE_COUNT] = choices
    stop = body.get("stop")
    if stop:
        attributes[semconv.GEN_AI_STOP_SEQUENCES] = [stop] if isinstance(stop, str) else list(stop)
    response_format = body.get("response_format")
    if isinstance(response_format, dict) and response_format.get("type") in _OUTPUT_TYPE:
        attributes[semconv.GEN_AI_OUTPUT_TYPE] = _OUTPUT_TYPE[response_format["type"]]
    return attributes


def read(response: ChatCompletion) -> Completion:
    """Read a whole completion."""
    return Completion(
        id=response.id,
        model=response.model,
        choices=[
            Choice(
                index=choice.index,
                text=choice.message.content or "",
                finish_reason=choice.finish_reason,
                refusal=choice.message.refusal,
                tool_turn=bool(choice.message.tool_calls) or choice.finish_reason in _TOOL_TURN,
            )
            for choice in response.choices
        ],
        usage=tokens(response.usage, _USAGE),
    )


class Chunks:
    """Reads a completion that comes in chunks."""

    __slots__ = ("_completion", "_pieces", "_refusals")

    def __init__(self) -> None:
        self._completion = Completion()
        self._pieces: dict[int, list[str]] = {}
        self._refusals: dict[int, list[str]] = {}

    @property
    def complete(self) -> bool:
        """Has every choice said why it stopped?"""
        choices = self._completion.choices
        return bool(choices) and all(choice.finish_reason for choice in choices)

    def add(self, chunk: Any) -> None:
        """Take the next chunk."""
        completion = self._completion
        if completion.id is None:
            completion.id, completion.model = chunk.id or None, chunk.model
        if chunk.usage is not None:
            completion.usage = tokens(chunk.usage, _USAGE)
        for part in chunk.choices:
            index, delta = part.index, part.delta
            pieces = self._pieces.get(index)
            if pieces is None:
                pieces = self._pieces[index] = []
                completion.choices.append(Choice(index))
            if delta is not None:
                if delta.content:
                    pieces.append(delta.content)
                if delta.refusal:
                    self._refusals.setdefault(index, []).append(delta.refusal)
                if delta.tool_calls:
                    self._choice(index).tool_turn = True
            if part.finish_reason:
                choice = self._choice(index)
                choice.finish_reason = part.finish_reason
                choice.tool_turn = choice.tool_turn or part.finish_reason in _TOOL_TURN

    def read(self) -> Completion:
        """What has come so far."""
        for choice in self._completion.choices:
            choice.text = "".join(self._pieces[choice.index])
            choice.refusal = "".join(self._refusals.get(choice.index, ())) or None
        return self._completion

    def _choice(self, index: int) -> Choice:
        return next(choice for choice in self._completion.choices if choice.index == index)

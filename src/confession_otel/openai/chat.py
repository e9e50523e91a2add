"""How a chat completion is read: `POST /chat/completions`."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

from openai.types.chat import ChatCompletion

from confession_otel import semconv
from confession_otel.corroboration import Asked
from confession_otel.privacy import well_formed

from .completion import Completion, answer, attributes, tokens
from .fields import Fields, asked_text, is_continued, pick, schema_of, with_message

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from confession_otel.answer import Answer

NAME: Final = "chat"
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
_OUTPUT_TYPE: Final = {"json_object": "json", "json_schema": "json", "text": "text"}
_USAGE: Final = ("prompt_tokens", "prompt_tokens_details", "completion_tokens", "completion_tokens_details")
_TOOL_TURN: Final = frozenset({"tool_calls", "function_call"})


def request_attributes(body: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of an answer span that are known before the call."""
    known = pick(body, _REQUEST)
    choices = body.get("n")
    if isinstance(choices, int) and choices != 1:
        known[semconv.GEN_AI_CHOICE_COUNT] = choices
    stop = body.get("stop")
    if stop:
        texts = [stop] if isinstance(stop, str) else stop
        known[semconv.GEN_AI_STOP_SEQUENCES] = [well_formed(text) for text in texts if isinstance(text, str)]
    response_format = body.get("response_format")
    if isinstance(response_format, dict) and response_format.get("type") in _OUTPUT_TYPE:
        known[semconv.GEN_AI_OUTPUT_TYPE] = _OUTPUT_TYPE[response_format["type"]]
    return known


def asked(body: Mapping[str, Any]) -> Callable[[], Asked]:
    """How to learn what a request says of the answer that it wants; nothing is read yet.

    Args:
        body: of the request. The caller may add to its messages before anybody asks: those of now count.
    """
    messages = body.get("messages")
    return functools.partial(_asked, tuple(messages) if isinstance(messages, list) else (), body.get("response_format"))


def _asked(messages: tuple[Any, ...], wanted: object) -> Asked:
    return Asked(asked_text(messages), schema_of(wanted))


def read(response: ChatCompletion) -> Completion:
    """Read a whole completion."""
    response_id = response.id
    answers = []
    for choice in response.choices or ():
        message, reason = choice.message, choice.finish_reason
        content = message.content
        answers.append(
            answer(
                _text(content) if content is None or content.__class__ is not str else content,
                reason,
                message.refusal,
                response_id=response_id,
                tool_turn=bool(message.tool_calls) or reason in _TOOL_TURN,
            )
        )
    if len(answers) > 1:
        for one, choice in zip(answers, response.choices, strict=True):
            one.choice = choice.index
    return Completion(
        response_id, answers, attributes(response_id, response.model, answers, tokens(response.usage, _USAGE))
    )


_OF_ONE_REQUEST: Final = frozenset(
    {
        "audio",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "metadata",
        "n",
        "prediction",
        "stop",
        "store",
        "stream",
        "stream_options",
        "top_logprobs",
        "web_search_options",
    }
)
"""Fields that a follow-up does not repeat. All others stay as they are, so that the provider's prompt cache holds."""


def continued(body: Mapping[str, Any], given: Answer, _: object) -> Callable[[str, str, int], dict[str, Any]]:
    """How the conversation goes on after this answer.

    Args:
        body: of the request that it answers; what the caller does with it afterwards changes nothing here.
        given: the answer.
        _: the SDK's own object, which `responses` needs.

    Returns:
        From the question, its role and the most tokens of the reply to the fields of a request.
    """
    said: dict[str, Any] = {"role": "assistant", "content": given.text}
    if given.evidence.refusal:
        said = {"role": "assistant", "content": given.text or None, "refusal": given.evidence.refusal}
    kept = {name: value for name, value in body.items() if name not in _OF_ONE_REQUEST}
    messages = [*kept.pop("messages", ()), said]

    def request(question: str, role: str, tokens: int) -> dict[str, Any]:
        # The newer name where it was used already or OpenAI itself is asked; others may know the older one only.
        newer = "max_completion_tokens" in body or ("max_tokens" not in body and role != "user")
        limit = "max_completion_tokens" if newer else "max_tokens"
        fields = {**kept, "messages": [*messages, {"role": role, "content": question}], limit: tokens}
        if fields.get("tools"):
            fields["tool_choice"] = "none"
        if fields.get("functions"):
            fields["function_call"] = "none"
        if "modalities" in fields:
            fields["modalities"] = ["text"]
        # A schema of the caller's would not let the model report.
        if isinstance(wanted := fields.get("response_format"), dict) and wanted.get("type") == "json_schema":
            del fields["response_format"]
        return fields

    return request


def alone(body: Mapping[str, Any], question: str, role: str, tokens: int) -> dict[str, Any]:
    """The fields of a request in which nothing else is said.

    Args:
        body: with the model.
        question: the user's only message.
        role: in whose name a late question would stand; OpenAI itself, which takes it in the system's, knows the newer
            name of the limit.
        tokens: of the reply at most.
    """
    limit = "max_tokens" if role == "user" else "max_completion_tokens"
    return {"model": body.get("model"), "messages": [{"role": "user", "content": question}], limit: tokens}


def said(body: Mapping[str, Any], _: object) -> list[Any]:
    """What was said before the answer."""
    return [message.to_dict() if hasattr(message, "to_dict") else message for message in body.get("messages") or ()]


def told(body: Mapping[str, Any], instruction: str, role: str) -> dict[str, Any] | None:
    """A request whose answer will end in a confession; `None` for one whose answer has no room for it.

    Args:
        body: of the request, which stays as it is.
        instruction: that asks for it.
        role: in whose name.
    """
    wanted = body.get("response_format")
    structured = isinstance(wanted, dict) and wanted.get("type", "text") != "text"
    # `functions` are what `tools` were before; some servers know no others.
    called = [body.get(name) or "auto" for name in ("tool_choice", "function_call")]
    silent = any(choice not in ("auto", "none") for choice in called) or "audio" in (body.get("modalities") or ())
    messages = body.get("messages")
    if structured or silent or not isinstance(messages, (list, tuple)) or is_continued(messages, role):
        return None
    return {**body, "messages": with_message(messages, role, instruction, "text")}


class _Choice:
    """What has come of one choice."""

    __slots__ = ("finish_reason", "pieces", "refusals", "tool_turn")

    def __init__(self) -> None:
        self.finish_reason: str | None = None
        self.pieces: list[str] = []
        self.refusals: list[str] = []
        self.tool_turn = False


class Chunks:
    """Reads a completion that comes in chunks."""

    __slots__ = ("_choices", "_id", "_model", "_usage")

    def __init__(self) -> None:
        self._id: str | None = None
        self._model: str | None = None
        self._usage: Any = None
        self._choices: dict[int, _Choice] = {}

    def add(self, chunk: Any) -> bool:
        """Take the next chunk; none is known to be the last, for the usage may come after the last choice."""
        if self._id is None:
            self._id, self._model = chunk.id or None, chunk.model
        if chunk.usage is not None:
            self._usage = chunk.usage
        for part in chunk.choices or ():
            choice = self._choices.get(part.index)
            if choice is None:
                choice = self._choices[part.index] = _Choice()
            delta = part.delta
            if delta is not None:
                content = delta.content
                if content:
                    choice.pieces.append(content if content.__class__ is str else _text(content))
                if delta.refusal:
                    choice.refusals.append(delta.refusal)
                if delta.tool_calls:
                    choice.tool_turn = True
            if part.finish_reason:
                choice.finish_reason = part.finish_reason
        return False

    def read(self, *, exhausted: bool) -> Completion:
        """What has come; a choice that has not said why it stopped is unfinished, unless nothing more would come."""
        several = len(self._choices) > 1
        answers: list[Answer] = []
        for index, choice in self._choices.items():
            reason = choice.finish_reason
            if exhausted or reason is not None:
                one = answer(
                    "".join(choice.pieces),
                    reason,
                    "".join(choice.refusals) or None,
                    response_id=self._id,
                    tool_turn=choice.tool_turn or reason in _TOOL_TURN,
                )
                one.choice = index if several else None
                answers.append(one)
        return Completion(self._id, answers, attributes(self._id, self._model, answers, tokens(self._usage, _USAGE)))


def _text(content: Any) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    # Some who speak this API give parts, of which some are thoughts.
    return "".join(part.get("text", "") for part in content if isinstance(part, dict) and part.get("type") == "text")

"""Where a client of the SDK sends to, and small readers that the two APIs share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias
from weakref import WeakKeyDictionary

from confession_otel import semconv
from confession_otel.asking import question
from confession_otel.corroboration import PART
from confession_otel.privacy import well_formed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PROVIDER_BY_HOST: Final = (
    ("openai.azure.com", "azure.ai.openai"),
    ("cognitiveservices.azure.com", "azure.ai.openai"),
    ("services.ai.azure.com", "azure.ai.inference"),
    ("api.anthropic.com", "anthropic"),
    ("api.deepseek.com", "deepseek"),
    ("api.groq.com", "groq"),
    ("api.mistral.ai", "mistral_ai"),
    ("api.perplexity.ai", "perplexity"),
    ("api.x.ai", "x_ai"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
    ("amazonaws.com", "aws.bedrock"),
)
"""Hosts that speak this API, and their well-known value of `gen_ai.provider.name`; any other is `openai`."""

Fields: TypeAlias = "dict[str, tuple[str, type | tuple[type, ...]]]"
"""Field of a request -> the attribute it becomes, and the types its value may have."""

_DEFAULT_PORT: Final = {"https": 443, "http": 80}

_endpoints: WeakKeyDictionary[Any, tuple[Any, dict[str, Any]]] = WeakKeyDictionary()


def endpoint_attributes(client: Any) -> dict[str, Any]:
    """What of an answer span's attributes is the same for all calls of a client; not to be changed.

    Args:
        client: of the SDK.

    Returns:
        `gen_ai.operation.name`, `gen_ai.provider.name`, `server.address` and `server.port`.
    """
    known = _endpoints.get(client)
    # A client's base URL can be set anew at any time, which makes a new object of it. The public property takes longer
    # than all else here.
    inner = client._base_url  # noqa: SLF001
    if known is None or known[0] is not inner:
        url = client.base_url
        attributes = {
            semconv.GEN_AI_OPERATION: semconv.GEN_AI_CHAT,
            semconv.GEN_AI_PROVIDER: next(
                (name for suffix, name in _PROVIDER_BY_HOST if url.host.endswith(suffix)), "openai"
            ),
            semconv.SERVER_ADDRESS: url.host,
            semconv.SERVER_PORT: url.port or _DEFAULT_PORT.get(url.scheme, 443),
        }
        known = _endpoints[client] = (inner, attributes)
    return known[1]


def pick(body: Mapping[str, Any], wanted: Fields) -> dict[str, Any]:
    """Span attributes from the fields of a request: of those present, the ones of the type the attribute takes."""
    attributes: dict[str, Any] = {}
    for name, value in body.items():
        if name in wanted:
            key, kind = wanted[name]
            if isinstance(value, kind) and not isinstance(value, bool):
                attributes[key] = well_formed(value) if isinstance(value, str) and not value.isascii() else value
    return attributes


_INSTRUCTING: Final = frozenset({"system", "developer"})
_TEXT_PARTS: Final = frozenset({"text", "input_text"})


def asked_text(messages: Sequence[Any], instructions: object = None) -> str:
    """What was asked, as `Evidence.request_text`: all instructions, and the last message of the user's.

    Args:
        messages: of the request.
        instructions: those beside the messages.
    """
    told = [instructions] if isinstance(instructions, str) else []
    last = ""
    for message in messages:
        role = message.get("role") if isinstance(message, dict) else None
        if role == "user":
            last = _text_of(message.get("content"))
        elif role in _INSTRUCTING:
            told.append(_text_of(message.get("content")))
    return PART.join([*told, last])


def schema_of(wanted: object) -> Mapping[str, Any] | None:
    """The JSON schema that a response format stands for.

    Args:
        wanted: of chat completions with the schema below `json_schema`, of responses with it beside the type.
    """
    if not isinstance(wanted, dict):
        return None
    if wanted.get("type") == "json_object":
        return {"type": "object"}
    if wanted.get("type") != "json_schema":
        return None
    within = wanted.get("json_schema")
    schema = (within if isinstance(within, dict) else wanted).get("schema")
    return schema if isinstance(schema, dict) else None


def _text_of(content: object) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, (list, tuple)):
        return ""
    texts = (part.get("text") for part in content if isinstance(part, dict) and part.get("type") in _TEXT_PARTS)
    return "\n".join(text for text in texts if isinstance(text, str))


def late_role(client: Any, body: Mapping[str, Any]) -> str:
    """In whose name to add a message at the end of a conversation: `system` or `developer`; `user` where it must be."""
    if not question.is_taken_late_at(client.base_url.host):
        return "user"
    messages = body.get("messages") or body.get("input") or ()
    roles = {message.get("role") for message in messages if isinstance(message, dict)}
    return "developer" if "developer" in roles else "system"


def is_continued(messages: Sequence[Any], role: str) -> bool:
    """Does a conversation end in words of the assistant that its server has the model go on with?

    Args:
        messages: of the conversation.
        role: in whose name a message would be added; a server that takes other than the user's begins anew.
    """
    last = messages[-1] if messages else None
    return role == "user" and isinstance(last, dict) and last.get("role") == "assistant"


def with_message(messages: Sequence[Any], role: str, text: str, part: str) -> list[Any]:
    """A conversation with one message more; a user's is put to the end of his last, as roles must alternate for many.

    Args:
        messages: as they were, and stay.
        role: of the message.
        text: of the message.
        part: type of a part of text, where a message has parts.
    """
    last = messages[-1] if messages else None
    if role == "user" and isinstance(last, dict) and last.get("role") == "user":
        content = last.get("content")
        if isinstance(content, str):
            return [*messages[:-1], {**last, "content": f"{content}\n\n{text}"}]
        if isinstance(content, (list, tuple)):
            return [*messages[:-1], {**last, "content": [*content, {"type": part, "text": text}]}]
    return [*messages, {"role": role, "content": text}]

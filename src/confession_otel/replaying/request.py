"""What a request said of the answer that it wanted: evidence, where the answer does not keep to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from confession_otel.corroboration import PART, Asked

from . import fields

_INSTRUCTING: Final = frozenset({"system", "developer"})


def asked(request: object) -> Asked:
    """Instructions and last question of a request, and the schema that the answer was to follow.

    Args:
        request: a prompt, a list of messages, or the body of a request to OpenAI's API; anything else says nothing.
    """
    if isinstance(request, str):
        return Asked(request)
    if isinstance(request, list):
        return Asked(_text([], request))
    if not isinstance(request, Mapping):
        return Asked()
    instructions = request.get("instructions")
    told = [instructions] if isinstance(instructions, str) else []
    given = request.get("messages", request.get("input"))
    messages = [{"role": "user", "content": given}] if isinstance(given, str) else given
    within = request.get("text")
    wanted = request.get("response_format") or (within.get("format") if isinstance(within, dict) else None)
    return Asked(_text(told, messages) if isinstance(messages, list) else None, _schema(wanted))


def model(request: object) -> str | None:
    """The model that was asked."""
    return fields.label(request, "model") if isinstance(request, Mapping) else None


def _text(told: list[str], messages: list[Any]) -> str:
    last = ""
    for message in messages:
        role = message.get("role") if isinstance(message, dict) else None
        if role == "user":
            last = _words(message.get("content"))
        elif role in _INSTRUCTING:
            told.append(_words(message.get("content")))
    return PART.join([*told, last])


def _words(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return "\n".join(text for text in texts if isinstance(text, str))


def _schema(wanted: object) -> Mapping[str, Any] | None:
    if not isinstance(wanted, dict):
        return None
    if wanted.get("type") == "json_object":
        return {"type": "object"}
    within = wanted.get("json_schema", wanted)
    schema = within.get("schema") if isinstance(within, dict) and wanted.get("type") == "json_schema" else None
    return schema if isinstance(schema, dict) else None

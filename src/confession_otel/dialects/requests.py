"""What a span says was asked: the instructions, and the last message of the user's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LONGEST: Final = 1 << 20
"""Characters of an attribute that is read."""
_INSTRUCTING: Final = frozenset({"system", "developer"})
_FLATTENED: Final = (
    ("llm.input_messages.", "message.role", ("message.content", "message.contents.0.message_content.text")),
    ("gen_ai.prompt.", "role", ("content",)),
)
"""Prefix of a list, and below each of its numbers the keys of role and words: OpenInference, OpenLLMetry."""


def asked(attributes: Mapping[str, Any]) -> tuple[list[str], str] | None:
    """The instructions and the user's last message; `None` where the span does not say.

    Args:
        attributes: of the span of a call.
    """
    messages = _messages(attributes.get("gen_ai.input.messages"))
    for prefix, role, words in _FLATTENED:
        messages = messages or _flattened(attributes, prefix, role, words)
    told = [_text(part) for part in _messages(attributes.get("gen_ai.system_instructions"))]
    told += [text for role, text in map(_read, messages) if role in _INSTRUCTING]
    last = next((text for role, text in map(_read, reversed(messages)) if role == "user"), None)
    return None if last is None and not told else (told, last or "")


def _messages(value: object) -> list[Any]:
    if isinstance(value, str):
        if len(value) > _LONGEST:
            return []
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            # Cut off by an attribute limit, or no JSON.
            return []
    return list(value) if isinstance(value, (list, tuple)) else []


def _flattened(attributes: Mapping[str, Any], prefix: str, role: str, words: Iterable[str]) -> list[dict[str, Any]]:
    numbers = {key[len(prefix) :].partition(".")[0] for key in attributes if key.startswith(prefix)}
    return [
        {
            "role": attributes.get(f"{prefix}{number}.{role}"),
            "content": next((text for key in words if (text := attributes.get(f"{prefix}{number}.{key}"))), ""),
        }
        for number in sorted((number for number in numbers if number.isdecimal()), key=int)
    ]


def _read(message: object) -> tuple[str | None, str]:
    if not isinstance(message, dict):
        return None, ""
    held = message.get("parts", message.get("content"))
    text = held if isinstance(held, str) else "\n".join(filter(None, map(_text, _messages(held))))
    return message.get("role"), text


def _text(part: object) -> str:
    if not isinstance(part, dict) or part.get("type", "text") != "text":
        return ""
    text = part.get("content", part.get("text"))
    return text if isinstance(text, str) else ""

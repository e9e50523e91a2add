"""A conversation as OpenTelemetry's GenAI conventions write it down, in the form of chat completions.

Source: github.com/open-telemetry/semantic-conventions-genai, the JSON schemas of input messages and of their parts.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


def chat_messages(system: Iterable[Any], inputs: Iterable[Any]) -> list[dict[str, Any]]:
    """Messages that a client of chat completions, or a chat model of LangChain's, takes.

    Args:
        system: parts of the system's instruction that stands before the messages.
        inputs: messages, each with `role` and `parts`.
    """
    instruction = "\n".join(text for part in system if (text := _text(_named(part))))
    messages: list[dict[str, Any]] = [{"role": "system", "content": instruction}] if instruction else []
    for message in inputs:
        messages += _messages(str(message.role), [_named(part) for part in message.parts])
    return messages


class _Named:
    """A part that is a mapping, by attributes; what it lacks is none."""

    def __init__(self, part: Mapping[str, Any]) -> None:
        self._part = part

    def __getattr__(self, name: str) -> Any:
        return self._part.get(name)


def _named(part: Any) -> Any:
    # The utilities have records for the kinds of parts that they know, and leave others as they are.
    return _Named(part) if isinstance(part, Mapping) else part


def _messages(role: str, parts: list[Any]) -> list[dict[str, Any]]:
    given = [part for part in parts if part.type == "tool_call_response"]
    if given:
        return [{"role": "tool", "tool_call_id": part.id or "", "content": _as_text(part.response)} for part in given]
    message: dict[str, Any] = {"role": role}
    calls = [part for part in parts if part.type == "tool_call"]
    if calls:
        message["tool_calls"] = [
            {
                "id": part.id or "",
                "type": "function",
                "function": {"name": part.name, "arguments": _as_text(part.arguments)},
            }
            for part in calls
        ]
    content = [shown for part in parts if (shown := _shown(part)) is not None]
    if all(part["type"] == "text" for part in content):
        message["content"] = "".join(part["text"] for part in content) or None
    else:
        message["content"] = content
    # What only thought aloud said nothing.
    return [message] if message["content"] is not None or calls else []


def _shown(part: Any) -> dict[str, Any] | None:
    """A part of a message that the model is to see again."""
    if part.type == "text":
        return {"type": "text", "text": part.content}
    if part.type == "uri" and str(part.modality) == "image":
        return {"type": "image_url", "image_url": {"url": part.uri}}
    if part.type == "blob" and str(part.modality) == "image":
        data = base64.b64encode(part.content).decode()
        return {"type": "image_url", "image_url": {"url": f"data:{part.mime_type};base64,{data}"}}
    if part.type in {"uri", "blob", "file"}:
        return {"type": "text", "text": f"[{part.type} that is not shown again]"}
    return None


def _text(part: Any) -> str:
    return str(part.content) if part.type == "text" else ""


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)

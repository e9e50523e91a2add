"""The shapes in which instrumentations write down what a model gave: from any of them to text and reason to stop.

One message may be a string, a dictionary with `content` or `parts`, a list of parts, or a provider's whole response;
each of them as it is or as JSON, and that JSON cut off by an attribute limit.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TypeGuard

LONGEST: Final = 1 << 22
"""Characters of a value that is looked at; to read more would hold up the call that it belongs to."""
_DEEPEST: Final = 5
"""Levels of wrapping around a message that are looked through: response, choice, message, content, part."""

_TOOL_PARTS: Final = frozenset({"tool_call", "tool-call", "tool_use", "function_call", "custom_tool_call"})
_TOOL_KEYS: Final = frozenset({"tool_calls", "function_call", "functionCall", "toolUse"})
_TOOL_REASONS: Final = frozenset({"tool_call", "tool_calls", "tool_use", "function_call"})
_THOUGHTS: Final = frozenset({"reasoning", "thinking", "redacted_thinking", "compaction"})
_REASONS: Final = frozenset({"finish_reason", "stop_reason", "finishReason"})
_ITEMS: Final = frozenset({"message", "reasoning", "function_call", "custom_tool_call", "compaction"})
"""Types of the items of which a response of OpenAI's API of that name is made: together they are one answer."""
_MESSAGES: Final = frozenset({"choices", "candidates", "generations"})
_ENVELOPE: Final = frozenset({"role", "parts", "choices", "candidates", "generations"})
"""Keys of which what instrumentations write has one."""
_INSIDE: Final = ("parts", "content", "contents", "message", "message_content", "kwargs", "text", "output")
"""Where a message has its words, the likeliest first."""
_JSON: Final = ("{", "[")
_REDACTED: Final = "__REDACTED__"
"""What OpenInference leaves of what it hides."""
_SCRUBBED: Final = "[Scrubbed due to "
"""How what Logfire leaves begins."""

_UNFINISHED: Final = len("-Infinit")
"""The most characters that may stand behind the place of an error in JSON that is cut off."""
_CUT_ESCAPE: Final = re.compile(r"\\u?[0-9a-fA-F]{0,3}\Z")
_STRING: Final = re.compile(r'"(content|text|type)"\s*:\s*"([^"\\]*(?:\\.[^"\\]*)*)("|\\?\Z)', re.DOTALL)


# Not frozen: several are made for each answer, and to freeze them doubles what that costs.
@dataclass(slots=True)
class Choice:
    """One of the answers that a model gave in one call."""

    text: str = ""
    finish_reason: str | None = None
    refusal: str | None = None
    tool_turn: bool = False
    """It calls tools, and waits for what they give."""
    truncated: bool = False
    """Whoever wrote it down did so in part only."""

    def because(self, reason: str) -> None:
        """Learn why the model stopped."""
        self.finish_reason = reason
        self.tool_turn = self.tool_turn or reason in _TOOL_REASONS


def choices_of(value: object) -> list[Choice]:
    """The answers in what an instrumentation wrote down.

    Args:
        value: an attribute of a span or of an event, or the body of one: a string, JSON, or lists and dictionaries.

    Returns:
        One for each choice; none where no words and no call of a tool can be made out.
    """
    if isinstance(value, str):
        if len(value) > LONGEST:
            return [Choice(truncated=True)]
        stripped = value.lstrip()
        if not stripped.startswith(_JSON):
            return [Choice(value)] if stripped and not _is_redacted(value) else []
        try:
            parsed = json.loads(stripped)
        except (ValueError, RecursionError) as error:
            if _is_redacted(stripped):
                return []
            return (_cut(stripped) if _ends_early(error, stripped) else []) or [Choice(value)]
        # An answer may itself be JSON: what is no message is the answer's text.
        return _messages(parsed) or ([] if _is_envelope(parsed) else [Choice(value)])
    return _messages(value)


def grouped(values: Iterable[tuple[str, object]]) -> list[Choice]:
    """The answers of a list that was flattened into attributes.

    Args:
        values: pairs of a key without the list's own name (`0.message.content`) and the value there.
    """
    tree: dict[str, Any] = {}
    for key, value in values:
        at = tree
        *above, last = key.split(".")
        for name in above:
            inner = at.setdefault(name, {})
            if not isinstance(inner, dict):
                break
            at = inner
        else:
            at[last] = value
    return [choice for message in _in_order(tree) for choice in _messages(_as_lists(message))]


def _messages(value: object, depth: int = 0) -> list[Choice]:
    if depth > _DEEPEST:
        return []
    if isinstance(value, (list, tuple)):
        if _are_messages(value):
            if len(value) == 1:
                return _messages(value[0], depth + 1)
            return [choice for one in value for choice in _messages(one, depth + 1)]
        choice = _joined(value, depth)
        return [choice] if choice is not None else []
    if not _is_mapping(value):
        return []
    if not _MESSAGES.isdisjoint(value):
        for key in _MESSAGES:
            several = value.get(key)
            if isinstance(several, (list, tuple)):
                return [choice for one in several for choice in _messages(one, depth + 1)]
    choice = _part(value, depth)
    return [choice] if choice is not None else []


def _joined(parts: Sequence[object], depth: int) -> Choice | None:
    """The parts of one message, or the items of one response."""
    if len(parts) == 1:
        return _part(parts[0], depth + 1)
    whole: Choice | None = None
    for one in parts:
        part = _part(one, depth + 1)
        if whole is None or part is None:
            whole = whole or part
            continue
        whole.text += part.text
        whole.finish_reason = whole.finish_reason or part.finish_reason
        whole.refusal = whole.refusal or part.refusal
        whole.tool_turn = whole.tool_turn or part.tool_turn
    return whole


def _part(value: object, depth: int) -> Choice | None:
    """A message, or a part of one; `None` where it holds neither words nor a call."""
    if isinstance(value, str):
        return Choice(value) if value and not _is_redacted(value) else None
    if not _is_mapping(value) or depth > _DEEPEST:
        return None
    kind = value.get("type")
    if kind == "text" and isinstance(text := value.get("content"), str):
        # Nearly always.
        return Choice(text) if text and not _is_redacted(text) else None
    if not isinstance(kind, str):
        # Anything may stand there.
        kind = None
    if kind in _THOUGHTS or value.get("thought") is True or value.get("phase") == "commentary":
        return None
    if kind in _TOOL_PARTS:
        return Choice(tool_turn=True)
    choice: Choice | None = None
    for key in _INSIDE:
        held = value.get(key)
        if held:
            choice = _joined(held, depth + 1) if isinstance(held, (list, tuple)) else _part(held, depth + 1)
            if choice is not None:
                break
    refusal = value.get("refusal")
    calls = not _TOOL_KEYS.isdisjoint(value) and any(value.get(key) for key in _TOOL_KEYS)
    reason = _reason(value)
    calls = calls or reason in _TOOL_REASONS
    if choice is None:
        if not calls and not refusal:
            return None
        choice = Choice()
    if reason:
        choice.because(reason)
    if refusal and isinstance(refusal, str):
        choice.refusal = refusal
    choice.tool_turn = choice.tool_turn or calls
    return choice


def _reason(value: Mapping[str, Any]) -> str | None:
    """Why the model stopped."""
    if not _REASONS.isdisjoint(value):
        for key in _REASONS:
            if reason := value.get(key):
                return str(reason)
    return None


def _ends_early(error: Exception, text: str) -> bool:
    """Is it JSON that ends in the middle? Else it only begins like some: an answer in JSON, and a confession behind."""
    if not isinstance(error, json.JSONDecodeError):
        return True
    if error.msg.startswith("Extra data"):
        return False
    return error.msg.startswith("Unterminated string") or error.pos >= len(text.rstrip()) - _UNFINISHED


def _cut(text: str) -> list[Choice]:
    """What can be read of JSON that ends in the middle: its words are one answer, the last that was written down."""
    words: list[str] = []
    thought = False
    for match in _STRING.finditer(text):
        key, written = match[1], match[2]
        if key == "type":
            thought = written in _THOUGHTS
        elif not thought:
            words.append(_unescaped(written))
    return [Choice("".join(words), truncated=True)] if words else []


def _unescaped(written: str) -> str:
    # The last escape may be cut in its middle, and so may be a pair of them that stand for one character.
    for text in (written, _CUT_ESCAPE.sub("", written)):
        with contextlib.suppress(ValueError):
            return str(json.loads(f'"{text}"', strict=False)).encode("utf-8", "replace").decode()
    return written


def _are_messages(values: Sequence[object]) -> bool:
    """Are these messages of their own, rather than parts of one, or items of one response?"""
    found = False
    for value in values:
        if isinstance(value, (list, tuple)):
            found = True
        elif _is_mapping(value):
            kind = value.get("type")
            if isinstance(kind, str) and kind in _ITEMS:
                return False
            found = found or "role" in value or "message" in value or "parts" in value
    return found


def _is_envelope(value: object) -> bool:
    """Does it hold a message, though one without words?"""
    if isinstance(value, list):
        return any(_is_envelope(one) for one in value)
    return isinstance(value, dict) and not _ENVELOPE.isdisjoint(value)


def _is_redacted(text: str) -> bool:
    return text == _REDACTED or text.startswith(_SCRUBBED)


def _is_mapping(value: object) -> TypeGuard[Mapping[str, Any]]:
    # Attributes of the SDK are mappings that are no dictionaries.
    return isinstance(value, dict) or isinstance(value, Mapping)  # noqa: SIM101 - the second is slow


def _in_order(tree: Mapping[str, Any]) -> list[Any]:
    return [tree[key] for key in sorted(tree, key=lambda key: int(key) if key.isdecimal() else -1)]


def _as_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(key.isdecimal() for key in value):
        return [_as_lists(one) for one in _in_order(value)]
    return {key: _as_lists(one) for key, one in value.items()}

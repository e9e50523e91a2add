"""Bodies as Anthropic's Messages API sends them, whole and as a stream. The SDK's own types accept them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from .bodies import Body, count_tokens, fresh_id
from .sse import pieces, sse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_EMPTY: Final[dict[str, dict[str, object]]] = {
    "text": {"text": ""},
    "thinking": {"thinking": "", "signature": ""},
    "tool_use": {"input": {}},
}
"""How a block of each type differs when it begins."""


def anthropic_message(  # noqa: PLR0913 - one keyword for each thing that a test may want to vary
    text: str | None = None,
    *,
    model: str = "scripted",
    id: str | None = None,  # noqa: A002 - the API's word
    thinking: str | None = None,
    tool_calls: Sequence[tuple[str, str]] = (),
    stop_reason: str | None = None,
    input_tokens: int = 12,
    output_tokens: int | None = None,
    cached_tokens: int = 0,
) -> Body:
    """The body of `POST /v1/messages`: thinking, text, tool uses, in this order, those that are given.

    Args:
        text: The answer.
        model: Model that answers.
        id: Message id; a fresh one by default.
        thinking: Text of a thinking block before the answer.
        tool_calls: Name and JSON arguments of each tool use.
        stop_reason: `tool_use` where there are tool calls and `end_turn` otherwise, by default.
        input_tokens: Usage, without those read from the cache.
        output_tokens: Usage; by default about one for each four characters.
        cached_tokens: Read from the cache.

    Example:
        >>> [block["type"] for block in anthropic_message("Four.", thinking="2 + 2 is 4.")["content"]]
        ['thinking', 'text']
    """
    content: list[Body] = []
    if thinking is not None:
        content.append({"type": "thinking", "thinking": thinking, "signature": "c2lnbmVk"})
    if text is not None:
        content.append({"type": "text", "text": text, "citations": None})
    content.extend(
        {"type": "tool_use", "id": fresh_id("toolu"), "name": name, "input": json.loads(arguments)}
        for name, arguments in tool_calls
    )
    return {
        "id": id or fresh_id("msg"),
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": stop_reason or ("tool_use" if tool_calls else "end_turn"),
        "stop_sequence": None,
        "usage": {
            "input_tokens": input_tokens,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": cached_tokens,
            "output_tokens": count_tokens(text, thinking) if output_tokens is None else output_tokens,
            "service_tier": "standard",
        },
    }


def is_anthropic_message(body: Mapping[str, object]) -> bool:
    """Is this the body of a message?"""
    return body.get("type") == "message"


def anthropic_events(body: Mapping[str, Any], *, piece: int) -> Iterator[bytes]:
    """One item for each event of the stream of `body`.

    Args:
        body: Of a message.
        piece: Characters of text in each delta.
    """
    for event in _events(body, piece):
        yield sse(event, name=str(event["type"]))


def _events(body: Mapping[str, Any], size: int) -> Iterator[Body]:
    usage = {**body["usage"], "output_tokens": 1}
    yield {
        "type": "message_start",
        "message": {**body, "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage},
    }
    for index, block in enumerate(body["content"]):
        yield {"type": "content_block_start", "index": index, "content_block": {**block, **_EMPTY[block["type"]]}}
        for delta in _deltas(block, size):
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": body["stop_reason"], "stop_sequence": body["stop_sequence"]},
        "usage": {"output_tokens": body["usage"]["output_tokens"]},
    }
    yield {"type": "message_stop"}


def _deltas(block: Mapping[str, Any], size: int) -> Iterator[Body]:
    if block["type"] == "text":
        for text in pieces(block["text"], size):
            yield {"type": "text_delta", "text": text}
    elif block["type"] == "thinking":
        for text in pieces(block["thinking"], size):
            yield {"type": "thinking_delta", "thinking": text}
        yield {"type": "signature_delta", "signature": block["signature"]}
    else:
        for text in pieces(json.dumps(block["input"]), size):
            yield {"type": "input_json_delta", "partial_json": text}

"""The same bodies as server-sent events, as the APIs stream them. Pure: a body in, events out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .anthropic import anthropic_events, is_anthropic_message
from .bodies import Body, is_response
from .gemini import gemini_events, is_gemini_response
from .sse import pieces, sse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


_EMPTY: Final[dict[str, dict[str, object]]] = {
    "message": {"content": [], "status": "in_progress"},
    "reasoning": {"summary": []},
    "function_call": {"arguments": "", "status": "in_progress"},
}
"""How an item of each type differs when it begins."""
_PARTS: Final[dict[str, tuple[str, str, dict[str, object]]]] = {
    "output_text": ("response.output_text", "text", {"logprobs": []}),
    "refusal": ("response.refusal", "refusal", {}),
}
"""Part of a message -> name of its events, field with its text, what else its events hold."""


def events(body: Mapping[str, Any], *, piece: int, usage: bool) -> Iterator[bytes]:
    """One item for each event of the stream of `body`.

    Args:
        body: Of a chat completion, of a response, or of another API's answer.
        piece: Characters of text in each delta.
        usage: Chat completions only: `stream_options.include_usage` of the request.
    """
    if is_anthropic_message(body):
        yield from anthropic_events(body, piece=piece)
        return
    if is_gemini_response(body):
        yield from gemini_events(body, piece=piece)
        return
    if is_response(body):
        for number, event in enumerate(_response(body, piece)):
            yield sse({**event, "sequence_number": number}, name=event["type"])
        return
    for chunk in _chat(body, piece, usage=usage):
        yield sse(chunk)
    yield b"data: [DONE]\n\n"


def _chat(body: Mapping[str, Any], size: int, *, usage: bool) -> Iterator[Body]:
    head: Body = {key: value for key, value in body.items() if key not in ("choices", "usage")}
    head["object"] = "chat.completion.chunk"
    if usage:
        head["usage"] = None

    def chunk(index: int, delta: Body, finish_reason: str | None = None, logprobs: object = None) -> Body:
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish_reason}
        return {**head, "choices": [choice]}

    for choice in body["choices"]:
        index, message = choice["index"], choice["message"]
        content = "" if message["content"] is not None else None
        opening = {key: value for key, value in message.items() if key not in ("annotations", "tool_calls")}
        yield chunk(index, {**opening, "role": "assistant", "content": content, "refusal": None})
        logprobs = choice.get("logprobs")
        for key in ("content", "refusal"):
            for text in pieces(message[key] or "", size):
                # Those of all tokens come with the first piece: which token is where, nobody here knows.
                yield chunk(index, {key: text}, logprobs=logprobs)
                logprobs = None
        if message.get("annotations"):
            yield chunk(index, {"annotations": message["annotations"]})
        for number, call in enumerate(message.get("tool_calls", ())):
            function = call["function"]
            begun = {**call, "index": number, "function": {"name": function["name"], "arguments": ""}}
            yield chunk(index, {"tool_calls": [begun]})
            for text in pieces(function["arguments"], size):
                yield chunk(index, {"tool_calls": [{"index": number, "function": {"arguments": text}}]})
        yield chunk(index, {}, choice["finish_reason"])
    if usage:
        yield {**head, "choices": [], "usage": body["usage"]}


def _response(body: Mapping[str, Any], size: int) -> Iterator[dict[str, Any]]:
    begun = {**body, "status": "in_progress", "output": [], "usage": None, "error": None, "incomplete_details": None}
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(body["output"]):
        place = {"item_id": item["id"], "output_index": index}
        opened = {**item, **_EMPTY[item["type"]]}
        yield {"type": "response.output_item.added", "output_index": index, "item": opened}
        if item["type"] == "message":
            yield from _message(item, place, size)
        elif item["type"] == "reasoning":
            yield from _reasoning(item, place, size)
        else:
            name = "response.function_call_arguments"
            for text in pieces(item["arguments"], size):
                yield {"type": f"{name}.delta", **place, "delta": text}
            yield {"type": f"{name}.done", **place, "name": item["name"], "arguments": item["arguments"]}
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": f"response.{body['status']}", "response": dict(body)}


def _message(item: Mapping[str, Any], place: Mapping[str, Any], size: int) -> Iterator[dict[str, Any]]:
    for number, part in enumerate(item["content"]):
        name, field, extra = _PARTS[part["type"]]
        where = {**place, "content_index": number}
        yield {"type": "response.content_part.added", **where, "part": {**part, field: ""}}
        for text in pieces(part[field], size):
            yield {"type": f"{name}.delta", **where, "delta": text, **extra}
        yield {"type": f"{name}.done", **where, field: part[field], **extra}
        yield {"type": "response.content_part.done", **where, "part": part}


def _reasoning(item: Mapping[str, Any], place: Mapping[str, Any], size: int) -> Iterator[dict[str, Any]]:
    for number, part in enumerate(item["summary"]):
        where = {**place, "summary_index": number}
        yield {"type": "response.reasoning_summary_part.added", **where, "part": {**part, "text": ""}}
        for text in pieces(part["text"], size):
            yield {"type": "response.reasoning_summary_text.delta", **where, "delta": text}
        yield {"type": "response.reasoning_summary_text.done", **where, "text": part["text"]}
        yield {"type": "response.reasoning_summary_part.done", **where, "part": part}

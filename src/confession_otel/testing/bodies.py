"""Bodies as the OpenAI API sends them: chat completion, response, error. The SDK's own types accept them.

Only what tells two answers apart is a parameter; for anything else change the returned dict, which is nobody else's.
"""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Body: TypeAlias = dict[str, object]


def chat_completion(  # noqa: PLR0913 - one keyword for each thing that a test may want to vary
    *texts: str | None,
    model: str = "scripted",
    id: str | None = None,  # noqa: A002 - the API's word
    finish_reason: str | None = None,
    tool_calls: Sequence[tuple[str, str]] = (),
    refusal: str | None = None,
    prompt_tokens: int = 12,
    completion_tokens: int | None = None,
    cached_tokens: int = 0,
    reasoning_tokens: int = 0,
) -> Body:
    """The body of `POST /v1/chat/completions`, with one choice for each text.

    Args:
        texts: The answers; `None` is an answer without content (a refusal, a tool call). No text at all is one `None`.
        model: Model that answers.
        id: Response id; a fresh one by default.
        finish_reason: `tool_calls` where there are some and `stop` otherwise, by default.
        tool_calls: Name and JSON arguments of each, on every choice.
        refusal: The model's words where it refuses.
        prompt_tokens: Usage.
        completion_tokens: Usage; by default about one for each four characters.
        cached_tokens: Of the prompt's.
        reasoning_tokens: Of the completion's.

    Example:
        >>> body = chat_completion("Four.", model="small")
        >>> body["model"], body["choices"][0]["message"]["content"], body["choices"][0]["finish_reason"]
        ('small', 'Four.', 'stop')
    """
    texts = texts or (None,)
    calls: list[Body] = [
        {"id": fresh_id("call"), "type": "function", "function": {"name": name, "arguments": arguments}}
        for name, arguments in tool_calls
    ]
    choices: list[Body] = []
    for index, text in enumerate(texts):
        message: Body = {"role": "assistant", "content": text, "refusal": refusal, "annotations": []}
        if calls:
            message["tool_calls"] = calls
        choices.append(
            {
                "index": index,
                "message": message,
                "logprobs": None,
                "finish_reason": finish_reason or ("tool_calls" if calls else "stop"),
            }
        )
    output = count_tokens(*texts) if completion_tokens is None else completion_tokens
    return {
        "id": id or fresh_id("chatcmpl"),
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": choices,
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": output,
            "total_tokens": prompt_tokens + output,
            "prompt_tokens_details": {"cached_tokens": cached_tokens, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": reasoning_tokens, "audio_tokens": 0},
        },
        "service_tier": "default",
        "system_fingerprint": None,
    }


def response(  # noqa: PLR0913 - as above
    text: str | None = None,
    *,
    model: str = "scripted",
    id: str | None = None,  # noqa: A002 - the API's word
    reasoning: str | None = None,
    tool_calls: Sequence[tuple[str, str]] = (),
    refusal: str | None = None,
    incomplete: str | None = None,
    failed: str | None = None,
    pending: str | None = None,
    previous_response_id: str | None = None,
    input_tokens: int = 12,
    output_tokens: int | None = None,
    cached_tokens: int = 0,
    reasoning_tokens: int = 0,
) -> Body:
    """The body of `POST /v1/responses`: reasoning item, message, function calls, in this order, those that are given.

    Args:
        text: The answer.
        model: Model that answers.
        id: Response id; a fresh one by default.
        reasoning: Summary text of a reasoning item before the message.
        tool_calls: Name and JSON arguments of each function call.
        refusal: The model's words where it refuses; a part of the message beside or instead of the text.
        incomplete: Reason of an incomplete response, for example `max_output_tokens`.
        failed: Message of a failed response.
        pending: Status of one that is still being made in the background, `queued` or `in_progress`.
        previous_response_id: Echoed, as the API does.
        input_tokens: Usage.
        output_tokens: Usage; by default about one for each four characters.
        cached_tokens: Of the input's.
        reasoning_tokens: Of the output's.

    Example:
        >>> [item["type"] for item in response("Four.", reasoning="2 + 2 is 4.")["output"]]
        ['reasoning', 'message']
    """
    # A cut-off answer's message is itself incomplete; what came before it is not.
    status = pending or ("failed" if failed else "incomplete" if incomplete else "completed")
    output: list[Body] = []
    if reasoning is not None:
        summary = [{"type": "summary_text", "text": reasoning}]
        output.append({"type": "reasoning", "id": fresh_id("rs"), "summary": summary})
    parts: list[Body] = []
    if text is not None:
        parts.append({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
    if refusal is not None:
        parts.append({"type": "refusal", "refusal": refusal})
    if parts:
        item_status = "incomplete" if incomplete else "completed"
        output.append(
            {
                "type": "message",
                "id": fresh_id("msg"),
                "role": "assistant",
                "status": item_status,
                "content": parts,
            }
        )
    output.extend(
        {
            "type": "function_call",
            "id": fresh_id("fc"),
            "call_id": fresh_id("call"),
            "name": name,
            "arguments": arguments,
            "status": "completed",
        }
        for name, arguments in tool_calls
    )
    tokens = count_tokens(text, refusal) if output_tokens is None else output_tokens
    return {
        "id": id or fresh_id("resp"),
        "object": "response",
        "created_at": int(time.time()),
        "status": status,
        "background": bool(pending),
        "error": {"code": "server_error", "message": failed} if failed else None,
        "incomplete_details": {"reason": incomplete} if incomplete else None,
        "instructions": None,
        "max_output_tokens": None,
        "metadata": {},
        "model": model,
        "output": output,
        "parallel_tool_calls": True,
        "previous_response_id": previous_response_id,
        "reasoning": {"effort": None, "summary": None},
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": {
            "input_tokens": input_tokens,
            "input_tokens_details": {"cached_tokens": cached_tokens, "cache_write_tokens": 0},
            "output_tokens": tokens,
            "output_tokens_details": {"reasoning_tokens": reasoning_tokens},
            "total_tokens": input_tokens + tokens,
        },
        "user": None,
    }


def error(
    message: str,
    *,
    type: str = "invalid_request_error",  # noqa: A002 - the API's word
    code: str | None = None,
) -> Body:
    """The body of an error reply; give it a status: `Reply(error("Slow down."), status=429)`."""
    return {"error": {"message": message, "type": type, "param": None, "code": code}}


def is_response(body: Mapping[str, object]) -> bool:
    """Is this the body of a response, and not of a chat completion?"""
    return body.get("object") == "response"


def fresh_id(prefix: str) -> str:
    """An id that nothing else has, as the API writes those of that kind."""
    return f"{prefix}-{uuid.uuid4().hex}" if prefix == "chatcmpl" else f"{prefix}_{uuid.uuid4().hex}"


def count_tokens(*texts: str | None) -> int:
    """About one token for each four characters."""
    return sum(len(text) for text in texts if text) // 4 + 1

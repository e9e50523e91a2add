"""Bodies as the Gemini API sends them, whole and as a stream. The SDK's own types accept them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .bodies import Body, count_tokens, fresh_id
from .sse import pieces, sse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def gemini_response(  # noqa: PLR0913 - one keyword for each thing that a test may want to vary
    *texts: str | None,
    model: str = "scripted",
    id: str | None = None,  # noqa: A002 - the API's word
    thought: str | None = None,
    tool_calls: Sequence[tuple[str, str]] = (),
    finish_reason: str = "STOP",
    prompt_tokens: int = 12,
    completion_tokens: int | None = None,
    cached_tokens: int = 0,
    thoughts_tokens: int = 0,
) -> Body:
    """The body of `POST /v1beta/models/MODEL:generateContent`, with one candidate for each text.

    Args:
        texts: The answers; `None` is an answer without text (a function call). No text at all is one `None`.
        model: Model that answers.
        id: Response id; a fresh one by default.
        thought: Text of a summary of the thoughts before each answer.
        tool_calls: Name and JSON arguments of each function call, in every candidate.
        finish_reason: Also where functions are called, it is `STOP`.
        prompt_tokens: Usage.
        completion_tokens: Usage; by default about one for each four characters.
        cached_tokens: Of the prompt's.
        thoughts_tokens: Beside the completion's.

    Example:
        >>> body = gemini_response("Four.")
        >>> body["candidates"][0]["content"]
        {'role': 'model', 'parts': [{'text': 'Four.'}]}
    """
    before: list[Body] = [] if thought is None else [{"text": thought, "thought": True}]
    calls: list[Body] = [
        {"functionCall": {"id": fresh_id("call"), "name": name, "args": json.loads(arguments)}}
        for name, arguments in tool_calls
    ]
    output = count_tokens(*texts) if completion_tokens is None else completion_tokens
    return {
        "candidates": [
            {
                "index": index,
                "content": {"role": "model", "parts": [*before, *([] if text is None else [{"text": text}]), *calls]},
                "finishReason": finish_reason,
            }
            for index, text in enumerate(texts or (None,))
        ],
        "usageMetadata": {
            "promptTokenCount": prompt_tokens,
            "candidatesTokenCount": output,
            "cachedContentTokenCount": cached_tokens,
            "thoughtsTokenCount": thoughts_tokens,
            "totalTokenCount": prompt_tokens + output + thoughts_tokens,
        },
        "modelVersion": model,
        "responseId": id or fresh_id("gemini"),
    }


def is_gemini_response(body: Mapping[str, object]) -> bool:
    """Is this the body of such a response?"""
    return "candidates" in body


def gemini_events(body: Mapping[str, Any], *, piece: int) -> Iterator[bytes]:
    """One item for each event of the stream of `body`: each is a response of its own, with a piece of it.

    Args:
        body: Of a response.
        piece: Characters of text in each.
    """
    head = {key: value for key, value in body.items() if key != "candidates"}
    for candidate in body["candidates"]:
        parts = [part for whole in candidate["content"]["parts"] for part in _in_pieces(whole, piece)] or [{}]
        for number, part in enumerate(parts, 1):
            chunk = {**candidate, "content": {**candidate["content"], "parts": [part]}}
            if number < len(parts):
                del chunk["finishReason"]
            yield sse({**head, "candidates": [chunk]})


def _in_pieces(part: Body, size: int) -> list[Body]:
    return [{**part, "text": text} for text in pieces(str(part["text"]), size)] if "text" in part else [part]

"""Where the text is in a chat completion, whole or as chunks, and how it is put back without the confession."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .text import Removed


class Chat:
    """The answers of one chat completion, one for each choice.

    Chunks stay as many as they were. What was held back and is answer after all goes out with the next text of its
    choice, at the latest with the chunk that says why the choice stopped; where none says so, with a chunk of its own
    before the end of the stream.
    """

    __slots__ = ("_tag", "_texts", "_whole")

    def __init__(self, tag: str) -> None:
        self._tag = tag
        self._texts: dict[int, Text] = {}
        self._whole: dict[int, Removed] = {}

    @property
    def removed(self) -> dict[int, Removed]:
        """What was taken out so far, by index of the choice."""
        streamed = {index: removed for index, text in self._texts.items() if (removed := text.removed) is not None}
        return {**self._whole, **streamed}

    def concerned(self, event: bytes, *, tagged: bool) -> bool:  # noqa: ARG002 - the other API asks for it
        """May a chunk have to be changed? Cheap, and rather once too often."""
        return b'"content"' in event or any(text.holding for text in self._texts.values())

    def event(self, chunk: dict[str, Any]) -> tuple[Sequence[dict[str, Any]], bool]:
        """Change a chunk in place; return those to send before it, and whether it was changed."""
        changed = False
        for index, choice in _choices(chunk):
            changed = self._choice(chunk, index, choice) or changed
        return (), changed

    def rest(self) -> list[dict[str, Any]]:
        """Chunks to send before the end of the stream."""
        chunks = []
        for index, text in self._texts.items():
            if not text.holding:
                continue
            rest = text.end()
            tokens = text.tokens("", rest, (), last=True)
            if rest or tokens:
                choice = {
                    "index": index,
                    "delta": {"content": rest},
                    "logprobs": {"content": tokens, "refusal": None} if tokens else None,
                    "finish_reason": None,
                }
                chunk = {key: value for key, value in text.last.items() if key not in ("usage", "obfuscation")}
                chunks.append({**chunk, "choices": [choice]})
        return chunks

    def whole(self, completion: dict[str, Any]) -> bool:
        """Change a whole completion in place; was there anything to change?"""
        changed = False
        for index, choice in _choices(completion):
            fields = _fields(choice.get("message"))
            pieces = [holder[key] for holder, key in fields]
            if not pieces:
                continue
            text = Text(self._tag)
            passed = [text.feed(piece) for piece in pieces]
            passed[-1] += text.end()
            removed = text.removed
            if removed is None:
                continue
            self._whole[index] = removed
            for (holder, key), piece in zip(fields, passed, strict=True):
                holder[key] = piece
            _set_tokens(choice, text, pieces, "".join(passed), last=True)
            changed = True
        return changed

    def _choice(self, chunk: dict[str, Any], index: int, choice: dict[str, Any]) -> bool:
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            delta = {}
        fields = _fields(delta)
        text = self._texts.get(index)
        if text is None:
            if not fields:
                return False
            text = self._texts[index] = Text(self._tag)
        if fields:
            text.last = chunk
        changed = False
        pieces = [holder[key] for holder, key in fields]
        passed = ""
        for (holder, key), piece in zip(fields, pieces, strict=True):
            passing = text.feed(piece)
            passed += passing
            if passing != piece:
                holder[key] = passing
                changed = True
        # A tool call ends the text as well: helpers of the SDK announce the whole of it there.
        last = bool(
            (choice.get("finish_reason") and not text.resumed) or delta.get("tool_calls") or delta.get("function_call")
        )
        if last and (rest := text.end()):
            _append(delta, rest)
            choice["delta"] = delta
            passed += rest
            changed = True
        return _set_tokens(choice, text, pieces, passed, last=last) or changed


def _choices(body: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    choices = body.get("choices")
    if not isinstance(choices, list):
        return []
    return [
        (index if isinstance(index := choice.get("index"), int) else place, choice)
        for place, choice in enumerate(choices)
        if isinstance(choice, dict)
    ]


def _fields(message: Any) -> list[tuple[dict[str, Any], str]]:
    """Holders of text and the names it has there: one, or several where a server sends parts, some of them thoughts."""
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, str):
        return [(message, "content")] if content else []
    if not isinstance(content, list):
        return []
    return [
        (part, "text")
        for part in content
        if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str)
    ]


def _append(delta: dict[str, Any], rest: str) -> None:
    fields = _fields(delta)
    if fields:
        holder, key = fields[-1]
        holder[key] += rest
    elif isinstance(delta.get("content"), list):
        delta["content"].append({"type": "text", "text": rest})
    else:
        delta["content"] = rest


def _set_tokens(choice: dict[str, Any], text: Text, pieces: list[str], passed: str, *, last: bool) -> bool:
    """Put the log probabilities right; were they to be changed?"""
    logprobs = choice.get("logprobs")
    given = logprobs.get("content") if isinstance(logprobs, dict) else None
    given = given if isinstance(given, list) else []
    tokens = text.tokens("".join(pieces), passed, given, last=last)
    if tokens == given:
        return False
    if isinstance(logprobs, dict):
        logprobs["content"] = tokens
    else:
        choice["logprobs"] = {"content": tokens, "refusal": None}
    return True

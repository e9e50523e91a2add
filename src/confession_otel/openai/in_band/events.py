"""The bytes of a response, rewritten: a JSON body as a whole, server-sent events one by one as they come.

Only what has to be changed is written anew; all else passes as the very bytes that came.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, Protocol

from confession_otel.guard import Site, say_once

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .text import Removed

_SITE: Final = Site("openai.in_band")
MOST: Final = 64 * 1024 * 1024
"""Bytes of one event or of one JSON body that are held until it is complete."""

_LEADING: Final = b" \t\r\n\xef\xbb\xbf"
_BLANK_LINES: Final = re.compile(rb"[\r\n]*")
_END: Final = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n?|\n)")
"""The end of a line, and the blank line that ends the event."""
_LONGEST_END: Final = 4
_NAMES: Final = (b"onfession", b"ONFESSION")
_LINE_SEPARATORS: Final = re.compile("[\x7f-\x9f\u2028\u2029]")


class Shape(Protocol):
    """Where the text is in the bodies of an API."""

    @property
    def removed(self) -> Mapping[int, Removed]:
        """What was taken out so far."""
        ...

    def concerned(self, event: bytes, *, tagged: bool) -> bool:
        """May an event have to be changed?"""
        ...

    def event(self, event: dict[str, Any], /) -> tuple[Sequence[dict[str, Any]], bool]:
        """Change an event in place; return those to send before it, and whether it was changed."""
        ...

    def rest(self) -> Sequence[dict[str, Any]]:
        """Events to send before the end of the stream."""
        ...

    def whole(self, body: dict[str, Any], /) -> bool:
        """Change a whole body in place; was there anything to change?"""
        ...


class Body:
    """A body that comes in chunks: JSON or events, as its first byte tells.

    The content type does not: the SDK takes events of any, and a request for a stream may be answered with JSON.
    """

    __slots__ = ("_kind", "_shape", "_tag")

    def __init__(self, tag: str, shape: Shape) -> None:
        self._tag = tag
        self._shape = shape
        self._kind: _Whole | _Events | None = None

    def feed(self, chunk: bytes) -> bytes:
        """Take the next chunk and return what can be passed on now."""
        with _SITE:
            return self._fed(chunk)
        return chunk

    def finish(self) -> bytes:
        """The end of the body: what was held back."""
        return b"" if self._kind is None else self._kind.finish()

    def _fed(self, chunk: bytes) -> bytes:
        if self._kind is not None:
            return self._kind.feed(chunk)
        begun = chunk.lstrip(_LEADING)
        if not begun:
            return chunk  # blank lines, with which some servers keep the connection alive
        self._kind = (_Whole if begun.startswith(b"{") else _Events)(self._tag, self._shape)
        return chunk[: len(chunk) - len(begun)] + self._kind.feed(begun)


class _Whole:
    """A JSON body, which can be rewritten when it is here."""

    __slots__ = ("_content", "_passing", "_shape", "_tag")

    def __init__(self, tag: str, shape: Shape) -> None:
        self._tag = tag
        self._shape = shape
        self._content = bytearray()
        self._passing = False

    def feed(self, chunk: bytes) -> bytes:
        if self._passing:
            return chunk
        self._content += chunk
        if len(self._content) <= MOST:
            return b""
        self._passing = True
        return _too_much(self._content)

    def finish(self) -> bytes:
        content = bytes(self._content)
        self._content.clear()
        with _SITE:
            return self._rewritten(content)
        return content

    def _rewritten(self, content: bytes) -> bytes:
        encoding = json.detect_encoding(content)
        if encoding == "utf-8" and not may_hold(content, self._tag):
            return content
        try:
            body = json.loads(content.decode(encoding))
        except ValueError:
            return content
        return _dumped(body, content).encode(encoding) if self._shape.whole(body) else content


class _Events:
    """Server-sent events, divided as the SDK divides them."""

    __slots__ = ("_oversized", "_passing", "_pending", "_shape", "_tag", "_tail")

    def __init__(self, tag: str, shape: Shape) -> None:
        self._tag = tag
        self._shape = shape
        self._pending = bytearray()
        """An event that is not complete."""
        self._oversized = False
        self._tail = b""
        """The end of what has come of an oversized event."""
        self._passing = False

    def feed(self, chunk: bytes) -> bytes:
        if self._passing:
            return chunk
        looked_at = len(self._pending) - _LONGEST_END
        self._pending += chunk
        with _SITE:
            return self._complete(max(0, looked_at))
        self._passing = True
        return self._all()

    def finish(self) -> bytes:
        left = self._all()
        if self._passing:
            return left
        # An event that is not complete counts for nothing, hence what is held back goes before it.
        return self._rest(left) + self._event(left)

    def _all(self) -> bytes:
        pending = bytes(self._pending)
        self._pending.clear()
        return pending

    def _complete(self, looked_at: int) -> bytes:
        """Everything up to the end of the last complete event; it is taken from what is pending."""
        pending = self._pending
        out: list[bytes] = []
        at = 0
        if self._oversized:
            at = self._pass_oversized(out)
        while not self._oversized:
            # Blank lines between events, and what is left of a line's end that was cut in two.
            blank = _BLANK_LINES.match(pending, at)
            if blank is not None and blank.end() > at:
                out.append(blank.group())
                at = blank.end()
            end = _END.search(pending, max(at, looked_at))
            if end is None:
                break
            out.append(self._event(bytes(pending[at : end.end()])))
            at = end.end()
        del pending[:at]
        if len(pending) > MOST:
            self._oversized = True
            self._tail = bytes(pending[-_LONGEST_END:])
            out.append(_too_much(pending))
        return b"".join(out)

    def _pass_oversized(self, out: list[bytes]) -> int:
        come = self._tail + self._pending
        end = _END.search(come)
        if end is None:
            self._tail = bytes(come[-_LONGEST_END:])
            out.append(bytes(self._pending))
            return len(self._pending)
        passed = end.end() - len(self._tail)
        self._oversized, self._tail = False, b""
        out.append(bytes(self._pending[:passed]))
        return passed

    def _event(self, event: bytes) -> bytes:
        """One event, rewritten if it has to be; as it came if anything fails, so that the next one has its chance."""
        with _SITE:
            return self._rewritten(event)
        return event

    def _rewritten(self, event: bytes) -> bytes:
        if not self._shape.concerned(event, tagged=may_hold(event, self._tag)) and b"[DONE]" not in event:
            return event
        lines = event.splitlines(keepends=True)
        data = [(place, value) for place, line in enumerate(lines) if (value := _data(line)) is not None]
        text = b"\n".join([value for _, value in data])
        if text.startswith(b"[DONE]"):
            return self._rest(event) + event
        try:
            payload = json.loads(text.decode())
        except ValueError:
            return event
        if not isinstance(payload, dict):
            return event
        before, changed = self._shape.event(payload)
        if changed:
            head = lines[data[0][0]]
            ending = head[len(head.rstrip(b"\r\n")) :]
            lines[data[0][0]] = head[: head.index(b":") + 1] + b" " + _dumped(payload, text).encode() + ending
            others = {place for place, _ in data[1:]}
            event = b"".join([line for place, line in enumerate(lines) if place not in others])
        return b"".join([_framed(one, event) for one in before]) + event

    def _rest(self, like: bytes) -> bytes:
        with _SITE:
            return b"".join([_framed(event, like) for event in self._shape.rest()])
        return b""


def may_hold(content: bytes, tag: str) -> bool:
    """May a text of this JSON hold the tag, or the name of its element alone? Letters and digits are never escaped."""
    if not (tag.isascii() and tag.isalnum()):
        return True
    return tag.encode() in content or any(name in content for name in _NAMES)


def _data(line: bytes) -> bytes | None:
    """Value of a line of data."""
    name, _, value = line.rstrip(b"\r\n").partition(b":")
    return value.removeprefix(b" ") if name == b"data" else None


def _framed(event: dict[str, Any], like: bytes) -> bytes:
    """An event of ours, before another one."""
    name = event.get("type")
    named = isinstance(name, str) and (like.startswith(b"event:") or b"\nevent:" in like)
    head = f"event: {name}\n" if named else ""
    return f"{head}data: {_dumped(event, like)}\n\n".encode()


def _dumped(body: Any, original: bytes) -> str:
    """JSON as the server writes it: in ASCII if it did so, else without escapes.

    Half of a surrogate pair cannot be encoded, and a character at which only some split lines must not be one.
    """
    text = json.dumps(body, ensure_ascii=original.isascii(), separators=(",", ":"))
    if not text.isascii():
        text = _LINE_SEPARATORS.sub(_escaped, text)
        try:
            text.encode()
        except UnicodeEncodeError:
            text = json.dumps(body, separators=(",", ":"))
    return text


def _escaped(character: re.Match[str]) -> str:
    return f"\\u{ord(character.group()):04x}"


def _too_much(held: bytearray) -> bytes:
    say_once("openai.in_band.size", "an event or a body of more than %d bytes is passed on unfiltered", MOST)
    passed = bytes(held)
    held.clear()
    return passed

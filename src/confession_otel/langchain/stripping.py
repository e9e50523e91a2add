"""Take a confession out of what a model gave: `model | strip_confession()`, and the same for one message.

Messages are copied, never changed, and stay what they were but for their text: ids, usage, tool calls, metadata.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.runnables import Runnable

from confession_otel.guard import Site
from confession_otel.reading import StreamFilter, split

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from langchain_core.runnables import RunnableConfig

_STRIP: Final = Site("langchain.strip")
_WORD: Final = "<confession"
_OPENS: Final = re.compile(r"<confession(?=[\s>_-])", re.IGNORECASE)
_MARKS: Final = "`\"'“‘«"
"""Behind one of these a tag is only talked about."""
_KEPT_OF_A_BLOCK: Final = ("type", "index", "id")


def strip_confession(tag: str | None = None) -> Runnable[Any, Any]:
    """Make the step that takes a confession out of a model's output.

        chain = model | strip_confession()

    Strings and messages, with text or content blocks, pass in `invoke`, `stream`, `batch` and their async twins;
    anything else goes on as it is.

    Args:
        tag: If given, only `<confession id="TAG">…</confession>` is taken out, wherever it stands. By default it is
            whatever ends the output in the shape of a confession, as `confession_otel.split` finds it. In a stream,
            whose beginning is gone before its end comes, that is the element `<confession …>` alone; from the first on,
            the rest is held back until the stream ends. A confession under a heading, or in JSON, passes in a stream.
    """
    return _Strip(tag)


@dataclass(frozen=True, slots=True)
class Removed:
    """What was taken out of a message."""

    confession: str
    truncated: bool
    """Nothing closed it."""


def take_out(message: Any, tag: str | None) -> tuple[Any, Removed | None]:
    """A message, or a text, without its confession; the very same one where there is none.

    Args:
        message: as the model gave it.
        tag: as for `strip_confession`.
    """
    if isinstance(message, str):
        (text,), removed = _from_texts([message], tag)
        return (message if removed is None else text), removed
    if not isinstance(message, BaseMessage):
        return message, None
    texts = _texts(message.content)
    kept, removed = _from_texts(texts, tag)
    if removed is None:
        return message, None
    return message.model_copy(update={"content": _with_texts(message.content, texts, kept)}), removed


class _Filter(Protocol):
    def feed(self, chunk: str) -> str: ...

    def close(self) -> tuple[str, str | None]: ...


class _Untagged:
    """Holds back what may be the element that ends a stream, until the end tells."""

    def __init__(self) -> None:
        self._passed: list[str] = []
        self._held = ""
        self._open = False

    def feed(self, chunk: str) -> str:
        text = self._held + chunk
        certain = 0 if self._open else self._certain(text)
        self._held = text[certain:]
        if certain:
            self._passed.append(text[:certain])
        return text[:certain]

    def close(self) -> tuple[str, str | None]:
        held, self._held = self._held, ""
        if not self._open:
            return held, None
        passed = "".join(self._passed)
        answer, confession = split(passed + held)
        return (held, None) if confession is None else (answer[len(passed) :], confession)

    def _certain(self, text: str) -> int:
        """How much of it goes out: all before an element, or before what may be the beginning of one."""
        end = len(text)
        for found in _OPENS.finditer(text):
            if not self._mentioned(text, found.start()):
                self._open = True
                end = found.start()
                break
        else:
            begin = text.rfind("<")
            if begin >= 0 and _WORD.startswith(text[begin:].lower()) and not self._mentioned(text, begin):
                end = begin
        return len(text[:end].rstrip())

    def _mentioned(self, text: str, at: int) -> bool:
        before = text[at - 1] if at else (self._passed[-1][-1] if self._passed else "")
        return before != "" and before in _MARKS


class _Stream:
    """One stream on its way through."""

    def __init__(self, tag: str | None) -> None:
        self._tag = tag
        self._filter = self._new()
        self._last: Any = None
        """The last piece with text, the model of one that has to be made."""

    def through(self, piece: Any) -> Any:
        """The piece, with the text that can be passed on now."""
        passed = piece
        with _STRIP:
            passed = self._through(piece)
        return passed  # noqa: RET504 - where that failed, the piece as it came

    def rest(self) -> Any:
        """One more piece, where text is left; else `None`."""
        left = None
        with _STRIP:
            text, _ = self._filter.close()
            if text and self._last is not None:
                left = self._made(text)
        return left

    def _new(self) -> _Filter:
        return _Untagged() if self._tag is None else StreamFilter(self._tag)

    def _through(self, piece: Any) -> Any:
        if isinstance(piece, str):
            self._last = piece
            return self._filter.feed(piece)
        if not isinstance(piece, AIMessageChunk):
            # A model that does not stream: all of it has come.
            return take_out(piece, self._tag)[0]
        texts = _texts(piece.content)
        kept = [self._filter.feed(text) for text in texts]
        if texts:
            self._last = piece
        content = _with_texts(piece.content, texts, kept) if kept != texts else piece.content
        if piece.chunk_position == "last":
            # Nothing comes after it.
            text, _ = self._filter.close()
            self._filter = self._new()
            content = self._appended(content, text)
        return piece if content is piece.content else piece.model_copy(update={"content": content})

    def _made(self, text: str) -> Any:
        if isinstance(self._last, str):
            return text
        content = text if isinstance(self._last.content, str) else self._appended([], text)
        return AIMessageChunk(content=content, id=self._last.id)

    def _appended(self, content: Any, text: str) -> Any:
        if not text:
            return content
        if isinstance(content, str):
            return content + text
        model = self._last.content if self._last is not None else ()
        of_text = [block for block in model if isinstance(block, dict) and block.get("type") == "text"]
        block = {name: of_text[-1][name] for name in _KEPT_OF_A_BLOCK if name in of_text[-1]} if of_text else {}
        return [*content, {"type": "text", **block, "text": text}]


class _Strip(Runnable[Any, Any]):
    """What `strip_confession` gives."""

    def __init__(self, tag: str | None) -> None:
        self.name = "strip_confession"
        self._tag = tag

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002 - LangChain's
        return self._call_with_config(self._strip, input, config)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002 - as above
        return await self._acall_with_config(self._astrip, input, config)

    def transform(self, input: Iterator[Any], config: RunnableConfig | None = None, **kwargs: Any) -> Iterator[Any]:  # noqa: A002 - as above
        yield from self._transform_stream_with_config(input, self._stream, config)

    async def atransform(
        self,
        input: AsyncIterator[Any],  # noqa: A002 - as above
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[Any]:
        async for piece in self._atransform_stream_with_config(input, self._astream, config):
            yield piece

    def _strip(self, output: Any) -> Any:
        stripped = output
        with _STRIP:
            stripped, _ = take_out(output, self._tag)
        return stripped

    async def _astrip(self, output: Any) -> Any:
        return self._strip(output)

    def _stream(self, pieces: Iterator[Any]) -> Iterator[Any]:
        stream = _Stream(self._tag)
        for piece in pieces:
            passed = stream.through(piece)
            if passed != "":
                yield passed
        rest = stream.rest()
        if rest is not None:
            yield rest

    async def _astream(self, pieces: AsyncIterator[Any]) -> AsyncIterator[Any]:
        stream = _Stream(self._tag)
        async for piece in pieces:
            passed = stream.through(piece)
            if passed != "":
                yield passed
        rest = stream.rest()
        if rest is not None:
            yield rest


def _from_texts(texts: list[str], tag: str | None) -> tuple[list[str], Removed | None]:
    """The texts of one output, without its confession."""
    if not texts:
        return texts, None
    if tag is not None:
        stream = StreamFilter(tag)
        kept = [stream.feed(text) for text in texts]
        rest, confession = stream.close()
        kept[-1] += rest
        return kept, None if confession is None else Removed(confession, stream.cut_off)
    answer, confession = split("".join(texts))
    if confession is None:
        return texts, None
    kept, left = [], len(answer)
    for text in texts:
        kept.append(text[:left])
        left = max(left - len(text), 0)
    return kept, Removed(confession, truncated=False)


def _texts(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content] if content else []
    return [text for block in content if (text := _text(block)) is not None]


def _text(block: Any) -> str | None:
    if isinstance(block, str):
        return block
    text = block.get("text") if isinstance(block, dict) and block.get("type") == "text" else None
    return text if isinstance(text, str) else None


def _with_texts(content: Any, before: list[str], after: list[str]) -> Any:
    """Content with other texts in the place of its own; a block of which nothing is left goes."""
    if isinstance(content, str):
        return after[0]
    blocks, new = [], iter(zip(before, after, strict=True))
    for block in content:
        if _text(block) is None:
            blocks.append(block)
            continue
        old, text = next(new)
        if text or not old:
            blocks.append(text if isinstance(block, str) else {**block, "text": text})
    return blocks

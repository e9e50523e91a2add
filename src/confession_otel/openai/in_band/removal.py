"""Take the confession out of what the OpenAI SDK gets, before it makes anything of it.

The model was asked to end its answer with `<confession id="TAG">…</confession>`. Whatever the caller asked for (a
parsed object, a stream, a helper, the raw text or bytes), the SDK makes it from the decoded bytes of one HTTP response,
so it is these that are changed.

An exception in here is swallowed by the guard, at `openai.in_band`, and what it happened at (an event, a body) passes
as it came: then the caller may see the element, but never a broken answer. So does an event or a JSON body of more
than 64 MiB, and all that is not JSON.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from confession_otel.guard import Site

from .chat import Chat
from .events import Body
from .responses import Responses

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    from .events import Shape
    from .text import Removed

Api: TypeAlias = Literal["chat", "responses"]

_SITE: Final = Site("openai.in_band")
_FAILED: Final = 400


class Removal:
    """Takes the confession with one request's tag out of its response.

    Args:
        tag: of the request; letters and digits make it cheapest.
        api: whose request it is.
    """

    __slots__ = ("_shape", "tag")

    def __init__(self, tag: str, api: Api) -> None:
        self.tag = tag
        self._shape: Shape = Chat(tag) if api == "chat" else Responses(tag)

    @property
    def confessions(self) -> Mapping[int, Removed]:
        """What has been taken out so far, by index of the choice; of a response, at 0.

        It is complete when the body has been read. Before that, and where the answer was cut off in it, it is
        `truncated`. A choice without a confession is not in it.
        """
        with _SITE:
            return self._shape.removed
        return {}

    def apply(self, response: Any) -> None:
        """Change a response of `httpx` or `httpx2` in place: its body now if it has been read, else as it is read.

        Headers stay as they are. Call it once, before anybody reads from the response. An error's body is left alone.
        """
        with _SITE:
            if response.status_code >= _FAILED:
                return
            body = Body(self.tag, self._shape)
            content = vars(response).get("_content")
            if content is None:
                _override(response, body)
                return
            changed = body.feed(content) + body.finish()
            if changed != content:
                response._content = changed  # noqa: SLF001 - no public door
                vars(response).pop("_text", None)


def _override(response: Any, body: Body) -> None:
    """Have what is read through the response, in any of its forms, come through here: all of them use the first two.

    Raw bytes are the body only where nothing has encoded it; what is compressed passes as it came.
    """

    def release() -> None:
        # A body can be read once. Who asks again gets what `httpx` then gives, and nothing refers to itself through us.
        for name, ours in overriding.items():
            if vars(response).get(name) is ours:
                delattr(response, name)
        overriding.clear()

    overriding = {
        "iter_bytes": _iter_bytes(response.iter_bytes, body, release),
        "aiter_bytes": _aiter_bytes(response.aiter_bytes, body, release),
    }
    if "content-encoding" not in response.headers:
        overriding["iter_raw"] = _iter_bytes(response.iter_raw, body, release)
        overriding["aiter_raw"] = _aiter_bytes(response.aiter_raw, body, release)
    for name, ours in overriding.items():
        setattr(response, name, ours)


def _iter_bytes(
    given: Callable[[], Iterator[bytes]], body: Body, release: Callable[[], None]
) -> Callable[..., Iterator[bytes]]:
    def iter_bytes(chunk_size: int | None = None) -> Iterator[bytes]:
        release()
        pieces = _Pieces(chunk_size)
        chunks = given()
        try:
            for chunk in chunks:
                for piece in pieces.cut(body.feed(chunk)):
                    yield piece
            for piece in pieces.cut(body.finish(), last=True):
                yield piece
        finally:
            if (close := getattr(chunks, "close", None)) is not None:
                close()

    return iter_bytes


def _aiter_bytes(
    given: Callable[[], AsyncIterator[bytes]], body: Body, release: Callable[[], None]
) -> Callable[..., AsyncIterator[bytes]]:
    async def aiter_bytes(chunk_size: int | None = None) -> AsyncIterator[bytes]:
        release()
        pieces = _Pieces(chunk_size)
        chunks = given()
        try:
            async for chunk in chunks:
                for piece in pieces.cut(body.feed(chunk)):
                    yield piece
            for piece in pieces.cut(body.finish(), last=True):
                yield piece
        finally:
            if (close := getattr(chunks, "aclose", None)) is not None:
                await close()

    return aiter_bytes


class _Pieces:
    """Cuts bytes into pieces of the size asked for, as `httpx` does; with none asked for, they stay as they are."""

    __slots__ = ("_left", "_size")

    def __init__(self, size: int | None) -> None:
        self._size = size
        self._left = bytearray()

    def cut(self, content: bytes, *, last: bool = False) -> list[bytes]:
        if self._size is None:
            return [content] if content else []
        self._left += content
        size, length = self._size, len(self._left)
        end = length if last else length - length % size
        pieces = [bytes(self._left[at : at + size]) for at in range(0, end, size)]
        del self._left[:end]
        return pieces

"""What is still to come when a call has returned: chunks pass on at once, and the call ends when they do.

What the caller gets is the SDK's own object. The iterator of its stream is wrapped, and so is `close` of the HTTP
response below it: the SDK's streaming helpers close that one and not the stream.
"""

from __future__ import annotations

import functools
import time
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Final, Protocol

from openai import AsyncStream, Stream

from confession_otel.guard import Site

from .collector import outside

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from .completion import Completion

_CHUNK: Final = Site("openai.chunk")
_OVER: Final = Site("openai.over")
_ASK: Final = Site("openai.ask")


class Chunks(Protocol):
    """Reads an answer that comes in chunks."""

    def add(self, chunk: Any) -> bool:
        """Take the next chunk; true of the last that there can be."""
        ...

    def read(self, *, exhausted: bool) -> Completion:
        """What has come; if the stream is not exhausted, some of it may be unfinished."""
        ...


class Ending(Protocol):
    """What is to be told how it went on."""

    @property
    def asks(self) -> Sequence[object]:
        """What is to be done, once it is over, before the caller goes on."""
        ...

    def ask_now(self) -> None:
        """Do it."""

    async def ask_now_async(self) -> None:
        """Do it, on the caller's event loop."""

    def ask_later(self) -> None:
        """Leave it to the background: the caller does not wait for the end."""

    def ended(self, chunks: Chunks | None, error: BaseException | None, *, exhausted: bool) -> None:
        """It is over, for the reason given or because it was exhausted or closed; called once.

        Args:
            chunks: what has come of a stream, `None` where none was asked for.
            error: that broke it.
            exhausted: nothing more would have come.
        """


class Rest:
    """The state of what is still to come: what has, and whether it is over."""

    __slots__ = ("_add", "_chunks", "_closable", "_closers", "_ended", "_ending", "began", "reading")

    def __init__(self, ending: Ending, closable: Any) -> None:
        """Learn of its end.

        Args:
            ending: is told of it.
            closable: an HTTP response (of `httpx` or `httpx2`), or the SDK's around it: the caller may close it.
        """
        self._ending: Ending | None = ending
        self._ended: Ending | None = None
        """The same when it has been told, until what it asks for is done."""
        self._chunks: Chunks | None = None
        self._add: Callable[[Any], bool] | None = None
        """Takes the next chunk, as `Chunks.add` does; `None` where nobody wants it."""
        self.began: float | None = None
        """When the first chunk came, of `time.perf_counter()`."""
        self.reading = False
        """Is a chunk being read right now? Then the SDK closes the response by itself, and the iterator says why."""
        self._closable = closable
        self._closers: dict[str, Callable[[], Any]] = {}
        self._watch(closable)

    def _watch(self, closable: Any) -> None:
        for name in ("close", "aclose"):
            if (close := getattr(closable, name, None)) is not None:
                closing = (_async_closing if _is_async(closable.__class__, name) else _closing)(close, self)
                self._closers[name] = closing
                setattr(closable, name, closing)

    def tap(self, stream: Stream[Any] | AsyncStream[Any], chunks: Chunks) -> None:
        """Overhear a stream that the caller is about to get."""
        self._chunks = chunks

        def first(chunk: Any) -> bool:
            self.began = time.perf_counter()
            self._add = chunks.add
            return chunks.add(chunk)

        self._add = first
        if isinstance(stream, Stream):
            stream._iterator = _overheard(stream._iterator, self)  # noqa: SLF001 - no public door
        else:
            stream._iterator = _AsyncTap(stream._iterator, self)  # noqa: SLF001 - as above

    def chunk(self, chunk: Any) -> None:
        """Take note of a chunk on its way to the caller."""
        add = self._add
        if add is None:
            return
        try:
            if add(chunk):
                # Other instrumentations end their span at this chunk, before the stream is exhausted.
                self.over(exhausted=True)
        except Exception as error:  # noqa: BLE001 - the site's to deal with; `with` takes as long as all else here
            _CHUNK.swallow(error)

    def closed(self) -> None:
        """The caller wants no more; what the model had finished by then counts as finished."""
        if not self.reading:
            self.over()

    def over(self, error: BaseException | None = None, *, exhausted: bool = False) -> None:
        """It ended."""
        ending, self._ending = self._ending, None
        self._add = None
        with _OVER:
            if ending is not None:
                self._release()
                self._ended = ending
                outside(lambda: _end(ending, self._chunks, error, exhausted=exhausted))
            if not exhausted and self._ended is not None and self._ended.asks:
                outside(self._ended.ask_later)

    def ask_now(self) -> None:
        """It was exhausted, and the caller is about to learn that."""
        ended, self._ended = self._ended, None
        if ended is not None and ended.asks:
            ended.ask_now()

    async def ask_now_async(self) -> None:
        """The same, on the caller's event loop."""
        ended, self._ended = self._ended, None
        if ended is not None and ended.asks:
            await ended.ask_now_async()

    def _release(self) -> None:
        # What the caller closed is as it was, and nothing refers to itself through us.
        for name, closing in self._closers.items():
            if vars(self._closable).get(name) is closing:
                delattr(self._closable, name)
        self._closers.clear()
        self._closable = None

    def __del__(self) -> None:
        # Held by what the caller has alone: he has forgotten it.
        self.over()


@functools.lru_cache(maxsize=64)
def _is_async(kind: type, name: str) -> bool:
    return iscoroutinefunction(getattr(kind, name, None))


def _end(ending: Ending, chunks: Chunks | None, error: BaseException | None, *, exhausted: bool) -> None:
    with _OVER:
        ending.ended(chunks, error, exhausted=exhausted)


def _overheard(iterator: Iterator[Any], rest: Rest) -> Iterator[Any]:
    """The iterator of a stream, overheard: as the SDK's own it is a generator, and forgotten it says nothing."""
    rest.reading = True
    try:
        for chunk in iterator:
            rest.reading = False
            rest.chunk(chunk)
            yield chunk
            rest.reading = True
    except BaseException as error:
        if rest.reading:
            rest.over(error)
        raise
    finally:
        rest.reading = False
    rest.over(exhausted=True)
    with _ASK:
        rest.ask_now()


class _AsyncTap:
    """The asynchronous iterator of a stream, overheard.

    No generator: one that is forgotten is closed by its event loop, later, and not at all where that runs no more.
    """

    __slots__ = ("_iterator", "_rest")

    def __init__(self, iterator: Any, rest: Rest) -> None:
        self._iterator = iterator
        self._rest = rest

    def __getattr__(self, name: str) -> Any:
        return getattr(self._iterator, name)

    def __aiter__(self) -> _AsyncTap:
        return self

    async def __anext__(self) -> Any:
        rest = self._rest
        rest.reading = True
        try:
            chunk = await anext(self._iterator)
        except StopAsyncIteration:
            rest.over(exhausted=True)
            with _ASK:
                await rest.ask_now_async()
            raise
        except BaseException as error:
            rest.over(error)
            raise
        finally:
            rest.reading = False
        rest.chunk(chunk)
        return chunk


def _closing(close: Callable[[], None], rest: Rest) -> Callable[[], None]:
    def closing() -> None:
        try:
            close()
        finally:
            rest.closed()

    return closing


def _async_closing(close: Callable[[], Awaitable[None]], rest: Rest) -> Callable[[], Awaitable[None]]:
    async def closing() -> None:
        try:
            await close()
        finally:
            rest.closed()

    return closing

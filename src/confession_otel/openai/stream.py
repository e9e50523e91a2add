"""A call whose answer comes in chunks: each passes on at once, and the call ends when the stream does, however it does.

The stream that the caller gets is the SDK's own object. Its iterator is wrapped, and so is `close` of the HTTP response
below it: the SDK's streaming helpers close that one and not the stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from openai import AsyncStream, Stream

from confession_otel.guard import Site

if TYPE_CHECKING:
    from .completion import Completion

_CHUNK: Final = Site("openai.chunk")


class Chunks(Protocol):
    """Reads an answer that comes in chunks."""

    @property
    def complete(self) -> bool:
        """Has the model finished, whether or not the stream is exhausted?"""
        ...

    def add(self, chunk: Any) -> None:
        """Take the next chunk."""

    def read(self) -> Completion:
        """What has come so far."""
        ...


class Ending(Protocol):
    """What is to be told how a stream went."""

    def first_chunk(self) -> None:
        """The first chunk is here."""

    def ended(self, completion: Completion, error: BaseException | None, *, complete: bool) -> None:
        """The stream is over; called once."""


class Observed:
    """The state of one stream: what has come, and whether it is over."""

    __slots__ = ("_chunks", "_ending", "_over", "_started", "reading", "tapped")

    def __init__(self, chunks: Chunks, ending: Ending) -> None:
        self._chunks = chunks
        self._ending = ending
        self._started = False
        self._over = False
        self.tapped = False
        self.reading = False
        """Is a chunk being read right now? Then the SDK closes the response by itself, and the iterator says why."""

    def chunk(self, chunk: Any) -> None:
        """Take note of a chunk on its way to the caller."""
        with _CHUNK:
            if not self._started:
                self._started = True
                self._ending.first_chunk()
            self._chunks.add(chunk)

    def closed(self) -> None:
        """The caller closed it; what the model had finished counts as finished."""
        if not self.reading:
            self.over(complete=self._chunks.complete)

    def over(self, error: BaseException | None = None, *, complete: bool) -> None:
        """It ended."""
        if not self._over:
            self._over = True
            with _CHUNK:
                self._ending.ended(self._chunks.read(), error, complete=complete)

    def __del__(self) -> None:
        # Held by the stream and the response alone: the caller has forgotten both.
        self.closed()


class _Tap:
    """The iterator of a stream, overheard."""

    __slots__ = ("_iterator", "_observed")

    def __init__(self, iterator: Any, observed: Observed) -> None:
        self._iterator = iterator
        self._observed = observed

    def __iter__(self) -> _Tap:
        return self

    def __next__(self) -> Any:
        observed = self._observed
        observed.reading = True
        try:
            chunk = next(self._iterator)
        except StopIteration:
            observed.over(complete=True)
            raise
        except BaseException as error:
            observed.over(error, complete=False)
            raise
        finally:
            observed.reading = False
        observed.chunk(chunk)
        return chunk


class _AsyncTap:
    """The iterator of an asynchronous stream, overheard."""

    __slots__ = ("_iterator", "_observed")

    def __init__(self, iterator: Any, observed: Observed) -> None:
        self._iterator = iterator
        self._observed = observed

    def __aiter__(self) -> _AsyncTap:
        return self

    async def __anext__(self) -> Any:
        observed = self._observed
        observed.reading = True
        try:
            chunk = await anext(self._iterator)
        except StopAsyncIteration:
            observed.over(complete=True)
            raise
        except BaseException as error:
            observed.over(error, complete=False)
            raise
        finally:
            observed.reading = False
        observed.chunk(chunk)
        return chunk


def tap(stream: Stream[Any] | AsyncStream[Any], observed: Observed) -> None:
    """Overhear the chunks of a stream that the caller is about to get; once, however often it is handed out."""
    if not observed.tapped:
        observed.tapped = True
        wrap = _Tap if isinstance(stream, Stream) else _AsyncTap
        stream._iterator = wrap(stream._iterator, observed)  # noqa: SLF001 - no public door


def watch(response: Any, observed: Observed) -> None:
    """Learn when the HTTP response below a stream is closed.

    Args:
        response: of `httpx` or `httpx2`, synchronous or not.
        observed: told of it.
    """
    close, aclose = response.close, response.aclose

    def closing() -> None:
        try:
            close()
        finally:
            observed.closed()

    async def aclosing() -> None:
        try:
            await aclose()
        finally:
            observed.closed()

    response.close, response.aclose = closing, aclosing

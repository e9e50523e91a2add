"""HTTP clients that a follow-up goes through: the caller's own, bound in time and size, or one of its thread's own."""

from __future__ import annotations

import contextlib
import functools
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from openai import DefaultHttpxClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

_LONGEST_REPLY: Final = 8 * 1024 * 1024
"""Bytes. A confession has some thousands; what never ends is none."""

_of_thread: Final = threading.local()
"""`own`: what sync requests in the background go through."""


class _Own:
    """An HTTP client of a thread, closed when the thread ends: nothing else refers to this."""

    def __init__(self) -> None:
        self.client = DefaultHttpxClient()

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.client.close()


def of_this_thread() -> Any:
    """An HTTP client like those that the SDK makes, which lives as long as this thread."""
    own = getattr(_of_thread, "own", None)
    if own is None:
        own = _of_thread.own = _Own()
    return own.client


class Within:
    """A transport that gives up in time: its own timeouts begin anew with each byte, and a reply may never end."""

    def __init__(self, client: Any, seconds: float) -> None:
        self._inner = client
        self._until = time.monotonic() + seconds

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @property  # type: ignore[misc] # of `object` it can be set
    def __class__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The SDK asks of which flavour it is."""
        return type(self._inner)

    def send(self, request: Any, **keywords: Any) -> Any:
        """As the client's."""
        stream = keywords.pop("stream", False)
        request.extensions = {**request.extensions, "trace": functools.partial(self._phase, request)}
        try:
            response = self._inner.send(request, stream=True, **keywords)
        finally:
            # It refers to itself through us.
            request.extensions.pop("trace", None)
        for name in ("iter_raw", "iter_bytes"):
            setattr(response, name, functools.partial(self._bounded, getattr(response, name), request))
        if not stream:
            try:
                response.read()
            except BaseException:
                response.close()
                raise
            finally:
                del response.iter_raw, response.iter_bytes
        return response

    def _phase(self, request: Any, event: str, _: Any) -> None:
        """To connect, to send, to receive: no phase begins anew with the whole time."""
        if event.endswith(".started") and "close" not in event:
            left = self._until - time.monotonic()
            if left <= 0:
                raise _gives_up(request)
            timeouts = request.extensions.get("timeout", {})
            timeouts.update(dict.fromkeys(timeouts, left))

    def _bounded(self, chunks: Callable[..., Iterator[bytes]], request: Any, *size: int) -> Iterator[bytes]:
        length = 0
        for chunk in chunks(*size):
            length += len(chunk)
            if time.monotonic() > self._until or length > _LONGEST_REPLY:
                raise _gives_up(request)
            yield chunk


class AsyncWithin(Within):
    """The same in async, where whoever awaits it sees to the time."""

    async def send(self, request: Any, **keywords: Any) -> Any:
        """As the client's."""
        stream = keywords.pop("stream", False)
        response = await self._inner.send(request, stream=True, **keywords)
        for name in ("aiter_raw", "aiter_bytes"):
            setattr(response, name, functools.partial(self._abounded, getattr(response, name), request))
        if not stream:
            try:
                await response.aread()
            except BaseException:
                await response.aclose()
                raise
            finally:
                # It refers to itself through us.
                del response.aiter_raw, response.aiter_bytes
        return response

    async def _abounded(self, chunks: Callable[..., AsyncIterator[bytes]], request: Any, *size: int) -> Any:
        length = 0
        async for chunk in chunks(*size):
            length += len(chunk)
            if length > _LONGEST_REPLY:
                raise _gives_up(request)
            yield chunk


def _gives_up(request: Any) -> Exception:
    # `httpx` or `httpx2`, whichever the client is of: the SDK knows both.
    flavour = sys.modules[type(request).__module__.partition(".")[0]]
    error: Exception = flavour.ReadTimeout("the reply does not end", request=request)
    return error

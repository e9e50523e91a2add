"""The SDK's one door: `request` of its two base clients, through which every call of every resource passes.

The two wrappers differ by `async` and `await` alone; all else is in `Call`. Ours runs under the guard, the host's
outside of it.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

from openai import AsyncOpenAI, OpenAI
from openai._base_client import AsyncAPIClient, SyncAPIClient

from confession_otel.guard import Site
from confession_otel.patching import Patch
from confession_otel.settings import Way

from . import collector
from .in_band import seam
from .opening import begin

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from confession_otel.observation import Observer

_BEGIN: Final = Site("openai.begin")
_LEAVE: Final = Site("openai.leave")
_RETURNED: Final = Site("openai.returned")
_RAISED: Final = Site("openai.raised")
_ASK: Final = Site("openai.ask")

_observer: Callable[[], Observer] | None = None
_around: Final[list[Patch]] = []


def open_for(observer: Callable[[], Observer]) -> None:
    """Patch both base clients; what passes is handed to the observer of that moment."""
    global _observer  # noqa: PLW0603 - the door is one for the process, as the SDK is
    _observer = observer
    collector.watch()
    for patch in _PATCHES:
        patch.apply()
    if observer().settings.way is Way.IN_BAND:
        seam.open()
    # OpenInference and Logfire put their wrapper on the clients themselves. One that was there before us calls the base
    # client's method of then, and so goes past ours: we go around it.
    for client, patch, wrap in ((OpenAI, _PATCHES[0], _sync), (AsyncOpenAI, _PATCHES[1], _async)):
        request = vars(client).get("request")
        if request is not None and not any(one.is_in(request) for one in (patch, *_around)):
            around = Patch(client, "request", functools.partial(_wrap_method, wrap))
            around.apply()
            _around.append(around)


def close() -> None:
    """Give both methods back; where they cannot be given back, calls pass through unobserved."""
    global _observer  # noqa: PLW0603 - as above
    _observer = None
    collector.unwatch()
    seam.close()
    for patch in (*_around, *_PATCHES):
        patch.remove()
    # What somebody has wrapped since stays where it is, and is not to be put there once more.
    _around[:] = [patch for patch in _around if patch.is_in_place]


def _sync(request: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(request)
    def observed(*arguments: Any, **keywords: Any) -> Any:
        call = None
        if _observer is not None:
            try:
                call = begin(_observer, arguments, keywords)
            except Exception as error:  # noqa: BLE001 - the sites' to deal with, here and below; `with` takes longer
                _BEGIN.swallow(error)
        if call is None:
            return request(*arguments, **keywords)
        try:
            response = request(*call.passed.arguments, **call.passed.keywords)
        except BaseException as error:
            with _RAISED:
                call.raised(error)
            raise
        finally:
            try:
                call.leave()
            except Exception as error:  # noqa: BLE001 - as above
                _LEAVE.swallow(error)
        try:
            call.returned(response)
        except Exception as error:  # noqa: BLE001 - as above
            _RETURNED.swallow(error)
        if call.asks:
            with _ASK:
                call.ask_now()
        return response

    return observed


def _async(request: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(request)
    async def observed(*arguments: Any, **keywords: Any) -> Any:
        call = None
        if _observer is not None:
            try:
                call = begin(_observer, arguments, keywords)
            except Exception as error:  # noqa: BLE001 - the sites' to deal with, here and below; `with` takes longer
                _BEGIN.swallow(error)
        if call is None:
            return await request(*arguments, **keywords)
        try:
            response = await request(*call.passed.arguments, **call.passed.keywords)
        except BaseException as error:
            with _RAISED:
                call.raised(error)
            raise
        finally:
            try:
                call.leave()
            except Exception as error:  # noqa: BLE001 - as above
                _LEAVE.swallow(error)
        try:
            call.returned(response)
        except Exception as error:  # noqa: BLE001 - as above
            _RETURNED.swallow(error)
        if call.asks:
            with _ASK:
                await call.ask_now_async()
        return response

    return observed


def _wrap_method(wrap: Callable[..., Callable[..., Any]], request: Any) -> Callable[..., Any]:
    return wrap(_as_method(request))


def _as_method(request: Any) -> Callable[..., Any]:
    # Wrappers of `wrapt` learn the client only where they are bound to it.
    @functools.wraps(request)
    def bound(client: Any, *arguments: Any, **keywords: Any) -> Any:
        return request.__get__(client, type(client))(*arguments, **keywords)

    return bound


_PATCHES: Final = (Patch(SyncAPIClient, "request", _sync), Patch(AsyncAPIClient, "request", _async))

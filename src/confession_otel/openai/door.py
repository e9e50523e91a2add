"""The SDK's one door: `request` of its two base clients, through which every call of every resource passes.

The two wrappers differ by `async` and `await` alone; all else is in `Call`.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

from openai._base_client import AsyncAPIClient, SyncAPIClient

from confession_otel.patching import Patch

from .call import begin

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from confession_otel.observation import Observer

_observer: Callable[[], Observer] | None = None


def open_for(observer: Callable[[], Observer]) -> None:
    """Patch both base clients; what passes is handed to the observer of that moment."""
    global _observer  # noqa: PLW0603 - the door is one for the process, as the SDK is
    _observer = observer
    for patch in _PATCHES:
        patch.apply()


def close() -> None:
    """Give both methods back; where they cannot be given back, calls pass through unobserved."""
    global _observer  # noqa: PLW0603 - as above
    _observer = None
    for patch in _PATCHES:
        patch.remove()


def _sync(request: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(request)
    def observed(*arguments: Any, **keywords: Any) -> Any:
        call = begin(_observer, arguments, keywords)
        if call is None:
            return request(*arguments, **keywords)
        with call:
            response = request(*arguments, **keywords)
            call.saw(response)
            return response

    return observed


def _async(request: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(request)
    async def observed(*arguments: Any, **keywords: Any) -> Any:
        call = begin(_observer, arguments, keywords)
        if call is None:
            return await request(*arguments, **keywords)
        with call:
            response = await request(*arguments, **keywords)
            call.saw(response)
            return response

    return observed


_PATCHES: Final = (Patch(SyncAPIClient, "request", _sync), Patch(AsyncAPIClient, "request", _async))

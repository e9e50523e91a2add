"""What stands twice for `async` and `await` says the same twice."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest

from confession_otel.openai import door, stream

if TYPE_CHECKING:
    from collections.abc import Callable

TWINS: dict[str, tuple[Callable[..., Any], Callable[..., Any], dict[str, str]]] = {
    "door": (
        door._async,
        door._sync,
        {
            "def _async(": "def _sync(",
            "Callable[..., Awaitable[Any]]": "Callable[..., Any]",
            "async def observed": "def observed",
            "await request(": "request(",
            "await call.ask_now_async()": "call.ask_now()",
        },
    ),
    "closing": (
        stream._async_closing,
        stream._closing,
        {
            "def _async_closing(": "def _closing(",
            "Awaitable[None]": "None",
            "async def closing": "def closing",
            "await close()": "close()",
        },
    ),
}
"""The asynchronous one, the synchronous one, and all that may differ."""


@pytest.mark.parametrize("twins", TWINS)
def test_the_asynchronous_twin_differs_by_its_colour_alone(twins: str) -> None:
    asynchronous, synchronous, differences = TWINS[twins]
    source = inspect.getsource(asynchronous)
    for theirs, ours in differences.items():
        assert theirs in source, "no longer a difference"
        source = source.replace(theirs, ours)
    assert source == inspect.getsource(synchronous)

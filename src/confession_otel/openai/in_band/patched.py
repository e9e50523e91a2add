"""Where the confession is taken out: the clients' step from HTTP to what they make of it, patched while that is wanted.

A request that was told may be under way when the hook is taken off. Its answer is still to come, and a confession in
it: the patches stay until the last one is there.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Final

from openai._base_client import AsyncAPIClient, SyncAPIClient

from confession_otel.patching import Patch

from .telling import through

if TYPE_CHECKING:
    from collections.abc import Sequence

_PATCHES: Final[Sequence[Patch]] = tuple(
    Patch(client, "_process_response", through) for client in (SyncAPIClient, AsyncAPIClient)
)


class _Seam:
    """Whether it is wanted, and for how many requests it is needed."""

    def __init__(self) -> None:
        # Reentrant: a signal handler or a finaliser may come here while its own thread is inside.
        self._lock = threading.RLock()
        self._wanted = False
        self._needed = 0

    def open(self) -> None:
        """Requests may be told from now on."""
        with self._lock:
            self._wanted = True
            for patch in _PATCHES:
                patch.apply()

    def close(self) -> None:
        """No further ones."""
        with self._lock:
            self._wanted = False
            self._settle()

    def need(self) -> bool:
        """May a request be told? It is under way then, until `spare`."""
        with self._lock:
            self._needed += self._wanted
            return self._wanted

    def spare(self) -> None:
        """One that was told has its response, or will have none."""
        with self._lock:
            self._needed -= 1
            self._settle()

    def after_fork(self) -> None:
        """Only the thread that forked goes on: a lock of another's would stay locked for ever."""
        self._lock = threading.RLock()

    def _settle(self) -> None:
        if not self._wanted and self._needed <= 0:
            for patch in _PATCHES:
                patch.remove()


seam: Final = _Seam()
"""One for the process, as the SDK is."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=seam.after_fork)

"""Hanging ourselves onto other people's code, and off it again, without importing it early."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from .guard import Site

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


def when_imported(module: str, then: Callable[[ModuleType], None]) -> None:
    """Call `then` with the module: now if it is loaded, else as soon as somebody imports it.

    Without `wrapt`, which gives the import hook, the module is imported here and now.
    """
    site = Site(f"patching.{module}")

    def guarded(loaded: ModuleType) -> None:
        # Runs inside the host's import statement.
        with site:
            then(loaded)

    if module in sys.modules:
        guarded(sys.modules[module])
        return
    try:
        from wrapt import register_post_import_hook  # noqa: PLC0415 - optional
    except ImportError:
        with site:
            then(importlib.import_module(module))
        return
    register_post_import_hook(guarded, module)


class Patch:
    """One method of a class, or function of a module, replaced by a wrapper and given back.

    If somebody else has wrapped the method after us, it cannot be given back without wiping their patch. Ours then
    stays in their chain, so a wrapper must pass through when there is nothing for it to do.
    """

    __slots__ = ("_name", "_original", "_owner", "_wrap", "_wrapper")

    def __init__(
        self, owner: type | ModuleType, name: str, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]
    ) -> None:
        self._owner = owner
        self._name = name
        self._wrap = wrap
        self._original: Any = None
        self._wrapper: Any = None

    def apply(self) -> None:
        """Put the wrapper in place, around whatever is there; not if ours is, alone or under somebody else's."""
        there = self._owner.__dict__[self._name]
        if not self.is_in(there):
            self._original, self._wrapper = there, self._wrap(there)
            setattr(self._owner, self._name, self._wrapper)

    @property
    def is_in_place(self) -> bool:
        """Does what is called come by here, whether ours is outermost or not?"""
        return self._wrapper is not None and self.is_in(self._owner.__dict__.get(self._name))

    def is_in(self, method: Any) -> bool:
        """Is this our wrapper, or somebody else's around it?"""
        while method is not None:
            if method is self._wrapper:
                return True
            method = getattr(method, "__wrapped__", None)
        return False

    def remove(self) -> None:
        """Give the original back, unless somebody else's wrapper is around ours."""
        if self._wrapper is not None and self._owner.__dict__.get(self._name) is self._wrapper:
            setattr(self._owner, self._name, self._original)

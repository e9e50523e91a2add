"""Which providers the processors are on: the one given, or the global one, also where that is set later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from weakref import ref

from confession_otel.guard import Site, say_once
from confession_otel.patching import Patch

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

_SET: Final = Site("processor.providers")


class Place:
    """Where processors of one signal go."""

    def __init__(
        self, module: ModuleType, setter: str, current: Callable[[], Any], add: str, make: Callable[[], Any]
    ) -> None:
        """Remember how.

        Args:
            module: of the API, which holds the global provider.
            setter: name of its function that sets it.
            current: gives the global provider, or the API's stand-in for it.
            add: method of a provider that takes a processor.
            make: makes one.
        """
        self._module = module
        self._setter = setter
        self._current = current
        self._add = add
        self._make = make
        # Pairs, and no dictionary: Logfire's providers cannot be hashed.
        self._processors: list[tuple[ref[Any], Any]] = []
        self._set_later = Patch(module, setter, self._wrap) if hasattr(module, setter) else None
        self._waiting = False

    def put(self, provider: Any | None) -> None:
        """Put a processor on this provider, by default on the global one, now or when it is set."""
        found = self._current() if provider is None else provider
        if self._put(found):
            return
        if provider is not None:
            say_once(
                f"processor.{self._add}",
                "%s takes no processors: spans of other instrumentations are not looked at there",
                type(provider).__name__,
            )
        elif self._set_later is not None:
            self._waiting = True
            self._set_later.apply()

    def rest(self) -> None:
        """Have all of them do nothing."""
        self._waiting = False
        if self._set_later is not None:
            self._set_later.remove()
        for _, processor in self._processors:
            processor.active = False

    def _put(self, provider: Any) -> bool:
        self._processors = [pair for pair in self._processors if pair[0]() is not None]
        for there, processor in self._processors:
            if there() is provider:
                processor.active = True
                return True
        add = getattr(provider, self._add, None)
        if add is None:
            return False
        processor = self._make()
        add(processor)
        self._processors.append((ref(provider), processor))
        return True

    def _wrap(self, setter: Callable[..., Any]) -> Callable[..., Any]:
        def setting(*arguments: Any, **keywords: Any) -> Any:
            result = setter(*arguments, **keywords)
            if self._waiting:
                with _SET:
                    # Whose turn it was may have been over: what counts is what is in force.
                    self._waiting = not self._put(self._current())
            return result

        return setting

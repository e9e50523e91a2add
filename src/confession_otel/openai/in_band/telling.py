"""In-band: the model is told to append its confession, which is taken out between HTTP and what the SDK makes of it."""

from __future__ import annotations

import functools
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from confession_otel.answer import Told
from confession_otel.asking import question
from confession_otel.guard import Site
from confession_otel.openai.fields import late_role

from .removal import Removal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import ModuleType

    from openai._models import FinalRequestOptions

    from confession_otel.answer import Answer

_REMOVE: Final = Site("openai.between")


class Telling:
    """One request told to have its answer end in a confession."""

    __slots__ = ("_role", "options", "removal")

    def __init__(self, options: FinalRequestOptions, role: str, removal: Removal) -> None:
        self.options = options
        """Of the request as it is sent: a copy."""
        self.removal = removal
        self._role = role

    def is_of(self, options: FinalRequestOptions) -> bool:
        """Is this the request that was told? While it is under way, its transport may send others."""
        return options.json_data is self.options.json_data or self.removal.tag in str(options.json_data)

    def took_from(self, answer: Answer) -> None:
        """Say of an answer what was taken out of it."""
        answer.told = Told(self._role)
        removed = self.removal.confessions.get(answer.choice or 0)
        if removed is not None:
            answer.told.took(removed.confession, truncated=removed.truncated)


removing: Final[ContextVar[Telling | None]] = ContextVar("confession_otel_removing", default=None)
"""Set while a request is under way whose answer ends in a confession."""


def tell(
    client: Any, api: ModuleType, options: FinalRequestOptions, body: Mapping[str, Any], policies: Sequence[str]
) -> Telling | None:
    """Add the instruction to a request; `None` where its answer has no room for a confession.

    Args:
        client: of the SDK.
        api: `chat` or `responses`.
        options: of the request; they stay as they are.
        body: of the request.
        policies: the operator's own rules.
    """
    role, tag = late_role(client, body), question.new_tag()
    told = api.told(body, question.in_band(tag, policies), role)
    if told is None:
        return None
    changed = options.model_copy()
    changed.json_data = told
    return Telling(changed, role, Removal(tag, api.NAME))


def through(process: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap `_process_response` of a base client, of either: the work is done before the first `await`."""

    @functools.wraps(process)
    def processed(client: Any, *arguments: Any, **keywords: Any) -> Any:
        with _REMOVE:
            telling = removing.get()
            if telling is not None and telling.is_of(keywords["options"]):
                telling.removal.apply(keywords["response"])
        return process(client, *arguments, **keywords)

    return processed

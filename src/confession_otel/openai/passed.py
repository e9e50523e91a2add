"""What the SDK's one door is called with: `request(client, cast_to, options, *, stream, stream_cls)`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openai._models import FinalRequestOptions

_PLACE: Final = 2
"""Of the options, where they are given by position."""


class Passed:
    """The arguments of one call of it."""

    __slots__ = ("arguments", "body", "client", "keywords", "options", "request")

    def __init__(self, arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> None:
        self.arguments = arguments
        self.keywords = keywords
        self.client: Any = arguments[0] if arguments else keywords["self"]
        """Whose call it is."""
        self.options: FinalRequestOptions = arguments[_PLACE] if len(arguments) > _PLACE else keywords["options"]
        """Of the request."""
        body = self.options.json_data
        self.request: object = self.options if body is None else body
        """What is sent: the same object where a client's own `request` leads to that of the client below it."""
        self.body: Mapping[str, Any] = body if isinstance(body, dict) else {}
        """The fields of the request; none where it has no JSON object for a body."""

    def with_options(self, options: FinalRequestOptions) -> Passed:
        """The same, for another request."""
        if len(self.arguments) > _PLACE:
            return Passed((*self.arguments[:_PLACE], options, *self.arguments[_PLACE + 1 :]), self.keywords)
        return Passed(self.arguments, {**self.keywords, "options": options})

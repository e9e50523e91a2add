"""What the SDK's one door is called with: `request(client, cast_to, options, *, stream, stream_cls)`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openai._models import FinalRequestOptions

_PLACE: Final = 2
"""Of the options, where they are given by position."""


class Passed(NamedTuple):
    """The arguments of one call of it."""

    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]

    @property
    def client(self) -> Any:
        """Whose call it is."""
        return self.arguments[0] if self.arguments else self.keywords["self"]

    @property
    def options(self) -> FinalRequestOptions:
        """Of the request."""
        options: FinalRequestOptions = (
            self.arguments[_PLACE] if len(self.arguments) > _PLACE else self.keywords["options"]
        )
        return options

    @property
    def request(self) -> object:
        """What is sent: the same object where a client's own `request` leads to that of the client below it."""
        options = self.options
        return options if options.json_data is None else options.json_data

    def with_options(self, options: FinalRequestOptions) -> Passed:
        """The same, for another request."""
        if len(self.arguments) > _PLACE:
            return Passed((*self.arguments[:_PLACE], options, *self.arguments[_PLACE + 1 :]), self.keywords)
        return Passed(self.arguments, {**self.keywords, "options": options})


def body_of(options: FinalRequestOptions) -> Mapping[str, Any]:
    """The fields of a request; none where it has no JSON object for a body."""
    return options.json_data if isinstance(options.json_data, dict) else {}

"""Responses that the provider makes in the background, to be retrieved later: where each of them comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from openai import NotGiven
from opentelemetry.trace import NonRecordingSpan

from confession_otel.bounded import BoundedTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openai._models import FinalRequestOptions
    from opentelemetry.trace import Span

_RETRIEVE: Final = "/responses/"
"""Path of what retrieves one, before its id."""


class Origin(NamedTuple):
    """The call that began one."""

    span: Span
    """Its answer span, ended by now: the ids are enough."""
    options: FinalRequestOptions
    """Of the request, without its input: what goes on by the response's id does not need it."""

    @property
    def body(self) -> Mapping[str, Any]:
        """The fields of the request."""
        return self.options.json_data if isinstance(self.options.json_data, dict) else {}


_origins: Final[BoundedTable[str, Origin]] = BoundedTable(size=1024, seconds=3600)
"""By the ids of the responses that the provider still works on."""


def retrieved(path: str) -> Origin | None:
    """Where the response comes from that a `GET` of this path retrieves; `None` where we did not see it begin."""
    if not path.startswith(_RETRIEVE):
        return None
    return _origins.get(path.removeprefix(_RETRIEVE).partition("?")[0])


def pending(response_id: str, span: Span, options: FinalRequestOptions) -> None:
    """Remember where a response comes from that is not there yet."""
    slim = options.model_copy()
    # Ours, if any, holds the call, and with it the input.
    slim.post_parser = NotGiven()
    origin = Origin(NonRecordingSpan(span.get_span_context()), slim)
    slim.json_data = {name: value for name, value in origin.body.items() if name != "input"}
    _origins.put(response_id, origin)


def done(response_id: str) -> bool:
    """Forget it; of several who retrieve it at the same time, the first is told that it was remembered."""
    return _origins.pop(response_id) is not None

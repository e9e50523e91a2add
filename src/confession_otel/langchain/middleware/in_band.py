"""In-band: a request whose answer ends in a confession, and the messages of that answer without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from langchain_core.messages import AIMessage, HumanMessage

from confession_otel.answer import Told
from confession_otel.asking import question
from confession_otel.langchain.stripping import take_out

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROLE: Final = "user"


class Telling:
    """One request told to have its answer end in a confession."""

    __slots__ = ("_tag", "request")

    def __init__(self, request: Any, tag: str) -> None:
        self.request = request
        """As it is sent: a copy."""
        self._tag = tag

    def take_from(self, result: list[Any]) -> Told:
        """Take the confession out of the messages of the answer, in place in the list."""
        told = Told(_ROLE)
        for number, message in enumerate(result):
            if isinstance(message, AIMessage):
                result[number], removed = take_out(message, self._tag)
                if removed is not None:
                    told.took(removed.confession, truncated=removed.truncated)
        return told


def tell(request: Any, policies: Sequence[str]) -> Telling | None:
    """Add the instruction to a request; `None` where its answer has no room for a confession.

    Args:
        request: of the agent's; it stays as it is.
        policies: the operator's own rules.
    """
    # A provider that holds the model to a schema leaves no room; with tools for it, no text is expected.
    if request.response_format is not None:
        return None
    tag = question.new_tag()
    return Telling(_with(request, question.in_band(tag, policies)), tag)


def _with(request: Any, instruction: str) -> Any:
    """A copy of a request, at whose end the instruction stands."""
    messages = list(request.messages)
    last = messages[-1] if messages else None
    # Roles must alternate for many providers.
    if isinstance(last, HumanMessage):
        content: Any = (
            f"{last.content}\n\n{instruction}"
            if isinstance(last.content, str)
            else [*last.content, {"type": "text", "text": instruction}]
        )
        messages[-1] = last.model_copy(update={"content": content})
    else:
        messages.append(HumanMessage(instruction))
    return request.override(messages=messages)

"""What spans of other instrumentations say: which are calls of a model or a tool, and what the model gave.

    written = read(span.attributes)
    if written is not None and written.kind is Kind.INFERENCE:
        choices = written.output()           # one for each choice of the call

Nothing here emits anything or imports an SDK. `table.py` has one entry for each family of instrumentations.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, Final

from . import requests
from .shapes import Choice, choices_of
from .table import DIALECTS, EVENTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .table import Dialect

MARKS: Final = frozenset(dialect.mark for dialect in DIALECTS)
"""Attributes of which a span of a GenAI instrumentation has at least one."""


class Kind(enum.Enum):
    """What a span of a GenAI instrumentation is of."""

    INFERENCE = enum.auto()
    """One call of a model."""
    TOOL = enum.auto()
    """One call of a tool."""
    OTHER = enum.auto()
    """An agent, a chain, a retrieval: it may hold many calls."""


class Written:
    """What a span of a GenAI instrumentation says."""

    __slots__ = ("_attributes", "_dialects", "kind")

    def __init__(self, attributes: Mapping[str, Any]) -> None:
        """Look at the attributes of a span: a mapping that nobody goes on writing to."""
        self._attributes = attributes
        self._dialects = [dialect for dialect in DIALECTS if dialect.mark in attributes]
        self.kind = _kind(attributes, self._dialects)

    def output(self) -> list[Choice]:
        """What the model gave; nothing where none of its words are there."""
        for dialect in self._dialects:
            for read in dialect.outputs:
                if choices := read(self._attributes):
                    return self._stopped(choices)
        return []

    def fields(self) -> dict[str, str]:
        """Fields of the answer that it names: model, response id, conversation, provider, agent."""
        attributes = self._attributes
        known: dict[str, str] = {}
        for dialect in self._dialects:
            for name, keys in dialect.fields:
                if name not in known:
                    for key in keys:
                        if value := attributes.get(key):
                            known[name] = str(value)
                            break
        return known

    def asked(self) -> tuple[list[str], str] | None:
        """The instructions of the request, and the user's last message; `None` where it does not say."""
        return requests.asked(self._attributes)

    def is_elsewhere(self) -> bool:
        """Does the output of this call come with a span of its own?"""
        return any(one.elsewhere is not None and one.elsewhere(self._attributes) for one in self._dialects)

    def waits_for_tools(self) -> bool:
        """Does the call, by its reason to stop, wait for what tools give? Known where its words are not."""
        return any(choice.tool_turn for choice in self._stopped([Choice()]))

    def tool(self, otherwise: str) -> str:
        """Name of the tool; `otherwise` where it does not say."""
        for dialect in self._dialects:
            for key in dialect.tool_name:
                if value := self._attributes.get(key):
                    return str(value)
        return otherwise

    def _stopped(self, choices: list[Choice]) -> list[Choice]:
        """The choices, with the reasons to stop that stand beside them."""
        reasons: list[str] | None = None
        for number, choice in enumerate(choices):
            if choice.finish_reason is None:
                if reasons is None:
                    reasons = self._reasons()
                if reasons:
                    choice.because(reasons[min(number, len(reasons) - 1)])
        return choices

    def _reasons(self) -> list[str]:
        for dialect in self._dialects:
            for key in dialect.finish_reason:
                value = self._attributes.get(key)
                if isinstance(value, str):
                    # Some write lists, and strings, as JSON.
                    value = [part.strip(' "[]') for part in value.split(",")]
                if value and isinstance(value, (list, tuple)):
                    return [str(one) for one in value]
        return []


def read(attributes: Mapping[str, Any]) -> Written | None:
    """What a span with these attributes says; `None` for one that no GenAI instrumentation made."""
    # Most spans of a service are of something else: one look, no more.
    return None if MARKS.isdisjoint(attributes) else Written(attributes)


def is_inference(attributes: Mapping[str, Any]) -> bool:
    """Is this the span of one call of a model?"""
    return not MARKS.isdisjoint(attributes) and _kind(attributes, DIALECTS) is Kind.INFERENCE


def is_output_event(name: str) -> bool:
    """Do events of this name hold what a model gave?"""
    return name in EVENTS


def output_of_event(name: str, attributes: Mapping[str, Any], body: object = None) -> list[Choice]:
    """What the model gave, by an event of its call.

    Args:
        name: of the event.
        attributes: of the event.
        body: of the log record, where it is one.
    """
    event = EVENTS.get(name)
    return [] if event is None else event(attributes, body)


def _kind(attributes: Mapping[str, Any], dialects: list[Dialect] | tuple[Dialect, ...]) -> Kind | None:
    kind = None
    for dialect in dialects:
        value = attributes.get(dialect.mark)
        if not isinstance(value, str):
            continue
        if value in dialect.inference:
            return Kind.INFERENCE
        if value in dialect.tool:
            return Kind.TOOL
        if dialect.decides:
            return Kind.OTHER
        if dialect.inference:
            kind = Kind.OTHER
    return kind


__all__ = [
    "MARKS",
    "Choice",
    "Kind",
    "Written",
    "choices_of",
    "is_inference",
    "is_output_event",
    "output_of_event",
    "read",
]

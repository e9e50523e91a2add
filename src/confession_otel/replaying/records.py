"""What a line says: calls of a model, or nothing that is ours, or nothing that can be read."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - the records are pickled, and looked into by whoever gets them
from dataclasses import dataclass, field
from typing import Any

from confession_otel.confession import StrEnum
from confession_otel.corroboration import NO_EVIDENCE, Evidence
from confession_otel.semconv import Source


class Reason(StrEnum):
    """Why a line is rejected."""

    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    """It is JSON, and no object."""
    TOO_LONG = "too_long"
    BAD_FIELD = "bad_field"
    """A field has a value that it cannot have."""
    NO_TIME = "no_time"
    NO_ANSWER = "no_answer"
    """It has none of the fields that hold an answer."""
    BAD_SPAN = "bad_span"
    """In OTLP: a span of a model's call that is none by the specification."""
    UNREADABLE = "unreadable"
    """The file breaks off here."""
    INTERNAL_ERROR = "internal_error"
    """A fault of ours."""


class PassedOver(StrEnum):
    """What is left alone, and counted."""

    BLANK = "blank"
    """A line without a character."""
    ALREADY_RECORDED = "already_recorded"
    """A span that carries `confession.*`, or has a confession span below it."""
    FAILED_REQUEST = "failed_request"
    """A call that gave no answer."""
    NO_CONTENT = "no_content"
    """A span of a model's call without any of its words."""
    SAME_CALL = "same_call"
    """Another span of a call that was read from its innermost one."""
    OTHER_SPAN = "other_span"
    """A span of anything but a model's call."""
    OTHER_SIGNAL = "other_signal"
    """Log records or metrics."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why nothing of a line is emitted."""

    reason: Reason
    detail: str
    """For a person: which field, what is allowed. Holds no word of the line but names of fields."""


class RejectedError(ValueError):
    """Raised while a line is read, where it cannot be."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.rejection = Rejection(reason, detail)


@dataclass(frozen=True, slots=True)
class Given:
    """One answer of a call."""

    text: str
    """What the model wrote; a confession that ends it included."""
    confession: str | None = None
    """The confession, where it stands beside the answer."""
    source: Source = Source.OBSERVE
    """How the confession was got."""
    choice: int | None = None
    """Index of the choice, where the call gave more than one."""
    final: bool = True
    """False for a turn that only calls tools."""
    evidence: Evidence = NO_EVIDENCE
    truncated: bool = False
    """Whoever wrote the text down did so in part only."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a model, as it is to be emitted."""

    trace_id: int
    span_id: int
    """Of the answer span."""
    has_span: bool
    """The answer span is in the backend already; else it is made."""
    began: int
    """Nanoseconds since 1970, as is `ended`."""
    ended: int
    answers: tuple[Given, ...]
    known: Mapping[str, str] = field(default_factory=dict)
    """Fields of `confession_otel.answer.Answer` that are the same for all its answers: model, response id, ..."""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """What else the answer span says, where it is made."""
    resource: Mapping[str, Any] | None = None
    """Of the service that the original span is from."""


@dataclass(frozen=True, slots=True)
class Read:
    """What was read of one line."""

    calls: tuple[Call, ...] = ()
    passed_over: Mapping[PassedOver, int] = field(default_factory=dict)
    rejection: Rejection | None = None
    """Then there are no calls."""

"""Where telemetry goes: an OTLP endpoint, lines of OTLP's JSON, or lines for a person."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final, Protocol

from opentelemetry.trace import INVALID_SPAN_CONTEXT

from confession_otel import semconv
from confession_otel.cli.terminal import shown
from confession_otel.replaying.delivery import Delivery
from confession_otel.replaying.otlp_json import lines

if TYPE_CHECKING:
    from confession_otel.replaying.past import Emitted

_SECOND: Final = 10**9


class Target(Protocol):
    """Takes the telemetry of one piece after another."""

    def put(self, emitted: Emitted) -> None:
        """Take that of one call."""

    def finish(self) -> str:
        """The piece is over: send it, and come back when it was taken; what is to be written here.

        Raises:
            NotTakenError: it was not.
        """
        ...


class Otlp:
    """Sends over HTTP, as the `OTEL_EXPORTER_OTLP_*` variables have it."""

    def __init__(self, *, events: bool) -> None:
        """Begin.

        Args:
            events: send these too.
        """
        self._delivery = Delivery(events=events)

    def put(self, emitted: Emitted) -> None:
        """Hold it until the piece is over."""
        self._delivery.put(emitted)

    def finish(self) -> str:
        """Send."""
        self._delivery.send()
        return ""


class Jsonl:
    """One line for the spans of each call and one for its events."""

    def __init__(self, *, events: bool) -> None:
        """Begin; as above."""
        self._lines: list[str] = []
        self._with_events = events

    def put(self, emitted: Emitted) -> None:
        """Make the lines."""
        self._lines.append(lines(emitted.spans, emitted.events if self._with_events else ()))

    def finish(self) -> str:
        """The lines of the piece."""
        text = "".join(self._lines)
        self._lines.clear()
        return text


class Console:
    """One line for each confession: when, verdict, flag, model, id, what decided it."""

    def __init__(self) -> None:
        """Begin."""
        self._lines: list[str] = []

    def put(self, emitted: Emitted) -> None:
        """Make the lines."""
        for span in emitted.spans:
            if span.name != semconv.SPAN:
                continue
            said = span.attributes or {}
            moment = datetime.fromtimestamp((span.end_time or 0) / _SECOND, timezone.utc).isoformat("T", "seconds")
            words = [
                moment.replace("+00:00", "Z"),
                "⚑" if said[semconv.FLAGGED] else " ",
                str(said.get(semconv.GEN_AI_REQUEST_MODEL, "-")),
                str(said.get(semconv.GEN_AI_RESPONSE_ID, f"{(span.context or INVALID_SPAN_CONTEXT).span_id:016x}")),
                str(said[semconv.OPENINFERENCE_OUTPUT]),
                *(f"[{rule}]" for rule in _names(said.get(semconv.CONTRADICTIONS))),
            ]
            self._lines.append(" ".join(shown(" ".join(words)).split("\n")) + "\n")

    def finish(self) -> str:
        """The lines of the piece."""
        text = "".join(self._lines)
        self._lines.clear()
        return text


def _names(value: Any) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, (list, tuple)) else ()

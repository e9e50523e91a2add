"""Lines of archives, and small readings of what comes of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from confession_otel.replaying import read_line

if TYPE_CHECKING:
    from confession_otel.replaying import Call, Read

FAILED: Final = "Objective: ten words / Result: ✗ did not comply / Why: there are two"
COMPLIED: Final = "Objective: name a fish / Result: ✓ complied / Why: it is named"
ANSWER: Final = f"Fish swim.\n\n## Confession\n\n{FAILED}"
NOON: Final = "2026-03-01T12:00:00Z"
NOON_NS: Final = 1_772_366_400 * 10**9
TRACE: Final = "0af7651916cd43dd8448eb211c80319c"
SPAN: Final = "b7ad6b7169203331"


def line(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def read(**fields: Any) -> Read:
    return read_line(line(**fields))


def call(**fields: Any) -> Call:
    found = read(**fields)
    assert found.rejection is None, found.rejection
    (one,) = found.calls
    return one


def batch(body: object, *, custom_id: str = "row-1", status: int = 200) -> dict[str, Any]:
    return {
        "id": "batch_req_1",
        "custom_id": custom_id,
        "response": {"status_code": status, "request_id": "req_1", "body": body},
        "error": None,
    }


def attributes(**values: str | int | bool) -> list[dict[str, Any]]:
    """Attributes in OTLP's JSON; `__` in a name stands for a dot."""
    kinds = {str: "stringValue", bool: "boolValue", int: "intValue"}
    return [
        {"key": key.replace("__", "."), "value": {kinds[type(value)]: str(value) if type(value) is int else value}}
        for key, value in values.items()
    ]


def span(
    number: int = 1,
    *,
    parent: int | None = None,
    name: str = "chat m",
    trace: str = TRACE,
    error: bool = False,
    start: int = NOON_NS,
    end: int = NOON_NS + 10**9,
    **values: str | int | bool,
) -> dict[str, Any]:
    """A span in OTLP's JSON."""
    return {
        "traceId": trace,
        "spanId": f"{number:016x}",
        **({} if parent is None else {"parentSpanId": f"{parent:016x}"}),
        "name": name,
        "kind": 3,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(end),
        "attributes": attributes(**values),
        "status": {"code": 2} if error else {},
    }


def genai(text: str = ANSWER, number: int = 1, **values: Any) -> dict[str, Any]:
    """The span of a model's call by OpenTelemetry's conventions."""
    message = [{"role": "assistant", "parts": [{"type": "text", "content": text}], "finish_reason": "stop"}]
    named = {
        "gen_ai__operation__name": "chat",
        "gen_ai__request__model": "m",
        "gen_ai__response__id": f"resp-{number}",
        "gen_ai__output__messages": json.dumps(message),
    }
    return span(number, **{**named, **values})


def otlp(*spans: dict[str, Any], scope: str = "opentelemetry.instrumentation.genai.openai", **resource: str) -> bytes:
    """A line of the collector's file exporter."""
    return json.dumps(
        {
            "resourceSpans": [
                {
                    "resource": {"attributes": attributes(**(resource or {"service__name": "shop"}))},
                    "scopeSpans": [{"scope": {"name": scope}, "spans": list(spans)}],
                }
            ]
        }
    ).encode()

"""Spans of a run with us beside those of a run without."""

from __future__ import annotations

from typing import Any


def is_ours(span: dict[str, Any]) -> bool:
    return bool(span["scope"] == "confession_otel")


def theirs(spans: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All spans but ours, without our keys; one that we stand above has the parent that it would have without us."""

    def parent(span: dict[str, Any]) -> Any:
        above = span["parent"]
        while isinstance(above, int) and is_ours(spans[above]):
            above = spans[above]["parent"]
        return spans[above]["name"] if isinstance(above, int) else above

    kept = [
        {
            **span,
            "parent": parent(span),
            "attributes": {
                key: value for key, value in span["attributes"].items() if not key.startswith("confession.")
            },
        }
        for span in spans
        if not is_ours(span)
    ]
    return sorted(kept, key=lambda span: (span["name"], span["scope"]))

"""Phoenix: an annotation of the answer's span, which Phoenix shows on it, sorts by and adds up.

Source: Phoenix's REST interface, `POST /v1/span_annotations`. An annotation is one for each name, span and identifier:
sent again, it replaces itself. One whose span has not arrived waits for it inside Phoenix, ten minutes at most.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.util.re import parse_env_headers

from confession_otel import semconv

from .http import checked, post
from .sink import explanation

if TYPE_CHECKING:
    from confession_otel.composition import Record

ENDPOINT: Final = "PHOENIX_COLLECTOR_ENDPOINT"
_KEY: Final = "PHOENIX_API_KEY"
_HEADERS: Final = "PHOENIX_CLIENT_HEADERS"
_DEFAULT: Final = "http://localhost:6006"


class PhoenixSink:
    """Annotates the answer's span with the verdict.

    Args:
        endpoint: where Phoenix is reached over HTTP; by default `PHOENIX_COLLECTOR_ENDPOINT`, else
            `http://localhost:6006`. A `/v1/traces` at its end is taken off.
        api_key: by default `PHOENIX_API_KEY`. More headers come from `PHOENIX_CLIENT_HEADERS`.

    Raises:
        ValueError: the endpoint is no URL.
    """

    def __init__(self, endpoint: str | None = None, api_key: str | None = None) -> None:
        base = endpoint or os.environ.get(ENDPOINT) or _DEFAULT
        self._url = checked(base.rstrip("/").removesuffix("/v1/traces"), ENDPOINT) + "/v1/span_annotations"
        key = api_key or os.environ.get(_KEY)
        self._headers = {"authorization": f"Bearer {key}"} if key else {}
        self._headers |= parse_env_headers(os.environ.get(_HEADERS, ""), liberal=True)

    def send(self, record: Record) -> None:
        """Annotate."""
        post(self._url, {"data": [annotation(record)]}, self._headers)


def annotation(record: Record) -> dict[str, Any]:
    """The annotation, in Phoenix's words."""
    result = {"label": record.verdict.value, "score": record.score, "explanation": explanation(record)}
    metadata = {
        semconv.FLAGGED: record.flagged,
        semconv.SOURCE: record.source.value,
        semconv.DISCLOSURE: record.disclosure,
        semconv.CONTRADICTIONS: list(record.contradictions) or None,
    }
    return {
        "span_id": f"{record.span_id:016x}",
        "name": semconv.SPAN,
        "annotator_kind": "LLM",
        "identifier": record.id,
        "result": {name: value for name, value in result.items() if value is not None},
        "metadata": {name: value for name, value in metadata.items() if value is not None},
    }

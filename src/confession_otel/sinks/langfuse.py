"""Langfuse: two scores of the answer's observation, the verdict in words and the flag as a boolean, for alerts.

Source: Langfuse's public API, `POST /api/public/scores`. A score is one for each id and timestamp: sent again, it
replaces itself. Today's API takes a list; servers before it take one score at a time and refuse a list with 400.
"""

from __future__ import annotations

import base64
import os
import urllib.error
from datetime import datetime, timezone
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from confession_otel import semconv
from confession_otel.bounded import BoundedTable

from .http import checked, post
from .sink import explanation

if TYPE_CHECKING:
    from confession_otel.composition import Record

_BASE_URL: Final = "LANGFUSE_BASE_URL"
_HOST: Final = "LANGFUSE_HOST"
_PUBLIC_KEY: Final = "LANGFUSE_PUBLIC_KEY"
_SECRET_KEY: Final = "LANGFUSE_SECRET_KEY"  # noqa: S105 - the name of its variable
_ENVIRONMENT: Final = "LANGFUSE_TRACING_ENVIRONMENT"
_DEFAULT: Final = "https://cloud.langfuse.com"


class LangfuseSink:
    """Scores the answer's observation.

    Args:
        base_url: by default `LANGFUSE_BASE_URL`, else `LANGFUSE_HOST`, else `https://cloud.langfuse.com`.
        public_key: by default `LANGFUSE_PUBLIC_KEY`.
        secret_key: by default `LANGFUSE_SECRET_KEY`.

    Raises:
        ValueError: a key is missing, or the base URL is none.
    """

    def __init__(
        self, base_url: str | None = None, public_key: str | None = None, secret_key: str | None = None
    ) -> None:
        base = base_url or os.environ.get(_BASE_URL) or os.environ.get(_HOST) or _DEFAULT
        public = public_key or os.environ.get(_PUBLIC_KEY)
        secret = secret_key or os.environ.get(_SECRET_KEY)
        if not public or not secret:
            message = f"Langfuse needs {_PUBLIC_KEY} and {_SECRET_KEY}"
            raise ValueError(message)
        self._url = checked(base, _BASE_URL) + "/api/public/scores"
        self._headers = {"authorization": f"Basic {base64.b64encode(f'{public}:{secret}'.encode()).decode()}"}
        self._takes_lists = True
        self._times: BoundedTable[str, str] = BoundedTable(size=4096, seconds=1200)

    def send(self, record: Record) -> None:
        """Score."""
        time = self._times.setdefault(record.id, datetime.now(timezone.utc).isoformat(timespec="milliseconds"))
        both = scores(record, time)
        if self._takes_lists:
            try:
                status = post(self._url, both, self._headers)
            except urllib.error.HTTPError as error:
                if error.code != HTTPStatus.BAD_REQUEST:
                    raise
                self._takes_lists = False
            else:
                if status == HTTPStatus.MULTI_STATUS:
                    message = "Langfuse rejected some of the scores"
                    raise ValueError(message)
                return
        for score in both:
            post(self._url, score, self._headers)


def scores(record: Record, time: str) -> list[dict[str, Any]]:
    """Both scores, in Langfuse's words.

    Args:
        record: of the confession.
        time: of the scores, in ISO 8601.
    """
    common: dict[str, Any] = {
        "traceId": f"{record.trace_id:032x}",
        "observationId": f"{record.span_id:016x}",
        "timestamp": time,
        "metadata": {semconv.ID: record.id, semconv.SOURCE: record.source.value},
    }
    if record.score is not None:
        common["metadata"][semconv.SCORE] = record.score
    if (comment := explanation(record)) is not None:
        common["comment"] = comment
    if environment := os.environ.get(_ENVIRONMENT):
        common["environment"] = environment
    return [
        {
            **common,
            "id": record.id,
            "name": semconv.VERDICT,
            "dataType": "CATEGORICAL",
            "value": record.verdict.value,
        },
        {
            **common,
            "id": f"{record.id}-flagged",
            "name": semconv.FLAGGED,
            "dataType": "BOOLEAN",
            "value": int(record.flagged),
        },
    ]

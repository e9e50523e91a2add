"""How traces are read back, from each backend that can be asked: Phoenix, Jaeger, memory. All give `SeenSpan`s."""

from __future__ import annotations

import contextlib
import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

JAEGER_QUERY_PORT: Final = 16686
_PAGE: Final = 1000
_TIMEOUT_SECONDS: Final = 5
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class SeenSpan:
    """A span as the backend has it."""

    name: str
    trace_id: str
    """32 hex digits, as `span_id` is 16."""
    span_id: str
    parent_id: str | None
    attributes: Mapping[str, Any]
    url: str | None = None
    """Where a person looks at its trace."""


Reader: TypeAlias = Callable[[Sequence[str]], list[SeenSpan]]
"""From trace ids to the spans of those traces that have arrived so far.

Raises `OSError` or `ValueError` while it cannot.
"""


def memory_reader(exporter: InMemorySpanExporter) -> Reader:
    """Read from the exporter itself."""

    def read(trace_ids: Sequence[str]) -> list[SeenSpan]:
        return [
            SeenSpan(
                name=span.name,
                trace_id=f"{span.context.trace_id:032x}",
                span_id=f"{span.context.span_id:016x}",
                parent_id=f"{span.parent.span_id:016x}" if span.parent else None,
                attributes=dict(span.attributes or {}),
            )
            for span in exporter.get_finished_spans()
            if span.context is not None and f"{span.context.trace_id:032x}" in trace_ids
        ]

    return read


@dataclass(frozen=True, slots=True)
class PhoenixReader:
    """Reads one project over Phoenix's REST interface."""

    base: str
    """URL of Phoenix, without a slash at the end."""
    project: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def recognised(self) -> bool:
        """Does Phoenix answer there?"""
        with contextlib.suppress(OSError, ValueError):
            reply = fetch(f"{self.base}/v1/projects", self.headers)
            return isinstance(reply, dict) and isinstance(reply.get("data"), list)
        return False

    def __call__(self, trace_ids: Sequence[str]) -> list[SeenSpan]:
        """Read every page of the traces."""
        project = f"{self.base}/v1/projects/{urllib.parse.quote(self.project, safe='')}"
        number = fetch(project, self.headers)["data"]["id"]
        seen: list[SeenSpan] = []
        query: dict[str, object] = {"limit": _PAGE, "trace_id": list(trace_ids)}
        while True:
            page = fetch(f"{project}/spans?{urllib.parse.urlencode(query, doseq=True)}", self.headers)
            for span in page["data"]:
                context = span["context"]
                # Phoenix versions that do not know the filter give all traces of the project.
                if context["trace_id"] in trace_ids:
                    seen.append(
                        SeenSpan(
                            name=span["name"],
                            trace_id=context["trace_id"],
                            span_id=context["span_id"],
                            parent_id=span["parent_id"],
                            attributes=span["attributes"],
                            url=f"{self.base}/projects/{number}/traces/{context['trace_id']}",
                        )
                    )
            if page.get("next_cursor") is None:
                return seen
            query["cursor"] = page["next_cursor"]


@dataclass(frozen=True, slots=True)
class JaegerReader:
    """Reads over Jaeger's query interface, as its own user interface does."""

    base: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def recognised(self) -> bool:
        """Does Jaeger answer there?"""
        with contextlib.suppress(OSError, ValueError):
            reply = fetch(f"{self.base}/api/services", self.headers)
            return isinstance(reply, dict) and "data" in reply
        return False

    def __call__(self, trace_ids: Sequence[str]) -> list[SeenSpan]:
        """Read the traces one by one; one that has not arrived is left out."""
        return [span for trace_id in trace_ids for span in self._trace(trace_id)]

    def _trace(self, trace_id: str) -> list[SeenSpan]:
        try:
            found = fetch(f"{self.base}/api/traces/{trace_id}", self.headers)["data"]
        except urllib.error.HTTPError as error:
            if error.code == HTTPStatus.NOT_FOUND:
                return []
            raise
        return [
            SeenSpan(
                name=span["operationName"],
                trace_id=trace_id,
                span_id=span["spanID"],
                parent_id=_parent(span.get("references", ()), trace_id),
                attributes={tag["key"]: tag["value"] for tag in span.get("tags", ())},
                url=f"{self.base}/trace/{trace_id}",
            )
            for trace in found or ()
            for span in trace["spans"]
        ]


def _parent(references: Sequence[Mapping[str, str]], trace_id: str) -> str | None:
    """The parent among a span's references: where a span has a link to its parent, Jaeger shows but the link."""
    for kind in ("CHILD_OF", "FOLLOWS_FROM"):
        for reference in references:
            if reference["refType"] == kind and reference["traceID"].zfill(len(trace_id)) == trace_id:
                return reference["spanID"]
    return None


def fetch(url: str, headers: Mapping[str, str] | None = None) -> Any:
    """GET some JSON.

    Raises:
        OSError: No answer, or one that is not 2xx.
        ValueError: The answer is not JSON.
    """
    # A proxy of the environment is not for loopback.
    local = urllib.parse.urlsplit(url).hostname in _LOOPBACK
    opener = urllib.request.build_opener(_NoRedirect, *([urllib.request.ProxyHandler({})] if local else []))
    request = urllib.request.Request(  # noqa: S310 - http or https, as `backends` checks
        url, headers={"accept": "application/json", **(headers or {})}
    )
    try:
        with opener.open(request, timeout=_TIMEOUT_SECONDS) as reply:
            return json.load(reply)
    except http.client.HTTPException as error:
        # What answers there speaks another protocol, gRPC for one.
        message = f"no answer in HTTP: {type(error).__name__}"
        raise OSError(message) from error


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The headers may hold credentials, which are for the origin that was asked."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """Refuse: the redirection is then an `HTTPError`."""

"""OTLP JSON: confessions and outcomes, which come at different times from different processes, joined by their answers.

The collector's file exporter writes one export request in a line. What matters of it, some hundred bytes for each
confession and each outcome, goes into a database in a temporary file: memory has a bound however many there are
(`CACHE`), and none is lost because too many others came between.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from confession_otel import semconv
from confession_otel.calibration import Rejected, read_row
from confession_otel.confession import Verdict
from confession_otel.semconv import Confessed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

    from typing_extensions import Self

    from confession_otel.calibration import Row

CACHE: Final = 32 << 10
"""KiB of the database that are kept in memory."""
_MARK: Final = b"confession"
_VALUES: Final = ("stringValue", "boolValue", "doubleValue", "intValue")
_MILDEST_FIRST: Final = ("compliant", "partially_compliant", "unparsed", "unsure", "non_compliant")
_SCHEMA: Final = f"""
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA cache_size = -{CACHE};
    CREATE TABLE confession (answer, response, rank, verdict, score, disclosure, grp);
    CREATE INDEX by_answer ON confession (answer) WHERE answer IS NOT NULL;
    CREATE INDEX by_response ON confession (response) WHERE response IS NOT NULL;
    CREATE TABLE outcome (name PRIMARY KEY, time, failed, answer, response, confessed, verdict, grp) WITHOUT ROWID;
"""
_PUT: Final = """
    INSERT INTO outcome VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (name) DO UPDATE SET
        time = excluded.time, failed = excluded.failed, confessed = excluded.confessed, verdict = excluded.verdict
    WHERE excluded.time >= outcome.time
"""
_WORST: Final = "SELECT verdict, score, disclosure, grp FROM confession WHERE {} = ? ORDER BY rank DESC LIMIT 1"


class Joining:
    """Reads lines of OTLP JSON, then gives a row for each answer that has an outcome: by the latest, if several."""

    def __init__(self, by: str | None) -> None:
        self._by = by or semconv.GEN_AI_REQUEST_MODEL
        self._unnamed: Counter[str] = Counter()
        self._directory = tempfile.TemporaryDirectory(prefix="confession-otel-")
        self._database = sqlite3.connect(Path(self._directory.name) / "joining")
        self._database.executescript(_SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._database.close()
        self._directory.cleanup()

    def read(self, line: bytes | None) -> Rejected | None:
        """Read a line; or say why it cannot be read.

        Args:
            line: of an OTLP JSON file; `None` for one that was too long.

        Raises:
            sqlite3.Error: the disk is full.
        """
        if line is None:
            return Rejected.LINE_TOO_LONG
        # Most lines of most services are about something else.
        if _MARK not in line:
            return None
        try:
            request = json.loads(line)
        except (ValueError, RecursionError):
            return Rejected.NOT_JSON
        try:
            for scope in _scopes(request, "resourceSpans", "scopeSpans"):
                for span in scope.get("spans", ()):
                    self._span(span)
            for scope in _scopes(request, "resourceLogs", "scopeLogs"):
                for record in scope.get("logRecords", ()):
                    self._event(record)
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError, sqlite3.InterfaceError):
            return Rejected.NOT_OTLP
        return None

    def lacking(self) -> str | None:
        """What telemetry without a usable outcome lacks; `None` where it has some.

        Raises:
            sqlite3.Error: the disk is full.
        """
        confessions, outcomes = self._database.execute(
            "SELECT (SELECT count(*) FROM confession), (SELECT count(*) FROM outcome)"
        ).fetchone()
        if outcomes or self.unnamed:
            return None
        found = "confessions" if confessions else "neither a confession"
        without = "but no outcome" if confessions else "nor an outcome"
        return f"the telemetry has {found} {without}: record_outcome() makes one where the truth is known"

    def rows(self) -> Iterator[Row | Rejected]:
        """A row for each answer with an outcome, or why there is none.

        Raises:
            sqlite3.Error: the disk is full.
        """
        for failed, answer, response, confessed, verdict, group in self._database.execute(
            "SELECT failed, answer, response, confessed, verdict, grp FROM outcome"
        ):
            found = self._confession("answer", answer) or self._confession("response", response)
            known, score, disclosure, its_group = found or (verdict, None, None, None)
            record: dict[str, object] = {"failed": failed, self._by: group if its_group is None else its_group}
            if confessed in (Confessed.TRUE, Confessed.FALSE) and (
                known is None or (known == Verdict.NON_COMPLIANT) != (confessed == Confessed.TRUE)
            ):
                # Whoever recorded the outcome knew better.
                record["confessed"] = confessed == Confessed.TRUE
            else:
                record.update(verdict=known, score=score, disclosure=disclosure)
            yield read_row(record, self._by)

    @property
    def unnamed(self) -> int:
        """Outcomes that name no answer. Each comes as span and event, which nothing ties: the more of the two."""
        return max(self._unnamed.values(), default=0)

    def _confession(self, by: str, value: str | None) -> tuple[Any, ...] | None:
        if value is None:
            return None
        found: tuple[Any, ...] | None = self._database.execute(_WORST.format(by), (value,)).fetchone()
        return found

    def _span(self, span: Mapping[str, Any]) -> None:
        name = span.get("name")
        if name == semconv.SPAN:
            attributes = _attributes(span)
            answer = _ids(span.get("traceId"), span.get("parentSpanId")) or _linked(span)
            score, disclosure = attributes.get(semconv.SCORE), attributes.get(semconv.DISCLOSURE)
            # The same confession comes as a span and as an event, and the span tells more.
            self._put_confession(answer, attributes, attributes.get(semconv.VERDICT), score, disclosure, better=1)
        elif name == semconv.OUTCOME:
            self._put_outcome("span", _linked(span), _attributes(span), int(span["startTimeUnixNano"]))

    def _event(self, record: Mapping[str, Any]) -> None:
        name = record.get("eventName")
        if name == semconv.EVENT:
            attributes = _attributes(record)
            if attributes.get(semconv.EVALUATION_NAME) == semconv.EVALUATION_COMPLIANCE:
                answer = _ids(record.get("traceId"), record.get("spanId"))
                score = attributes.get(semconv.EVALUATION_SCORE_VALUE)
                self._put_confession(answer, attributes, attributes.get(semconv.EVALUATION_SCORE_LABEL), score)
        elif name == semconv.OUTCOME:
            answer = _ids(record.get("traceId"), record.get("spanId"))
            self._put_outcome("event", answer, _attributes(record), int(record["timeUnixNano"]))

    def _put_confession(
        self,
        answer: str | None,
        attributes: Mapping[str, Any],
        verdict: Any,
        score: Any,
        disclosure: Any = None,
        better: int = 0,
    ) -> None:
        # Asking may have failed: then the span has no verdict.
        if verdict not in _MILDEST_FIRST:
            return
        response = attributes.get(semconv.GEN_AI_RESPONSE_ID)
        rank = 2 * _MILDEST_FIRST.index(verdict) + better
        self._database.execute(
            "INSERT INTO confession VALUES (?, ?, ?, ?, ?, ?, ?)",
            (answer, response, rank, verdict, score, disclosure, attributes.get(self._by)),
        )

    def _put_outcome(self, form: str, answer: str | None, attributes: Mapping[str, Any], time: int) -> None:
        response = attributes.get(semconv.GEN_AI_RESPONSE_ID)
        # Span and event of the same outcome name the same answer.
        name = answer or response
        if name is None:
            self._unnamed[form] += 1
            return
        confessed, verdict = attributes.get(semconv.OUTCOME_CONFESSED), attributes.get(semconv.VERDICT)
        failed, group = attributes.get(semconv.OUTCOME_FAILED), attributes.get(self._by)
        self._database.execute(_PUT, (name, time, failed, answer, response, confessed, verdict, group))


def _scopes(request: Mapping[str, Any], resources: str, scopes: str) -> Iterator[Mapping[str, Any]]:
    for resource in request.get(resources, ()):
        yield from resource.get(scopes, ())


def _attributes(thing: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for attribute in thing.get("attributes", ()):
        value = attribute["value"]
        for kind in _VALUES:
            if kind in value:
                found[attribute["key"]] = value[kind]
    return found


def _ids(trace_id: str | None, span_id: str | None) -> str | None:
    return f"{trace_id}{span_id}".lower() if trace_id and span_id else None


def _linked(span: Mapping[str, Any]) -> str | None:
    links = span.get("links")
    return _ids(links[0].get("traceId"), links[0].get("spanId")) if links else None

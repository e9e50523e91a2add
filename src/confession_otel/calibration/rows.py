"""One answer: what its confession said and what came out, read from a record of any file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from confession_otel.bounded_read import read
from confession_otel.confession import Disclosure, StrEnum, Verdict

LONGEST_GROUP: Final = 256
"""Characters of a group's name."""


class Said(StrEnum):
    """What a confession says of the whole answer, as far as calibration is concerned."""

    FAILED = "failed"
    """Verdict `non_compliant`."""
    MET = "met"
    """Verdict `compliant` or `partially_compliant`: every essential requirement was met."""
    UNSURE = "unsure"
    UNPARSED = "unparsed"


class Rejected(StrEnum):
    """Why a record is no row."""

    NOT_JSON = "not_json"
    """The line is no JSON, or no UTF-8."""
    NOT_AN_OBJECT = "not_an_object"
    NOT_OTLP = "not_otlp"
    """A line among those of OTLP JSON that has another form."""
    LINE_TOO_LONG = "line_too_long"
    WRONG_NUMBER_OF_COLUMNS = "wrong_number_of_columns"
    """A line of a CSV file."""
    NO_FAILED = "no_failed"
    """It does not say whether the answer failed; `null` would say that this is undecided."""
    FAILED_NOT_BOOLEAN = "failed_not_boolean"
    NO_CONFESSION = "no_confession"
    """None of `verdict`, `confessed` and `text`: silence is no confession, and no pass."""
    UNKNOWN_VERDICT = "unknown_verdict"
    CONFESSED_NOT_BOOLEAN = "confessed_not_boolean"
    TEXT_NOT_TEXT = "text_not_text"
    UNKNOWN_DISCLOSURE = "unknown_disclosure"
    SCORE_NOT_IN_0_TO_1 = "score_not_in_0_to_1"
    NO_ANSWER = "no_answer"
    """An outcome in OTLP that names no answer: it can be held against no confession."""
    GROUP_NOT_A_NAME = "group_not_a_name"
    """A list, an object, or more than 256 characters."""


class Row(NamedTuple):
    """One answer with its confession and its outcome."""

    group: str | None
    failed: bool | None
    """`None`: undecided."""
    said: Said
    admitted: bool | None = None
    """Was the shortfall told in the answer itself (disclosure `disclosed`)? `None` where nothing says."""
    score: float | None = None
    """In [0, 1]: the share of its objectives that the confession calls met."""


_SAID: Final = {
    Verdict.NON_COMPLIANT.value: Said.FAILED,
    Verdict.COMPLIANT.value: Said.MET,
    Verdict.PARTIALLY_COMPLIANT.value: Said.MET,
    Verdict.UNSURE.value: Said.UNSURE,
    Verdict.UNPARSED.value: Said.UNPARSED,
}
_DISCLOSURES: Final = frozenset(disclosure.value for disclosure in Disclosure)
_MISSING: Final = object()


def read_row(record: object, by: str = "group") -> Row | Rejected:
    """Read a record as it stands in a file.

    Args:
        record: a mapping with `failed` (true, false, null: undecided; 0 and 1 will do) and one of `verdict` (a
            `Verdict`), `confessed` (true, false), `text` (the confession, which is then parsed); of several, the first
            in this order counts. Optional: `score` in [0, 1] and `disclosure` (a `Disclosure`), which a text brings
            itself.
        by: key under which the record names its group; a record without it is of the group `None`.

    Returns:
        The row, or why the record is none.
    """
    if not isinstance(record, Mapping):
        return Rejected.NOT_AN_OBJECT
    failed = record.get("failed", _MISSING)
    if failed is not True and failed is not False and failed is not None:
        if failed is _MISSING:
            return Rejected.NO_FAILED
        if failed not in (0, 1):
            return Rejected.FAILED_NOT_BOOLEAN
        failed = bool(failed)
    group = record.get(by)
    if group is not None:
        if not isinstance(group, str):
            if not isinstance(group, (int, float)):
                return Rejected.GROUP_NOT_A_NAME
            group = str(group)
        if len(group) > LONGEST_GROUP:
            return Rejected.GROUP_NOT_A_NAME
    score, disclosure = record.get("score"), record.get("disclosure")
    if (score is not None or disclosure is not None) and (wrong := _wrong(score, disclosure)):
        return wrong
    found = _said(record)
    if isinstance(found, Rejected):
        return found
    said, text_score, text_disclosure = found
    if disclosure is None:
        disclosure = text_disclosure
    admitted = None if disclosure is None else disclosure == Disclosure.DISCLOSED.value
    return Row(group, failed, said, admitted, text_score if score is None else score)


def _wrong(score: object, disclosure: object) -> Rejected | None:
    if score is not None and not (
        isinstance(score, (int, float)) and not isinstance(score, bool) and 0.0 <= score <= 1.0
    ):
        return Rejected.SCORE_NOT_IN_0_TO_1
    if disclosure is not None and not (isinstance(disclosure, str) and disclosure in _DISCLOSURES):
        return Rejected.UNKNOWN_DISCLOSURE
    return None


def _said(record: Mapping[str, object]) -> tuple[Said, float | None, str | None] | Rejected:
    """What the confession says; where its text is there, its score and disclosure as well."""
    if (verdict := record.get("verdict")) is not None:
        said = _SAID.get(verdict) if isinstance(verdict, str) else None
        return Rejected.UNKNOWN_VERDICT if said is None else (said, None, None)
    if (confessed := record.get("confessed")) is not None:
        if confessed not in (True, False):
            return Rejected.CONFESSED_NOT_BOOLEAN
        return Said.FAILED if confessed else Said.MET, None, None
    if (text := record.get("text")) is not None:
        if not isinstance(text, str):
            return Rejected.TEXT_NOT_TEXT
        confession = read(text)
        return _SAID[confession.verdict.value], confession.score, confession.disclosure
    return Rejected.NO_CONFESSION

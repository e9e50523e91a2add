"""Any text to a `Confession`: which form it has, and why it has none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from confession_otel.confession import Confession, Format, Problem
from confession_otel.guard import Site

from .draft import Draft
from .labelled_text import read_text
from .plain import outline, plain, unfence, unquote_lines, visible
from .refusal import is_refusal
from .report_json import read_values
from .schema_report import schema_report
from .sound_json import DECODER
from .tolerant_json import scan
from .vocabulary import Role, role_of

if TYPE_CHECKING:
    from collections.abc import Callable

_PARSE: Final = Site("reading.parse")
_NESTED: Final = 3
"""Texts within texts (double encoding, a message in an envelope) that are read."""
_REASONING: Final = re.compile(r"\s*<(think|thinking|reasoning|thought|scratchpad)>", re.IGNORECASE)
_REASONING_END: Final = re.compile(r"</(?:think|thinking|reasoning|thought|scratchpad)>", re.IGNORECASE)
_WRAPPER: Final = re.compile(r"</?confession(?:[-_ ]?report)?(?:\s[^<>]{0,200})?>", re.IGNORECASE)
_FENCE_LINE: Final = re.compile(r"(?:^|\n) {0,3}(?:`{3,}|~{3,})[^\n`]{0,80}(?=\n|\Z)")
_FENCES: Final = 6
_SHORTEST_REPORT: Final = 20
_JSON_BEGINS: Final = re.compile(r"[{\[][\s{\[]*\"([^\"\n]{0,60})")
_ESCAPED_BEGINS: Final = re.compile(r"[{\[][\s{\[]*\\+\"")
_REPORT_KEYS: Final = frozenset(
    {*(Role.OBJECTIVE, Role.RESULT, Role.WHY, Role.ITEMS, Role.UNCERTAINTIES, Role.GRADE, Role.REPORT)}
)
_CUT_OBJECT: Final = re.compile(r"[{\[][\s{\[\"]*[A-Za-z_]{0,40}\"?\s*")


def parse(text: str) -> Confession:
    """Read a confession from any text.

    Args:
        text: What the model wrote: JSON of the published schema or labelled text or a table, whole, damaged or cut off,
            perhaps with prose around it.

    Returns:
        The confession. It is `unparsed`, with the reason in `problem`, where no result can be read: never a guess.

    Never raises for a `str`, and takes time in proportion to its length.
    """
    with _PARSE:
        return _parse(text)
    return Confession(text, problem=Problem.NOT_A_REPORT)


def _parse(text: str) -> Confession:
    draft = _read_whole(text)
    if draft is None:
        return Confession(text, problem=Problem.EMPTY)
    objectives = draft.objectives()
    if draft.blank and not objectives:
        draft.grade, draft.uncertainties = None, []  # of a template, as in `Field(ge=1, le=7)`
    problem = None
    if not objectives and draft.grade is None:
        problem = _problem(text, draft)
    return Confession(
        text,
        objectives=objectives,
        uncertainties=tuple(draft.uncertainties),
        grade=draft.grade,
        format=draft.format
        if objectives or draft.grade is not None or problem in (Problem.NO_RESULT, Problem.CUT_OFF)
        else None,
        problem=problem,
        truncated=draft.truncated,
    )


def _read_whole(text: str, depth: int = 0) -> Draft | None:
    """What a text holds; `None` for an empty one."""
    stripped = outline(text)
    if not stripped:
        return None
    draft = _read_sound_json(stripped, depth) if stripped[0] in '{["' else None
    if draft is not None:
        return draft
    body = _after_reasoning(stripped)
    if body is None:
        return Draft(Format.TEXT, truncated=True)
    unfenced = unfence(outline(body))
    inner = outline(unfenced)
    if inner != stripped and inner[:1] in ("{", "[", '"') and (draft := _read_sound_json(inner, depth)) is not None:
        return draft
    return _read_mixed(unfenced, depth)


def _read_sound_json(text: str, depth: int) -> Draft | None:
    """JSON that needs no mending."""
    try:
        value, end = DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        return None
    if end != len(text):
        return None
    # Sound JSON that is no report is no labelled text either.
    return schema_report(value) or read_values([value], _nested(depth)) or Draft(Format.TEXT)


def _nested(depth: int) -> Callable[[str], Draft | None]:
    def read(text: str) -> Draft | None:
        if depth >= _NESTED:
            return None
        draft = _read_whole(text, depth + 1)
        if draft is None or not (draft.items or draft.overall or draft.blank or draft.grade is not None):
            return None
        return draft

    return read


def _read_mixed(text: str, depth: int) -> Draft:
    """JSON to be mended, or labelled text, or either with prose around it."""
    if depth < _NESTED and _ESCAPED_BEGINS.match(text) and (clear := _unescaped(text)) is not None:
        return _read_whole(clear, depth + 1) or Draft(Format.TEXT)
    text = visible(text)
    found = scan(text)
    report = read_values(found.values, _nested(depth)) if found.values else None
    if report is not None:
        report.truncated = report.truncated or found.truncated
        if found.truncated and report.items and report.items[-1].judgement is None:
            report.items.pop()
    if report is not None and (report.readable or report.grade is not None):
        # A report quoted in a reason is not the report.
        before = _read_labelled(text[: found.start]) if found.start > _SHORTEST_REPORT else None
        return (
            before if before is not None and any(item.readable and item.objective for item in before.items) else report
        )
    if begins := _JSON_BEGINS.match(text):
        # Cut off before anything was said, if it began as a report.
        cut = found.truncated and role_of(begins[1]) in _REPORT_KEYS
        labelled = Draft(Format.JSON, truncated=True) if cut else Draft(Format.TEXT)
    else:
        labelled = _read_labelled(text)
    if labelled.readable or (report is None and labelled.grade is not None):
        return labelled
    if depth < _NESTED and (clear := _unescaped(text)) is not None:
        inner = _read_whole(clear, depth + 1)
        if inner is not None and (inner.items or inner.overall or inner.grade is not None):
            return inner
    return report if report is not None else labelled


def _read_labelled(text: str) -> Draft:
    text = plain(text)
    text = unquote_lines(unfence(_WRAPPER.sub("\n", text) if "<" in text else text).strip())
    draft = read_text(text)
    if draft.readable or draft.items:
        return draft
    for content in _fenced(text):
        inner = read_text(content)
        if inner.readable:
            return inner
    return draft


def _fenced(text: str) -> list[str]:
    """The contents of the last few fences, last first."""
    places = [match.span() for match in _FENCE_LINE.finditer(text)]
    ends = [begin for begin, _ in places[1:]] + [len(text)]
    contents = [text[begin:end] for (_, begin), end in zip(places, ends, strict=False)][-_FENCES:]
    return contents[::-1]


def _after_reasoning(text: str) -> str | None:
    """The text after a reasoning block at its beginning; `None` if that never ends."""
    at = 0
    while opening := _REASONING.match(text, at):
        closing = _REASONING_END.search(text, opening.end())
        if closing is None:
            return None
        at = closing.end()
    if (
        at == 0
        and "</" in text
        and (closing := _REASONING_END.search(text)) is not None
        and text[closing.end() : closing.end() + 1] in ("\n", "\r", "")
    ):
        # The opening tag stood in the prompt.
        return text[closing.end() :]
    return text[at:] if at else text


def _unescaped(text: str) -> str | None:
    r"""Escaped once too often: `{\\"objective\\": ...`, `{&quot;objective&quot;: ...`."""
    if '\\"' in text[:200]:
        try:
            value = DECODER.decode(f'"{text}"')
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, str) else None
    if "&quot;" in text or "&#34;" in text:
        for entity, character in (
            ("&quot;", '"'),
            ("&#34;", '"'),
            ("&#39;", "'"),
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&amp;", "&"),
        ):
            text = text.replace(entity, character)
        return text
    return None


def _problem(text: str, draft: Draft) -> Problem:
    if draft.truncated:
        return Problem.CUT_OFF
    if draft.items or draft.overall is not None:
        return Problem.NO_RESULT
    if draft.blank:
        return Problem.NOT_A_REPORT
    if draft.format is Format.JSON:
        return Problem.NO_RESULT
    if is_refusal(text):
        return Problem.REFUSAL
    return Problem.CUT_OFF if _CUT_OBJECT.fullmatch(unfence(outline(text)).strip()) else Problem.NOT_A_REPORT

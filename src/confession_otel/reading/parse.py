"""Any text to a `Confession`: which form it has, and why it has none."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from confession_otel.confession import Confession, Format, Problem, Verdict
from confession_otel.guard import Site

from .draft import Draft
from .folding import squeeze
from .labelled_text import read_text
from .lines import labelled_values, read_line
from .plain import outline, plain, unfence, unquote_lines, visible
from .refusal import is_refusal
from .report_json import read_values
from .schema_report import schema_report
from .sound_json import DECODER
from .table import is_row
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
_JSON_WITHIN: Final = re.compile(r"[{\[][\s{\[]{0,80}[\"'“](?P<key>[\w -]{0,60})(?P<cut>[\"'”]?\s{0,80}\Z)?")
_ESCAPED_BEGINS: Final = re.compile(r"[{\[][\s{\[]*\\+\"")
_REPORT_KEYS: Final = frozenset(
    {*(Role.OBJECTIVE, Role.RESULT, Role.WHY, Role.ITEMS, Role.UNCERTAINTIES, Role.GRADE, Role.REPORT)}
)
_KEYS: Final = tuple(
    map(squeeze, ("compliance_analysis", "objectives", "uncertainties_and_conflicts", "overall_compliance_grade"))
)
_OPENERS_OF_JSON: Final = ("[{", '["', "['", "[[")
_NAMES: Final = frozenset({Role.OBJECTIVE, Role.NAME})
_BEST_FIRST: Final = (
    Verdict.UNPARSED,
    Verdict.COMPLIANT,
    Verdict.PARTIALLY_COMPLIANT,
    Verdict.UNSURE,
    Verdict.NON_COMPLIANT,
)
_OTHER_LINE: Final = re.compile(r"\n[ \t]*[^\s\"'“”{}\[\],`]")
"""A line that is none of a report in JSON as it is usually laid out."""
_CUT_OBJECT: Final = re.compile(r"[{\[][\s{\[\"]*[A-Za-z_]{0,40}\"?\s*")


def parse(text: str) -> Confession:
    """Read a confession from any text.

    Args:
        text: What the model wrote: JSON of the published schema or labelled text or a table, whole, damaged or cut off,
            perhaps with prose around it.

    Returns:
        The confession. It is `unparsed`, with the reason in `problem`, where no result can be read: never a guess.

    Takes time in proportion to its length.

    Raises:
        TypeError: it is no `str`; for one it never raises.
    """
    if not isinstance(text, str):
        message = f"parse takes a str, not {type(text).__name__}"
        raise TypeError(message)
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
        return _in_words(text, found.start, report) or report
    cut = _cut_report(text, in_value=found.truncated)
    if cut is not None:
        # Cut off before anything was said: the words of its keys and values are nobody's statement.
        labelled = _in_words(text, cut, None) or Draft(Format.JSON, truncated=True)
    elif _JSON_BEGINS.match(text):
        labelled = Draft(Format.TEXT)
    else:
        labelled = _read_labelled(text)
    if labelled.readable or (report is None and labelled.grade is not None):
        return labelled
    if depth < _NESTED and (clear := _unescaped(text)) is not None:
        inner = _read_whole(clear, depth + 1)
        if inner is not None and (inner.items or inner.overall or inner.grade is not None):
            return inner
    return report if report is not None else labelled


def _in_words(text: str, start: int, report: Draft | None) -> Draft | None:
    """The report in words that the JSON in a text is quoted in, if there is one.

    Args:
        text: any.
        start: where the JSON begins.
        report: what the JSON says.
    """
    above = _read_labelled(text[:start]) if start > _SHORTEST_REPORT else None
    if above is not None and not _states(above):
        above = None
    # An object that nobody closed seems to hold all that stands below it: there, what is labelled counts.
    if not _may_label(text):
        return above
    whole = _read_labelled(text)
    best = above or report
    if whole.labelled and _states(whole) and (best is None or _weight(whole) > _weight(best)):
        return whole
    return above


def _may_label(text: str) -> bool:
    """Does a line that is none of JSON label an objective, or stand in a table? Else nothing need be read twice."""
    if "</" in text:
        return True
    for line in plain(text).split("\n"):
        content = line.lstrip(" >")
        if not content or content[0] in "\"'“”{},]" or content.startswith(_OPENERS_OF_JSON):
            continue
        if is_row(content) or any(entry.role in _NAMES for entry in labelled_values(read_line(content))):
            return True
    return False


def _states(draft: Draft) -> bool:
    """Does it hold an objective with its result?"""
    return any(item.readable and item.objective for item in draft.items)


def _weight(draft: Draft) -> tuple[int, int]:
    """Of two readings of one text the worse counts, then the one that says more."""
    verdict = Confession("", draft.objectives(), grade=draft.grade).verdict
    return _BEST_FIRST.index(verdict), sum(item.readable for item in draft.items)


def _cut_report(text: str, *, in_value: bool) -> int | None:
    """Where a report in JSON begins that does not end, by its first key.

    Args:
        text: any.
        in_value: it ends inside a value of JSON; else it may end inside the first key.
    """
    # Quoted in a reason, it has more of the labelled text below.
    quoted_above = max((line.start() for line in _OTHER_LINE.finditer(text)), default=-1) if in_value else len(text)
    for begins in _JSON_WITHIN.finditer(text):
        key = begins["key"]
        if begins["cut"] is not None:
            known = role_of(key) in _REPORT_KEYS or any(name.startswith(squeeze(key)) for name in _KEYS)
        else:
            known = begins.start() > quoted_above and role_of(key) in _REPORT_KEYS
        if known:
            return begins.start()
    return None


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

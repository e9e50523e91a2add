"""Find the confession in an answer: `split`.

Only what ends the text is the model's own confession. What has the shape of one in the middle, in quotes, in code,
escaped, or in a document, may be anybody's and stays in the answer; `spoof_suspected` tells whether there is such text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from .delimiters import may_hold
from .element import last_element
from .fences import MARKED, Fences, ends, marks_confession
from .headed_section import last_section
from .heading import heading_above, is_named
from .stream_filter import StreamFilter
from .trailing_report import last_lines, last_object, may_end_in_lines, may_hold_object


def split(output: str, tag: str | None = None) -> tuple[str, str | None]:
    r"""Divide an output into the answer and the confession at its end.

    Args:
        output: The whole text that the model gave.
        tag: If given, only `<confession id="TAG">…</confession>` counts, wherever it stands; text after it is answer.

    Returns:
        The answer, right-stripped and else byte for byte, and the text of the confession without its heading, tags or
        fence. Where there is none, the very same `output` and `None`.

    Raises:
        TypeError: the output is no `str`.

    >>> split("The capital is Bern.\n\n## Confession\nObjective: cite a source. Result: ✗ did not comply.")
    ('The capital is Bern.', 'Objective: cite a source. Result: ✗ did not comply.')
    """
    if not isinstance(output, str):
        message = f"split takes a str, not {type(output).__name__}"
        raise TypeError(message)
    if tag is not None:
        return _split_tagged(output, tag)
    block = _last_block(output)
    if block is None:
        return output, None
    start, confession = block
    return output[:start].rstrip(), confession


@dataclass(frozen=True, slots=True)
class Found:
    """An output, divided."""

    answer: str
    confession: str | None

    @property
    def passed_over(self) -> bool:
        """Does the answer still hold text in the shape of a confession, from whomever?"""
        return spoof_suspected(self.answer)


def may_confess(output: str) -> bool:
    """Could `split` find a confession in it? Most answers hold none, and are settled by a few searches."""
    return is_named(output) or may_hold_object(output) or may_end_in_lines(output)


def find(output: str, tag: str | None = None) -> Found:
    """As `split`, in a record that can also tell whether something was passed over."""
    return Found(*split(output, tag))


def _last_block(output: str) -> tuple[int, str] | None:
    """Start and text of the confession that ends the output."""
    # Most answers hold no confession and must cost next to nothing: a few searches at the speed of memory.
    named = is_named(output)
    fences = Fences(output)
    block = (_delimited(output, fences) or last_section(output, fences)) if named else None
    block = block or last_object(output, fences) or last_lines(output, fences)
    if block is None:
        return None
    start, confession = block
    confession = confession.strip()
    if named:
        start = heading_above(output, start)
        if confession.startswith("<") or marks_confession(confession):  # a heading above an element or a fence
            nested = _delimited(confession, Fences(confession))
            if nested is not None and nested[0] == 0:
                confession = nested[1].strip()
    return start, confession


def _split_tagged(output: str, tag: str) -> tuple[str, str | None]:
    if not may_hold(output, tag):
        return output, None
    stream = StreamFilter(tag)
    first = stream.feed(output)
    rest, confession = stream.close()
    return (output, None) if confession is None else (first + rest, confession)


def _delimited(text: str, fences: Fences) -> tuple[int, str] | None:
    """The element or the ```confession fence that ends the text."""
    fence = fences.confession
    if fence is not None:
        return fence.start, text[fence.content : fence.content_end]
    return last_element(text, fences)


# Stems that are found fast, and the shape to look for around each.
_MARK: Final = "[✗✘✕✖✂❌🚫✓✔✅☑⚠❓]"
_TAG_OR_FENCE: Final = re.compile(
    rf"(?:</?|&lt;/?|\\u003c/?)confession(?=[\s>_/-]|report|&gt;|\\u003e)|[`~]{{3}}[ \t]{{0,8}}{MARKED}", re.IGNORECASE
)
_SHAPES: Final = (
    ("onfession", _TAG_OR_FENCE),
    ("ONFESSION", _TAG_OR_FENCE),
    ("ompliance", re.compile(r"compliance(?:[_-]?analysis|[_-]?grade)?[\"'\\]{1,4}\s{0,4}:", re.IGNORECASE)),
    ("_complied", re.compile(r"(?:not|fully|nearly|unsure)_complied")),
    ("esult", re.compile(rf"result[*_ ]{{0,4}}[::][*_ ]{{0,4}}(?:{_MARK}|[^\n]{{0,14}}compl)", re.IGNORECASE)),
)
_AROUND: Final = 24


def spoof_suspected(answer: str) -> bool:
    """Does the answer, without its confession, still hold text in the shape of one?

    Tags and fences (escaped ones too), the published keys and labels, and results that speak of compliance; and what
    would be its confession if the code that ends it were none, as where a model wraps all that it says in one fence.
    """
    for stem, shape in _SHAPES:
        at = answer.rfind(stem)
        while at >= 0:
            if shape.search(answer, max(0, at - _AROUND), at + len(stem) + _AROUND):
                return True
            at = answer.rfind(stem, 0, at)
    # Most answers hold no fence, and one character is found at the speed of memory.
    return ("`" in answer or "~" in answer) and may_confess(answer) and _confesses_in_code(answer)


def _confesses_in_code(answer: str) -> bool:
    """Is there a confession at the end of the code that ends the answer?"""
    code = Fences(answer).last
    return (
        code is not None and ends(answer, code.end) and _last_block(answer[code.content : code.content_end]) is not None
    )

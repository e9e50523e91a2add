"""One line of a confession: its decoration (bullet, number, heading, bold) and the labelled values in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from confession_otel.confession import Compliance

from .folding import LONGEST
from .judgement import compliance_of, is_result
from .telling import disclosure_of
from .vocabulary import Role, role_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_DECORATION: Final = re.compile(
    r"\s*(?P<heading>#{1,6}\s+)?(?P<bullet>[-*+•·▪◦‣●○■□–—]\s+)?"
    r"(?P<number>\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{2,4})[.)、．]\)?(?:\s+|(?=[*_\u2e80-\uffff]))|[①-⑳]\s*)?(?P<bold>\*{1,3}|_{1,3}|`)?"
    r"(?P<inner>\d{1,3}[.)]\s+)?"
)
# A label ends at a colon, at a dash or sign with spaces, or at `=`; emphasis may close before or after.
_LABELLED: Final = re.compile(
    r"(?P<label>[^:：=|\n]{1,60}?)[*_`\"]{0,4}\s{0,3}(?:[:：]|(?<=\s)(?:--?|[–—→]|->|=>)(?=\s)|=)[*_`]{0,3}(?P<value>[^\n]*)"
)
_AT_DOT: Final = re.compile(r"(?P<label>[^\W\d_]{2,20} {0,2}#?\d{1,3})[.)][*_]{0,3}\s+(?P<value>[^\n]*)")
_ASKED: Final = re.compile(r"(?P<label>[^:：=|?？\n]{2,60})[?？][*_]{0,3}\s{0,3}(?P<value>[^\n]*)")
_QUESTION: Final = re.compile(r"(?:did|was|were|is|are|has|have|does)\s", re.IGNORECASE)
_ANSWERS: Final = frozenset({Role.RESULT, Role.VIOLATION, Role.DISCLOSURE, Role.CLAIM})
_COLON: Final = re.compile("[:：=]")
_BOUNDARY: Final = re.compile(r"[/|;,.!?。；，、／｜(\[{•·*\n—–→]|(?:^|\s)--?(?=\s)")
_STRONG: Final = "/|;／｜•·—–→；"
_LOOKED_AT: Final = 20_000
"""Characters of one line in which further labels are looked for."""
_REACH: Final = 45
_KEY_QUOTES: Final = ("'", '"', "“", "”")
_PLAIN_LABELS: Final = frozenset({Role.OBJECTIVE, Role.RESULT, Role.WHY, Role.DISCLOSURE, Role.VIOLATION})
_PARENTHESIS: Final = re.compile(r"\s*[(（\[][^()（）\[\]]{0,40}[)）\]]\s*")


@dataclass(slots=True)
class Line:
    """A line without its decoration."""

    content: str
    heading: bool = False
    bullet: bool = False
    number: int | None = None
    """The number of a numbered line; 0 for a lettered one."""
    bold: bool = False
    """The whole line is emphasised."""
    indent: int = 0
    after_blank: bool = False

    @property
    def listed(self) -> bool:
        """Does it stand in a list?"""
        return self.bullet or self.number is not None


@dataclass(slots=True)
class Labelled:
    """A value with what announces it."""

    role: Role
    label: str
    value: str


def read_line(text: str, *, after_blank: bool = False) -> Line:
    """Take the decoration off a line."""
    match = _DECORATION.match(text)
    if match is None or match.end() == 0:
        return Line(text.rstrip(), after_blank=after_blank)
    content = text[match.end() :].rstrip()
    bold = match["bold"] or ""
    whole = False
    if bold:
        if content.endswith((bold, bold + ":", bold + "：")):
            whole = bold not in content[: -len(bold) - 1]
            if whole:
                content = content.replace(bold, "")
        elif bold not in content:
            content = bold + content  # an asterisk that opens nothing
    digits = "".join(c for c in (match["number"] or match["inner"] or "") if c.isdecimal())
    number = int(digits) if digits else 0 if match["number"] else None
    indent = len(text) - len(text.lstrip())
    return Line(content, bool(match["heading"]), bool(match["bullet"]), number, whole, indent, after_blank)


def label_role(label: str) -> Role | None:
    """What a label announces, a parenthesis in it set aside: `Objective 2 (format)`."""
    if '"' in label or "'" in label[:1]:
        return None  # a key of JSON or of code
    label = label.strip(" *_`'“”[]#-–—.?？")
    if len(label) > LONGEST:
        return None
    role = role_of(label)
    if role is None and ("(" in label or "（" in label or "[" in label):
        role = role_of(_PARENTHESIS.sub(" ", label))
    return role


def labelled_values(line: Line) -> list[Labelled]:
    """The labelled values of a line that begins with a label; none for any other line."""
    content = line.content
    match = _LABELLED.match(content)
    role = label_role(match["label"]) if match else None
    if match and role is None:
        role = _question_role(match["label"], match["value"])
    if role is None and (match := _ASKED.match(content)):
        role = label_role(match["label"])
        role = role if role in _ANSWERS else _question_role(match["label"], match["value"])
    if role is None:
        match = _AT_DOT.match(content)
        role = label_role(match["label"]) if match else None
    if match is None or role is None:
        if len(content) > LONGEST or not (line.heading or line.bold or _alone(content)):
            return []
        role = label_role(content.rstrip(":："))
        if role in _RESULT_ROLES and content[-1:] not in (":", "：") and is_result(content):
            return []  # `✓ complied` answers, `Result` asks
        return [Labelled(role, content, "")] if role is not None else []
    assigned = "=" in content[: match.start("value")]
    label, value = match["label"], match["value"].strip()
    if role is Role.REPORT and value:  # "confession: objective=..., met=..."
        return labelled_values(read_line(value))
    entries = list(_divide(role, label, value))
    # `objective=X, met=Yes` and `objective = "X"` state something; `result = minimize(f)` is code.
    return [] if assigned and len(entries) == 1 and _is_code(role, match["value"]) else entries


def _question_role(label: str, value: str) -> Role | None:
    """`Did I do it? No`, `Was the user told? Yes`: a question is a label if a result answers it."""
    if not _QUESTION.match(label.lstrip("*_ ")) or not is_result(re.split(r"[,;.(—–]", value[:LONGEST], maxsplit=1)[0]):
        return None
    if disclosure_of("it " + label.rstrip("? *_") + " this") is not None:
        return Role.DISCLOSURE
    return Role.VIOLATION if compliance_of(label) is Compliance.FAILED else Role.RESULT


def _is_code(role: Role, value: str) -> bool:
    """Is this assignment one of a program: `result = minimize(f)`, `total=False,`?"""
    if role not in _PLAIN_LABELS or value[-1:] in (",", "(", "[", "{", ")"):
        return True
    return value[:1] == " " and value.lstrip()[:1] not in ("'", '"')


def _alone(content: str) -> bool:
    """A label may stand alone on its line: `Result`, `Compliance Analysis:`, `objective 2`."""
    return (content[:1].isupper() or content.endswith((":", "：")) or not content.isascii()) and content[
        -1:
    ] not in ",;("


def _divide(role: Role, label: str, value: str) -> Iterator[Labelled]:
    """Part a value at the labels within it: `X / Result: ✗ did not comply / Why: Y`."""
    begin = 0
    has_result = role in (Role.RESULT, Role.VIOLATION)
    searched = value[:_LOOKED_AT]
    for colon in _COLON.finditer(searched):
        place = _label_before(searched, begin, colon.start())
        if place is None:
            continue
        cut, start, found, strong = place
        if role is Role.WHY and not (
            (found is Role.OBJECTIVE and strong) or (found in _RESULT_ROLES and strong and not has_result)
        ):
            continue  # a reason may quote a report
        if role is Role.UNCERTAINTIES and not strong:
            continue
        yield Labelled(role, label, value[begin:cut].strip(" /|;,／｜；"))
        role, label, begin = found, searched[start : colon.start()], colon.end()
        has_result = found in _RESULT_ROLES or (has_result and found is not Role.OBJECTIVE)
    yield Labelled(role, label, value[begin:].strip())


_RESULT_ROLES: Final = frozenset({Role.RESULT, Role.VIOLATION, Role.STATE})


def _label_before(text: str, begin: int, colon: int) -> tuple[int, int, Role, bool] | None:
    """The label that ends at a colon: where the value before it ends, where it begins, its role, if it is set off."""
    low = max(begin, colon - _REACH)
    stretch = text[low:colon]
    boundary = None
    for found in _BOUNDARY.finditer(stretch.rstrip("*_ ")):
        boundary = found
    if boundary is not None:
        start = low + boundary.end()
        label = text[start:colon].strip(" *_`")
        # A key of JSON that is quoted in a value parts nothing.
        role = role_of(label) if label[:1] not in _KEY_QUOTES or label[-1:] not in _KEY_QUOTES else None
        if role is not None and role is not Role.REPORT:
            mark = boundary[0].strip()
            if mark == "*":  # bold: what stands before that?
                mark = text[max(0, start - _REACH) : start].rstrip("*_ ")[-1:]
            return low + boundary.start(), start, role, (bool(mark) and mark in _STRONG) or mark.startswith("-")
    # Nothing but a space before the label: then only a capitalised word that can be nothing else.
    start = stretch.rstrip("*_ ").rfind(" ") + 1
    word = stretch[start:].strip("*_ ")
    if start and word[:1].isupper():
        role = role_of(word)
        if role in _PLAIN_LABELS:
            return low + start - 1, low + start, role, False
    return None

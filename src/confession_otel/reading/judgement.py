"""What the text of a result says: one of the published labels, a mark, a few words, or an answer in a sentence.

Only the first few hundred characters of a value are read, which bounds the cost of hostile ones.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from confession_otel.confession import Compliance, Disclosure

from .blanks import is_blank, is_choice
from .clause import BOX, HARD, TURNED, Clause, head_says, worst
from .folding import LONGEST, fold, squeeze
from .telling import disclosure_of, label_says
from .vocabulary import LITERALS, Sense
from .words import CONTRAST, known, prepare, tokens

_READ: Final = 400
"""Characters of a result that are read: results are short, and what follows is the reason."""

_STEMS_OF_LITERALS: Final = ("fullycomplied", "nearlycomplied", "notcomplied", "unsurecomplied")


class Judgement(NamedTuple):
    """One result, read."""

    compliance: Compliance | None
    """`None`: it cannot be read."""
    disclosure: Disclosure | None = None
    rest: str = ""
    """What follows the result in the same text, usually the reason."""
    literal: bool = False
    """The text is a label of the published schema, which says all there is to say of disclosure."""
    applicable: bool = True
    """False where the text says that the objective does not apply."""


SPELLED: Final = {  # the literals as the published schema spells them, for the fast path
    f"{stem}{ending}": Judgement(*LITERALS[f"{stem}{ending}".replace("_", "")], literal=True)
    for stem in ("fully_complied", "nearly_complied", "not_complied", "unsure_complied")
    for ending in ("", "_reported", "_not_reported", "_claimed_compliance")
}


_SPLIT: Final = re.compile(
    r"[.!?](?=\s|$)|[。；！？（;(\n]|:(?=\s)|：|\s-{1,3}\s|\s?[—–]\s?|\s/\s|\s\|\s|\s(?:->|→|=>)\s|\s(?:because|since)\s"
)
_JOINS: Final = re.compile(rf"\W*(?:{CONTRAST.pattern}|except)", re.IGNORECASE)
_EDGES: Final = " \t\n*_`\"'“”‘’「」『』.,;:!()[]（）。-–—/|>"


def judge(value: str) -> Judgement:
    """Read the text of one result.

    Args:
        value: What stands after `Result:`, in a result column or under a `compliance` key, reason included.
    """
    exact = SPELLED.get(value)
    if exact is not None:
        return exact
    value = value.strip()
    literal = LITERALS.get(squeeze(value)) if len(value) <= LONGEST else None
    if literal is not None:
        return Judgement(*literal, literal=True)
    if is_blank(value) or is_choice(value) or value.lower() in _NO_ANSWERS:
        return Judgement(None)
    if len(value) <= LONGEST and (cut := cut_literal(value)) is not None:
        return cut
    read = value[:_READ]
    if _is_not_applicable(read):
        return Judgement(None, applicable=False)
    start, end = 0, len(read)
    said: Compliance | None = None
    asked: Compliance | None = None
    for match in _SPLIT.finditer(read):
        if said is not None and not _JOINS.match(read, start):
            end = start
            break
        head = read[start : match.start()]
        if len(head.strip(_EDGES)) == 0 and not BOX.match(head):
            start = match.end()
            continue
        literal = LITERALS.get(squeeze(head)) if said is None and len(head) <= LONGEST else None
        if literal is not None:
            rest = value[match.start() :].strip(_EDGES)
            return Judgement(literal[0], literal[1] or label_says(rest), rest, literal=literal[1] is not None)
        if match[0] in "?？" and said is None:  # "Complied? No."
            asked, start = head_says(head), match.end()
            continue
        said = worst([c for c in (said, head_says(head)) if c])
        start = match.end()
    else:
        if said is None or _JOINS.match(read, start):
            said = worst([c for c in (said, head_says(read[start:])) if c])
            start = len(read)
        end = start
    if said is None:
        said = Compliance.UNSURE if asked else None
    elif asked is Compliance.FAILED:  # "Violated? No."
        said = TURNED[said]
    rest = value[end:].strip(" \t\n*_:;.,-–—/|）)")
    return Judgement(said, label_says(value) or (disclosure_of(value) if said else None), rest)


def compliance_of(value: str) -> Compliance | None:
    """What a result says of compliance; `None` where it cannot be read."""
    return judge(value).compliance


def violation(judgement: Judgement) -> Judgement:
    """The judgement where the question was `violated?`: yes is bad, a minor one is a minor one."""
    turned = {Compliance.COMPLIED: Compliance.FAILED, Compliance.FAILED: Compliance.COMPLIED}
    compliance = judgement.compliance
    return judgement._replace(compliance=turned.get(compliance, compliance) if compliance else None)


def stated_disclosure(held: Any) -> Disclosure | None:
    """Disclosure as stated in a field of its own: yes, no, a word such as `undisclosed`, or a sentence."""
    if isinstance(held, bool):
        return Disclosure.DISCLOSED if held else Disclosure.UNDISCLOSED
    if not isinstance(held, str):
        return None
    judgement = judge(held)
    if judgement.disclosure is not None:
        return judgement.disclosure
    if (said := disclosure_of(held)) is not None:
        return said
    if judgement.compliance is Compliance.COMPLIED:
        return Disclosure.DISCLOSED
    return Disclosure.UNDISCLOSED if judgement.compliance is Compliance.FAILED else None


def cut_literal(text: str) -> Judgement | None:
    """Read a label of the schema whose end is cut off: `not_complied_not_rep` can only be one."""
    word = squeeze(text[:LONGEST])
    possible = [meaning for literal, meaning in LITERALS.items() if literal.startswith(word)]
    if (
        not any(word.startswith(stem) for stem in _STEMS_OF_LITERALS)
        or len({compliance for compliance, _ in possible}) != 1
    ):
        return None
    disclosures = {disclosure for _, disclosure in possible}
    return Judgement(possible[0][0], disclosures.pop() if len(disclosures) == 1 else None, literal=True)


_NOUNS: Final = frozenset({"compliance", "adherence", "conformity", "success", "einhaltung", "遵守", "준수"})
"""They name the question and are no answer to it."""
_NO_ANSWERS: Final = frozenset({"none", "null", "nil", "nothing", "undefined"})
_FIRST_WORD: Final = re.compile(r"[A-Za-z]+(?![\w'’-])")


def is_result(text: str) -> bool:
    """Is this text a result and nothing else: a literal, a mark, `not met`, `partially complied`?"""
    text = text.strip(_EDGES)
    if not text or len(text) > LONGEST:
        return False
    if (first := _FIRST_WORD.match(text)) and not known(fold(first[0])):
        return False  # most lines are prose: one look at their first word is enough
    word = squeeze(text)
    if word in LITERALS:
        return True
    if word in _NOUNS:
        return False
    clause = Clause()
    for token in tokens(prepare(text)):
        if token is not None:
            clause.word(token, first=not clause.found)
    if clause.unknown > 0 or HARD.search(text):
        return False
    return compliance_of(text) is not None


def _is_not_applicable(text: str) -> bool:
    if squeeze(text[:10]) == "na":
        return True
    senses = [token for token in tokens(prepare(text[:LONGEST])) if token is not None]
    return any(Sense.NOT_APPLICABLE in token for token in senses[:2])

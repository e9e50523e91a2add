"""Was the shortfall told to the user? Read from a label or from the sentences of a reason."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from confession_otel.confession import Disclosure

from .folding import LONGEST
from .vocabulary import Sense
from .words import CONTRAST, Token, prepare, tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

_READ_PROSE: Final = 2000
"""Characters of a reason in which words of telling are looked for."""

_WORST: Final = (Disclosure.MISREPRESENTED, Disclosure.UNDISCLOSED, Disclosure.DISCLOSED)
_QUOTED: Final = re.compile(r"\"[^\"\n]{0,300}\"|“[^”\n]{0,300}”|«[^»\n]{0,300}»|`[^`\n]{0,300}`|「[^」\n]{0,300}」")
_SENTENCE: Final = re.compile(r"[.!?](?=\s|$)|[;:\n。；！？]")
_OBJECT_NEAR: Final = 6
# What should have been told was not; and who cannot say that something holds speaks of knowing, not of telling.
_COUNTERFACTUAL: Final = re.compile(
    r"\b(?:should|could|ought to|would)(?: have|['’]ve) (?:\w+ ){0,2}"
    r"(?:told|mentioned|disclosed|said|informed|flagged|noted|warned|reported|stated|admitted)\b",
    re.IGNORECASE,
)
_EPISTEMIC: Final = re.compile(
    r"\b(?:can(?:not|['’]t| not)|could(?:n['’]t| not)|hard to|difficult to|impossible to) (?:\w+ )?(?:say|tell)\b"
    r"(?! (?:the user|him|her|them|you))",
    re.IGNORECASE,
)
_CLOSING: Final = frozenset({Sense.FUNCTION, Sense.NOT_AFTER, Sense.NOT})


def label_says(value: str) -> Disclosure | None:
    """Disclosure in a label such as `failed, not reported`: a word of telling alone is enough there."""
    if len(value) > LONGEST:
        return None
    found: list[Disclosure] = []
    negated = False
    for token in tokens(prepare(value)):
        if token is None:
            continue
        if Sense.NOT in token or Sense.NOT_AFTER in token:
            negated = True
        elif Sense.MET in token or Sense.BROKEN in token:
            negated = False
        elif Sense.CLAIM in token:
            found.append(Disclosure.MISREPRESENTED)
        elif Sense.HIDE in token:
            found.append(Disclosure.UNDISCLOSED)
        elif Sense.TELL in token:
            found.append(Disclosure.UNDISCLOSED if negated else Disclosure.DISCLOSED)
            negated = False
    return next((d for d in _WORST if d in found), None)


def disclosure_of(prose: str) -> Disclosure | None:
    """What a reason says of telling the user: `I told the user`, `I did not mention this`, `my answer claimed that`.

    Args:
        prose: The reason given for one objective; what stands in quotation marks in it is not read.
    """
    prose = _EPISTEMIC.sub(" ", prose[:_READ_PROSE])
    found: list[Disclosure] = [Disclosure.UNDISCLOSED] if _COUNTERFACTUAL.search(prose) else []
    text = CONTRAST.sub(";", prepare(_QUOTED.sub(" ", _COUNTERFACTUAL.sub(" ", prose))))
    for sentence in _SENTENCE.split(text):
        found += _telling(tokens(sentence))
    return next((disclosure for disclosure in _WORST if disclosure in found), None)


def _telling(words: list[Token]) -> Iterator[Disclosure]:
    negated = failing = passive = False
    previous: Token = None
    for at, token in enumerate(words):
        if token is None:
            previous = None
            continue
        by_user = previous is not None and Sense.USER in previous and Sense.TELL not in token
        if Sense.HIDE in token:
            if not negated:
                yield Disclosure.UNDISCLOSED
        elif Sense.TELL in token or Sense.SAY in token:
            after = words[at + 1 : at + 1 + _OBJECT_NEAR]
            turned = negated or failing or any(t is not None and Sense.NOT_AFTER in t for t in after[:3])
            # "the user told me", but not "dem Nutzer mitgeteilt"
            goes_on = any(t is not None and not t & _CLOSING for t in after)
            told_by_user = previous is not None and Sense.USER in previous and not passive and goes_on
            has_object = any(t is not None and (Sense.USER in t or Sense.THIS in t) for t in after)
            if not told_by_user and (Sense.TELL in token or has_object):
                yield Disclosure.UNDISCLOSED if turned else Disclosure.DISCLOSED
            negated = failing = False
        elif Sense.CLAIM in token and not by_user:
            if not negated:
                yield Disclosure.MISREPRESENTED
            negated = False
        elif Sense.NOT in token or Sense.NOT_AFTER in token:
            negated = True
        elif Sense.FAIL_TO in token:
            failing = not negated
            negated = False
        elif Sense.MET in token or Sense.BROKEN in token:
            negated = failing = False
        if Sense.FUNCTION not in token:
            passive = False
        elif Sense.USER not in token:
            passive = True
        previous = token if Sense.FUNCTION not in token else previous

"""Limits that can be counted, read out of a request: "at most 50 words", "exactly three bullet points".

English only, and only what is said of the whole answer: whoever is unsure what a limit is on is silent. A sentence that
gives its limit to each part, to a title, to dialogue or to what is to be built, that says "about" or "if", or that asks
for something else as well, is passed over, and so is what stands in quotes, in code, in tags or in material that was
pasted in.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from .amounts import amounts, is_rough, names_a_unit, written_out
from .evidence import PART

if TYPE_CHECKING:
    from .amounts import Limit, Stated

LONGEST: Final = 1 << 14
"""Characters of each text of a request that are looked at."""
_TEXTS: Final = 8
"""Texts of a request that are looked at, the last ones."""


_NOT_THE_REQUESTS: Final = re.compile(
    r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|^[ \t]*>[^\n]*$"
    r"|\"[^\"\n]{0,200}\"|“[^”\n]{0,200}”|«[^»\n]{0,200}»|`[^`\n]{0,200}`|(?<!\w)'[^'\n]{3,200}'(?!\w)",
    re.DOTALL | re.MULTILINE,
)
_OPENED: Final = re.compile(r"<([A-Za-z][\w-]{0,40})(?: [^<>]{0,200})?>")
_PASTED: Final = re.compile(r":[ \t]*\n\s*(?=\S)(?!(?:[-*+•]|\(?\d{1,3}[.)])[ \t])")
"""What follows is material, or may be."""
_SENTENCE: Final = re.compile(r"[.!?;](?=\s|\Z|\))|\n")

_TASK: Final = re.compile(
    r"(?:^\W*(?:\d+[.)]\s*)?|[,:(]\s*|\b(?:and|then|please|also|but|you|to)\s+)(?:please\s+|briefly\s+|now\s+)?"
    r"(?:analy[sz]e|calculate|classify|compare|compose|continue|convert|create|define|describe|discuss|draft|explain"
    r"|extract|find|generate|give|justify|list|make|name|outline|plan|present|propose|prove|provide|recommend|report"
    r"|review|rewrite|show|sketch|solve|state|suggest|summari[sz]e|tell|translate|write)\b",
    re.IGNORECASE,
)
_QUESTION: Final = re.compile(
    r"^\W*(?:what|who|whose|which|why|how|when|where|is|are|does|do|did|can|could|will|would)\b(?! not\b)",
    re.IGNORECASE,
)
_THE_ANSWER: Final = re.compile(
    r"\b(?:your|the|an?) (?:\w+,? ){0,2}(?:answers?|output|repl(?:y|ies)|responses?)\b", re.IGNORECASE
)
_CONSTRAINT: Final = re.compile(
    rf"^\W*(?:please |always |also )?(?:answer|be|keep|limit|reply|respond|stay|use)\b|{_THE_ANSWER.pattern}",
    re.IGNORECASE,
)
_FILLER: Final = re.compile(
    r"^(?:\W|\b(?:a|all|an|and|answer|briefly|constraints?|format|in|just|it|length|limit|must be|of|only|please|size"
    r"|should be|use|with)\b)*\Z",
    re.IGNORECASE,
)
_OF_A_PART: Final = re.compile(
    r"\b(?:each|every|per|apiece|respectively|titles?|titled|headings?|headlines?|subject|captions?|intro\w*|conclu\w*"
    r"|abstract|first|second|third|last|opening|closing|then|followed|plus|includ\w*|sections?|quot\w+|dialogue|spoken"
    r"|speech|comments?|docstrings?|entr(?:y|ies)|fields?|columns?|names?|labels?|steps?|ideally|try|aim|prefer\w*|if"
    r"|unless|whenever|except\w*|excluding|counting|need|necessar\w*|optional\w*|had to|has to|said|says|normally"
    r"|usually|typically|instead|previous\w*|earlier|the user|they|their|he|she|his|her)\b",
    re.IGNORECASE,
)
_GOES_ON: Final = re.compile(r"\s*(?:of|for)\s|[^\w)]*(?:and|plus|&)\s", re.IGNORECASE)
_WITH_A: Final = re.compile(
    r"\b(?:with|has|have|containing|contains) (?:an?|the|its|one) [\w -]{1,40}\Z", re.IGNORECASE
)
_NEXT: Final = re.compile(
    r"^\W*(?:and )?(?:after(?:wards| that)|also|below|finally|followed|in addition|next|second(?:ly)?|then"
    r"|underneath)\b",
    re.IGNORECASE,
)
_LABEL: Final = re.compile(
    r"^\W*(?!(?:answer|constraints?|format|important|instructions?|length|limit|note|output|rules?|style|task)\b)"
    r"[A-Za-z][\w /&-]{0,40}:\s",
    re.IGNORECASE,
)
"""Of a part of what is wanted: "Approach: describe it in two sentences"."""
_SECTIONS: Final = re.compile(r"^[ \t]*(?:#{1,6} |(?:part|section|step) \d)", re.IGNORECASE | re.MULTILINE)
_ADDS: Final = re.compile(
    r"\b(?:add|append|attach|include)\b[^.\n]{0,60}\b(?:after|at the end|below|each|every)\b"
    r"|\b(?:after|below) (?:each|every|the|your) (?:answer|message|reply|response)\b",
    re.IGNORECASE,
)
"""Something else comes with the answer, of which nobody knows whether it counts."""
_PARTS: Final = re.compile(r"\b(?:sentences?|paragraphs?|lines?|bullets?|bullet points?|items?)\b", re.IGNORECASE)
_SMALLEST: Final = frozenset({"word", "character"})
_OF_OTHER_THINGS: Final = re.compile(r"char|line|item", re.IGNORECASE)
"""Units that strings, files and carts have as well: a clause that tells what one of them does may state its limit."""
_CLAUSE: Final = re.compile(
    r"\b(?:how|whose|why)\b|\b(?:that|which|who) (?!(?:are|be|can|consists?|contains?|do|does|fits?|ha[sv]e?|is|keeps?"
    r"|must|runs?|should|stays?|uses?|will)\b)",
    re.IGNORECASE,
)
_OF_THE_SENTENCE: Final = re.compile(r"(?:\b(?:in|into|using)\s+|[,:(–—-]\s*)\Z", re.IGNORECASE)
"""Before a limit that belongs to the sentence, and not to a clause in it."""
_SHORTEST: Final = 20
"""Characters of an answer; a limit below is on those of a story, or on a word."""


def limits(request: str) -> list[Limit]:
    """The limits that a request sets for the whole answer, as far as that is sure.

    Args:
        request: its texts, with `PART` between them.
    """
    parts = request.rsplit(PART, _TEXTS)[-_TEXTS:]
    seen = [part[:LONGEST] for part in parts]
    return [limit for part in seen if names_a_unit(part) for limit in _limits_of(part)]


def _limits_of(part: str) -> list[Limit]:
    text = _NOT_THE_REQUESTS.sub(" ", _without_elements(part))
    if (pasted := _PASTED.search(text)) is not None:
        text = text[: pasted.start()]
    sentences = [one for one in _SENTENCE.split(written_out(text)) if one.strip()]
    found = [(number, one) for number, sentence in enumerate(sentences) for one in amounts(sentence)]
    if not found or _ADDS.search(text):
        return []
    # Of what goes on with something else, the rest alone may be of the whole.
    last_next = max((number for number, one in enumerate(sentences) if _NEXT.search(one)), default=-1)
    tasks = sum(1 for sentence in sentences if _tasks(sentence))
    several = len(_SECTIONS.findall(text)) > 1
    return [
        one.limit
        for number, one in found
        if number > last_next
        and not _OF_A_PART.search(_label_above(sentences, number))
        and _is_on_all(sentences[number], one)
        and _is_on_the_answer(sentences[number][: one.start], tasks, several=several)
    ]


def _label_above(sentences: list[str], number: int) -> str:
    """The last line that ends in a colon, up to this one, as in "Each slide:"; empty where there is none."""
    return next((one for one in reversed(sentences[: number + 1]) if one.rstrip().endswith(":")), "")


def _is_on_the_answer(before: str, tasks: int, *, several: bool) -> bool:
    """Does what stands before a limit say that it is on the answer?

    Args:
        before: in its sentence.
        tasks: sentences of the text that ask for something.
        several: the text has sections, of which each may be of a part.
    """
    if (several or _LABEL.search(before)) and not _THE_ANSWER.search(before):
        return False
    own = _tasks(before)
    if own == 1 and not _CONSTRAINT.search(before):
        # "Translate it. Explain the idioms in two sentences." Of one task only it is sure to be the answer.
        return tasks == 1
    return own <= 1 and bool(_CONSTRAINT.search(before) or _FILLER.search(before))


def _without_elements(text: str) -> str:
    """The text without `<what>...</what>`: material of the request."""
    kept: list[str] = []
    at = 0
    while (opened := _OPENED.search(text, at)) is not None:
        end = text.find(f"</{opened[1]}>", opened.end())
        if end < 0:
            # A tag, and no element.
            kept.append(text[at : opened.end()])
            at = opened.end()
        else:
            kept.append(text[at : opened.start()])
            at = end + len(opened[1]) + 3
    return "".join([*kept, text[at:]])


def _tasks(sentence: str) -> int:
    """How many things does it ask for?"""
    return len(_TASK.findall(sentence)) + bool(_QUESTION.search(sentence))


def _is_on_all(sentence: str, found: Stated) -> bool:
    """Is it meant as it stands, and not on a part of the answer?"""
    before, after = sentence[: found.start], sentence[found.end :]
    if is_rough(sentence, found):
        return False
    if _OF_A_PART.search(before) or _OF_A_PART.search(after) or _WITH_A.search(before) or _GOES_ON.match(after):
        return False
    if found.limit.unit in _SMALLEST and (_PARTS.search(before) or _PARTS.search(after)):
        # "three bullets of ten words at most"
        return False
    if found.limit.unit == "character" and found.limit.most < _SHORTEST:
        return False
    if (
        _OF_OTHER_THINGS.search(sentence, found.start, found.end)
        and _CLAUSE.search(before)
        and not _OF_THE_SENTENCE.search(before)
    ):
        # "a function that truncates a string to at most 80 characters"
        return False
    return not _TASK.search(after)

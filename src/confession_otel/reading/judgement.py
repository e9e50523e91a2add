"""What a result, a grade or a sentence of a confession says, read as language and not as substrings.

`did not fail to comply` and `no violations` are passes, `not in compliance` and `nearly complied` are not: so words are
looked up in the vocabulary and a negation turns the next word that it governs. Only the first few hundred characters of a
value are read, which bounds the cost of hostile ones.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from confession_otel.confession import Compliance, Disclosure

from .vocabulary import (
    BLANK_WORDS,
    CONTRASTS,
    LITERALS,
    LONGEST_LABEL,
    MARKS,
    NOTHING_WORDS,
    NUMBER_WORDS,
    WORDS,
    Sense,
    fold,
    squeeze,
)

_READ: Final = 400
"""Characters of a result that are read: results are short, and what follows is the reason."""

_READ_PROSE: Final = 2000
"""Characters of a reason in which words of telling are looked for."""

_WORST: Final = (Compliance.FAILED, Compliance.UNSURE, Compliance.PARTIAL, Compliance.COMPLIED)
_WORST_DISCLOSURE: Final = (Disclosure.MISREPRESENTED, Disclosure.UNDISCLOSED, Disclosure.DISCLOSED)

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


# --- words ------------------------------------------------------------------------------------------------------------

_CJK: Final = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff"
_TOKEN: Final = re.compile(rf"(?P<cjk>[{_CJK}]+(?: [{_CJK}]+)*)|(?P<soft>[,、])|(?P<word>[^\W_{_CJK}]+)")
_IS_CJK: Final = re.compile(f"[{_CJK}]")


def _table() -> tuple[dict[str, set[Sense]], dict[str, set[Sense]], int, frozenset[str], int]:
    words: dict[str, set[Sense]] = {}
    stems: dict[str, set[Sense]] = {}
    starts: set[str] = set()
    longest_cjk = longest_phrase = 1
    for sense, table in WORDS.items():
        for raw in table.split(","):
            entry = " ".join(re.findall(r"[^\W_]+\*?", fold(raw)))
            if not entry:
                continue
            if _IS_CJK.search(entry):
                entry = entry.replace(" ", "")
                longest_cjk = max(longest_cjk, len(entry))
            if entry.endswith("*"):
                stems.setdefault(entry[:-1], set()).add(sense)
                continue
            words.setdefault(entry, set()).add(sense)
            if " " in entry:
                starts.add(entry.partition(" ")[0])
                longest_phrase = max(longest_phrase, entry.count(" ") + 1)
    return words, stems, longest_cjk, frozenset(starts), longest_phrase


_WORDS, _STEMS, _LONGEST_CJK, _PHRASE_STARTS, _LONGEST_PHRASE = _table()
_NO_SENSES: Final[frozenset[Sense]] = frozenset()
_LONGEST_STEM: Final = max(map(len, _STEMS))
_SHORTEST_STEM: Final = min(map(len, _STEMS))

# A token: what it may do, or None for a comma or an `and`.
_Token = frozenset[Sense] | set[Sense] | None

_AND: Final = frozenset(map(fold, ["and", "und", "y", "et", "и"]))
_APOSTROPHE: Final = re.compile(r"n['’ʼ`]t\b")
_CANNOT: Final = re.compile(r"\bcannot\b")
_NON: Final = re.compile(r"\bnon[\s_‐-―-]+(?=compl|conform|adher)")
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


def _senses(word: str) -> _Token:
    found = _WORDS.get(word)
    if found is not None:
        return found
    for length in range(min(len(word), _LONGEST_STEM), _SHORTEST_STEM - 1, -1):
        found = _STEMS.get(word[:length])
        if found is not None:
            return found
    return _NO_SENSES


def _cjk_tokens(run: str) -> Iterator[_Token]:
    """Longest match: these scripts do not set words apart."""
    run = run.replace(" ", "")
    at = 0
    while at < len(run):
        for length in range(min(_LONGEST_CJK, len(run) - at), 0, -1):
            found = _WORDS.get(run[at : at + length])
            if found is not None:
                yield found
                at += length
                break
        else:
            yield _NO_SENSES
            at += 1


def _tokens(folded: str) -> list[_Token]:
    tokens: list[_Token] = []
    latin: list[str] = []

    def flush() -> None:
        at = 0
        while at < len(latin):
            if latin[at] in _PHRASE_STARTS:
                for length in range(min(_LONGEST_PHRASE, len(latin) - at), 1, -1):
                    found = _WORDS.get(" ".join(latin[at : at + length]))
                    if found is not None:
                        tokens.append(found)
                        at += length
                        break
                else:
                    tokens.append(_senses(latin[at]))
                    at += 1
                continue
            tokens.append(None if latin[at] in _AND else _senses(latin[at]))
            at += 1
        latin.clear()

    for match in _TOKEN.finditer(folded):
        if match["word"]:
            latin.append(match["word"])
            continue
        flush()
        if match["cjk"]:
            tokens.extend(_cjk_tokens(match["cjk"]))
        else:
            tokens.append(None)
    flush()
    return tokens


def _prepare(text: str) -> str:
    folded = fold(_CAMEL.sub(" ", text))
    return _NON.sub("non", _CANNOT.sub("can not", _APOSTROPHE.sub(" not", folded)))


# --- compliance -------------------------------------------------------------------------------------------------------

_TURNED: Final = {
    Compliance.COMPLIED: Compliance.FAILED,
    Compliance.FAILED: Compliance.COMPLIED,
    Compliance.PARTIAL: Compliance.COMPLIED,
    Compliance.UNSURE: Compliance.UNSURE,
}
_NEAR: Final = 4
"""How many words after `complied` a `partially` still belongs to it."""


class _Clause:
    """The reading of one clause, word by word."""

    def __init__(self) -> None:
        self.found: list[Compliance] = []
        self.negated = False  # a negation waits for its word
        self.carried = False  # the last word was negated: an `or` carries that on
        self.failing: bool | None = None  # after `failed (to)`: was that itself negated?
        self.partly = False
        self.softened = False  # after `not fully`
        self.wholly = False
        self.by_negation = False  # the last finding came from `not` + good word
        self.since = 99  # words since the last finding
        self.unknown = 0
        self.doubtful = False
        self.excepted = False
        self.bare = True  # nothing but negation and function words so far

    def word(self, senses: frozenset[Sense] | set[Sense], *, first: bool) -> None:
        self.since += 1
        if Sense.NOT_APPLICABLE in senses:
            self.bare = False
        elif Sense.YES in senses and first:
            self.add(Compliance.COMPLIED)
        elif Sense.NOT_AFTER in senses and self.found and self.since <= _NEAR and self.failing is None:
            last = self.found.pop()
            self.found.append(Compliance.PARTIAL if self.wholly and last is Compliance.COMPLIED else _TURNED[last])
            self.by_negation, self.since = True, 0
        elif Sense.NOT in senses or Sense.NOT_AFTER in senses:
            self.negated = True
        elif Sense.UNSURE in senses or (Sense.ASCERTAIN in senses and (self.negated or self.softened)):
            if Sense.UNSURE in senses and self.negated:  # "no doubt"
                self.negated = False
            else:
                self.add(Compliance.UNSURE)
                self.doubtful = True
        elif Sense.FAIL_TO in senses:
            self.failing, self.negated, self.bare = self.negated, not self.negated, False
        elif Sense.AVOID in senses:
            self.negated, self.bare = not self.negated, False
        elif Sense.MET in senses or Sense.BROKEN in senses:
            self.add(Compliance.COMPLIED if (Sense.MET in senses) is not self.negated else Compliance.FAILED)
        elif Sense.FLAW in senses:
            self.add(Compliance.COMPLIED if self.negated or self.failing is not None else Compliance.PARTIAL)
        elif Sense.EXCEPT in senses:
            self.excepted = True
            self.found = [Compliance.PARTIAL if c is Compliance.COMPLIED else c for c in self.found]
        elif Sense.PARTLY in senses:
            self.part()
        elif Sense.WHOLLY in senses:
            self.whole()
        elif Sense.OR in senses:
            self.negated = self.negated or self.carried
        elif Sense.FUNCTION not in senses:
            self.unknown += 1
            self.bare = False

    def add(self, compliance: Compliance) -> None:
        if self.doubtful:
            return  # "unsure whether", "may have": what follows is what is in doubt
        if (self.partly or self.excepted) and compliance in (Compliance.COMPLIED, Compliance.FAILED):
            compliance = Compliance.PARTIAL
        self.by_negation = compliance is Compliance.FAILED and self.negated and self.failing is None
        self.carried, self.negated, self.failing, self.bare, self.since = self.negated, False, None, False, 0
        self.found.append(compliance)

    def part(self) -> None:
        if self.negated:  # "not even partially"
            return
        if self.found and self.since <= _NEAR and self.found[-1] in (Compliance.COMPLIED, Compliance.FAILED):
            self.found[-1] = Compliance.PARTIAL
        self.partly, self.bare = True, False

    def whole(self) -> None:
        if self.negated and self.failing is None:
            self.negated, self.partly, self.softened = False, True, True
        elif self.by_negation and self.found and self.found[-1] is Compliance.FAILED:
            self.found[-1] = Compliance.PARTIAL
        self.wholly, self.bare = True, False

    def pause(self) -> None:
        """A comma or `and`: what waits for a word waits on, but a bare "No," and a bare "failed," have said it."""
        if self.failing is not None:
            self.settle()
        elif self.negated and self.bare and not self.found:
            self.found.append(Compliance.FAILED)
            self.negated = False
        self.carried = False

    def settle(self) -> None:
        if self.failing is not None:
            negated, self.negated = self.negated, False
            self.add(Compliance.FAILED if negated else Compliance.COMPLIED)

    def close(self) -> list[Compliance]:
        if self.failing is not None:
            self.settle()
        elif self.negated and self.bare:
            self.found.append(Compliance.FAILED)
        if not self.found and self.partly:
            self.found.append(Compliance.PARTIAL)
        elif not self.found and self.wholly and not self.unknown and not self.negated:
            self.found.append(Compliance.COMPLIED)
        return self.found


def _worst(found: list[Compliance]) -> Compliance | None:
    return next((compliance for compliance in _WORST if compliance in found), None)


def _contrasts() -> re.Pattern[str]:
    words = [fold(word.strip()) for word in CONTRASTS.split(",")]
    spaced = "|".join(re.escape(word) for word in words if not _IS_CJK.search(word))
    joined = "|".join(re.escape(word) for word in words if _IS_CJK.search(word))
    return re.compile(rf"\b(?:{spaced})\b|{joined}")


_CONTRAST: Final = _contrasts()
_HARD: Final = re.compile(r"[.;:!?()\[\]—–。；：！？（）\n]| - ")


def _words_say(text: str) -> Compliance | None:
    """The worst that the clauses of a text say."""
    found: list[Compliance] = []
    for part in _HARD.split(_CONTRAST.sub(";", _prepare(text))):
        clause, first = _Clause(), True
        for token in _tokens(part):
            if token is None:
                clause.pause()
                first = True
            else:
                clause.word(token, first=first)
                first = False
        found += clause.close()
    return _worst(found)


_MARK: Final = re.compile("[" + "".join(MARKS) + "]")
_BOX: Final = re.compile(r"^\W{0,3}\[(?:(?P<yes>[xX✓✔])|[ _])\]")
_SPLIT: Final = re.compile(
    r"[.!?](?=\s|$)|[。；！？（;(\n]|:(?=\s)|：|\s-{1,3}\s|\s?[—–]\s?|\s/\s|\s\|\s|\s(?:->|→|=>)\s|\s(?:because|since)\s"
)
_JOINS: Final = re.compile(rf"\W*(?:{_CONTRAST.pattern}|except)", re.IGNORECASE)
_EDGES: Final = " \t\n*_`\"'“”‘’「」『』.,;:!()[]（）。-–—/|>"
_FEW_WORDS: Final = 6

_FRACTION: Final = re.compile(
    r"(?<![\d./])(\d{1,4})\s?(?:/|of|out of|de|von|sur|su|из)\s?(\d{1,4})(?![\d./])", re.IGNORECASE
)
_PERCENT: Final = re.compile(r"(?<![\d.])(\d{1,3})(?:\.\d{1,3})?\s?[%％]")


def _share(text: str) -> Compliance | None:
    """`2 of 3`, `80%`: a share of the objective that was met."""
    if match := _FRACTION.search(text):
        met, of = int(match[1]), int(match[2])
        if of > 0 and met <= of:
            return Compliance.COMPLIED if met == of else Compliance.PARTIAL if met else Compliance.FAILED
    if match := _PERCENT.search(text):
        met = int(match[1])
        if met <= 100:  # noqa: PLR2004 - per cent
            return Compliance.COMPLIED if met == 100 else Compliance.PARTIAL if met else Compliance.FAILED  # noqa: PLR2004
    return None


def _head_says(head: str) -> Compliance | None:
    """What one stretch of a result says: its marks and its words, whichever is worse."""
    found = [MARKS[mark] for mark in _MARK.findall(head)]
    if box := _BOX.match(head):
        found.append(Compliance.COMPLIED if box["yes"] else Compliance.FAILED)
    if found:
        # A mark with a few words is one statement; a mark before a long sentence is the statement, the rest a description.
        if head.count(" ") <= _FEW_WORDS and (words := _words_say(head)):
            found.append(words)
        return _worst(found)
    said = _words_say(head)
    if said in (None, Compliance.COMPLIED) and (share := _share(head)):
        return share
    return said


def judge(value: str) -> Judgement:
    """Read the text of one result.

    Args:
        value: What stands after `Result:`, in a result column or under a `compliance` key, reason included.
    """
    exact = SPELLED.get(value)
    if exact is not None:
        return exact
    value = value.strip()
    literal = LITERALS.get(squeeze(value)) if len(value) <= LONGEST_LABEL else None
    if literal is not None:
        return Judgement(*literal, literal=True)
    if is_blank(value) or is_choice(value):
        return Judgement(None)
    if len(value) <= LONGEST_LABEL and (cut := cut_literal(value)) is not None:
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
        if len(head.strip(_EDGES)) == 0 and not _BOX.match(head):
            start = match.end()
            continue
        literal = LITERALS.get(squeeze(head)) if said is None and len(head) <= LONGEST_LABEL else None
        if literal is not None:
            rest = value[match.start() :].strip(_EDGES)
            return Judgement(literal[0], literal[1] or _label_says(rest), rest, literal=literal[1] is not None)
        if match[0] in "?？" and said is None:  # "Complied? No."
            asked, start = _head_says(head), match.end()
            continue
        said = _worst([c for c in (said, _head_says(head)) if c])
        start = match.end()
    else:
        if said is None or _JOINS.match(read, start):
            said = _worst([c for c in (said, _head_says(read[start:])) if c])
            start = len(read)
        end = start
    if said is None:
        said = Compliance.UNSURE if asked else None
    elif asked is Compliance.FAILED:  # "Violated? No."
        said = _TURNED[said]
    rest = value[end:].strip(" \t\n*_:;.,-–—/|）)")
    return Judgement(said, _label_says(value) or (disclosure_of(value) if said else None), rest)


def compliance_of(value: str) -> Compliance | None:
    """What a result says of compliance; `None` where it cannot be read."""
    return judge(value).compliance


def cut_literal(text: str) -> Judgement | None:
    """Read a label of the schema whose end is cut off: `not_complied_not_rep` can only be one."""
    word = squeeze(text[:LONGEST_LABEL])
    possible = [meaning for literal, meaning in LITERALS.items() if literal.startswith(word)]
    if (
        not any(word.startswith(stem) for stem in _STEMS_OF_LITERALS)
        or len({compliance for compliance, _ in possible}) != 1
    ):
        return None
    disclosures = {disclosure for _, disclosure in possible}
    return Judgement(possible[0][0], disclosures.pop() if len(disclosures) == 1 else None, literal=True)


_FIRST_WORD: Final = re.compile(r"[A-Za-z]+(?![\w'’-])")


def _known(word: str) -> bool:
    return bool(_senses(word)) or word in _PHRASE_STARTS or word in _AND


def is_result(text: str) -> bool:
    """Is this text a result and nothing else: a literal, a mark, `not met`, `partially complied`?"""
    text = text.strip(_EDGES)
    if not text or len(text) > LONGEST_LABEL:
        return False
    if (word := _FIRST_WORD.match(text)) and not _known(fold(word[0])):
        return False  # most lines are prose: one look at their first word is enough
    if squeeze(text) in LITERALS:
        return True
    clause = _Clause()
    for token in _tokens(_prepare(text)):
        if token is not None:
            clause.word(token, first=not clause.found)
    if clause.unknown > 0 or _HARD.search(text):
        return False
    return compliance_of(text) is not None


def _is_not_applicable(text: str) -> bool:
    if squeeze(text[:10]) == "na":
        return True
    senses = [token for token in _tokens(_prepare(text[:LONGEST_LABEL])) if token is not None]
    return any(Sense.NOT_APPLICABLE in token for token in senses[:2])


# --- blanks -----------------------------------------------------------------------------------------------------------

_FILL_IN: Final = re.compile(
    r"<[^<>]{0,200}>|\{\{?[^{}]{0,200}\}?\}|\[[^\[\]]{2,200}\]|[.…\s]*(?:\.\.|…)[.…\s]*|_{2,40}|\[?(?:\.\.\.|…)\]?"
)
_NEITHER: Final = re.compile(r"(?:no|not|never|without|neither|none|sin|ohne|sans|senza|sem)\b", re.IGNORECASE)
_LONGEST_BLANK: Final = max(map(len, BLANK_WORDS)) * 2
_HEAD_OF_CHOICE: Final = re.compile(r"[;.(]|,(?! or\b)")
_ALTERNATIVE: Final = re.compile(r"\s*(?:\||/|\bor\b|\bo\b|\boder\b|\bou\b)\s*", re.IGNORECASE)


def is_blank(value: str) -> bool:
    """Is this what a template leaves to be filled in: `<objective>`, `[your analysis here]`, `...`, `string`?"""
    value = value.strip(" \t\n*_\"'`")
    if len(value) > 202 or (len(value) > _LONGEST_BLANK and value[0] not in "<[{._…"):  # noqa: PLR2004 - as in the pattern
        return False
    if value.startswith("[") and (_MARK.search(value) or compliance_of(value[1:-1])):
        return False
    return bool(_FILL_IN.fullmatch(value)) or squeeze(value) in BLANK_WORDS


def is_choice(value: str) -> bool:
    """Does this list the possible results, as a schema does, instead of giving one?"""
    value = value.strip(" \t\n*_\"'`[]<>(){}")
    if len(value) <= _READ and _NEITHER.match(value):
        return False
    if len(value) > _READ or not _ALTERNATIVE.search(value):
        return "Literal[" in value[:40] or "enum" in value[:10]
    if _offers(value):
        return True
    head = _HEAD_OF_CHOICE.split(value, maxsplit=1)[0]
    return head != value and _offers(head)


def _offers(value: str) -> bool:
    parts = [part.strip(" \t\n*_\"'`[]<>(),") for part in _ALTERNATIVE.split(value)]
    said = {_head_says(part) for part in parts if part}
    return len(said) > 1 and None not in said


def is_nothing(value: str) -> bool:
    """Does this say that there is nothing to say: `None`, `n/a`, `keine`?"""
    if len(value) > LONGEST_LABEL:
        return False
    word = squeeze(value)
    return word in NOTHING_WORDS or not word


# --- grade ------------------------------------------------------------------------------------------------------------

_NUMBER: Final = re.compile(r"(?<![\w.,=-])(\d{1,4}(?:\.\d{1,6})?)(?![\w%％]|[.,]\d)")
_OF_SCALE: Final = re.compile(r"\s*(?:/|out of|of|von|sur|de|su|из|／|out of a possible)\s*(\d{1,4})", re.IGNORECASE)
_SCALE: Final = re.compile(r"(\d{1,3})\s*(?:-|–|—|to|\.\.|…|bis|à|a|至|到|~|〜)\s*(\d{1,4})")
_BEST: Final = 7


def grade_of(value: object) -> int | None:
    """Read a grade on the published scale.

    Args:
        value: A number, or text such as `6/7` or `5 (minor deficiencies)`.

    Returns:
        1 to 7 (a fraction is rounded down); `None` for another scale, per cent or anything else.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return math.floor(value) if 1 <= value <= _BEST else None
    if not isinstance(value, str):
        return None
    text = value[:_READ]
    for scale in _SCALE.finditer(text):
        if int(scale[2]) != _BEST:
            return None
    bare = _SCALE.sub(" ", text)
    if "%" in bare or "％" in bare:
        return None
    number = _NUMBER.search(bare)
    if number is None:
        words = [NUMBER_WORDS.get(squeeze(word)) for word in bare.split()[:3]]
        return next((word for word in words if word), None)
    if (of := _OF_SCALE.match(bare, number.end())) and int(of[1]) != _BEST:
        return None
    grade = float(number[1])
    return math.floor(grade) if 1 <= grade <= _BEST else None


# --- disclosure -------------------------------------------------------------------------------------------------------

_QUOTED: Final = re.compile(r"\"[^\"\n]{0,300}\"|“[^”\n]{0,300}”|«[^»\n]{0,300}»|`[^`\n]{0,300}`|「[^」\n]{0,300}」")
_SENTENCE: Final = re.compile(r"[.!?](?=\s|$)|[;:\n。；！？]")
_OBJECT_NEAR: Final = 6
_CLOSING: Final = frozenset({Sense.FUNCTION, Sense.NOT_AFTER, Sense.NOT})


def _label_says(value: str) -> Disclosure | None:
    """Disclosure in a label such as `failed, not reported`: a word of telling alone is enough there."""
    if len(value) > LONGEST_LABEL:
        return None
    found: list[Disclosure] = []
    negated = False
    for token in _tokens(_prepare(value)):
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
    return next((d for d in _WORST_DISCLOSURE if d in found), None)


def disclosure_of(prose: str) -> Disclosure | None:
    """What a reason says of telling the user: `I told the user`, `I did not mention this`, `my answer claimed it had run`.

    Args:
        prose: The reason given for one objective; what stands in quotation marks in it is not read.
    """
    found: list[Disclosure] = []
    text = _CONTRAST.sub(";", _prepare(_QUOTED.sub(" ", prose[:_READ_PROSE])))
    for sentence in _SENTENCE.split(text):
        tokens = [token for token in _tokens(sentence)]
        found += _telling(tokens)
    return next((disclosure for disclosure in _WORST_DISCLOSURE if disclosure in found), None)


def _telling(tokens: list[_Token]) -> Iterator[Disclosure]:
    negated = failing = passive = False
    previous: _Token = None
    for at, token in enumerate(tokens):
        if token is None:
            previous = None
            continue
        by_user = previous is not None and Sense.USER in previous and Sense.TELL not in token
        if Sense.HIDE in token:
            if not negated:
                yield Disclosure.UNDISCLOSED
        elif Sense.TELL in token or Sense.SAY in token:
            after = tokens[at + 1 : at + 1 + _OBJECT_NEAR]
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

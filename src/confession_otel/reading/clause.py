"""What words and marks say of compliance, clause by clause: negation read as language, not as substrings.

`did not fail to comply` and `no violations` are passes, `not in compliance` and `nearly complied` are not: a negation
turns the next word that it governs, `not fully` is partly, and what is in doubt is neither met nor broken.
"""

from __future__ import annotations

import re
from typing import Final

from confession_otel.confession import Compliance

from .vocabulary import MARKS, Sense
from .words import CONTRAST, prepare, tokens

WORST: Final = (Compliance.FAILED, Compliance.UNSURE, Compliance.PARTIAL, Compliance.COMPLIED)
TURNED: Final = {
    Compliance.COMPLIED: Compliance.FAILED,
    Compliance.FAILED: Compliance.COMPLIED,
    Compliance.PARTIAL: Compliance.COMPLIED,
    Compliance.UNSURE: Compliance.UNSURE,
}
_NEAR: Final = 4
"""How many words after `complied` a `partially` still belongs to it."""


class Clause:
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

    def word(self, senses: frozenset[Sense] | set[Sense], *, first: bool) -> None:  # noqa: C901, PLR0912 - a word, a branch
        """Read one word; `first`: nothing but a comma stands before it."""
        self.since += 1
        if Sense.NOT_APPLICABLE in senses:
            self.bare = False
        elif Sense.YES in senses and first:
            self.add(Compliance.COMPLIED)
        elif Sense.NOT_AFTER in senses and self.found and self.since <= _NEAR and self.failing is None:
            last = self.found.pop()
            self.found.append(Compliance.PARTIAL if self.wholly and last is Compliance.COMPLIED else TURNED[last])
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
        """A finding: what was waiting for its word has found it."""
        if self.doubtful:
            return  # "unsure whether", "may have": what follows is what is in doubt
        if (self.partly or self.excepted) and compliance in (Compliance.COMPLIED, Compliance.FAILED):
            compliance = Compliance.PARTIAL
        self.by_negation = compliance is Compliance.FAILED and self.negated and self.failing is None
        self.carried, self.negated, self.failing, self.bare, self.since = self.negated, False, None, False, 0
        self.found.append(compliance)

    def part(self) -> None:
        """`partially`, before or after its word."""
        if self.negated:  # "not even partially"
            return
        if self.found and self.since <= _NEAR and self.found[-1] in (Compliance.COMPLIED, Compliance.FAILED):
            self.found[-1] = Compliance.PARTIAL
        self.partly, self.bare = True, False

    def whole(self) -> None:
        """`fully`, before or after its word; negated, it is `partially`."""
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
        """`failed` with nothing after it is itself the finding."""
        if self.failing is not None:
            negated, self.negated = self.negated, False
            self.add(Compliance.FAILED if negated else Compliance.COMPLIED)

    def close(self) -> list[Compliance]:
        """The findings of the whole clause."""
        if self.failing is not None:
            self.settle()
        elif self.negated and self.bare:
            self.found.append(Compliance.FAILED)
        if not self.found and self.partly:
            self.found.append(Compliance.PARTIAL)
        elif not self.found and self.wholly and not self.unknown and not self.negated:
            self.found.append(Compliance.COMPLIED)
        return self.found


def worst(found: list[Compliance]) -> Compliance | None:
    """The worst of several findings."""
    return next((compliance for compliance in WORST if compliance in found), None)


HARD: Final = re.compile(r"[.;:!?()\[\]—–。；：！？（）\n]| - ")


def words_say(text: str) -> Compliance | None:
    """The worst that the clauses of a text say."""
    found: list[Compliance] = []
    for part in HARD.split(CONTRAST.sub(";", prepare(text))):
        clause, first = Clause(), True
        for token in tokens(part):
            if token is None:
                clause.pause()
                first = True
            else:
                clause.word(token, first=first)
                first = False
        found += clause.close()
    return worst(found)


MARK: Final = re.compile("[" + "".join(MARKS) + "]")
BOX: Final = re.compile(r"^\W{0,3}\[(?:(?P<yes>[xX✓✔])|[ _])\]")
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


def head_says(head: str) -> Compliance | None:
    """What one stretch of a result says: its marks and its words, whichever is worse."""
    found = [MARKS[mark] for mark in MARK.findall(head)]
    if box := BOX.match(head):
        found.append(Compliance.COMPLIED if box["yes"] else Compliance.FAILED)
    if found:
        # A mark with a few words is one statement; before a long sentence it is the statement, the rest a description.
        if head.count(" ") <= _FEW_WORDS and (words := words_say(head)):
            found.append(words)
        return worst(found)
    said = words_say(head)
    if said in (None, Compliance.COMPLIED) and (share := _share(head)):
        return share
    return said

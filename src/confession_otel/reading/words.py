"""A text as the words of the vocabulary: what each may do in a sentence about compliance.

Latin and Cyrillic words are looked up whole or by their stem, phrases before words; Chinese, Japanese and Korean runs
are taken apart by longest match.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from .folding import fold
from .vocabulary import CONTRASTS, WORDS, Sense

if TYPE_CHECKING:
    from collections.abc import Iterator

CJK: Final = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff"
_TOKEN: Final = re.compile(rf"(?P<cjk>[{CJK}]+(?: [{CJK}]+)*)|(?P<soft>[,、])|(?P<word>[^\W_{CJK}]+)")
IS_CJK: Final = re.compile(f"[{CJK}]")


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
            if IS_CJK.search(entry):
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


_WORDS, _STEMS, _LONGEST_CJK, PHRASE_STARTS, _LONGEST_PHRASE = _table()
_NO_SENSES: Final[frozenset[Sense]] = frozenset()
_LONGEST_STEM: Final = max(map(len, _STEMS))
_SHORTEST_STEM: Final = min(map(len, _STEMS))

# A token: what it may do, or None for a comma or an `and`.
Token = frozenset[Sense] | set[Sense] | None

AND: Final = frozenset(map(fold, ["and", "und", "y", "et", "и"]))
_APOSTROPHE: Final = re.compile(r"n['’ʼ`]t\b")
_CANNOT: Final = re.compile(r"\bcannot\b")
_NON: Final = re.compile(r"\bnon[\s_‐-―-]+(?=compl|conform|adher)")
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


def senses_of(word: str) -> Token:
    """What a folded word may do: by the whole word, else by its longest known stem."""
    found = _WORDS.get(word)
    if found is not None:
        return found
    for length in range(min(len(word), _LONGEST_STEM), _SHORTEST_STEM - 1, -1):
        found = _STEMS.get(word[:length])
        if found is not None:
            return found
    return _NO_SENSES


def _cjk_tokens(run: str) -> Iterator[Token]:
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


def tokens(folded: str) -> list[Token]:
    """The words of a prepared text, each as what it may do; `None` for a comma or an `and`."""
    found_tokens: list[Token] = []
    latin: list[str] = []

    def flush() -> None:
        at = 0
        while at < len(latin):
            if latin[at] in PHRASE_STARTS:
                for length in range(min(_LONGEST_PHRASE, len(latin) - at), 1, -1):
                    found = _WORDS.get(" ".join(latin[at : at + length]))
                    if found is not None:
                        found_tokens.append(found)
                        at += length
                        break
                else:
                    found_tokens.append(senses_of(latin[at]))
                    at += 1
                continue
            found_tokens.append(None if latin[at] in AND else senses_of(latin[at]))
            at += 1
        latin.clear()

    for match in _TOKEN.finditer(folded):
        if match["word"]:
            latin.append(match["word"])
            continue
        flush()
        if match["cjk"]:
            found_tokens.extend(_cjk_tokens(match["cjk"]))
        else:
            found_tokens.append(None)
    flush()
    return found_tokens


def prepare(text: str) -> str:
    """A text folded, with contractions and camelCase written out as words."""
    folded = fold(_CAMEL.sub(" ", text))
    return _NON.sub("non", _CANNOT.sub("can not", _APOSTROPHE.sub(" not", folded)))


def known(word: str) -> bool:
    """Can a folded word be a part of a result?"""
    return bool(senses_of(word)) or word in PHRASE_STARTS or word in AND


def _contrasts() -> re.Pattern[str]:
    words = [fold(word.strip()) for word in CONTRASTS.split(",")]
    spaced = "|".join(re.escape(word) for word in words if not IS_CJK.search(word))
    joined = "|".join(re.escape(word) for word in words if IS_CJK.search(word))
    return re.compile(rf"\b(?:{spaced})\b|{joined}")


CONTRAST: Final = _contrasts()

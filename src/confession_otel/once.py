"""Is this answer brought for the first time? Several hooks and instrumentations may show the same one.

They know it by its response id; whoever brings an id first has it. Where one of them knows no id, and theirs is not one
span inside the other's either, they agree in nothing but trace, words and time: the n-th time that one brings the same
words in a trace stands for the same answer as the n-th time that another does, so that calls which happen to be
answered alike stay apart.

Most processes have one source of answers. It only leaves behind what it brings, in a list, and nothing is looked up
before a second one comes.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from .bounded import BoundedTable

_TAIL: Final = 400
"""Characters at an answer's end that are compared, without the blanks among them."""
_MOST: Final = 64
"""Answers of one trace that are remembered."""
_TOGETHER: Final = 2.0
"""Seconds between one answer as two see it, at most, where they agree in words alone: more than lies between the ends
of two spans around one call, and less than a model takes for the next call."""


class _Answer:
    """One answer of a trace."""

    __slots__ = ("at", "response_id", "sources", "text")

    def __init__(self, text: str, response_id: str | None, source: str, at: float) -> None:
        self.at = at
        self.text = text
        self.response_id = response_id
        self.sources = {source}


_sources: Final[set[str]] = set()
"""Everybody who has ever brought an answer."""
_left_behind: Final[deque[tuple[int, str, str | None, str, float]]] = deque(maxlen=512)
"""Trace id, end of the text, response id, source and time, of what the only source so far has brought."""
_by_id: Final[BoundedTable[str, str]] = BoundedTable(size=4096, seconds=3600)
"""Response id -> the source that brought it."""
_by_trace: Final[BoundedTable[int, deque[_Answer]]] = BoundedTable(size=2048, seconds=3600)


def is_first(trace_id: int, text: str, response_id: str | None, source: str, at: float) -> bool:
    """Is the source to record this answer? It counts as brought now.

    Args:
        trace_id: of its span; 0 where there is none.
        text: of the answer.
        response_id: of the answer, where known. Two that differ are two answers, whatever their words; the same one
            from the same source is another call, of a server that does not make ids unique.
        source: who brings it.
        at: when the answer came, of `time.monotonic()`.
    """
    # Some servers write an empty one.
    response_id = response_id or None
    _sources.add(source)
    if len(_sources) == 1:
        _left_behind.append((trace_id, text[-_TAIL:], response_id, source, at))
        return True
    _look_through()
    return has(response_id, source) and _is_new(trace_id, text[-_TAIL:], response_id, source, at)


def has(response_id: str | None, source: str) -> bool:
    """Is the answer with this id the source's to record? Nothing is known of one without."""
    if not response_id:
        return True
    _look_through()
    return _by_id.setdefault(response_id, source) == source


def is_nobodys(trace_id: int, text: str, response_id: str | None, source: str, at: float) -> bool:
    """Has nobody brought this answer? Arguments as of `is_first`; it does not count as brought."""
    _look_through()
    response_id = response_id or None
    if response_id is not None and _by_id.get(response_id) is not None:
        return False
    return _known(_by_trace.get(trace_id), text[-_TAIL:], response_id, source, at) is None


def _look_through() -> None:
    while _left_behind:
        try:
            trace_id, text, response_id, source, at = _left_behind.popleft()
        except IndexError:
            # Another thread was faster.
            return
        if response_id is not None:
            _by_id.setdefault(response_id, source)
        _is_new(trace_id, text, response_id, source, at)


def _is_new(trace_id: int, text: str, response_id: str | None, source: str, at: float) -> bool:
    if not trace_id or not text:
        return True
    answers = _by_trace.get(trace_id)
    known = _known(answers, text, response_id, source, at)
    if known is not None:
        known.sources.add(source)
        known.response_id = known.response_id or response_id
        return False
    if answers is None:
        answers = deque(maxlen=_MOST)
    answers.append(_Answer(text, response_id, source, at))
    # Again, so that a long trace is remembered to its end.
    _by_trace.put(trace_id, answers)
    return True


def _known(
    answers: deque[_Answer] | None, text: str, response_id: str | None, source: str, at: float
) -> _Answer | None:
    """The same answer, as another source has brought it."""
    if not answers or not text:
        return None
    for answer in list(answers):
        if (
            source not in answer.sources
            and (
                abs(at - answer.at) <= _TOGETHER
                if response_id is None or answer.response_id is None
                else response_id == answer.response_id
            )
            and are_the_same(answer.text, text)
        ):
            return answer
    return None


def are_the_same(one: str, other: str) -> bool:
    """Do these end in the same words?"""
    one, other = one[-_TAIL:], other[-_TAIL:]
    if one == other:
        return True
    # Some join the parts of a message with line breaks, some strip it.
    first, second = "".join(one.split()), "".join(other.split())
    length = min(len(first), len(second))
    return first == second or (length > _TAIL // 2 and first[-length:] == second[-length:])


def clear() -> None:
    """Forget everything."""
    _sources.clear()
    _left_behind.clear()
    _by_id.clear()
    _by_trace.clear()

"""Is this the same answer? Asked where an answer has no id, by the words that it ends in.

Two instrumentations that show one call beside each other, not one inside the other, agree in nothing but trace and
words. So the n-th time that one of them brings the same words in a trace stands for the same answer as the n-th time
that another does: calls that happen to be answered alike stay apart.
"""

from __future__ import annotations

from typing import Final

from .bounded import BoundedTable

_SPAN: Final = 400
"""Characters at an answer's end that are compared, without the blanks among them."""
_MOST: Final = 64
"""Answers of one trace that are remembered."""


class _Answer:
    """One answer of a trace."""

    __slots__ = ("response_id", "sources", "text")

    def __init__(self, text: str, response_id: str | None, source: str) -> None:
        self.text = text
        self.response_id = response_id
        self.sources = {source}


_of_traces: Final[BoundedTable[int, list[_Answer]]] = BoundedTable(size=2048, seconds=60)


def is_new(trace_id: int, text: str, response_id: str | None, source: str, *, remember: bool = True) -> bool:
    """Is this the first time that the answer is brought?

    Args:
        trace_id: of its span; 0 where there is none.
        text: of the answer.
        response_id: of the answer, where known; two that differ are two answers, whatever their words.
        source: who brings it.
        remember: whether it counts as brought now.
    """
    if not trace_id or not text:
        return True
    end = text[-_SPAN:]
    answers = _of_traces.get(trace_id)
    if answers is None:
        if remember:
            _of_traces.put(trace_id, [_Answer(end, response_id, source)])
        return True
    for answer in answers:
        if (
            source not in answer.sources
            and (response_id is None or answer.response_id is None or response_id == answer.response_id)
            and _are_the_same(answer.text, end)
        ):
            if remember:
                answer.sources.add(source)
                answer.response_id = answer.response_id or response_id
            return False
    if remember and len(answers) < _MOST:
        answers.append(_Answer(end, response_id, source))
    return True


def _are_the_same(one: str, other: str) -> bool:
    if one == other:
        return True
    # Some join the parts of a message with line breaks, some strip it.
    first, second = "".join(one.split()), "".join(other.split())
    length = min(len(first), len(second))
    return first == second or (length > _SPAN // 2 and first[-length:] == second[-length:])


def clear() -> None:
    """Forget everything."""
    _of_traces.clear()

"""One text of an answer, whole or as it streams, and what is taken out of it."""

from __future__ import annotations

import copy
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from confession_otel.reading import StreamFilter

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Removed:
    """What was taken out of a text."""

    confession: str
    """What stood between the tags."""
    truncated: bool
    """The closing tag has not come: the answer was cut off in it, or more of it was to come."""


class Text:
    """A text that comes in pieces; a whole one is a single piece.

    What `feed` and `end` return, put together, is what `split(text, tag)` leaves of the text.
    """

    __slots__ = ("_early", "_ended", "_filter", "_resumed", "_tokens", "last")

    def __init__(self, tag: str) -> None:
        self._filter = StreamFilter(tag)
        self._early = ""
        """Given back when the text seemed to end, and still held by the filter, lest the text goes on after all."""
        self._ended = False
        self._resumed = False
        self._tokens: _Tokens | None = None
        self.last: dict[str, Any] = {}
        """The event with the last piece, the model of one that has to be made."""

    @property
    def holding(self) -> bool:
        """Is some of it kept back, or of its log probabilities?"""
        return self._filter.holding or (self._tokens is not None and self._tokens.waiting)

    @property
    def resumed(self) -> bool:
        """Did it go on after its end? Some servers say with every piece that it is the last."""
        return self._resumed

    @property
    def removed(self) -> Removed | None:
        """What was taken out, if this is all of it."""
        if not self._filter.found and not self._filter.holding:
            return None
        ending = copy.deepcopy(self._filter)
        _, confession = ending.close()
        return None if confession is None else Removed(confession, ending.cut_off)

    def feed(self, piece: str) -> str:
        """Take the next piece and return what of the text can be passed on now."""
        self._resumed = self._resumed or (self._ended and piece != "")
        return self._fresh(self._filter.feed(piece))

    def end(self) -> str:
        """The text seems to be over: return the rest of it. Should it go on after all, it is followed as before."""
        self._ended = True
        if not self._filter.holding:
            return ""
        # The filter itself stays open: a server may say too early that this was the end.
        rest, _ = copy.deepcopy(self._filter).close()
        early, self._early = self._early, rest
        return rest.removeprefix(early)

    def tokens(self, piece: str, passed: str, tokens: Sequence[Any], *, last: bool) -> list[Any]:
        """The log probabilities that go with what is passed on now.

        Args:
            piece: that has been fed, empty at the end.
            passed: what came of it.
            tokens: that came with the piece.
            last: after `end`; all that is left comes now, or is dropped with what was taken out.
        """
        if self._tokens is None:
            if not tokens:
                return []
            self._tokens = _Tokens()
        passing = self._tokens.take(piece, passed, tokens, held=0 if last else self._filter.held)
        if last:
            passing += self._tokens.end(keep=self.removed is None)
        return passing

    def _fresh(self, text: str) -> str:
        if text and self._early:
            early, self._early = self._early, ""
            text = text.removeprefix(early)
        return text


class _Tokens:
    """Tokens of a text that is passed on later than it comes, and not all of it: each goes where its first byte goes.

    Where they are is known from their length alone. Those of text between two pieces of answer that cannot be told
    apart are dropped.
    """

    __slots__ = ("_decided", "_fed", "_next", "_queue", "_undecided")

    def __init__(self) -> None:
        self._queue: deque[tuple[int, Any]] = deque()
        """Tokens that wait for their text, each with its place in bytes."""
        self._next = 0
        """Place of the next token that comes."""
        self._fed = 0
        """Bytes of text that have come."""
        self._decided = 0
        """Bytes of text that have been passed on or taken out."""
        self._undecided: list[str] = []
        """The text after those."""

    @property
    def waiting(self) -> bool:
        """Are there tokens that have not been passed on?"""
        return bool(self._queue)

    def take(self, piece: str, passed: str, tokens: Sequence[Any], *, held: int) -> list[Any]:
        """Take a piece of text with its tokens; return those of the text passed on."""
        sizes = [_token_size(token) for token in tokens]
        size = _size(piece)
        self._fed += size
        if passed == piece and not self._queue and not self._undecided and sum(sizes) == size:
            self._next += size
            self._decided = self._fed
            return list(tokens)
        for token, length in zip(tokens, sizes, strict=True):
            self._queue.append((self._next, token))
            self._next += length
        if piece:
            self._undecided.append(piece)
        return self._pass(passed, held) if passed else []

    def end(self, *, keep: bool) -> list[Any]:
        """The tokens that still wait; none of them unless `keep`."""
        left = [token for _, token in self._queue] if keep else []
        self._queue.clear()
        return left

    def _pass(self, passed: str, held: int) -> list[Any]:
        text = "".join(self._undecided)
        if text.startswith(passed):
            tokens, text = self._until(text, len(passed)), text[len(passed) :]
        else:
            # An element was taken out of the middle of it.
            same = _common(text, passed)
            end = max(len(text) - held, same)
            resumed = end - (len(passed) - same)
            tokens = self._until(text, same)
            if resumed >= same and text[resumed:end] == passed[same:]:
                self._until(text, resumed, since=same)
                tokens += self._until(text, end, since=resumed)
            else:
                self._until(text, end, since=same)
            text = text[end:]
        self._undecided = [text] if text else []
        return tokens

    def _until(self, text: str, end: int, *, since: int = 0) -> list[Any]:
        """Decide on `text[since:end]`: its tokens."""
        self._decided += _size(text[since:end])
        tokens = []
        while self._queue and self._queue[0][0] < self._decided:
            tokens.append(self._queue.popleft()[1])
        return tokens


def _common(one: str, other: str) -> int:
    """Length of what both begin with."""
    shorter = min(len(one), len(other))
    return next((at for at in range(shorter) if one[at] != other[at]), shorter)


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _token_size(token: Any) -> int:
    if not isinstance(token, dict):
        return 0
    raw = token.get("bytes")
    if isinstance(raw, list):
        return len(raw)
    text = token.get("token")
    return _size(text) if isinstance(text, str) else 0

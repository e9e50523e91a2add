"""Take the confession out of an output while it streams: `<confession id="TAG">…</confession>`, and nothing else.

One state machine serves the stream and the whole text (`split(output, tag)` feeds it in one piece), so both agree by
construction. What it holds back while no element is open:

* the beginning of an opening tag at the very end of what has come, at most about fifty characters and the tag;
* white space at the very end, because the answer before an element is right-stripped and the element may come next.

While an element is open its content is kept back, of course. A mention of the tag (`<confession id="…">` in inline code
or quotes) opens nothing; one in the middle of a sentence is given back when the true element follows on its own line.
An output that ends within an opening tag, in `<confession` or after, was cut off there: it ends in an empty element.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .delimiters import Delimiters
from .element import Quotes, without_cut_closer

if TYPE_CHECKING:
    from .delimiters import Delimiter


class StreamFilter:
    r"""Divide a streamed output into the answer and the confession that carries this request's tag.

    However the text is cut into chunks, what `feed` and `close` return, put together, is what `split(output, tag)`
    returns for the whole of it.

    >>> stream = StreamFilter("k3f9")
    >>> [stream.feed(chunk) for chunk in ("Done.\n<con", 'fession id="k3', 'f9">No tests were run.', "</confession>")]
    ['Done.', '', '', '']
    >>> stream.close()
    ('', 'No tests were run.')
    """

    __slots__ = (
        "_before", "_confession", "_content", "_cut_off", "_delimiters", "_fresh", "_gap", "_held", "_opened_by",
        "_previous", "_quotes", "_spared",
    )  # fmt: skip

    def __init__(self, tag: str) -> None:
        self._delimiters = Delimiters(tag)
        self._held = ""
        """Not yet looked at: it may be the beginning of a delimiter."""
        self._previous = ""
        """The character before `_held`."""
        self._fresh = True
        """Is the line blank so far?"""
        self._gap: list[str] = []
        """White space that goes out before the next text, if text comes next and not an element or the end."""
        self._before = ""
        """White space that stood before the element just taken out."""
        self._confession: str | None = None
        self._content: list[str] | None = None
        """Content of the open element so far; `None` while none is open."""
        self._opened_by = ""
        """The opening tag of the open element, if it stands in the middle of a line."""
        self._quotes = Quotes()
        self._spared = -1
        """Index in `_content` of the last closing tag that seems to stand in a string."""
        self._cut_off = False

    @property
    def holding(self) -> bool:
        """Is text kept back, or an element open?"""
        return bool(self._held or self._gap) or self._content is not None

    @property
    def held(self) -> int:
        """How many characters are kept back while no element is open."""
        return len(self._held) + sum(map(len, self._gap))

    @property
    def found(self) -> bool:
        """Was an element taken out, or is one open?"""
        return self._content is not None or self._confession is not None

    @property
    def cut_off(self) -> bool:
        """After `close`: did the output end in an element that nothing closed?"""
        return self._cut_off

    def feed(self, chunk: str) -> str:
        """Take the next piece of the output and return the text that can be passed on now."""
        return self._read(self._held + chunk, last=False)

    def close(self) -> tuple[str, str | None]:
        """End of the output: the rest of the answer, and the confession or `None`; an empty one if it was cut off."""
        out = [self._read(self._held, last=True)]
        if self._held:
            self._open(self._held)
            self._held = ""
        if self._content is not None:
            self._end_cut_off(out)
        if self._confession is None:
            out += self._gap
        self._gap = []
        return "".join(out), self._confession

    def _read(self, text: str, *, last: bool) -> str:
        out: list[str] = []
        at = 0
        while found := self._next(text, at, last=last):
            self._advance(text, at, found.start, out)
            at = found.end
            delimiter = text[found.start : at]
            if self._content is None:
                self._open(delimiter)
            elif found.opens:
                self._opening_tag(delimiter, out)
            else:
                self._closing_tag(delimiter)
            self._previous, self._fresh = ">", False
        end = self._certain(text, at, last=last)
        self._advance(text, at, end, out)
        self._held = text[end:]
        return "".join(out)

    def _next(self, text: str, at: int, *, last: bool) -> Delimiter | None:
        return self._delimiters.next(text, at, self._previous, inside=self._content is not None, last=last)

    def _certain(self, text: str, at: int, *, last: bool) -> int:
        """Up to where the text holds no beginning of a delimiter; at the end, none that counts."""
        inside = self._content is not None
        begin = self._delimiters.begin(text, at, inside=inside)
        if last:
            before = text[begin - 1] if begin > at else self._previous
            is_cut = not inside and self._delimiters.is_cut_opener(text, begin, before)
            return begin if is_cut else len(text)
        if inside and begin == len(text):  # a backslash and what it escapes are read together
            return len(text) - (len(text) - max(at, len(text.rstrip("\\")))) % 2
        return begin

    def _advance(self, text: str, start: int, end: int, out: list[str]) -> None:
        """Pass on, or keep as content, what stands between two delimiters."""
        if start >= end:
            return
        piece = text[start:end]
        self._previous = piece[-1]
        blank = piece[len(piece.rstrip()) :]
        self._fresh = "\n" in blank or (self._fresh and len(blank) == len(piece))
        if self._content is None:
            self._say(piece, out)
        else:
            self._quotes.read(text, start, end)
            self._content.append(piece)

    def _say(self, text: str, out: list[str]) -> None:
        """Pass on text of the answer, without the white space at its end."""
        stripped = text.rstrip()
        if stripped:
            if not self._gap and not stripped[0].isspace():
                out.append(self._before)  # "one <confession …>…</confession>two": the words must not merge
            out += self._gap
            out.append(stripped)
            self._before, self._gap = "", []
        if len(stripped) < len(text):
            self._gap.append(text[len(stripped) :])

    def _open(self, tag: str) -> None:
        self._content = []
        self._opened_by = "" if self._fresh else tag
        self._quotes = Quotes()
        self._spared = -1

    def _finish(self, content: list[str]) -> None:
        """The open element ends here. The last one that says anything counts; all are taken out."""
        confession = "".join(content).strip()
        if confession or self._confession is None:
            self._confession = confession
        self._before, self._gap = self._before or "".join(self._gap), []
        self._content = None

    def _closing_tag(self, tag: str) -> None:
        assert self._content is not None  # noqa: S101 - for the type checker
        if self._quotes.inside:
            self._spared = len(self._content)
            self._content.append(tag)
        else:
            self._finish(self._content)

    def _opening_tag(self, tag: str, out: list[str]) -> None:
        """One more while an element is open: mostly the confession speaks of it."""
        content = self._content
        assert content is not None  # noqa: S101 - for the type checker
        if self._fresh and self._spared >= 0:
            self._end_at_spared(content, out)
        elif self._fresh and self._opened_by and not self._quotes.inside:
            self._say(self._opened_by + "".join(content), out)  # that one was a mention in a sentence
        else:
            content.append(tag)
            return
        self._fresh = True
        self._open(tag)

    def _end_at_spared(self, content: list[str], out: list[str]) -> None:
        """The quotes do not pair, as in damaged JSON: the last closing tag was the true one."""
        self._finish(content[: self._spared])
        self._say("".join(content[self._spared + 1 :]), out)

    def _end_cut_off(self, out: list[str]) -> None:
        content = self._content or []
        if self._spared >= 0:
            self._end_at_spared(content, out)
        else:
            self._cut_off = True
            self._finish([without_cut_closer("".join(content))])

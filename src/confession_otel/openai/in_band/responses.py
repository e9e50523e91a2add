"""Where the text is in a response, whole or as events, and how it is put back without the confession."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .text import Removed

_DELTA: Final = "response.output_text.delta"
_TEXT_DONE: Final = "response.output_text.done"
_ENDS_ITEM: Final = frozenset({_TEXT_DONE, "response.content_part.done", "response.output_item.done"})
"""Events after which no text comes for that item, or for that part of it."""
_ENDS_ALL: Final = frozenset({"response.completed", "response.incomplete", "response.failed", "error"})


class Responses:
    """The texts of one response, by their places in its output.

    What was held back and is answer after all goes out with the next delta of its text, at the latest with one made for
    it before the event that ends the text. That one has the `sequence_number` of the last delta: a number that the
    server gave keeps its meaning for `starting_after`, and they never decrease.
    """

    __slots__ = ("_tag", "_texts", "_whole")

    def __init__(self, tag: str) -> None:
        self._tag = tag
        self._texts: dict[tuple[Any, Any], Text] = {}
        self._whole: Removed | None = None

    @property
    def removed(self) -> dict[int, Removed]:
        """What was taken out so far: at 0, the last of it."""
        streamed = [removed for text in self._texts.values() if (removed := text.removed) is not None]
        last = self._whole or (streamed[-1] if streamed else None)
        return {} if last is None else {0: last}

    def concerned(self, event: bytes, *, tagged: bool) -> bool:
        """May an event have to be changed? Cheap, and rather once too often; `tagged`: the tag may be in it."""
        return tagged or b"output_text.delta" in event or any(text.holding for text in self._texts.values())

    def event(self, event: dict[str, Any]) -> tuple[Sequence[dict[str, Any]], bool]:
        """Change an event in place; return those to send before it, and whether it was changed."""
        kind = event.get("type")
        if kind == _DELTA:
            return (), self._delta(event)
        before: Sequence[dict[str, Any]] = ()
        if kind in _ENDS_ALL:
            before = self.rest()
        elif kind in _ENDS_ITEM:
            before = self._ending(event.get("output_index"), event.get("content_index"))
        if kind == _TEXT_DONE:
            changed = self._part(event)
        else:
            changed = self._part(event.get("part"))
            changed = self._item(event.get("item")) or changed
            changed = self.whole(event.get("response")) or changed
        return before, changed

    def rest(self) -> list[dict[str, Any]]:
        """Events to send before the end of the stream."""
        return [event for text in self._texts.values() for event in _end(text)]

    def whole(self, response: Any) -> bool:
        """Change a whole response in place; was there anything to change?"""
        if not isinstance(response, dict):
            return False
        changed = False
        output = response.get("output")
        for item in output if isinstance(output, list) else ():
            changed = self._item(item) or changed
        # The SDK's own convenience, which some servers send.
        return self._field(response, "output_text") or changed

    def _item(self, item: Any) -> bool:
        content = item.get("content") if isinstance(item, dict) else None
        changed = False
        for part in content if isinstance(content, list) else ():
            changed = self._part(part) or changed
        return changed

    def _part(self, part: Any) -> bool:
        if not isinstance(part, dict) or part.get("type") not in ("output_text", _TEXT_DONE):
            return False
        return self._field(part, "text")

    def _field(self, holder: dict[str, Any], key: str) -> bool:
        whole = holder.get(key)
        if not isinstance(whole, str):
            return False
        text = Text(self._tag)
        passed = text.feed(whole) + text.end()
        removed = text.removed
        if removed is None:
            return False
        self._whole = removed
        holder[key] = passed
        _set_tokens(holder, text, whole, passed, last=True)
        return True

    def _delta(self, event: dict[str, Any]) -> bool:
        delta = event.get("delta")
        if not isinstance(delta, str):
            return False
        place = event.get("output_index"), event.get("content_index")
        text = self._texts.get(place)
        if text is None:
            text = self._texts[place] = Text(self._tag)
        text.last = event
        passed = event["delta"] = text.feed(delta)
        return _set_tokens(event, text, delta, passed, last=False) or passed != delta

    def _ending(self, output_index: Any, content_index: Any) -> list[dict[str, Any]]:
        return [
            event
            for (output, content), text in self._texts.items()
            if output == output_index and content_index in (None, content)
            for event in _end(text)
        ]


def _end(text: Text) -> list[dict[str, Any]]:
    if not text.holding:
        return []
    rest = text.end()
    tokens = text.tokens("", rest, (), last=True)
    if not rest and not tokens:
        return []
    event = {key: value for key, value in text.last.items() if key != "obfuscation"}
    event["delta"] = rest
    if tokens or "logprobs" in event:
        event["logprobs"] = tokens
    return [event]


def _set_tokens(holder: dict[str, Any], text: Text, piece: str, passed: str, *, last: bool) -> bool:
    """Put the log probabilities right; were they to be changed?"""
    given = holder.get("logprobs")
    given = given if isinstance(given, list) else []
    tokens = text.tokens(piece, passed, given, last=last)
    if tokens == given:
        return False
    holder["logprobs"] = tokens
    return True

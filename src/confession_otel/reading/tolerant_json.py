"""JSON as language models damage it: a scanner that gives back every object that can be made out in a text.

Trailing and missing commas, single, smart and missing quotes, comments, raw line breaks, quotation marks inside
strings, strings and brackets never closed, prose around, a beginning in mid-array, an end in mid-word. One pass from
left to right with a stack of its own: no recursion, no going back further than the string at hand, so the cost grows
linearly.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

from .judgement import cut_literal
from .sound_json import DECODER, as_object
from .vocabulary import role_of

DEEPEST: Final = 100
"""Containers nested deeper are passed over: no report is."""

_ATTEMPTS: Final = 8
"""Failed calls of the standard parser on one text; each may cost the whole text, so their number is bounded."""

_QUOTES: Final = {
    '"': re.compile(r'["\\]'),
    "'": re.compile(r"['\\]"),
    "`": re.compile(r"[`\\]"),
    **dict.fromkeys("“”„‟″", re.compile(r"[”“\"″\\]")),
    **dict.fromkeys("‘’‚", re.compile(r"[’'\\]")),
}
_ANY_QUOTE: Final = "\"'`“”„‟″‘’‚"
_BLANK: Final = re.compile(r"\s*")
_CUT_KEY: Final = re.compile(r"[\"'“][\w -]{0,60}[\"'”]?\s*\Z")
_SEPARATORS: Final = re.compile(r"[\s,;，、]*")
_OPENERS: Final = re.compile(r"[\[{]+")
_START: Final = re.compile(r"[{\[]|[\"“'](?=[\w -]{2,40}[\"”'] ?[:：])")
_PLAUSIBLE: Final = re.compile(
    r"\{\s*(?:[\"“”'‘`{\[}]|[A-Za-z_][\w-]{0,60} ?[:：]|//|/\*|\.\.\.|…|\Z)|\[\s*(?:[\"“\[{]|\.\.\.|…|//|\Z|\]\s*\Z)"
)
_KEY: Final = re.compile(
    r"(?:\"((?:[^\"\\\n]|\\.){0,300})\"|'((?:[^'\\\n]|\\.){0,300})'|`([^`\\\n]{0,300})`|[“”„‟″]([^“”\"″\n]{0,300})[”“\"″]"
    r"|[‘’]([^‘’\n]{0,300})’|([A-Za-z_$][\w$-]{0,60}))\s*(?:[:：]|=>)"
)
_BARE: Final = re.compile(r"[^,，}\]\n\"“]{1,300}")
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED: Final = {
    '"': '"',
    "\\": "\\",
    "/": "/",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "'": "'",
    "\n": "\n",
}
_CONSTANTS: Final = {"true": True, "false": False, "null": None, "none": None, "nan": None, "undefined": None}
_ELLIPSIS: Final = re.compile(r"\.{2,3}|…")
_STRUCTURE: Final = " \t\r\n,{}[]"


@dataclass(slots=True)
class _Frame:
    """An open container."""

    is_object: bool
    implicit: bool = False
    pairs: list[tuple[str, Any]] = field(default_factory=list)
    elements: list[Any] = field(default_factory=list)
    key: str | None = None

    def add(self, value: Any) -> None:
        if self.is_object:
            self.pairs.append((self.key or "", value))
            self.key = None
        else:
            self.elements.append(value)

    def value(self) -> Any:
        return as_object(self.pairs) if self.is_object else self.elements


@dataclass(slots=True)
class Found:
    """What was made out in a text."""

    values: list[Any]
    start: int
    """Where the first value begins."""
    truncated: bool
    """The text ends inside a value."""


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.stack: list[_Frame] = []
        self.values: list[Any] = []
        self.start = -1
        self.overflow = 0
        self.open_objects = self.open_arrays = 0
        self.attempts = _ATTEMPTS
        self.truncated = False
        self.unclosed_comment = False

    # -- containers

    def open(self, *, is_object: bool, implicit: bool = False) -> None:
        if self.start < 0:
            self.start = self.at
        if len(self.stack) >= DEEPEST:
            self.overflow += 1
        else:
            self.stack.append(_Frame(is_object, implicit))
            self.count(self.stack[-1], 1)

    def count(self, frame: _Frame, change: int) -> None:
        """Keep count of what is open, so that a closer need not look through the stack."""
        if not frame.is_object:
            self.open_arrays += change
        elif not frame.implicit:
            self.open_objects += change

    def close(self) -> None:
        self.count(self.stack[-1], -1)
        value = self.stack.pop().value()
        if self.stack:
            self.stack[-1].add(value)
        else:
            self.values.append(value)

    def close_through(self, *, is_object: bool) -> None:
        """Close up to the nearest container of this kind; a closer that closes nothing is passed over."""
        if self.overflow:
            self.overflow -= 1
        elif self.open_objects if is_object else self.open_arrays:
            while self.stack[-1].is_object is not is_object or self.stack[-1].implicit:
                self.close()
            self.close()
        elif self.stack and self.stack[0].implicit:  # a text that starts in mid-array
            while self.stack:
                self.close()

    # -- the loop

    def run(self) -> Found:
        text, end = self.text, len(self.text)
        while self.at < end:
            if not self.stack:
                if not self.outside():
                    break
                continue
            self.at = _past(_SEPARATORS, text, self.at)
            if self.at >= end:
                break
            self.inside(text[self.at])
        self.truncated = self.truncated or any(not frame.implicit for frame in self.stack)
        if self.stack and (last := self.stack[-1]).key and self.truncated:
            last.add(None)  # cut off before the value
        while self.stack:
            self.close()
        return Found(self.values, max(self.start, 0), self.truncated)

    def outside(self) -> bool:
        """Prose: go to the next opener, or to the next pair with a known key."""
        match = _START.search(self.text, self.at)
        if match is None:
            return False
        self.at = match.start()
        if match[0] not in "{[":
            key = _KEY.match(self.text, self.at)
            if key and role_of(_text_of(key)):
                self.open(is_object=True, implicit=True)
            else:
                self.at += 1
            return True
        if not _PLAUSIBLE.match(self.text, self.at):
            self.at += 1
        elif not self.standard():
            self.open(is_object=match[0] == "{")
            self.at += 1
        return True

    def standard(self) -> bool:
        """What the standard parser can read, it reads."""
        if not self.attempts:
            return False
        try:
            value, after = DECODER.raw_decode(self.text, self.at)
        except ValueError:
            self.attempts -= 1
            return False
        except RecursionError:
            self.attempts = 0
            return False
        if self.start < 0:
            self.start = self.at
        self.values.append(value)
        self.at = after
        return True

    def inside(self, char: str) -> None:
        frame = self.stack[-1]
        if char in "}]":
            self.at += 1
            self.close_through(is_object=char == "}")
        elif self.comment(char):
            pass
        elif frame.is_object and frame.key is None:
            self.pair(frame, char)
        elif char in "{[":
            self.opener(char)
        elif char in _QUOTES:
            self.string(frame, char)
        else:
            self.bare(frame)

    def opener(self, char: str) -> None:
        if self.overflow:  # a long run of openers
            end = _past(_OPENERS, self.text, self.at)
            self.overflow += end - self.at
            self.at = end
            return
        self.open(is_object=char == "{")
        self.at += 1

    def comment(self, char: str) -> bool:
        text = self.text
        if (char == "/" and text.startswith("//", self.at)) or char == "#":
            line = text.find("\n", self.at)
            self.at = len(text) if line < 0 else line
            return True
        if char == "/" and not self.unclosed_comment and text.startswith("/*", self.at):
            close = text.find("*/", self.at + 2)
            if close < 0:  # look for the end once, not once for each of ten thousand openers
                self.unclosed_comment = True
                return False
            self.at = close + 2
            return True
        if dots := _ELLIPSIS.match(text, self.at):
            self.at = dots.end()
            return True
        return False

    def pair(self, frame: _Frame, char: str) -> None:
        """In an object, where a key belongs."""
        key = _KEY.match(self.text, self.at)
        if key:
            frame.key = _text_of(key)
            self.at = key.end()
        elif char == "{":
            # A new object where a key belongs: the last one was not closed.
            if len(self.stack) == 1 or not self.stack[-2].is_object:
                if frame.pairs and not self.overflow:
                    self.close()
                self.opener(char)
            else:
                frame.key = ""
        elif char == "[":
            frame.key = ""
        elif not frame.pairs and len(self.stack) == 1 and not frame.implicit:
            self.count(self.stack.pop(), -1)  # a brace of prose or code
        elif frame.implicit:
            self.close()  # prose again
        elif char in _QUOTES:
            frame.key = ""  # a string without a colon
        else:
            skip = _BARE.match(self.text, self.at)
            self.at = skip.end() if skip else self.at + 1
            if self.at >= len(self.text):
                self.truncated = True

    def bare(self, frame: _Frame) -> None:
        match = _BARE.match(self.text, self.at)
        if match is None:
            self.at += 1
            return
        self.at = match.end()
        word = match[0].strip()
        if self.at >= len(self.text) and not frame.implicit:
            self.truncated = True
            frame.key = None
            return
        frame.add(_CONSTANTS[word.lower()] if word.lower() in _CONSTANTS else _number(word))

    # -- strings

    def string(self, frame: _Frame, quote: str) -> None:
        text, begin = self.text, self.at + 1
        look = _QUOTES[quote].search
        inner = -1  # the last quotation mark that did not end the string
        at = begin
        while match := look(text, at):
            place = match.start()
            if text[place] == "\\":
                at = place + 2
                continue
            if self.ends(frame, place + 1):
                frame.add(_unescape(text[begin:place]))
                self.at = place + 1
                return
            if inner >= 0 and place - inner <= 60 and self.is_key(inner, place):  # noqa: PLR2004 - longer is no key
                # `"analysis": "never closed }, { "objective": ...`
                cut = inner
                while cut > begin and text[cut - 1] in _STRUCTURE:
                    cut -= 1
                frame.add(_unescape(text[begin:cut]))
                self.at = cut if cut > begin or inner == begin else inner
                return
            inner, at = place, place + 1
        self.truncated = True
        key, self.at = frame.key, len(text)
        if frame.is_object and key and (not _holds_result(key) or cut_literal(text[begin:])):
            frame.add(_unescape(text[begin:]))
        frame.key = None

    def is_key(self, opening: int, closing: int) -> bool:
        text = self.text
        after = _past(_BLANK, text, closing + 1)
        return text[after : after + 1] in (":", "：") and role_of(text[opening + 1 : closing]) is not None

    def ends(self, frame: _Frame, after: int) -> bool:
        """Is the quotation mark before `after` the end of its string, by what follows it?"""
        text = self.text
        at = _past(_BLANK, text, after)
        char = text[at : at + 1]
        if not char:
            return True
        if char in "}]":
            # Inside a quoted `{"a": "b"} and so on` the brace is followed by prose; the outermost may be.
            then = _past(_BLANK, text, at + 1)
            return len(self.stack) == 1 or text[then : then + 1] in ("", ",", "}", "]", "{", "`", "/", "，", ";")
        if char in ",;，":
            at = _past(_BLANK, text, at + 1)
            char = text[at : at + 1]
            if frame.is_object:
                return (
                    not char
                    or char in "}]{/#.,"
                    or _KEY.match(text, at) is not None
                    or _CUT_KEY.match(text, at) is not None
                )
            return (
                not char or char in _ANY_QUOTE or char in "{[]}/#.…-0123456789" or text[at : at + 4] in ("true", "null")
            )
        if char in _ANY_QUOTE or char == "{":  # a missing comma
            if frame.is_object:
                return _KEY.match(text, at) is not None or char == "{"
            return "\n" in text[after:at] or char == "{"
        if frame.is_object and (char == "\\" or "\n" in text[after:at]):
            return _KEY.match(text, at) is not None
        return text.startswith(("//", "/*", "```"), at)


def _past(pattern: re.Pattern[str], text: str, at: int) -> int:
    """Where a run that may be empty ends."""
    match = pattern.match(text, at)
    return match.end() if match else at


def _text_of(key: re.Match[str]) -> str:
    return _unescape(next((group for group in key.groups() if group is not None), ""))


def _holds_result(key: str | None) -> bool:
    # A result cut in the middle of its word is no result, unless it can end in one way only.
    role = role_of(key or "")
    return role is not None and role.name in {"RESULT", "STATE", "VIOLATION"}


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPE.sub(_character, text)


def _character(match: re.Match[str]) -> str:
    if match[1]:
        return chr(int(match[1], 16))
    return _ESCAPED.get(match[2], match[0])  # LaTeX, paths: `\alpha` stays


def _number(word: str) -> Any:
    if len(word) < 20 and word.replace(".", "", 1).lstrip("-").isdecimal():  # noqa: PLR2004 - beyond any grade
        return float(word) if "." in word else int(word)
    return word.strip("'`’‘ ")


def scan(text: str) -> Found:
    """Every JSON value that can be made out in a text, in order.

    Args:
        text: Any text; prose before, between and after is passed over.
    """
    return _Scanner(text).run()

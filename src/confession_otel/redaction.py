"""Ready patterns for what should not leave in a text, and how they become one redactor.

Best effort: a pattern finds what looks like a secret or a personal datum, nothing more. Each match is replaced by a
fixed marker that repeats nothing of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Final, TypeAlias

Redactor: TypeAlias = Callable[[str], str]

# Each pattern can match a place in one way only (bounded runs, and between two runs a character that neither may
# hold), so it takes time in proportion to the text, whoever wrote that.
PATTERNS: Final = {
    "secret": re.compile(
        # One without end is looked at up to the next, and no further: many of them would take the square of the time.
        r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?:[^-]|-(?!----(?:BEGIN|END) )){0,16000}"
        r"(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|(?=-----)|\Z)"
        r"|(?<![A-Za-z0-9])(?:sk|pk|rk|hf|gh[opsu]|github_pat|glpat|xox[abprs])[-_](?=[\w-]{0,40}\d)[\w-]{12,}"
        r"|(?<![A-Za-z0-9])(?:AIza[\w-]{30,}|(?:AKIA|ASIA)[A-Z0-9]{12,})"
        r"|(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"
        r"|\b[Bb]earer +(?=[\w.~+/-]{0,40}\d)[\w.~+/-]{8,}=*"
    ),
    "email": re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"),
    "card": re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)"),
    "phone": re.compile(
        r"(?<![\w.-])(?:\+\d{7,15}(?!\d)|(?:\+|00)\d{1,3}(?:[ ./-]\(?\d{1,8}\)?){2,6}(?!\d))"
        r"|(?<![\w.-])(?:\(\d{3}\) ?\d{3}[ .-]|\d{3}[.-]\d{3}[.-])\d{4}(?!\d)"
        # With blanks alone it must not be three of a longer row of numbers.
        r"|(?<![\w.-])(?<!\d\d )[2-9]\d{2} \d{3} \d{4}(?!\d| \d\d)"
    ),
    "ip": re.compile(
        # Not in versions such as 1.2.3.4.5 and 1.2.3.4.dev1, but before the end of a sentence, however it goes on.
        r"(?:(?<![\w.])|(?<=\.\.))(?:\d{1,3}\.){3}\d{1,3}(?!\w|\.[\da-z_])"
        r"|(?<![\w:])(?=[0-9a-fA-F:]{0,40}::|(?:[0-9a-fA-F]{1,4}:){7})[0-9a-fA-F]{1,4}(?::{1,2}[0-9a-fA-F]{1,4}){1,7}"
        r"(?:::)?(?![\w:])"
    ),
}
"""Name of each ready pattern and what it finds; `ip` is IP addresses, not postal ones."""

_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|([nrtbf/\"]))")
_ESCAPED: Final = {"n": "\n", "r": "\r", "t": "\t", "b": " ", "f": " ", "/": "/", '"': '"'}


@cache
def ready(names: frozenset[str]) -> Redactor:
    r"""A redactor of the named patterns; `all` stands for every one. For the same names the same, so settings compare.

    Escapes of JSON are resolved first: in a report, `\n` before a number would otherwise look like a letter of it.

    Raises:
        ValueError: no pattern of such a name; the message says which there are.
    """
    if unknown := sorted(names - set(PATTERNS) - {"all"}):
        message = f"some of {', '.join(PATTERNS)}, all (not {', '.join(unknown)})"
        raise ValueError(message)
    chosen = [(pattern, name) for name, pattern in PATTERNS.items() if name in names or "all" in names]

    def redact(text: str) -> str:
        text = _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)) if escape[1] else _ESCAPED[escape[2]], text)
        for pattern, name in chosen:
            marker = f"[{name}]"
            text = pattern.sub(_card if name == "card" else marker, text)
        return text

    return redact


def _card(match: re.Match[str]) -> str:
    """The marker for a number with a card's check digit (ISO/IEC 7812-1, Luhn); other numbers stay."""
    digits = [int(character) for character in match[0] if character.isdigit()]
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return "[card]" if (sum(digits[::-2]) + doubled) % 10 == 0 else match[0]

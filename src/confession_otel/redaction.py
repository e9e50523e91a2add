"""Ready patterns for what should not leave in a text, and how they become one redactor.

Best effort: a pattern finds what looks like a secret or a personal datum, nothing more. Each match is replaced by a
fixed marker that repeats nothing of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeAlias

Redactor: TypeAlias = Callable[[str], str]

# Every repetition is bounded or over one class that the next token cannot match, so each runs in linear time.
PATTERNS: Final = {
    "email": re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"),
    "card": re.compile(r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])"),
    "phone": re.compile(r"(?<![\w.-])(?:\+|00)\d{1,3}(?:[ ./-]?\(?\d{1,4}\)?){2,6}(?![\w-])|\(\d{3}\) ?\d{3}-\d{4}"),
    "ip": re.compile(
        r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\w)|(?<![\w:])(?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}(?![\w:])"
    ),
    "secret": re.compile(
        r"\b(?:sk|pk|rk|ghp|gho|ghs|github_pat|glpat|xox[abprs]|hf|AIza|AKIA|ASIA)[-_]?[\w-]{12,200}"
        r"|\beyJ[\w-]{8,4000}\.[\w-]{8,4000}\.[\w-]{0,4000}"
        r"|\b[Bb]earer +[\w.~+/-]{8,4000}=*"
        r"|-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----"
    ),
}
"""Name of each ready pattern and what it finds."""


def ready(names: frozenset[str]) -> Redactor:
    """A redactor of the named patterns; `all` stands for every one.

    Raises:
        ValueError: no pattern of such a name; the message says which there are.
    """
    if unknown := sorted(names - set(PATTERNS) - {"all"}):
        message = f"some of {', '.join(PATTERNS)}, all (not {', '.join(unknown)})"
        raise ValueError(message)
    chosen = [(pattern, f"[{name}]") for name, pattern in PATTERNS.items() if name in names or "all" in names]

    def redact(text: str) -> str:
        for pattern, marker in chosen:
            text = pattern.sub(marker, text)
        return text

    return redact

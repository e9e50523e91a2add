"""What the doctor has to say: findings in plain words, and nothing secret in them."""

from __future__ import annotations

import os
import re
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from confession_otel.confession import StrEnum

if TYPE_CHECKING:
    from collections.abc import Mapping


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    """It works, and less of it arrives than could."""
    PROBLEM = "problem"
    """Confessions, or what was set, do not arrive at all."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    area: str
    level: Level
    what: str
    do: str | None = None
    """What a person can do about it."""


def ok(area: str, what: str) -> Finding:
    """All is well there."""
    return Finding(area, Level.OK, what)


def warning(area: str, what: str, do: str) -> Finding:
    """Less arrives than could."""
    return Finding(area, Level.WARNING, what, do)


def problem(area: str, what: str, do: str) -> Finding:
    """Something does not arrive."""
    return Finding(area, Level.PROBLEM, what, do)


HIDDEN: Final = "***"
_SECRET: Final = re.compile(r"HEADERS|KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL|CONNECTION_STRING", re.IGNORECASE)
_SHORTEST: Final = 4
"""Characters of a secret; what is shorter stands in too many other words."""


def secrets(environ: Mapping[str, str] | None = None) -> list[str]:
    """What of the environment no finding may repeat, the longest first: headers and their values, keys, passwords."""
    found: set[str] = set()
    for name, value in (os.environ if environ is None else environ).items():
        if _SECRET.search(name):
            found.add(value)
            if "HEADERS" in name.upper():
                given = [pair.partition("=")[2].strip() for pair in value.split(",")]
                found.update(word for one in given for word in (one, *urllib.parse.unquote(one).split()))
        elif "://" in value:
            with_password = value.partition("://")[2].partition("/")[0].rpartition("@")[0]
            found.update((with_password, with_password.partition(":")[2]))
    return sorted((one for one in found if len(one) >= _SHORTEST), key=len, reverse=True)


def without(text: str, hidden: list[str]) -> str:
    """The text, with each secret in it hidden."""
    for secret in hidden:
        text = text.replace(secret, HIDDEN)
    return text


def plain_url(url: str) -> str:
    """A URL without user, password, query and fragment."""
    parts = urllib.parse.urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urllib.parse.urlunsplit((parts.scheme, host, parts.path, "", ""))

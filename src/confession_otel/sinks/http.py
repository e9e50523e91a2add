"""One request, with the standard library: JSON there, and nothing kept of what comes back."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECONDS: Final = 10
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The headers hold credentials, which are for the origin that was named."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """Refuse: the redirection is then an `HTTPError`."""


def checked(url: str, variable: str) -> str:
    """A base URL without slash at its end.

    Raises:
        ValueError: it is none; the message names the variable, and repeats nothing of it.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        # Its message repeats the URL, which may hold a password.
        sound = False
    if not sound:
        message = f"{variable} is no http:// or https:// URL"
        raise ValueError(message)
    return url.rstrip("/")


def post(url: str, content: Any, headers: Mapping[str, str]) -> int:
    """POST some JSON; the status, which is one of 2xx.

    Raises:
        OSError: no answer in time, or, as `urllib.error.HTTPError`, one that is not 2xx.
    """
    request = urllib.request.Request(  # noqa: S310 - http or https, as `checked` sees to
        url, json.dumps(content).encode(), {"content-type": "application/json", **headers}
    )
    # A proxy of the environment is not for loopback.
    local = urllib.parse.urlsplit(url).hostname in _LOOPBACK
    opener = urllib.request.build_opener(_NoRedirect, *([urllib.request.ProxyHandler({})] if local else []))
    with opener.open(request, timeout=_SECONDS) as reply:
        status: int = reply.status
        return status

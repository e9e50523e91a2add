"""A headless browser with one page, driven over the pipe of its DevTools protocol: opens, waits, clicks, photographs.

A page is photographed once it shows what the picture is about, not after some seconds.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SWITCHES: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-prefers-reduced-motion",
    "--remote-debugging-pipe",
)
_SECONDS: Final = 60
_STILL_SECONDS: Final = 1.5
"""What moves when a page has got its data is done by then."""


class NotShownError(Exception):
    """The page does not show what it should, or the browser fails; the message says more."""


class Page:
    """The one page of a browser."""

    def __init__(self, to_browser: int, from_browser: int, width: int, height: int) -> None:
        """Make it.

        Args:
            to_browser: Descriptor to write commands to.
            from_browser: Descriptor to read replies from.
            width: Of the page, in pixels.
            height: Likewise.
        """
        self._to, self._from = to_browser, from_browser
        self._ids = itertools.count(1)
        self._read = b""
        self._session: str | None = None
        target = self._do("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._do("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._do("Emulation.setDeviceMetricsOverride", **size)

    def open(self, url: str, shows: str) -> None:
        """Go there, and wait until the page is as it should be.

        Args:
            url: Where.
            shows: JavaScript that is true then.
        """
        self._do("Page.navigate", url=url)
        self.wait(shows)

    def wait(self, shows: str) -> None:
        """Wait until an expression of JavaScript is true, and nothing moves any more.

        Raises:
            NotShownError: It did not become true.
        """
        deadline = time.monotonic() + _SECONDS
        while not self.ask(f"Boolean({shows})"):
            if time.monotonic() > deadline:
                message = f"not on the page: {shows}\n{self.ask('location.href + document.body.innerText')}"
                raise NotShownError(message)
            time.sleep(0.2)
        time.sleep(_STILL_SECONDS)

    def ask(self, expression: str) -> Any:
        """The value of an expression of JavaScript; `None` where it has none or fails, as before the page is there."""
        return self._do("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def click(self, part: str) -> None:
        """Click on an element as a mouse does.

        Args:
            part: JavaScript of it.
        """
        self.wait(part)
        box = self._box(part)
        at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2, "button": "left", "clickCount": 1}
        for kind in ("mousePressed", "mouseReleased"):
            self._do("Input.dispatchMouseEvent", type=kind, **at)

    def photograph(self, picture: Path, part: str | None = None) -> None:
        """Write what is to be seen.

        Args:
            picture: A PNG.
            part: JavaScript of an element or a range of them: nothing else is on the picture. By default the page.
        """
        clip = {} if part is None else {"clip": {**self._box(part), "scale": 1}}
        data = self._do("Page.captureScreenshot", format="png", **clip)["data"]
        picture.write_bytes(base64.b64decode(data))

    def _box(self, part: str) -> dict[str, float]:
        """Where an element or a range is in the window, in pixels."""
        found = json.loads(self.ask(f"JSON.stringify(({part}).getBoundingClientRect())"))
        return {key: found[key] for key in ("x", "y", "width", "height")}

    def _do(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._ids)
        command: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session is not None:
            command["sessionId"] = self._session
        os.write(self._to, json.dumps(command).encode() + b"\0")
        while True:
            reply = self._message()
            if reply.get("id") == number:
                if "error" in reply:
                    message = f"{method}: {reply['error']}"
                    raise NotShownError(message)
                result: dict[str, Any] = reply["result"]
                return result

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self._read:
            if not (more := os.read(self._from, 1 << 20)):
                message = "the browser has ended"
                raise NotShownError(message)
            self._read += more
        text, _, self._read = self._read.partition(b"\0")
        said: dict[str, Any] = json.loads(text)
        return said


@contextlib.contextmanager
def browsing(width: int, height: int) -> Iterator[Page]:
    """A page of that size, in pixels, in a browser that knows nobody."""
    program = next((found for name in ("chromium", "google-chrome", "chrome") if (found := shutil.which(name))), None)
    if program is None:
        sys.exit("no chromium or google-chrome is on the path: install one, on Debian with: apt-get install chromium")
    with contextlib.ExitStack() as stack:
        profile = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        theirs_in, to_browser = os.pipe()
        from_browser, theirs_out = os.pipe()
        stack.callback(os.close, to_browser)
        stack.callback(os.close, from_browser)
        process = subprocess.Popen(  # noqa: S603 - the browser just found
            [
                # The protocol is spoken on descriptors 3 and 4.
                *("/usr/bin/env", "bash", "-c", f'exec "$0" "$@" 3<&{theirs_in} 4>&{theirs_out}', program),
                *(*_SWITCHES, f"--user-data-dir={profile}"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(theirs_in, theirs_out),
        )
        os.close(theirs_in)
        os.close(theirs_out)
        stack.callback(process.wait)
        stack.callback(process.terminate)
        yield Page(to_browser, from_browser, width, height)

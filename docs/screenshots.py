"""Makes the pictures of the documentation from the real thing: plays the demo into Phoenix and photographs a trace.

    python docs/screenshots.py        # needs the "all" extra and a chromium or google-chrome on the path

Nothing is drawn by hand, so a picture that no longer shows what the software does is remade by one command.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from confession_otel import semconv
from confession_otel.cli.demo import report
from confession_otel.cli.demo.backends import Choice, opened
from confession_otel.cli.demo.play import play
from confession_otel.cli.demo.progress import Progress
from confession_otel.cli.demo.tasks import TASKS
from confession_otel.cli.terminal import console

PICTURE = Path(__file__).parent / "images" / "phoenix-flagged-trace.png"
SIZE = (1600, 1000)
SETTLED_MILLISECONDS = 20_000
"""Of the page's own clock, which runs ahead while nothing is loading: enough for every request and transition."""


def photograph(url: str, picture: Path) -> None:
    """Write what a browser shows at the address."""
    browser = next((found for name in ("chromium", "google-chrome", "chrome") if (found := shutil.which(name))), None)
    if browser is None:
        sys.exit("no chromium or google-chrome is on the path: install one, on Debian with: apt-get install chromium")
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(  # noqa: S603 - the browser just found
            [
                browser,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--hide-scrollbars",
                "--force-prefers-reduced-motion",
                f"--user-data-dir={profile}",
                f"--window-size={SIZE[0]},{SIZE[1]}",
                f"--virtual-time-budget={SETTLED_MILLISECONDS}",
                f"--screenshot={picture}",
                url,
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )


def main() -> None:
    """Photograph the first flagged trace with its confession span selected."""
    with opened(Choice.PHOENIX, Progress(console())) as backend:
        if backend.read is None:
            sys.exit("Phoenix cannot be read back")
        played = play(TASKS, backend)
        rows = report.read_back(played, backend.read, seconds=30)
        flagged = next(row for row in rows if row.flagged)
        spans = backend.read([flagged.played.trace_id])
        confession = next(span for span in spans if span.name == semconv.SPAN)
        PICTURE.parent.mkdir(exist_ok=True)
        photograph(f"{backend.url}/redirects/spans/{confession.span_id}", PICTURE)
    sys.stdout.write(f"{PICTURE}\n")


if __name__ == "__main__":
    main()

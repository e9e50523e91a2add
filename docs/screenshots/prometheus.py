"""Prometheus: the page of its alerts, where one rings for a flagged answer."""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from tests.backends.test_prometheus import FAILED, chain, eventually, service

from .browser import browsing

RED: Final = "document.querySelector('.alert_header.alert-danger')"
SHOWN: Final = f"""(() => {{
    const range = document.createRange();
    range.setStartBefore({RED});
    range.setEndAfter(document.querySelector('.alert_header.alert-success'));
    return range;
}})()"""
"""From the alert to the first that does not ring: above it stands where the file with the rules is on this machine."""


def photograph(directory: Path) -> list[Path]:
    """Have a service confess to the chain that the tests run, and photograph the alert.

    Args:
        directory: For the pictures.
    """
    picture = directory / "prometheus-alert.png"
    with ExitStack() as stack:
        files = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        the = stack.enter_context(chain(files, "from-metrics.rules.yaml"))
        say = stack.enter_context(service(the.otlp, metrics=True, spans=False))
        say(FAILED, "fish-1")
        if not eventually(lambda: the.webhook.alerts("ConfessedFailure")):
            sys.exit("the alert does not ring")
        page = stack.enter_context(browsing(1200, 1100))
        # Where Debian's has its pages; elsewhere it is /alerts, with a newer page.
        page.open(f"{the.prometheus}/classic/alerts", RED)
        page.click("document.querySelector('button.show-annotations')")
        page.click(RED)
        page.wait("document.querySelector('.alert_annotations').offsetHeight")
        page.photograph(picture, SHOWN)
    return [picture]

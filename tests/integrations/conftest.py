"""What the examples send to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from receiver import Receiver

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """An OTLP endpoint on loopback."""
    with Receiver() as receiver:
        yield receiver

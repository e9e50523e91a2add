"""A Phoenix for the tests that need one: the demo's own, started once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from confession_otel.cli.demo import phoenix as the_phoenix

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Phoenix:
    """Where it is."""

    url: str
    grpc: str


@pytest.fixture(scope="session")
def phoenix() -> Iterator[Phoenix]:
    python = the_phoenix.cached_environment() or the_phoenix.make_environment()
    ports = the_phoenix._free_ports(2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(the_phoenix, "_free_ports", lambda count: ports)
        with the_phoenix.serving(python) as url:
            yield Phoenix(url, f"http://127.0.0.1:{ports[1]}")

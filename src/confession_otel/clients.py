"""Clients that somebody may give to ask through: told by the package that their class, or one above it, is of."""

from __future__ import annotations

from typing import Final

PACKAGES: Final = ("openai", "langchain_core")


def package_of(client: object) -> str | None:
    """The package that knows how to use this client; `None` for anything else."""
    packages = (kind.__module__.partition(".")[0] for kind in type(client).__mro__)
    return next((package for package in packages if package in PACKAGES), None)

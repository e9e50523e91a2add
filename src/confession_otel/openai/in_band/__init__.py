"""In-band: a request whose answer ends in a confession, and that answer without it."""

from .patched import seam
from .removal import Removal
from .telling import Telling, removing, tell

__all__ = ["Removal", "Telling", "removing", "seam", "tell"]

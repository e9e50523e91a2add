"""In-band: a request whose answer ends in a confession, and that answer without it."""

from .removal import Removal
from .seam import seam
from .telling import Telling, removing, tell

__all__ = ["Removal", "Telling", "removing", "seam", "tell"]

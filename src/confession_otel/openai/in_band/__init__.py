"""In-band: a request whose answer ends in a confession, and that answer without it."""

from .removal import Removal
from .telling import Telling, removing, tell, through

__all__ = ["Removal", "Telling", "removing", "tell", "through"]

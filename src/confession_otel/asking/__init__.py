"""Asking for a confession: the question, the budget, the worker, and one answer's way through them."""

from .ask import Ask
from .asker import Asker
from .worker import flush, shutdown

__all__ = ["Ask", "Asker", "flush", "shutdown"]

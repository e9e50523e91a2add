"""A judge of confessions: another model, asked how honest one is (`judge_client`). Off unless a client is given."""

from .judge import Judge
from .question import Judgement

__all__ = ["Judge", "Judgement"]

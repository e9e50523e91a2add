"""What a hook gives to those who ask: a way to go on with the conversation that an answer ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from .own_loop import OwnLoop


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    text: str
    """All that the model wrote, a refusal too."""
    truncated: bool = False
    """The token limit cut it."""
    response_id: str | None = None
    input_tokens: int = 0
    cached_tokens: int = 0
    """Of the input tokens, those that came from the provider's cache."""
    output_tokens: int = 0


class NoReply(Exception):  # noqa: N818 - its name is what is recorded
    """Something came back, and it holds no answer."""


class FollowUp(Protocol):
    """One request more, through the client that gave the answer, in its conversation.

    Both ways raise whatever the client raises, `NoReply`, and `TimeoutError` when the time is over.
    """

    def transcript(self) -> str:
        """The conversation that led to the answer, for somebody to read: what was told, said, called and given."""
        ...

    @property
    def role(self) -> str:
        """In whose name the question stands: `system`, `developer` or `user`."""
        ...

    def send(self, question: str, *, seconds: float, tokens: int, own_loop: Callable[[], OwnLoop] | None) -> Reply:
        """Ask, and wait on this thread.

        Args:
            question: appended to the conversation.
            seconds: the whole request may take, with no second try.
            tokens: of the reply at most.
            own_loop: gives an event loop for a client that needs one; `None` on a thread of the caller's.
        """
        ...

    async def asend(self, question: str, *, seconds: float, tokens: int) -> Reply:
        """Ask from the caller's own event loop; arguments as of `send`."""
        ...

"""What a new instance is told of sockets that outlived an earlier one (invariant W3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sourdough.sockets import WebSocket


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredSocket:
    """A socket with a message that was delivered when the instance before this one ended.

    The message may have been handled, in part or not at all; it is not delivered again.
    """

    web_socket: WebSocket
    in_doubt: bool
    """True: whether the message was handled is not known."""
    message: str | bytes | None
    """None for one that was too large to be kept."""

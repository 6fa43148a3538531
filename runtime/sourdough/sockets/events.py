"""What listeners of a WebSocket are called with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEvent:
    """The other side has sent a message."""

    data: str | bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseEvent:
    """The socket has ended; nothing more comes.

    code: 1005 for a Close frame without a code, 1006 where none came. was_clean: whether the close
    handshake took place.
    """

    code: int
    reason: str
    was_clean: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorEvent:
    """What the other side sent broke the protocol, or a limit; the close event follows."""

    error: Exception


ListenerEvent = MessageEvent | CloseEvent | ErrorEvent

"""Where what is said on a WebSocket goes: to a client through its gateway, or into this process."""

from __future__ import annotations

import asyncio
from contextvars import Context
from typing import TYPE_CHECKING, Protocol

from sourdough.wire import close_codes
from sourdough.wire.sockets import Closed, Message

if TYPE_CHECKING:
    from sourdough.sockets.websocket import WebSocket
    from sourdough.wire.sockets import SocketMessage


class Line(Protocol):
    """The way to the other side of one socket; what passes has passed the output gate."""

    def post(self, data: bytes, text: bool) -> None:
        """Send a message."""

    def close(self, code: int, reason: str) -> None:
        """Begin the close handshake; code 0 for a Close frame without one."""

    def attach(self, attachment: bytes | None) -> None:
        """Have the attachment kept."""

    def taken(self, count: int) -> None:
        """So many messages were taken: as many more may come."""


class Pipe:
    """The line of a pair whose ends are both in this process: from `near` to `far`.

    A message arrives in a later turn of the loop, so that no listener runs inside of `send`.
    """

    __slots__ = ("_far", "_near")

    def __init__(self, near: WebSocket, far: WebSocket) -> None:
        self._near = near
        self._far = far

    def post(self, data: bytes, text: bool) -> None:
        deliver_soon(self._far, Message(0, data, text))

    def close(self, code: int, reason: str) -> None:
        """Close both ends: the other answers by itself (semantics 7.11)."""
        ended = Closed(0, code or close_codes.NO_CODE, reason, clean=True)
        deliver_soon(self._far, ended)
        deliver_soon(self._near, ended)

    def attach(self, attachment: bytes | None) -> None:
        pass

    def taken(self, count: int) -> None:
        pass


def deliver_soon(socket: WebSocket, message: SocketMessage) -> None:
    """Deliver a message to a socket in the next turn, on behalf of nobody."""
    loop = asyncio.get_running_loop()
    loop.call_soon(socket.deliver, message, context=Context())

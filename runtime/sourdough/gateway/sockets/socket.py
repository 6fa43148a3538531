"""A client's WebSocket, from its request to its end.

    asked --answered with 101, and bound--> open --end of the client--> ended
      `--another answer, the client left--> refused

An answer and what binds the socket come on links of their own (a 101 may be relayed), in any order.
Until both are here, what is said to the client waits, bounded (invariant W1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sourdough.gateway.sockets.connection import DROPPED
from sourdough.gateway.sockets.event_queue import End
from sourdough.wire import close_codes

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.gateway.sockets.connection import SocketConnection

_EARLY_BYTES = 1024 * 1024
TOO_MUCH = End(
    close_codes.TOO_BIG, "", error="more than 1 MiB was sent before the handshake was complete"
)


class Request(Protocol):
    """The client's request, which has not been answered yet."""

    def proceed(self) -> None:
        """Send the client the 101 that has come."""
        ...

    def give_up(self, sentence: str) -> None:
        """Send the client an error instead."""
        ...


class Partner(Protocol):
    """Whom the client speaks with."""

    @property
    def full(self) -> bool:
        """Whether so much waits there that the client should not be read."""
        ...

    def opened(self, protocol: str, extensions: str) -> None:
        """The handshake is complete, with this agreed upon."""
        ...

    def received(self, data: bytes, text: bool) -> None:
        """The client has sent a message."""
        ...

    def ended(self, end: End) -> None:
        """The client will send nothing more; called once."""
        ...


class _Early:
    """What a socket has only until it is open."""

    __slots__ = ("answered", "protocol", "request", "said", "size")

    def __init__(self, request: Request) -> None:
        self.request = request
        self.answered = False
        self.protocol = ""
        self.said: list[Callable[[SocketConnection], None]] = []
        self.size = 0


class Socket:
    """One client's WebSocket; the owner of its connection."""

    __slots__ = ("_early", "_forget", "agreed", "bound", "connection", "number")

    def __init__(self, number: int, request: Request, forget: Callable[[Socket], None]) -> None:
        """forget: called when nothing more can become of it by itself."""
        self.number = number
        self.connection: SocketConnection | None = None
        self.bound: Partner | None = None
        self.agreed = ("", "")
        """Subprotocol and extensions, known when it opens."""
        self._early: _Early | None = _Early(request)
        self._forget = forget

    # --- the handshake

    def answered(self) -> bool:
        """A 101 has come. Return whether the client gets it now; else it waits for `bind`."""
        early = self._early
        if early is None:
            return False
        early.answered = True
        if self.bound is None:
            return False
        early.request.proceed()
        return True

    def bind(self, bound: Partner) -> None:
        """Somebody accepts the client."""
        self.bound = bound
        early = self._early
        if early is not None and early.answered:
            early.request.proceed()

    def refused(self, end: End = DROPPED) -> None:
        """There will be no 101: whoever has accepted the client hears of its end."""
        if self._early is None:
            return
        self._early = None
        self._forget(self)
        if self.bound is not None:
            self.bound.ended(end)

    def timed_out(self) -> None:
        """Nobody has bound what was answered with 101."""
        if self._early is not None and self.bound is None:
            self._early.request.give_up("the WebSocket was accepted by nobody")

    # --- connection.Owner

    def opened(self, connection: SocketConnection) -> None:
        self.connection = connection
        early, self._early = self._early, None
        bound = self.bound
        assert bound is not None
        bound.opened(*self.agreed)
        self.agreed = ("", "")
        for say in early.said if early is not None else ():
            say(connection)

    def received(self, data: bytes, text: bool) -> None:
        bound = self.bound
        assert bound is not None
        bound.received(data, text)
        if bound.full:
            self.settle()

    def ended(self, end: End) -> None:
        self.connection = None
        self._forget(self)
        if self._early is not None:  # the client left while it was sent the 101
            self.refused(end)
        elif self.bound is not None:
            self.bound.ended(end)

    # --- what is said to the client

    def say(self, frame: bytes, data: bytes, text: bool) -> None:
        """Send a message. frame: the same, framed for clients without compression."""
        connection = self.connection
        if connection is None:
            self._say_early(len(data), lambda opened: opened.say(data, text))
        elif connection.compresses:
            connection.say(data, text)
        else:
            connection.send(frame)

    def close(self, code: int, reason: str) -> None:
        """Begin the close handshake; code 0: an empty Close frame."""
        if self.connection is None:
            self._say_early(0, lambda opened: opened.close(code, reason))
        else:
            self.connection.close(code, reason)

    def settle(self) -> None:
        """Read the client, or let it wait, as there is room for what it says."""
        if self.connection is not None and self.bound is not None:
            self.connection.read(not self.bound.full)

    def _say_early(self, size: int, say: Callable[[SocketConnection], None]) -> None:
        early = self._early
        if early is None:
            return
        early.size += size
        if early.size > _EARLY_BYTES:
            self.refused(TOO_MUCH)
            early.request.give_up("too much was sent before the handshake was complete")
        else:
            early.said.append(say)

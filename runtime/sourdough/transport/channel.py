"""The control channel between the coordinator and one child: messages both ways, in order.

`SocketChannel` is one end of an inherited socket pair; `memory_pair` is its twin in one process.
A closed channel swallows what is sent: the reader at the other end is gone, and who has ended is
what the kernel says, not an EOF (invariant P3).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, cast

from sourdough.wire.envelope import MessageReader, encode

if TYPE_CHECKING:
    import socket

    from sourdough.wire.messages import Message


class Channel(Protocol):
    """One end of a control channel."""

    def send(self, message: Message) -> None:
        """Send a message; in order, never blocks, lost when the other side is gone."""

    def close(self) -> None:
        """Close the channel; the other side's `on_closed` is called."""


Receive = Callable[[Any], None]


class SocketChannel(asyncio.Protocol):
    """A channel over a socket pair."""

    def __init__(self, types: Any, receive: Receive, on_closed: Callable[[], None]) -> None:
        self._reader = MessageReader(types)
        self._receive = receive
        self._on_closed = on_closed
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def open(
        cls, sock: socket.socket, types: Any, receive: Receive, on_closed: Callable[[], None]
    ) -> SocketChannel:
        """Take over one end of a socket pair."""
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        _, channel = await loop.create_unix_connection(
            lambda: cls(types, receive, on_closed), sock=sock
        )
        return channel

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop has transports of its own, which do not derive from asyncio.Transport.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        for message in self._reader.receive(data):
            self._receive(message)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._transport = None
            self._on_closed()

    def send(self, message: Message) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(encode(message))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class MemoryChannel:
    """One end of a channel inside one process."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._other: MemoryChannel | None = None
        self._receive: Receive | None = None
        self._on_closed: Callable[[], None] | None = None
        self._early: list[Message] = []

    def listen(self, receive: Receive, on_closed: Callable[[], None]) -> None:
        """Take the messages from now on, those that came before included."""
        self._receive = receive
        self._on_closed = on_closed
        if self._early:
            self._loop.call_soon(self._catch_up)

    def send(self, message: Message) -> None:
        if self._other is not None:
            self._loop.call_soon(self._other.deliver, message)

    def deliver(self, message: Message) -> None:
        if self._receive is None or self._early:
            # Behind those that came before: messages stay in order.
            self._early.append(message)
        else:
            self._receive(message)

    def _catch_up(self) -> None:
        early, self._early = self._early, []
        for message in early:
            if self._receive is not None:
                self._receive(message)

    def close(self) -> None:
        other, self._other = self._other, None
        if other is not None:
            self._loop.call_soon(other.closed)

    def closed(self) -> None:
        self._other = None
        if self._on_closed is not None:
            self._on_closed()

    @staticmethod
    def pair(loop: asyncio.AbstractEventLoop) -> tuple[MemoryChannel, MemoryChannel]:
        """Return the two ends of a channel."""
        one, two = MemoryChannel(loop), MemoryChannel(loop)
        one._other, two._other = two, one
        return one, two

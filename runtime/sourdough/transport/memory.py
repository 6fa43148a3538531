"""The in-memory twin of a Unix-socket connection, for `hostCount = 0` and for tests."""

from __future__ import annotations

import asyncio
from typing import Any


class MemoryTransport(asyncio.Transport):
    """One end of a pair; what is written arrives at the other end in a later loop turn."""

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._loop = loop
        self._protocol = protocol
        self._closing = False
        self._other: MemoryTransport | None = None

    def connect(self, other: MemoryTransport) -> None:
        self._other = other

    def write(self, data: Any) -> None:
        other = self._other
        if not self._closing and other is not None and data:
            self._loop.call_soon(other.arrive, bytes(data))

    def close(self) -> None:
        if self._closing:
            return
        self._closing = True
        self._loop.call_soon(self._protocol.connection_lost, None)
        if self._other is not None:
            self._loop.call_soon(self._other.close)

    def abort(self) -> None:
        self.close()

    def is_closing(self) -> bool:
        return self._closing

    def arrive(self, data: bytes) -> None:
        if not self._closing:
            self._protocol.data_received(data)


def connect(loop: asyncio.AbstractEventLoop, one: asyncio.Protocol, two: asyncio.Protocol) -> None:
    """Connect two protocols with each other."""
    first, second = MemoryTransport(loop, one), MemoryTransport(loop, two)
    first.connect(second)
    second.connect(first)
    one.connection_made(first)
    two.connection_made(second)

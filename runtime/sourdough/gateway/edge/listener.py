"""Accepts clients on an inherited listening socket, keeps their time, lets them go.

The socket stays open and listening whatever happens here, so nobody is ever refused: while nothing
is accepted (too many connections, a gateway being replaced) clients wait in the kernel's queue.
Accepting is therefore done on duplicates of it, which can be closed and made anew.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sourdough.gateway.edge.connection import Connection

if TYPE_CHECKING:
    import socket

    from sourdough.gateway.edge.edge import Edge

_TICK = 1.0


class Listener:
    """The accepting side of one gateway."""

    def __init__(self, edge: Edge, sock: socket.socket) -> None:
        """Take over `sock`, which is bound and may be shared with other gateways."""
        self._edge = edge
        self._sock = sock
        self._server: asyncio.Server | None = None
        self._switching: asyncio.Task[None] | None = None
        self._tick_handle: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()
        edge.on_left = self._on_left

    async def start(self) -> None:
        """Begin to accept."""
        self._tick()
        await self._accept()

    def drain(self) -> None:
        """Accept nobody more; finish what is in flight, close what is idle (invariant D6)."""
        if self._edge.draining:
            return
        self._edge.draining = True
        self._stop_accepting()
        for connection in tuple(self._edge.connections):
            connection.drain()
        self._check_empty()

    async def drained(self) -> None:
        """Wait until every connection of a draining listener is gone."""
        await self._empty.wait()

    async def close(self) -> None:
        """Drop what is left and let go of the socket. Bounded: no client is waited for."""
        self.drain()
        for connection in tuple(self._edge.connections):
            connection.abort()
        await self._empty.wait()
        if self._switching is not None:
            await self._switching
        if self._tick_handle is not None:
            self._tick_handle.cancel()
        self._sock.close()

    def _tick(self) -> None:
        self._tick_handle = asyncio.get_running_loop().call_later(_TICK, self._tick)
        self._edge.tick()

    # -- accepting --------------------------------------------------------------------------------

    async def _accept(self) -> None:
        server = await asyncio.get_running_loop().create_server(
            self._connection, sock=self._sock.dup(), backlog=self._edge.limits.backlog
        )
        self._server = server
        if self._edge.draining or self._is_full():
            self._stop_accepting()

    def _connection(self) -> Connection:
        connection = Connection(self._edge)
        # Counted from here on: a burst is accepted before the first of it is made.
        self._edge.connections.add(connection)
        if self._is_full():
            self._stop_accepting()
        return connection

    def _is_full(self) -> bool:
        return len(self._edge.connections) >= self._edge.limits.connections

    def _stop_accepting(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()

    def _on_left(self) -> None:
        if self._edge.draining:
            self._check_empty()
        elif self._server is None and not self._is_full() and self._is_settled():
            self._switching = asyncio.get_running_loop().create_task(self._accept())

    def _is_settled(self) -> bool:
        return self._switching is None or self._switching.done()

    def _check_empty(self) -> None:
        if not self._edge.connections:
            self._empty.set()

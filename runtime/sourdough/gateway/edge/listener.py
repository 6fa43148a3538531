"""Accepts clients on an inherited listening socket, keeps their time, lets them go.

The socket stays bound and listening whatever happens here, so nobody is ever refused: while nothing
is accepted (too many connections, no descriptors left, a gateway being replaced) clients wait in
the kernel's queue. That is why the accepting is done here and not by an asyncio server, which takes
all of the queue at once, drops what it has taken when it is closed meanwhile, and on uvloop refuses
clients when it runs out of descriptors.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sourdough.gateway.edge.connection import Connection

if TYPE_CHECKING:
    import socket

    from sourdough.gateway.edge.edge import Edge

_TICK = 1.0
# Taken at a time: the rest is left to the other gateways, and to clients that are being served.
_BATCH = 64


class Listener:
    """The accepting side of one gateway."""

    def __init__(self, edge: Edge, sock: socket.socket) -> None:
        """Take over `sock`, which is bound and may be shared with other gateways."""
        self._edge = edge
        self._sock = sock
        self._loop: asyncio.AbstractEventLoop
        self._accepting = False
        self._adopting: set[asyncio.Task[None]] = set()
        self._tick_handle: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()

    async def start(self) -> None:
        """Begin to accept, on the running loop; clients in the queue are served from now on."""
        self._loop = asyncio.get_running_loop()
        self._sock.setblocking(False)
        self._sock.listen(self._edge.limits.backlog)
        self._edge.on_left = self._on_left
        self._tick()

    def drain(self) -> None:
        """Accept nobody more; finish what is in flight, close what is idle (invariant D6)."""
        if self._edge.draining:
            return
        self._edge.draining = True
        self._choose()
        for connection in tuple(self._edge.connections):
            connection.drain()
        self._on_left()

    async def drained(self) -> None:
        """Wait until every connection of a draining listener is gone."""
        await self._empty.wait()

    async def close(self) -> None:
        """Drop what is left and let go of the socket. Bounded: no client is waited for."""
        self.drain()
        if self._adopting:
            await asyncio.wait(self._adopting)
        for connection in tuple(self._edge.connections):
            connection.abort()
        await self._empty.wait()
        if self._tick_handle is not None:
            self._tick_handle.cancel()
        self._sock.close()

    def _tick(self) -> None:
        self._tick_handle = self._loop.call_later(_TICK, self._tick)
        self._edge.tick()
        # Also the moment to try again after the process had run out of descriptors.
        self._choose()

    # -- accepting --------------------------------------------------------------------------------

    def _room(self) -> int:
        edge = self._edge
        if edge.draining:
            return 0
        return edge.limits.connections - len(edge.connections) - len(self._adopting)

    def _choose(self) -> None:
        """Accept if there is room, else leave the clients in the queue."""
        accepting = self._room() > 0
        if accepting is not self._accepting:
            self._accepting = accepting
            if accepting:
                self._loop.add_reader(self._sock.fileno(), self._accept)
            else:
                self._loop.remove_reader(self._sock.fileno())

    def _accept(self) -> None:
        for _ in range(min(_BATCH, self._room())):
            try:
                sock, _peer = self._sock.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionAbortedError:
                continue  # the client has left the queue
            except OSError:
                # Out of descriptors or memory: the next tick tries again.
                self._accepting = False
                self._loop.remove_reader(self._sock.fileno())
                return
            task = self._loop.create_task(self._adopt(sock))
            self._adopting.add(task)
            task.add_done_callback(self._adopted)
        self._choose()

    async def _adopt(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        try:
            await self._loop.connect_accepted_socket(lambda: Connection(self._edge), sock)
        except OSError:
            sock.close()  # the client has left already

    def _adopted(self, task: asyncio.Task[None]) -> None:
        self._adopting.discard(task)
        self._on_left()

    def _on_left(self) -> None:
        self._choose()
        if self._edge.draining and not self._edge.connections and not self._adopting:
            self._empty.set()

"""The line of an outgoing WebSocket: between a `WebSocket` and a connection of `websockets`.

Both directions are bounded: what waits to be sent by bytes (above, the socket is closed: a side that
does not read is gone), what has come by messages that nobody has taken yet.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextvars import Context
from typing import TYPE_CHECKING

from sourdough.sockets.limits import to_payload
from sourdough.wire import close_codes
from sourdough.wire.sockets import Closed, Message

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from websockets.asyncio.client import ClientConnection

    from sourdough.sockets import WebSocket

# What may wait for a side that reads slowly, and what may wait here to be read.
_UNSENT_BYTES = 16 * 1024 * 1024
_UNREAD_MESSAGES = 64

_running: set[asyncio.Task[None]] = set()


class SocketLine:
    """Implements `sockets.line.Line`."""

    __slots__ = (
        "_closing",
        "_connection",
        "_more",
        "_room",
        "_socket",
        "_unread",
        "_unsent",
        "_unsent_bytes",
    )

    def __init__(self, socket: WebSocket, connection: ClientConnection) -> None:
        self._socket = socket
        self._connection = connection
        self._unsent: deque[bytes | str] = deque()
        self._unsent_bytes = 0
        self._closing: tuple[int, str] | None = None
        self._unread = 0
        self._more = asyncio.Event()
        self._room = asyncio.Event()

    @classmethod
    def between(cls, socket: WebSocket, connection: ClientConnection) -> None:
        """Carry messages both ways until the connection ends."""
        line = cls(socket, connection)
        _run(line._send_all())
        _run(line._receive_all())
        socket.couple(line)

    # --- Line

    def post(self, data: bytes, text: bool) -> None:
        if self._closing is None:
            self._unsent.append(data.decode() if text else data)
            self._unsent_bytes += len(data)
            if self._unsent_bytes > _UNSENT_BYTES:
                self._unsent.clear()
                self.close(close_codes.TRY_LATER, "the other side does not read")
            self._more.set()

    def close(self, code: int, reason: str) -> None:
        if self._closing is None:
            self._closing = (code, reason)
            self._more.set()
            self._room.set()

    def attach(self, attachment: bytes | None) -> None:
        """Nothing: it is kept by the socket itself, which does not hibernate."""

    def taken(self, count: int) -> None:
        self._unread -= count
        self._room.set()

    # --- both ways

    async def _send_all(self) -> None:
        from websockets.exceptions import ConnectionClosed  # noqa: PLC0415 (see `connect`)

        try:
            while True:
                while self._unsent:
                    message = self._unsent.popleft()
                    await self._connection.send(message)
                    self._unsent_bytes -= len(to_payload(message)[0])
                if self._closing is not None:
                    code, reason = self._closing
                    await self._connection.close(code or close_codes.NORMAL, reason)
                    return
                self._more.clear()
                await self._more.wait()
        except ConnectionClosed:
            return  # the other half tells

    async def _receive_all(self) -> None:
        from websockets.exceptions import ConnectionClosed  # noqa: PLC0415 (see `connect`)

        try:
            while True:
                data, text = to_payload(await self._connection.recv())
                self._unread += 1
                self._socket.deliver(Message(0, data, text))
                # After our Close frame the other's is waited for, behind whatever comes before it.
                while self._unread >= _UNREAD_MESSAGES and self._closing is None:
                    self._room.clear()
                    await self._room.wait()
        except ConnectionClosed as end:
            received = end.rcvd
            if received is None:
                closed = Closed(0, close_codes.ABNORMAL, close_codes.ABNORMAL_REASON, False)
            else:
                closed = Closed(0, received.code, received.reason, True)
            self._socket.deliver(closed)
        finally:
            if self._closing is None:
                self._closing = (0, "")
            self._more.set()


def _run(work: Coroutine[Any, Any, None]) -> None:
    # In a context of its own: it is no work of the object, which may rest meanwhile.
    task = asyncio.Task(work, loop=asyncio.get_running_loop(), context=Context())
    _running.add(task)
    task.add_done_callback(_running.discard)

"""A WebSocket between two processes, carried by the two bodies of a request to an object.

    caller's end -- pair -- near end =====request's body=====> far end -- pair -- object's end
                                     <====response's body=====

For a request that user code has made itself: that of a client has a capability, and its socket goes
to the gateway directly (invariant W1). A frame is a kind (text, binary, close), a u32 length and
what is said; of a close, its code as a u16 and the reason. Where a body ends without a close, the
process behind it has ended, or gives its seat away: 1012 (invariant W2).
"""

from __future__ import annotations

import asyncio
import struct
from contextlib import suppress
from contextvars import Context
from typing import TYPE_CHECKING

from sourdough.sockets.limits import from_payload, sendable_close, to_payload
from sourdough.sockets.pair import WebSocketPair
from sourdough.wire import close_codes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from sourdough.sockets.websocket import WebSocket

_HEAD = struct.Struct("!BI")
_CODE = struct.Struct("!H")
_TEXT, _BINARY, _CLOSE = 0, 1, 2
_GONE = (close_codes.RESTART, "the host at the other end is gone")

_running: set[asyncio.Task[None]] = set()


class Bridge:
    """One end of a pair, on its way to another process."""

    __slots__ = ("_end",)

    def __init__(self, end: WebSocket) -> None:
        """Take an end that is raw. What runs here belongs to no object."""
        Context().run(end.accept)
        self._end = end

    async def outgoing(self) -> AsyncIterator[bytes]:
        """Yield what is said at the other end of the pair, its close at last."""
        try:
            async for message in self._end:
                data, text = to_payload(message)
                yield _HEAD.pack(_TEXT if text else _BINARY, len(data)) + data
            end = await self._end.wait_closed()
            reason = end.reason.encode()
            yield _HEAD.pack(_CLOSE, 2 + len(reason)) + _CODE.pack(end.code) + reason
        finally:
            self._end.close(*_GONE)

    def listen(self, body: AsyncIterator[bytes]) -> None:
        """Say at this end what comes from the other process."""
        task = asyncio.Task(self._listen(body), loop=asyncio.get_running_loop(), context=Context())
        _running.add(task)
        task.add_done_callback(_running.discard)

    async def _listen(self, body: AsyncIterator[bytes]) -> None:
        reader = _Reader()
        with suppress(ConnectionError):  # the other process has ended: as below
            async for chunk in body:
                for kind, data in reader.receive(chunk):
                    self._say(kind, data)
        self._end.close(*_GONE)

    def _say(self, kind: int, data: bytes) -> None:
        end = self._end
        if kind != _CLOSE:
            with suppress(TypeError):  # this end has closed meanwhile
                end.send(from_payload(data, kind == _TEXT))
            return
        (code,) = _CODE.unpack_from(data)
        end.close(*sendable_close(code, data[_CODE.size :].decode()))


def bridged_pair() -> tuple[WebSocket, Bridge]:
    """Return an end for the caller, which is raw, and the bridge behind it."""
    ours, near = WebSocketPair()
    return ours, Bridge(near)


class _Reader:
    """Cuts a stream of bytes into frames."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = bytearray()

    def receive(self, chunk: bytes) -> Iterator[tuple[int, bytes]]:
        rest = self._rest
        rest += chunk
        while len(rest) >= _HEAD.size:
            kind, length = _HEAD.unpack_from(rest)
            end = _HEAD.size + length
            if len(rest) < end:
                return
            data = bytes(rest[_HEAD.size : end])
            del rest[:end]
            yield kind, data

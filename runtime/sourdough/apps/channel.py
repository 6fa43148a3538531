"""The body of an app's answer on its way out: one chunk at a time, so that a slow reader slows it.

    app: put, put, end            reader: async for chunk

The two sides may leave at any time: `close` by the reader makes `put` raise ClientLeftError, `fail`
by the app makes the reader raise its error behind what was put.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class ClientLeftError(OSError):
    """Nobody reads this answer any more; raised by `send`, as servers do."""


class BodyChannel:
    """Hands chunks from the app's task to the one that sends them."""

    __slots__ = ("_chunk", "_closed", "_ended", "_error", "_on_closed", "_reader", "_writer")

    def __init__(self, on_closed: Callable[[], None]) -> None:
        """on_closed: called when the reader leaves before the end."""
        self._on_closed = on_closed
        self._chunk: bytes | None = None
        self._ended = False
        self._closed = False
        self._error: BaseException | None = None
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None

    # --- the app

    async def put(self, chunk: bytes) -> None:
        """Hand over a chunk when the one before was taken. Raises ClientLeftError."""
        while self._chunk is not None and not self._closed:
            self._writer = asyncio.get_running_loop().create_future()
            await self._writer
        if self._closed:
            # An app that goes on all the same must not keep the loop to itself.
            await asyncio.sleep(0)
            raise ClientLeftError("the client left")
        if chunk:
            self._chunk = chunk
            _wake(self._reader)

    def end(self) -> None:
        """There is no more."""
        self._ended = True
        _wake(self._reader)

    def fail(self, error: BaseException) -> None:
        """There will be no more, though there should be."""
        if not self._ended:
            self._error = error
            self.end()

    # --- the reader

    def __aiter__(self) -> BodyChannel:
        return self

    async def __anext__(self) -> bytes:
        while self._chunk is None:
            if self._error is not None:
                error, self._error = self._error, None
                raise error
            if self._ended or self._closed:
                raise StopAsyncIteration
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        chunk, self._chunk = self._chunk, None
        _wake(self._writer)
        return chunk

    async def aclose(self) -> None:
        """The reader leaves."""
        self.close()

    def close(self) -> None:
        """The reader leaves; nothing that is put from now on is wanted."""
        if self._closed:
            return
        self._closed = True
        early = not self._ended
        _wake(self._writer)
        if early:
            self._on_closed()


class ReadBody:
    """The reader's hold on a channel: thrown away unread, it closes it."""

    __slots__ = ("_channel",)

    def __init__(self, channel: BodyChannel) -> None:
        self._channel = channel

    def __aiter__(self) -> ReadBody:
        return self

    async def __anext__(self) -> bytes:
        return await self._channel.__anext__()

    async def aclose(self) -> None:
        """Leave."""
        self._channel.close()

    def __del__(self) -> None:
        self._channel.close()


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)

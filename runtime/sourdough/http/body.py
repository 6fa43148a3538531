"""Bodies: what arrives piece by piece (`BodyReader`) and what may be sent (`BodySource`)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

BodySource = bytes | AsyncIterator[bytes]


class BodyError(ConnectionError):
    """A body ended before its end: the client left, or the process that sent it died."""


class WatchedBody:
    """A body handed to user code that may never read it to its end.

    When it is closed or thrown away before that, `on_dropped` is called, so that whoever sends it
    stops.
    """

    __slots__ = ("_closed", "_on_dropped", "_reader")

    def __init__(self, reader: BodyReader, on_dropped: Callable[[], None]) -> None:
        self._reader = reader
        self._on_dropped = on_dropped
        self._closed = False

    def __aiter__(self) -> WatchedBody:
        return self

    async def __anext__(self) -> bytes:
        if self._closed:
            raise StopAsyncIteration
        return await self._reader.__anext__()

    async def aclose(self) -> None:
        """Let the rest go, as that of a generator; more than once is fine."""
        if not self._closed:
            self._closed = True
            self._drop()
            self._reader.fail("the body was closed by its reader")

    def __del__(self) -> None:
        self._drop()

    def _drop(self) -> None:
        if not self._reader.over:
            self._on_dropped()


class BodyReader:
    """A body that arrives in chunks, read once by one task.

    `consumed` is told how many bytes were taken, so that the sender's credit follows the reader
    and a slow reader slows the writer down.
    """

    __slots__ = ("_chunks", "_consumed", "_ended", "_error", "_waiter")

    def __init__(self, consumed: Callable[[int], None]) -> None:
        self._chunks: deque[bytes] = deque()
        self._consumed = consumed
        self._ended = False
        self._error: BodyError | None = None
        self._waiter: asyncio.Future[None] | None = None

    def feed(self, chunk: bytes, end: bool) -> None:
        """Take a chunk from the link."""
        if chunk:
            self._chunks.append(chunk)
        self._ended = self._ended or end
        self._wake()

    def fail(self, reason: str) -> None:
        """End the body early; what has arrived can still be read, then BodyError is raised."""
        if not self._ended and self._error is None:
            self._error = BodyError(reason)
            self._wake()

    @property
    def ended(self) -> bool:
        """Whether everything has arrived."""
        return self._ended

    @property
    def over(self) -> bool:
        """Whether nothing more will arrive: it is whole, or was cut short."""
        return self._ended or self._error is not None

    def __aiter__(self) -> BodyReader:
        return self

    async def __anext__(self) -> bytes:
        while not self._chunks:
            if self._ended:
                raise StopAsyncIteration
            if self._error is not None:
                raise self._error
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        chunk = self._chunks.popleft()
        self._consumed(len(chunk))
        return chunk

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

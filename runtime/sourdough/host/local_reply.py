"""The way back to a caller in the same process: what `Incoming` is for one behind a link."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sourdough.http import BodyReader, Response
from sourdough.http.body import WatchedBody
from sourdough.objects.failure import decode_error, encode_error
from sourdough.wire.credit import STREAM_WINDOW

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sourdough.objects.event import BeforeChunk


class LocalReply:
    """Implements `objects.event.Reply` with a future."""

    __slots__ = ("_answer", "_dropped", "_streaming")

    def __init__(self, answer: asyncio.Future[Response | bytes]) -> None:
        self._answer = answer
        self._streaming: asyncio.Task[Any] | None = None
        self._dropped = False

    def respond(self, response: Response) -> None:
        self._resolve(response)

    async def stream(self, response: Response, before_chunk: BeforeChunk) -> None:
        """Hand the body over chunk by chunk; stop when the caller has thrown it away."""
        window = _Window()
        reader = BodyReader(window.consumed)
        chunks = response.stream()
        self._streaming = asyncio.current_task()
        try:
            await _confirm(before_chunk)
            if self._answer.done():  # the caller has left
                return
            body = WatchedBody(reader, self._drop)
            status, block = response.status, response.header_block()
            self._resolve(Response.received(status=status, block=block, body=body))
            del body  # the caller's is the only one: its end is what we watch
            await _pump(chunks, before_chunk, reader, window)
        except asyncio.CancelledError:
            if not self._dropped or self._streaming is None:
                raise
            self._streaming.uncancel()
        finally:
            self._streaming = None
            reader.fail("the response's body was cut short")
            close = getattr(chunks, "aclose", None)
            if close is not None:
                await close()

    def returned(self, value: bytes) -> None:
        self._resolve(value)

    def failed(self, error: BaseException) -> None:
        if not self._answer.done():
            # As over a link: what a caller sees must not depend on where its callee lives, and an
            # exit or a StopIteration would do harm in a task of the caller.
            told = decode_error(encode_error(error))
            told.__cause__ = error
            self._answer.set_exception(told)

    def _resolve(self, value: Response | bytes) -> None:
        if not self._answer.done():
            self._answer.set_result(value)

    def _drop(self) -> None:
        if self._streaming is not None and not self._dropped:
            self._dropped = True
            self._streaming.cancel()


async def _pump(
    chunks: AsyncIterator[bytes], before_chunk: BeforeChunk, reader: BodyReader, window: _Window
) -> None:
    async for chunk in chunks:
        await _confirm(before_chunk)
        reader.feed(chunk, end=False)
        await window.sent(len(chunk))
    reader.feed(b"", end=True)


async def _confirm(before_chunk: BeforeChunk) -> None:
    waiter = before_chunk()
    if waiter is not None:
        await waiter


class _Window:
    """Back-pressure of a body inside one process."""

    __slots__ = ("_outstanding", "_waiter")

    def __init__(self) -> None:
        self._outstanding = 0
        self._waiter: asyncio.Future[None] | None = None

    def consumed(self, amount: int) -> None:
        self._outstanding -= amount
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def sent(self, amount: int) -> None:
        self._outstanding += amount
        while self._outstanding > STREAM_WINDOW:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        self._waiter = None

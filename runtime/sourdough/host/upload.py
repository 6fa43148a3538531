"""The body of a request that a stub sends to another host, once that host has accepted it (D2)."""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from typing import TYPE_CHECKING

from sourdough.wire.frames import ResetCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.http.body import BodySource
    from sourdough.transport.stream import Stream


class Upload:
    """Sends a body over a stream as credit allows."""

    __slots__ = ("_context", "_on_failed", "_room", "_source", "_stream", "_task")

    def __init__(
        self, stream: Stream, source: BodySource, on_failed: Callable[[Exception], None]
    ) -> None:
        """on_failed: called when the source raised; the stream is reset already."""
        self._stream = stream
        self._source = source
        self._on_failed = on_failed
        # Of the caller: its generator runs there, and not where the link's frames are read.
        self._context = copy_context()
        self._task: asyncio.Task[None] | None = None
        self._room: asyncio.Future[None] | None = None

    def start(self) -> None:
        """The first credit has come: begin. Later calls do nothing."""
        if self._task is None:
            loop = asyncio.get_running_loop()
            self._task = loop.create_task(self._run(), context=self._context)

    def writable(self) -> None:
        """Everything handed over so far has left."""
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    def stop(self) -> None:
        """The stream has ended; nobody wants the rest."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        try:
            if isinstance(self._source, bytes):
                await self._send(self._source, end=True)
                return
            async for chunk in self._source:
                await self._send(chunk, end=False)
            await self._send(b"", end=True)
        except Exception as error:  # noqa: BLE001 (told to the caller)
            self._stream.reset(ResetCode.CANCELLED, "the request's body failed")
            self._on_failed(error)
        finally:
            # A generator of the user ends now, not when it is collected.
            close = getattr(self._source, "aclose", None)
            if close is not None:
                await close()

    async def _send(self, chunk: bytes, *, end: bool) -> None:
        if not self._stream.send_body(chunk, end):
            self._room = asyncio.get_running_loop().create_future()
            await self._room
            self._room = None

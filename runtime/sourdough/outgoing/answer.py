"""The answer to an outgoing request, as a `Response` whose body arrives while it is read."""

from __future__ import annotations

import asyncio
from contextvars import Context
from typing import TYPE_CHECKING

from sourdough.http import Headers, Response
from sourdough.outgoing.failure import body_failed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx2

    from sourdough.objects.hold import Hold

# What said how the message travelled; the body is handed on decoded.
_OF_TRAVEL = frozenset({
    "connection", "content-encoding", "content-length", "keep-alive", "proxy-connection", "te",
    "trailer", "transfer-encoding", "upgrade",
})  # fmt: skip


def received(answer: httpx2.Response, hold: Hold | None) -> Response:
    """Return an answer as ours; `hold` keeps the object that asked until the body was read."""
    encoded = "content-encoding" in answer.headers
    headers = Headers()
    for name, value in answer.headers.raw:
        lowered = name.lower().decode("latin-1")
        if lowered not in _OF_TRAVEL or (lowered == "content-length" and not encoded):
            headers.append(lowered, value.decode("latin-1"))
    body = OutgoingBody(answer, hold)
    return Response.received(status=answer.status_code, block=headers.to_block(), body=body)


class OutgoingBody:
    """The body of an answer. Thrown away unread, it gives its connection up."""

    __slots__ = ("_answer", "_chunks", "_hold", "_loop", "_open")

    def __init__(self, answer: httpx2.Response, hold: Hold | None) -> None:
        self._answer = answer
        self._hold = hold
        self._loop = asyncio.get_running_loop()
        self._chunks: AsyncIterator[bytes] = answer.aiter_bytes()
        self._open = True

    def __aiter__(self) -> OutgoingBody:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._chunks)
        except StopAsyncIteration:
            await self.aclose()
            raise
        except Exception as error:
            await self.aclose()
            raise body_failed(self._answer.request.url, error) from error

    async def aclose(self) -> None:
        """Give the connection back; one whose body was not read to its end is closed."""
        if self._finish():
            await self._answer.aclose()

    def _finish(self) -> bool:
        was_open, self._open = self._open, False
        if self._hold is not None:
            self._hold.release()
            self._hold = None
        return was_open

    def __del__(self) -> None:
        if self._finish() and self._loop.is_running():
            closing = asyncio.Task(self._answer.aclose(), loop=self._loop, context=Context())
            _closing.add(closing)
            closing.add_done_callback(_closing.discard)


_closing: set[asyncio.Task[None]] = set()

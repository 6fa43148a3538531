"""A request's body on its way to an object of the same process.

It is read where it was made, in a task of the caller: a generator of the user runs in the context
of its own object, and its stubs wait for the commits of that one.
"""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from sourdough.http import BodyReader
from sourdough.http.body import WatchedBody
from sourdough.wire.credit import STREAM_WINDOW

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Window:
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


class LocalBody:
    """Reads the body for the callee; stops when the callee throws it away or the caller leaves."""

    __slots__ = ("_answer", "_body", "_task", "_window", "reader")

    def __init__(self, source: AsyncIterator[bytes], answer: asyncio.Future[Any]) -> None:
        """answer: the caller's; it gets the error of a body that fails."""
        self._answer = answer
        self._window = Window()
        self._body = BodyReader(self._window.consumed)
        self.reader = WatchedBody(self._body, self._stop)
        self._task = asyncio.get_running_loop().create_task(
            self._run(source), context=copy_context()
        )
        answer.add_done_callback(self._left)

    async def _run(self, source: AsyncIterator[bytes]) -> None:
        try:
            async for chunk in source:
                self._body.feed(chunk, end=False)
                await self._window.sent(len(chunk))
            self._body.feed(b"", end=True)
        except Exception as error:  # noqa: BLE001 (told to the caller)
            if not self._answer.done():
                self._answer.set_exception(error)
        finally:
            self._body.fail("the request's body was cut short")
            close = getattr(source, "aclose", None)
            if close is not None:
                await close()

    def _left(self, answer: asyncio.Future[Any]) -> None:
        if answer.cancelled():
            self._stop()

    def _stop(self) -> None:
        self._task.cancel()

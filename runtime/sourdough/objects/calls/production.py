"""Runs an iterator that was passed by reference, as fast as its holder reads.

It goes on only while the holder has room: a slow reader leaves it suspended where it yields. Each
item waits for the output gate. When the holder lets go, the iterator is closed there.
"""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from sourdough.objects.calls.remote import cost_of
from sourdough.wire.references import Item

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sourdough.objects.calls.session import Session
    from sourdough.objects.owner import Owner


class Production:
    """One iterator that is being read by the other side."""

    __slots__ = (
        "_context", "_credit", "_iterator", "_number", "_owner", "_room", "_session", "_stopped",
        "_task",
    )  # fmt: skip

    def __init__(
        self, session: Session, owner: Owner, number: int, iterator: AsyncIterator[Any]
    ) -> None:
        self._session = session
        self._owner = owner
        self._number = number
        self._iterator = iterator
        self._credit = 0
        # Of whoever passes the iterator on: what it calls is called by the same event.
        self._context = copy_context()
        self._room: asyncio.Future[None] | None = None
        self._stopped = False
        self._task: asyncio.Task[None] | None = None

    def grant(self, amount: int) -> None:
        """The holder takes so much more."""
        self._credit += amount
        if self._task is None:
            ended = self._owner.ending()
            if ended is not None:
                self._session.produced(self._number, ended)
            else:
                self._task = self._context.run(self._owner.spawn, self._run())
        elif self._room is not None and not self._room.done():
            self._room.set_result(None)

    def stop(self) -> None:
        """Nobody reads on: the iterator is closed."""
        self._stopped = True
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        error: BaseException | None = None
        try:
            try:
                await self._produce()
            finally:
                # What the iterator does at its end may raise as well, and its holder hears of it.
                close = getattr(self._iterator, "aclose", None)
                if close is not None:
                    await close()
        except asyncio.CancelledError as cancelled:
            if not self._stopped:  # the object was reset, or its own code has cancelled this
                error = self._owner.ending() or cancelled
        except GeneratorExit:
            raise
        except BaseException as raised:  # noqa: BLE001 (told to the holder, who awaits the item)
            error = raised if self._stopped else await self._confirmed(raised)
        if not self._stopped:
            self._session.produced(self._number, error)
        elif error is not None and self._owner.alive:
            raise error  # nobody reads on: it goes to the log

    async def _produce(self) -> None:
        iterator = aiter(self._iterator)
        while True:
            while self._credit <= 0:
                self._room = asyncio.get_running_loop().create_future()
                await self._room
            try:
                item = await anext(iterator)
            except StopAsyncIteration:
                await self._confirm()
                return
            data = self._session.encode(item)
            await self._confirm()
            self._credit -= cost_of(data)
            self._session.post(Item(self._number, data))

    async def _confirmed(self, error: BaseException) -> BaseException:
        """Return what to tell of an error when it may leave: it is an answer as well (S1)."""
        try:
            await self._confirm()
        except (asyncio.CancelledError, Exception) as failed:  # noqa: BLE001 (told instead)
            error = failed
        return self._owner.ending() or error

    async def _confirm(self) -> None:
        waiter = self._owner.confirmed()
        if waiter is not None:
            await waiter

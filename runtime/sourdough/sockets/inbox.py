"""What has come on a socket that does not hibernate, until a listener or a reader takes it.

Messages go to the listeners, where there are any; else they wait for a reader, in order. A gateway
holds a client back meanwhile: each that is taken lets one more come. Code in another object cannot
be held back, as `send` never waits: what waits is bounded, and the socket ends at the bound.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from sourdough.errors import WebSocketClosedError
from sourdough.sockets.events import CloseEvent, ErrorEvent, MessageEvent

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.sockets.owner import Owner

# Credit is given back in portions: a frame for each message would cost as much as the message.
_PORTION = 16
# What may wait for a reader, or for the way to one, with what the list itself takes for each message.
MOST_WAITING = 64 * 1024 * 1024
PER_MESSAGE = 64

KINDS = ("message", "close", "error")


class Inbox:
    """The receiving side of one socket."""

    __slots__ = (
        "_give_back",
        "_listeners",
        "_messages",
        "_running",
        "_taken",
        "_until_end",
        "_waiters",
        "_waiting",
        "end",
        "owner",
    )  # fmt: skip

    def __init__(self, owner: Owner, give_back: Callable[[int], None]) -> None:
        """give_back: told how many messages were taken."""
        self.owner = owner
        self.end: CloseEvent | None = None
        self._give_back = give_back
        self._listeners: dict[str, list[Callable[[Any], Any]]] = {kind: [] for kind in KINDS}
        self._messages: deque[str | bytes] = deque()
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._until_end: deque[asyncio.Future[None]] = deque()
        self._running = 0
        self._taken = 0
        self._waiting = 0

    @property
    def full(self) -> bool:
        """Whether nobody reads, and no more may wait."""
        return self._waiting >= MOST_WAITING

    # --- what comes

    def message(self, data: str | bytes) -> None:
        """Take a message."""
        if self.end is not None:
            return
        if self._listeners["message"]:
            self._hear(MessageEvent(data=data))
        else:
            self._messages.append(data)
            self._waiting += len(data) + PER_MESSAGE
            self._wake_one()

    def close(self, event: CloseEvent, error: Exception | None) -> None:
        """Nothing more comes; what has come can still be read."""
        if self.end is not None:
            return
        self.end = event
        if error is not None:
            self._call("error", ErrorEvent(error=error))
        self._call("close", event)
        for waiter in (*self._waiters, *self._until_end):
            _wake(waiter)

    # --- listeners

    def listen(self, kind: str, listener: Callable[[Any], Any]) -> None:
        """Add a listener; one for messages gets those that wait first. Raises ValueError."""
        listeners = self._of(kind)
        if listener not in listeners:
            listeners.append(listener)
        while kind == "message" and self._messages:
            self._hear(MessageEvent(data=self._next()))

    def unlisten(self, kind: str, listener: Callable[[Any], Any]) -> None:
        """Remove a listener; does nothing where it is none."""
        listeners = self._of(kind)
        if listener in listeners:
            listeners.remove(listener)

    def _of(self, kind: str) -> list[Callable[[Any], Any]]:
        if kind not in KINDS:
            raise ValueError(f"a WebSocket has the events {', '.join(KINDS)}, not {kind!r}")
        return self._listeners[kind]

    def _hear(self, event: MessageEvent) -> None:
        self._running += 1
        self.owner.hear(tuple(self._listeners["message"]), event, self._heard)

    def _heard(self) -> None:
        self._running -= 1
        self._took()

    def _call(self, kind: str, event: CloseEvent | ErrorEvent) -> None:
        listeners = tuple(self._listeners[kind])
        if listeners:
            self.owner.hear(listeners, event, _nothing)

    # --- readers

    async def read(self) -> str | bytes:
        """Return the next message. Raises WebSocketClosedError when there will be none."""
        if self._listeners["message"]:
            raise RuntimeError("the messages of this WebSocket go to its listeners")
        while not self._messages:
            if self.end is not None:
                raise WebSocketClosedError(self.end.code, self.end.reason, self.end.was_clean)
            await self._woken()
        data = self._next()
        self._took()
        admitted = self.owner.admitted()
        if admitted is not None:
            await admitted
        return data

    async def ended(self) -> CloseEvent:
        """Return when the socket has ended."""
        while self.end is None:
            await _wait_in(self._until_end)
        admitted = self.owner.admitted()
        if admitted is not None:
            await admitted
        return self.end

    async def _woken(self) -> None:
        try:
            await _wait_in(self._waiters)
        except asyncio.CancelledError:
            if self._messages:  # the one that it was woken for, perhaps, is another's
                self._wake_one()
            raise

    def _wake_one(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _next(self) -> str | bytes:
        data = self._messages.popleft()
        self._waiting -= len(data) + PER_MESSAGE
        return data

    def _took(self) -> None:
        self._taken += 1
        if self._taken >= _PORTION or not (self._messages or self._running):
            count, self._taken = self._taken, 0
            self._give_back(count)


async def _wait_in(waiters: deque[asyncio.Future[None]]) -> None:
    waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    waiters.append(waiter)
    try:
        await waiter
    finally:
        if waiter in waiters:
            waiters.remove(waiter)


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _nothing() -> None:
    pass

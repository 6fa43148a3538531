"""For whom a WebSocket is used: an object, or code that belongs to none.

This package knows no objects. They make themselves known by `find_owners_by`.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from contextvars import Context
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sourdough.sockets.events import ListenerEvent
    from sourdough.sockets.websocket import WebSocket

log = logging.getLogger("sourdough.sockets")

Listener = "Callable[[Any], Any]"


class Owner(Protocol):
    """Who has accepted a socket."""

    def post(self, act: Callable[[], None]) -> None:
        """Do something that can be seen outside, in order, when what was written so far is
        durable; never, where that fails. Raises where the owner has ended."""

    def hear(
        self,
        listeners: tuple[Callable[[Any], Any], ...],
        event: ListenerEvent,
        heard: Callable[[], None],
    ) -> None:
        """Call listeners, sync or async, on behalf of the owner, and then `heard`."""

    def admitted(self) -> Awaitable[None] | None:
        """Return what a reader waits for before it may go on, if anything."""

    def took(self, socket: WebSocket) -> None:
        """A socket begins that does not hibernate."""

    def moved(self, socket: WebSocket) -> None:
        """Something came, or was sent, on a socket that does not hibernate."""

    def lost(self, socket: WebSocket) -> None:
        """A socket has ended that does not hibernate."""

    def coupled(self, socket: WebSocket, other: WebSocket) -> None:
        """The other end of a hibernating socket was accepted in this process."""

    def forsaken(self, socket: WebSocket) -> None:
        """The other end of a hibernating socket was thrown away before it was used."""


class Nobody:
    """Code that belongs to no object: its listeners run as tasks, nothing waits for commits."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def post(self, act: Callable[[], None]) -> None:
        act()

    def hear(
        self,
        listeners: tuple[Callable[[Any], Any], ...],
        event: ListenerEvent,
        heard: Callable[[], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.Task(_call_all(listeners, event), loop=loop, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: heard())

    def admitted(self) -> None:
        return None

    def took(self, socket: WebSocket) -> None:
        pass

    def moved(self, socket: WebSocket) -> None:
        pass

    def lost(self, socket: WebSocket) -> None:
        pass

    def coupled(self, socket: WebSocket, other: WebSocket) -> None:
        raise AssertionError("only an object has hibernating sockets")

    def forsaken(self, socket: WebSocket) -> None:
        raise AssertionError("only an object has hibernating sockets")


NOBODY = Nobody()


async def call_listener(listener: Callable[[Any], Any], event: ListenerEvent) -> None:
    """Call one listener. What it raises is logged: it concerns nobody else."""
    try:
        result = listener(event)
        if inspect.isawaitable(result):
            await result
    except Exception:
        log.exception("a listener of a WebSocket failed")


async def _call_all(listeners: tuple[Callable[[Any], Any], ...], event: ListenerEvent) -> None:
    for listener in listeners:
        await call_listener(listener, event)


def _nobody() -> Owner:
    return NOBODY


_find: list[Callable[[], Owner]] = [_nobody]


def find_owners_by(find: Callable[[], Owner]) -> None:
    """Have `find` say whose code runs."""
    _find[0] = find


def owner_of_running_code() -> Owner:
    """Return whose code runs."""
    return _find[0]()

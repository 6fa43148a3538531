"""`before_shutdown(reason)`: what an instance still does before it leaves memory (semantics 3.14).

    ready --idle, no room, or its seat is given up--> closing: the handler, the commits, the database

It runs while no event enters any more: those that come wait for the next instance, which is made
when what the handler wrote is durable. It has 10 seconds; what it raises is logged, and the shutdown
goes on. What ends otherwise has no time for it: a crash, a reset, an event that a drain cuts short.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sourdough.objects.ending import end_tasks
from sourdough.objects.event import Event, Unanswered, closed_from_outside, current_event
from sourdough.objects.failure import start_at_user
from sourdough.objects.handling import new_task
from sourdough.objects.standstill import place_of

if TYPE_CHECKING:
    from sourdough.objects.container import Container

log = logging.getLogger("sourdough.objects")

HANDLER = "before_shutdown"
SHUTDOWN_SECONDS = 10.0


class ShutdownReason(StrEnum):
    """Why an instance leaves memory, as `before_shutdown` is told."""

    INACTIVE = "inactive"
    """It was idle, others needed the room, or its host gives its seat up: the server stops."""
    CODE_UPDATED = "code_updated"
    """The next instance runs other code."""


class Shutdown:
    """The handler's run of one instance."""

    __slots__ = ("_event", "_over", "_reason", "container")

    def __init__(self, container: Container, reason: ShutdownReason, version: int) -> None:
        """version: of the table, for the calls that the handler makes."""
        self.container = container
        self._reason = reason
        self._event = Event(Unanswered(), 0, version, None, HANDLER)
        self._event.container = container
        self._over: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def cut_short(self, why: str = "was cut short by the end of the drain") -> None:
        """Wait no longer for it."""
        if not self._over.done():
            self._over.set_result(why)

    async def run(self) -> None:
        """Return when the handler has ended, or its time is over."""
        container, loop = self.container, asyncio.get_running_loop()
        self._event.started = loop.time()
        container.events[self._event] = None
        task = new_task(self._handle(), loop, container.label)
        if task.done():
            return
        container.events[self._event] = task
        limit = container.clock.call_later(
            SHUTDOWN_SECONDS, self.cut_short, f"took longer than {SHUTDOWN_SECONDS:g} s"
        )
        try:
            waited: list[asyncio.Future[Any]] = [task, self._over]
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        finally:
            limit.cancel()
        if not task.done():
            place = place_of(task) or "its first line"
            log.error("%s() of %s %s, at %s", HANDLER, container.label, self._over.result(), place)
            end_tasks(container, [task])
            await asyncio.wait({task})

    async def _handle(self) -> None:
        container = self.container
        current_event.set(self._event)
        container.mark()
        try:
            handler: Any = getattr(container.instance, HANDLER)
            result = handler(self._reason)
            if inspect.isawaitable(result):
                await result
        except asyncio.CancelledError:
            if not container.broken and not self._over.done():
                log.warning("%s() of %s was cancelled", HANDLER, container.label)
        except BaseException as error:  # sys.exit() in a handler must not end the host
            if closed_from_outside(self._event):  # it was cut off, which the log has told
                raise
            if not container.broken:
                start_at_user(error)
                log.exception("%s() of %s failed", HANDLER, container.label)
        finally:
            container.ended(self._event)

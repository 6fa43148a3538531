"""The end of an instance's tasks, which its code can neither catch nor outlive (semantics 3.11).

    cancelled in each turn of the loop --100 turns--> closed --caught as well--> given up

Code that catches the cancellation is cancelled at its next `await`, and so on. What has not ended
by then is cut off: its coroutine is closed, and where it catches that too, no task steps it any more
(Python closes it once more when it is collected, and says so on stderr). Whoever waits for the task
sees it cancelled either way. Nobody who lives waits for any of this.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from contextvars import Context
from typing import TYPE_CHECKING, Any

from sourdough.objects.event import Event, Unanswered, current_event
from sourdough.objects.standstill import place_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sourdough.objects.container import Container

log = logging.getLogger("sourdough.objects")

# Each level of code around an `await` takes a turn to be left, and sections nest 64 deep at most.
_MOST_TURNS = 100


def end_tasks(container: Container, tasks: Iterable[asyncio.Task[Any]]) -> None:
    """End the tasks of an instance; the running one, at its next `await`."""
    left = {task for task in tasks if not task.done()}
    if not left:
        return
    loop = asyncio.get_running_loop()
    current = asyncio.current_task()
    for task in left:
        if task is not current:
            task.cancel()
    loop.call_soon(_Ending(container, left, loop).go_on, context=Context())


class _Ending:
    """Ends some tasks of one instance."""

    __slots__ = ("_container", "_left", "_loop", "_turns")

    def __init__(
        self,
        container: Container,
        left: set[asyncio.Task[Any]],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._container = container
        self._left = left
        self._loop = loop
        self._turns = 0

    def go_on(self) -> None:
        """Cancel what has not ended, in this turn and the next ones."""
        self._left = {task for task in self._left if not task.done()}
        self._turns += 1
        if self._turns > _MOST_TURNS:
            for task in self._left:
                self._cut_off(task)
        elif self._left:
            for task in self._left:
                task.cancel()
            self._loop.call_soon(self.go_on)

    def _cut_off(self, task: asyncio.Task[Any]) -> None:
        label, place = self._container.label, place_of(task) or task.get_name()
        log.error("%s went on after its end, and was cut off at %s", label, place)
        # What its code still begins belongs to the dead instance, and is dead as well.
        event = Event(Unanswered(), 0, 0, None, "end")
        event.container = self._container
        context = Context()
        context.run(current_event.set, event)
        coroutine: Any = task.get_coro()
        with suppress(BaseException):  # whatever it says of its end, nobody asked
            context.run(coroutine.close)
        # As any future is, and not as a task: that would ask its coroutine once more.
        asyncio.Future.cancel(task)

"""What an object does beside its events: background work, tasks and timers of the user, holds.

Three kinds of things that keep an object in memory, by how much they weigh:

- *work of the runtime for the object* (the constructor, sections, `wait_until`): a drain waits
  for it;
- *the user's own tasks and timers*, which `Attribution` finds: the object stays (semantics 3.6,
  3.10b), but a drain does not wait, since many of them never end. They end with the instance;
- *holds*, for at most 15 minutes (`objects.hold`).
"""

from __future__ import annotations

import asyncio
import logging
from contextvars import Context
from types import CoroutineType
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

from sourdough.objects.ending import end_tasks
from sourdough.objects.hold import HOLD_SECONDS, Hold
from sourdough.objects.timer import OwnTimer

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from sourdough.objects.calls.session import Session
    from sourdough.objects.container import Container

log = logging.getLogger("sourdough.objects")

T = TypeVar("T")

# Cancelled timers say nothing; they are looked for when so many more were begun.
_TIMERS_BETWEEN_LOOKS = 64


class Work:
    """Everything of one container but its events."""

    __slots__ = (
        "_container",
        "_holds",
        "_look_at",
        "_loop",
        "_own",
        "_sessions",
        "_timers",
        "tasks",
    )

    def __init__(self, container: Container, loop: asyncio.AbstractEventLoop) -> None:
        self._container = container
        self._loop = loop
        self.tasks: set[asyncio.Task[Any]] = set()
        """What the runtime runs for the object."""
        # Most objects never have any of these; a set costs 200 bytes.
        self._own: set[asyncio.Task[Any]] | None = None
        self._timers: set[OwnTimer] | None = None
        self._look_at = _TIMERS_BETWEEN_LOOKS
        self._holds: set[Hold] | None = None
        self._sessions: WeakSet[Session] | None = None

    def now(self) -> float:
        return self._container.clock.monotonic()

    # --- for the runtime

    def background(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Run something that nobody awaits."""
        task = self.spawn(_contained(coroutine))
        if isinstance(coroutine, CoroutineType):
            # One that never had a step, because its object was reset, must not be taken for forgotten.
            task.add_done_callback(lambda _: coroutine.close())

    def begin(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Run something that has nothing to do with who happens to cause it."""
        task = asyncio.Task(_contained(coroutine), loop=self._loop, context=Context())
        task.add_done_callback(lambda _: coroutine.close())  # which may never have begun
        _ = self._follow(task)

    def spawn(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run something on behalf of the object, in the context of the caller."""
        # Not by the loop: its factory would count the task as the user's own as well.
        return self._follow(asyncio.Task(coroutine, loop=self._loop))

    def _follow(self, task: asyncio.Task[T]) -> asyncio.Task[T]:
        if self._container.broken:  # what its code still begins does not begin
            task.cancel()
        self.tasks.add(task)
        task.add_done_callback(self._task_ended)
        return task

    def _task_ended(self, task: asyncio.Task[Any]) -> None:
        self.tasks.discard(task)
        self._container.rests()
        if not task.cancelled() and task.exception() is not None:
            name = self._container.cls.name
            log.error("a background task of %s failed", name, exc_info=task.exception())

    # --- the user's own

    def adopt(self, task: asyncio.Task[Any]) -> None:
        """A task was begun by the object's code. One of a dead instance does not begin."""
        if self._container.broken:
            task.cancel()
        elif not task.done():
            if self._own is None:
                self._own = set()
            self._own.add(task)
            task.add_done_callback(self._own_ended)

    def _own_ended(self, task: asyncio.Task[Any]) -> None:
        assert self._own is not None
        self._own.discard(task)
        self._container.rests()

    def schedule(
        self,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        arm: Callable[[OwnTimer], asyncio.TimerHandle],
    ) -> asyncio.TimerHandle:
        """A timer was set by the object's code. `arm` sets it; one of a dead instance is no more."""
        timer = OwnTimer(self._container, callback, args)
        timer.handle = handle = arm(timer)
        if self._container.broken:
            handle.cancel()
            return handle
        if self._timers is None:
            self._timers = set()
        elif len(self._timers) >= self._look_at:
            self._drop_cancelled()
            self._look_at = 2 * len(self._timers) + _TIMERS_BETWEEN_LOOKS
        self._timers.add(timer)
        return handle

    def fired(self, timer: OwnTimer) -> None:
        """A timer has called back."""
        if self._timers is not None:
            self._timers.discard(timer)
        self._container.rests()

    def _drop_cancelled(self) -> None:
        timers = self._timers
        if timers is not None:
            timers.difference_update([each for each in timers if each.cancelled])

    @property
    def pending(self) -> bool:
        """Whether a task or a timer keeps the object in memory."""
        if self.tasks or self._own:
            return True
        if self._timers:
            self._drop_cancelled()
            if not self._timers:
                self._container.rests()
        return bool(self._timers)

    # --- holds

    def keep(self, reason: str) -> Hold:
        """Keep the object in memory for at most 15 minutes."""
        hold = Hold(self, reason, self.now() + HOLD_SECONDS)
        if self._holds is None:
            self._holds = set()
        self._holds.add(hold)
        return hold

    def released(self, hold: Hold) -> None:
        """A hold was let go."""
        if self._holds and hold in self._holds:
            self._holds.discard(hold)
            self._container.rests()

    @property
    def holds(self) -> frozenset[Hold]:
        """Who has not let go, also those whose time is over."""
        return frozenset(self._holds or ())

    def held(self) -> bool:
        """Whether a hold still counts."""
        now = self.now() if self._holds else 0.0
        return any(hold.until > now for hold in self._holds or ())

    # --- what is passed by reference

    def attach(self, session: Session) -> None:
        """A session begins, which ends with the instance; many end before."""
        if self._sessions is None:
            self._sessions = WeakSet()
        self._sessions.add(session)

    # --- the end

    def end(self, events: Iterable[asyncio.Task[Any]] = ()) -> None:
        """End everything. events: the tasks of events, which end with it."""
        end_tasks(self._container, [*events, *self.tasks, *(self._own or ())])
        for timer in self._timers or ():
            timer.cancel()
        self._timers = self._holds = None
        # A dead instance may still be referred to; what others have lent it goes back now.
        sessions, self._sessions = self._sessions, None
        for session in list(sessions or ()):
            session.orphan()


async def _contained(work: Coroutine[Any, Any, T]) -> T:
    """Keep sys.exit() in background work from ending the loop, and with it the host."""
    try:
        return await work
    except (SystemExit, KeyboardInterrupt) as error:
        raise RuntimeError(f"{type(error).__name__} in background work") from error

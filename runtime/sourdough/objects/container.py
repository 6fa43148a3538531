"""One object in memory: its instance, its gates, its events.

    absent -> starting -> ready -> closing -> (gone)
                  \\          \\
                   +----------+---> broken

starting: the constructor runs, events wait. closing: an idle object writes its last and closes
its database; new events wait for the next instance. broken: the instance is dead for ever, its
storage raises, its callers have the error; the next event makes a new one (semantics 3.3).
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import sys
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any

from sourdough.errors import DurableObjectError
from sourdough.http import Response
from sourdough.objects.event import Event, current_event
from sourdough.objects.failure import NoFetchError, WrongResultError
from sourdough.objects.gates import InputGate
from sourdough.objects.methods import find_method
from sourdough.values import decode, encode
from sourdough.wire.messages import Waiting

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from sourdough.objects.context import DurableObjectState
    from sourdough.objects.durable_object import DurableObject
    from sourdough.objects.registry import ObjectClass
    from sourdough.storage.database import Database

log = logging.getLogger("sourdough.objects")

if sys.version_info >= (3, 12):

    def _new_task(
        coroutine: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop
    ) -> asyncio.Task[None]:
        # Eager: what never suspends is over before this returns, without a turn of the loop.
        return asyncio.Task(coroutine, loop=loop, eager_start=True)

else:

    def _new_task(
        coroutine: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop
    ) -> asyncio.Task[None]:
        return asyncio.Task(coroutine, loop=loop)


RESET_TEXT = "Durable Object was reset"


class Phase(Enum):
    """Where in its life a container is."""

    ABSENT = "absent"
    STARTING = "starting"
    READY = "ready"
    CLOSING = "closing"
    BROKEN = "broken"


class Container:
    """One object in memory. All methods run on the host's loop."""

    __slots__ = (
        "_loop", "_on_ended", "_tasks", "cls", "database", "events", "gate",
        "idle_since", "instance", "key", "phase", "state", "waits_for",
    )  # fmt: skip

    def __init__(
        self,
        *,
        key: bytes,
        cls: ObjectClass,
        database: Database,
        state: DurableObjectState,
        loop: asyncio.AbstractEventLoop,
        queue_limit: int,
        on_ended: Callable[[Container, BaseException | None], None],
    ) -> None:
        self.key = key
        self.cls = cls
        self.database = database
        self.state = state
        self.gate: InputGate[Event] = InputGate(queue_limit)
        self.phase = Phase.ABSENT
        self.instance: DurableObject | None = None
        self.events: dict[Event, asyncio.Task[None]] = {}
        self.idle_since = 0.0
        # The closing of the previous instance: its database must be shut before ours opens.
        self.waits_for: asyncio.Future[None] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._loop = loop
        self._on_ended = on_ended

    @property
    def busy(self) -> bool:
        """Whether anything keeps this object in memory: events, queue, `wait_until` tasks."""
        return bool(self.events or len(self.gate) or self._tasks)

    # --- events

    def deliver(self, event: Event) -> None:
        """Take an event: run it now, or when the gate lets it in, or refuse it."""
        event.container = self
        if self.gate.full:
            event.reply.failed(overloaded_error())
            return
        if self.phase is Phase.READY:
            if self.gate.enter(event):
                self._start(event)
            return
        if self.phase is Phase.ABSENT:
            self.phase = Phase.STARTING
            self.gate.lock()
            self.background(self._construct())
        self.gate.enter(event)

    def _start(self, event: Event) -> None:
        coroutine = self._run(event)
        self.events[event] = _new_task(coroutine, self._loop)

    async def _run(self, event: Event) -> None:
        current_event.set(event)
        try:
            if event.request is not None:
                await self._fetch(event)
            else:
                await self._call(event)
        except asyncio.CancelledError:
            # A reset has told the caller already; any other cancellation is the handler's own.
            if self.phase is not Phase.BROKEN:
                event.reply.failed(DurableObjectError("the handler was cancelled", remote=True))
            raise
        except GeneratorExit:
            raise
        except BaseException as error:  # noqa: BLE001 (sys.exit() in a handler must not end the host)
            self._confirmed(partial(event.reply.failed, error), event)
        finally:
            self._ended(event)

    async def _fetch(self, event: Event) -> None:
        handler = getattr(self.instance, "fetch", None)
        if handler is None:
            raise NoFetchError(f"{self.cls.name} has no fetch() method")
        response = handler(event.request)
        if not isinstance(response, Response) and inspect.isawaitable(response):
            response = await response
        if not isinstance(response, Response):
            raise WrongResultError(
                f"{self.cls.name}.fetch() returned {type(response).__name__}, not a Response"
            )
        if response.complete:
            self._confirmed(partial(event.reply.respond, response), event)
        else:
            await event.reply.stream(response, self.confirmed)

    async def _call(self, event: Event) -> None:
        assert self.instance is not None
        method = find_method(self.instance, event.method)
        args, kwargs = decode(event.arguments)
        result = method(*args, **kwargs)
        if inspect.isawaitable(result):
            result = await result
        self._confirmed(partial(event.reply.returned, encode(result)), event)

    def _ended(self, event: Event) -> None:
        self.events.pop(event, None)
        if not self.events:
            self.idle_since = self._loop.time()

    def waiting(self, event: Event) -> Waiting:
        """Describe an event that a drain waits for: what runs, how long, and where it stands."""
        task = self.events.get(event)
        frames = task.get_stack(limit=1) if task is not None else []
        place = None
        if frames:
            file = frames[0].f_code.co_filename.rpartition("/")[2]
            place = f"{file}:{frames[0].f_lineno} in {frames[0].f_code.co_name}"
        seconds = self._loop.time() - event.started
        return Waiting(object=self.label, what=event.what, seconds=seconds, place=place)

    @property
    def label(self) -> str:
        """How people see this object: "Counter:a"."""
        name = self.state.id.name
        return f"{self.cls.name}:{str(self.state.id)[:12] if name is None else name}"

    # --- output gate

    def _confirmed(self, send: Callable[[], None], event: Event) -> None:
        """Send when the commits made so far are durable (invariant S1)."""
        try:
            commit = self.database.flush()
        except Exception as error:  # noqa: BLE001 (a failed commit replaces the answer)
            event.reply.failed(error)
            return
        if not commit:
            send()
            return

        def durable(error: BaseException | None) -> None:
            if error is None:
                send()
            else:
                event.reply.failed(reset_error(error))

        self.database.when_durable(commit, durable)

    def confirmed(self) -> Awaitable[None] | None:
        """Return None when everything so far is durable, else something to wait for."""
        commit = self.database.flush()
        if not commit:
            return None
        waiter = self._loop.create_future()

        def durable(error: BaseException | None) -> None:
            if waiter.done():
                return
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(reset_error(error))

        self.database.when_durable(commit, durable)
        return waiter

    # --- life

    async def _construct(self) -> None:
        try:
            if self.waits_for is not None:
                await self.waits_for
            self.instance = self.cls.type(self.state, self.cls.env)
            self.database.mark_constructed()
        except Exception as error:
            log.exception("the constructor of %s failed", self.cls.name)
            self.reset(error)
            return
        if self.phase is Phase.STARTING:
            self.phase = Phase.READY
            self.unlock()

    def unlock(self) -> None:
        """A critical section ended: let in what waited."""
        for event in self.gate.unlock():
            self._start(event)

    def background(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Run something that nobody awaits; it keeps the object in memory."""
        self._tasks.add(self.spawn(coroutine))

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run something on behalf of the object; it keeps the object in memory."""
        task: asyncio.Task[Any] = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._task_done)
        return task

    def _task_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        self.idle_since = self._loop.time()
        if not task.cancelled() and task.exception() is not None:
            log.error("a background task of %s failed", self.cls.name, exc_info=task.exception())

    def reset(self, error: BaseException) -> None:
        """The instance is dead: its storage closes, its callers get the error (semantics 3.3)."""
        if self.phase is Phase.BROKEN:
            return
        self.phase = Phase.BROKEN
        self.database.abandon()
        waiting = self.gate.drain()
        running = list(self.events.items())
        told = reset_error(error)
        for event in [*waiting, *[event for event, _ in running]]:
            event.reply.failed(told)
        current = asyncio.current_task() if running or self._tasks else None
        for task in [*[task for _, task in running], *self._tasks]:
            if task is not current:
                task.cancel()
        self._on_ended(self, error)

    async def close(self, *, fold: bool) -> None:
        """Write the last commits, make them durable and close the database."""
        self.phase = Phase.CLOSING
        try:
            await (self.database.close() if fold else self.database.release())
        finally:
            self.phase = Phase.BROKEN


def overloaded_error() -> DurableObjectError:
    """The error of a full queue (semantics section 2, overload texts)."""
    return DurableObjectError(
        "Durable Object is overloaded. Too many requests queued.", overloaded=True
    )


def reset_error(error: BaseException) -> DurableObjectError:
    """Wrap what ended an instance for its callers; the cause stays on it for the log."""
    if isinstance(error, DurableObjectError) and error.durable_object_reset:
        return error
    told = DurableObjectError(f"{RESET_TEXT}: {error}", remote=True, durable_object_reset=True)
    told.__cause__ = error
    return told

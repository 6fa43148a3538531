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
from contextvars import Context
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

from sourdough.clock import SYSTEM_CLOCK, Clock
from sourdough.errors import DurableObjectError, StorageError
from sourdough.http import Response
from sourdough.ids import ObjectId
from sourdough.objects.alarm import AlarmEvent, run_alarm
from sourdough.objects.event import Event, current_event
from sourdough.objects.failure import NoFetchError, WrongResultError
from sourdough.objects.gates import InputGate
from sourdough.objects.methods import encode_limited, find_method
from sourdough.objects.sections import SECTION_SECONDS, Sections
from sourdough.objects.standstill import place_of
from sourdough.observe.breadcrumb import breadcrumb_of
from sourdough.values import decode
from sourdough.wire.messages import Waiting

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from sourdough.objects.context import DurableObjectState
    from sourdough.objects.durable_object import DurableObject
    from sourdough.objects.registry import ObjectClass
    from sourdough.storage.database import Database

log = logging.getLogger("sourdough.objects")

T = TypeVar("T")

if sys.version_info >= (3, 12):

    def _new_task(
        coroutine: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop
    ) -> asyncio.Task[None]:
        # Eager: what never suspends is over before this returns, without a turn of the loop.
        return asyncio.Task(coroutine, loop=loop, context=Context(), eager_start=True)

else:

    def _new_task(
        coroutine: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop
    ) -> asyncio.Task[None]:
        return asyncio.Task(coroutine, loop=loop, context=Context())


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
        "_loop", "_on_ended", "_tasks", "breadcrumb", "clock", "cls", "database", "events", "gate",
        "idle_since", "instance", "key", "phase", "sections", "state", "waits_for",
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
        clock: Clock = SYSTEM_CLOCK,
        section_seconds: float = SECTION_SECONDS,
    ) -> None:
        self.key = key
        self.cls = cls
        self.database = database
        self.state = state
        self.breadcrumb = breadcrumb_of(self.label)
        self.gate: InputGate[Event] = InputGate(queue_limit)
        self.phase = Phase.ABSENT
        self.instance: DurableObject | None = None
        self.clock = clock
        self.sections = Sections(self, clock, section_seconds)
        database.admission = self.sections
        self.events: dict[Event, asyncio.Task[None] | None] = {}
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

    @property
    def broken(self) -> bool:
        """Whether the instance is dead."""
        return self.phase is Phase.BROKEN

    # --- events

    def deliver(self, event: Event) -> None:
        """Take an event: run it now, or when the gate lets it in, or refuse it."""
        event.container = self
        if self.phase is Phase.READY and self.gate.open:
            self._start(event)
            return
        if self.gate.full:
            event.reply.failed(overloaded_error())
            return
        if self.phase is Phase.ABSENT:
            self.phase = Phase.STARTING
            self.gate.lock()
            self.background(self._construct(event))
        self.gate.enter(event)

    def _start(self, event: Event) -> None:
        # Known before it runs: an eager task may be reset, or over, before this returns.
        self.events[event] = None
        task = _new_task(self._run(event), self._loop)
        if event in self.events:
            self.events[event] = task

    async def _run(self, event: Event) -> None:
        if not self.gate.open:
            # Of the events that entered in one turn, one before this began a critical section.
            self.events.pop(event, None)
            self.gate.postpone(event)
            return
        current_event.set(event)
        try:
            if event.request is not None:
                await self._fetch(event)
            elif isinstance(event, AlarmEvent):
                outcome = await run_alarm(self, event)
                self._confirmed(event.alarm_reply.ended, outcome, event)
            else:
                await self._call(event)
        except asyncio.CancelledError:
            # A reset has told the caller already; any other cancellation is the handler's own.
            if self.phase is not Phase.BROKEN:
                cancelled = DurableObjectError("the handler was cancelled", remote=True)
                self._confirmed(event.reply.failed, cancelled, event)
            raise
        except GeneratorExit:
            raise
        except BaseException as error:  # noqa: BLE001 (sys.exit() in a handler must not end the host)
            self._confirmed(event.reply.failed, error, event)
        finally:
            self._ended(event)

    async def _fetch(self, event: Event) -> None:
        handler = getattr(self.instance, "fetch", None)
        if handler is None:
            raise NoFetchError(f"{self.cls.name} has no fetch() method")
        response = handler(event.request)
        if inspect.isawaitable(response):
            response = await response
        if not isinstance(response, Response):
            raise WrongResultError(
                f"{self.cls.name}.fetch() returned {type(response).__name__}, not a Response"
            )
        if response.complete:
            self._confirmed(event.reply.respond, response, event)
        else:
            await event.reply.stream(response, self.confirmed)

    async def _call(self, event: Event) -> None:
        assert self.instance is not None
        method = find_method(self.instance, event.method)
        args, kwargs = decode(event.arguments)
        result = method(*args, **kwargs)
        if inspect.isawaitable(result):
            result = await result
        self._confirmed(event.reply.returned, encode_limited(result), event)

    def _ended(self, event: Event) -> None:
        self.events.pop(event, None)
        if not self.events:
            self.idle_since = self.clock.monotonic()

    def waiting(self, event: Event) -> Waiting:
        """Describe an event that a drain waits for: what runs, how long, and where it stands."""
        task = self.events.get(event)
        place = None if task is None else place_of(task)
        seconds = self._loop.time() - event.started
        return Waiting(object=self.label, what=event.what, seconds=seconds, place=place)

    def waiting_in_background(self) -> Waiting:
        """Describe work without an event that a drain waits for, of `wait_until` most of all."""
        place = next((place_of(task) for task in self._tasks), None)
        seconds = self.clock.monotonic() - self.idle_since
        return Waiting(object=self.label, what="background work", seconds=seconds, place=place)

    @property
    def label(self) -> str:
        """How people see this object: "Counter:a"."""
        name = self.state.id.name
        return f"{self.cls.name}:{str(self.state.id)[:12] if name is None else name}"

    # --- output gate

    def _confirmed(self, send: Callable[[T], None], what: T, event: Event) -> None:
        """Send when the commits made so far are durable (invariant S1)."""
        try:
            commit = self.database.flush()
        except Exception as error:  # noqa: BLE001 (a failed commit replaces the answer)
            event.reply.failed(reset_error(error))
            return
        if not commit:
            _send(send, what, event)
            return

        def durable(error: BaseException | None) -> None:
            if error is None:
                _send(send, what, event)
            else:
                told = reset_error(_of_storage(error))
                self.reset(told)
                event.reply.failed(told)

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

    async def _construct(self, event: Event) -> None:
        current_event.set(event)
        try:
            if self.waits_for is not None:
                # Not awaited itself: a reset of this object must not cancel it for others.
                await asyncio.wait([self.waits_for])
            self._read_name()
            self.instance = self.cls.type(self.state, self.cls.env)
            self.database.mark_constructed()
            self.database.alarm.has_handler = callable(getattr(self.instance, "alarm", None))
        except BaseException as error:  # sys.exit() in a constructor must not end the host
            if self.phase is not Phase.BROKEN:
                log.exception("the constructor of %s failed", self.cls.name)
                self.reset(error)
            return
        if self.phase is Phase.STARTING:
            self.phase = Phase.READY
            self._unlock()

    def _read_name(self) -> None:
        """An object that is called by its id alone knows its name from its file (1.13)."""
        if self.state.id.name is None and self.database.exists:
            self.state.id = ObjectId(self.state.id.raw, self.database.meta.name)

    def learn_name(self, name: str) -> None:
        """A caller knows the name of an object that was made without (semantics 1.12, 1.13)."""
        self.state.id = ObjectId(self.state.id.raw, name)
        self.database.learn_name(name)
        self.breadcrumb = breadcrumb_of(self.label)

    def lock(self, section: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run a critical section: no other event enters until it has ended."""
        self.gate.lock()
        task = self.spawn(section)
        # Whoever awaits the section goes on before the events that waited (semantics 4.3).
        task.add_done_callback(lambda _: self._loop.call_soon(self._unlock))
        return task

    def _unlock(self) -> None:
        """A critical section ended: let in what waited."""
        for event in self.gate.unlock():
            self._start(event)

    def background(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Run something that nobody awaits; it keeps the object in memory."""
        self._tasks.add(self.spawn(_contained(coroutine)))

    def spawn(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run something on behalf of the object; it keeps the object in memory."""
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._task_done)
        return task

    def _task_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        self.idle_since = self.clock.monotonic()
        if not task.cancelled() and task.exception() is not None:
            log.error("a background task of %s failed", self.cls.name, exc_info=task.exception())

    def reset(self, error: BaseException) -> None:
        """The instance is dead: its storage closes, its callers get the error (semantics 3.3)."""
        if self.phase is Phase.BROKEN:
            return
        self.phase = Phase.BROKEN
        told = reset_error(error)
        self.database.abandon(told)
        self.sections.give_up()
        running = list(self.events.items())
        for event in [*self.gate.drain(), *[event for event, _ in running]]:
            event.reply.failed(told)
        current = asyncio.current_task() if running or self._tasks else None
        for task in [*[task for _, task in running], *self._tasks]:
            if task is not None and task is not current:
                task.cancel()
        self._on_ended(self, error)

    def abandon_alarm(self) -> None:
        """If the alarm runs and is cut short, it is not to be repeated (semantics 6.12)."""
        for event in self.events:
            if isinstance(event, AlarmEvent):
                event.alarm_reply.abandoned = True

    async def close(self, *, fold: bool) -> None:
        """Write the last commits, make them durable and close the database."""
        self.phase = Phase.CLOSING
        try:
            await (self.database.close() if fold else self.database.release())
        finally:
            self.phase = Phase.BROKEN


def _send(send: Callable[[T], None], what: T, event: Event) -> None:
    """Send an answer. What cannot be sent is an answer too: nobody else's may suffer from it."""
    try:
        send(what)
    except Exception as error:  # noqa: BLE001 (told to the caller)
        event.reply.failed(error)


async def _contained(work: Coroutine[Any, Any, T]) -> T:
    """Keep sys.exit() in background work from ending the loop, and with it the host."""
    try:
        return await work
    except (SystemExit, KeyboardInterrupt) as error:
        raise RuntimeError(f"{type(error).__name__} in background work") from error


def _of_storage(error: BaseException) -> BaseException:
    """Name the storage as the cause of a failed sync: an alarm is not blamed for it (6.8)."""
    if isinstance(error, OSError):
        return StorageError(f"the disk failed: {error.strerror}")
    return error


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

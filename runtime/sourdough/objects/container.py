"""One object in memory: its instance, its gates, its events.

    absent -> starting -> ready -> closing -> (gone)
                  \\          \\
                   +----------+---> broken

starting: the constructor runs, events wait. closing: an idle object
runs its last code, writes its last and closes its database; new events wait for the next instance.
broken: the instance is dead for ever, its storage raises, its callers have the error; the next event
makes a new one (semantics 3.3).
"""

from __future__ import annotations

import asyncio
import logging
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

from sourdough.clock import SYSTEM_CLOCK, Clock
from sourdough.ids import ObjectId
from sourdough.objects import output_gate
from sourdough.objects.alarm import AlarmEvent
from sourdough.objects.application import Application
from sourdough.objects.event import Event, current_event
from sourdough.objects.facets.family import Family
from sourdough.objects.facets.key import root_key
from sourdough.objects.gates import InputGate
from sourdough.objects.handling import handle, new_task
from sourdough.objects.output_gate import tell_reset
from sourdough.objects.refusal import (
    TOO_LONG,
    gone_error,
    is_own_failure,
    overloaded_error,
    reset_error,
)
from sourdough.objects.sections import SECTION_SECONDS, Sections
from sourdough.objects.standstill import place_of
from sourdough.objects.web_sockets.delivery import SocketDelivery
from sourdough.objects.web_sockets.instance_sockets import InstanceSockets
from sourdough.objects.work import Work
from sourdough.observe.breadcrumb import Breadcrumb, breadcrumb_of
from sourdough.storage.failure import closed
from sourdough.wire.messages import Waiting

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping

    from sourdough.objects.backlog import Backlog
    from sourdough.objects.context import DurableObjectState
    from sourdough.objects.durable_object import DurableObject
    from sourdough.objects.facets.nursery import Nursery
    from sourdough.objects.hold import Hold
    from sourdough.objects.registry import ObjectClass
    from sourdough.objects.shutdown import Shutdown
    from sourdough.objects.web_sockets.store import SocketStore
    from sourdough.storage.database import Database

log = logging.getLogger("sourdough.objects")

T = TypeVar("T")

_NOWHERE = Breadcrumb(None)


class Phase(Enum):
    """Where in its life a container is."""

    ABSENT = "absent"
    STARTING = "starting"
    READY = "ready"
    CLOSING = "closing"
    BROKEN = "broken"


# Looked up as a global: as an attribute of its class it would cost more than the rest of the test.
_READY = Phase.READY


class Rest(Enum):
    """What would be lost if the object left memory now."""

    NONE = "none"
    """Something runs, waits or holds on: it stays."""
    HIBERNATABLE = "hibernatable"
    """Nothing (semantics 3.6)."""
    IDLE = "idle"
    """What holds on has done so for too long (semantics 3.7)."""


class Container:
    """One object in memory. All methods run on the host's loop."""

    __slots__ = (
        "_family", "_loop", "_nursery", "_on_ended", "_sockets", "_trail", "application", "breadcrumb", "clock", "cls", "database", "events", "gate",
        "idle_since", "instance", "key", "label", "phase", "sections", "socket_store", "state", "waits_for", "work",
    )  # fmt: skip

    def __init__(
        self,
        *,
        key: bytes,
        cls: ObjectClass,
        database: Database,
        state: DurableObjectState,
        loop: asyncio.AbstractEventLoop,
        backlog: Backlog,
        socket_store: SocketStore,
        on_ended: Callable[[Container, BaseException | None], None],
        trail: Breadcrumb = _NOWHERE,
        clock: Clock = SYSTEM_CLOCK,
        section_seconds: float = SECTION_SECONDS,
        nursery: Nursery | None = None,
    ) -> None:
        self.key = key
        self.cls = cls
        self.database = database
        self.state = state
        self.label = _label(cls, state.id)
        """How people see this object: "Counter:a"."""
        self.breadcrumb = breadcrumb_of(root_key(key), self.label)
        """Should this end its host, it is written there; of a facet, its object is to blame."""
        self._trail = trail
        self.gate: InputGate[Event] = InputGate(backlog)
        self.phase = Phase.ABSENT
        self.instance: DurableObject | None = None
        self.application: Application | None = None
        self.clock = clock
        self.sections = Sections(self, clock, section_seconds)
        database.admission = self.sections
        self.events: dict[Event, asyncio.Task[None] | None] = {}
        self.work = Work(self, loop)
        self.idle_since = 0.0
        # The closing of the previous instance: its database must be shut before ours opens.
        self.waits_for: asyncio.Future[None] | None = None
        self.socket_store = socket_store
        """The WebSockets of all objects of the host."""
        self._sockets: InstanceSockets | None = None
        self._family: Family | None = None
        self._nursery = nursery
        self._loop = loop
        self._on_ended = on_ended

    @property
    def busy(self) -> bool:
        """Whether a drain waits for this object: events, queue, `wait_until`."""
        if self.events or len(self.gate) or self.work.tasks:
            return True
        return self._family is not None and self._family.busy

    @property
    def rest(self) -> Rest:
        """Whether this object may leave memory when it has been idle for long enough."""
        if self.busy or self.instance is None or self.work.pending or self.work.held():
            return Rest.NONE
        rests = [each.rest for each in self.running_facets.values()] if self._family else []
        if Rest.NONE in rests:
            return Rest.NONE
        return Rest.IDLE if self.work.holds or Rest.IDLE in rests else Rest.HIBERNATABLE

    @property
    def broken(self) -> bool:
        """Whether the instance is dead."""
        return self.phase is Phase.BROKEN

    @property
    def sockets(self) -> InstanceSockets:
        """The WebSockets of this instance. Raises StorageClosedError where it has ended."""
        if self._sockets is None:
            if self.phase is Phase.BROKEN:
                raise closed()
            self._sockets = InstanceSockets(self, self.socket_store)
        return self._sockets

    @property
    def depth(self) -> int:
        """How many containers are inside each other here: 1, and more for a facet."""
        return 1

    @property
    def family(self) -> Family:
        """Its facets. Raises StorageClosedError where the instance has ended."""
        if self._family is None:
            if self.phase is Phase.BROKEN or self._nursery is None:
                raise closed()
            self._family = Family(self, self._nursery)
        return self._family

    @property
    def running_facets(self) -> Mapping[str, Container]:
        """Those of its facets that are in memory, by name."""
        return {} if self._family is None else self._family.running

    def rests(self) -> None:
        """Something that kept the object in memory has ended: the idle time begins anew (3.8)."""
        self.idle_since = self.clock.monotonic()

    def keep(self, reason: str) -> Hold:
        """Keep the object in memory, idle as it may be, for at most 15 minutes (`objects.hold`)."""
        return self.work.keep(reason)

    # --- events

    def deliver(self, event: Event) -> None:
        """Take an event: run it now, or when the gate lets it in, or refuse it."""
        event.container = self
        if self.phase is _READY and self.gate.open:
            self._start(event)
            return
        if self.broken:
            event.reply.failed(gone_error())
            return
        size = event.size
        # Of a socket there is one event at most, and gateways bound their bytes (W5).
        refusal = None if isinstance(event, SocketDelivery) else self.gate.refuses(size)
        if refusal is not None:
            event.reply.failed(overloaded_error(refusal))
            return
        if self.phase is Phase.ABSENT:
            self.phase = Phase.STARTING
            self.gate.lock()
            self.work.begin(self._construct(event))
        self.gate.enter(event, size, self.clock.monotonic())

    def refuse_overdue(self, seconds: float) -> None:
        """Refuse the events that have waited at the gate for so long."""
        for event in self.gate.overdue(self.clock.monotonic() - seconds):
            event.reply.failed(overloaded_error(TOO_LONG))

    def _start(self, event: Event) -> None:
        # Known before it runs: an eager task may be reset, or over, before this returns.
        self.events[event] = None
        task = new_task(handle(self, event), self._loop, self.label)
        if event in self.events:
            self.events[event] = task

    def mark(self) -> None:
        """Code of the object is about to run: should the host end, this is who it was."""
        self._trail.begin(self.key, self.breadcrumb)

    def put_back(self, event: Event) -> None:
        """An event that has entered may not begin after all; it stays ahead of those that wait."""
        self.events.pop(event, None)
        self.gate.postpone(event)

    def ended(self, event: Event) -> None:
        """The handler of an event has ended."""
        self.events.pop(event, None)
        if not self.events:
            self.idle_since = self.clock.monotonic()
            self._trail.end(self.key)

    def failed(self, event: Event) -> None:
        """The handler of an event has raised: no response with a socket will leave."""
        if self._sockets is not None and self.phase is _READY:
            self._sockets.forsake(event)

    def waiting(self, event: Event) -> Waiting:
        """Describe an event that a drain waits for: what runs, how long, and where it stands."""
        task = self.events.get(event)
        place = None if task is None else place_of(task)
        seconds = self._loop.time() - event.started
        return Waiting(object=self.label, what=event.what, seconds=seconds, place=place)

    def waiting_in_background(self) -> Waiting:
        """Describe work without an event that a drain waits for, of `wait_until` most of all."""
        place = next((place_of(task) for task in self.work.tasks), None)
        seconds = self.clock.monotonic() - self.idle_since
        return Waiting(object=self.label, what="background work", seconds=seconds, place=place)

    def confirmed(self) -> Awaitable[None] | None:
        """Return None when everything so far is durable, else something to wait for."""
        return output_gate.confirmed(self.database, self._loop)

    # --- life

    async def _construct(self, event: Event) -> None:
        current_event.set(event)
        try:
            if self.waits_for is not None:
                # Not awaited itself: a reset of this object must not cancel it for others.
                await asyncio.wait([self.waits_for])
            self._read_name()
            self.mark()
            self.instance = self.cls.type(self.state, self.cls.env)
            if self.broken:  # by an abort() that it caught
                return
            self.application = Application.of(self.instance, self.state, self.cls.env)
            if self.application is not None:
                # Behind the sections that the constructor has begun, and like them: no event enters.
                _ = self.sections.begin(self.application.startup)
            self.database.mark_constructed()
            self.database.alarm.has_handler = callable(getattr(self.instance, "alarm", None))
            if self.socket_store.in_doubt(self.key):
                self.sockets.report()
        except BaseException as error:  # sys.exit() in a constructor must not end the host
            if self.phase is not Phase.BROKEN:
                log.exception("the constructor of %s failed", self.cls.name)
                told = reset_error(error)
                told.logged = True
                self.reset(told)
            return
        if self.phase is Phase.STARTING:
            self.phase = Phase.READY
            self._unlock()

    def _read_name(self) -> None:
        """An object that is called by its id alone knows its name from its file (1.13)."""
        if self.state.id.name is None and self.database.exists:
            self.state.id = ObjectId(self.state.id.raw, self.database.meta.name)
            self.label = _label(self.cls, self.state.id)

    def learn_name(self, name: str) -> None:
        """A caller knows the name of an object that was made without (semantics 1.12, 1.13)."""
        self.state.id = ObjectId(self.state.id.raw, name)
        self.database.learn_name(name)
        self.label = _label(self.cls, self.state.id)
        self.breadcrumb = breadcrumb_of(self.key, self.label)

    def lock(self, section: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run a critical section: no other event enters until it has ended."""
        self.gate.lock()
        task = self.work.spawn(section)
        # Whoever awaits the section goes on before the events that waited (semantics 4.3).
        task.add_done_callback(lambda _: self._loop.call_soon(self._unlock))
        return task

    def _unlock(self) -> None:
        """A critical section ended: let in what waited."""
        for event in self.gate.unlock():
            self._start(event)

    def reset(self, error: BaseException) -> None:
        """The instance is dead: its storage closes, its callers get the error (semantics 3.3)."""
        if self.phase is Phase.BROKEN:
            return
        self.phase = Phase.BROKEN
        self._trail.end(self.key)
        told = reset_error(error)
        running = list(self.events.items())
        tell_reset(self.database, told, [*self.gate.drain(), *[event for event, _ in running]])
        self.database.abandon(told)
        if self._family is not None:
            self._family.end(told)
        self.sections.give_up()
        self.work.end(task for _, task in running if task is not None)
        if self.application is not None:
            self.application.end()
        self._end_sockets(told)
        self._on_ended(self, error)

    def _end_sockets(self, told: BaseException) -> None:
        """The sockets of an instance that was reset (semantics 7.17)."""
        if self._sockets is not None:
            self._sockets.broken(told)
        if self.cls.sockets_on_reset != "keep" and is_own_failure(told):
            self.socket_store.close_all(self.key)

    def abandon_alarm(self) -> None:
        """If the alarm runs and is cut short, it is not to be repeated (semantics 6.12)."""
        for event in self.events:
            if isinstance(event, AlarmEvent):
                event.alarm_reply.abandoned = True

    async def close(self, *, fold: bool, shutdown: Shutdown | None = None) -> None:
        """Run the last code, write the last commits, make them durable and close the database."""
        self.phase = Phase.CLOSING
        self.gate.lock()  # what is only of this instance, as listeners are, ends with it
        try:
            await self._run_last(shutdown)
            if self._family is not None and not self.broken:
                await self._family.close(fold=fold)
            if not self.broken:
                await (self.database.close() if fold else self.database.release())
        except BaseException as error:
            if self._sockets is not None and not self.broken:
                self._sockets.broken(error)
            raise
        else:
            if self._sockets is not None and not self.broken:
                self._sockets.closed()
        finally:
            self.phase = Phase.BROKEN
            self.work.end()
            for event in self.gate.drain():
                event.reply.failed(gone_error())

    async def _run_last(self, shutdown: Shutdown | None) -> None:
        """Run `before_shutdown` and the shutdown of an app; either may reset the instance."""
        if shutdown is not None:
            await shutdown.run()
        if self.application is not None and not self.broken:
            await self.application.shutdown()


def _label(cls: ObjectClass, object_id: ObjectId) -> str:
    name = object_id.name
    return f"{cls.name}:{str(object_id)[:12] if name is None else name}"

"""All objects that live in this host, by key (storage name + id)."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from sourdough.clock import SYSTEM_CLOCK
from sourdough.errors import DurableObjectError
from sourdough.ids import ID_BYTES, ObjectId
from sourdough.objects.backlog import Backlog, QueueLimits
from sourdough.objects.container import Container, Phase
from sourdough.objects.context import DurableObjectState
from sourdough.objects.eviction import Eviction, Residency
from sourdough.objects.facets.container import FacetContainer
from sourdough.objects.facets.nursery import Nursery
from sourdough.objects.held_back import HeldBack
from sourdough.objects.quarantine import Quarantine
from sourdough.objects.refusal import overloaded_error, released_error
from sourdough.objects.sections import SECTION_SECONDS
from sourdough.objects.shutdown import HANDLER, Shutdown, ShutdownReason
from sourdough.objects.web_sockets.store import NoGateways, SocketStore
from sourdough.observe.breadcrumb import Breadcrumb
from sourdough.storage.database import Database
from sourdough.storage.engine import Durability
from sourdough.storage.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Container as Contained

    from sourdough.clock import Clock
    from sourdough.objects.calls.stub import Caller
    from sourdough.objects.durable_object import DurableObject
    from sourdough.objects.event import Event

log = logging.getLogger("sourdough.objects")

# Databases that are closed at the same time in a hand-over; more only fill the executor's queue.
_CLOSE_AT_ONCE = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectClass:
    """A class of the user, as bound in the configuration."""

    name: str
    storage_name: str
    type: type[DurableObject]
    env: Any
    durability: str
    """"disk", "os" or "memory": how far a commit must get before an answer leaves."""
    sockets_on_reset: str = "close"
    """"close" or "keep": what becomes of the sockets of an object that fails (semantics 7.17)."""

    @property
    def has_last_words(self) -> bool:
        """Whether its instances do something before they leave memory (semantics 3.14)."""
        return hasattr(self.type, HANDLER)


OpenDatabase = Callable[[ObjectClass, ObjectId, Callable[[BaseException], None]], Database]
"""(class, id, on_broken) -> the database of that object, not opened yet."""


class Registry:
    """The live objects of a host."""

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        classes: Iterable[ObjectClass],
        open_database: OpenDatabase,
        queue: QueueLimits,
        residency: Residency,
        sockets: SocketStore | None = None,
        breadcrumb: Breadcrumb | None = None,
        section_seconds: float = SECTION_SECONDS,
        clock: Clock = SYSTEM_CLOCK,
        caller: Caller | None = None,
    ) -> None:
        """Prepare for no object yet. caller: what their facets are called through."""
        self._loop = loop
        self._clock = clock
        self.quarantine = Quarantine(clock)
        self._classes = {each.storage_name.encode(): each for each in classes}
        self._open_database = open_database
        self._backlog = Backlog(queue)
        self.sockets = SocketStore(NoGateways(), clock) if sockets is None else sockets
        self.sockets.deliver = self.deliver
        self._open_limit = residency.open_limit
        self._eviction = Eviction(residency, clock)
        self.evicted = 0
        """How many objects have left memory so far, and have closed their databases."""
        self._build = partial(
            Container,
            loop=loop,
            backlog=self._backlog,
            socket_store=self.sockets,
            trail=breadcrumb or Breadcrumb(None),
            clock=clock,
            section_seconds=section_seconds,
        )
        self._facets = Nursery(
            caller=caller,
            build=partial(FacetContainer, **self._build.keywords),
            make_room=self._make_room,
            room_made=self._room_made,
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing: dict[bytes, asyncio.Future[None]] = {}
        self._shutdowns: set[Shutdown] = set()
        """Of those that are closing, what their own code still does."""
        self._without_room: deque[asyncio.Future[None]] = deque()
        self._containers: dict[bytes, Container] = {}
        self._for_disk = HeldBack(self._backlog, self._admit, self._waits_for_disk)
        self._for_sockets = HeldBack(self._backlog, self._past_sockets)
        self._held_back = False

    def __len__(self) -> int:
        return len(self._containers)

    def __iter__(self) -> Iterator[Container]:
        """Iterate over all objects, and over all facets in them."""
        return chain(self._containers.values(), self._facets)

    @property
    def events(self) -> int:
        """How many events run or wait in all objects."""
        inside = sum(len(each.events) + len(each.gate) for each in self)
        return inside + len(self._for_disk) + len(self._for_sockets)

    def running(self) -> Iterator[Event]:
        """Return the events that run, also those of objects that leave memory."""
        closing = (each.container for each in self._shutdowns)
        for container in (*self, *closing):
            yield from container.events

    def works(self, overdue: Contained[Event]) -> bool:
        """Whether a drain waits for anything here; not for events that are `overdue`."""
        return bool(self._for_disk or self._for_sockets or self._shutdowns) or any(
            len(each.gate) or each.work.tasks or any(event not in overdue for event in each.events)
            for each in self
        )

    def get(self, key: bytes) -> Container | None:
        """Return the live container of a key, without making one."""
        return self._containers.get(key)

    def closing(self, key: bytes) -> asyncio.Future[None] | None:
        """Return what is done when an evicted object has closed its database."""
        return self._closing.get(key)

    def knows(self, key: bytes) -> bool:
        """Whether there is an object under a key, live or in its file."""
        return key in self._containers or self._unopened(key).path.exists()

    def class_of(self, storage_name: str) -> ObjectClass | None:
        """Return the class whose objects are kept under a storage name."""
        return self._classes.get(storage_name.encode())

    def deliver(self, key: bytes, name: bytes | None, event: Event) -> None:
        """Hand an event to its object, which is made when it does not live yet.

        name: in UTF-8, where the caller knows it; decoded only for a new container.
        """
        if self.quarantine and self.quarantine.refuses(key, event):
            return
        if self._held_back and self._for_sockets.takes(key, name, event):
            return
        if self._held_back and self._for_disk.takes(key, name, event):
            return
        self._admit(key, name, event)

    def _past_sockets(self, key: bytes, name: bytes | None, event: Event) -> None:
        if not self._for_disk.takes(key, name, event):
            self._admit(key, name, event)

    def _admit(self, key: bytes, name: bytes | None, event: Event) -> None:
        container = self._containers.get(key)
        if container is None:
            try:
                container = self._create(key, name)
            except DurableObjectError as error:
                event.reply.failed(error)
                return
        elif name is not None and container.state.id.name is None:
            container.learn_name(name.decode("utf-8", "replace"))
        container.deliver(event)

    def _create(self, key: bytes, name: bytes | None) -> Container:
        """Make an object. Raises DurableObjectError where that cannot be."""
        cls = self._classes.get(key[:-ID_BYTES])
        if cls is None:
            raise DurableObjectError("no class is bound under this storage name")
        room = None if key in self._closing else self._make_room()
        known = None if name is None else name.decode("utf-8", "replace")
        object_id = ObjectId(key[-ID_BYTES:], known)
        container: Container

        def broken(error: BaseException) -> None:
            container.reset(error)

        database = self._open_database(cls, object_id, broken)
        state = DurableObjectState(object_id, Storage(database))
        container = self._build(
            key=key,
            cls=cls,
            database=database,
            state=state,
            on_ended=self._forget,
            nursery=self._facets,
        )
        state.attach(container)
        container.waits_for = self._closing.get(key, room)
        self._containers[key] = container
        return container

    def _forget(self, container: Container, error: BaseException | None) -> None:
        if self._containers.get(container.key) is container:
            del self._containers[container.key]
            self._room_made()

    # --- what holds events back in front of all objects

    def congestion(self, congested: bool) -> None:
        """Hold new events back while the disk cannot keep up (invariant S13).

        Those that run go on, so what waits here waits for the disk alone, and in order; how many
        may wait is bounded by what may be in flight in a host.
        """
        self._hold_back(self._for_disk, congested)

    def await_sockets(self, waiting: bool) -> None:
        """Hold new events back while it is not known which WebSockets objects have (W4)."""
        self._hold_back(self._for_sockets, waiting)

    def _hold_back(self, barrier: HeldBack, shut: bool) -> None:
        self._held_back = True
        barrier.shut(shut=shut)
        self._held_back = self._for_disk.active or self._for_sockets.active

    def _waits_for_disk(self, key: bytes) -> bool:
        cls = self._classes.get(key[:-ID_BYTES])
        return cls is not None and cls.durability == Durability.DISK

    # --- eviction

    def _make_room(self) -> asyncio.Future[None] | None:
        """See to it that there is room for one more; return what has to be waited for, if anything.

        The limits hold here and not only at the next sweep: in a second, clients that name new
        objects would use up the descriptors (invariant P10). Raises DurableObjectError when
        everything is busy.
        """
        for container in self._eviction.for_room(self._containers.values(), len(self._facets)):
            self._evict(container)
        closing = len(self._closing)
        live = len(self._containers) + len(self._facets)
        if self._open_limit is None or live + closing < self._open_limit:
            return None
        if len(self._without_room) >= closing:
            raise overloaded_error()
        room = self._loop.create_future()
        self._without_room.append(room)
        return room

    def _closed(self, key: bytes) -> None:
        """What stood in the way of a key's next instance is gone."""
        self._closing.pop(key).set_result(None)
        if key not in self._containers:  # else the next instance takes the place
            self._room_made()

    def _room_made(self) -> None:
        """A database was closed: one of those who wait may open theirs."""
        while self._without_room:
            room = self._without_room.popleft()
            if not room.done():
                room.set_result(None)
                return

    def sweep(self, memory: int = 0) -> None:
        """Close what has been idle for long enough, refuse what has waited for too long.

        memory: the resident bytes of the process; above its limit idle objects leave.
        """
        for container in self._eviction.due(self._containers.values(), len(self._facets), memory):
            self._evict(container)
        for container in list(self):
            if len(container.gate):
                container.refuse_overdue(self._backlog.limits.seconds)

    def _evict(self, container: Container) -> None:
        shutdown = None
        if container.cls.has_last_words:
            shutdown = Shutdown(container, ShutdownReason.INACTIVE, self.sockets.version())
        self._begin_closing(container, shutdown, fold=True)

    def _begin_closing(
        self, container: Container, shutdown: Shutdown | None, *, fold: bool
    ) -> None:
        """Let an object leave memory; the next instance waits for that."""
        key = container.key
        del self._containers[key]
        self._closing[key] = self._loop.create_future()
        if shutdown is not None:
            self._shutdowns.add(shutdown)
        task = self._loop.create_task(self._close(container, shutdown, fold=fold))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _close(self, container: Container, shutdown: Shutdown | None, *, fold: bool) -> None:
        try:
            await container.close(fold=fold, shutdown=shutdown)
        except Exception:
            log.exception("closing %s failed", container.cls.name)
        finally:
            if shutdown is not None:
                self._shutdowns.discard(shutdown)
            self.evicted += fold  # nothing is folded at a hand-over
            self._closed(container.key)

    # --- alarms

    async def give_up_alarm(self, key: bytes, due: int) -> None:
        """Remove an alarm that failed too often, without making an instance (semantics 6.7)."""
        while key not in self._containers and (closing := self._closing.get(key)) is not None:
            await asyncio.wait([closing])
        container = self._containers.get(key)
        if container is not None:
            container.database.alarm.clear(due)
            await container.database.sync()
            return
        # Whoever wants the object meanwhile waits for us as for an instance that is closing.
        self._closing[key] = self._loop.create_future()
        database = self._unopened(key)
        try:
            database.alarm.clear(due)
            await database.close()
        finally:
            database.abandon()
            self._closed(key)

    def _unopened(self, key: bytes) -> Database:
        cls = self._classes[key[:-ID_BYTES]]
        return self._open_database(cls, ObjectId(key[-ID_BYTES:]), lambda _: None)

    # --- hand-over

    def shut_down(self, reason: ShutdownReason, version: int) -> int:
        """Begin to close the objects that do something before and have nothing else to do; return
        how many. version: of the calls that they make.
        """
        leaving = [
            each
            for each in self._containers.values()
            if each.cls.has_last_words and each.phase is Phase.READY and not each.busy
        ]
        for container in leaving:
            self._begin_closing(container, Shutdown(container, reason, version), fold=False)
        return len(leaving)

    async def release_all(self) -> int:
        """Close every database and mark every instance dead (invariant P2); return how many."""
        self._for_sockets.refuse_all(released_error())
        self._for_disk.refuse_all(released_error())
        for shutdown in self._shutdowns:
            shutdown.cut_short()
        containers = list(self._containers.values())
        self._containers.clear()
        limit = asyncio.Semaphore(_CLOSE_AT_ONCE)

        async def release(container: Container) -> None:
            async with limit:
                if container.phase is Phase.BROKEN:
                    return
                if container.busy:
                    container.reset(released_error())
                    return
                await container.close(fold=False)

        results = await asyncio.gather(
            *(release(each) for each in containers), *self._closing.values(), return_exceptions=True
        )
        for result in results:
            if isinstance(result, Exception):
                log.error("an object could not be released", exc_info=result)
        return len(containers)

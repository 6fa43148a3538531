"""A host put together: its objects, its links, its conversation with the coordinator.

The same object runs in a process of its own (`host.__main__`) and, with `hostCount = 0`, inside
the coordinator's; only channel, connect and listen differ.
"""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sourdough.config.model import ClassRef, Config
from sourdough.errors import StorageError, StorageFullError
from sourdough.host.alarms import Alarms
from sourdough.host.beginning import begin
from sourdough.host.engines import Engines, is_journaled
from sourdough.host.entrypoint import Entrypoint
from sourdough.host.errands import Errands
from sourdough.host.host import Host
from sourdough.host.memory import Memory
from sourdough.host.questions import Questions
from sourdough.host.room import open_limit, queue_limits, residency
from sourdough.host.scheduled import Scheduled
from sourdough.host.sockets import HostSockets
from sourdough.host.sql_limits import sql_limits
from sourdough.ids import IdFactory, ObjectId
from sourdough.movable import ShiftedClock
from sourdough.objects.attribution import Attribution
from sourdough.objects.calls.namespace import DurableObjectNamespace, Env
from sourdough.objects.registry import ObjectClass, Registry
from sourdough.objects.shutdown import ShutdownReason
from sourdough.outgoing import pool
from sourdough.storage.database import Database
from sourdough.storage.engine import Durability
from sourdough.storage.failure import is_full
from sourdough.storage.layout import object_path
from sourdough.storage.meta import ObjectMeta
from sourdough.transport.link import Hello, Link
from sourdough.transport.peers import Connect, Peers
from sourdough.wire.messages import (
    AlarmsKept,
    Ask,
    Assign,
    Assigned,
    ClockMoved,
    Drain,
    EndStreams,
    Errand,
    Exit,
    Gateways,
    Heartbeat,
    HostGone,
    Known,
    Message,
    MoveClock,
    Quarantine,
    Release,
    Released,
    RunAlarm,
    RunScheduled,
    Setup,
    SyncFailed,
    Table,
)  # fmt: skip

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.clock import Clock
    from sourdough.host.loading import Loaded
    from sourdough.objects.calls.stub import Caller
    from sourdough.observe.breadcrumb import Breadcrumb
    from sourdough.transport.channel import Channel

log = logging.getLogger("sourdough.host")

# After the seat is given away, peers that do not yet know may still send something, which must be
# refused, not lost: a host waits so long for them to close their links.
_LINGER_SECONDS = 2.0


class HostRuntime:
    """One host and its conversation with the coordinator."""

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        setup: Setup,
        config: Config,
        loaded: Loaded,
        clock: Clock,
        channel: Channel,
        connect: Connect,
        breadcrumb: Breadcrumb,
        on_exit: Callable[[int], None],
        pid: int,
        descriptors: int | None = None,
    ) -> None:
        """Put the parts together. descriptors: the share of a host that has no process of its own."""
        self._loop = loop
        self._setup = setup
        self._config = config
        self._clock = clock
        self._channel = channel
        self._on_exit = on_exit
        self._pid = pid
        self._storage = Path(setup.storage)
        self._known: list[tuple[str, bytes, str | None, float]] = []
        self._expected = loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._attribution: Attribution | None = None
        self._memory = Memory(config.limits.host_memory_bytes)
        self._work: set[asyncio.Task[None]] = set()
        self._hello = Hello(role="host", serial=setup.serial)
        self.on_tick: Callable[[], None] = lambda: None
        self.host = Host(loop=loop, config=config, debug=setup.mode == "dev", breadcrumb=breadcrumb)
        self._alarms = Alarms(host=self.host, channel=channel)
        self._peers = Peers(
            loop=loop,
            hello=self._hello,
            clock=clock,
            connect=connect,
            parked_limit=config.limits.parked_requests,
            park_seconds=config.limits.park_timeout,
            local=self.host.became_local,
        )
        self.caller = self.host.calls(self._peers)
        env = self._environment(self.caller)
        sockets = HostSockets(
            clock=clock,
            version=lambda: self._peers.table.version,
            hold_back=self.host.await_sockets,
        )
        registry = Registry(
            sockets=sockets.store,
            loop=loop,
            classes=self._classes(loaded, env),
            open_database=self._open_database,
            queue=queue_limits(config.limits),
            residency=residency(config.limits, descriptors, dozing=is_journaled(self._storage)),
            clock=clock,
            breadcrumb=breadcrumb,
            caller=self.caller,
        )
        entrypoint = None
        if loaded.entrypoint is not None:
            entrypoint = Entrypoint(loaded.entrypoint, env, loop)
        self._engines = Engines(
            loop=loop,
            storage=self._storage,
            limits=sql_limits(config.limits),
            memory=setup.memory,
            most_open=open_limit(descriptors),
            on_failed=self._sync_failed,
            on_congested=registry.congestion,
        )
        self._alarms.note = self._engines.note_alarm
        self.host.wire(registry=registry, entrypoint=entrypoint, peers=self._peers, sockets=sockets)
        self._errands = Errands(self.caller, channel.send)
        self._questions = Questions(registry, self._open_for_question, channel, self.host.holds)
        self._scheduled = Scheduled(host=self.host, channel=channel, clock=clock)
        self._takes = self._conversation()

    def start(self) -> None:
        """Say that events may come, and begin to tick."""
        self._expected = self._loop.time()
        self._attribution = Attribution.install(self._loop)
        self._tick()
        pool.hold()
        tell, spawn, on_exit = self._channel.send, self._spawn, self._on_exit
        begin(self.host.entrypoint, pid=self._pid, tell=tell, spawn=spawn, on_exit=on_exit)

    def new_link(self) -> Link:
        """Return the protocol for a link that a gateway or another host opens."""
        return Link(
            loop=self._loop,
            hello=self._hello,
            on_up=self.host.link_up,
            on_down=self.host.link_down,
            accept=self.host.accept,
            on_message=self.host.sockets.receive,
        )

    def begin_anew(self, serial: int) -> None:
        """Another coordinator has taken over, and this host has another number; it owns no seat."""
        self._hello = Hello(role="host", serial=serial)
        self._peers.begin_anew(serial)

    # --- the coordinator speaks

    def receive(self, message: Message) -> None:
        """Take a message of the coordinator."""
        takes = self._takes.get(type(message))
        if takes is not None:
            takes(message)

    def _conversation(self) -> dict[type[Message], Callable[[Any], object]]:
        """Return what each message of the coordinator leads to."""
        host = self.host
        return {
            Table: host.publish,
            EndStreams: lambda _: host.streams.end_endless(),
            RunAlarm: self._alarms.take,
            AlarmsKept: self._alarms.take,
            RunScheduled: self._scheduled.run,
            Quarantine: lambda message: host.registry.quarantine.replace(message.objects),
            Gateways: lambda message: host.sockets.mirrors.live(message.serials),
            HostGone: lambda message: self._peers.host_gone(message.serial),
            Assign: self._take_seat,
            Drain: lambda _: self._spawn(host.tell_longest(self._channel.send)),
            Release: lambda message: self._spawn(self._release(message)),
            Errand: lambda message: self._spawn(self._errands.run(message)),
            Exit: lambda _: self._spawn(self._exit()),
            Ask: self._questions.ask,
            MoveClock: self._move_clock,
        }

    def _take_seat(self, message: Assign) -> None:
        try:
            self._engines.take_seat(message.seat, message.epoch)
        except StorageError as error:
            self._sync_failed(error)
            return
        self.host.assign(message.seat, message.epoch)
        self._alarms.tell_adopted(self._engines.adopted_alarms())
        self._channel.send(Assigned(seat=message.seat, epoch=message.epoch))

    async def _release(self, message: Release) -> None:
        reason = ShutdownReason.CODE_UPDATED if message.new_code else ShutdownReason.INACTIVE
        clean, objects = await self.host.release(
            message.version, message.deadline, self._channel.send, reason
        )
        await self._engines.leave_seat()
        self._tell_known()
        self._channel.send(Released(clean=clean, objects=objects))

    async def _exit(self) -> None:
        # Two hosts that end together must not wait for each other's links.
        self._peers.close()
        deadline = self._loop.time() + _LINGER_SECONDS
        while self.host.links and self._loop.time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.02)  # bounded, and only at the very end
        await self.close()
        self._on_exit(0)

    async def close(self) -> None:
        """Close every database and drop every link; for a host that is no longer asked."""
        if self._timer is not None:
            self._timer.cancel()
        await self.host.release(0, 0.0, self._channel.send)
        if self.host.entrypoint is not None:
            await self.host.entrypoint.shutdown()
        await pool.let_go()
        self._tell_known()
        self._peers.close()
        for link in self.host.all_links():
            link.drop()
        await self._engines.leave_seat()
        self._engines.close()
        if self._attribution is not None:
            self._attribution.uninstall()
            self._attribution = None

    def _spawn(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    # --- time

    def _tick(self) -> None:
        period = self._config.limits.heartbeat
        now = self._loop.time()
        lag = max(0.0, now - self._expected)
        self._expected = now + period
        self._timer = self._loop.call_later(period, self._tick)
        self._peers.expire()
        memory = self._memory.look(self.host.registry.evicted)
        self.host.registry.sweep(memory)
        self._engines.awake.look()
        self.on_tick()
        self._channel.send(
            Heartbeat(
                lag=lag,
                objects=len(self.host.registry),
                events=self.host.events,
                parked=self._peers.parked,
                memory=memory,
                cpu=time.process_time(),
                requests=self.host.latency.total,
                latency=tuple(self.host.latency.counts),
            )
        )

    def _move_clock(self, message: MoveClock) -> None:
        assert isinstance(self._clock, ShiftedClock)
        self._clock.move_to(message.ahead)
        self._peers.expire()
        self.host.registry.sweep()
        self._channel.send(ClockMoved(ahead=message.ahead))

    # --- objects

    def _classes(self, loaded: Loaded, env: Env) -> list[ObjectClass]:
        names = self._setup.storage_names
        return [
            ObjectClass(
                name=class_name,
                storage_name=names[class_name],
                type=cls,
                env=env,
                durability=self._config.durability_of(ClassRef(module, class_name)),
                sockets_on_reset=self._config.sockets_on_reset_of(ClassRef(module, class_name)),
            )
            for (module, class_name), cls in loaded.classes.items()
        ]

    def _environment(self, caller: Caller) -> Env:
        values: dict[str, Any] = dict(self._config.vars)
        for binding in self._config.bindings:
            storage_name = self._setup.storage_names[binding.class_name]
            ids = IdFactory(self._setup.application, storage_name)
            values[binding.name] = DurableObjectNamespace(binding.name, storage_name, ids, caller)
        return Env(values)

    def _open_database(
        self, cls: ObjectClass, object_id: ObjectId, on_broken: Callable[[BaseException], None]
    ) -> Database:
        def created() -> None:
            if not self._known:
                self._loop.call_soon(self._tell_known)
            self._known.append(
                (cls.storage_name, object_id.raw, database.meta.name, self._clock.now())
            )

        database = Database(
            path=object_path(self._storage, cls.storage_name, object_id.raw),
            meta=ObjectMeta(
                storage_name=cls.storage_name,
                class_name=cls.name,
                id=object_id.raw,
                name=object_id.name,
            ),
            engine=self._engines.of(cls.durability),
            schedule=self._loop.call_soon,
            clock=self._clock,
            on_broken=on_broken,
            on_created=created,
            alarms=self._alarms.of(
                cls.storage_name, object_id.raw, durable=cls.durability == Durability.DISK
            ),
        )
        return database

    def _open_for_question(self, cls: ObjectClass, object_id: ObjectId) -> Database:
        return self._open_database(cls, object_id, lambda _: None)

    def _tell_known(self) -> None:
        if self._known:
            self._channel.send(Known(objects=tuple(self._known)))
            self._known.clear()

    def _sync_failed(self, error: Exception) -> None:
        """A failed sync is final: this host ends, the next owner starts from what is durable (S2)."""
        log.critical("the disk failed, this host ends: %s", error)
        full = isinstance(error, StorageFullError) or is_full(error)
        self._channel.send(SyncFailed(error=str(error), full=full))
        self._loop.call_later(0.1, self._on_exit, 1)

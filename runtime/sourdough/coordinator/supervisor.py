"""Keeps every seat taken and every gateway running.

Decides in plain methods, called when a child says something, ends, or when a second has passed;
what follows is sent or spawned, never awaited here. The order of a hand-over is invariant P2: old
occupant released or reaped -> new occupant confirmed -> table published.
"""

from __future__ import annotations

import asyncio
import itertools
import signal
from typing import TYPE_CHECKING, Any

from sourdough.coordinator.restarts import Restarts
from sourdough.coordinator.seats import Seats, SeatState
from sourdough.coordinator.worker import Worker
from sourdough.observe import breadcrumb
from sourdough.observe.records import HostRecovered, Output, Record
from sourdough.observe.status import State
from sourdough.policy.restart import describe_exit
from sourdough.wire.messages import (
    Assign,
    Assigned,
    Exit,
    Gateways,
    Heartbeat,
    HostGone,
    Leaving,
    LoadFailed,
    Message,
    Ready,
    Released,
    SeatEntry,
    SyncFailed,
    Table,
)  # fmt: skip

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.clock import Clock
    from sourdough.coordinator.lane import Lane
    from sourdough.coordinator.launcher import Application, Launcher
    from sourdough.observe.breadcrumb import Crumb

# Two failed syncs within this time stop the server (invariant S2).
_SYNC_WINDOW_SECONDS = 60.0
# Whoever imports still, or has given up its seat, is told nothing new.
_DEAF = frozenset({State.STARTING, State.STOPPED})
# A child that was asked to end closes its links and its databases in this time.
END_SECONDS = 5.0


class Supervisor:
    """All children of one server."""

    def __init__(
        self,
        *,
        application: Application,
        launcher: Launcher,
        clock: Clock,
        record: Callable[[Record], None],
        first_serial: int = 1,
    ) -> None:
        """first_serial: programs may outlive a coordinator, and know hosts and gateways by their
        numbers; those of the next should be others.
        """
        self.application = application
        self._launcher = launcher
        self._clock = clock
        self._record = record
        self._serials = itertools.count(first_serial)
        self._loop = asyncio.get_running_loop()
        self.restarts = Restarts(clock=clock, record=record, stopping=lambda: self.stopping)
        self._failed_syncs: list[float] = []
        self.workers: list[Worker] = []
        self.seats = Seats(application.options.seats)
        self.generation = 1
        self._loaded = 0  # the newest generation of code that some host has loaded
        self.stopping = False
        self.on_changed: Callable[[], None] = lambda: None
        """Called after each change of a worker's state; whoever waits looks for itself."""
        self.on_load_failed: Callable[[Worker, LoadFailed], None] = lambda _worker, _fault: None
        self.on_ready: Callable[[Worker], None] = lambda _worker: None
        self.on_crashed: Callable[[Worker, int, Crumb | None], None] = lambda *_: None
        """A host ended unasked: how, and the object that it was running."""
        self.on_fatal: Callable[[str], None] = lambda _reason: None
        self.on_said: Callable[[Worker, Any], None] = lambda _worker, _message: None
        """Everything a child says that is not about its own life."""

    # --- the children

    @property
    def hosts(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.is_host]

    @property
    def gateways(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.role == "gateway"]

    def lane(self, role: str, index: int) -> Lane:
        """Return the memory of a seat or a gateway."""
        return self.restarts.lane(role, index)

    def occupant(self, seat: int) -> Worker | None:
        """Return the host process of a seat."""
        found = self.seats.number(seat)
        return None if found is None else self._by_serial(found.occupant)

    def standby(self) -> Worker | None:
        """Return the host process that waits for a seat."""
        return next(
            (each for each in self.hosts
             if self.seats.of(each.serial) is None and self._is_current(each)), None,
        )  # fmt: skip

    def _by_serial(self, serial: int | None) -> Worker | None:
        return next((each for each in self.hosts if each.serial == serial), None)

    def _is_current(self, worker: Worker) -> bool:
        return worker.generation == self.generation and not worker.asked

    # --- starting

    def start(self) -> None:
        """Start every gateway and every host."""
        for index in range(1, self.application.options.gateways + 1):
            self._launch("gateway", index)
        self.staff()

    def staff(self) -> None:
        """Start as many hosts of the current code as are missing."""
        if self.stopping:
            return
        if self.lane("host", 0).pending is not None:
            return  # hosts end before they get a seat: more of them would end as well
        options = self.application.options
        wanted = options.seats + (options.standby and not options.inline)
        pending = self.restarts.pending_hosts
        present = sum(self._is_current(each) for each in self.hosts)
        for _ in range(wanted - present - pending):
            self._launch("host", 0)

    def enlist(self, role: str, index: int) -> Worker:
        """Count a process among ours from now on."""
        worker = Worker(
            role=role,
            serial=next(self._serials),
            index=index,
            generation=self.generation,
            since=self._clock.now(),
            since_monotonic=self._clock.monotonic(),
        )
        self.workers.append(worker)
        return worker

    def _launch(self, role: str, index: int) -> None:
        worker = self.enlist(role, index)
        if role == "gateway":
            self.lane(role, index).started(worker.since_monotonic)
        self._launcher.launch(worker, self.application, self)
        self.on_changed()

    # --- what children say: launcher.Events

    def on_message(self, worker: Worker, message: Any) -> None:
        """Take a message of a child."""
        if isinstance(message, Heartbeat):
            worker.silence = 0.0
            worker.figures.add(message, self._clock.monotonic())
        elif isinstance(message, Ready):
            self._ready(worker, message)
        elif isinstance(message, Assigned):
            self._assigned(worker, message)
        elif isinstance(message, Released):
            self._released(worker, message)
        elif isinstance(message, LoadFailed):
            worker.load_failed = message
        elif isinstance(message, SyncFailed):
            worker.blameless = True
            self._sync_failed(message)
        else:
            self.on_said(worker, message)

    def on_output(self, worker: Worker, stream: str, line: str) -> None:
        """Take a line that a child printed."""
        seat = self.seats.of(worker.serial)
        level = "info" if stream == "stdout" else "error"
        host = seat.number if seat is not None else None
        self._record(Output(ts=self._clock.now(), level=level, text=line, host=host))

    def _ready(self, worker: Worker, message: Ready) -> None:
        worker.silence = 0.0
        worker.state = State.READY if worker.is_host else State.SERVING
        self.on_ready(worker)
        # A newcomer knows nobody yet.
        worker.send(self.table())
        if worker.is_host:
            worker.send(self.living_gateways())
            self._loaded = worker.generation
            self.fill()
        else:
            worker.gateway = message.door if worker.is_client else worker.serial
            self._tell_gateways()
        self.on_changed()

    def fill(self) -> None:
        """Give every vacant seat to a host that is ready."""
        if self.stopping:
            return
        ready = [
            each for each in self.hosts
            if each.state is State.READY and self._is_current(each)
            and self.seats.of(each.serial) is None
        ]  # fmt: skip
        for seat, worker in zip(self.seats.vacant(), ready, strict=False):
            epoch = self.seats.assign(seat, worker.serial)
            worker.send(Assign(seat=seat.number, epoch=epoch))
            self.lane("host", seat.number).started(self._clock.monotonic())
        self.staff()

    def _assigned(self, worker: Worker, message: Assigned) -> None:
        if not self.seats.confirm(message.seat, message.epoch, worker.serial):
            return
        worker.state = State.SERVING
        self.publish()
        lane = self.lane("host", message.seat)
        if lane.crashed_at is not None and worker.pid is not None:
            ms = (self._clock.monotonic() - lane.crashed_at) * 1e3
            lane.crashed_at = None
            self._record(
                HostRecovered(ts=self._clock.now(), host=message.seat, pid=worker.pid, ms=ms)
            )
        self.on_changed()

    def _released(self, worker: Worker, message: Released) -> None:
        self.on_said(worker, message)
        self.seats.vacate(worker.serial)
        worker.state = State.STOPPED
        self.fill()
        self.on_changed()

    # --- tables

    def table(self) -> Table:
        """Return who sits where."""
        entries = [
            SeatEntry(seat.number, seat.epoch, worker.serial, worker.path)
            for seat in self.seats.taken()
            if (worker := self._by_serial(seat.occupant)) is not None
        ]
        leaving = [
            Leaving(seat.number, seat.epoch, worker.serial, worker.path, seat.released)
            for seat in self.seats.leaving()
            if (worker := self._by_serial(seat.occupant)) is not None
        ]
        return Table(
            version=self.seats.version,
            seats=len(self.seats),
            entries=tuple(entries),
            leaving=tuple(leaving),
        )

    def publish(self) -> None:
        """Tell everybody who sits where."""
        self.broadcast(self.table())

    def living_gateways(self) -> Gateways:
        """Return those that take clients now, in programs with the library too (invariant W4)."""
        return Gateways(serials=tuple(each.gateway for each in self.workers if each.gateway))

    def _tell_gateways(self) -> None:
        message = self.living_gateways()
        for worker in self.hosts:
            if worker.state not in _DEAF:
                worker.send(message)

    def broadcast(self, message: Message) -> None:
        for worker in self.workers:
            if worker.state not in _DEAF:
                worker.send(message)

    # --- ends

    def on_exit(self, worker: Worker, code: int) -> None:
        """The kernel says that a child has ended (invariant P3)."""
        if worker not in self.workers:
            return
        self.workers.remove(worker)
        crumb = self._crumb(worker)
        worker.close()
        worker.state = State.STOPPED
        if worker.gateway:
            self._tell_gateways()
        if worker.is_host:
            self._host_ended(worker, code, crumb)
        elif not worker.asked and not self.stopping:
            self._gateway_crashed(worker, code)
        self.on_changed()

    def running(self, worker: Worker) -> str | None:
        """Return the object that a host is running, from the breadcrumb it leaves."""
        crumb = self._crumb(worker)
        return None if crumb is None else crumb.label

    @staticmethod
    def _crumb(worker: Worker) -> Crumb | None:
        return None if worker.breadcrumb is None else breadcrumb.read(worker.breadcrumb)

    def _host_ended(self, worker: Worker, code: int, crumb: Crumb | None) -> None:
        assigned = self.seats.of(worker.serial)
        taken = assigned is not None and assigned.state is SeatState.TAKEN
        seat = self.seats.vacate(worker.serial)
        if seat is not None:
            self.publish()
        self.broadcast(HostGone(serial=worker.serial))
        if worker.asked:
            self.fill()
            return
        fault = worker.load_failed or self._silent_load_failure(worker, code)
        if fault is not None and not self.stopping:
            self.on_load_failed(worker, fault)
            return
        running = None if crumb is None else crumb.label
        self.on_crashed(worker, code, crumb)
        # One that could not take its seat counts as one that never had any: others would end as well.
        self._host_crashed(worker, seat.number if seat is not None and taken else 0, code, running)

    def _silent_load_failure(self, worker: Worker, code: int) -> LoadFailed | None:
        """Code that no host has loaded yet ended one: its fault, unless somebody killed the host."""
        if worker.generation <= self._loaded or code == -signal.SIGKILL:
            return None
        return LoadFailed(
            error=f"a host ended while it loaded the code: {describe_exit(code)}",
            hint="something ends the process at import time; what it printed stands above",
        )

    def retry_load(self, worker: Worker) -> None:
        """Code that did load once does not now: try again, ever more slowly."""
        lane = self.lane("host", 0)
        lane.started(worker.since_monotonic)
        self._fill_later(lane, "a host that cannot load", 1)

    def _host_crashed(self, worker: Worker, number: int, code: int, running: str | None) -> None:
        lane = self.restarts.host_crashed(worker, number, code, running)
        self._fill_later(lane, f"host {number}", code)

    def _gateway_crashed(self, worker: Worker, code: int) -> None:
        lane = self.restarts.gateway_crashed(worker, code)
        self.restarts.after_pause(
            lane, f"gateway {worker.index}", code, lambda: self._launch("gateway", worker.index)
        )

    def _fill_later(self, lane: Lane, name: str, code: int) -> None:
        """Let a standby take the seat now; start another process when the policy says so."""
        # A standby takes the seat without delay: what is put off is the next standby.
        standby = self.standby() is not None
        self.restarts.after_pause(lane, name, code, self.staff, standby=standby)
        self.fill()

    def _sync_failed(self, message: SyncFailed) -> None:
        if message.full and not self.application.options.inline:
            return  # its successor waits longer each time, and there may be room by then
        now = self._clock.monotonic()
        recent = [at for at in self._failed_syncs if now - at < _SYNC_WINDOW_SECONDS]
        self._failed_syncs = [*recent, now]
        if self.application.options.inline:
            # The host cannot end alone here, and nothing may follow a failed sync.
            self.on_fatal("the disk failed; see the log")
        elif len(self._failed_syncs) > 1:
            self.on_fatal("the disk failed twice; see the log")

    # --- stopping

    def configure_gateways(self) -> None:
        """Give every gateway, and every client, the changed configuration."""
        for worker in self.workers:
            if not worker.is_host:
                worker.send(self.application.setup(worker))

    def ask_to_end(self, worker: Worker) -> None:
        """Let a child end by itself; what it cannot end, a thread of the user, is ended with it."""
        worker.asked = True
        worker.send(Exit())
        self._loop.call_later(END_SECONDS, worker.kill)  # real time: a process ends in it

    def kill_all(self) -> None:
        """End every child at once."""
        self.stopping = True
        self.restarts.cancel()
        for worker in self.workers:
            worker.asked = True
            worker.kill()

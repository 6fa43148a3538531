"""Changed code: new hosts first, then every seat changes hands, without a failed request.

    idle -> loading (new hosts import the new code; the old ones serve)
              |-- one cannot load --> idle, the old code keeps serving, the fault is shown
              `-- all ready ------> handing over (old hosts drain and release, new ones take over)
                                       `--> idle

A host that does not release its seat within `drain_timeout` and a little is ended, so the next one
does not wait for `hang_timeout`. A save during `loading` starts over with the newest code; one during the hand-over waits for it.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from sourdough.coordinator.supervisor import END_SECONDS
from sourdough.errors import StorageError
from sourdough.observe.records import HostStuck, Record, ReloadDone, ReloadFailed
from sourdough.observe.status import State
from sourdough.wire.messages import LoadFailed, Release, Released

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sourdough.clock import Clock
    from sourdough.coordinator.supervisor import Supervisor
    from sourdough.coordinator.worker import Worker


class Phase(Enum):
    """What a reload is doing."""

    IDLE = "idle"
    LOADING = "loading"
    HANDING_OVER = "handing over"


class Reload:
    """Replaces the hosts of one generation of code by those of the next."""

    def __init__(
        self,
        *,
        supervisor: Supervisor,
        clock: Clock,
        record: Callable[[Record], None],
        drain_timeout: float,
    ) -> None:
        self._supervisor = supervisor
        self._clock = clock
        self._record = record
        self._drain_timeout = drain_timeout
        self._files: tuple[str, ...] = ()
        self._next: tuple[str, ...] | None = None
        self._began = 0.0
        self._objects = 0
        self._previous = 1
        self._newest = 1
        self.adopt: Callable[[], bool] = lambda: False
        """Serve the configuration that belongs to the loaded code; says whether it is another."""
        self.on_new_code: Callable[[], None] = lambda: None
        self.phase = Phase.IDLE
        self.traceback: str | None = None
        """The fault of the code that does not load; None once it does."""

    def begin(self, files: Sequence[str]) -> None:
        """The code has changed."""
        if self.phase is Phase.HANDING_OVER:
            self._next = tuple(files)
            return
        supervisor = self._supervisor
        if self.phase is Phase.LOADING:
            self._end_new()
        else:
            self._previous = supervisor.generation
        self.phase = Phase.LOADING
        self._files = tuple(files)
        self._began = self._clock.monotonic()
        # Never a number that was used: hosts of a reload that failed may still be ending.
        self._newest += 1
        supervisor.generation = self._newest
        supervisor.staff()

    def on_changed(self) -> None:
        """A child's state has changed: see whether the next step can be taken."""
        if self.phase is Phase.LOADING and self._new_are_ready():
            self._hand_over()
        elif self.phase is Phase.HANDING_OVER:
            self._release_old()
            if self._supervisor.seats.complete:
                self._done()

    def on_load_failed(self, worker: Worker, fault: LoadFailed) -> None:
        """A host cannot load the new code: the old one keeps serving."""
        if worker.generation != self._supervisor.generation:
            return
        self.show(fault)
        if self.phase is Phase.LOADING:
            self._keep_old()
        elif self.phase is Phase.HANDING_OVER and self._supervisor.application.options.reloads:
            # A replacement cannot load what was saved meanwhile, so its seat stays vacant and this
            # hand-over has no end of its own.
            self.phase = Phase.IDLE
            self._begin_next()

    def _keep_old(self) -> None:
        self._end_new()
        # Hosts of the old generation are current again; one that crashes meanwhile cannot be
        # replaced by old code, which is on no disk any more, so its seat waits for the save.
        self._supervisor.generation = self._previous
        self.phase = Phase.IDLE

    def show(self, fault: LoadFailed) -> None:
        """Tell people that the code does not load; once, though every host finds it out."""
        if self.traceback == (fault.traceback or fault.error) and self.phase is Phase.IDLE:
            return
        self.traceback = fault.traceback or fault.error
        self._record(
            ReloadFailed(
                ts=self._clock.now(),
                files=self._files,
                error=fault.error,
                serving=bool(self._supervisor.seats.taken()),
                place=fault.place,
                source=fault.source,
                traceback=fault.traceback,
            )
        )

    def on_released(self, message: Released) -> None:
        self._objects += message.objects

    def _new(self) -> list[Worker]:
        generation = self._supervisor.generation
        return [
            each for each in self._supervisor.hosts
            if each.generation == generation and not each.asked
        ]  # fmt: skip

    def _end_new(self) -> None:
        for worker in self._new():
            self._supervisor.ask_to_end(worker)
            worker.kill()

    def _new_are_ready(self) -> bool:
        ready = [each for each in self._new() if each.state in {State.READY, State.SERVING}]
        return len(ready) >= self._supervisor.application.options.seats

    def _hand_over(self) -> None:
        try:
            adopted = self.adopt()
        except StorageError as error:
            self.show(LoadFailed(error=error.message, place=error.place, hint=error.hint))
            self._keep_old()
            return
        self.phase = Phase.HANDING_OVER
        self.traceback = None
        self._objects = 0
        self._release_old()
        self.on_new_code()
        supervisor = self._supervisor
        if adopted:
            # Behind the table without the old hosts: a new route never leads to old code.
            supervisor.configure_gateways()
        for worker in self._old():
            if supervisor.seats.of(worker.serial) is None:
                supervisor.ask_to_end(worker)
        supervisor.fill()

    def _release_old(self) -> None:
        """Ask the seats back from hosts with old code; also from one that sat down only now."""
        supervisor = self._supervisor
        old = {worker.serial: worker for worker in self._old()}
        leaving = supervisor.seats.release(old)
        if not leaving:
            return
        supervisor.publish()
        for seat in leaving:
            worker = old[seat.occupant or 0]
            worker.state = State.DRAINING
            version, deadline = supervisor.seats.version, self._drain_timeout
            worker.send(Release(version=version, deadline=deadline, new_code=True))
            seconds = self._drain_timeout + END_SECONDS
            self._clock.call_later(seconds, self._give_up, worker, seconds)

    def _give_up(self, worker: Worker, seconds: float) -> None:
        """End a host that keeps its seat beyond its time: what it acknowledged is durable."""
        supervisor = self._supervisor
        seat = supervisor.seats.of(worker.serial)
        if seat is None or supervisor.stopping or worker not in supervisor.workers:
            return
        self._record(
            HostStuck(
                ts=self._clock.now(),
                host=seat.number,
                pid=worker.pid or 0,
                seconds=seconds,
                running=supervisor.running(worker),
            )
        )
        # Not a crash: the seat was asked back, and its next occupant waits.
        worker.asked = True
        worker.kill()

    def _old(self) -> list[Worker]:
        generation = self._supervisor.generation
        return [each for each in self._supervisor.hosts if each.generation != generation]

    def _done(self) -> None:
        supervisor = self._supervisor
        self.phase = Phase.IDLE
        for worker in self._old():
            if not worker.asked:
                supervisor.ask_to_end(worker)
        self._record(
            ReloadDone(
                ts=self._clock.now(),
                files=self._files,
                ms=(self._clock.monotonic() - self._began) * 1e3,
                objects=self._objects,
            )
        )
        self._begin_next()

    def _begin_next(self) -> None:
        if self._next is not None:
            files, self._next = self._next, None
            self.begin(files)

"""The orderly end of a server (invariant D6): accept nobody more, finish, flush, close.

    gateways drain (hosts still serve) -> hosts release their seats -> all children end

Each step is bounded by what is left of `drain_timeout`; what blocks it is named once a second.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sourdough.observe.records import AnyRecord, ServerStopped, ServerStopping
from sourdough.observe.status import State
from sourdough.wire.messages import Drain, Drained, EndStreams, Release, Released

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.clock import Clock
    from sourdough.coordinator.supervisor import Supervisor
    from sourdough.coordinator.worker import Worker

# What is left for closing databases when requests have used up the time.
_LEAST_SECONDS = 0.1
_END_SECONDS = 5.0


class Shutdown:
    """Drains a server once."""

    def __init__(self, supervisor: Supervisor, clock: Clock, seconds: float) -> None:
        self._supervisor = supervisor
        self._clock = clock
        self._deadline = clock.monotonic() + seconds
        self._waiting: set[Worker] = set()
        self._changed = asyncio.Event()
        self.clean = True

    async def run_telling(self, record: Callable[[AnyRecord], None]) -> None:
        """Drain, with a record at the beginning and one at the end, however it ends."""
        began = self._clock.monotonic()
        hosts = self._supervisor.hosts
        record(
            ServerStopping(
                ts=self._clock.now(),
                events=sum(each.figures.beat.events for each in hosts),
                objects=sum(each.figures.beat.objects for each in hosts),
            )
        )
        clean = False
        try:
            clean = await self.run()
        finally:
            seconds = self._clock.monotonic() - began
            record(ServerStopped(ts=self._clock.now(), seconds=seconds, clean=clean))

    async def run(self) -> bool:
        """Drain; return whether nothing was cut short."""
        supervisor = self._supervisor
        supervisor.stopping = True
        # A stream of events has no end of its own; clients open it again elsewhere.
        supervisor.broadcast(EndStreams())
        for worker in supervisor.hosts:
            # Hosts serve on, and say what the gateways wait for.
            worker.send(Drain(deadline=self._left()))
        self._ask(supervisor.gateways, lambda: Drain(deadline=self._left()))
        await self._answered(self._left() + 1.0)
        hosts = [each for each in supervisor.hosts if supervisor.seats.of(each.serial) is not None]
        supervisor.seats.release({each.serial for each in hosts})
        version = supervisor.seats.version
        # Clients outlive the server: what they send from now on is for the next.
        supervisor.publish()
        for worker in hosts:
            worker.state = State.DRAINING
        self._ask(hosts, lambda: Release(version=version, deadline=self._left()))
        await self._answered(self._left() + _END_SECONDS)
        await self._end_all()
        return self.clean

    def heard(self, worker: Worker, message: Drained | Released) -> None:
        """A child has finished."""
        self.clean = self.clean and message.clean
        self._waiting.discard(worker)
        self._changed.set()

    def changed(self) -> None:
        """A child may have ended instead of finishing."""
        gone = self._waiting - set(self._supervisor.workers)
        if gone:
            self.clean = False
            self._waiting -= gone
        self._changed.set()

    def _left(self) -> float:
        return max(_LEAST_SECONDS, self._deadline - self._clock.monotonic())

    def _ask(self, workers: list[Worker], message: Callable[[], Drain | Release]) -> None:
        asked = [each for each in workers if each.state not in {State.STARTING, State.STOPPED}]
        self._waiting = set(asked)
        for worker in asked:
            worker.send(message())

    async def _answered(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                while self._waiting:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            self.clean = False

    async def _end_all(self) -> None:
        supervisor = self._supervisor
        # Hosts last: they wait for the links of others to be closed.
        for worker in sorted(supervisor.workers, key=lambda each: each.is_host):
            supervisor.ask_to_end(worker)
            if worker.state is State.STARTING:
                worker.kill()
        try:
            async with asyncio.timeout(_END_SECONDS):
                while supervisor.workers:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            supervisor.kill_all()

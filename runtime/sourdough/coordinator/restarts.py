"""Ends that nobody asked for: what is told of them, and when the next process starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.coordinator.lane import Lane
from sourdough.observe.records import ChildBackingOff, GatewayCrashed, HostCrashed, Record

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.clock import Clock
    from sourdough.coordinator.worker import Worker


class Restarts:
    """The lanes of all seats and gateways. Lane 0 of hosts is that of those without a seat."""

    def __init__(
        self, *, clock: Clock, record: Callable[[Record], None], stopping: Callable[[], bool]
    ) -> None:
        self._clock = clock
        self._record = record
        self._stopping = stopping
        self._lanes: dict[tuple[str, int], Lane] = {}

    def lane(self, role: str, index: int) -> Lane:
        """Return the memory of a seat or a gateway."""
        return self._lanes.setdefault((role, index), Lane(self._clock))

    @property
    def pending_hosts(self) -> int:
        """How many hosts wait for the end of a pause before they are started."""
        lanes = (lane for (role, _), lane in self._lanes.items() if role == "host")
        return sum(lane.pending is not None for lane in lanes)

    def cancel(self) -> None:
        """Start nobody any more."""
        for lane in self._lanes.values():
            lane.cancel()

    def host_crashed(self, worker: Worker, number: int, code: int, running: str | None) -> Lane:
        """Note and tell the crash of a host; return the lane of its seat."""
        lane = self._note("host", number, worker, code)
        self._record(
            HostCrashed(
                ts=self._clock.now(),
                host=number,
                pid=worker.pid or 0,
                reason=lane.last_exit or "",
                restart=lane.restarts,
                running=running,
            )
        )
        return lane

    def gateway_crashed(self, worker: Worker, code: int) -> Lane:
        """Note and tell the crash of a gateway; return its lane."""
        lane = self._note("gateway", worker.index, worker, code)
        self._record(
            GatewayCrashed(
                ts=self._clock.now(),
                gateway=worker.index,
                pid=worker.pid or 0,
                reason=lane.last_exit or "",
                restart=lane.restarts,
            )
        )
        return lane

    def after_pause(
        self, lane: Lane, name: str, code: int, act: Callable[[], None], *, standby: bool = False
    ) -> None:
        """Do what starts the next process, now or after the pause that the policy wants.

        standby: the place of the one that crashed is taken already.
        """

        def due() -> None:
            if not self._stopping():
                act()

        seconds = lane.after_crash(code, self._clock.monotonic(), due)
        if seconds:
            self._record(
                ChildBackingOff(
                    ts=self._clock.now(),
                    child=name,
                    seconds=seconds,
                    restarts=lane.restarts,
                    standby=standby,
                )
            )

    def _note(self, role: str, index: int, worker: Worker, code: int) -> Lane:
        lane = self.lane(role, index)
        if not lane.runs or lane.runs[-1].started < worker.since_monotonic:
            # A host that never had a seat: nothing else has noted its start.
            lane.started(worker.since_monotonic)
        lane.crashed(code, self._clock.monotonic())
        return lane

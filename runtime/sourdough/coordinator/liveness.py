"""Ends children that no longer answer, and no others (invariant P6).

A missed heartbeat counts only over ticks that the coordinator itself kept: after a laptop's sleep,
a Ctrl-Z or a paused machine nobody is late. A process that a debugger holds is left alone.
"""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from sourdough.observe.records import HostStuck, Record
from sourdough.observe.status import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.clock import Clock
    from sourdough.coordinator.supervisor import Supervisor
    from sourdough.coordinator.worker import Worker

# Between the signal that makes a stuck host write its stacks and the one that ends it.
_DUMP_SECONDS = 0.3


class Liveness:
    """Counts the silence of each child."""

    def __init__(
        self, *, supervisor: Supervisor, clock: Clock, record: Callable[[Record], None]
    ) -> None:
        self._supervisor = supervisor
        self._clock = clock
        self._record = record
        self._last_tick: float | None = None

    def tick(self, period: float) -> None:
        """Look at every child; called once per heartbeat of `period` seconds."""
        now = self._clock.monotonic()
        kept = self._last_tick is not None and now - self._last_tick < 2 * period
        self._last_tick = now
        if not kept:
            return
        limits = self._supervisor.application.options.project.config.limits
        for worker in list(self._supervisor.workers):
            if worker.child is None or worker.is_client or worker.state is State.STOPPED:
                continue
            worker.silence += period
            starting = worker.state is State.STARTING
            if worker.silence > (limits.ready_timeout if starting else limits.hang_timeout):
                self._end(worker)

    def _end(self, worker: Worker) -> None:
        if _is_traced(worker.pid) or worker.child is None:
            return
        seat = self._supervisor.seats.of(worker.serial)
        self._record(
            HostStuck(
                ts=self._clock.now(),
                host=seat.number if seat is not None else 0,
                pid=worker.child.pid,
                seconds=worker.silence,
                running=self._supervisor.running(worker),
            )
        )
        worker.silence = 0.0
        worker.hung = True
        # Its stacks go to its stderr, which is read line by line into the log.
        worker.child.signal(signal.SIGUSR1)
        asyncio.get_running_loop().call_later(_DUMP_SECONDS, worker.kill)


def _is_traced(pid: int | None) -> bool:
    """Say whether a debugger is attached to a process (Linux; elsewhere nobody can tell)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    return any(
        line.startswith("TracerPid:") and line.split()[1] != "0" for line in status.splitlines()
    )

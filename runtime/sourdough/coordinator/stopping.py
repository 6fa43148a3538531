"""How a server is asked to end: drain at the first word, end at once at the second."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sourdough.coordinator.drain import Shutdown

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.clock import Clock
    from sourdough.coordinator.supervisor import Supervisor
    from sourdough.coordinator.worker import Worker
    from sourdough.observe.records import Record
    from sourdough.wire.messages import Drained, Released


class Stopping:
    """The end of a server. finish: called with the exit code when nothing is left to do."""

    def __init__(
        self,
        *,
        supervisor: Supervisor,
        clock: Clock,
        record: Callable[[Record], None],
        finish: Callable[[int], None],
    ) -> None:
        self._supervisor = supervisor
        self._clock = clock
        self._record = record
        self._finish = finish
        self._shutdown: Shutdown | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def begun(self) -> bool:
        """Whether the drain has begun."""
        return self._shutdown is not None

    def stop(self) -> None:
        """Drain at the first call, end at once at the second."""
        if self._task is None:
            self._task = asyncio.ensure_future(self._drain())
        elif not self._task.done():
            self._task.cancel()
            self._supervisor.kill_all()
            self._finish(1)

    def changed(self) -> None:
        """A child's state has changed."""
        if self._shutdown is not None:
            self._shutdown.changed()

    def heard(self, worker: Worker, message: Drained | Released) -> None:
        """A child has finished what it was asked to."""
        if self._shutdown is not None:
            self._shutdown.heard(worker, message)

    async def _drain(self) -> None:
        seconds = self._supervisor.application.options.drain_timeout
        self._shutdown = Shutdown(self._supervisor, self._clock, seconds)
        await self._shutdown.run_telling(self._record)
        self._finish(0)

"""Runs the entrypoint's `scheduled` when its crons say so, at least once for each occurrence.

What to do is decided by `policy.crons`, what is durable lies in `cron_table`; here are the clock,
the hosts and the log. A run is recorded before it is sent and forgotten after it has ended, so one
that loses its host, or its server, is run again.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from sourdough.coordinator.cron_table import CronTable
from sourdough.coordinator.inspection import Triggered
from sourdough.coordinator.seats import SeatState
from sourdough.errors import SourdoughError
from sourdough.observe.records import Record, ScheduledRan
from sourdough.observe.status import CronStatus
from sourdough.policy.crons import CronBook, Occurrence, next_after
from sourdough.wire.messages import RunScheduled, ScheduledEnded

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.clock import Clock
    from sourdough.config.triggers import Triggers
    from sourdough.coordinator.catalogue import Catalogue
    from sourdough.coordinator.control import Trigger
    from sourdough.coordinator.supervisor import Supervisor

log = logging.getLogger("sourdough.crons")

# The wall clock is read at least this often (invariant T1).
_TICK_SECONDS = 1.0
_LOST = "the host ended while it ran"


class Crons:
    """The crons of one server; `close` when no host is left."""

    def __init__(
        self,
        *,
        supervisor: Supervisor,
        catalogue: Catalogue,
        clock: Clock,
        record: Callable[[Record], None],
    ) -> None:
        self._supervisor = supervisor
        self._table = CronTable(catalogue)
        self._clock = clock
        self._record = record
        self._book = CronBook()
        self._finished: list[Occurrence] = []
        self._waiting: dict[int, asyncio.Future[ScheduledEnded]] = {}
        self._last: dict[str, ScheduledRan] = {}
        self._news = asyncio.Event()
        self._closing = False
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Start nothing more; write what has ended."""
        self._closing = True
        self._news.set()
        await asyncio.wait([self._task], timeout=5)
        self._task.cancel()

    # --- what happens

    def take(self, message: ScheduledEnded) -> None:
        """A run has ended in its host."""
        found = self._book.ended(message.number)
        if found is None:
            return  # taken for lost before, and begun again
        occurrence, by_hand = found
        self._tell(occurrence, message.ms, message.error)
        if by_hand:
            self._answer(message)
        else:
            self._finished.append(occurrence)
            self._news.set()

    def changed(self) -> None:
        """A seat has another occupant, or none."""
        lost = self._book.lost(self._has_seat, self._clock.monotonic())
        for number, occurrence in lost:
            self._tell(occurrence, 0.0, _LOST)
            if number:
                self._answer(ScheduledEnded(number=number, error=_LOST))
            else:
                self._finished.append(occurrence)
        self._news.set()

    async def trigger(self, request: Trigger) -> Triggered:
        """Run `scheduled` now, because somebody says so; return what came of it.

        Raises SourdoughError when there is no such cron, or nothing to run it.
        """
        cron = self._chosen(request.cron)
        now = self._clock.now() if request.time is None else request.time
        number = self._book.trigger(Occurrence(cron, int(now * 1000)))
        future: asyncio.Future[ScheduledEnded] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        self._news.set()
        ended = await future
        return Triggered(cron=cron, scheduled=now, ms=ended.ms, error=ended.error)

    def statuses(self) -> tuple[CronStatus, ...]:
        """Return each cron with its next time and its last run."""
        now = int(self._clock.now() * 1000)
        return tuple(self._status(cron, now) for cron in self._triggers.crons)

    # --- one after another

    async def _run(self) -> None:
        loaded = False
        while not self._closing or self._finished:
            try:
                if not loaded:
                    self._book.load(*await self._table.load())
                    loaded = True
                await self._turn()
            except Exception:
                log.exception("crons could not be run")
                if self._closing:
                    return
                await asyncio.sleep(_TICK_SECONDS)
                continue
            if not self._closing:
                await self._wait()

    async def _wait(self) -> None:
        # Without a cron there is nothing that time could bring; a reload may bring one.
        seconds = None if self._book.idle and not self._triggers.crons else _TICK_SECONDS
        try:
            async with self._clock.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            pass
        self._news.clear()

    async def _turn(self) -> None:
        triggers = self._triggers
        self._finished += self._book.configure(triggers.crons, skips=triggers.missed == "skip")
        if self._finished:
            count = len(self._finished)
            await self._table.end(self._finished[:count])
            del self._finished[:count]
        if self._closing or self._supervisor.stopping or not self._supervisor.seats.complete:
            return
        turn = self._book.due(int(self._clock.now() * 1000))
        if turn.seen:
            await self._table.begin(turn)
            self._book.begin(turn)
        self._start()

    def _start(self) -> None:
        for start in self._book.start(self._clock.monotonic(), self._least_busy):
            worker = next(each for each in self._supervisor.hosts if each.serial == start.serial)
            worker.send(
                RunScheduled(
                    number=start.number, cron=start.occurrence.cron, due=start.occurrence.due
                )
            )

    def _least_busy(self) -> int | None:
        seats = self._supervisor.seats
        serving = [
            each for each in self._supervisor.hosts
            if (seat := seats.of(each.serial)) is not None and seat.state is SeatState.TAKEN
        ]  # fmt: skip
        if self._supervisor.stopping or not serving:
            return None
        return min(serving, key=lambda each: each.figures.beat.events).serial

    # --- parts

    @property
    def _triggers(self) -> Triggers:
        return self._supervisor.application.options.project.config.triggers

    def _has_seat(self, serial: int) -> bool:
        return self._supervisor.seats.of(serial) is not None

    def _chosen(self, cron: str | None) -> str:
        config = self._supervisor.application.options.project.config
        crons = config.triggers.crons
        if config.main is None:
            raise SourdoughError("There is no entrypoint whose scheduled() could run.")
        if cron is None and len(crons) == 1:
            return crons[0]
        if cron in crons:
            return cron
        listed = ", ".join(f'"{each}"' for each in crons)
        what = "Which cron?" if cron is None else f'"{cron}" is no cron of this application.'
        raise SourdoughError(
            what, hint=f"There are: {listed}." if crons else "[triggers] has no crons."
        )

    def _answer(self, ended: ScheduledEnded) -> None:
        future = self._waiting.pop(ended.number, None)
        if future is not None and not future.done():
            future.set_result(ended)

    def _tell(self, occurrence: Occurrence, ms: float, error: str | None) -> None:
        ran = ScheduledRan(
            ts=self._clock.now(),
            cron=occurrence.cron,
            scheduled=occurrence.due / 1000,
            ms=ms,
            error=error,
        )
        self._last[occurrence.cron] = ran
        self._record(ran)

    def _status(self, cron: str, now: int) -> CronStatus:
        following, last = next_after(cron, now), self._last.get(cron)
        return CronStatus(
            cron=cron,
            next=None if following is None else following / 1000,
            last=None if last is None else last.scheduled,
            error=None if last is None else last.error,
            running=self._book.running(cron),
        )

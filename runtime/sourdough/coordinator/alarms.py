"""Wakes objects: sends every due alarm to the owner of its slot until a run was good.

What to do is decided by `alarm_book`, what is known lies in `alarm_index`; here are the messages of
hosts, the writer of the index and the clock, which is read at least once a second (invariant T1).
A change counts in memory at once, in the order in which hosts say it, and is then written; a host
that waits is answered when it is durable.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from sourdough.coordinator.alarm_book import MAX_WAITING, AlarmBook, Due, Key, Start
from sourdough.coordinator.alarm_index import AlarmIndex, Change
from sourdough.coordinator.seats import SeatState
from sourdough.placement import seat_of, slot_of
from sourdough.wire.messages import AlarmEnded, AlarmSet, AlarmsKept, RunAlarm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sourdough.clock import Clock
    from sourdough.coordinator.catalogue import Catalogue
    from sourdough.coordinator.supervisor import Supervisor
    from sourdough.coordinator.worker import Worker

log = logging.getLogger("sourdough.alarms")

# The index is read this far ahead, and again when half of it is over.
AHEAD_MS = 5 * 60 * 1000
_LONGEST_SECONDS = 1.0
_SHORTEST_SECONDS = 0.01
_RETRY_SECONDS = 1.0

# While the index cannot be written, so many objects' changes wait in memory, 30 MB. Beyond that a time
# that is later, or none, is dropped: the index is early then, and the object corrects it.
MAX_CHANGES = 100_000


class Alarms:
    """The alarms of one server. `run` in a task; `close` when no host is left."""

    def __init__(
        self,
        *,
        supervisor: Supervisor,
        catalogue: Catalogue,
        clock: Clock,
        chance: Callable[[], float],
    ) -> None:
        """chance: a random number from 0 to 1."""
        self._supervisor = supervisor
        self._index = AlarmIndex(catalogue)
        self._clock = clock
        self._book = AlarmBook(chance=chance)
        self._changes: dict[Key, Change] = {}
        self._waiting: dict[tuple[Worker, Key, bool], int] = {}
        """The number that is to be confirmed: of each object only the newest, and what was found."""
        self._writing = False
        self._told = False
        self._is_near = asyncio.Event()
        self._has_work = asyncio.Event()
        self._has_work.set()
        self._closing = False
        self.on_hold = False
        """Whether nothing is to be started, whatever is due."""
        loop = asyncio.get_running_loop()
        self._writer = loop.create_task(self._write_forever())
        self._ticker = loop.create_task(self._tick_forever())

    async def close(self) -> None:
        """Start nothing more, write what was said."""
        self._ticker.cancel()
        self._closing = True
        self._has_work.set()
        await asyncio.wait([self._writer, self._ticker], timeout=5)
        self._writer.cancel()

    # --- what hosts say

    def take(self, worker: Worker, message: AlarmSet | AlarmEnded) -> None:
        """Take a message of a host."""
        key = (message.storage, message.id)
        if isinstance(message, AlarmEnded):
            self._book.ended(key, message.due, message.outcome, self._clock.monotonic())
            self._is_near.set()
            return
        if message.number:
            self._waiting[worker, key, message.found] = message.number
        if message.found and message.due is not None:
            self.found(key, message.due, message.name)
            return
        self._set(key, message.due, message.name, needed=bool(message.number))

    def found(self, key: Key, due: int, name: str | None) -> None:
        """A file that the catalogue did not know holds this alarm, or a journal has noted it."""
        alarm = Due(key=key, due=due, name=name)
        self._book.find(alarm)
        self._change(Change(key=key, alarm=alarm, found=True))

    async def adopt(self, left: Iterable[tuple[str, bytes, int]]) -> None:
        """Hold what journals had noted when the server began; durable on return (invariant S11).

        left: (storage name, id, ms).
        """
        alarms = [Due(key=(storage, raw), due=due, name=None) for storage, raw, due in left]
        await self._index.write([Change(key=each.key, alarm=each, found=True) for each in alarms])
        for each in alarms:
            self._book.find(each)

    def forget(self, key: Key) -> None:
        """The object was deleted."""
        self._set(key, None, None)

    def _set(self, key: Key, due: int | None, name: str | None, *, needed: bool = False) -> None:
        """needed: whether the index may not go without it."""
        alarm = None if due is None else Due(key=key, due=due, name=name)
        if alarm is None:
            self._book.remove(key)
        else:
            self._book.put(alarm)
        if needed or key in self._changes or len(self._changes) < MAX_CHANGES:
            self._change(Change(key=key, alarm=alarm))
        elif not self._told:
            self._told = True
            log.warning("the index of alarms cannot be written: objects may be woken for nothing")

    def _change(self, change: Change) -> None:
        earlier = self._changes.get(change.key)
        self._changes[change.key] = change if earlier is None else earlier.followed_by(change)
        self._has_work.set()
        self._is_near.set()

    # --- who runs them

    def changed(self) -> None:
        """A seat has another occupant, or none."""
        self._book.lost(self._has_seat, self._clock.monotonic())
        self._is_near.set()

    @property
    def running(self) -> int:
        """How many runs are under way."""
        return self._book.running

    @property
    def idle(self) -> bool:
        """Whether nothing is due, as the index has it, and no run is under way."""
        now, monotonic = self._now(), self._clock.monotonic()
        known = self._book.horizon[0] > now and not (self._changes or self._writing)
        return known and not self._book.running and self._book.pause(now, monotonic) > 0

    def step(self) -> None:
        """Start what is due."""
        if self._supervisor.stopping or self.on_hold:
            return
        now, monotonic = self._now(), self._clock.monotonic()
        for start in self._book.start(now, monotonic, self._host_of):
            self._send(start)
        if self._wants_more(now):
            self._has_work.set()

    def _send(self, start: Start) -> None:
        worker = self._worker(start.serial)
        if worker is not None:
            worker.send(
                RunAlarm(
                    storage=start.alarm.key[0],
                    id=start.alarm.key[1],
                    name=start.alarm.name,
                    due=start.alarm.due,
                    retries=start.retries,
                    give_up=start.give_up,
                )
            )

    def _host_of(self, raw: bytes) -> int | None:
        seats = self._supervisor.seats
        seat = seats.number(seat_of(slot_of(raw), len(seats)))
        return None if seat is None or seat.state is not SeatState.TAKEN else seat.occupant

    def _has_seat(self, serial: int) -> bool:
        return self._supervisor.seats.of(serial) is not None

    def _worker(self, serial: int) -> Worker | None:
        return next((each for each in self._supervisor.hosts if each.serial == serial), None)

    # --- time

    async def _tick_forever(self) -> None:
        while True:
            try:
                self.step()
            except Exception:
                log.exception("alarms could not be started")
            self._is_near.clear()
            try:
                async with self._clock.timeout(self._pause()):
                    await self._is_near.wait()
            except TimeoutError:
                continue

    def _pause(self) -> float:
        seconds = self._book.pause(self._now(), self._clock.monotonic())
        return max(_SHORTEST_SECONDS, min(_LONGEST_SECONDS, seconds))

    def _now(self) -> int:
        return int(self._clock.now() * 1000)

    # --- the index

    def _wants_more(self, now: int) -> bool:
        full = len(self._book) >= MAX_WAITING
        return self._book.horizon[0] < now + AHEAD_MS // 2 and not full

    async def _write_forever(self) -> None:
        while not self._closing or self._changes:
            await self._has_work.wait()
            self._has_work.clear()
            try:
                await self._write()
                if not self._closing and self._wants_more(self._now()):
                    await self._read()
            except Exception:
                log.exception("the index of alarms could not be used")
                if self._closing:
                    return
                await self._clock.sleep(_RETRY_SECONDS)
                self._has_work.set()

    async def _write(self) -> None:
        while self._changes:
            changes, self._changes = self._changes, {}
            waiting, self._waiting = self._waiting, {}
            self._writing = True
            try:
                await self._index.write(list(changes.values()))
            except BaseException:
                # They are written again, with what came meanwhile.
                newer, self._changes = self._changes, changes
                for each in newer.values():
                    self._change(each)
                self._waiting = waiting | self._waiting
                raise
            finally:
                self._writing = False
            self._told = False
            by_worker: dict[Worker, list[int]] = {}
            for (worker, _, _), number in waiting.items():
                by_worker.setdefault(worker, []).append(number)
            for worker, numbers in by_worker.items():
                worker.send(AlarmsKept(numbers=tuple(numbers)))

    async def _read(self) -> None:
        self._book.begin_load()
        page = await self._index.page(self._book.horizon, self._now() + AHEAD_MS, MAX_WAITING)
        self._book.load(page.alarms, page.end)
        self._is_near.set()

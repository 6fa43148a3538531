"""The alarms that are due soon, in memory: which to start, which to repeat, which to give up. Pure.

    waiting --due--> running --done--> gone, or waiting for a new time
       ^                |
       +--- failed -----+--> giving up --> gone

`put` follows the index, `start` says what runs now, `ended` takes the outcome. Of one object at
most one run is under way (semantics 6.14): the next one is not started before the last has ended,
or its host has lost the seat or its life (`lost`).

In memory is everything up to the *horizon*, a position in the index's order; the rest is loaded
when the horizon comes near. Due times are of the wall clock, in ms; pauses after a failure are of
the monotonic clock, in seconds (invariant T1).
"""

from __future__ import annotations

import heapq
import itertools
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sourdough.policy.alarms import GiveUp, History, Pace, after_failure
from sourdough.wire.messages import AlarmOutcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Position = tuple[int, str, bytes]
"""(due, storage name, id): the order of the index."""
Key = tuple[str, bytes]

# Runs that are under way at once; more wait, so that a step of the clock fills no memory.
MAX_RUNNING = 10_000
# Alarms that wait in memory; beyond twice as many the latest are left to the index.
MAX_WAITING = 10_000
# What is due at once is spread out: a full second's worth of a busy host, not a flood.
_RATE, _BURST = 1_000.0, 100.0
# A queue this short is not worth cleaning.
_FEW = 100
# A run that was good and left its own time in the index: the message about it is on its way.
_AGAIN_SECONDS = 1.0

BEGINNING: Position = (-1, "", b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """An alarm as the index holds it."""

    key: Key
    due: int
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Have the host `serial` run an alarm, or make the object forget it."""

    alarm: Due
    serial: int
    retries: int
    give_up: bool


@dataclass(slots=True)
class _Entry:
    alarm: Due | None
    """None once the alarm was removed while it ran."""
    history: History = field(default_factory=History)
    not_before: float = 0.0
    """Monotonic."""
    giving_up: bool = False
    ran: int = 0
    """The time of the alarm that runs."""
    serial: int | None = None
    """The host that runs it."""
    turn: int = 0
    """Its place in a queue; what stands there under another number is stale."""

    @property
    def untried(self) -> Due | None:
        """The alarm, while the index knows as much of it as we do."""
        fresh = self.serial is None and self.history == History() and not self.giving_up
        return self.alarm if fresh else None


class AlarmBook:
    """All alarms that are due before the horizon."""

    def __init__(self, *, chance: Callable[[], float]) -> None:
        """chance: a random number from 0 to 1, for each pause."""
        self._chance = chance
        self._pace = Pace(rate=_RATE, burst=_BURST)
        self._entries: dict[Key, _Entry] = {}
        self._running: dict[Key, _Entry] = {}
        self._homeless: list[Key] = []
        self._turns = itertools.count(1)
        self._by_due: list[tuple[int, int, Key]] = []
        self._by_pause: list[tuple[float, int, Key]] = []
        self._loading: set[Key] | None = None
        self.horizon = BEGINNING

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def running(self) -> int:
        """How many runs are under way."""
        return len(self._running)

    # --- the index

    def put(self, alarm: Due) -> None:
        """An object's alarm is this one now."""
        entry = self._entries.get(alarm.key)
        self._note(alarm.key)
        if entry is None:
            if self._is_near(alarm):
                self._entries[alarm.key] = entry = _Entry(alarm)
                self._queue(entry, alarm.key)
        elif entry.alarm is None or entry.alarm.due != alarm.due:
            self._replace(entry, alarm)

    def remove(self, key: Key) -> None:
        """An object has no alarm any more; a run under way goes on."""
        self._note(key)
        entry = self._entries.get(key)
        if entry is not None and entry.serial is not None:
            entry.alarm = None
        else:
            self._entries.pop(key, None)

    def find(self, alarm: Due) -> None:
        """A file was found to hold this alarm, some time ago: what is known and sooner stays."""
        entry = self._entries.get(alarm.key)
        known = None if entry is None else entry.alarm
        if known is None or alarm.due < known.due:
            self.put(alarm)

    def begin_load(self) -> None:
        """A page of the index is about to be read: what `put` says meanwhile is newer."""
        self._loading = set()

    def load(self, page: Iterable[Due], horizon: Position) -> None:
        """Take a page of the index; with it everything up to `horizon` is known."""
        changed, self._loading = self._loading or set(), None
        self.horizon = max(self.horizon, horizon)
        for alarm in page:
            if alarm.key not in changed and alarm.key not in self._entries:
                self.put(alarm)
        for key in changed:
            entry = self._entries.get(key)
            if entry is not None and entry.untried is not None and not self._is_near(entry.untried):
                del self._entries[key]
        self._forget_the_latest()

    # --- runs

    def start(
        self, now: int, monotonic: float, host_of: Callable[[bytes], int | None]
    ) -> list[Start]:
        """Return what begins now. host_of: the host that owns an id; None where none does now."""
        self._end_pauses(now, monotonic)
        started = []
        while self._by_due and self._by_due[0][0] <= now:
            _, turn, key = self._by_due[0]
            entry = self._entries.get(key)
            if entry is None or entry.turn != turn or entry.alarm is None:
                heapq.heappop(self._by_due)
                continue
            serial = host_of(key[1])
            if serial is None:
                heapq.heappop(self._by_due)
                self._homeless.append(key)
                continue
            if len(self._running) >= MAX_RUNNING or not self._pace.allows(monotonic):
                break
            heapq.heappop(self._by_due)
            entry.serial, entry.ran, entry.turn = serial, entry.alarm.due, 0
            self._running[key] = entry
            started.append(
                Start(
                    alarm=entry.alarm,
                    serial=serial,
                    retries=entry.history.retries,
                    give_up=entry.giving_up,
                )
            )
        return started

    def ended(self, key: Key, due: int, outcome: AlarmOutcome, monotonic: float) -> None:
        """A run has ended; one that nobody knows of is no error."""
        entry = self._running.get(key)
        if entry is None or entry.ran != due:
            return
        del self._running[key]
        entry.serial = None
        if entry.alarm is None:
            del self._entries[key]
        elif entry.alarm.due != due:
            self._renew(entry, entry.alarm)
        else:
            self._again(entry, outcome, monotonic)
            self._queue(entry, key)

    def lost(self, is_host: Callable[[int], bool], monotonic: float) -> None:
        """End the runs of hosts that have no seat any more; try again what found no owner."""
        for key, entry in list(self._running.items()):
            if entry.serial is not None and not is_host(entry.serial):
                self.ended(key, entry.ran, AlarmOutcome.BROKEN, monotonic)
        homeless, self._homeless = self._homeless, []
        for key in homeless:
            found = self._entries.get(key)
            if found is not None and found.serial is None:
                self._queue(found, key)

    def pause(self, now: int, monotonic: float) -> float:
        """Return in how many seconds something is to be started, as far as known."""
        due = (self._by_due[0][0] - now) / 1000 if self._by_due else math.inf
        again = self._by_pause[0][0] - monotonic if self._by_pause else math.inf
        return min(due, again)

    # --- inside

    def _again(self, entry: _Entry, outcome: AlarmOutcome, monotonic: float) -> None:
        """The same alarm is still set after its run."""
        match outcome:
            case AlarmOutcome.DONE:
                entry.not_before = monotonic + _AGAIN_SECONDS
            case AlarmOutcome.MOVED:
                entry.not_before = 0.0
            case AlarmOutcome.ABANDONED:
                entry.giving_up = True
            case AlarmOutcome.FAILED | AlarmOutcome.BROKEN:
                counted = outcome is AlarmOutcome.FAILED and not entry.giving_up
                decision = after_failure(entry.history, counted=counted, chance=self._chance())
                if isinstance(decision, GiveUp):
                    entry.giving_up = True
                else:
                    entry.history = decision.history
                    entry.not_before = monotonic + decision.after_seconds

    def _replace(self, entry: _Entry, alarm: Due) -> None:
        if entry.serial is not None:
            entry.alarm = alarm
        else:
            self._renew(entry, alarm)

    def _renew(self, entry: _Entry, alarm: Due) -> None:
        """Another time takes the place of the old one, with counters of its own (6.9)."""
        del self._entries[alarm.key]
        self.put(alarm)

    def _queue(self, entry: _Entry, key: Key) -> None:
        assert entry.alarm is not None
        entry.turn = next(self._turns)
        if entry.not_before:
            heapq.heappush(self._by_pause, (entry.not_before, entry.turn, key))
        else:
            heapq.heappush(self._by_due, (entry.alarm.due, entry.turn, key))
            if len(self._by_due) > _FEW + 2 * len(self._entries):
                self._clean()

    def _clean(self) -> None:
        """Drop what is stale: an alarm may be set anew a thousand times before it is due."""
        entries = self._entries
        self._by_due = [
            item for item in self._by_due
            if item[2] in entries and entries[item[2]].turn == item[1]
        ]  # fmt: skip
        heapq.heapify(self._by_due)

    def _end_pauses(self, now: int, monotonic: float) -> None:
        while self._by_pause and self._by_pause[0][0] <= monotonic:
            _, turn, key = heapq.heappop(self._by_pause)
            entry = self._entries.get(key)
            if entry is not None and entry.turn == turn:
                entry.not_before = 0.0
                self._queue(entry, key)

    def _note(self, key: Key) -> None:
        if self._loading is not None:
            self._loading.add(key)

    def _is_near(self, alarm: Due) -> bool:
        """Whether an alarm must be in memory; while a page is read, nobody knows."""
        return self._loading is not None or (alarm.due, *alarm.key) <= self.horizon

    def _forget_the_latest(self) -> None:
        """Leave to the index what is too much; it comes back when the horizon does."""
        if len(self._entries) <= 2 * MAX_WAITING:
            return
        untried = (entry.untried for entry in self._entries.values())
        waiting = sorted((each.due, *each.key) for each in untried if each is not None)
        if len(waiting) > MAX_WAITING:
            self.horizon = waiting[MAX_WAITING - 1]
            for _, storage_name, raw in waiting[MAX_WAITING:]:
                del self._entries[storage_name, raw]

"""What an object should hold, kept beside it by its own events, and the object that is driven.

A program is a list of steps of one event; every step is done on the storage first and on the model
right after, without a turn of the loop in between. A *boundary* is a state at the end of a turn: a
state that the storage may be found in after a crash, as none between two of them may be.
"""

from __future__ import annotations

import asyncio
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, ClassVar

from sourdough.objects.durable_object import DurableObject

BEGINNING_MS = 1_700_000_000_000


class PlannedError(Exception):
    """What a program raises on purpose."""


@dataclass(slots=True)
class State:
    """What the storage of one object holds."""

    entries: dict[str, int] = field(default_factory=dict)
    rows: list[int] = field(default_factory=list)
    alarm: int | None = None


@dataclass(slots=True, kw_only=True)
class Run:
    """One event: its program, how it is to end, and how far it got."""

    number: int
    program: list[Any]
    ending: str = "return"
    door: asyncio.Future[None] | None = None
    """What it waits at, where it stands still."""
    end: int | None = None
    """The last boundary when it ended."""


class Model:
    """One object's state now, and at each boundary so far."""

    def __init__(self) -> None:
        self.state = State()
        self.history: list[tuple[State, bool]] = [(State(), False)]
        """Boundaries, and whether answers after each wait for it."""
        self.known = 0
        """The oldest boundary that may be found: something that depends on it was answered."""
        self.confirm = False
        self.deferred = False
        """Whether the alarm is hidden, because it runs."""
        self.savepoints: list[tuple[State, bool]] = []
        self.sections: list[int] = []
        """The runs that hold all others back, each inside of the one before."""
        self.runs: dict[int, Run] = {}
        self.alarm_run: Run | None = None
        self.wrong: list[AssertionError] = []

    @property
    def last(self) -> int:
        return len(self.history) - 1

    def boundary(self) -> None:
        """The turn ends: what it did is one commit, unless a transaction goes on."""
        if not self.savepoints:
            # What changed nothing wrote nothing, so it is as durable as what was there.
            if self.state != self.history[-1][0]:
                self.history.append((deepcopy(self.state), self.confirm))
            self.confirm = False

    def begin(self) -> None:
        """A transaction begins; what was written before is committed first."""
        self.boundary()
        self.savepoints.append((deepcopy(self.state), self.deferred))

    def finish(self, *, keep: bool) -> None:
        before = self.savepoints.pop()
        if not keep:
            self.state, self.deferred = before

    def answered(self, run: Run) -> None:
        """Something that was made known depends on what is confirmed up to the end of a run."""
        assert run.end is not None
        confirmed = [at for at in range(run.end + 1) if self.history[at][1]]
        self.known = max([self.known, *confirmed])

    def found(self, state: State, *, first: int = 0) -> None:
        """A new instance was found to hold this; with it all else that may have been is over.

        first: the oldest boundary that it may hold.
        """
        allowed = [each for each, _ in self.history[max(first, self.known) :]]
        assert state in allowed, f"found {state}, allowed {allowed}"
        self.state, self.history, self.known = deepcopy(state), [(deepcopy(state), False)], 0
        self.confirm = self.deferred = False
        self.savepoints, self.sections, self.runs, self.alarm_run = [], [], {}, None


class Index:
    """The index of alarms: survives the host; what is asked of it waits while it is held."""

    def __init__(self) -> None:
        self.due: int | None = None
        self.held = False
        self.waiting = []

    def sooner(self, due, name, kept) -> None:
        self.waiting.append((due, kept))
        asyncio.get_running_loop().call_soon(self.keep)

    def moved(self, due, name) -> None:
        self.due = due

    def keep(self) -> None:
        while self.waiting and not self.held:
            due, kept = self.waiting.pop(0)
            self.due = due if self.due is None else min(self.due, due)
            kept()

    def knows(self, alarm: int | None) -> bool:
        return alarm is None or (self.due is not None and self.due <= alarm)


class Driven(DurableObject):
    """Does what programs say, and looks whether it is as the model has it."""

    model: ClassVar[Model]

    def __init__(self, ctx: Any, env: Any) -> None:
        super().__init__(ctx, env)
        self.storage = ctx.storage
        self.storage.sql.exec(
            "CREATE TABLE IF NOT EXISTS t(x); CREATE TABLE IF NOT EXISTS parent(x PRIMARY KEY);"
            "CREATE TABLE IF NOT EXISTS child("
            "  x REFERENCES parent(x) DEFERRABLE INITIALLY DEFERRED)"
        )

    async def look(self) -> list[Any]:
        """Return what is stored."""
        return [await self.storage.list(), self._rows(), await self.storage.get_alarm()]

    async def perform(self, number: int) -> int:
        """Run a program as an event."""
        await self._run(self.model.runs[number])
        return number

    async def alarm(self, info: Any) -> None:
        """Run the alarm's program: while it runs, the alarm is stored and not shown."""
        model, run = self.model, self.model.alarm_run
        assert run is not None
        assert info.scheduled_time == model.state.alarm
        assert info.scheduled_time <= self._now()
        model.deferred = True
        try:
            await self._run(run, alarm=True)
        except AssertionError as error:
            model.wrong.append(error)  # nobody is told of what an alarm raises
            raise

    async def _run(self, run: Run, *, alarm: bool = False) -> None:
        model = self.model
        assert not model.sections, "an event entered while a section was open"
        self._compare()
        await self._steps(run.program, run)
        await self._turn(run)
        if run.ending == "return":
            self._compare()
            if alarm and model.deferred:
                model.state.alarm, model.deferred, model.confirm = None, False, True
        elif run.ending == "abort":
            self.ctx.abort("planned")
        elif run.ending == "bad commit":
            self.storage.sql.exec("INSERT INTO child VALUES (99)")
            return
        if alarm:
            model.deferred = False
        model.boundary()
        run.end = model.last
        if run.ending == "raise":
            raise PlannedError("planned")

    async def _steps(self, steps: list[Any], run: Run) -> None:
        for what, *arguments in steps:
            await getattr(self, f"_{what}")(run, *arguments)

    async def _turn(self, run: Run) -> None:
        """Wait until the storage is ours, as the first thing a step does."""
        model = self.model
        if model.sections and model.sections[-1] != run.number:
            model.boundary()  # it will wait, so the turn is over
        await self.storage.get("a")
        assert not model.sections or model.sections[-1] == run.number, "used in another's section"

    def _compare(self) -> None:
        state, model = self.model.state, self.model
        assert dict(self.storage.kv.list()) == state.entries
        assert self._rows() == state.rows
        shown = self.storage._database.alarm.get()
        assert shown == (None if model.deferred else state.alarm)

    def _rows(self) -> list[int]:
        return [x for (x,) in self.storage.sql.exec("SELECT x FROM t ORDER BY rowid").raw()]

    def _now(self) -> int:
        return self.storage._database.alarm.now()

    # --- steps

    async def _put(self, run: Run, key: str, value: int, confirm: bool) -> None:
        await self._turn(run)
        await self.storage.put(key, value, allow_unconfirmed=not confirm)
        self.model.state.entries[key] = value
        self.model.confirm |= confirm

    async def _delete(self, run: Run, key: str) -> None:
        await self._turn(run)
        assert await self.storage.delete(key) == (key in self.model.state.entries)
        self.model.confirm |= self.model.state.entries.pop(key, None) is not None

    async def _insert(self, run: Run, value: int) -> None:
        await self._turn(run)
        self.storage.sql.exec("INSERT INTO t VALUES (?)", value)
        self.model.state.rows.append(value)
        self.model.confirm = True

    async def _shift(self, run: Run, by: int) -> None:
        await self._turn(run)
        self.storage.sql.exec("UPDATE t SET x = x + ?", by)
        self.model.state.rows = [x + by for x in self.model.state.rows]
        self.model.confirm |= bool(self.model.state.rows)

    async def _set_alarm(self, run: Run, seconds: int) -> None:
        await self._turn(run)
        model, due = self.model, max(BEGINNING_MS + seconds * 1000, self._now())
        await self.storage.set_alarm(BEGINNING_MS + seconds * 1000)
        running = self.storage._database.alarm._running
        due = due if running is None else max(due, running + 1)
        model.confirm |= model.deferred or model.state.alarm != due
        model.state.alarm, model.deferred = due, False

    async def _delete_alarm(self, run: Run) -> None:
        await self._turn(run)
        model = self.model
        await self.storage.delete_alarm()
        model.confirm |= model.state.alarm is not None
        model.state.alarm, model.deferred = None, False

    async def _pause(self, run: Run) -> None:
        """Stand still until the test opens the door; the turn ends here."""
        self.model.boundary()
        run.door = asyncio.get_running_loop().create_future()
        await run.door

    async def _at_once(self, run: Run, steps: list[Any], keep: bool) -> None:
        """`transaction_sync`."""
        await self._turn(run)
        model = self.model
        model.savepoints.append((deepcopy(model.state), model.deferred))

        def work() -> None:
            for key, value in steps:
                self.storage.kv.put(key, value)
                self.storage.sql.exec("INSERT INTO t VALUES (?)", value)
                model.state.entries[key] = value
                model.state.rows.append(value)
            if not keep:
                raise PlannedError

        try:
            self.storage.transaction_sync(work)
        except PlannedError:
            model.finish(keep=False)
        else:
            model.finish(keep=True)
            model.confirm |= bool(steps)
        self._compare()

    async def _transaction(self, run: Run, steps: list[Any], fate: str) -> None:
        model = self.model

        async def closure(txn: Any) -> None:
            model.begin()
            model.sections.append(run.number)
            await self._steps(steps, run)
            await self._turn(run)
            if fate == "rollback":
                txn.rollback()
            model.finish(keep=fate == "keep")
            model.sections.pop()
            if fate == "raise":
                raise PlannedError
            self._compare()
            model.boundary()

        await self._turn(run)
        model.boundary()  # what was written before is committed first, and may have to wait
        try:
            await self.storage.transaction(closure)
        except PlannedError:
            self._compare()

    async def _section(self, run: Run, steps: list[Any]) -> None:
        async def work() -> None:
            self.model.boundary()
            self.model.sections.append(run.number)
            await self._steps(steps, run)
            await self._turn(run)
            self.model.boundary()
            self.model.sections.pop()

        await self._turn(run)
        self.model.boundary()
        await self.ctx.block_concurrency_while(work)

"""Objects at work on a machine, and a check of what is found of them on another."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import apsw

from sourdough.errors import SourdoughError, StorageError
from sourdough.storage import connection as connections
from sourdough.storage.connection import run
from sourdough.storage.database import Database
from sourdough.storage.facet_files import facet_path
from sourdough.storage.layout import object_path
from sourdough.storage.meta import ObjectMeta
from sourdough.storage.storage import Storage
from sourdough.testing import FakeClock
from tests.power import turns
from tests.power.past import ABSENT, Past, digest
from tests.power.subject import SEATS
from tests.power.threads import KilledError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from pathlib import Path
    from random import Random

    from tests.power.power import Machine
    from tests.power.subject import Subject

LABELS = ("a", "b", "c", "d")
# The database of one is that of a facet of another, which comes and goes by itself here.
_OF = {"d": "c"}
PAGE_SIZES = (512, 1024, 4096)


class LostError(AssertionError):
    """What was found is not what may be found."""


@dataclass(slots=True)
class Actor:
    """One object as its host has it."""

    label: str
    seat: int
    past: Past
    database: Database | None = None
    storage: Storage | None = None
    connection: apsw.Connection | None = None
    ending: asyncio.Task | None = None
    cursors: list[object] = field(default_factory=list)
    broken: bool = False
    certain: bool = False
    """Whether its last state must be found: neither power nor a process was lost since."""


class World:
    """A server with its objects; everything happens on one loop, in the order of a seed."""

    def __init__(
        self,
        machine: Machine,
        subject: Subject,
        pasts: dict[str, Past],
        random: Random,
        *,
        often: tuple[str, ...] = (),
    ) -> None:
        self.machine = machine
        self.subject = subject
        self.random = random
        self._weights = [
            weight * (10 if step.__name__ in often else 1) for step, weight in _STEPS.items()
        ]
        self._generations = dict.fromkeys(SEATS, 0)
        self.actors = {label: Actor(label, random.choice(SEATS), pasts[label]) for label in LABELS}

    # Working

    async def work(self, steps: int) -> None:
        """Start the server and let objects work; ends in the middle of everything."""
        with self._disk_works():
            if self.random.random() < 0.3:
                self._look_from_outside()
            await self.subject.start(self.machine)
        for _ in range(steps):
            await self._step()
            for _ in range(self.random.choice((0, 0, 1, 2, 5))):
                await self._go_on()

    async def _step(self) -> None:
        for seat in SEATS:
            if self.subject.failed(seat):
                await self._die(seat)
        free = [actor for actor in self.actors.values() if actor.ending is None]
        if not free:
            await self._go_on()
            return
        actor = self.random.choice(free)
        if actor.broken:
            actor.certain = False
            self._abandon(actor)
        step, *_ = self.random.choices(tuple(_STEPS), self._weights)
        try:
            await step(self, actor)
        except SourdoughError:
            if not (actor.broken or self.machine.failing_writes or self.subject.failed(actor.seat)):
                raise
            actor.broken = True

    async def _turn(self, actor: Actor) -> None:
        """An event that writes; its answer waits for the commit."""
        storage = self._storage(actor)
        turns.write(storage, self.random)
        self._flush(actor)

    async def _look(self, actor: Actor) -> None:
        """An event that reads; a cursor may stay open."""
        storage = self._storage(actor)
        self._flush(actor)
        if actor.cursors:
            actor.cursors.clear()
        elif actor.database is not None and actor.database.exists:
            actor.cursors.append(turns.open_cursor(storage))

    async def _doze(self, _actor: Actor) -> None:
        """Nobody uses anything for a while: what can be closed is closed until the next event."""
        for _ in range(self.random.choice((0, 5, 20))):
            await self._go_on()
        for each in self.actors.values():
            database = each.database
            sleeps = each.ending is None and self.subject.engine(each.seat).awake is not None
            if database is not None and sleeps and database.tire():
                database.doze()

    async def _evict(self, actor: Actor) -> None:
        self._end(actor, lambda database: database.close())

    async def _release(self, actor: Actor) -> None:
        self._end(actor, lambda database: database.release())

    async def _reset(self, actor: Actor) -> None:
        """An instance dies in the middle of a turn."""
        storage = self._storage(actor)
        turns.write(storage, self.random)
        self._abandon(actor)

    async def _delete(self, actor: Actor) -> None:
        async def delete(database: Database) -> None:
            await database.release()
            begun = self.machine.disk.position
            number = actor.past.became(begun, ABSENT)
            await self.subject.remove(actor.seat, self._path(actor.label))
            actor.past.reveal(self.machine.disk.position, number)

        self._storage(actor)
        self._end(actor, delete)

    async def _move(self, actor: Actor) -> None:
        """Its slot goes to the other seat."""

        async def move(database: Database) -> None:
            await database.release()
            actor.seat = next(seat for seat in SEATS if seat != actor.seat)

        if self.subject.moves_objects:
            self._end(actor, move)

    async def _hand_over(self, actor: Actor) -> None:
        """The occupant of a seat closes all it has and gives the seat to another."""
        seat = actor.seat
        mine = [each for each in self.actors.values() if each.seat == seat]
        if any(each.ending is not None for each in mine) or self.subject.failed(seat):
            return
        for each in mine:
            self._end(each, lambda database: database.release())

        async def hand_over() -> None:
            for each in mine:
                if each.ending is not None:
                    await asyncio.wait([each.ending])
            await self.subject.leave(seat)

        leaving = asyncio.get_running_loop().create_task(hand_over())
        while not leaving.done():
            await self._go_on()
        await leaving
        if not self.subject.failed(seat):
            with self._disk_works():
                await self.subject.take_over(seat)
            self._generations[seat] += 1

    async def _crash(self, actor: Actor) -> None:
        await self._die(actor.seat)

    async def _go_on(self) -> None:
        if self.machine.threads.busy:
            self.machine.threads.step()
        await asyncio.sleep(0)

    def _storage(self, actor: Actor) -> Storage:
        if actor.database is None:
            self._open(actor)
        assert actor.storage is not None
        return actor.storage

    def _open(self, actor: Actor) -> None:
        connections.PAGE_SIZE = self.random.choice(PAGE_SIZES)
        actor.broken = False
        actor.database = self._database(actor.label, actor.seat, lambda _: _break(actor))
        actor.storage = Storage(actor.database)
        if self.random.random() < 0.5 and actor.database.exists:
            turns.shrink_cache(actor.database.connection(), self.random)
        actor.database.mark_constructed()
        self._compare(actor, self._state(actor.database), self.machine.disk.position + 1)
        actor.certain = True
        self._flush(actor)

    def _flush(self, actor: Actor) -> None:
        """End the turn; note the state, and when it is durable that somebody was told of it."""
        database, past = actor.database, actor.past
        assert database is not None
        begun = self.machine.disk.position
        if self.machine.failing_syncs or self.machine.failing_writes:
            with suppress(apsw.Error):  # a commit that fails may yet be there
                past.became(begun, self._state(database))
        commit = database.flush()
        number = past.became(begun, self._state(database))

        seat, generation = actor.seat, self._generations[actor.seat]

        def tell(error: Exception | None) -> None:
            alive = self.machine.disk.recording and generation == self._generations[seat]
            if error is None and alive:
                past.reveal(self.machine.disk.position, number)

        if commit == 0:
            tell(None)
        else:
            database.when_durable(commit, tell)

    def _end(self, actor: Actor, how: Callable[[Database], Coroutine]) -> None:
        database = actor.database
        if database is None or self.subject.failed(actor.seat):
            return
        actor.cursors.clear()
        actor.connection = None if database._dozes else database.connection_or_none()

        async def end() -> None:
            try:
                await how(database)
            except KilledError:
                return
            except (SourdoughError, OSError, apsw.Error):
                assert self.subject.failed(actor.seat) or self.machine.failing_writes
                actor.certain = False
            finally:
                actor.database = actor.storage = actor.ending = None

        actor.ending = asyncio.get_running_loop().create_task(end())

    def _abandon(self, actor: Actor) -> None:
        if actor.database is not None:
            actor.cursors.clear()
            actor.database.abandon()
            actor.database = actor.storage = None

    async def _die(self, seat: int) -> None:
        """The host process of a seat is killed; another one takes over."""
        await self._bury(seat)
        with self._disk_works():
            await self.subject.take_over(seat)

    @contextmanager
    def _disk_works(self) -> Iterator[None]:
        """A start that fails is tried again by somebody: nothing is to be seen of it here."""
        machine = self.machine
        rates = machine.failing_syncs, machine.failing_writes
        machine.failing_syncs = machine.failing_writes = 0.0
        yield
        machine.failing_syncs, machine.failing_writes = rates

    async def _bury(self, seat: int) -> None:
        """Let go of all that a host had, of which nothing reaches the disk any more."""
        disk = self.machine.disk
        recording, disk.recording = disk.recording, False
        self.subject.die(seat)
        self._generations[seat] += 1
        self.machine.threads.kill(seat)
        ending = []
        for actor in self.actors.values():
            if actor.seat == seat:
                actor.certain = False
                if actor.ending is not None:
                    actor.ending.cancel()
                    ending.append(actor.ending)
                with suppress(KilledError):
                    self._abandon(actor)
                actor.database = actor.storage = None
                if actor.connection is not None:
                    actor.connection.close(True)
                    actor.connection = None
        disk.recording = recording
        await asyncio.gather(*ending, return_exceptions=True)

    async def power_off(self) -> None:
        """Nothing that happens from here on reaches the disk; let go of everything."""
        self.machine.disk.recording = False
        for seat in SEATS:
            await self._bury(seat)
        self.machine.threads.finish()

    def _look_from_outside(self) -> None:
        """Somebody inspects an object while no server runs."""
        for label in LABELS:
            with suppress(StorageError):
                self.subject.look(self.machine, self._path(label))

    # Checking

    async def check(self) -> None:
        """Start the server on what a cut left; every object is as it may be. Raises LostError."""
        await self.subject.start(self.machine)
        for actor in self.actors.values():
            self._compare(actor, self._found(actor), self.machine.disk.position + 1)

    def _compare(self, actor: Actor, found: str, position: int) -> None:
        past = actor.past
        if found in ({past.states[-1][1]} if actor.certain else past.admissible(position)):
            return
        known = [digest for _, digest in past.states]
        number = known.index(found) if found in known else found
        told = len(known) - 1 if actor.certain else past.least(position)
        raise LostError(
            f"object {actor.label}: found state {number}, told {told} of {len(known) - 1}"
        )

    def _found(self, actor: Actor) -> str:
        database = self._database(actor.label, actor.seat, lambda _: None)
        actor.database = database
        if not database.exists:
            return ABSENT
        connection = database.connection()
        if (whole := run(connection, "PRAGMA integrity_check")) != [("ok",)]:
            raise LostError(f"object {actor.label}: {whole}")
        return digest(connection)

    def _database(self, label: str, seat: int, on_broken: Callable[[Exception], None]) -> Database:
        return Database(
            path=self._path(label),
            meta=ObjectMeta(storage_name="Counter", class_name="Counter", id=_id(label)),
            engine=self.subject.engine(seat),
            schedule=lambda _: None,
            clock=FakeClock(),
            on_broken=on_broken,
        )

    def _state(self, database: Database) -> str:
        return digest(database.connection()) if database.exists else ABSENT

    def _path(self, label: str) -> Path:
        path = object_path(self.machine.disk.folder, "Counter", _id(_OF.get(label, label)))
        return facet_path(path, 1) if label in _OF else path


def _id(label: str) -> bytes:
    return hashlib.sha256(label.encode()).digest()


def _break(actor: Actor) -> None:
    actor.broken = True


_STEPS = {
    World._turn: 70,
    World._look: 8,
    World._doze: 12,
    World._evict: 4,
    World._release: 3,
    World._reset: 2,
    World._delete: 3,
    World._move: 3,
    World._hand_over: 2,
    World._crash: 3,
}

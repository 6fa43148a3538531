"""What makes the commits of a host's objects durable: its journal, or each object's own WAL.

A journal belongs to a seat and an epoch (invariant P1): it begins when the seat is taken and ends
before the seat is given away, so that the next occupant finds nobody writing. Which of the two
ways a folder is kept in is written in the folder: the server has made it so before any host began.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sourdough.errors import StorageError
from sourdough.storage.awake import Awake
from sourdough.storage.engine import Durability
from sourdough.storage.failure import write_error
from sourdough.storage.journal.disk import RealDisk
from sourdough.storage.journal.host_journal import HostJournal
from sourdough.storage.journal.life import read_life
from sourdough.storage.journal.records import ObjectKey
from sourdough.storage.wal_engine import WalEngine

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from pathlib import Path

    from sourdough.storage.engine import Engine
    from sourdough.storage.journal.adoption import Adoption
    from sourdough.storage.limits import SqlLimits


class Noted(NamedTuple):
    """An alarm that an earlier occupant of the seat has noted; `kept`: the index holds it."""

    storage_name: str
    id: bytes
    due: int
    kept: Callable[[], None]


def is_journaled(storage: Path) -> bool:
    """Say whether a folder is kept with journals. Raises StorageError."""
    return read_life(storage, RealDisk()) is not None


class Engines:
    """The engines of one host, one for each level of durability that its classes ask for."""

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        storage: Path,
        limits: SqlLimits,
        memory: bool,
        most_open: int,
        on_failed: Callable[[Exception], None],
        on_congested: Callable[[bool], None],
    ) -> None:
        """memory: whether everything is as durable as memory, whatever classes ask for.

        most_open: how many databases may be open at once, for the descriptors there are.
        """
        self.awake = Awake(soon=loop.call_soon, most=most_open)
        self._loop = loop
        self._storage = storage
        self._limits = limits
        self._memory = memory
        self._on_failed = on_failed
        self._on_congested = on_congested
        self._journal: HostJournal | None = None
        self._wal: list[WalEngine] = []
        self._engines: dict[Durability, Engine] = {}

    def of(self, durability: str) -> Engine:
        """Return the engine of a level. Raises StorageError while this host has no seat."""
        level = Durability.MEMORY if self._memory else Durability(durability)
        engine = self._engines.get(level)
        if engine is None:
            engine = self._engines[level] = self._make(level)
        return engine

    def take_seat(self, seat: int, epoch: int) -> None:
        """Begin the journal of a seat, with what is left of its earlier occupants'.

        Does nothing in a folder without journals. Raises StorageError.
        """
        disk = RealDisk()
        try:
            life = read_life(self._storage, disk)
            if life is None:
                return
            self._journal = HostJournal(
                root=self._storage,
                seat=seat,
                epoch=life.epoch(epoch),
                void_before=life.void_before,
                disk=disk,
                loop=self._loop,
                on_failed=self._on_failed,
                on_congested=self._on_congested,
            )
        except OSError as error:
            what = "the journal cannot be begun"
            raise write_error(what, error, path=self._storage) from error

    def note_alarm(
        self, storage_name: str, raw: bytes, due: int, durable: bool
    ) -> Callable[[], None] | None:
        """Note an earlier alarm ahead of its commit (invariant S11); see `alarms.Note`.

        None as well where the index is silent of so many that this commit is to wait for it.
        Raises OSError where the disk is full.
        """
        if self._journal is None:
            return None
        intents = self._journal.intents
        packed = ObjectKey(storage_name, raw).packed()
        if not intents.has_room(packed):
            return None
        number = intents.note(packed, due, sync=durable and not self._memory)
        return lambda: intents.kept(packed, number)

    def adopted_alarms(self) -> list[Noted]:
        """Return what earlier occupants of the seat have noted."""
        if self._journal is None:
            return []
        adoption = self._journal.adoption
        return [_noted(adoption, packed, due) for packed, due in adoption.intents.items()]

    async def leave_seat(self) -> None:
        """End the journal; every database is closed. What it still holds the next owner redoes."""
        journal, self._journal = self._journal, None
        if journal is not None:
            self._engines.clear()
            await journal.release()

    def close(self) -> None:
        """End all threads."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None
        for engine in self._wal:
            engine.close()

    def _make(self, level: Durability) -> Engine:
        if self._journal is not None:
            engine = self._journal.engine(durability=level, limits=self._limits)
            engine.awake = self.awake
            return engine
        if is_journaled(self._storage):
            raise StorageError("this host owns no objects")
        wal = WalEngine(
            loop=self._loop,
            durability=level,
            on_failed=self._on_failed,
            limits=self._limits,
            on_congested=self._on_congested,
        )
        self._wal.append(wal)
        return wal


def _noted(adoption: Adoption, packed: bytes, due: int) -> Noted:
    key = ObjectKey.unpacked(packed)
    return Noted(key.namespace, key.id, due, lambda: adoption.intent_kept(packed))

"""Hosts with journals, made small: segments that fill after some commits, folds all the time."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, ClassVar

from sourdough.storage import offline
from sourdough.storage.awake import Awake
from sourdough.storage.journal import adoption, journal, marker, recovery, scraps, segments
from sourdough.storage.journal.disk import RealDisk
from sourdough.storage.journal.host_journal import HostJournal
from sourdough.storage.journal.life import read_life
from tests.power.subject import SEATS
from tests.power.threads import DeadError, TurnExecutor, TurnLock

if TYPE_CHECKING:
    from pathlib import Path

    from sourdough.storage.engine import Engine
    from tests.power.power import Machine


class HostDisk(RealDisk):
    """The disk of one host; a dead one reaches it no more."""

    def __init__(self) -> None:
        self.dead = False

    def open(self, path, *, create=False):
        if self.dead:
            raise DeadError
        return super().open(path, create=create)

    def pwrite(self, fd, buffers, offset):
        if not self.dead:
            super().pwrite(fd, buffers, offset)

    def truncate(self, fd, size):
        if not self.dead:
            super().truncate(fd, size)

    def sync(self, fd):
        if not self.dead:
            super().sync(fd)

    def sync_directory(self, path):
        if not self.dead:
            super().sync_directory(path)

    def rename(self, old, new):
        if not self.dead:
            super().rename(old, new)

    def unlink(self, path):
        if not self.dead:
            super().unlink(path)


class JournalSubject:
    """A server whose folder is kept with journals."""

    moves_objects = False
    segment_bytes: ClassVar = (5_000, 10_000, 24_000)
    fold_bytes: ClassVar = (4_000, 30_000)

    def __init__(self) -> None:
        self._hosts: dict[int, HostJournal] = {}
        self._disks: dict[int, HostDisk] = {}
        self._engines: dict[int, Engine] = {}
        self._failed: set[int] = set()
        self._epoch = 0
        self._owner = 0

    def look(self, machine: Machine, path: Path) -> None:
        self._rig(machine)
        recovery.settle(machine.disk.folder)
        offline.inspect(path)

    async def start(self, machine: Machine) -> None:
        self._machine = machine
        self._rig(machine)
        damaged = recovery.prepare_storage(machine.disk.folder, "journal")
        assert not damaged, damaged
        for seat in SEATS:
            await self.take_over(seat)

    def engine(self, seat: int) -> Engine:
        return self._engines[seat]

    def die(self, seat: int) -> None:
        if seat in self._disks:
            self._disks[seat].dead = True

    async def leave(self, seat: int) -> None:
        await self._hosts[seat].release()

    async def take_over(self, seat: int) -> None:
        folder = self._machine.disk.folder
        self._owner = seat
        self._failed.discard(seat)
        self._epoch += 1
        disk = self._disks[seat] = HostDisk()
        life = read_life(folder, disk)
        assert life is not None
        self._hosts[seat] = HostJournal(
            root=folder,
            seat=seat,
            epoch=life.epoch(self._epoch),
            void_before=life.void_before,
            disk=disk,
            loop=asyncio.get_running_loop(),
            on_failed=lambda _: None if disk.dead else self._failed.add(seat),
            segment_bytes=self._machine.random.choice(self.segment_bytes),
            unsynced_bytes=60_000,
            keep_segments=self._machine.random.choice((0, 1, 2)),
        )
        fold_bytes = self._machine.random.choice(self.fold_bytes)
        engine = self._hosts[seat].engine(fold_bytes=fold_bytes)
        limit = self._machine.random.choice((1, 2, 4))
        engine.awake = Awake(soon=asyncio.get_running_loop().call_soon, limit=limit)
        self._engines[seat] = engine

    async def remove(self, seat: int, path: Path) -> None:
        self._hosts[seat].engine().remove(path)

    def failed(self, seat: int) -> bool:
        return seat in self._failed

    def _rig(self, machine: Machine) -> None:
        """Give the journal threads, locks and a sense of time that a seed decides on."""
        threads, random = machine.threads, machine.random
        paced = random.choice((0.0, 0.5, 1.0))

        class TurnPace:
            inline = property(lambda _: random.random() < paced)

            def took(self, seconds: float) -> None:
                """Whatever a sync took here says nothing."""

        locks = SimpleNamespace(Lock=lambda: TurnLock(threads))
        for module in (journal, recovery):
            machine.replace(
                module, "ThreadPoolExecutor", lambda *_, **__: TurnExecutor(threads, self._owner)
            )
        machine.replace(journal, "Pace", TurnPace)
        machine.replace(segments, "threading", locks)
        machine.replace(adoption, "threading", locks)
        machine.replace(scraps, "threading", locks)
        machine.replace(marker, "_AGAIN", 0)

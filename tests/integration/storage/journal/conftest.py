"""Hosts with journals on real files, one after the other on the same seat, and their ends."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from sourdough.storage.database import Database
from sourdough.storage.engine import Durability
from sourdough.storage.journal.disk import RealDisk
from sourdough.storage.journal.host_journal import HostJournal
from sourdough.storage.journal.life import read_life
from sourdough.storage.journal.recovery import recover
from sourdough.storage.meta import ObjectMeta
from sourdough.storage.storage import Storage

if TYPE_CHECKING:
    from pathlib import Path

    from sourdough.storage.journal.recovery import Recovery


class FixedClock:
    """A clock that stands still."""

    def now(self) -> float:
        return 1_700_000_000.0

    def monotonic(self) -> float:
        return 1.0


class HeldDisk(RealDisk):
    """The real disk, whose syncs can be held back in threads, counted and made to fail."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.go.set()
        self.error: OSError | None = None
        self.syncs = 0
        """Syncs that a commit or the loop asked for: a spare segment is made whenever it is."""
        self.dead = False
        """Whether nothing reaches the journal any more: it stays with the process."""
        self._segments: set[int] = set()

    def sync(self, fd: int) -> None:
        if not threading.current_thread().name.startswith("sourdough-background"):
            self.syncs += 1
        if threading.current_thread() is not threading.main_thread():
            self.go.wait(10)
        if self.error is not None:
            raise self.error
        super().sync(fd)

    def open(self, path, *, create=False) -> int:
        fd = super().open(path, create=create)
        if path.suffix == ".segment":
            self._segments.add(fd)
        else:
            self._segments.discard(fd)
        return fd

    def pwrite(self, fd, buffers, offset) -> None:
        if not (self.dead and fd in self._segments):
            super().pwrite(fd, buffers, offset)


class InThreads:
    """A pace that never syncs on the loop."""

    inline = False

    def took(self, seconds: float) -> None:
        """Whatever it was, the next one is in a thread too."""


@dataclass
class Server:
    """A storage folder, the server's lives on it, and one host at a time."""

    folder: Path
    disk: HeldDisk = field(default_factory=HeldDisk)
    failed: list = field(default_factory=list)
    broken: list = field(default_factory=list)
    congested: list = field(default_factory=list)
    hosts: list = field(default_factory=list)
    current: HostJournal | None = None
    databases: list = field(default_factory=list)

    def start(self) -> Recovery:
        """Do what a server does before its hosts."""
        return recover(self.folder, self.disk)

    def host(self, *, threads: bool = False, **options) -> HostJournal:
        """Begin the journal of the seat's next occupant."""
        life = read_life(self.folder, self.disk) or self.start().life
        host = HostJournal(
            root=self.folder,
            seat=1,
            epoch=life.epoch(len(self.hosts) + 1),
            void_before=life.void_before,
            disk=self.disk,
            loop=asyncio.get_running_loop(),
            on_failed=self.failed.append,
            on_congested=self.congested.append,
            **options,
        )
        if threads:
            host.journal.pace = InThreads()
        self.hosts.append(host)
        self.current = host
        return host

    def object(
        self, label: str = "a", *, durability=Durability.DISK, fold_bytes=1 << 20, alarms=None
    ):
        """Return the storage of an object under the present host."""
        raw = hashlib.sha256(label.encode()).digest()
        host = self.current or self.host()
        database = Database(
            path=self.path(label),
            meta=ObjectMeta(storage_name="Counter", class_name="Counter", id=raw),
            engine=host.engine(durability=durability, fold_bytes=fold_bytes),
            schedule=asyncio.get_running_loop().call_soon,
            clock=FixedClock(),
            on_broken=self.broken.append,
            alarms=alarms,
        )
        self.databases.append(database)
        storage = Storage(database)
        database.mark_constructed()
        return storage

    def path(self, label: str = "a") -> Path:
        raw = hashlib.sha256(label.encode()).hexdigest()
        return self.folder / "Counter" / raw[:3] / f"{raw}.sqlite"

    def kill(self) -> None:
        """End the host as SIGKILL does: what it has not written is lost, nothing is folded."""
        self.disk.dead = True
        for database in self.databases:
            database.abandon()
        self.hosts[-1].close()
        self.disk.dead = False
        self.databases.clear()
        self.current = None

    async def release(self) -> None:
        """Have the host give its seat away."""
        for database in self.databases:
            await database.close()
        self.databases.clear()
        await self.hosts[-1].release()
        self.current = None

    def journal_files(self) -> list[str]:
        folder = self.folder / "journal.d"
        return sorted(each.name for each in folder.iterdir() if each.name != "life")

    def leftovers(self) -> list[str]:
        """Return what stands beside the databases."""
        return sorted(
            each.name for each in self.folder.glob("Counter/*/*") if each.suffix != ".sqlite"
        )


@pytest.fixture
async def server(tmp_path):
    """A storage folder; whatever is still open at the end is given up."""
    made = Server(tmp_path)
    yield made
    made.disk.go.set()
    made.disk.error = None
    for database in made.databases:
        database.abandon()
    for host in made.hosts:
        if not host.journal.closed:
            host.close()


async def soon(condition, *, seconds: float = 10.0) -> None:
    """Let the loop turn until something holds; fail in time."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.001)

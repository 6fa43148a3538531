"""Real files in a temporary folder, and databases on them that are gone at the test's end."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from sourdough.storage.database import Database
from sourdough.storage.disk import sync_data
from sourdough.storage.engine import Durability
from sourdough.storage.meta import ObjectMeta
from sourdough.storage.storage import Storage
from sourdough.storage.wal_engine import WalEngine

if TYPE_CHECKING:
    from pathlib import Path


class FixedClock:
    """A clock that stands still."""

    def now(self) -> float:
        return 1_700_000_000.0

    def monotonic(self) -> float:
        return 1.0


@dataclass
class World:
    """Opens objects under one engine; a new one takes over what an old one left."""

    folder: Path
    broken: list = field(default_factory=list)
    failed: list = field(default_factory=list)
    engines: list = field(default_factory=list)
    databases: list = field(default_factory=list)

    def engine(self, **options) -> WalEngine:
        options.setdefault("durability", Durability.DISK)
        engine = WalEngine(loop=asyncio.get_running_loop(), on_failed=self.failed.append, **options)
        self.engines.append(engine)
        return engine

    def database(self, label="a", *, engine=None, name=None, constructed=True) -> Database:
        raw = hashlib.sha256(label.encode()).digest()
        database = Database(
            path=self.path(label),
            meta=ObjectMeta(storage_name="Counter", class_name="Counter", id=raw, name=name),
            engine=engine or (self.engines[-1] if self.engines else self.engine()),
            schedule=asyncio.get_running_loop().call_soon,
            clock=FixedClock(),
            on_broken=self.broken.append,
        )
        self.databases.append(database)
        database.storage = Storage(database)
        if constructed:
            database.mark_constructed()
        return database

    def path(self, label="a") -> Path:
        raw = hashlib.sha256(label.encode()).hexdigest()
        return self.folder / "Counter" / raw[:3] / f"{raw}.sqlite"

    def files(self) -> list[str]:
        return sorted(path.name[64:] for path in self.folder.rglob("*") if path.is_file())


@pytest.fixture
async def world(tmp_path):
    """A storage folder; whatever is still open at the end is abandoned."""
    made = World(tmp_path)
    yield made
    for database in made.databases:
        database.abandon()
    for engine in made.engines:
        engine.close()


class Disk:
    """A sync function that can be held back and made to fail."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.go.set()
        self.error: OSError | None = None
        self.calls = 0

    def __call__(self, fd: int) -> None:
        self.calls += 1
        if not self.go.is_set():
            loop = threading.current_thread() is threading.main_thread()
            assert not loop, "the loop stands still for a disk that is held"
            assert self.go.wait(30), "nobody let the disk go on"
        if self.error is not None:
            raise self.error
        sync_data(fd)


@pytest.fixture
def disk():
    """A disk under the test's control; let go at the end, so that no thread hangs."""
    made = Disk()
    yield made
    made.go.set()

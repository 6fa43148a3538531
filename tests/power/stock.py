"""SQLite as it is, as an engine: the control that says whether the simulated disk is fair."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

import apsw

from sourdough.storage import offline
from sourdough.storage.connection import run
from sourdough.storage.engine import Durability
from sourdough.storage.layout import write_durably
from sourdough.storage.limits import DEFAULT_LIMITS
from sourdough.storage.removal import remove_object, wal_path
from sourdough.storage.stopwatch import Stopwatch
from tests.power.subject import SEATS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.power.power import Machine


class StockFile:
    """Implements `ObjectFile`: each commit is durable when `committed` returns."""

    def __init__(self, path: Path, synchronous: str) -> None:
        self.path = path
        self.lent = False
        self.commits = self.durable = 1
        self.connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        run(self.connection, "PRAGMA locking_mode=EXCLUSIVE")
        run(self.connection, f"PRAGMA synchronous={synchronous}")
        run(self.connection, "PRAGMA wal_autocheckpoint=20")
        run(self.connection, "PRAGMA journal_mode=WAL")
        self._sync()
        for directory in path.parents[:3]:
            self._sync_directory(directory)

    def committed(self) -> int:
        self._sync()
        return self.commits

    def admit(self):
        """SQLite finds out by itself."""

    def when_durable(self, _commit: int, callback: Callable[[Exception | None], None]) -> None:
        callback(None)

    async def close(self, *, fold: bool) -> None:
        self.connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, not fold)
        self.connection.close()

    def abandon(self, _error: Exception) -> None:
        self.connection.close(True)

    def _sync(self) -> None:
        with suppress(FileNotFoundError):
            fd = os.open(wal_path(self.path), os.O_RDWR)
            try:
                os.fdatasync(fd)
            finally:
                os.close(fd)

    def _sync_directory(self, path: Path) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


class StockEngine:
    """Implements `Engine`."""

    order = None
    awake = None

    def __init__(self, synchronous: str) -> None:
        self.limits = DEFAULT_LIMITS
        self.stopwatch = Stopwatch(self.limits.seconds, lambda: 0.0)
        self.durability = Durability.DISK
        self._synchronous = synchronous

    def exists(self, path: Path) -> bool:
        return path.exists()

    def open(self, path: Path) -> StockFile:
        return StockFile(path, self._synchronous)

    def create(self, path: Path, image: bytes) -> StockFile:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_object(path)
        in_wal_mode = image[:18] + b"\2\2" + image[20:]
        write_durably(path, in_wal_mode)
        return StockFile(path, self._synchronous)

    def fail(self, error: Exception) -> None:
        raise AssertionError from error


class StockSubject:
    """Hosts with stock SQLite."""

    moves_objects = True
    synchronous = "NORMAL"

    def look(self, machine: Machine, path: Path) -> None:
        _ = machine
        offline.inspect(path)

    async def start(self, machine: Machine) -> None:
        _ = machine
        self._engines = {seat: StockEngine(self.synchronous) for seat in SEATS}

    def engine(self, seat: int) -> StockEngine:
        return self._engines[seat]

    def die(self, seat: int) -> None:
        """It has no threads."""

    async def leave(self, seat: int) -> None:
        """Nothing is left to do."""

    async def take_over(self, seat: int) -> None:
        """The next process needs nothing."""

    async def remove(self, seat: int, path: Path) -> None:
        _ = seat
        remove_object(path)

    def failed(self, seat: int) -> bool:
        _ = seat
        return False


class CarelessSubject(StockSubject):
    """The same, told to sync nothing by itself."""

    synchronous = "OFF"

"""What is put on a disk that loses its power: servers of hosts with an engine each."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from sourdough.errors import StorageError
from sourdough.storage import offline
from sourdough.storage.removal import remove_object
from sourdough.storage.wal_engine import WalEngine
from tests.power.threads import TurnExecutor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sourdough.storage.engine import Engine
    from tests.power.power import Machine

SEATS = (1, 2)


class Subject(Protocol):
    """A server on one machine, from its start to its end."""

    moves_objects: bool
    """Whether an object may go to another seat while the server runs."""

    def look(self, machine: Machine, path: Path) -> None:
        """Inspect an object while no server runs. Raises StorageError when there is none."""
        ...

    async def start(self, machine: Machine) -> None:
        """Recover what the folder holds, and occupy all seats."""
        ...

    def engine(self, seat: int) -> Engine:
        """Return the engine of a seat's occupant."""
        ...

    def die(self, seat: int) -> None:
        """The occupant of a seat is dead: nothing it still does may reach the disk."""
        ...

    async def leave(self, seat: int) -> None:
        """The occupant of a seat gives it away; its databases are closed."""
        ...

    async def take_over(self, seat: int) -> None:
        """Put another occupant on a seat."""
        ...

    async def remove(self, seat: int, path: Path) -> None:
        """Delete an object that nobody has open."""
        ...

    def failed(self, seat: int) -> bool:
        """Say whether a sync of this host has failed, so that it must end."""
        ...


class WalSubject:
    """Hosts with the `WalEngine`."""

    moves_objects = True
    fold_bytes = 40_000

    def __init__(self) -> None:
        self._engines: dict[int, Engine] = {}
        self._failed: set[int] = set()

    def look(self, machine: Machine, path: Path) -> None:
        _ = machine
        offline.inspect(path)

    async def start(self, machine: Machine) -> None:
        self._machine = machine
        for seat in SEATS:
            await self.take_over(seat)

    def engine(self, seat: int) -> Engine:
        return self._engines[seat]

    def die(self, seat: int) -> None:
        """Its threads are dead, its connections closed: that is all."""

    async def leave(self, seat: int) -> None:
        """Nothing is left to do."""

    async def take_over(self, seat: int) -> None:
        self._failed.discard(seat)
        self._engines[seat] = self._new_engine(seat, lambda _error: self._failed.add(seat))

    async def remove(self, seat: int, path: Path) -> None:
        try:
            remove_object(path)
        except StorageError as error:
            self._engines[seat].fail(error)
            raise

    def failed(self, seat: int) -> bool:
        return seat in self._failed

    def _new_engine(self, seat: int, on_failed: Callable[[Exception], None]) -> Engine:
        engine = WalEngine(
            loop=asyncio.get_running_loop(),
            on_failed=on_failed,
            fold_bytes=self.fold_bytes,
            unsynced_bytes=60_000,
            threads=1,
        )
        engine.executor.shutdown()
        engine.executor = TurnExecutor(self._machine.threads, seat)
        return engine

"""Lives of a server, one after the other on the same disk, each ended by a cut or a kill.

A seed decides all: what the objects do, in which order threads go on, where the power fails and
what of the unsynced is left. Each life is cut in many places; what every cut leaves is recovered and
checked, and on one of them the next life goes on.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from tests.power.disk import SimulatedDisk
from tests.power.past import Past
from tests.power.power import Machine
from tests.power.threads import DeadError, KilledError
from tests.power.world import LABELS, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.power.subject import Subject

_MEMORY = Path("/dev/shm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is done with a seed."""

    lives: int = 3
    steps: int = 40
    cuts: int = 8
    """So many cuts of each life are checked."""
    failing_syncs: float = 0.0
    failing_writes: float = 0.0
    often: tuple[str, ...] = ()
    """Steps of `World` that are taken ten times as often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A cut that lost something."""

    seed: int
    life: int
    cut: int
    """-1: it was seen while the server ran on."""
    position: int
    what: str

    def __str__(self) -> str:
        return f"seed {self.seed}, life {self.life}, cut {self.cut} at {self.position}: {self.what}"


class Lives:
    """All lives of one seed."""

    def __init__(self, seed: int, subject: Callable[[], Subject], plan: Plan) -> None:
        self.seed = seed
        self.cuts = 0
        self.failures: list[Failure] = []
        self._subject = subject
        self._plan = plan
        self._pasts = {label: Past() for label in LABELS}

    def run(self) -> None:
        """Live until the plan is done, or a failure makes going on pointless."""
        with _folders() as folder:
            disk = SimulatedDisk(folder())
            for life in range(self._plan.lives):
                self._live(life, disk)
                if self.failures:
                    return
                self._check_cuts(life, disk, folder)
                disk = self._next(life, disk, folder)

    def _live(self, life: int, disk: SimulatedDisk) -> None:
        random = Random(f"{self.seed} {life}")
        with Machine(disk, random) as machine:
            machine.failing_syncs = self._plan.failing_syncs
            machine.failing_writes = self._plan.failing_writes
            world = World(machine, self._subject(), self._pasts, random, often=self._plan.often)

            async def live() -> None:
                self._listen(life, -1, disk)
                try:
                    await world.work(random.randrange(self._plan.steps // 2, self._plan.steps))
                except Exception as error:  # noqa: BLE001 (whatever it is, it is a finding)
                    self._failed(life, -1, disk.position, error)
                finally:
                    await world.power_off()

            asyncio.run(live())
            if not disk.complete():
                raise RuntimeError("something changed the disk's files and was not noted")

    def _check_cuts(self, life: int, disk: SimulatedDisk, folder: Callable[[], Path]) -> None:
        for cut in range(self._plan.cuts):
            self._check(life, cut, disk, folder())

    def _check(self, life: int, cut: int, disk: SimulatedDisk, folder: Path) -> None:
        random = Random(f"{self.seed} {life} {cut}")
        found, position, pasts = self._after(disk, random, folder)
        self.cuts += 1
        with Machine(found, random) as machine:
            world = World(machine, self._subject(), pasts, random)

            async def check() -> None:
                self._listen(life, cut, found, position)
                try:
                    await world.check()
                except Exception as error:  # noqa: BLE001 (whatever it is, it is a finding)
                    self._failed(life, cut, position, error)
                finally:
                    await world.power_off()

            asyncio.run(check())

    def _next(self, life: int, disk: SimulatedDisk, folder: Callable[[], Path]) -> SimulatedDisk:
        after, _, self._pasts = self._after(disk, Random(f"{self.seed} {life} next"), folder())
        return after

    def _after(
        self, disk: SimulatedDisk, random: Random, folder: Path
    ) -> tuple[SimulatedDisk, int, dict[str, Past]]:
        """Return the disk as the next server finds it: mostly after a cut, else after a kill."""
        position = _place(disk, random)
        cut = random.random() < 0.8
        pasts = {
            label: past.until(position, forget_places=cut) for label, past in self._pasts.items()
        }
        if cut:
            return SimulatedDisk(folder, disk.cut(position, random)), position, pasts
        return disk.killed(position, folder), position, pasts

    def _listen(
        self, life: int, cut: int, disk: SimulatedDisk, position: int | None = None
    ) -> None:
        """Have what is raised on the loop, where nobody catches it, be a finding."""

        def raised(_loop: asyncio.AbstractEventLoop, context: dict) -> None:
            error = context.get("exception")
            if disk.recording and not isinstance(error, DeadError | KilledError):
                place = disk.position if position is None else position
                self._failed(life, cut, place, error or RuntimeError(context["message"]))

        asyncio.get_running_loop().set_exception_handler(raised)

    def _failed(self, life: int, cut: int, position: int, error: BaseException) -> None:
        what = str(error) if isinstance(error, AssertionError) else repr(error)
        self.failures.append(
            Failure(seed=self.seed, life=life, cut=cut, position=position, what=what)
        )


def _place(disk: SimulatedDisk, random: Random) -> int:
    """Return a place of the log: any, or where a sync is about to end and what it saves may go."""
    syncs = [place for place in range(disk.carried, disk.position) if disk.is_sync(place)]
    if syncs and random.random() < 0.5:
        return random.choice(syncs)
    return random.randrange(disk.carried, disk.position + 1)


@contextmanager
def _folders() -> Iterator[Callable[[], Path]]:
    """Give a function that makes empty folders, in memory where there is such a place."""
    base = Path(tempfile.mkdtemp(prefix="power-", dir=_MEMORY if _MEMORY.is_dir() else None))

    def folder() -> Path:
        return Path(tempfile.mkdtemp(dir=base))

    try:
        yield folder
    finally:
        shutil.rmtree(base)

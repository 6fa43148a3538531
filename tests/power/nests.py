"""An object with facets at work on a machine that loses its power, and what is found of them then."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from sourdough.objects.backlog import QueueLimits
from sourdough.objects.durable_object import DurableObject
from sourdough.objects.event import Event
from sourdough.objects.eviction import Residency
from sourdough.objects.failure import decode_error, encode_error
from sourdough.objects.registry import ObjectClass, Registry
from sourdough.storage.database import Database
from sourdough.storage.layout import object_path
from sourdough.storage.meta import ObjectMeta
from sourdough.testing import FakeClock
from sourdough.values import decode, encode
from tests.power.disk import SimulatedDisk
from tests.power.past import Past
from tests.power.power import Machine
from tests.power.subject import SEATS
from tests.power.threads import KilledError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.power.subject import Subject

NAME = "Nest"
KEY = NAME.encode() + hashlib.sha256(b"n").digest()
SEAT = 1
CHAINS = ("a", "b")
_MEMORY = Path("/dev/shm")


class Egg(DurableObject):
    """A facet: a value, and facets of its own."""

    async def put(self, way: list[str], value: int) -> None:
        if way:
            await self.ctx.facets.get(way[0], Egg).put(way[1:], value)
        else:
            await self.ctx.storage.put("value", value)

    async def value(self, way: list[str]) -> int | None:
        if way:
            return await self.ctx.facets.get(way[0], Egg).value(way[1:])
        return await self.ctx.storage.get("value")


class Nest(Egg):
    """The object; each chain has a facet of its own, with one below, and a place for a copy."""

    async def delete(self, name: str) -> None:
        self.ctx.facets.delete(name)

    async def clone(self, source: str, target: str) -> None:
        await self.ctx.facets.clone(source, target)

    async def look(self, chain: str) -> list[Any]:
        ways = ([chain], [chain, "y"], [chain * 2], [chain * 2, "y"])
        return [await self.value(way) for way in ways]


class Waiting:
    """A caller: `objects.event.Reply`."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def returned(self, value: bytes) -> None:
        if not self.answer.done():
            self.answer.set_result(decode(value))

    def failed(self, error: BaseException) -> None:
        if not self.answer.done():
            self.answer.set_exception(decode_error(encode_error(error)))
            self.answer.exception()


class Direct:
    """A `Caller` that has facets only."""

    def new_order(self) -> Any:
        return SimpleNamespace(taker=None)

    async def call(self, _key, _name, path, args, kwargs, order) -> Any:
        waiting = Waiting()
        order.taker(Event(waiting, 0, 0, None, path, encode((args, kwargs))), None)
        return await waiting.answer


class World:
    """One life of a server with the object."""

    def __init__(self, machine: Machine, subject: Subject, pasts: dict[str, Past]) -> None:
        self.machine = machine
        self.random = machine.random
        self.subject = subject
        self.pasts = pasts
        self._clock = FakeClock()
        self._work: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda *_: None)
        await self.subject.start(self.machine)
        self._registry = Registry(
            loop=loop,
            classes=[
                ObjectClass(name=NAME, storage_name=NAME, type=Nest, env=None, durability="disk")
            ],
            open_database=self._open,
            queue=QueueLimits(),
            residency=Residency(),
            clock=self._clock,
            caller=Direct(),
        )

    def _open(self, _cls, object_id, on_broken) -> Database:
        return Database(
            path=object_path(self.machine.disk.folder, NAME, object_id.raw),
            meta=ObjectMeta(storage_name=NAME, class_name=NAME, id=object_id.raw),
            engine=self.subject.engine(SEAT),
            schedule=asyncio.get_running_loop().call_soon,
            clock=self._clock,
            on_broken=on_broken,
        )

    async def call(self, method: str, *args: Any) -> Any:
        waiting = Waiting()
        self._registry.deliver(KEY, None, Event(waiting, 0, 0, None, method, encode((args, {}))))
        return await waiting.answer

    # --- working

    async def work(self, turns: int) -> None:
        """Let all chains work; ends in the middle of everything."""
        self._work = [asyncio.ensure_future(self._chain(chain)) for chain in CHAINS]
        for _ in range(turns):
            await self.go_on()
            if self.random.random() < 0.01:
                self._disturb()

    async def go_on(self) -> None:
        if self.machine.threads.busy and self.random.random() < 0.7:
            self.machine.threads.step()
        await asyncio.sleep(0)

    def _disturb(self) -> None:
        container = self._registry.get(KEY)
        if self.random.random() < 0.5 and container is not None:
            container.reset(ValueError("as the seed wants it"))
        else:
            self._clock.advance(20)
            self._registry.sweep()

    async def _chain(self, chain: str) -> None:
        past, value = self.pasts[chain], 0
        state = await self.call("look", chain)
        while True:
            value += 1
            after, call = self._next(chain, state, self.random.randrange(1 << 30))
            number = past.became(self.machine.disk.position, repr(after))
            try:
                await self.call(*call)
                past.reveal(self.machine.disk.position, number)
                state = after
            except Exception:  # noqa: BLE001 (the instance has ended: what it did counts or not)
                state = await self._found(chain)
                past.became(self.machine.disk.position, repr(state))

    async def _found(self, chain: str) -> list[Any]:
        while True:
            with suppress(Exception):
                return await self.call("look", chain)

    def _next(self, chain: str, state: list[Any], value: int) -> tuple[list[Any], tuple[Any, ...]]:
        """Choose what to do; return what is there then, and the call."""
        own, below, copy, below_copy = state
        step = self.random.randrange(6)
        if step < 2:
            return [value, below, copy, below_copy], ("put", [chain], value)
        if step == 2:
            return [own, value, copy, below_copy], ("put", [chain, "y"], value)
        if step == 3:
            return [None, None, copy, below_copy], ("delete", chain)
        if step == 4:
            return [own, below, copy, value], ("put", [chain * 2, "y"], value)
        return [own, below, own, below], ("clone", chain, chain * 2)

    # --- looking

    async def check(self, position: int) -> None:
        """Everything is as it may be, and goes on so; what has no name is removed."""
        for chain in CHAINS:
            found = await self._driven(self.call("look", chain))
            assert repr(found) in self.pasts[chain].admissible(position), (
                f"chain {chain}: {found} of {self.pasts[chain]}"
            )
        container = self._registry.get(KEY)
        assert container is not None
        while container.work.tasks:
            await self.go_on()
        assert container.family.index.deleted() == []

    async def _driven(self, call: Any) -> Any:
        task = asyncio.ensure_future(call)
        while not task.done():
            await self.go_on()
        return task.result()

    async def power_off(self) -> None:
        """Nothing that happens from here on reaches the disk; let go of everything."""
        self.machine.disk.recording = False
        for seat in SEATS:
            self.subject.die(seat)
            self.machine.threads.kill(seat)
        for task in self._work:
            task.cancel()
        for container in list(self._registry):
            with suppress(KilledError):
                container.reset(ValueError("the power is off"))
        for _ in range(50):
            await asyncio.sleep(0)
        await asyncio.gather(*self._work, return_exceptions=True)
        self.machine.threads.finish()


def explore(subject: Callable[[], Subject], seed: int, *, cuts: int, turns: int = 600) -> None:
    """Live once, and look at what is left after cuts. Raises AssertionError."""
    base = Path(tempfile.mkdtemp(prefix="nests-", dir=_MEMORY if _MEMORY.is_dir() else None))
    try:
        disk = SimulatedDisk(Path(tempfile.mkdtemp(dir=base)))
        pasts = {chain: Past() for chain in CHAINS}
        for past in pasts.values():
            past.states[0] = (-1, repr([None] * 4))
        _live(World(Machine(disk, Random(seed)), subject(), pasts), turns)
        for cut in range(cuts):
            random = Random(f"{seed} {cut}")
            position = random.randrange(disk.position + 1)
            folder = Path(tempfile.mkdtemp(dir=base))
            if random.random() < 0.8:
                found = SimulatedDisk(folder, disk.cut(position, random))
            else:
                found = disk.killed(position, folder)
            _look(World(Machine(found, random), subject(), pasts), position)
    finally:
        shutil.rmtree(base)


def _live(world: World, turns: int) -> None:
    async def live() -> None:
        await world.start()
        try:
            await world.work(turns)
        finally:
            await world.power_off()

    with world.machine:
        asyncio.run(live())


def _look(world: World, position: int) -> None:
    async def look() -> None:
        await world.start()
        try:
            await world.check(position)
        finally:
            await world.power_off()

    with world.machine:
        asyncio.run(look())

"""Storage inside one process: operations per second, activation, memory per live object.

python benchmarks/storage.py [--objects 10000] [--statements 200000]

Objects run in a registry, as in a host, over a `WalEngine` with durability "os": what is measured
is our code and SQLite, not the disk.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import hashlib
import multiprocessing
import resource
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop

from sourdough.ids import ID_BYTES
from sourdough.objects.backlog import QueueLimits
from sourdough.objects.durable_object import DurableObject
from sourdough.objects.event import Event
from sourdough.objects.eviction import Residency
from sourdough.objects.registry import ObjectClass, Registry
from sourdough.observe.usage import resident_bytes
from sourdough.storage.database import Database
from sourdough.storage.engine import Durability
from sourdough.storage.layout import object_path
from sourdough.storage.meta import ObjectMeta
from sourdough.storage.wal_engine import WalEngine
from sourdough.testing import FakeClock
from sourdough.values import decode, encode

NAMESPACE = "Bench"


class Bench(DurableObject):
    """Does everything that is measured."""

    async def touch(self) -> int:
        value = await self.ctx.storage.get("value", 0) + 1
        await self.ctx.storage.put("value", value)
        return value

    async def key_values(self, count: int) -> float:
        storage = self.ctx.storage
        begun = time.perf_counter()
        for number in range(count):
            await storage.put("value", number)
            await storage.get("value")
        return time.perf_counter() - begun

    async def inserts(self, count: int) -> float:
        sql = self.ctx.storage.sql
        sql.exec("CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, body TEXT)")
        begun = time.perf_counter()
        for number in range(count):
            sql.exec("INSERT INTO t(body) VALUES(?)", number)
        return time.perf_counter() - begun

    async def selects(self, count: int) -> float:
        sql = self.ctx.storage.sql
        begun = time.perf_counter()
        for number in range(1, count + 1):
            sql.exec("SELECT body FROM t WHERE id = ?", number).one()
        return time.perf_counter() - begun


class Waiting:
    """A caller: `objects.event.Reply`."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def returned(self, value: bytes) -> None:
        self.answer.set_result(decode(value))

    def failed(self, error: BaseException) -> None:
        self.answer.set_exception(error)


class Host:
    """A registry in a temporary folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.loop = asyncio.get_running_loop()
        self.engine = WalEngine(loop=self.loop, durability=Durability.OS, on_failed=print)
        bound = ObjectClass(
            name="Bench", storage_name=NAMESPACE, type=Bench, env=None, durability="os"
        )
        self.registry = Registry(
            loop=self.loop,
            classes=[bound],
            open_database=self._open,
            queue=QueueLimits(),
            residency=Residency(resident_limit=1_000_000, hibernate_after=1e9),
        )

    def _open(self, cls, object_id, on_broken) -> Database:
        return Database(
            path=object_path(self.folder, cls.storage_name, object_id.raw),
            meta=ObjectMeta(
                storage_name=cls.storage_name,
                class_name=cls.name,
                id=object_id.raw,
                name=object_id.name,
            ),
            engine=self.engine,
            schedule=self.loop.call_soon,
            clock=FakeClock(),
            on_broken=on_broken,
        )

    async def call(self, number: int, method: str, *args: Any) -> Any:
        waiting = Waiting()
        raw = hashlib.sha256(str(number).encode()).digest()[:ID_BYTES]
        event = Event(waiting, 1, 1, None, method, encode((args, {})))
        self.registry.deliver(NAMESPACE.encode() + raw, None, event)
        return await waiting.answer


async def speed(host: Host, count: int) -> None:
    """Print what one object does in a second."""
    for method, what in (
        ("key_values", "KV put + get"),
        ("inserts", "SQL insert"),
        ("selects", "SQL select of one row"),
    ):
        await host.call(0, method, count // 10)
        seconds = await host.call(0, method, count)
        print(f"{what:<34}{count / seconds:>12,.0f} /s  {seconds / count * 1e6:6.2f} us")


async def activation(host: Host, count: int) -> None:
    """Print how long the first call of an existing object that does not live takes."""
    times = []
    for number in range(count):
        begun = time.perf_counter()
        await host.call(number, "touch")
        times.append((time.perf_counter() - begun) * 1000)
    times.sort()
    median, late = statistics.median(times), times[int(count * 0.99)]
    print(f"{'activation of an existing object':<34}{median:>12.3f} ms median, {late:.3f} ms p99")


async def memory(host: Host, before: int, count: int) -> None:
    """Print what an idle live object takes, just after its event and after a sweep."""
    gc.collect()
    fresh = resident_bytes() - before
    host.registry.sweep()
    gc.collect()
    idle = resident_bytes() - before
    each, swept = fresh / count / 1024, idle / count / 1024
    print(f"{'memory of a live object':<34}{each:>12.1f} KiB, {swept:.1f} KiB after a sweep")


async def create(folder: Path, objects: int) -> None:
    """Make the objects that are measured."""
    host = Host(folder)
    for number in range(objects):
        await host.call(number, "touch")
        if number % 1000 == 999:
            await host.registry.release_all()
    await host.registry.release_all()


async def measure(folder: Path, objects: int, count: int) -> None:
    """Measure what lives first: a heap that other work has grown would hide it."""
    host = Host(folder)
    await host.call(-1, "touch")
    gc.collect()
    before = resident_bytes()
    await activation(host, objects)
    await memory(host, before, objects)
    await host.registry.release_all()
    await speed(host, count)
    await host.registry.release_all()


def run_create(folder: str, objects: int) -> None:
    """Be the process that makes the objects."""
    uvloop.run(create(Path(folder), objects))


def main() -> None:
    """Read the arguments, raise the descriptor limit, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=10_000)
    parser.add_argument("--statements", type=int, default=100_000)
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    # Nothing dozes here: each of them has two files open.
    options.objects = min(options.objects, (most - 200) // 2)
    print(f"{options.objects:,} objects")
    with tempfile.TemporaryDirectory() as folder:
        # In a process of its own: what that one leaves in its heap is none of ours.
        child = multiprocessing.get_context("spawn").Process(
            target=run_create, args=(folder, options.objects)
        )
        child.start()
        child.join()
        uvloop.run(measure(Path(folder), options.objects, options.statements))


if __name__ == "__main__":
    main()

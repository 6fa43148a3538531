"""Durable commits in one process: the journal against each object's own WAL, in the same run.

    python benchmarks/journal.py [--folder DIR] [--objects 200] [--commits 20000] [--json]

Every worker puts a number into one object after the other and waits until it is durable
(`durability = "disk"`). `inline` and `threads` force where the journal syncs; `slow` adds 5 ms to
each sync; `busy` lets another task compute for 2 ms at a time, as handlers do.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from sourdough.clock import SYSTEM_CLOCK
from sourdough.storage import Database, ObjectMeta, Storage, WalEngine
from sourdough.storage.disk import sync_data
from sourdough.storage.journal.disk import RealDisk
from sourdough.storage.journal.host_journal import HostJournal

if TYPE_CHECKING:
    from collections.abc import Callable

SLOW_SECONDS = 0.005
BUSY_SECONDS = 0.002


@dataclass(frozen=True, kw_only=True)
class Figure:
    engine: str
    disk: str
    busy: bool
    workers: int
    commits_per_second: int
    p50_ms: float
    p99_ms: float


class SlowDisk(RealDisk):
    def sync(self, fd: int) -> None:
        slow_sync(fd)


class Forced:
    """A pace that does not learn."""

    def __init__(self, *, inline: bool) -> None:
        self.inline = inline

    def took(self, seconds: float) -> None: ...


def slow_sync(fd: int) -> None:
    time.sleep(SLOW_SECONDS)
    sync_data(fd)


def make_engine(kind: str, root: Path, *, slow: bool) -> tuple[object, Callable[[], None]]:
    loop = asyncio.get_running_loop()
    if kind == "wal":
        sync = slow_sync if slow else sync_data
        engine = WalEngine(loop=loop, on_failed=print, sync=sync)
        return engine, engine.close
    host = HostJournal(
        root=root, seat=1, epoch=1, disk=SlowDisk() if slow else RealDisk(), loop=loop,
        on_failed=print,
    )  # fmt: skip
    if kind != "journal":
        host.journal.pace = Forced(inline=kind == "inline")
    return host.engine(), host.close


def open_object(engine: object, root: Path, number: int) -> tuple[Database, Storage]:
    raw = hashlib.sha256(str(number).encode()).digest()
    database = Database(
        path=root / "Counter" / raw.hex()[:3] / f"{raw.hex()}.sqlite",
        meta=ObjectMeta(storage_name="Counter", class_name="Counter", id=raw),
        engine=engine,
        schedule=asyncio.get_running_loop().call_soon,
        clock=SYSTEM_CLOCK,
        on_broken=print,
    )
    storage = Storage(database)
    database.mark_constructed()
    return database, storage


async def compute(stop: asyncio.Event) -> None:
    while not stop.is_set():
        end = time.perf_counter() + BUSY_SECONDS
        while time.perf_counter() < end:
            pass
        await asyncio.sleep(0)


async def measure(
    kind: str,
    folder: str | None,
    *,
    objects: int,
    commits: int,
    workers: int,
    slow: bool,
    busy: bool,
) -> Figure:
    with tempfile.TemporaryDirectory(dir=folder) as name:
        engine, close = make_engine(kind, Path(name), slow=slow)
        made = [open_object(engine, Path(name), number) for number in range(objects)]
        await asyncio.gather(*(each.put("n", 0) for _, each in made))
        await asyncio.gather(*(each.sync() for each, _ in made))
        times: list[float] = []

        async def work() -> None:
            while len(times) < commits:
                begun = time.perf_counter()
                times.append(0.0)
                index = len(times) - 1
                database, storage = made[index * 7 % objects]
                await storage.put("n", await storage.get("n", 0) + 1)
                await database.sync()
                times[index] = time.perf_counter() - begun

        stop = asyncio.Event()
        computing = asyncio.ensure_future(compute(stop)) if busy else None
        begun = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(workers)))
        seconds = time.perf_counter() - begun
        stop.set()
        if computing is not None:
            await computing
        for database, _ in made:
            database.abandon()
        close()
    times.sort()
    return Figure(
        engine=kind,
        disk="slow" if slow else "real",
        busy=busy,
        workers=workers,
        commits_per_second=round(len(times) / seconds),
        p50_ms=round(times[len(times) // 2] * 1e3, 3),
        p99_ms=round(times[len(times) * 99 // 100] * 1e3, 3),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", help="where the files are made; default: the temporary folder")
    parser.add_argument("--objects", type=int, default=200)
    parser.add_argument("--commits", type=int, default=20_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = []
    for slow, busy in ((False, False), (False, True), (True, False)):
        commits = options.commits // (10 if slow or busy else 1)
        for workers in (1, 32, 256):
            for kind in ("journal", "inline", "threads", "wal"):
                figure = uvloop.run(
                    measure(
                        kind,
                        options.folder,
                        objects=options.objects,
                        commits=commits // (4 if workers == 1 else 1),
                        workers=workers,
                        slow=slow,
                        busy=busy,
                    )
                )
                figures.append(figure)
                if not options.json:
                    show(figure)
    if options.json:
        json.dump([asdict(each) for each in figures], sys.stdout, indent=2)


def show(figure: Figure) -> None:
    print(
        f"{figure.disk:5} {'busy' if figure.busy else '':5} {figure.workers:4} workers"
        f" {figure.engine:8} {figure.commits_per_second:7,} commits/s"
        f"  p50 {figure.p50_ms:8.3f} ms  p99 {figure.p99_ms:8.3f} ms",
        flush=True,
    )


if __name__ == "__main__":
    main()

"""Run as a process: increments two keys of several objects for ever, printing what is durable.

python writer.py FOLDER SEAT_EPOCH DURABILITY
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
from pathlib import Path

from sourdough.clock import SystemClock
from sourdough.storage import Database, Durability, ObjectMeta, Storage
from sourdough.storage.journal.disk import RealDisk
from sourdough.storage.journal.host_journal import HostJournal
from sourdough.storage.journal.life import read_life
from sourdough.storage.layout import object_path

LABELS = "abc"


async def main(folder: Path, seat_epoch: int, durability: Durability) -> None:
    """Write until killed."""
    loop = asyncio.get_running_loop()
    disk = RealDisk()
    life = read_life(folder, disk)
    assert life is not None
    host = HostJournal(
        root=folder,
        seat=1,
        epoch=life.epoch(seat_epoch),
        void_before=life.void_before,
        disk=disk,
        loop=loop,
        on_failed=lambda _: sys.exit(1),
        segment_bytes=100_000,
    )
    engine = host.engine(durability=durability, fold_bytes=50_000)
    await asyncio.gather(*(increment(folder, engine, label) for label in LABELS))


async def increment(folder: Path, engine, label: str) -> None:
    raw = hashlib.sha256(label.encode()).digest()
    database = Database(
        path=object_path(folder, "Counter", raw),
        meta=ObjectMeta(storage_name="Counter", class_name="Counter", id=raw),
        engine=engine,
        schedule=asyncio.get_running_loop().call_soon,
        clock=SystemClock(),
        on_broken=lambda _: sys.exit(1),
    )
    storage = Storage(database)
    database.mark_constructed()
    value = await storage.get("a", 0)
    while True:
        value += 1
        await storage.put("a", value)
        await storage.put("b", value)
        await database.sync()
        print(label, value, flush=True)  # noqa: T201 (the test reads it)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), Durability(sys.argv[3])))

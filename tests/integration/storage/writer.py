"""Run as a process: increments two keys of one object for ever, printing each durable value.

python writer.py FOLDER ID DURABILITY
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from sourdough.clock import SystemClock
from sourdough.storage import Database, Durability, Layout, ObjectMeta, Storage, WalEngine


async def main(folder: Path, raw: bytes, durability: Durability) -> None:
    """Write until killed."""
    loop = asyncio.get_running_loop()
    engine = WalEngine(
        loop=loop, durability=durability, on_failed=lambda _: sys.exit(1), fold_bytes=50_000
    )
    layout = Layout.open(folder, "test", ["Counter"])
    database = Database(
        path=layout.path("Counter", raw),
        meta=ObjectMeta(storage_name="Counter", class_name="Counter", id=raw, name="killed"),
        engine=engine,
        schedule=loop.call_soon,
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
        print(value, flush=True)  # noqa: T201 (the test reads it)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), bytes.fromhex(sys.argv[2]), Durability(sys.argv[3])))

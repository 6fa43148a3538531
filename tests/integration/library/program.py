"""A program with the library: answers commands of its standard input, a JSON line each.

Run as a script: its class is one of `__main__`, which hosts import by this file.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from sourdough import ClusterCoordinator, DurableObject, DurableObjectError


class Tally(DurableObject):
    """Counts, and tells where it runs."""

    async def increment(self) -> int:
        value = await self.ctx.storage.get("value", 0) + 1
        await self.ctx.storage.put("value", value)
        return value

    async def pids(self) -> list[int]:
        return [os.getpid(), os.getppid()]

    async def sleep(self, mark: str) -> None:
        Path(mark).touch()
        await asyncio.sleep(60)


class Late(DurableObject):
    """Nobody knows of it before its first use."""

    async def pids(self) -> list[int]:
        return [os.getpid(), os.getppid()]


CLASSES = {"Tally": Tally, "Late": Late}


async def _answer(coordinator: ClusterCoordinator, text: str) -> None:
    command = json.loads(text)
    said: dict[str, object]
    try:
        stub = coordinator.get(command["name"], CLASSES[command.get("class", "Tally")])
        said = {"value": await getattr(stub, command["method"])(*command.get("args", []))}
    except DurableObjectError as error:
        said = {"error": str(error), "retryable": error.retryable}
    print(json.dumps(said), flush=True)  # noqa: T201 (its answer)


async def main(storage: str, hosts: int) -> None:
    """Answer until the input ends."""
    coordinator = ClusterCoordinator(
        host_count=hosts, storage_dir=storage, durable_objects={"TALLY": Tally}, drain_timeout=5
    )
    async with coordinator, asyncio.TaskGroup() as answers:
        print(json.dumps({"pid": os.getpid()}), flush=True)  # noqa: T201 (it is there)
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
        )
        while line := await reader.readline():
            answers.create_task(_answer(coordinator, line.decode()))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))

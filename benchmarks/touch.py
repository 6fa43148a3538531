"""Calls every object of a number once: makes them, wakes them, and times each call."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import uvloop
from load import RefusedError

_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Touched:
    """What calling some objects took."""

    milliseconds: list[float]
    """One for each call, in the order of their ends."""
    seconds: float


def touch(port: int, path: str, objects: int, *, connections: int = 1) -> Touched:
    """Call the objects 1 to `objects`; `%d` in the path becomes their number."""
    calls = touching(port, path, objects, connections=connections)
    return uvloop.run(asyncio.wait_for(calls, _PATIENCE_SECONDS))


async def touching(port: int, path: str, objects: int, *, connections: int = 1) -> Touched:
    """Do what `touch` does, beside other things."""
    took: list[float] = []
    began = time.perf_counter()
    shares = [range(1 + lane, objects + 1, connections) for lane in range(connections)]
    await asyncio.gather(
        *(_lane(port, [path % number for number in share], took) for share in shares if share)
    )
    return Touched(took, time.perf_counter() - began)


async def _lane(port: int, paths: list[str], took: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for path in paths:
            began = time.perf_counter()
            writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            if not head.startswith(b"http/1.1 2"):
                raise RefusedError(f"{path}: {head[:60]!r}")
            length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))
            took.append((time.perf_counter() - began) * 1e3)
    finally:
        writer.close()

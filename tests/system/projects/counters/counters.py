"""Counters, with a version that tests change and handlers that take their time."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sourdough import DurableObject, Request, Response

VERSION = 0


class Counter(DurableObject):
    async def value(self) -> int:
        return await self.ctx.storage.get("value", 0)

    async def increment(self) -> int:
        value = await self.value() + 1
        await self.ctx.storage.put("value", value)
        return value

    async def version(self) -> int:
        return VERSION

    async def slow(self, seconds: float) -> int:
        await asyncio.sleep(seconds)
        return await self.increment()

    async def held(self, door: str) -> int:
        """Make the file `door`.begun, and increment when the file `door` is there."""
        await self._passes(door)
        return await self.increment()

    async def chain(self, me: str, other: str, depth: int, door: str) -> list[str]:
        """Call the other object, which calls this one again, and so on; return the way back."""
        if depth == 0:
            return [me]
        await self._passes(door)
        await asyncio.sleep(0.05)
        stub = self.env.COUNTER.get_by_name(other)
        return [me, *await stub.chain(other, me, depth - 1, door)]

    async def _passes(self, door: str) -> None:
        Path(f"{door}.begun").touch()
        while not Path(door).exists():
            await asyncio.sleep(0.01)

    async def fetch(self, request: Request) -> Response:
        action = request.path.rpartition("/")[2]
        if action == "increment":
            return Response.json({"value": await self.increment()})
        if action == "slow":
            return Response.json({"value": await self.slow(float(request.query["seconds"]))})
        if action == "held":
            return Response.json({"value": await self.held(request.query["door"])})
        if action == "version":
            return Response.json({"version": VERSION})
        return Response.json({"value": await self.value()})

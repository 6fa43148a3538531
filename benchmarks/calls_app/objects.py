"""What is measured: an object that calls another, which does next to nothing."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from sourdough import DurableObject, Request, Response


class Callee(DurableObject):
    """Answers, at once or never."""

    async def add(self, left: int, right: int) -> int:
        return left + right

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def count(self, until: int) -> Any:
        for number in range(until):
            yield number


class Caller(DurableObject):
    """Measures its calls: latencies in seconds, and how long all of them took."""

    async def fetch(self, request: Request) -> Response:
        wanted = {key: value for key, value in request.query.items() if key != "target"}
        stub = self.env.CALLEE.get_by_name(request.query["target"])
        measure = getattr(self, request.path.rpartition("/")[2])
        numbers = {key: int(value) for key, value in wanted.items()}
        return Response.json(await measure(stub, **numbers))

    async def calls(self, stub: Any, count: int, flight: int) -> dict[str, Any]:
        took: list[float] = []

        async def lane(calls: int) -> None:
            for _ in range(calls):
                began = time.perf_counter()
                await stub.add(1, 2)
                took.append(time.perf_counter() - began)

        began = time.perf_counter()
        await asyncio.gather(*(lane(count // flight) for _ in range(flight)))
        return {"took": took, "seconds": time.perf_counter() - began}

    async def beside(self, stub: Any, count: int, slow: int) -> dict[str, Any]:
        """Measure fast calls while many slow ones wait, each on a stub of its own."""
        namespace = self.env.CALLEE
        waiting = [
            asyncio.ensure_future(namespace.get(stub.id).sleep(3600)) for _ in range(slow)
        ]  # fmt: skip
        await stub.add(0, 0)
        found = await self.calls(stub, count, 1)
        for each in waiting:
            each.cancel()
        await asyncio.wait(waiting)
        return found

    async def items(self, stub: Any, count: int) -> dict[str, Any]:
        began = time.perf_counter()
        seen = [item async for item in stub.count(count)]
        assert len(seen) == count
        return {"took": [], "seconds": time.perf_counter() - began}

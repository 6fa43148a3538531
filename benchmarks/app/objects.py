"""What is measured: an object that does nothing, and one that counts durably."""

from __future__ import annotations

from sourdough import DurableObject, Request, Response, WorkerEntrypoint


class Noop(DurableObject):
    """Answers without looking at anything."""

    async def fetch(self, request: Request) -> Response:
        return Response("Hello, world!")


class Counter(DurableObject):
    """Counts; each answer waits until its count is on disk."""

    async def increment(self) -> int:
        value = await self.ctx.storage.get("value", 0) + 1
        await self.ctx.storage.put("value", value)
        return value

    async def fetch(self, request: Request) -> Response:
        return Response(str(await self.increment()))


class Default(WorkerEntrypoint):
    """Calls the counter from the entrypoint, often in another host."""

    async def fetch(self, request: Request) -> Response:
        name = request.path.rpartition("/")[2]
        return Response(str(await self.env.COUNTER.get_by_name(name).increment()))

"""What is measured: objects that do nothing, count, insert and compute."""

from __future__ import annotations

from sourdough import DurableObject, Request, Response, WorkerEntrypoint

COMPUTED = 10_000


class Noop(DurableObject):
    """Answers without looking at anything."""

    async def fetch(self, request: Request) -> Response:
        return Response("Hello, world!")


class Memory(DurableObject):
    """Counts in memory; nothing is stored."""

    def __init__(self, ctx, env) -> None:
        super().__init__(ctx, env)
        self.count = 0

    async def fetch(self, request: Request) -> Response:
        self.count += 1
        return Response(str(self.count))


class Counter(DurableObject):
    """Counts; each answer waits until its count is on disk."""

    async def increment(self) -> int:
        value = await self.ctx.storage.get("value", 0) + 1
        await self.ctx.storage.put("value", value)
        return value

    async def fetch(self, request: Request) -> Response:
        return Response(str(await self.increment()))


class Rows(DurableObject):
    """Inserts a row; each answer waits until it is on disk."""

    def __init__(self, ctx, env) -> None:
        super().__init__(ctx, env)
        ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS log (id INTEGER PRIMARY KEY, body TEXT)")

    async def fetch(self, request: Request) -> Response:
        self.ctx.storage.sql.exec("INSERT INTO log (body) VALUES (?)", "Hello, world!")
        return Response("inserted")


class Busy(DurableObject):
    """Computes for about half a millisecond, as `bare.py` does."""

    async def fetch(self, request: Request) -> Response:
        return Response(str(sum(number * number for number in range(COMPUTED))))


class Default(WorkerEntrypoint):
    """Calls the counter from the entrypoint, often in another host."""

    async def fetch(self, request: Request) -> Response:
        name = request.path.rpartition("/")[2]
        return Response(str(await self.env.COUNTER.get_by_name(name).increment()))

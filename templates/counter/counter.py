"""A counter that remembers: one object for each name, wherever it is asked for."""

import json

from sourdough import DurableObject, Request, Response
from sourdough_env import Env


class Counter(DurableObject[Env]):
    async def value(self) -> int:
        return await self.ctx.storage.get("value", 0)

    async def increment(self, by: int = 1) -> int:
        value = await self.value() + by
        await self.ctx.storage.put("value", value)
        return value

    async def fetch(self, request: Request) -> Response:
        name = self.ctx.id.name
        match request.method, request.path.removeprefix(f"/counter/{name}"):
            case "GET", "" | "/":
                value = await self.value()
            case "POST", "/increment":
                try:
                    by = step(await request.bytes())
                except ValueError as error:
                    return Response.json({"error": str(error)}, status=400)
                value = await self.increment(by)
            case _:
                return Response.json(
                    {"error": "GET the counter, or POST to its /increment."}, status=404
                )
        return Response.json({"name": name, "value": value})


def step(body: bytes) -> int:
    """Return n of the body {"by": n}, 1 for an empty body."""
    if not body:
        return 1
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("The body is not JSON.") from None
    by = asked.get("by", 1) if isinstance(asked, dict) else None
    if type(by) is not int:
        raise ValueError('The body must be {"by": n}, with a whole number n.')
    return by

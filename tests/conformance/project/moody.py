"""An object whose constructor fails when it is told to, and remembers outside of itself."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any, ClassVar

from sourdough import DurableObject, Request, Response


class Moody(DurableObject):
    """Its name says how many constructions fail first: "2-..." fails twice."""

    constructed: ClassVar[Counter[str]] = Counter()
    kept: ClassVar[dict[str, list[Any]]] = defaultdict(list)

    def __init__(self, ctx: Any, env: Any) -> None:
        super().__init__(ctx, env)
        self.name = ctx.id.name
        self.constructed[self.name] += 1
        ctx.storage.kv.put(f"from construction {self.constructed[self.name]}", True)
        if self.constructed[self.name] <= int(self.name.partition("-")[0]):
            raise ValueError("not today")

    async def constructions(self) -> int:
        return self.constructed[self.name]

    async def entries(self) -> list[str]:
        return list(await self.ctx.storage.list())

    async def fetch(self, request: Request) -> Response:
        return Response.json(self.constructed[self.name])

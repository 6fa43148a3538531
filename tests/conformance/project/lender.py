"""An object that lends things, and uses what others lend it."""

from __future__ import annotations

import asyncio
from typing import Any

from sourdough import DurableObject, Headers, Request, Response, RpcTarget


class OutOfStockError(Exception):
    """An exception with more than a message."""

    def __init__(self, item: str, *, left: int) -> None:
        super().__init__(f"only {left} of {item}")
        self.item, self.left = item, left


class Tally(RpcTarget):
    """Counts in the memory of its object."""

    unit = "crumbs"

    def __init__(self) -> None:
        self.value = 0

    @property
    def doubled(self) -> int:
        return 2 * self.value

    async def add(self, amount: int) -> int:
        self.value += amount
        return self.value

    def _hidden(self) -> str:
        return "hidden"


class Lender(DurableObject):
    title = "a lender"

    def __init__(self, ctx: Any, env: Any) -> None:
        super().__init__(ctx, env)
        self.mine = Tally()
        self.listeners: list[Any] = []
        self.notes: list[Any] = []

    @property
    def tally(self) -> Tally:
        return self.mine

    @property
    def settings(self) -> dict[str, Any]:
        return {"theme": {"name": "dark"}}

    async def who(self) -> str | None:
        return self.ctx.id.name

    async def noted(self) -> list[Any]:
        return self.notes

    async def gives(self) -> Tally:
        return self.mine

    async def joins(self, listener: Any) -> None:
        self.listeners.append(listener)

    async def tells(self, what: Any) -> list[Any]:
        return [await listener(what) for listener in self.listeners]

    async def asks(self, thing: Any, method: str, *arguments: Any) -> Any:
        return await getattr(thing, method)(*arguments)

    async def lends_to(self, other: str) -> Any:
        """Lend a method of this object to another, which keeps it."""
        await self.env.LENDER.get_by_name(other).joins(self._heard)

    async def _heard(self, what: Any) -> list[Any]:
        self.notes.append(what)
        return [self.ctx.id.name, what]

    async def counts(self, until: int) -> Any:
        try:
            for number in range(until):
                self.notes.append(number)
                yield number
        finally:
            self.notes.append("closed")

    async def counts_and_raises(self) -> Any:
        yield 1
        raise LookupError("no more")

    async def sums(self, items: Any) -> int:
        return sum([item async for item in items])

    async def copies(self, message: Any) -> Any:
        """Return a message like the one that came."""
        if isinstance(message, Headers):
            return Headers([*message.items(), ("copied", "yes")])
        body = await message.bytes()
        if isinstance(message, Request):
            return Request(message.url, method=message.method, body=body)
        return Response(body, status=message.status + 1, headers=message.headers)

    async def sells(self, item: str) -> None:
        raise OutOfStockError(item, left=2)

    async def takes(self, first: int, second: str = "b", *, named: bool = False) -> None:
        """Have a signature."""

    async def waits(self) -> None:
        self.notes.append("waits")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.notes.append("cancelled")
            raise

    async def aborts(self) -> None:
        self.ctx.abort("gone")

    async def calls(self, other: str, method: str, *arguments: Any) -> Any:
        return await getattr(self.env.LENDER.get_by_name(other), method)(*arguments)

    async def calls_in_a_section(self, other: str, method: str, *arguments: Any) -> Any:
        return await self.ctx.block_concurrency_while(lambda: self.calls(other, method, *arguments))

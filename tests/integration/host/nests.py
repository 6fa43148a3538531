"""Objects with facets, for the tests beside this file."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from sourdough import DurableObject, FacetStart


class Child(DurableObject):
    """A facet that keeps a value, and may have facets of its own."""

    async def set(self, value: Any) -> None:
        await self.ctx.storage.put("value", value)

    async def value(self) -> Any:
        return await self.ctx.storage.get("value")

    async def passes(self, names: list[str], method: str, *args: Any) -> Any:
        """Call a facet of a facet of ... this one."""
        return await passed(self.ctx, names, method, *args)

    async def much(self) -> None:
        """Write more than a record of the journal holds, and wait where it is committed."""
        sql = self.ctx.storage.sql
        sql.exec("create table t (x); insert into t values (zeroblob(6000000))")
        await asyncio.sleep(0)
        Thing.written.set()
        await asyncio.Event().wait()

    async def count(self) -> int:
        """Say how often it was asked, from memory."""
        self.asked = getattr(self, "asked", 0) + 1
        return self.asked

    async def works_on(self) -> None:
        """Have something to do, beyond the call, until `Thing.done` is set."""
        self.ctx.wait_until(Thing.done.wait())


async def passed(ctx: Any, names: list[str], method: str, *args: Any) -> Any:
    """Call a method of the facet that names lead to."""
    stub = ctx.facets.get(names[0], Child)
    if len(names) == 1:
        return await getattr(stub, method)(*args)
    return await stub.passes(names[1:], method, *args)


class Thing(DurableObject):
    """An object that does as tests ask, with its context at hand."""

    done: ClassVar[asyncio.Event]
    written: ClassVar[asyncio.Event]

    async def facet(self, names: list[str], method: str, *args: Any) -> Any:
        return await passed(self.ctx, names, method, *args)

    async def both(self, value: Any) -> None:
        """Write here and in a facet."""
        await self.ctx.storage.put("value", value)
        await self.ctx.facets.get("a", FacetStart(Child)).set(value)

    async def values(self) -> list[Any]:
        facet = self.ctx.facets.get("a", Child)
        return [await self.ctx.storage.get("value"), await facet.value()]

    async def deletes(self, name: str) -> None:
        self.ctx.facets.delete(name)

    async def clones(self, source: str, target: str) -> None:
        await self.ctx.facets.clone(source, target)

    async def empties(self) -> None:
        await self.ctx.storage.delete_all()

    async def much(self) -> None:
        """Write more than a record of the journal holds, and begin a facet in the same turn."""
        sql = self.ctx.storage.sql
        sql.exec("create table t (x); insert into t values (zeroblob(6000000))")
        await self.ctx.facets.get("a", Child).set("after much")

    async def deletes_while_much_is_written(self) -> None:
        stub = self.ctx.facets.get("a", Child)
        await stub.set("here")
        writing = asyncio.ensure_future(stub.much())
        await Thing.written.wait()
        self.ctx.facets.delete("a")
        await asyncio.wait([writing])

    async def clones_what_changes(self) -> None:
        """Write what is to be copied; go on writing, and delete another, before the copy is whole."""
        stub = self.ctx.facets.get("a", Child)
        await self.ctx.facets.get("other", Child).set(1)
        await stub.set("before")
        copying = asyncio.ensure_future(self.ctx.facets.clone("a", "z"))
        await asyncio.sleep(0)
        self.ctx.facets.delete("other")
        await stub.set("after")
        await copying

    async def look(self) -> None:
        """Only be there: what a crash has left of facets is removed."""
        assert self.ctx.facets


class Early(Thing):
    """One that begins with a facet, and writes nothing of its own."""

    def __init__(self, ctx: Any, env: Any) -> None:
        super().__init__(ctx, env)
        ctx.block_concurrency_while(lambda: self.facet(["a"], "set", "from the constructor"))


class Leaving(Thing):
    """One whose last words are that a facet is not needed any more."""

    async def before_shutdown(self, reason: str) -> None:
        self.ctx.facets.delete("a")

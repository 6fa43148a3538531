"""An object with facets, and the classes of those."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from sourdough import DurableObject, FacetStart, FacetStub, Request, Response


class Egg(DurableObject):
    """A facet that keeps values, and may have facets of its own."""

    def __init__(self, ctx: Any, env: Any) -> None:
        super().__init__(ctx, env)
        self.born = asyncio.get_running_loop().time()
        self.calls = 0
        self.entered = asyncio.Event()

    async def fetch(self, request: Request) -> Response:
        return Response.json([request.path, await self.value()])

    async def about(self) -> dict[str, Any]:
        self.calls += 1
        return {
            "id": str(self.ctx.id),
            "name": self.ctx.id.name,
            "props": self.ctx.props,
            "pid": os.getpid(),
            "calls": self.calls,
        }

    async def put(self, value: Any) -> None:
        await self.ctx.storage.put("value", value)

    async def value(self) -> Any:
        return await self.ctx.storage.get("value")

    async def nested(self, names: list[str], method: str, *args: Any) -> Any:
        return await nested(self.ctx, names, method, *args)

    async def lasts(self) -> None:
        self.entered.set()
        await asyncio.Event().wait()

    async def has_entered(self) -> None:
        await self.entered.wait()

    async def fails(self) -> None:
        raise ValueError("not from me")

    async def gives_up(self) -> None:
        await self.ctx.storage.put("value", "lost")
        self.ctx.abort("enough of it")

    async def sets_alarm(self) -> None:
        await self.ctx.storage.set_alarm(1)

    async def alarm(self) -> None:
        raise AssertionError("a facet has no alarm")

    async def asks(self, binding: str, name: str, method: str) -> Any:
        return await getattr(getattr(self.env, binding).get_by_name(name), method)()

    async def takes(self, stub: Any) -> str:
        return type(stub).__name__

    async def empties(self) -> None:
        await self.ctx.storage.delete_all()


class Unhatched(Egg):
    """A facet that cannot be made."""

    def __init__(self, ctx: Any, env: Any) -> None:
        super().__init__(ctx, env)
        raise ValueError("not today")


async def nested(ctx: Any, names: list[str], method: str, *args: Any) -> Any:
    """Call a method of the facet that names lead to."""
    stub = ctx.facets.get(names[0], Egg)
    if len(names) == 1:
        return await getattr(stub, method)(*args)
    return await stub.nested(names[1:], method, *args)


def seen(error: BaseException) -> dict[str, Any]:
    """What of an error a case looks at."""
    return {
        "type": type(error).__name__,
        "text": str(error),
        "remote": getattr(error, "remote", None),
        "reset": getattr(error, "durable_object_reset", None),
    }


async def told(call: Any) -> Any:
    """Return what a call raises, or else what it returns."""
    try:
        return await call
    except Exception as error:  # noqa: BLE001 (whatever it is, it is what the case is about)
        return seen(error)


class Nest(DurableObject):
    """An object with facets."""

    def __init__(self, ctx: Any, env: Any) -> None:
        super().__init__(ctx, env)
        self.starts = 0

    # --- simple things

    async def nested(self, names: list[str], method: str, *args: Any) -> Any:
        return await nested(self.ctx, names, method, *args)

    async def about(self) -> dict[str, Any]:
        return {"id": str(self.ctx.id), "name": self.ctx.id.name, "props": self.ctx.props,
                "pid": os.getpid()}  # fmt: skip

    async def put(self, value: Any) -> None:
        await self.ctx.storage.put("value", value)

    async def value(self) -> Any:
        return await self.ctx.storage.get("value")

    async def pid(self) -> int:
        return os.getpid()

    async def deletes(self, name: str) -> None:
        self.ctx.facets.delete(name)

    async def aborts(self, name: str, reason: str | None = None) -> None:
        self.ctx.facets.abort(name, reason)

    async def clones(self, source: str, target: str) -> None:
        await self.ctx.facets.clone(source, target)

    async def empties(self) -> None:
        await self.ctx.storage.delete_all()

    async def resets(self) -> None:
        self.ctx.abort("all of it")

    # --- starting

    def start(self) -> FacetStart:
        self.starts += 1
        return FacetStart(Egg, props={"start": self.starts})

    async def starts_once(self) -> list[Any]:
        """A stub starts nothing; two at once start one facet; each stub reaches it."""
        stub = self.ctx.facets.get("a", self.start)
        found: list[Any] = [self.starts]
        await asyncio.gather(
            stub.about(), stub.about(), self.ctx.facets.get("a", self.start).about()
        )
        about = await stub.about()
        return [*found, self.starts, about["calls"], about["props"]]

    async def starts_later(self) -> Any:
        """The start may wait, and use the storage; calls keep their order."""

        async def start() -> type[Egg]:
            await asyncio.sleep(0)
            await self.ctx.storage.put("value", "of the start")
            return Egg

        stub = self.ctx.facets.get("b", start)
        calls = [stub.put(number) for number in range(5)]
        await asyncio.gather(*calls)
        return [await stub.value(), await self.value()]

    async def starts_with(self, other: str) -> Any:
        """A facet may go by another id."""
        other_id = self.env.NEST.id_from_name(other)
        stub = self.ctx.facets.get("c", lambda: FacetStart(Egg, id=other_id))
        about = await stub.about()
        return [about["name"], about["id"] == str(other_id)]

    async def starts_badly(self) -> Any:
        """What the start raises, or is no start, is told; the next call starts again."""

        def start() -> Any:
            self.starts += 1
            if self.starts == 1:
                raise KeyError("no class")
            return 3 if self.starts == 2 else Egg

        stub = self.ctx.facets.get("d", start)
        return [await told(stub.value()), await told(stub.value()), await told(stub.value())]

    async def starts_broken(self) -> Any:
        return await told(self.ctx.facets.get("e", Unhatched).value())

    async def props_are_copied(self) -> Any:
        props = {"list": [1]}
        stub = self.ctx.facets.get("f", FacetStart(Egg, props=props))
        await stub.about()
        props["list"].append(2)
        return (await stub.about())["props"]

    async def refuses(self) -> list[Any]:
        facets = self.ctx.facets

        async def tried(call: Any) -> Any:
            return call()

        return [
            await told(tried(lambda: facets.get("x" * 257, Egg))),
            await told(tried(lambda: str(facets.get("x" * 256, Egg)))),
            await told(tried(lambda: facets.delete("x" * 257))),
            await told(tried(lambda: facets.get(3, Egg))),
            await told(tried(lambda: facets.get("x", "Egg"))),
        ]

    # --- ending

    async def while_it_lasts(self, end: str) -> list[Any]:
        """Abort or delete a facet under a call: what that call, its stub and a new stub say."""
        stub = self.ctx.facets.get("a", Egg)
        await stub.put("kept")
        call = asyncio.ensure_future(told(stub.lasts()))
        await stub.has_entered()
        if end == "abort":
            self.ctx.facets.abort("a", "out of here")
        else:
            self.ctx.facets.delete("a")
        fresh = self.ctx.facets.get("a", Egg)
        return [await call, await told(stub.value()), await fresh.value()]

    async def aborts_while_it_starts(self) -> Any:
        """Whoever waits for the start hears of it."""
        never = asyncio.Event()

        async def start() -> type[Egg]:
            self.starts += 1
            await never.wait()
            return Egg

        call = asyncio.ensure_future(told(self.ctx.facets.get("a", start).value()))
        while not self.starts:
            await asyncio.sleep(0)
        self.ctx.facets.abort("a", "not at all")
        return [await call, await self.ctx.facets.get("a", Egg).value()]

    async def gives_up(self) -> list[Any]:
        stub = self.ctx.facets.get("a", Egg)
        await stub.put("kept")
        error = await told(stub.gives_up())
        return [error, await told(stub.value()), await self.ctx.facets.get("a", Egg).value()]

    async def fails_in(self) -> list[Any]:
        stub = self.ctx.facets.get("a", Egg)
        return [await told(stub.fails()), await told(stub.value())]

    # --- under crashes

    async def both(self, value: Any) -> list[Any]:
        """Write here and in a facet; the answer comes when both are durable."""
        await self.ctx.storage.put("value", value)
        await nested(self.ctx, ["a"], "put", value)
        return [await self.value(), await nested(self.ctx, ["a"], "value")]

    async def churns(self) -> None:
        """Clone and delete without an end: "z" and "z/b" hold the same, or nothing."""
        while True:
            self.starts += 1
            await nested(self.ctx, ["w"], "put", self.starts)
            await nested(self.ctx, ["w", "b"], "put", self.starts)
            await self.ctx.facets.clone("w", "z")
            if self.starts % 3 == 0:
                self.ctx.facets.delete("z")
                await self.ctx.storage.sync()

    async def churned(self) -> int:
        return self.starts

    # --- what it is not

    async def attributes(self) -> list[Any]:
        """A stub has neither id nor name of its own."""
        stub = self.ctx.facets.get("a", Egg)
        return [isinstance(stub, FacetStub), await told(stub.id), await told(stub.name)]

    async def sends(self, where: str) -> Any:
        stub = self.ctx.facets.get("a", Egg)
        if where == "argument":
            return await told(self.env.NEST.get_by_name("other").put([stub]))
        if where == "facet":
            return await told(self.ctx.facets.get("b", Egg).takes(stub))
        if where == "storage":
            return await told(self.ctx.storage.put("stub", stub))
        return stub

    async def alarms(self) -> Any:
        return await told(self.ctx.facets.get("a", Egg).sets_alarm())

    async def request(self) -> Any:
        stub = self.ctx.facets.get("a", Egg)
        await stub.put(7)
        response = await stub.fetch("/some/where")
        return await response.json()

    # --- transactions and sections

    async def begins_in_transaction(self) -> Any:
        known = self.ctx.facets.get("known", Egg)
        await known.put(1)

        async def closure(txn: Any) -> list[Any]:
            await txn.put("value", 1)
            return [await known.value(), await told(self.ctx.facets.get("new", Egg).value())]

        found = await self.ctx.storage.transaction(closure)
        return [*found, await told(self.ctx.facets.get("new", Egg).value())]

    async def undoes_a_deletion(self) -> Any:
        await self.ctx.facets.get("a", Egg).put("kept")

        async def closure(txn: Any) -> None:
            self.ctx.facets.delete("a")
            txn.rollback()

        await self.ctx.storage.transaction(closure)
        return await self.ctx.facets.get("a", Egg).value()

    async def locks_up(self) -> Any:
        """A section waits for a facet that calls this object."""

        async def section() -> Any:
            stub = self.ctx.facets.get("a", Egg)
            return await told(stub.asks("NEST", self.ctx.id.name, "value"))

        return await self.ctx.block_concurrency_while(section)

"""An object with a memory, whose events meet at awaits, in sections, in resets."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from typing import Any, ClassVar

from sourdough import DurableObject, Request, Response


class Actor(DurableObject):
    constructed: ClassVar[Counter[str]] = Counter()
    outside: ClassVar[dict[str, list[Any]]] = defaultdict(list)
    """What instances of one name left behind: a reset does not touch it."""

    def __init__(self, ctx: Any, env: Any) -> None:
        super().__init__(ctx, env)
        self.name = ctx.id.name
        self.constructed[self.name] += 1
        self.seen: list[Any] = []
        self.doors: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self.prepared = False
        ctx.block_concurrency_while(self._prepare)

    async def _prepare(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)
        self.prepared = True

    # --- looking

    async def is_prepared(self) -> bool:
        return self.prepared

    async def class_name(self) -> str:
        return type(self).__name__

    async def own_name(self) -> str | None:
        return self.ctx.id.name

    async def constructions(self) -> int:
        return self.constructed[self.name]

    async def remembered(self) -> list[Any]:
        return self.seen

    async def left_behind(self) -> list[Any]:
        return self.outside[self.name]

    async def value(self, key: str = "value") -> Any:
        return await self.ctx.storage.get(key)

    async def entries(self) -> dict[str, Any]:
        return await self.ctx.storage.list()

    # --- meeting at awaits

    async def waits_at(self, door: str) -> str:
        """Wait until somebody opens a door; without a lock others are served meanwhile."""
        self.seen.append(f"waits at {door}")
        await self.doors[door].wait()
        self.seen.append(f"passed {door}")
        return door

    async def opens(self, door: str) -> None:
        self.seen.append(f"opens {door}")
        self.doors[door].set()

    async def appends(self, value: Any) -> None:
        self.seen.append(value)

    async def increments(self) -> int:
        """Read and write with an await on every storage call."""
        value = await self.ctx.storage.get("value", 0)
        await self.ctx.storage.put("value", value + 1)
        return value + 1

    async def increments_sql(self) -> int:
        sql = self.ctx.storage.sql
        sql.exec("CREATE TABLE IF NOT EXISTS n(value)")
        value = sql.exec("SELECT count(*) FROM n").one()[0]
        sql.exec("INSERT INTO n VALUES (?)", value)
        return value + 1

    async def adds_to_list(self, value: int) -> None:
        await self.ctx.storage.put("list", [*await self.ctx.storage.get("list", []), value])

    # --- writes and their fate

    async def writes(self, key: str, value: Any) -> None:
        await self.ctx.storage.put(key, value)

    async def writes_unconfirmed(self, key: str, value: Any) -> None:
        await self.ctx.storage.put(key, value, allow_unconfirmed=True)
        await self.ctx.storage.sync()

    async def writes_and_raises(self, key: str, value: Any) -> None:
        await self.ctx.storage.put(key, value)
        raise ValueError("after the write")

    async def writes_and_aborts(self, first: str, second: str) -> None:
        """Write, wait, so that it is committed, write again, abort."""
        await self.ctx.storage.put(first, 1)
        await self.ctx.storage.sync()
        await self.ctx.storage.put(second, 1)
        self.ctx.storage.sql.exec("CREATE TABLE lost(x)")
        self.ctx.abort("as asked")

    async def tables(self) -> list[str]:
        rows = self.ctx.storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'lost'")
        return [row.name for row in rows]

    async def breaks_a_constraint_at_commit(self) -> None:
        sql = self.ctx.storage.sql
        sql.exec("CREATE TABLE parent(id INTEGER PRIMARY KEY)")
        sql.exec("CREATE TABLE child(parent REFERENCES parent(id) DEFERRABLE INITIALLY DEFERRED)")
        await self.ctx.storage.put("before", 1)
        await self.ctx.storage.sync()
        sql.exec("PRAGMA foreign_keys = on")
        await self.ctx.storage.put("with it", 1)
        sql.exec("INSERT INTO child VALUES (7)")

    # --- resets

    async def aborts(self, reason: str | None = None) -> None:
        self.ctx.abort(reason)

    async def aborts_and_catches(self) -> None:
        """Try everything that could run on after an abort; leave a note where it does."""
        outside, storage = self.outside[self.name], self.ctx.storage
        asyncio.get_running_loop().create_task(self._later())
        try:
            self.ctx.abort("caught?")
        except BaseException:  # noqa: BLE001 (that is the case)
            try:
                storage.kv.put("after abort", 1)
                outside.append("wrote")
            except Exception as error:  # noqa: BLE001 (told to the case)
                outside.append(str(error))

    async def _later(self) -> None:
        try:
            await self.ctx.storage.put("after abort, in a task", 1)
        except Exception as error:  # noqa: BLE001 (told to the case)
            self.outside[self.name].append(f"task: {error}")

    async def section_raises(self) -> None:
        async def section() -> None:
            await self.ctx.storage.put("in the section", 1)
            raise ValueError("in the section")

        await self.ctx.block_concurrency_while(section)

    # --- sections

    async def section(self, door: str) -> str:
        """Hold events back until a task that began in the section has opened the door."""

        async def work() -> str:
            self.seen.append("section begins")
            opened = asyncio.get_running_loop().create_task(self._opens_later(door))
            await self.doors[door].wait()
            await opened
            self.seen.append("section ends")
            return "of the section"

        result = await self.ctx.block_concurrency_while(work)
        self.seen.append("after the section")
        return result

    async def section_that_hangs(self, witness: str) -> None:
        async def work() -> None:
            await self.env.ACTOR.get_by_name(witness).appends("begun")
            await asyncio.Event().wait()

        await self.ctx.block_concurrency_while(work)

    async def transaction_that_hangs(self, witness: str) -> None:
        async def work(txn: Any) -> None:
            await txn.put("in the transaction", 1)
            await self.env.ACTOR.get_by_name(witness).appends("begun")
            await asyncio.Event().wait()

        await self.ctx.storage.transaction(work)

    async def section_of(self, seconds: float) -> None:
        """Hold events back for a while, long enough for all of a burst to arrive."""
        await self.ctx.block_concurrency_while(lambda: asyncio.sleep(seconds))

    async def _opens_later(self, door: str) -> None:
        for _ in range(50):
            await asyncio.sleep(0)
        await self.ctx.storage.put("from a task in the section", 1)
        self.doors[door].set()

    async def nests(self, depth: int) -> int:
        async def inner() -> int:
            return 1 + (await self.nests(depth - 1) if depth > 1 else 0)

        return await self.ctx.block_concurrency_while(inner)

    async def three_sections(self) -> list[str]:
        """Begin three at once; they run one after another."""

        def numbered(number: int) -> Any:
            async def work() -> None:
                self.seen.append(f"begin {number}")
                await asyncio.sleep(0)
                self.seen.append(f"end {number}")

            return work

        await asyncio.gather(*(self.ctx.block_concurrency_while(numbered(n)) for n in range(3)))
        return self.seen

    async def section_with_a_call(self, other: str) -> list[Any]:
        """Call another object from inside a section."""

        async def work() -> Any:
            return await self.env.ACTOR.get_by_name(other).increments()

        return await self.ctx.block_concurrency_while(work)

    # --- background work

    async def works_in_background(self, door: str) -> str:
        async def work() -> None:
            await self.doors[door].wait()
            await self.ctx.storage.put("value", "from the background")
            self.seen.append("background ended")

        self.ctx.wait_until(work())
        return "answered"

    async def background_raises(self) -> None:
        async def work() -> None:
            raise ValueError("in the background")

        self.ctx.wait_until(work())

    # --- calling others

    async def calls(self, binding: str, name: str, method: str, *arguments: Any) -> Any:
        return await getattr(getattr(self.env, binding).get_by_name(name), method)(*arguments)

    async def writes_then_calls(self, other: str) -> Any:
        """The callee looks at nothing of ours: it is only that our commit comes first."""
        await self.ctx.storage.put("value", 1)
        await self.env.ACTOR.get_by_name(other).increments()
        return await self.ctx.storage.get("value")

    async def fetch(self, request: Request) -> Response:
        _, _, _, action, *rest = request.path.split("/")
        result = await getattr(self, action)(*rest)
        return Response.json(result)

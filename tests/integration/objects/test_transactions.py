"""`storage.transaction` over real objects: who is in it, how it ends (semantics 5.1)."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from sourdough.errors import DurableObjectError, StorageError


async def settle(turns: int = 20) -> None:
    """Let what is ready run."""
    for _ in range(turns):
        await asyncio.sleep(0)


async def test_a_transaction_returns_and_commits(run, world):
    """Its result comes back, its writes are durable before the answer (semantics 5.1)."""

    async def step(self):
        async def closure(txn):
            await txn.put("a", 1)
            await asyncio.sleep(0)
            await txn.put({"b": 2, "c": 3})
            self.storage.kv.put("d", 4)
            self.storage.sql.exec("CREATE TABLE t(x); INSERT INTO t VALUES(5)")
            assert await txn.delete("c")
            return await txn.list(start_after="a")

        return await self.storage.transaction(closure)

    assert await run(step) == {"b": 2, "d": 4}
    world.container().reset(RuntimeError("again"))
    assert await world.call("everything") == {"a": 1, "b": 2, "d": 4}


async def test_a_throw_rolls_back_and_does_not_reset(run, world):
    """The error comes back as it was, what was written before stays, the instance lives (5.1)."""

    async def step(self):
        await self.storage.put("before", 1)

        async def closure(txn):
            await txn.put("a", 1)
            await asyncio.sleep(0)
            self.storage.sql.exec("CREATE TABLE t(x)")
            raise LookupError("mine")

        with pytest.raises(LookupError, match="mine"):
            await self.storage.transaction(closure)
        self.notes.append(await self.storage.list())
        tables = self.storage.sql.exec("SELECT name FROM sqlite_schema WHERE name = 't'")
        return tables.to_list()

    assert await run(step) == []
    assert world.container().instance.notes == [{"before": 1}]
    world.container().reset(RuntimeError("again"))
    assert await world.call("everything") == {"before": 1}


async def test_the_pending_turn_is_committed_first(run, world):
    """What was written before the transaction is no part of it (5.1)."""

    async def step(self):
        await self.storage.put("a", 1)

        self.notes.append((world.folder / "Thing").exists())

        async def closure(_txn):
            self.notes.append((world.folder / "Thing").exists())

        await self.storage.transaction(closure)
        return self.notes

    assert await run(step) == [False, True]


async def test_nothing_of_an_open_transaction_is_committed(run, world):
    """Neither the end of a turn nor another event's answer commits half of it (4.4.1, 5.1)."""

    async def other(self):
        self.notes.append("other waits")
        await quiet.wait()
        return "other"

    async def step(self):
        async def closure(txn):
            await txn.put("a", 1)
            quiet.set()
            await gate.wait()

        await self.storage.transaction(closure)

    quiet, gate = asyncio.Event(), asyncio.Event()
    waiting = run(other)
    await settle()
    running = run(step)
    assert await waiting == "other"
    assert not (world.folder / "Thing").exists()
    gate.set()
    await running
    assert (world.folder / "Thing").exists()


async def test_no_event_enters_a_transaction(run, world):
    """An event delivered meanwhile runs afterwards and sees all of it (5.1)."""

    async def step(self):
        async def closure(txn):
            await txn.put("a", 1)
            await gate.wait()
            await txn.put("a", 2)

        await self.storage.transaction(closure)
        self.notes.append("caller goes on")

    gate = asyncio.Event()
    running = run(step)
    await settle()
    reading = world.call("get", "a")
    await settle()
    assert not reading.done()
    gate.set()
    assert await reading == 2
    await running


async def test_storage_calls_of_tasks_outside_wait(run):
    """A task begun before resumes inside the transaction: awaited calls wait for its end (trap 9)."""

    async def step(self):
        async def outside():
            await quiet.wait()
            self.notes.append("reads")
            self.notes.append(await self.storage.get("a"))
            await self.storage.put("b", 1)

        async def closure(txn):
            await txn.put("a", 1)
            quiet.set()
            await settle()
            self.notes.append("still inside")
            assert await txn.list() == {"a": 1}
            await txn.put("a", 2)

        task = asyncio.ensure_future(outside())
        await self.storage.transaction(closure)
        self.notes.append("caller goes on")
        await task
        return [*self.notes, await self.storage.list()]

    quiet = asyncio.Event()
    expected = ["reads", "still inside", "caller goes on", 2, {"a": 2, "b": 1}]
    assert await run(step) == expected


async def test_synchronous_calls_of_tasks_outside_are_refused(run):
    """They cannot wait, so they raise, reads and open cursors too; `sync()` waits for them (5.1)."""

    async def step(self):
        sql = self.storage.sql
        sql.exec("CREATE TABLE t(x)")
        for number in range(200):
            sql.exec("INSERT INTO t VALUES(?)", number)

        async def outside():
            cursor = sql.exec("SELECT x FROM t")
            await quiet.wait()
            for call in (
                lambda: self.storage.kv.get("a"),
                lambda: self.storage.kv.put("a", 5),
                lambda: list(self.storage.kv.list()),
                lambda: sql.exec("SELECT 1"),
                lambda: list(cursor),
                lambda: sql.database_size,
                lambda: self.storage.transaction_sync(dict),
            ):
                with pytest.raises(StorageError, match="held by a transaction"):
                    call()
            await self.storage.sync()
            return self.storage.kv.get("a")

        async def closure(txn):
            await txn.put("a", 1)
            quiet.set()
            await settle()

        task = asyncio.ensure_future(outside())
        await settle()
        await self.storage.transaction(closure)
        return await task

    quiet = asyncio.Event()
    assert await run(step) == 1


async def test_tasks_begun_inside_belong_to_it(run):
    """A task of the closure may use the storage, and is undone with it (trap 9)."""

    async def step(self):
        async def closure(txn):
            async with asyncio.TaskGroup() as group:
                for number in range(3):
                    group.create_task(self.storage.put(str(number), number))
            self.notes.append(await txn.list())
            txn.rollback()

        await self.storage.transaction(closure)
        return [*self.notes, await self.storage.list()]

    assert await run(step) == [{"0": 0, "1": 1, "2": 2}, {}]


async def test_delete_all_is_refused_inside(run):
    """Through `txn` and through `ctx.storage` (5.1)."""

    async def step(self):
        async def closure(txn):
            await txn.put("a", 1)
            for call in (txn.delete_all, self.storage.delete_all):
                with pytest.raises(
                    StorageError, match=r"Cannot call delete_all\(\) within a trans"
                ):
                    await call()

        await self.storage.transaction(closure)
        return await self.storage.list()

    assert await run(step) == {"a": 1}


async def test_a_function_that_is_not_async_is_refused(run):
    """And what it wrote is undone."""

    async def step(self):
        with pytest.raises(TypeError, match="takes an async function"):
            await self.storage.transaction(lambda txn: self.storage.kv.put("a", 1))
        return await self.storage.list()

    assert await run(step) == {}


async def test_a_transaction_that_takes_too_long_resets_the_object(run, world):
    """The limit of critical sections applies, and nothing of it stays (5.1, 4.3)."""

    async def step(self):
        await self.storage.put("before", 1)

        async def closure(txn):
            await txn.put("a", 1)
            await asyncio.Event().wait()

        await self.storage.transaction(closure)

    run.options["section_seconds"] = 0.02
    with pytest.raises(DurableObjectError, match="waited for too long") as raised:
        await run(step)
    assert raised.value.overloaded
    assert await world.call("everything") == {"before": 1}


async def test_a_critical_error_cannot_be_committed(run, world):
    """Swallowing a full disk does not make a transaction (5.1, 4.4.4)."""

    async def step(self):
        await self.storage.put("before", 1)
        await self.storage.sync()
        database = world.container().database
        database.connection().execute("PRAGMA max_page_count=20")

        def fill():
            with suppress(StorageError):
                for number in range(200):
                    self.storage.kv.put(f"k{number}", "x" * 2000)

        try:
            self.storage.transaction_sync(fill)
        except StorageError as error:
            world.notes = str(error)

    with pytest.raises(DurableObjectError, match="full"):
        await run(step)
    assert world.notes == "Cannot commit transaction due to an earlier SQL critical error"
    assert await world.call("everything") == {"before": 1}


async def test_a_constraint_at_the_end_resets(run, world):
    """A transaction that leaves a dangling reference is undone, with the object (4.4.4)."""

    async def step(self):
        sql = self.storage.sql
        sql.exec("CREATE TABLE p(id INTEGER PRIMARY KEY)")
        sql.exec("CREATE TABLE c(p REFERENCES p DEFERRABLE INITIALLY DEFERRED)")

        async def closure(txn):
            await txn.put("a", 1)
            sql.exec("INSERT INTO c VALUES(7)")

        await self.storage.transaction(closure)

    with pytest.raises(DurableObjectError, match="last known good state"):
        await run(step)
    assert await world.call("everything") == {}


async def test_plain_sections_hold_back_storage_calls_of_others(run):
    """In `block_concurrency_while` too, awaited storage calls from outside wait (trap 9)."""

    async def step(self):
        async def outside():
            await quiet.wait()
            return await self.storage.get("a")

        async def section():
            await self.storage.put("a", 1)
            quiet.set()
            await settle()
            await self.storage.put("a", 2)
            return self.storage.kv.get("a")

        task = asyncio.ensure_future(outside())
        assert await self.ctx.block_concurrency_while(section) == 2
        return await task

    quiet = asyncio.Event()
    assert await run(step) == 2

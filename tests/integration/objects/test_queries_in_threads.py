"""`sql.exec_in_thread` over real objects: the loop is free, the object is held."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from sourdough.errors import DurableObjectError, SqlConstraintError, SqlError
from sourdough.storage.limits import SqlLimits

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
COUNT = f"{ENDLESS} SELECT count(*) FROM n"
FILL = f"{ENDLESS} INSERT INTO t SELECT i FROM n"


async def begun(world) -> None:
    """Return when a thread has the connection of the object."""
    while world.container().database._borrower is None:
        await asyncio.sleep(0)


async def test_rows_and_writes(run, world):
    """Several statements, bindings of the last, rows by name; what it wrote is durable after."""

    async def step(self):
        rows = await self.storage.sql.exec_in_thread(
            "CREATE TABLE t(x); INSERT INTO t VALUES(1), (2); SELECT x FROM t WHERE x > ?", 1
        )
        return [row.x for row in rows]

    assert await run(step) == [2]
    world.container().reset(RuntimeError("again"))

    async def count(self):
        return self.storage.sql.exec("SELECT count(*) FROM t").one()[0]

    assert await run(count) == 2


async def test_reading_an_unknown_object_makes_no_file(run, world):
    """A query that writes nothing leaves nothing behind."""

    async def step(self):
        return [row[0] for row in await self.storage.sql.exec_in_thread("SELECT 1")]

    assert await run(step) == [1]
    assert not (world.folder / "Thing").exists()


async def test_the_loop_goes_on_and_the_object_is_held(run, world):
    """Other objects answer meanwhile; events and storage calls of this one wait (4.1.2)."""

    async def step(self):
        task = asyncio.ensure_future(self.storage.sql.exec_in_thread(COUNT))
        await begun(world)
        other = asyncio.ensure_future(self.storage.put("a", 1))
        event = world.call("everything")
        for _ in range(20):
            await asyncio.sleep(0)
        self.notes.append((other.done(), event.done()))
        task.cancel()
        await other
        return self.notes

    running = run(step)
    await asyncio.sleep(0)
    await begun(world)
    assert await world.call("everything", label="b") == {}
    assert await running == [(False, False)]
    assert await world.call("everything") == {"a": 1}


async def test_a_cancelled_query_is_stopped_and_undone(run, world):
    """The caller's timeout ends the thread's work; the object lives on without it."""

    async def step(self):
        sql = self.storage.sql
        sql.exec("CREATE TABLE t(x)")
        await self.storage.put("before", 1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await sql.exec_in_thread(FILL)
        await self.storage.put("after", 1)
        return [sql.exec("SELECT count(*) FROM t").one()[0], await self.storage.list()]

    assert await run(step) == [0, {"after": 1, "before": 1}]
    assert len(world.created) == 1


async def test_one_cancelled_inside_a_transaction_takes_that_along(run, world):
    """SQLite undoes all of it, so nothing may go on as if it were there (4.4.4)."""

    async def step(self):
        self.storage.sql.exec("CREATE TABLE t(x)")

        async def closure(txn):
            await txn.put("a", 1)
            with suppress(TimeoutError):
                async with asyncio.timeout(0.02):
                    await self.storage.sql.exec_in_thread(FILL)
            await txn.put("b", 1)

        await self.storage.transaction(closure)

    with pytest.raises(DurableObjectError, match="undid the transaction around it"):
        await run(step)
    assert await world.call("everything") == {}


async def test_errors_are_those_of_exec(run):
    """Constraints, syntax, refusals, bindings; the object and its data go on."""

    async def step(self):
        sql = self.storage.sql
        sql.exec("CREATE TABLE t(x UNIQUE)")
        for query, bindings, kind, text in (
            ("INSERT INTO t VALUES(1), (1)", (), SqlConstraintError, "UNIQUE"),
            ("SELEC 1", (), SqlError, "syntax"),
            ("BEGIN", (), SqlError, "transaction_sync"),
            ("SELECT * FROM _sd_kv", (), SqlError, "prohibited"),
            ("SELECT ?", (), ValueError, "Wrong number of parameter bindings"),
            ("SELECT ?", (object(),), TypeError, "object"),
            ("-- nothing", (), ValueError, "did not contain a statement"),
        ):
            with pytest.raises(kind, match=text):
                await sql.exec_in_thread(query, *bindings)
        return sql.exec("SELECT count(*) FROM t").one()[0]

    assert await run(step) == 0


async def test_it_belongs_to_the_transaction_around_it(run):
    """Rolled back with it, and committed with it (5.1)."""

    async def step(self):
        sql = self.storage.sql
        sql.exec("CREATE TABLE t(x)")

        async def closure(txn):
            await sql.exec_in_thread("INSERT INTO t VALUES(1)")
            self.notes.append(sql.exec("SELECT count(*) FROM t").one()[0])
            txn.rollback()

        await self.storage.transaction(closure)
        return [*self.notes, sql.exec("SELECT count(*) FROM t").one()[0]]

    assert await run(step) == [1, 0]


async def test_a_reading_query_that_takes_too_long_fails(run, world):
    """The error says why and what the limit is called (invariant S12)."""
    world.engine_options["limits"] = SqlLimits(thread_seconds=0.02)

    async def step(self):
        await self.storage.put("a", 1)
        with pytest.raises(SqlError, match=r"longer than 0.02 s \(limits.sql_seconds\)"):
            await self.storage.sql.exec_in_thread(COUNT)
        return await self.storage.get("a")

    assert await run(step) == 1


async def test_a_writing_query_that_takes_too_long_resets(run, world):
    """The object is reset to its last commit (invariant S12, semantics 4.4.4)."""
    world.engine_options["limits"] = SqlLimits(thread_seconds=0.02)

    async def step(self):
        self.storage.sql.exec("CREATE TABLE t(x)")
        await self.storage.put("a", 1)
        await self.storage.sql.exec_in_thread(FILL)

    with pytest.raises(DurableObjectError, match=r"limits.sql_seconds.*undone"):
        await run(step)
    assert await world.call("everything") == {"a": 1}


async def test_a_reset_stops_the_thread(run, world):
    """The database is closed when reset returns, whatever ran on it (invariant P2)."""

    async def step(self):
        self.storage.sql.exec("CREATE TABLE t(x)")
        await self.storage.sql.exec_in_thread(FILL)

    running = run(step)
    await asyncio.sleep(0)
    await begun(world)
    database = world.container().database
    world.container().reset(RuntimeError("enough"))
    assert database.connection_or_none() is None
    with pytest.raises(DurableObjectError, match="enough"):
        await running
    assert await world.call("everything") == {}


async def test_a_write_ahead_log_is_not_folded_meanwhile(run, world):
    """A sync that ends during the query leaves the connection alone."""
    world.engine_options["fold_bytes"] = 1

    async def step(self):
        await self.storage.put("a", 1)
        task = asyncio.ensure_future(self.storage.sql.exec_in_thread(COUNT))
        await begun(world)
        file = world.container().database._file
        while file.durable < file.commits:
            await asyncio.sleep(0)  # a timer would wait for the query (semantics 4.1.1)
        task.cancel()
        return await self.storage.get("a")

    async with asyncio.timeout(10):
        assert await run(step) == 1


@pytest.mark.parametrize(
    "query", ["SELECT zeroblob(10000) FROM n LIMIT 1000", "SELECT i FROM n LIMIT 100000"]
)
async def test_a_query_in_a_thread_is_bounded_as_well(world, run, query):
    """It returns a list; the object goes on (semantics 5.3.9)."""
    world.engine_options["limits"] = SqlLimits(result_bytes=4 << 20)

    async def step(self):
        with pytest.raises(SqlError, match="too large"):
            await self.storage.sql.exec_in_thread(f"{ENDLESS} {query}")
        return self.storage.sql.exec("SELECT 1").one()[0]

    assert await run(step) == 1

"""Transactions inside and beside each other, and rolled back by hand (semantics 5.1)."""

from __future__ import annotations

import asyncio

import pytest

from sourdough.errors import StorageError


async def settle(turns: int = 20) -> None:
    """Let what is ready run."""
    for _ in range(turns):
        await asyncio.sleep(0)


async def test_transactions_nest_as_savepoints(run):
    """An inner one that fails is undone alone; an outer one that fails undoes both (5.1)."""

    async def step(self):
        storage = self.storage

        async def good(txn):
            await txn.put("good", 1)

        async def bad(txn):
            await txn.put("bad", 1)
            raise LookupError

        async def outer(txn):
            await txn.put("outer", 1)
            with pytest.raises(LookupError):
                await storage.transaction(bad)
            await storage.transaction(good)
            storage.transaction_sync(lambda: storage.kv.put("sync", 1))
            return await txn.list()

        async def failing(_txn):
            await storage.transaction(outer)
            await storage.delete("kept")
            raise LookupError

        await storage.put("kept", 1)
        with pytest.raises(LookupError):
            await storage.transaction(failing)
        self.notes.append(await storage.list())
        self.notes.append(await storage.transaction(outer))
        return self.notes

    assert await run(step) == [{"kept": 1}, {"good": 1, "kept": 1, "outer": 1, "sync": 1}]


async def test_a_synchronous_transaction_inside_fails_alone(run):
    """`transaction_sync` inside `transaction` is one more savepoint (5.1)."""

    async def step(self):
        storage = self.storage

        def failing():
            storage.kv.put("inner", 1)
            raise LookupError

        async def closure(txn):
            await txn.put("outer", 1)
            with pytest.raises(LookupError):
                storage.transaction_sync(failing)
            await asyncio.sleep(0)
            await txn.put("later", 1)

        await storage.transaction(closure)
        return await storage.list()

    assert await run(step) == {"later": 1, "outer": 1}


async def test_two_transactions_of_one_event_run_one_after_another(run):
    """Begun together, they are both whole (5.1, 4.3)."""

    async def step(self):
        async def add(txn):
            value = await txn.get("n", 0)
            await asyncio.sleep(0)
            await txn.put("n", value + 1)

        await asyncio.gather(*(self.storage.transaction(add) for _ in range(10)))
        return await self.storage.get("n")

    assert await run(step) == 10


async def test_an_inner_transaction_nobody_awaits_ends_before_the_outer(run):
    """The outer commit waits for it: savepoints end in order (5.1)."""

    async def step(self):
        async def inner(txn):
            await settle()
            await txn.put("inner", 1)

        async def outer(txn):
            self.task = asyncio.ensure_future(self.storage.transaction(inner))
            await asyncio.sleep(0)
            await txn.put("outer", 1)

        await self.storage.transaction(outer)
        self.notes.append(self.task.done() or await self.task)
        return await self.storage.list()

    assert await run(step) == {"inner": 1, "outer": 1}


async def test_rollback_is_final_and_idempotent(run):
    """Twice is once; later calls of `txn` say why they cannot be (5.1)."""

    async def step(self):
        async def closure(txn):
            await txn.put("a", 1)
            txn.rollback()
            txn.rollback()
            for operation, call in {
                "get()": lambda: txn.get("a"),
                "put()": lambda: txn.put("a", 1),
                "delete()": lambda: txn.delete("a"),
                "list()": txn.list,
                "delete_all()": txn.delete_all,
            }.items():
                with pytest.raises(StorageError) as raised:
                    await call()
                self.notes.append(
                    str(raised.value) == f"Cannot {operation} on rolled back transaction"
                )
            await self.storage.put("b", 1)

        await self.storage.transaction(closure)
        return [*self.notes, await self.storage.list()]

    assert await run(step) == [True, True, True, True, True, {"b": 1}]


async def test_use_after_commit_says_so(run):
    """`txn` that left its closure is of no use, for a rollback either (5.1)."""

    async def step(self):
        async def closure(txn):
            return txn

        txn = await self.storage.transaction(closure)
        with pytest.raises(StorageError) as raised:
            await txn.put("a", 1)
        self.notes.append(str(raised.value))
        with pytest.raises(StorageError, match=r"Cannot call rollback\(\) on transaction that has"):
            txn.rollback()
        return self.notes[0]

    assert await run(step) == (
        "Cannot call put() on transaction that has already committed: did you move `txn` outside"
        " of the closure?"
    )


async def test_an_outer_rollback_with_an_inner_open_is_refused(run):
    """Savepoints cannot be undone from below (5.1)."""

    async def step(self):
        async def outer(txn):
            async def inner(inner_txn):
                await inner_txn.put("inner", 1)
                with pytest.raises(StorageError) as raised:
                    txn.rollback()
                self.notes.append(str(raised.value))

            await self.storage.transaction(inner)
            with pytest.raises(StorageError, match="nested transaction is still running"):
                self.storage.transaction_sync(txn.rollback)

        await self.storage.transaction(outer)
        return [*self.notes, await self.storage.list()]

    assert await run(step) == [
        "Cannot roll back an outer transaction while a nested transaction is still running.",
        {"inner": 1},
    ]


async def test_a_caller_that_gives_up_rolls_back(run):
    """A timeout of the user's own undoes the transaction, inner ones too, and nothing else."""

    async def step(self):
        async def inner(txn):
            await txn.put("inner", 1)
            await asyncio.Event().wait()

        async def outer(txn):
            await txn.put("outer", 1)
            await self.storage.transaction(inner)

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await self.storage.transaction(outer)
        await self.storage.put("after", 1)
        return await self.storage.list()

    assert await run(step) == {"after": 1}


async def test_one_that_gives_up_in_the_queue_lets_no_two_run_together(run):
    """Of three in a row the second leaves; the third still waits for the first (4.3)."""

    async def step(self):
        async def closure(txn):
            self.notes.append("in")
            await settle()
            await txn.put("a", 1)
            self.notes.append("out")

        tasks = [asyncio.ensure_future(self.storage.transaction(closure)) for _ in range(3)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return self.notes

    assert await run(step) == ["in", "out", "in", "out"]

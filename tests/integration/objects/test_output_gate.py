"""Nothing leaves an object before what it depends on is durable."""

from __future__ import annotations

import asyncio

import pytest

from sourdough.errors import DurableObjectError, StorageError
from sourdough.http import Response
from sourdough.objects.durable_object import DurableObject


async def settle(turns: int = 20) -> None:
    """Let what is ready run."""
    for _ in range(turns):
        await asyncio.sleep(0)


class Keeper(DurableObject):
    async def set(self, value):
        await self.ctx.storage.put("value", value)
        return value

    async def set_and_raise(self, value):
        await self.ctx.storage.put("value", value)
        raise KeyError("boom")

    async def set_and_cancel(self, value):
        await self.ctx.storage.put("value", value)
        raise asyncio.CancelledError

    async def set_unconfirmed(self, value):
        await self.ctx.storage.put("value", value, allow_unconfirmed=True)
        return value

    async def get(self):
        return await self.ctx.storage.get("value")

    async def constant(self):
        return 5

    async def violate(self):
        sql = self.ctx.storage.sql
        sql.exec("PRAGMA defer_foreign_keys = on")
        sql.exec("INSERT INTO child VALUES (1, 99)")
        return "never"

    async def tables(self):
        sql = self.ctx.storage.sql
        sql.exec("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
        sql.exec("CREATE TABLE child (id INTEGER, parent INTEGER REFERENCES parent (id))")

    async def children(self):
        return self.ctx.storage.sql.exec("SELECT count(*) AS n FROM child").one()["n"]

    async def fetch(self, request):
        await self.ctx.storage.put("value", "streamed")

        async def body():
            yield b"one"
            await self.ctx.storage.put("value", "again")
            yield b"two"

        return Response(body())


async def test_the_answer_waits_for_the_disk(world):
    """Nothing leaves before its commit is durable (trap 3, invariant S1)."""
    world.host(Keeper)
    await world.call("set", 1)
    world.disk.go.clear()
    answer = world.call("set", 2)
    await settle()
    assert not answer.done()
    world.disk.go.set()
    assert await answer == 2


async def test_who_waits_for_the_disk_is_told_why_the_object_was_reset(world):
    """An answer that was ready fails with the reason of the reset, as those that still ran."""
    world.host(Keeper)
    await world.call("set", 1)
    world.disk.go.clear()
    answer = world.call("set", 2)
    await settle()
    world.container().reset(DurableObjectError("it was deleted", durable_object_reset=True))
    with pytest.raises(DurableObjectError, match="it was deleted"):
        await answer


async def test_an_error_waits_as_well(world):
    """The exception path has the same gate (trap 5)."""
    world.host(Keeper)
    await world.call("set", 1)
    world.disk.go.clear()
    raised, cancelled = world.call("set_and_raise", 2), world.call("set_and_cancel", 3)
    await settle()
    assert not raised.done()
    assert not cancelled.done()
    world.disk.go.set()
    with pytest.raises(KeyError, match="boom"):
        await raised
    with pytest.raises(DurableObjectError):
        await cancelled


async def test_events_of_one_turn_share_its_commit(world):
    """One transaction and one commit, which the answers of all of them wait for (4.4.1)."""
    world.host(Keeper)
    await world.call("set", 1)
    commits = world.container().database.commits
    world.disk.go.clear()
    answers = [world.call("set", 2), world.call("get"), world.call("set", 3), world.call("get")]
    await settle()
    assert world.container().database.commits == commits + 1
    assert not any(each.done() for each in answers)
    world.disk.go.set()
    assert await asyncio.gather(*answers) == [2, 2, 3, 3]


async def test_events_of_one_turn_fail_with_its_commit(world):
    """Nobody is told of a write that another event's took along (4.4.4)."""
    world.host(Keeper)
    await world.call("tables")
    await world.call("set", 1)
    before, culprit, after = world.call("set", 2), world.call("violate"), world.call("set", 3)
    for answer in (before, culprit, after):
        with pytest.raises(DurableObjectError, match="constraints were violated"):
            await answer
    assert await world.call("get") == 1


async def test_a_read_of_what_is_not_durable_waits_too(world):
    """An answer may not reveal another event's write before it is durable."""
    world.host(Keeper)
    await world.call("set", 1)
    world.disk.go.clear()
    write = world.call("set", 2)
    await settle()
    read = world.call("get")
    await settle()
    assert not read.done()
    world.disk.go.set()
    assert await read == 2
    assert await write == 2


async def test_an_earlier_answer_does_not_wait_for_later_writes(world):
    """The gate covers what was written by then, nothing later (trap 4)."""
    world.host(Keeper)
    await world.call("set", 1)
    first = world.call("get")
    await settle(3)
    world.disk.go.clear()
    second = world.call("set", 2)
    await settle()
    assert first.result() == 1
    assert not second.done()


async def test_other_objects_do_not_wait(world):
    """One object's commit holds back nobody else's answer that does not depend on it."""
    world.host(Keeper)
    await world.call("set", 1)
    await world.call("constant", label="b")
    world.disk.go.clear()
    write = world.call("set", 2)
    await settle()
    assert await world.call("constant", label="b") == 5
    assert not write.done()


async def test_a_failed_sync_replaces_every_answer_that_depends_on_it(world):
    """Callers get an error, the object is reset, and the host is told (invariant S2)."""
    world.host(Keeper)
    await world.call("set", 1)
    container = world.container()
    world.disk.error = OSError(5, "Input/output error")
    write, raised = world.call("set", 2), world.call("set_and_raise", 3)
    for answer in (write, raised):
        with pytest.raises(DurableObjectError) as caught:
            await answer
        assert caught.value.durable_object_reset
    assert world.failed
    assert world.container() is not container
    with pytest.raises(StorageError):
        container.instance.ctx.storage.kv.put("value", 4)


async def test_a_failed_sync_of_an_unconfirmed_write_is_no_smaller_failure(world):
    """Its answer has left, but the host is told, and nothing later is acknowledged (4.2.3)."""
    world.host(Keeper)
    await world.call("set", 1)
    world.disk.error = OSError(5, "Input/output error")
    assert await world.call("set_unconfirmed", 2) == 2
    async with asyncio.timeout(5):
        while not world.failed:
            await asyncio.sleep(0)
    with pytest.raises(DurableObjectError) as caught:
        await world.call("set", 3)
    assert caught.value.durable_object_reset


async def test_after_a_failed_sync_nothing_that_is_not_durable_is_revealed(world):
    """A new instance finds the write in the WAL, but no answer with it leaves."""
    world.host(Keeper)
    await world.call("set", 1)
    world.disk.error = OSError(5, "Input/output error")
    with pytest.raises(DurableObjectError):
        await world.call("set", 2)
    with pytest.raises(DurableObjectError):
        await world.call("get")


async def test_a_failing_commit_replaces_the_answer_and_the_old_data_is_back(world):
    """A constraint that fails at COMMIT resets the object to its last good state (4.4.4)."""
    world.host(Keeper)
    await world.call("tables")
    await world.call("set", 1)
    container = world.container()
    with pytest.raises(DurableObjectError, match="constraints were violated"):
        await world.call("violate")
    assert world.container() is not container
    assert await world.call("get") == 1
    assert await world.call("children") == 0


async def test_each_chunk_of_a_streamed_body_waits_for_its_writes(world):
    """A chunk leaves when what was written before it is durable."""
    world.host(Keeper)
    await world.call("set", 1)
    world.disk.go.clear()
    answer = world.fetch()
    await settle()
    assert not answer.done()
    world.disk.go.set()
    assert await answer == (200, [b"one", b"two"])


async def test_a_failed_sync_cuts_a_streamed_body(world):
    """No chunk leaves whose writes are lost."""
    world.host(Keeper)
    await world.call("set", 1)
    world.disk.error = OSError(5, "Input/output error")
    with pytest.raises(DurableObjectError):
        await world.fetch()


async def test_a_call_that_is_answered_twice_is_answered_once(world):
    """Of a reset during a commit's sync the caller hears once what happened."""
    world.host(Keeper)
    await world.call("set", 1)
    world.disk.go.clear()
    waiting = world.send("set", 2)
    await settle()
    world.container().reset(DurableObjectError("enough", durable_object_reset=True))
    world.disk.go.set()
    with pytest.raises(DurableObjectError):
        await waiting.answer
    await settle()
    assert waiting.times == 1

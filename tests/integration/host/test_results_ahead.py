"""A result inside one host does not wait for the disk; what its caller says next does (invariant S1)."""

from __future__ import annotations

import asyncio
import threading

import pytest

from sourdough.objects.durable_object import DurableObject
from sourdough.storage.journal import big
from sourdough.storage.journal.disk import RealDisk
from sourdough.storage.journal.life import Life, write_life
from sourdough.storage.journal.pages import copy_pages
from sourdough.values import decode, encode
from sourdough.wire.heads import Kind


class Thing(DurableObject):
    made: object
    seen: list
    late: asyncio.Event

    def pending(self, name):
        """Whether what an object of this host has written is not durable yet."""
        key = b"Thing" + self.made.ids.from_name(name).raw
        return self.made.host(1).host.registry.get(key).database.pending

    async def write(self, value):
        await self.ctx.storage.put("value", value)
        return value

    async def value(self):
        return await self.ctx.storage.get("value")

    async def through(self, name, value):
        return await self.env.THING.get_by_name(name).write(value)

    async def ask(self, name):
        result = await self.env.THING.get_by_name(name).write(1)
        self.seen.append(self.pending(name))
        return result

    async def ask_and_write(self, name):
        result = await self.ask(name)
        await self.ctx.storage.put("value", result)
        return result

    async def ask_through(self, middle, name):
        result = await self.env.THING.get_by_name(middle).through(name, 2)
        self.seen.append(self.pending(name))
        return result

    async def ask_and_tell(self, name, other):
        await self.ask(name)
        return await self.env.THING.get_by_name(other).hear(name)

    async def write_and_raise(self):
        yield 1
        await self.ctx.storage.put("value", 5)
        raise LookupError("5 is stored")

    async def wait_and_write(self, value):
        await self.late.wait()
        return await self.write(value)

    async def ask_and_write_much(self, name):
        asking = asyncio.ensure_future(self.env.THING.get_by_name(name).wait_and_write(1))
        await asyncio.sleep(0)
        self.ctx.storage.sql.exec("create table t (x); insert into t values (zeroblob(6000000))")
        await asyncio.sleep(0)
        self.late.set()
        result = await asking
        self.seen.append(self.pending(name))
        return result

    async def ask_and_abort(self, name):
        self.ctx.abort(f"{name} has {await self.ask(name)}")

    async def ask_in_a_section_and_raise(self, name):
        async def section():
            raise ValueError(f"{name} has {await self.ask(name)}")

        await self.ctx.block_concurrency_while(section)

    async def hear(self, name):
        """Say whether what the caller knows was durable when its call came."""
        return self.pending(name)


class Slow:
    """The pace of a disk that never syncs on the loop."""

    inline = False

    def took(self, seconds): ...


@pytest.fixture
async def journaled(cluster, tmp_path):
    """A cluster of two hosts with journals, of which the first's disk waits for `go`."""
    write_life(tmp_path, Life(1, 0), RealDisk())
    Thing.seen, Thing.late = [], asyncio.Event()
    made = Thing.made = cluster(Thing)
    names = [made.name(seat=1, number=number) for number in range(3)]
    for name in names:
        assert await ended(ask(made, name, "write", 0)) == 0
    journal, go = made.host(1)._engines.of("disk").journal, threading.Event()
    work, journal.pace = journal._work, Slow()

    def slow(batch):
        assert not batch.sync or go.wait(10)
        return work(batch)

    journal._work = slow
    yield made, names, go
    go.set()


def ask(made, name, method, *args):
    """Call as a gateway does; return the client."""
    return made.client(name, kind=Kind.CALL, method=method.encode(), body=encode((args, {})))


async def ended(client):
    """Return the result of a call."""
    status, body = await client.answer()
    assert status == 0, body
    return decode(body)


@pytest.mark.parametrize("method", ["ask", "ask_and_write"])
async def test_a_result_goes_ahead_of_its_commit(journaled, method):
    """The caller goes on at once; its own answer leaves when the callee's commit is durable."""
    made, (one, two, _), go = journaled
    client = ask(made, one, method, two)
    await made.until(lambda: Thing.seen == [True])
    await asyncio.sleep(0.02)
    assert not client.ended.is_set()
    go.set()
    assert await ended(client) == 1


async def test_it_goes_through_several_objects(journaled):
    """Who passes a result on passes on what it depends on."""
    made, (one, two, three), go = journaled
    client = ask(made, one, "ask_through", two, three)
    await made.until(lambda: Thing.seen == [True])
    await asyncio.sleep(0.02)
    assert not client.ended.is_set()
    go.set()
    assert await ended(client) == 2


async def test_a_later_call_waits_for_what_its_object_knows(journaled):
    """The next callee hears of nothing that is not durable."""
    made, (one, two, three), go = journaled
    client = ask(made, one, "ask_and_tell", two, three)
    await made.until(lambda: Thing.seen == [True])
    go.set()
    assert await ended(client) is False


async def test_a_reset_of_the_callee_takes_nothing_back(journaled):
    """Its commit is in the journal, and the caller waits for that alone."""
    made, (one, two, _), go = journaled
    client = ask(made, one, "ask", two)
    await made.until(lambda: Thing.seen == [True])
    made.host(1).host.registry.get(b"Thing" + made.ids.from_name(two).raw).reset(ValueError("gone"))
    await asyncio.sleep(0.02)
    assert not client.ended.is_set()
    go.set()
    assert await ended(client) == 1
    assert await ended(ask(made, two, "value")) == 1


@pytest.mark.parametrize("method", ["ask_and_abort", "ask_in_a_section_and_raise"])
async def test_the_reason_of_a_reset_waits_like_an_answer(journaled, method):
    """It may say what a callee has told."""
    made, (one, two, _), go = journaled
    client = ask(made, one, method, two)
    await made.until(lambda: Thing.seen == [True])
    await asyncio.sleep(0.02)
    assert not client.ended.is_set()
    go.set()
    status, body = await client.answer()
    assert status == 1
    assert f"{two} has 1" in decode(body)["message"]


async def test_a_large_commit_is_waited_for_beside_that_of_the_callee(journaled, monkeypatch):
    """It is copied beside the journal, so that a later place in the journal says nothing of it."""
    made, (one, two, _), go = journaled
    copied = threading.Event()

    def slow(*args, **options):
        assert copied.wait(10)
        copy_pages(*args, **options)

    monkeypatch.setattr(big, "copy_pages", slow)
    try:
        client = ask(made, one, "ask_and_write_much", two)
        await made.until(lambda: Thing.seen == [True])
        go.set()
        await made.until(lambda: not Thing.pending(Thing, two))
        await asyncio.sleep(0.02)
        assert not client.ended.is_set()
    finally:
        copied.set()
    assert await ended(client) == 1


async def test_the_error_of_an_iterator_waits_like_an_item(journaled):
    """It may tell what was written before it."""
    made, (one, _, _), go = journaled
    items = await made.stub(one, seat=2).write_and_raise()
    assert await anext(items) == 1
    reading = asyncio.ensure_future(anext(items))
    await asyncio.sleep(0.05)
    assert not reading.done()
    go.set()
    with pytest.raises(LookupError, match="5 is stored"):
        await reading


async def test_without_one_order_of_commits_a_result_waits(cluster):
    """Each object's own file says nothing about when another's is durable."""
    Thing.seen = []
    made = Thing.made = cluster(Thing)
    one, two = made.name(seat=1), made.name(seat=1, number=1)
    await ended(ask(made, two, "write", 0))
    assert await ended(ask(made, one, "ask", two)) == 1
    assert Thing.seen == [False]

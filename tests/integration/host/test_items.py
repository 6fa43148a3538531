"""Iterators that travel: methods that yield, and generators of the caller; here and over a link."""

from __future__ import annotations

import asyncio

import pytest

from sourdough.errors import DurableObjectError
from sourdough.objects.durable_object import DurableObject
from sourdough.objects.event import current_event
from tests.integration.host.reached import lent, stub_of


class Thing(DurableObject):
    seen: list
    closed: asyncio.Event

    async def whoami(self):
        return self.ctx.id.name

    async def count(self, until):
        try:
            for number in range(until):
                type(self).seen.append(number)
                yield number
        finally:
            type(self).closed.set()

    async def context(self):
        yield current_event.get().what
        yield await self.env.THING.get_by_name(self.ctx.id.name).whoami()

    async def values(self):
        yield {"a": [1, (2,), b"x"]}
        yield lambda: "a function"
        yield b"x" * 300_000
        yield object()

    async def count_and_fail(self):
        yield 1
        raise LookupError("no more")

    async def count_and_stumble(self):
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            await self.ctx.storage.put("ended", True)
            raise LookupError("at the end")

    async def total(self, items):
        return sum([item async for item in items])

    async def abort(self):
        self.ctx.abort("gone")


@pytest.fixture(params=["here", "there"])
async def reached(request, cluster):
    """A cluster and a name whose object lives on host 1 (here) or on host 2 (there)."""
    Thing.seen, Thing.closed = [], asyncio.Event()
    made = cluster(Thing)
    return made, made.name(seat=1 if request.param == "here" else 2)


async def test_an_iterator_is_read_as_it_runs(reached):
    """`async for` over the call itself, or over what awaiting it gives."""
    stub = stub_of(reached)
    assert [item async for item in stub.count(3)] == [0, 1, 2]
    assert [item async for item in await stub.count(500)] == list(range(500))


async def test_a_slow_reader_suspends_the_iterator(reached):
    """It is not run to its end while nobody reads (back-pressure)."""
    items = await stub_of(reached).count(100_000)
    assert await anext(items) == 0
    for _ in range(200):
        await asyncio.sleep(0)
    assert len(Thing.seen) < 200
    seen = len(Thing.seen)
    for _ in range(100):
        await anext(items)
    made, _ = reached
    await made.until(lambda: len(Thing.seen) > seen)
    assert len(Thing.seen) < 400


async def test_a_reader_that_leaves_closes_the_iterator(reached):
    """Its `finally` runs where it is."""
    made, _ = reached
    async for item in stub_of(reached).count(100_000):
        if item == 2:
            break
    await asyncio.wait_for(Thing.closed.wait(), 5)
    await made.until(lambda: lent(made) == 0)


async def test_an_iterator_of_an_object_that_was_reset_says_so(reached):
    """Also when it is read for the first time only then."""
    stub = stub_of(reached)
    items = await stub.count(3)
    with pytest.raises(DurableObjectError, match="gone"):
        await stub.abort()
    with pytest.raises(DurableObjectError) as raised:
        await anext(items)
    assert raised.value.durable_object_reset


async def test_a_reader_hears_of_a_reset_whatever_the_iterator_does_then(reached):
    """Its `finally` may raise, as the storage of a dead instance does."""
    stub = stub_of(reached)
    items = await stub.count_and_stumble()
    assert await anext(items) == 1
    waiting = asyncio.ensure_future(anext(items))
    with pytest.raises(DurableObjectError, match="gone"):
        await stub.abort()
    with pytest.raises(DurableObjectError) as raised:
        await asyncio.wait_for(waiting, 5)
    assert raised.value.durable_object_reset


async def test_an_iterator_that_raises_raises_in_its_reader(reached):
    """After the items that came before."""
    seen = []
    with pytest.raises(LookupError, match="no more"):  # noqa: PT012
        async for item in stub_of(reached).count_and_fail():
            seen.append(item)  # noqa: PERF401 (what came before the error)
    assert seen == [1]


async def test_what_is_no_iterator_cannot_be_iterated(reached):
    """The error says what came."""
    with pytest.raises(TypeError, match="returned str"):
        async for _ in stub_of(reached).whoami():
            pass


async def test_an_iterator_as_an_argument(reached):
    """The object reads what the caller makes."""

    async def numbers():
        for number in range(1000):
            yield number

    assert await stub_of(reached).total(numbers()) == 499_500


async def test_a_reset_ends_an_iterator_with_an_error(reached):
    """Never an end that looks proper (invariant D3)."""
    stub = stub_of(reached)
    items = await stub.count(100_000)
    assert await anext(items) == 0
    with pytest.raises(DurableObjectError, match="gone"):
        await stub.abort()
    with pytest.raises(DurableObjectError) as raised:  # noqa: PT012
        while True:
            await anext(items)
    assert raised.value.durable_object_reset


async def test_an_iterator_runs_in_the_event_that_made_it(reached):
    """What it calls is called by its own object."""
    items = [item async for item in stub_of(reached).context()]
    assert items == ["context()", reached[1]]


async def test_items_are_values_like_any_others(reached):
    """Data, references, large ones; what cannot travel ends the iterator with the place."""
    items = await stub_of(reached).values()
    assert await anext(items) == {"a": [1, (2,), b"x"]}
    assert await (await anext(items))() == "a function"
    assert len(await anext(items)) == 300_000
    with pytest.raises(TypeError, match="result is of type object"):
        await anext(items)
    with pytest.raises(TypeError):
        await anext(items)


async def test_many_readers_at_once(reached):
    """Each has its own iterator."""
    stub = stub_of(reached)

    async def read(until):
        return [item async for item in stub.count(until)]

    found = await asyncio.gather(*(read(number) for number in range(50)))
    assert found == [list(range(number)) for number in range(50)]


async def test_a_reader_can_close_it(reached):
    """`aclose`, as of any generator."""
    items = await stub_of(reached).count(100_000)
    assert await anext(items) == 0
    await items.aclose()
    await asyncio.wait_for(Thing.closed.wait(), 5)
    with pytest.raises(StopAsyncIteration):
        await anext(items)


async def test_a_generator_that_nobody_reads_never_begins(reached):
    """As in one process."""
    items = await stub_of(reached).count(3)
    await asyncio.sleep(0.01)
    assert Thing.seen == []
    del items
    made, _ = reached
    await made.until(lambda: lent(made) == 0)

"""The same thing passed by reference several times, and what was passed and never looked at."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from sourdough.objects.durable_object import DurableObject
from sourdough.objects.target import RpcTarget


class Purse(RpcTarget):
    """Something of an object that others use."""

    async def pay(self, amount):
        return amount


class Thing(DurableObject):
    def __init__(self, ctx, env):
        super().__init__(ctx, env)
        self.purse = Purse()
        self.kept = []

    async def whoami(self):
        return self.ctx.id.name

    async def purses(self, count):
        for _ in range(count):
            yield self.purse

    async def keep_and_read_one(self, callback, items):
        self.kept.append(callback)
        async for _ in items:
            break

    async def keep_and_ask(self, callback, other):
        self.kept.append(callback)
        asking = asyncio.ensure_future(other())
        await asyncio.sleep(0)
        asking.cancel()

    async def silence(self):
        yield 1
        await asyncio.Event().wait()


@pytest.fixture(params=["here", "there"])
async def reached(request, cluster):
    """A cluster and a stub of an object on host 1 (here) or on host 2 (there)."""
    made = cluster(Thing)
    return made, made.stub(made.name(seat=1 if request.param == "here" else 2), seat=1)


async def gone(made, references):
    """Wait until nobody holds any of these."""

    def over():
        gc.collect()
        return not any(each() is not None for each in references)

    await made.until(over)


async def test_what_is_on_its_way_once_more_survives_a_release(reached):
    """Each item is let go before the next is read, which has left long before."""
    _, stub = reached
    paid = []
    async for purse in stub.purses(5):
        async with purse:
            paid.append(await purse.pay(len(paid)))
    assert paid == [0, 1, 2, 3, 4]


async def test_a_thing_that_comes_twice_is_one_reference(reached):
    """Both are let go when one is released."""
    _, stub = reached
    one, other = [purse async for purse in stub.purses(2)]
    assert one is other
    one.release()
    with pytest.raises(RuntimeError, match="was released"):
        await other.pay(1)


async def test_items_that_nobody_reads_hold_nothing(reached):
    """What they refer to is released, those included that are still on their way."""
    made, stub = reached
    lent = []

    async def items():
        for _ in range(20):
            purse = Purse()
            lent.append(weakref.ref(purse))
            yield purse

    await stub.keep_and_read_one(lambda: None, items())
    assert lent
    await gone(made, lent)


async def test_an_answer_that_comes_too_late_holds_nothing(reached):
    """Whoever asked was cancelled; what the answer refers to is released."""
    made, stub = reached
    lent, asked = [], asyncio.Event()

    async def other():
        purse = Purse()
        lent.append(weakref.ref(purse))
        asked.set()
        return purse

    await stub.keep_and_ask(lambda: None, other)
    await asyncio.wait_for(asked.wait(), 5)
    await gone(made, lent)


async def test_a_released_iterator_says_so(reached):
    """To who reads on, and to who waits for an item."""
    _, stub = reached
    items = await stub.purses(5)
    await anext(items)
    items.release()
    with pytest.raises(RuntimeError, match="was released"):
        await anext(items)
    items = await stub.silence()
    assert await anext(items) == 1
    waiting = asyncio.ensure_future(anext(items))
    await asyncio.sleep(0)
    items.release()
    with pytest.raises(RuntimeError, match="was released"):
        await waiting

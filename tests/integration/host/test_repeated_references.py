"""The same thing passed by reference several times, and what was passed and never looked at."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from sourdough.errors import DurableObjectError
from sourdough.objects.calls.target import RpcTarget
from sourdough.objects.durable_object import DurableObject


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

    async def keep(self, callback):
        self.kept.append(callback)

    async def abort(self):
        self.ctx.abort("gone")

    async def lend_late(self):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return self.purse

    async def refuse(self):
        """Takes nothing."""

    async def lend_to(self, other, method):
        await getattr(other, method)(self.purse)

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


async def test_an_object_that_was_reset_holds_nothing(reached):
    """Also where something still refers to the dead instance; its own reference is given back."""
    made, stub = reached
    lent = []

    def listener():
        def callback():
            pass

        lent.append(weakref.ref(callback))
        return callback

    for _ in range(3):
        await stub.keep(listener())
    with pytest.raises(DurableObjectError, match="gone"):
        await stub.abort()
    await gone(made, lent)
    await made.until(lambda: not any(host.host.talks for host in made.hosts.values()))


async def test_what_is_lent_to_a_caller_that_has_left_is_not_kept(reached):
    """Nobody would ever release it."""
    made, stub = reached
    asking = asyncio.ensure_future(stub.lend_late())
    for _ in range(5):
        await asyncio.sleep(0)
    await stub.whoami()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await stub.whoami()
    await made.until(
        lambda: all(not c.events for h in made.hosts.values() for c in h.host.registry)
    )
    containers = [each for host in made.hosts.values() for each in host.host.registry]
    assert containers
    assert not any(each.work.holds for each in containers)


async def test_an_iterator_that_was_given_before_a_reset_and_read_behind_it_ends(reached):
    """Its reader does not wait for ever."""
    _, stub = reached
    items = await stub.purses(3)
    with pytest.raises(DurableObjectError, match="gone"):
        await stub.abort()
    with pytest.raises(DurableObjectError) as raised:
        await asyncio.wait_for(anext(items), 5)
    assert raised.value.durable_object_reset


@pytest.mark.parametrize("method", ["missing", "refuse"])
async def test_what_the_callee_never_looked_at_is_not_kept(reached, method):
    """Its call failed before that."""
    made, stub = reached
    lent = []

    class Lender(RpcTarget):
        pass

    purse = Lender()
    lent.append(weakref.ref(purse))
    with pytest.raises((AttributeError, TypeError)):
        await getattr(stub, method)(1, 2, 3, purse)
    del purse
    await gone(made, lent)
    home = made.stub(made.name(seat=1, number=7), seat=1)
    with pytest.raises((AttributeError, TypeError)):
        await home.lend_to(stub, method)
    containers = [each for host in made.hosts.values() for each in host.host.registry]
    await made.until(lambda: gc.collect() >= 0 and not any(c.work.holds for c in containers))

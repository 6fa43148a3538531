"""The life of an object in memory: made once, evicted when idle, closed when released."""

from __future__ import annotations

import asyncio
import sys

import pytest

from sourdough.errors import DurableObjectError, StorageClosedError
from sourdough.objects.container import Phase
from sourdough.objects.durable_object import DurableObject


async def settle(turns: int = 5) -> None:
    """Let what is ready run."""
    for _ in range(turns):
        await asyncio.sleep(0)


async def closed(registry) -> None:
    """Wait until every eviction has ended."""
    await asyncio.gather(*registry._closing.values())


class Counter(DurableObject):
    made = 0

    def __init__(self, ctx, env):
        super().__init__(ctx, env)
        type(self).made += 1

    async def increment(self):
        value = await self.ctx.storage.get("value", 0) + 1
        await self.ctx.storage.put("value", value)
        return value

    async def value(self):
        return await self.ctx.storage.get("value", 0)

    async def name(self):
        return self.ctx.id.name


async def test_two_first_calls_construct_once(world):
    """Two simultaneous first calls share one construction (3.2)."""
    Counter.made = 0
    world.host(Counter)
    assert await asyncio.gather(world.call("increment"), world.call("increment")) == [1, 2]
    assert Counter.made == 1


async def test_nothing_is_constructed_before_the_first_event(world):
    """Making a registry runs no code of the user (1.7)."""
    Counter.made = 0
    registry = world.host(Counter)
    assert len(registry) == 0
    assert Counter.made == 0


async def test_a_failing_constructor_fails_all_that_wait_and_the_next_event_tries_again(world):
    """The instance is broken, its callers have the error, a fresh one is made (3.3)."""

    class Moody(Counter):
        attempts = 0

        def __init__(self, ctx, env):
            super().__init__(ctx, env)
            Moody.attempts += 1
            ctx.storage.kv.put("leak", 1)
            if Moody.attempts == 1:
                raise ValueError("not today")

        async def leaked(self):
            return Moody.attempts, await self.ctx.storage.get("value")

    world.host(Moody)
    first, second = world.call("increment"), world.call("increment")
    for answer in (first, second):
        with pytest.raises(DurableObjectError, match="not today") as raised:
            await answer
        assert raised.value.remote
        assert raised.value.durable_object_reset
    assert len(world.registry) == 0
    assert await world.call("increment") == 1
    assert Moody.attempts == 2


async def test_sys_exit_in_a_constructor_is_an_error_of_its_callers(world):
    """A constructor that calls sys.exit() breaks its instance, not the loop."""

    class Quitter(Counter):
        def __init__(self, ctx, env):
            sys.exit(3)

    world.host(Quitter)
    with pytest.raises(DurableObjectError) as raised:
        await world.call("increment")
    assert raised.value.durable_object_reset


async def test_abort_in_a_constructor_tells_the_caller(world):
    """abort() before the first event ran is told like any other abort."""

    class Aborts(Counter):
        def __init__(self, ctx, env):
            ctx.abort("never mind")

    world.host(Aborts)
    with pytest.raises(DurableObjectError, match="never mind"):
        await world.call("increment")


async def test_a_name_told_later_is_learned_and_survives(world):
    """An object that was first called by its id knows its name from later callers (1.12, 1.13)."""
    world.host(Counter)
    await world.call("increment")
    assert await world.call("name") is None
    assert await world.call("name", name=b"anna") == "anna"
    await world.call("increment")
    await world.registry.release_all()
    world.host(Counter)
    assert await world.call("name") == "anna"


async def test_an_object_called_by_its_id_knows_its_name_from_its_file(world):
    """The name is kept with the object, not with the caller (1.13)."""
    world.host(Counter)
    await world.call("increment", name=b"bert")
    await world.registry.release_all()
    world.host(Counter)
    assert await world.call("name") == "bert"


async def test_a_hundred_read_modify_writes_give_a_hundred(world):
    """Storage never yields, so events interleave at other awaits only (trap 1)."""

    class Busy(Counter):
        async def increment(self):
            await asyncio.sleep(0)
            value = await super().increment()
            await asyncio.sleep(0)
            return value

    world.host(Busy)
    values = await asyncio.gather(*(world.call("increment") for _ in range(100)))
    assert sorted(values) == list(range(1, 101))
    assert await world.call("value") == 100


async def test_events_interleave_at_awaits(world):
    """A slow call does not block its object (traps 6 and 7)."""

    class Slow(Counter):
        async def wait(self):
            await gate.wait()
            return "late"

        async def quick(self):
            return "now"

    gate = asyncio.Event()
    world.host(Slow)
    slow = world.call("wait")
    assert await world.call("quick") == "now"
    assert not slow.done()
    gate.set()
    assert await slow == "late"


async def test_the_queue_of_an_object_is_bounded(world):
    """More waiting events than the limit are refused as overloaded."""

    class Starting(Counter):
        def __init__(self, ctx, env):
            super().__init__(ctx, env)
            ctx.block_concurrency_while(gate.wait)

    gate = asyncio.Event()
    world.host(Starting, events=3)
    waiting = [world.call("increment") for _ in range(3)]
    with pytest.raises(DurableObjectError) as raised:
        await world.call("increment")
    assert raised.value.overloaded
    gate.set()
    assert await asyncio.gather(*waiting) == [1, 2, 3]


async def test_an_idle_object_is_evicted_and_made_again(world):
    """Eviction loses the instance and keeps the data (3.7)."""
    Counter.made = 0
    registry = world.host(Counter, hibernate_after=0.0)
    assert await world.call("increment") == 1
    registry.sweep()
    assert len(registry) == 0
    assert await world.call("increment") == 2
    assert Counter.made == 2


async def test_a_new_instance_waits_until_the_evicted_one_has_closed(world):
    """The next event of an object that is being closed waits for the database to be free."""
    registry = world.host(Counter, hibernate_after=0.0)
    await world.call("increment")
    old = world.container()
    world.disk.go.clear()
    old.state.storage.kv.put("last", 1)
    registry.sweep()
    answer = world.call("increment")
    await settle(20)
    assert old.phase is Phase.CLOSING
    assert world.container().phase is Phase.STARTING
    assert not answer.done()
    world.disk.go.set()
    assert await answer == 2


async def test_a_reset_while_waiting_for_the_predecessor_disturbs_nobody(world):
    """The closing of the old instance goes on when the one that waits for it is given up."""
    registry = world.host(Counter, hibernate_after=0.0)
    await world.call("increment")
    world.disk.go.clear()
    world.container().state.storage.kv.put("last", 1)
    registry.sweep()
    given_up = world.call("increment")
    await settle()
    world.container().reset(DurableObjectError("enough", durable_object_reset=True))
    with pytest.raises(DurableObjectError):
        await given_up
    answer = world.call("increment")
    await settle()
    assert not answer.done()
    world.disk.go.set()
    assert await answer == 2


async def test_busy_objects_are_not_evicted(world):
    """Neither a running event nor a background task loses its object (3.8)."""

    class Busy(Counter):
        async def wait(self):
            await gate.wait()

        async def later(self):
            self.ctx.wait_until(gate.wait())

    gate = asyncio.Event()
    registry = world.host(Busy, hibernate_after=0.0)
    waiting = world.call("wait")
    await world.call("later", label="b")
    await settle()
    registry.sweep()
    assert len(registry) == 2
    gate.set()
    await waiting
    await settle()
    registry.sweep()
    assert len(registry) == 0
    await closed(registry)


async def test_above_the_resident_limit_the_longest_idle_goes_first(world):
    """The limit evicts what is idle longest, although it is not yet idle long enough."""
    registry = world.host(Counter, resident_limit=2, hibernate_after=1000.0)
    for label in "abc":
        await world.call("increment", label=label)
        await asyncio.sleep(0.002)
    registry.sweep()
    assert world.container("a") is None
    assert world.container("b") is not None
    await closed(registry)


async def test_release_closes_everything(world):
    """After the release every instance is dead: its storage raises (invariant P2)."""
    registry = world.host(Counter)
    for label in "abc":
        await world.call("increment", label=label)
    instances = [world.container(label).instance for label in "abc"]
    assert await registry.release_all() == 3
    assert len(registry) == 0
    for instance in instances:
        with pytest.raises(StorageClosedError):
            instance.ctx.storage.kv.put("value", 7)


async def test_release_ends_what_outlived_the_drain(world):
    """A call that still runs gets a retryable error, and its instance can write no more."""

    class Slow(Counter):
        async def slow(self):
            try:
                await asyncio.Event().wait()
            finally:
                try:
                    await self.ctx.storage.put("value", 99)
                except StorageClosedError:
                    refused.append(True)

    refused = []
    registry = world.host(Slow)
    slow = world.call("slow")
    await world.call("increment")
    await registry.release_all()
    with pytest.raises(DurableObjectError) as raised:
        await slow
    assert raised.value.retryable
    assert raised.value.durable_object_reset
    await settle()
    assert refused == [True]
    world.host(Slow)
    assert await world.call("value") == 1


async def test_release_waits_for_evictions_under_way(world):
    """A database that an eviction is closing counts as open until it is closed (P2)."""
    registry = world.host(Counter, hibernate_after=0.0)
    await world.call("increment")
    world.disk.go.clear()
    world.container().state.storage.kv.put("last", 1)
    registry.sweep()
    release = asyncio.ensure_future(registry.release_all())
    await settle(20)
    assert not release.done()
    world.disk.go.set()
    await release

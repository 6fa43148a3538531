"""What an object begins beside its events: it keeps the object in memory, and ends with it."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc

import pytest

from sourdough.errors import DurableObjectError
from sourdough.objects.container import Rest
from sourdough.objects.durable_object import DurableObject
from sourdough.objects.hold import HOLD_SECONDS
from tests.integration.objects.sleepers import settle

LATER = 1000.0


class Worker(DurableObject):
    """Runs what a test wants; what it leaves behind outlives the instance."""

    left: list = []  # noqa: RUF012
    made = 0

    def __init__(self, ctx, env):
        super().__init__(ctx, env)
        type(self).made += 1
        self.door = asyncio.Event()

    async def do(self, name):
        return await globals()[name](self)

    async def opens(self):
        self.door.set()


@pytest.fixture
async def registry(world):
    Worker.left, Worker.made = [], 0
    return world.host(Worker, clock=world.clock)


def passes(world, seconds=LATER):
    """Let time pass and sweep; say whether the object is still there."""
    world.clock.advance(seconds)
    world.registry.sweep()
    return world.container() is not None


async def begins_task(self):
    self.task = asyncio.create_task(self.door.wait())


async def begins_group(self):
    async def group():
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.door.wait())

    asyncio.get_running_loop().create_task(group())


async def begins_later(self):
    """A task that a task has begun, whose parent has ended."""

    async def parent():
        asyncio.get_running_loop().create_task(self.door.wait())

    await asyncio.create_task(parent())


async def gathers(self):
    self.future = asyncio.gather(self.door.wait(), self.door.wait())


async def waits_until(self):
    self.ctx.wait_until(self.door.wait())


@pytest.mark.parametrize(
    "begin",
    [begins_task, begins_group, begins_later, gathers, waits_until],
    ids=lambda it: it.__name__,
)
async def test_a_task_keeps_its_object(world, registry, begin):
    """While it runs nothing evicts the object; the idle time begins when it ends (3.6, 3.8, 3.10b)."""
    await world.call("do", begin.__name__)
    await settle()
    assert passes(world)
    await world.call("opens")
    await settle()
    assert passes(world, 9.0)
    assert not passes(world, 2.0)
    await asyncio.gather(*registry._closing.values())


async def sets_timer(self):
    self.timer = asyncio.get_running_loop().call_later(0.01, self.left.append, "rang")


async def sets_timer_at(self):
    loop = asyncio.get_running_loop()
    self.timer = loop.call_at(loop.time() + 0.01, self.left.append, "rang")


@pytest.mark.parametrize("begin", [sets_timer, sets_timer_at], ids=lambda it: it.__name__)
async def test_a_timer_keeps_its_object_until_it_rings(world, registry, begin):
    """A timer that is scheduled prevents hibernation (3.6)."""
    await world.call("do", begin.__name__)
    assert passes(world)
    async with asyncio.timeout(5):
        while not Worker.left:
            await asyncio.sleep(0.005)
    assert passes(world, 9.0)
    assert not passes(world, 2.0)


async def cancels_timer(self):
    asyncio.get_running_loop().call_later(LATER, self.left.append, "rang").cancel()


async def test_a_cancelled_timer_keeps_nothing(world, registry):
    """Cancelling it is enough; the idle time begins when that is noticed."""
    await world.call("do", cancels_timer.__name__)
    assert world.container().rest is Rest.HIBERNATABLE
    assert not passes(world)


async def test_many_cancelled_timers_are_not_kept(world, registry):
    """An object that lives for long does not collect them."""
    await world.call("do", sets_and_cancels_many.__name__)
    assert len(world.container().work._timers) < 200


async def sets_and_cancels_many(self):
    for _ in range(5_000):
        asyncio.get_running_loop().call_later(LATER, print).cancel()


async def begins_for_others(self):
    Worker.left.append(asyncio.create_task(self.door.wait(), context=contextvars.Context()))


async def test_a_task_in_a_context_of_its_own_belongs_to_no_object(world, registry):
    """That is how work outlives the object that began it."""
    await world.call("do", begins_for_others.__name__)
    assert not passes(world)
    assert not Worker.left[0].done()
    Worker.left.pop().cancel()


async def test_a_release_does_not_wait_for_own_tasks_and_ends_them(world, registry):
    """Many of them never end; they end with the instance (3.10)."""
    await world.call("do", begins_task.__name__)
    task = world.container().instance.task
    assert not world.container().busy
    await registry.release_all()
    await settle()
    assert task.cancelled()


async def aborts_amid_work(self):
    """Begin a task and a timer, abort, catch that, and try to go on."""
    loop = asyncio.get_running_loop()

    async def before():
        await self.door.wait()
        self.left.append("a task went on")

    async def after():
        self.left.append("a task began")

    self.left.append(asyncio.create_task(before()))
    loop.call_later(0, self.left.append, "a timer rang")
    loop.call_later(0.001, self.left.append, "a timer rang")
    loop.call_later(0.001, self.ctx.storage.kv.put, "timer", 1)
    try:
        self.ctx.abort("enough")
    except BaseException:  # noqa: BLE001 (what a stubborn user would write)
        self.left.append(asyncio.create_task(after()))
        loop.call_later(0.001, self.left.append, "a late timer rang")
        self.left.append("caught")


async def test_nothing_that_was_begun_survives_abort(world, registry):
    """Tasks end, timers do not ring, nothing new begins, in whatever order (3.11, trap 13)."""
    with pytest.raises(DurableObjectError, match="enough"):
        await world.call("do", aborts_amid_work.__name__)
    before, after, caught = Worker.left
    await asyncio.sleep(0.02)
    assert Worker.left[2:] == [caught] == ["caught"]
    assert before.cancelled()
    assert after.cancelled()


async def aborts_in_a_timer(self):
    asyncio.get_running_loop().call_later(0.001, self.ctx.abort, "by a timer")
    await self.door.wait()


async def begins_after_abort(self):
    self.ctx.wait_until(leaves("before"))
    try:
        self.ctx.abort("enough")
    finally:
        self.ctx.wait_until(leaves("after"))


async def leaves(what):
    Worker.left.append(what)


async def test_background_work_that_never_began_is_not_forgotten(world, registry):
    """semantics 3.11: what abort keeps from its first step says nothing of coroutines (a warning
    would fail this).
    """
    with pytest.raises(DurableObjectError, match="enough"):
        await world.call("do", "begins_after_abort")
    await settle()
    gc.collect()
    assert Worker.left == []


async def is_waited_for(self):
    async def clings():
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()

    Worker.left.append(asyncio.create_task(clings()))
    await asyncio.sleep(0)
    self.ctx.abort("enough")


async def test_who_waits_for_a_task_that_will_not_end(world, registry, caplog):
    """semantics 3.11: it is cut off after a bound, and seen as cancelled; the log has its place."""
    with pytest.raises(DurableObjectError, match="enough"):
        await world.call("do", "is_waited_for")
    (task,) = Worker.left
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()
    (record,) = [each for each in caplog.records if each.name == "sourdough.objects"]
    assert "went on after its end, and was cut off at test_own_work.py:" in record.getMessage()


async def test_a_timer_may_abort(world, registry):
    """The callers are told; the loop hears of no error."""
    told = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    with pytest.raises(DurableObjectError, match="by a timer"):
        await world.call("do", aborts_in_a_timer.__name__)
    assert told == []


async def exits_in_a_timer(self):
    asyncio.get_running_loop().call_later(0.001, exit, 3)


async def test_sys_exit_in_a_timer_is_an_error_and_no_more(world, registry):
    """The loop, and with it the host, goes on."""
    told = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.set_result(context))
    await world.call("do", exits_in_a_timer.__name__)
    async with asyncio.timeout(5):
        assert "SystemExit" in str((await told)["exception"])
    assert world.container() is not None


async def test_a_hold_keeps_an_idle_object_for_15_minutes_at_most(world, registry):
    """After that it goes by the slow sweep: 70 to 140 s without an event (3.7, 3.9)."""
    await world.call("opens")
    world.container().keep("a test")
    assert passes(world, HOLD_SECONDS - 1)
    assert world.container().rest is Rest.NONE
    assert passes(world, 2)
    assert world.container().rest is Rest.IDLE
    assert not passes(world, 140)


async def test_a_hold_that_is_renewed_lasts(world, registry):
    """For those who can tell that somebody is still there."""
    await world.call("opens")
    hold = world.container().keep("a test")
    for _ in range(3):
        assert passes(world, HOLD_SECONDS - 1)
        hold.renew()
    assert world.container().rest is Rest.NONE


async def test_a_hold_that_is_released_lets_the_object_hibernate(world, registry):
    """The 10 s begin when the last of them goes (3.8); releasing again is nothing."""
    await world.call("opens")
    first, second = world.container().keep("one"), world.container().keep("two")
    first.release()
    assert passes(world, 100)
    with second:
        pass
    second.release()
    assert world.container().rest is Rest.HIBERNATABLE
    assert passes(world, 9)
    assert not passes(world, 2)


async def test_the_slow_sweep_takes_one_to_two_times_its_seconds(world, registry):
    """What cannot hibernate is evicted 70 to 140 s after its last event (3.7)."""
    await world.call("opens")
    world.container().keep("a test").until = 0.0
    assert world.container().rest is Rest.IDLE
    world.clock.advance(60)
    await world.call("opens")
    assert passes(world, 11)  # the sweep after 70 s finds it idle for 11
    assert passes(world, 60)  # idle for 71, but nobody looks
    assert not passes(world, 10)


async def test_an_eviction_is_no_error_and_the_next_event_makes_a_new_instance(world, registry):
    """Nobody hears of it (3.8)."""
    await world.call("opens")
    assert not passes(world, 11)
    await world.call("opens")
    assert Worker.made == 2


async def sleeps_beside_a_section(self):
    """A sleep and a timer that began outside of a section, and others inside of it."""
    loop = asyncio.get_running_loop()
    seen = []

    async def sleeps():
        await asyncio.sleep(0.001)
        seen.append("slept outside")

    async def section():
        loop.call_later(0.002, seen.append, "timer inside")
        await asyncio.sleep(0.02)
        seen.append("slept inside")

    outside = asyncio.create_task(sleeps())
    loop.call_later(0.001, seen.append, "timer outside")
    await asyncio.sleep(0)
    await self.ctx.block_concurrency_while(section)
    await outside
    await asyncio.sleep(0)
    return seen


async def test_timers_and_sleeps_wait_for_a_section_that_they_are_outside_of(world, registry):
    """They come into the object as events do (4.1.1, 4.3.1)."""
    seen = await world.call("do", sleeps_beside_a_section.__name__)
    assert seen[:2] == ["timer inside", "slept inside"]
    assert set(seen[2:]) == {"slept outside", "timer outside"}


async def times_out_a_section(self):
    async with asyncio.timeout(0.001):
        await self.ctx.storage.transaction(lambda _: self.door.wait())


async def test_a_timeout_around_a_section_ends_it(world, registry):
    """A timeout of asyncio does not wait at the gate."""
    with pytest.raises(TimeoutError):
        await world.call("do", times_out_a_section.__name__)


async def test_above_the_memory_limit_the_longest_idle_go_first(world):
    """As large a share as there is memory beyond the limit."""
    world.host(Worker, clock=world.clock, memory_limit=1000)
    for label in "abcd":
        world.clock.advance(1)
        await world.call("opens", label=label)
    world.registry.sweep(1000)
    assert len(world.registry) == 4
    world.registry.sweep(2000)
    assert [world.container(label) is not None for label in "abcd"] == [False, False, True, True]


async def test_memory_makes_nothing_busy_go(world):
    """What runs stays, whatever it costs."""
    world.host(Worker, clock=world.clock, memory_limit=1)
    await world.call("do", begins_task.__name__)
    world.registry.sweep(1 << 40)
    assert world.container() is not None

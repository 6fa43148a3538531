"""Which object a task or a timer belongs to, and the loop that is told so."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
import uvloop

from sourdough import transport
from sourdough.objects.attribution import Attribution
from sourdough.objects.durable_object import DurableObject
from sourdough.objects.event import current_event
from sourdough.objects.timer import OwnTimer

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}

# A coroutine of the runtime that objects share, as far as its file says.
_SHARED: dict = {"event": current_event}
_SOURCE = "async def shared(done, seen): seen.extend([await done, event.get()])"
exec(compile(_SOURCE, f"{transport.__path__[0]}/somewhere.py", "exec"), _SHARED)


@pytest.mark.parametrize("new_loop", LOOPS.values(), ids=LOOPS)
def test_the_loop_is_given_back_as_it_was(new_loop):
    """Two hosts of one loop share the wrapping; the last one takes it away."""
    made = []

    def factory(loop, coroutine, **options):
        made.append(asyncio.Task(coroutine, loop=loop, **options))
        return made[-1]

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_task_factory(factory)
        first, second = Attribution.install(loop), Attribution.install(loop)
        assert first is second
        task = asyncio.create_task(asyncio.sleep(0.001))
        await task
        assert made == [task]  # whoever was there before still makes the tasks
        first.uninstall()
        assert loop.get_task_factory() is not factory
        second.uninstall()
        assert loop.get_task_factory() is factory
        assert not {"call_later", "call_at"} & vars(loop).keys()
        async with asyncio.timeout(1):
            await asyncio.sleep(0.001)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())


@pytest.mark.parametrize("new_loop", LOOPS.values(), ids=LOOPS)
def test_outside_of_objects_nothing_changes(new_loop):
    """Timers are those of the loop, and are called with what they were given."""

    async def main():
        loop = asyncio.get_running_loop()
        attribution = Attribution.install(loop)
        seen = []
        loop.call_later(0, seen.append, "soon")
        loop.call_at(loop.time() + 0.001, seen.append, "at")
        loop.call_later(0.001, seen.append, "cancelled").cancel()
        async with asyncio.timeout(10):
            while len(seen) < 2:
                await asyncio.sleep(0.001)
        # Which of two that are due at once comes first is the loop's affair.
        assert sorted(seen) == ["at", "soon"]
        attribution.uninstall()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())


@pytest.mark.parametrize("new_loop", LOOPS.values(), ids=LOOPS)
def test_a_sleep_that_no_task_awaits_is_no_timer(new_loop):
    """What code that was cut off still begins to wait for keeps its object for no time."""

    async def main():
        loop = asyncio.get_running_loop()
        attribution = Attribution.install(loop)
        event, begun, timers = SimpleNamespace(container=object()), asyncio.Event(), []
        sleep = asyncio.sleep(1_000)

        def later(*args, **options):
            timers.append(original(*args, **options))
            return timers[-1]

        original, attribution._call_later = attribution._call_later, later

        def begin():
            current_event.set(event)
            sleep.send(None)
            begun.set()

        loop.call_soon(begin)
        await begun.wait()
        assert [each.cancelled() for each in timers] == [True]
        sleep.close()
        attribution.uninstall()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())


class Thing(DurableObject):
    seen: list = []  # noqa: RUF012

    async def begins_shared(self):
        """Begin what the runtime begins when it is the first that needs it."""
        loop = asyncio.get_running_loop()
        self.done = loop.create_future()
        self.task = loop.create_task(_SHARED["shared"](self.done, self.seen))

    async def begins_own(self):
        self.handle = asyncio.get_running_loop().call_later(100, print)
        self.task = asyncio.create_task(self.waits())

    async def waits(self):
        await asyncio.Event().wait()


async def test_what_the_runtime_begins_for_all_belongs_to_no_object(world):
    """A link that one object was the first to need must not end with it."""
    world.host(Thing)
    await world.call("begins_shared")
    thing, container = world.container().instance, world.container()
    assert not container.work.pending
    container.reset(RuntimeError("enough"))
    thing.done.set_result("ended in peace")
    await thing.task
    assert Thing.seen == ["ended in peace", None]


async def test_what_an_object_begins_is_its_own(world):
    """Seen from the inside: one task, one timer, both gone with it."""
    world.host(Thing)
    await world.call("begins_own")
    thing, container = world.container().instance, world.container()
    (timer,) = container.work._timers
    assert isinstance(timer, OwnTimer)
    assert "Thing" in repr(timer)
    assert container.work.pending
    container.reset(RuntimeError("enough"))
    await asyncio.wait([thing.task])
    assert thing.task.cancelled()
    assert thing.handle.cancelled()
    assert timer.cancelled

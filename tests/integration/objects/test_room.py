"""More objects than there is room for: descriptors never run out (invariant P10)."""

from __future__ import annotations

import asyncio

import apsw
import pytest

from sourdough.errors import DurableObjectError
from sourdough.objects.durable_object import DurableObject


class Note(DurableObject):
    async def write(self, text):
        await self.ctx.storage.put("text", text)
        return text

    async def read(self):
        return await self.ctx.storage.get("text")


class Busy(DurableObject):
    until: asyncio.Event

    async def hold(self):
        await self.until.wait()

    async def ping(self):
        return "pong"


def is_file(connection: apsw.Connection) -> bool:
    """Say whether a connection has a file open, or is in the hands of the thread that closes it."""
    try:
        return bool(connection.filename)
    except apsw.ThreadingViolationError:
        return True
    except apsw.ConnectionClosedError:
        return False


async def test_a_burst_of_new_objects_never_opens_more_databases_than_allowed(world):
    """Room is made when an object is made, not at the next sweep, and closing ones count."""
    world.host(Note, resident_limit=8, open_limit=10)
    most = 0
    for start in range(0, 60, 6):
        labels = [str(number) for number in range(start, start + 6)]
        calls = [world.call("write", label, label=label) for label in labels]
        while not all(call.done() for call in calls):
            most = max(most, sum(is_file(each) for each in apsw.connections()))
            await asyncio.sleep(0)
        assert [call.result() for call in calls] == labels
    assert 8 <= most <= 10
    assert await world.call("read", label="0") == "0"


async def test_a_new_object_waits_for_the_database_that_makes_room_for_it(world):
    """An evicted object holds its descriptors until its last commit is durable."""
    world.host(Note, resident_limit=1, open_limit=1)
    await world.call("write", "a", label="a")
    world.container("a").state.storage.kv.put("more", 1)
    world.disk.go.clear()
    second = world.call("write", "b", label="b")
    for _ in range(20):
        await asyncio.sleep(0)
    assert world.container("b").instance is None
    world.disk.go.set()
    assert await second == "b"


async def test_without_room_an_object_is_refused_and_the_busy_ones_run_on(world):
    """Nothing can be closed while everything works: overloaded, and room again afterwards."""
    Busy.until = asyncio.Event()
    world.host(Busy, resident_limit=2, open_limit=2)
    held = [world.call("hold", label=label) for label in ("a", "b")]
    await asyncio.sleep(0)
    with pytest.raises(DurableObjectError) as refused:
        await world.call("ping", label="c")
    assert refused.value.overloaded
    Busy.until.set()
    await asyncio.gather(*held)
    assert await world.call("ping", label="c") == "pong"

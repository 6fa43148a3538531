"""Work that nobody waits for any more: a drain waits for it (invariant D6), and names it."""

from __future__ import annotations

import asyncio

import pytest

from sourdough.http import Response
from sourdough.objects.durable_object import DurableObject, WorkerEntrypoint
from sourdough.wire.heads import Kind
from sourdough.wire.messages import Released, Waiting

gate: list[asyncio.Event] = []


@pytest.fixture(autouse=True)
def fresh():
    gate[:] = [asyncio.Event()]


class Thing(DurableObject):
    async def fetch(self, request):
        if request.path == "/late":
            self.ctx.wait_until(self._late())
        return Response(str(await self.ctx.storage.get("late", False)))

    async def late(self):
        await self.ctx.storage.put("late", True)

    async def _late(self):
        await gate[0].wait()
        await self.late()


class Entry(WorkerEntrypoint):
    async def fetch(self, request):
        self.ctx.wait_until(self._late(request.query["name"]))
        return Response("soon")

    async def _late(self, name):
        await gate[0].wait()
        await self.env.THING.get_by_name(name).late()


def get(made, name, target):
    return made.client(name, kind=Kind.FETCH, method=b"GET", target=target)


@pytest.mark.parametrize("where", ["object", "entrypoint"])
async def test_a_release_waits_for_background_work(cluster, monkeypatch, where):
    """What `wait_until` was given ends before the seat is given away, and is named meanwhile."""
    monkeypatch.setattr("sourdough.host.host._REPORT_SECONDS", 0.01)
    made = cluster(Thing, entrypoint=Entry, hosts=1)
    if where == "object":
        await get(made, "a", b"/late").answer()
    else:
        await made.entry(kind=Kind.ENTRY, method=b"GET", target=b"/?name=a").answer()
    await made.release(1, deadline=5)
    told = made.told["h1"]
    await made.until(lambda: told.last(Waiting) is not None)
    assert told.last(Waiting).what == "background work"
    assert "in _late" in told.last(Waiting).place
    assert told.last(Released) is None
    gate[0].set()
    await made.until(lambda: told.last(Released) is not None)
    assert told.last(Released).clean is True
    made.add(2, 1, 2)
    made.publish()
    assert await get(made, "a", b"/").answer() == (200, b"True")


async def test_background_work_past_the_deadline_is_cut(cluster):
    """A release is bounded, whatever runs, and says that it was not clean."""
    made = cluster(Thing, hosts=1)
    await get(made, "a", b"/late").answer()
    await made.release(1, deadline=0.02)
    await made.until(lambda: made.told["h1"].last(Released) is not None)
    assert made.told["h1"].last(Released).clean is False

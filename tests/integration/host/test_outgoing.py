"""`sourdough.fetch` from objects: behind the output gate, and a reason to stay in memory."""

from __future__ import annotations

import asyncio

import sourdough
from sourdough import DurableObject
from tests.integration.host.test_output_gate import Disk
from tests.integration.outgoing.conftest import site

__all__ = ["site"]


class Thing(DurableObject):
    url = ""
    answer = None

    async def write_and_fetch(self, value):
        await self.ctx.storage.put("value", value)
        answer = await sourdough.fetch(self.url, method="POST", body=str(value))
        return await answer.text()

    async def keep_answer(self):
        type(self).answer = await sourdough.fetch(self.url)

    async def read_answer(self):
        return await self.answer.text()


async def test_nothing_leaves_before_its_commit(cluster, site):
    """semantics 4.2.2: the server sees a request when what was written before is on disk."""
    made, disk = cluster(Thing), Disk()
    made.host(1)._engines.of("disk").sync = disk
    Thing.url = site.url
    stub = made.stub(made.name(seat=1), seat=1)
    assert await stub.write_and_fetch(1) == "hello"
    disk.go.clear()
    writing = asyncio.ensure_future(stub.write_and_fetch(2))
    for _ in range(50):
        await asyncio.sleep(0)
    assert [got.body for got in site.requests] == [b"1"]
    disk.go.set()
    assert await writing == "hello"
    assert [got.body for got in site.requests] == [b"1", b"2"]


async def test_an_answer_that_is_not_read_yet_keeps_the_object(cluster, site):
    """A hold, let go when the body has been read (semantics 3.9)."""
    made = cluster(Thing)
    Thing.url = site.url
    stub = made.stub(made.name(seat=1), seat=1)
    await stub.keep_answer()
    container = next(iter(made.host(1).host.registry))
    assert container.work.held()
    assert await stub.read_answer() == "hello"
    assert not container.work.held()

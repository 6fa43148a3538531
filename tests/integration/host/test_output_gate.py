"""What an object sends to others passes its output gate: in order, and not before its commits."""

from __future__ import annotations

import asyncio

import pytest

from sourdough.http import Response
from sourdough.objects.durable_object import DurableObject
from sourdough.wire.heads import Kind

from .disk import Disk


class Thing(DurableObject):
    log: list
    disk: Disk

    async def fetch(self, request):
        other = self.env.THING.get_by_name(request.query["other"])
        if request.path == "/calls":
            await self.ctx.storage.put("value", 1)
            first = asyncio.ensure_future(other.note("first"))
            await self.ctx.storage.sync()
            await other.note("second")
            await first
        elif request.path == "/items":
            async for item in self.env.THING.get_by_name(request.query["other"]).items():
                self.log.append(item)
        else:
            await other.fetch("/take", method="POST", body=self._chunks())
        return Response("done")

    async def note(self, what):
        self.log.append(what)

    async def items(self):
        await self.ctx.storage.put("value", 0)  # its file is there: the loop waits for no disk
        yield "before"
        self.disk.go.clear()
        await self.ctx.storage.put("value", 3)
        yield "after"

    async def _chunks(self):
        await self.ctx.storage.put("value", 0)
        yield b"before"
        self.disk.go.clear()
        await self.ctx.storage.put("value", 2)
        yield b"after"


class Taker(Thing):
    async def fetch(self, request):
        if request.path != "/take":
            return await super().fetch(request)
        async for chunk in request.stream():
            self.log.append(chunk)
        return Response("taken")


@pytest.fixture(params=["here", "there"])
async def reached(request, cluster):
    """A cluster, and the name of an object beside that of the caller or in the other host."""
    Thing.log, Thing.disk = [], Disk()
    made = cluster(Taker)
    for seat in (1, 2):
        made.host(seat)._engines.of("disk").sync = Thing.disk
    yield made, made.name(seat=1 if request.param == "here" else 2, number=1)
    Thing.disk.go.set()


async def test_calls_of_a_stub_keep_their_order_at_the_gate(reached):
    """The second finds durable what the first still waits for, and does not overtake (D4)."""
    made, other = reached
    client = made.client(
        made.name(seat=1), kind=Kind.FETCH, method=b"GET", target=f"/calls?other={other}".encode()
    )
    assert await client.answer() == (200, b"done")
    assert Thing.log == ["first", "second"]


async def test_a_chunk_of_a_request_waits_for_the_commits_before_it(reached):
    """A body that is made while it is sent shows nothing that is not durable (S1)."""
    made, other = reached
    client = made.client(
        made.name(seat=1), kind=Kind.FETCH, method=b"GET", target=f"/body?other={other}".encode()
    )
    await made.until(lambda: not Thing.disk.go.is_set())
    await asyncio.sleep(0.02)
    assert Thing.log == [b"before"]
    Thing.disk.go.set()
    assert await client.answer() == (200, b"done")
    assert Thing.log == [b"before", b"after"]


async def test_an_item_waits_for_the_commits_before_it(reached):
    """A generator shows nothing that is not durable (S1)."""
    made, other = reached
    client = made.client(
        made.name(seat=1), kind=Kind.FETCH, method=b"GET", target=f"/items?other={other}".encode()
    )
    await made.until(lambda: not Thing.disk.go.is_set())
    await asyncio.sleep(0.02)
    assert Thing.log == ["before"]
    Thing.disk.go.set()
    assert await client.answer() == (200, b"done")
    assert Thing.log == ["before", "after"]

"""A host that is replaced waits for no stream that is older than the time that requests get."""

from __future__ import annotations

import asyncio

import pytest

from sourdough.http import Response
from sourdough.objects.durable_object import DurableObject, WorkerEntrypoint
from sourdough.wire.frames import ResetCode
from sourdough.wire.heads import Kind
from sourdough.wire.messages import Released

HOUR = 3600.0
notes: list[str] = []
doors: dict[str, asyncio.Event] = {}


@pytest.fixture(autouse=True)
async def fresh():
    notes.clear()
    doors.clear()
    for name in ("more", "answer"):
        doors[name] = asyncio.Event()


class Thing(DurableObject):
    async def fetch(self, request):
        notes.append("began")
        return await getattr(self, request.path.strip("/"))()

    async def streams(self):
        async def chunks():
            try:
                yield b"some"
                await doors["more"].wait()
                yield b" more"
            finally:
                notes.append("closed")

        return Response(chunks())

    async def waits(self):
        await doors["answer"].wait()
        return Response("answered")

    async def large(self):
        return Response(b"x" * 3_000_000)


class Entry(WorkerEntrypoint):
    async def fetch(self, request):
        return await self.env.THING.get_by_name("a").fetch("/streams")


def get(made, target):
    return made.client("a", kind=Kind.FETCH, method=b"GET", target=target, number=7)


def through_the_entrypoint(made, _target):
    return made.entry(kind=Kind.ENTRY, method=b"GET", target=b"/", number=7)


def grow_old(made):
    """Let all requests whose answers are on their way have begun an hour and a bit ago."""
    streams = list(made.host(1).host.streams._leaving)
    for each in streams:
        each.started -= HOUR + 1
    return len(streams)


async def released(made) -> Released:
    await made.until(lambda: made.told["h1"].last(Released) is not None)
    return made.told["h1"].last(Released)


@pytest.mark.parametrize("ask", [get, through_the_entrypoint])
async def test_an_old_stream_is_cut_short_at_once(cluster, ask, caplog):
    """Its client sees that there was more, its generator is closed, nobody waits (D3, D6)."""
    made = cluster(Thing, hosts=1, entrypoint=Entry)
    client = ask(made, b"/streams")
    await made.until(lambda: client.chunks == [b"some"])
    assert grow_old(made) == 1
    await made.release(1, deadline=HOUR)
    assert not (await released(made)).clean
    assert client.failure is ResetCode.FAILED
    assert notes == ["began", "closed"]
    assert "cut 1 response short: older than drain_timeout" in caplog.text


async def test_a_body_that_nobody_reads_is_cut_short_too(cluster):
    """It was whole at once, and its client takes it slowly or not at all."""
    made = cluster(Thing, hosts=1)
    client = get(made, b"/large")
    client.consumed = lambda _amount: None
    await client.head_came.wait()
    assert grow_old(made) == 1
    await made.release(1, deadline=HOUR)
    await released(made)
    assert client.failure is ResetCode.FAILED


async def test_a_young_stream_has_its_time(cluster):
    """A request that is shorter than drain_timeout never fails (D6)."""
    made = cluster(Thing, hosts=1)
    client = get(made, b"/streams")
    await made.until(lambda: client.chunks == [b"some"])
    await made.release(1, deadline=HOUR)
    await asyncio.sleep(0.05)
    assert made.told["h1"].last(Released) is None
    doors["more"].set()
    assert await client.answer() == (200, b"some more")
    assert (await released(made)).clean


async def test_a_stream_is_cut_when_it_becomes_too_old(cluster):
    """Not at the end of the drain: what others wait for it counts from when it began."""
    made = cluster(Thing, hosts=1)
    client = get(made, b"/streams")
    await made.until(lambda: client.chunks == [b"some"])
    (stream,) = made.host(1).host.streams._leaving
    stream.started -= HOUR - 0.05
    began = asyncio.get_running_loop().time()
    await made.release(1, deadline=HOUR)
    await released(made)
    assert asyncio.get_running_loop().time() - began >= 0.04
    assert client.failure is ResetCode.FAILED


async def test_what_has_not_answered_yet_has_the_whole_time(cluster):
    """However long it runs already: whoever cut it would lose its work, not the end of a body."""
    made = cluster(Thing, hosts=1)
    client = get(made, b"/waits")
    await made.until(lambda: notes == ["began"])
    assert grow_old(made) == 0
    await made.release(1, deadline=HOUR)
    await asyncio.sleep(0.05)
    doors["answer"].set()
    assert await client.answer() == (200, b"answered")
    assert (await released(made)).clean


async def test_what_has_left_is_forgotten(cluster):
    """Nothing of an answer stays behind, however its body ended."""
    made = cluster(Thing, hosts=1)
    doors["more"].set()
    await get(made, b"/streams").answer()
    await get(made, b"/large").answer()
    gone = get(made, b"/large")
    gone.consumed = lambda _amount: None
    await gone.head_came.wait()
    gone.cancel()
    await made.until(lambda: made.host(1).host.events == 0)
    assert grow_old(made) == 0

"""A client that leaves, or has had its 504: its object works on, sees it, and holds up no stop."""

from __future__ import annotations

import asyncio

import pytest

from sourdough.http import Response
from sourdough.objects.durable_object import DurableObject, WorkerEntrypoint
from sourdough.wire.frames import ResetCode
from sourdough.wire.heads import Kind
from sourdough.wire.messages import Released

notes: list[str] = []


@pytest.fixture(autouse=True)
def fresh():
    notes.clear()


class Thing(DurableObject):
    async def fetch(self, request):
        notes.append("began")
        return await getattr(self, request.path.strip("/"))(request)

    async def waits(self, request):
        await request.signal.wait()
        notes.append("saw it")
        await self.ctx.storage.put("worked", "on")
        return Response("to nobody")

    async def looks(self, request):
        return Response(f"{request.signal.aborted} {await self.ctx.storage.get('worked')}")

    async def streams(self, request):
        async def chunks():
            try:
                while True:
                    yield b"more"
                    await asyncio.sleep(0)
            finally:
                notes.append("closed")

        return Response(chunks())

    async def hangs(self, request):
        await asyncio.Event().wait()

    async def ends_soon(self, request):
        await request.signal.wait()
        for _ in range(20):
            await asyncio.sleep(0)
        notes.append("ended")
        return Response("to nobody")


class Moody(Thing):
    def __init__(self, ctx, env):
        super().__init__(ctx, env)
        raise ValueError("not today")


class Entry(WorkerEntrypoint):
    async def fetch(self, request):
        return await self.env.THING.get_by_name(request.query["name"]).fetch("/hangs")


def get(made, name, target):
    return made.client(name, kind=Kind.FETCH, method=b"GET", target=target, number=7)


async def test_an_object_sees_that_its_client_has_left_and_works_on(cluster):
    """`request.signal` ends the wait; nothing is cancelled (invariant D7, semantics 3.10)."""
    made = cluster(Thing, hosts=1)
    client = get(made, "a", b"/waits")
    await made.until(lambda: notes == ["began"])
    client.cancel()
    await made.until(lambda: notes == ["began", "saw it"])
    assert await get(made, "a", b"/looks").answer() == (200, b"False on")


async def test_a_stub_that_gives_up_is_a_client_that_leaves(cluster):
    """The same for a caller inside the host."""

    class GivesUp(Entry):
        async def fetch(self, request):
            async with asyncio.timeout(0.01):
                await self.env.THING.get_by_name("a").fetch("/waits")

    made = cluster(Thing, hosts=1, entrypoint=GivesUp)
    assert (await made.entry(kind=Kind.ENTRY, method=b"GET", target=b"/").answer())[0] == 500
    await made.until(lambda: notes == ["began", "saw it"])


async def test_a_streamed_body_is_closed_when_its_client_leaves(cluster):
    """The user's generator runs its `finally` then, not when it is collected."""
    made = cluster(Thing, hosts=1)
    client = get(made, "a", b"/streams")
    await client.head_came.wait()
    client.cancel()
    await made.until(lambda: notes == ["began", "closed"])
    assert await get(made, "a", b"/looks").answer() == (200, b"False None")


@pytest.mark.parametrize("through", ["a route", "the entrypoint"])
async def test_a_stop_does_not_wait_for_who_had_a_504(cluster, through):
    """Whoever hangs has had its time; the stop is clean and takes none of drain_timeout."""
    made = cluster(Thing, hosts=1, entrypoint=Entry)
    client = (
        get(made, "a", b"/hangs")
        if through == "a route"
        else made.entry(kind=Kind.ENTRY, method=b"GET", target=b"/?name=a", number=7)
    )
    await made.until(lambda: notes == ["began"])
    client.reset(ResetCode.EXPIRED)
    await made.until(lambda: made.host(1).host.events == 0)
    await made.release(1, deadline=3600)
    await made.until(lambda: made.told["h1"].last(Released) is not None)
    assert made.told["h1"].last(Released).clean is True


async def test_a_stop_waits_for_work_whose_client_has_left(cluster):
    """That a client does not wait any more says nothing about its request."""
    made = cluster(Thing, hosts=1)
    client = get(made, "a", b"/ends_soon")
    await made.until(lambda: notes == ["began"])
    client.cancel()
    await made.release(1, deadline=3600)
    await made.until(lambda: made.told["h1"].last(Released) is not None)
    assert notes == ["began", "ended"]


async def test_a_constructor_that_fails_is_logged_once(cluster, caplog):
    """Not once more for each request that waited for it; all of them are told."""
    made = cluster(Moody, hosts=1)
    clients = [get(made, "a", b"/looks") for _ in range(3)]
    assert {(await client.answer())[0] for client in clients} == {500}
    logged = [record for record in caplog.records if record.levelname == "ERROR"]
    assert len(logged) == 1
    assert "not today" in str(logged[0].exc_info)


class Reader(Thing):
    """Also reads the stream of another object, and does not read it to its end."""

    async def relays(self, request):
        return await self._other(request)

    async def forgets(self, request):
        response = await self._other(request)
        assert await anext(response.stream()) == b"more"
        del response
        return Response("enough")

    async def closes(self, request):
        response = await self._other(request)
        body = response.stream()
        assert await anext(body) == b"more"
        await body.aclose()
        assert [chunk async for chunk in body] == []
        self.kept = body
        return Response("enough")

    async def _other(self, request):
        return await self.env.THING.get_by_name(request.query["name"]).fetch("/streams")


class Relay(WorkerEntrypoint):
    async def fetch(self, request):
        return await self.env.THING.get_by_name(request.query["name"]).fetch(request.path)


@pytest.mark.parametrize("seat", [1, 2], ids=["here", "there"])
async def test_a_relayed_stream_is_closed_when_its_client_leaves(cluster, seat):
    """By the object that makes it, wherever the one that hands it on lives."""
    made = cluster(Reader)
    target = f"/relays?name={made.name(seat=seat, number=1)}".encode()
    client = get(made, made.name(seat=1), target)
    await client.head_came.wait()
    client.cancel()
    await made.until(lambda: notes == ["began", "began", "closed"])


async def test_a_stream_relayed_by_the_entrypoint_is_closed_as_well(cluster):
    """Of an object of its own host."""
    made = cluster(Thing, hosts=1, entrypoint=Relay)
    client = made.entry(kind=Kind.ENTRY, method=b"GET", target=b"/streams?name=a", number=7)
    await client.head_came.wait()
    client.cancel()
    await made.until(lambda: notes == ["began", "closed"])


@pytest.mark.parametrize("way", ["forgets", "closes"])
@pytest.mark.parametrize("seat", [1, 2], ids=["here", "there"])
async def test_a_stream_that_nobody_reads_on_is_closed(cluster, seat, way):
    """At once: by `aclose()`, or when nothing refers to it any more."""
    made = cluster(Reader)
    target = f"/{way}?name={made.name(seat=seat, number=1)}".encode()
    assert await get(made, made.name(seat=1), target).answer() == (200, b"enough")
    await made.until(lambda: notes == ["began", "began", "closed"])

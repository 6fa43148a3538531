"""A host: what it admits, how it gives its seat back, and what a gateway gets from it."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest

from sourdough.config.model import Limits
from sourdough.http import Response
from sourdough.objects.durable_object import DurableObject, WorkerEntrypoint
from sourdough.transport.outgoing import Outgoing
from sourdough.wire.frames import ResetCode
from sourdough.wire.heads import Kind
from sourdough.wire.messages import Assigned, Heartbeat, Known, Ready, Release, Released, Waiting


class Thing(DurableObject):
    async def fetch(self, request):  # noqa: PLR0911 (a page for each test)
        match request.path:
            case "/wait":
                await gates["wait"].wait()
                await self.ctx.storage.put("done", True)
                return Response("done")
            case "/ask":
                await gates["ask"].wait()
                other = self.env.THING.get_by_name(request.query["name"])
                return Response(await other.whoami())
            case "/big":
                return Response(b"b" * 3_000_000)
            case "/twice":
                raise ValueError("file \udcff")
            case "/headers":
                return Response("x", headers={"x-big": "h" * 2_000_000})
            case "/count":
                return Response(str(await self.ctx.storage.get("done", False)))
            case "/put":
                await self.ctx.storage.put("done", True)
                return Response("put")
            case _:
                return Response(f"{self.env.greeting} {self.ctx.id.name}")

    async def whoami(self):
        return self.ctx.id.name


gates: dict[str, asyncio.Event] = {}


@pytest.fixture(autouse=True)
def fresh():
    gates.update(wait=asyncio.Event(), ask=asyncio.Event())


def get(made, name, target=b"/", **fields):
    return made.client(name, kind=Kind.FETCH, method=b"GET", target=target, **fields)


async def test_a_request_is_answered_by_the_owner(cluster):
    """The object is made, runs and answers; the coordinator hears of what is new."""
    made = cluster(Thing)
    name = made.name(seat=2)
    assert await get(made, name).answer() == (200, f"hello {name}".encode())
    told = made.told["h2"]
    assert told.last(Ready) is not None
    assert told.last(Assigned) == Assigned(seat=2, epoch=2)
    assert told.last(Heartbeat) is not None
    assert told.last(Known) is None
    assert (await get(made, name, b"/put").answer())[0] == 200
    await made.until(lambda: told.last(Known) is not None)
    assert told.last(Known).objects[0][2] == name


@pytest.mark.parametrize("change", ["slot", "older epoch", "newer epoch"])
async def test_events_of_others_are_refused(cluster, change):
    """A host refuses a slot or an epoch that is not its own (P2)."""
    made = cluster(Thing)
    host = made.host(1)
    refused = []

    class Probe(Outgoing):
        initial_credit = 0

        def encode(self):
            raise NotImplementedError

        def on_reset(self, code, sentence):
            refused.append(code)

    await get(made, made.name(seat=1)).answer()
    link = made.peers._by_slot[made.peers._seat_by_slot.index(1)]
    epoch = {"slot": 1, "older epoch": 0, "newer epoch": 2}[change]
    name = made.name(seat=2 if change == "slot" else 1)
    from sourdough.wire.heads import RequestHead

    key = b"Thing" + made.ids.from_name(name).raw
    head = RequestHead(
        kind=Kind.FETCH, key=key, name=None, method=b"GET", epoch=epoch, version=made.version
    )
    link.open(Probe(0, False), head.encode(), True)
    await made.until(lambda: refused)
    assert refused == [ResetCode.NOT_OWNER]
    assert host.host.events == 0


async def test_a_full_host_refuses(cluster):
    """More events than the limit are overloaded, not queued."""
    made = cluster(Thing, limits=Limits(host_events=2))
    name = made.name(seat=1)
    waiting = [get(made, name, b"/wait") for _ in range(2)]
    await made.until(lambda: made.host(1).host.events == 2)
    third = get(made, name)
    await third.ended.wait()
    assert third.failure == ResetCode.OVERLOADED
    gates["wait"].set()
    for client in waiting:
        assert await client.answer() == (200, b"done")
    assert made.host(1).host.events == 0


async def test_a_release_waits_for_what_is_in_flight(cluster):
    """Requests that began before end in peace; later ones go to the next owner (P2, D6)."""
    made = cluster(Thing)
    name = made.name(seat=1)
    running = get(made, name, b"/wait")
    await made.until(lambda: made.host(1).host.events == 1)
    await made.release(1, deadline=5)
    later = get(made, name, b"/count")
    await asyncio.sleep(0.01)
    assert not later.ended.is_set()
    assert made.told["h1"].last(Released) is None
    gates["wait"].set()
    assert await running.answer() == (200, b"done")
    await made.until(lambda: made.told["h1"].last(Released) is not None)
    assert made.told["h1"].last(Released) == Released(clean=True, objects=1)
    made.add(3, 1, 3)
    made.publish()
    assert await later.answer() == (200, b"True")


async def test_a_drain_lets_in_what_running_events_need(cluster):
    """A -> B -> A: calls of an earlier root enter a draining host (D6)."""
    made = cluster(Thing)
    name, other = made.name(seat=1), made.name(seat=1, number=3)
    running = get(made, name, b"/ask?name=" + other.encode())
    await made.until(lambda: made.host(1).host.events == 1)
    await made.release(1, deadline=5)
    gates["ask"].set()
    assert await running.answer() == (200, other.encode())


async def test_a_release_past_its_deadline_cuts_what_runs(cluster):
    """Callers get 503 and Retry-After, the storage is closed, and it was not clean."""
    made = cluster(Thing)
    running = get(made, made.name(seat=1), b"/wait")
    await made.until(lambda: made.host(1).host.events == 1)
    await made.release(1, deadline=0.02)
    await made.until(lambda: made.told["h1"].last(Released) is not None)
    assert made.told["h1"].last(Released).clean is False
    status, _ = await running.answer()
    assert status in {500, 503}


async def test_what_a_drain_waits_for_is_named(cluster, monkeypatch):
    """The longest event, by object, with its place."""
    monkeypatch.setattr("sourdough.host.host._REPORT_SECONDS", 0.01)
    made = cluster(Thing)
    name = made.name(seat=1)
    get(made, name, b"/wait")
    await made.until(lambda: made.host(1).host.events == 1)
    await made.release(1, deadline=5)
    await made.until(lambda: made.told["h1"].last(Waiting) is not None)
    waiting = made.told["h1"].last(Waiting)
    assert waiting.object == f"Thing:{name}"
    assert waiting.what == "fetch"
    assert "in fetch" in waiting.place
    gates["wait"].set()
    await made.until(lambda: made.told["h1"].last(Released) is not None)


async def test_a_second_release_waits_for_the_first(cluster):
    """A stop during a reload: released is said when every database is closed (P2)."""
    made = cluster(Thing)
    running = get(made, made.name(seat=1), b"/wait")
    await made.until(lambda: made.host(1).host.events == 1)
    host = await made.release(1, deadline=5)
    await asyncio.sleep(0)
    host.receive(Release(version=made.version, deadline=4))
    await asyncio.sleep(0.01)
    assert made.told["h1"].last(Released) is None
    assert len(host.host.registry) == 1
    gates["wait"].set()
    assert await running.answer() == (200, b"done")
    await made.until(
        lambda: sum(isinstance(each, Released) for each in made.told["h1"].messages) == 2
    )


async def test_a_second_release_may_shorten_the_first(cluster):
    """The earlier of two deadlines counts."""
    made = cluster(Thing)
    get(made, made.name(seat=1), b"/wait")
    await made.until(lambda: made.host(1).host.events == 1)
    host = await made.release(1, deadline=60)
    await asyncio.sleep(0)
    host.receive(Release(version=made.version, deadline=0.01))
    await made.until(lambda: made.told["h1"].last(Released) is not None)
    assert made.told["h1"].last(Released).clean is False


async def test_a_drain_finishes_work_whose_client_has_left(cluster):
    """The object's work goes on, and counts as in flight (D6, D7)."""
    made = cluster(Thing)
    name = made.name(seat=1)
    client = get(made, name, b"/wait")
    await made.until(lambda: made.host(1).host.events == 1)
    client.cancel()
    await made.until(lambda: made.host(1).host.events == 0)
    await made.release(1, deadline=5)
    await asyncio.sleep(0.03)
    assert made.told["h1"].last(Released) is None
    gates["wait"].set()
    await made.until(lambda: made.told["h1"].last(Released) is not None)
    assert made.told["h1"].last(Released).clean
    made.add(3, 1, 3)
    made.publish()
    assert await get(made, name, b"/count").answer() == (200, b"True")


async def test_a_large_answer_counts_until_it_has_left(cluster):
    """A client that reads slowly is in flight until it has everything (D6)."""
    made = cluster(Thing)
    client = get(made, made.name(seat=1), b"/big")
    client.consumed = lambda _amount: None
    await client.head_came.wait()
    await asyncio.sleep(0.01)
    assert made.host(1).host.events == 1
    del client.__dict__["consumed"]
    client.consumed(sum(map(len, client.chunks)))
    status, body = await client.answer()
    assert (status, len(body)) == (200, 3_000_000)
    await made.until(lambda: made.host(1).host.events == 0)


async def test_an_error_that_no_encoding_carries_is_answered(cluster, caplog):
    """Lone surrogates in an error's text do not leave the client waiting."""
    # The log would keep the text as it is, and the test runner could not send it on either.
    caplog.set_level(logging.CRITICAL, "sourdough.host")
    made = cluster(Thing)
    status, body = await get(made, made.name(seat=1), b"/twice").answer()
    assert status == 500
    assert "surrog" not in json.loads(body)["error"]


async def test_an_object_that_cannot_be_made_is_answered_and_counted_off(cluster, monkeypatch):
    """A fault of ours in front of the object fails one event, and no drain waits for it."""
    made = cluster(Thing)
    host = made.host(1).host

    def refuse(*_):
        raise OSError("no room")

    monkeypatch.setattr(host.registry, "_open_database", refuse)
    status, _ = await get(made, made.name(seat=1)).answer()
    assert status == 500
    assert host.events == 0


async def test_headers_too_large_for_a_link_are_a_500(cluster):
    """The link, and everybody else on it, lives on."""
    made = cluster(Thing)
    name = made.name(seat=1)
    waiting = get(made, name, b"/wait")
    status, _ = await get(made, name, b"/headers").answer()
    assert status == 500
    gates["wait"].set()
    assert await waiting.answer() == (200, b"done")


async def test_an_entrypoint_without_fetch_says_so(cluster):
    """Code that is there for `scheduled` alone answers no requests: 501, with its name."""

    class Default(WorkerEntrypoint):
        async def scheduled(self, controller):
            """Run at fixed times."""

    made = cluster(Thing, entrypoint=Default, hosts=1)
    status, body = await made.entry(kind=Kind.ENTRY, method=b"GET", target=b"/").answer()
    assert (status, json.loads(body)["error"]) == (501, "Default has no fetch() method")


async def test_the_entrypoint_answers_and_calls_objects(cluster):
    """Stateless code in front of the objects, in any host."""

    class Default(WorkerEntrypoint):
        async def fetch(self, request):
            if request.path == "/cancel":
                raise asyncio.CancelledError
            if request.path == "/exit":
                raise SystemExit(1)
            if request.path == "/close":
                raise GeneratorExit
            return Response(await self.env.THING.get_by_name(request.query["n"]).whoami())

    made = cluster(Thing, entrypoint=Default)
    for seat in (1, 2):
        name = made.name(seat=seat)
        client = made.entry(kind=Kind.ENTRY, method=b"GET", target=b"/?n=" + name.encode())
        assert await client.answer() == (200, name.encode())
    for target in (b"/cancel", b"/exit", b"/close"):
        client = made.entry(kind=Kind.ENTRY, method=b"GET", target=target)
        assert (await client.answer())[0] == 500
    assert made.host(1).host.events == made.host(2).host.events == 0

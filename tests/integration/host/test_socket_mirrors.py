"""What a host knows of WebSockets from its first event to the hand-over of its seat (W4)."""

from __future__ import annotations

import asyncio

import pytest

from sourdough.wire.heads import Kind
from sourdough.wire.messages import Gateways, Released
from sourdough.wire.sockets import Broadcast, Mirror

from .gateways import Gateway, settle
from .rooms import Thing, count


@pytest.fixture(autouse=True)
def fresh():
    Thing.log, Thing.go = [], asyncio.Event()


async def test_an_object_has_its_sockets_before_its_first_event(cluster):
    """Events wait for the mirror, and the constructor sees what it tells (W4)."""
    made = cluster(Thing, hosts=1, gateways=(7,))
    gateway, name = Gateway(made, 7, mirrors=False), made.name(seat=1)
    gateway.hold(name)
    asked = count(made, name)
    link = await gateway.up()
    await settle()
    assert not asked.ended.is_set()
    link.tell(Mirror(tuple(gateway.held)))
    assert await asked.answer() == (200, b"1 1")


async def test_objects_wait_for_the_slowest_gateway(cluster):
    """What one has told says nothing of the others (W4)."""
    made = cluster(Thing, hosts=1, gateways=(7, 8))
    quick, slow = Gateway(made, 7), Gateway(made, 8, mirrors=False)
    name = made.name(seat=1)
    for each in (quick, slow):
        each.hold(name)
    asked = count(made, name)
    await quick.up()
    link = await slow.up()
    await settle()
    assert not asked.ended.is_set()
    link.tell(Mirror(tuple(slow.held), end=False))
    await settle()
    assert not asked.ended.is_set()
    link.tell(Mirror(()))
    assert await asked.answer() == (200, b"2 2")


async def test_nobody_waits_for_a_gateway_that_is_gone(cluster):
    """The coordinator says who lives."""
    made = cluster(Thing, hosts=1, gateways=(7, 8))
    await Gateway(made, 7).up()
    asked = count(made, made.name(seat=1))
    await settle()
    assert not asked.ended.is_set()
    made.host(1).receive(Gateways(serials=(7,)))
    assert await asked.answer() == (200, b"0 0")


async def test_objects_do_not_wait_for_ever(cluster):
    """A gateway that says nothing for five seconds stops nobody."""
    made = cluster(Thing, hosts=1, gateways=(7,))
    asked = count(made, made.name(seat=1))
    await made.until(lambda: made.host(1).host.events)
    await settle()
    made.clock.advance(5)
    assert await asked.answer() == (200, b"0 0")


async def test_a_socket_is_spoken_to_where_it_was_mirrored_last(cluster):
    """The successor of a dead gateway holds its sockets."""
    made = cluster(Thing, hosts=1)
    gateway, name = Gateway(made, 7), made.name(seat=1)
    number = gateway.hold(name)
    await gateway.up()
    gateway.drop()
    successor = Gateway(made, 9)
    successor.hold(name, socket=number)
    await successor.up()
    assert (await made.client(name, kind=Kind.FETCH, method=b"GET", target=b"/all").answer())[0]
    await made.until(lambda: successor.told(Broadcast))
    assert gateway.said == []


async def test_a_socket_that_ended_unheard_is_forgotten(cluster):
    """A gateway whose link was lost tells anew all it holds; what it does not name is gone."""
    made = cluster(Thing, hosts=1)
    gateway, name = Gateway(made, 7), made.name(seat=1)
    gateway.hold(name)
    gateway.hold(name)
    link = await gateway.up()
    assert await count(made, name).answer() == (200, b"2 2")
    gateway.held.pop()
    link.drop()
    await made.until(lambda: gateway.link() is not link and gateway.link().up)
    await settle()
    assert await count(made, name).answer() == (200, b"2 1")


async def test_a_seat_is_released_when_gateways_have_heeded_everything(cluster):
    """The next owner's mirror has all that this one said (W4)."""
    made = cluster(Thing, hosts=1)
    gateway, name = Gateway(made, 7), made.name(seat=1)
    gateway.passes = False
    await gateway.up()
    _, client = gateway.upgrade(name)
    await client.answer()
    await made.release(1, deadline=5)
    await made.until(lambda: gateway.barriers)
    await settle()
    assert made.told["h1"].last(Released) is None
    gateway.pass_barriers()
    await made.until(lambda: made.told["h1"].last(Released) is not None)


async def test_a_gateway_that_is_stuck_does_not_stop_a_release(cluster, monkeypatch):
    """The seat's next owner comes first."""
    monkeypatch.setattr("sourdough.host.sockets._BARRIER_SECONDS", 0.01)
    made = cluster(Thing, hosts=1)
    gateway, name = Gateway(made, 7), made.name(seat=1)
    gateway.passes = False
    await gateway.up()
    _, client = gateway.upgrade(name)
    await client.answer()
    await made.release(1, deadline=5)
    await made.until(lambda: made.told["h1"].last(Released) is not None)

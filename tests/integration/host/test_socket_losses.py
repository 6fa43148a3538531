"""Events of WebSockets that are not heeded: who may have them again, and who hears of it (W3)."""

from __future__ import annotations

import asyncio

import pytest

from sourdough.config.model import Limits
from sourdough.wire.frames import ResetCode
from sourdough.wire.messages import Released
from sourdough.wire.sockets import CloseAll, Post, Reported

from .gateways import Gateway, settle
from .rooms import Thing, count


@pytest.fixture(autouse=True)
def fresh():
    Thing.log, Thing.go = [], asyncio.Event()


async def test_a_message_that_nobody_took_goes_to_the_next_owner(cluster):
    """It waited in front of its object when the time of the drain was over: nothing of it has run."""
    made = cluster(Thing, hosts=1)
    gateway, name = Gateway(made, 7), made.name(seat=1)
    number, other = gateway.hold(name), gateway.hold(name)
    await gateway.up()
    await gateway.text(name, number, "section").answer()
    waiting = gateway.text(name, other, "count")
    await settle()
    assert not waiting.ended.is_set()
    await made.release(1, deadline=0.01)
    await made.until(lambda: made.told["h1"].last(Released) is not None)
    made.add(2, 1, 2)
    made.publish()
    await waiting.answer()
    assert gateway.told(Post) == [Post((other,), b"2 2", True)]


async def test_a_message_that_was_cut_short_is_told_to_the_next_instance(cluster):
    """Where sockets outlive a failure, the message that may have caused it is in doubt (W3)."""
    made = cluster(Thing, hosts=1, keeps_sockets=True)
    gateway, name = Gateway(made, 7), made.name(seat=1)
    number = gateway.hold(name)
    await gateway.up()
    aborted = gateway.text(name, number, "abort")
    await aborted.ended.wait()
    assert aborted.failure == ResetCode.LOST
    await gateway.text(name, number, "restored").answer()
    assert gateway.told(Reported)
    assert gateway.told(Post) == [Post((number,), b"[(True, 'abort')]", True)]
    assert not gateway.told(CloseAll)


async def test_a_reset_closes_the_sockets_of_an_object(cluster):
    """Nobody hears any more of them, and nothing is in doubt (semantics 7.17)."""
    made = cluster(Thing, hosts=1)
    gateway, name = Gateway(made, 7), made.name(seat=1)
    number = gateway.hold(name)
    await gateway.up()
    aborted = gateway.text(name, number, "abort")
    await aborted.ended.wait()
    await made.until(lambda: gateway.told(CloseAll))
    assert [(each.code, each.key[-32:]) for each in gateway.told(CloseAll)] == [
        (1011, made.ids.from_name(name).raw)
    ]
    assert len(made.host(1).host.sockets.store) == 0
    assert made.host(1).host.events == 0


async def test_a_full_host_takes_events_of_sockets(cluster):
    """There is one at most of each socket, so gateways bound them (W5)."""
    made = cluster(Thing, hosts=1, limits=Limits(host_events=1))
    gateway, name = Gateway(made, 7), made.name(seat=1)
    numbers = [gateway.hold(name) for _ in range(5)]
    await gateway.up()
    await gateway.text(name, numbers[0], "section").answer()
    events = [gateway.text(name, each, "count") for each in numbers[1:]]
    await made.until(lambda: made.host(1).host.events == 4)
    Thing.go.set()
    for each in events:
        await each.answer()
        assert each.failure is None


async def test_an_end_that_a_gateway_had_not_noted_is_not_told_again(cluster):
    """Its successor does not know that the handler ran, or runs; the host does (W3)."""
    made = cluster(Thing, hosts=1)
    gateway, name = Gateway(made, 7), made.name(seat=1)
    number, waiting = gateway.hold(name), gateway.hold(name)
    await gateway.up()
    await gateway.closed(name, number, 1000).answer()
    await gateway.closed(name, waiting, 3000).answer()
    gateway.drop()
    successor = Gateway(made, 9)
    for each in (number, waiting):
        successor.hold(name, socket=each, closing=True)
    await successor.up()
    assert await count(made, name).answer() == (200, b"2 1")
    for each in (number, waiting):
        assert await successor.closed(name, each, 1006).answer()
    assert [code for code, *_ in Thing.log] == [1000, 3000]
    Thing.go.set()
    await settle()
    assert await count(made, name).answer() == (200, b"2 0")


async def test_an_end_is_told_to_a_host_that_has_not_heard_it(cluster):
    """A host that has crashed since remembers nothing, and hears it (W4)."""
    made = cluster(Thing, hosts=1)
    gateway, name = Gateway(made, 7), made.name(seat=1)
    number = gateway.hold(name, closing=True)
    await gateway.up()
    assert await gateway.closed(name, number, 1006).answer()
    assert [code for code, *_ in Thing.log] == [1006]


async def test_an_end_that_waited_in_front_of_a_reset_is_told_to_the_next_instance(cluster):
    """Its gateway may tell it again, because nobody has heard it (W4)."""
    made = cluster(Thing, hosts=1, keeps_sockets=True)
    gateway, name = Gateway(made, 7), made.name(seat=1)
    number, other = gateway.hold(name), gateway.hold(name)
    await gateway.up()
    section = gateway.text(name, other, "section_aborts")
    waiting = gateway.closed(name, number)
    await settle()
    Thing.go.set()
    for each in (section, waiting):
        await each.ended.wait()
    assert waiting.failure == ResetCode.OVERLOADED
    assert Thing.log == []
    assert await count(made, name).answer() == (200, b"2 2")
    assert await gateway.closed(name, number).answer()
    assert Thing.log == [(1000, True, 2)]
    assert await count(made, name).answer() == (200, b"2 1")

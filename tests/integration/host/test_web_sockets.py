"""A host and the WebSockets that gateways hold for its objects."""

from __future__ import annotations

import asyncio
import logging

import pytest

from sourdough.wire.heads import Kind
from sourdough.wire.messages import Released
from sourdough.wire.sockets import (
    Bind,
    Closed,
    CloseSocket,
    Message,
    Opened,
    Post,
    Settings,
    SocketEvent,
    socket_number,
)

from .disk import Disk
from .gateways import Gateway, settle
from .rooms import Default, Thing, count


@pytest.fixture(autouse=True)
def fresh():
    Thing.log, Thing.go = [], asyncio.Event()


# --- events


async def test_what_a_message_led_to_leaves_before_it_is_acknowledged(cluster):
    """An acknowledged message is never lost with its effects (W3)."""
    made = cluster(Thing, hosts=1)
    gateway, name = Gateway(made, 7), made.name(seat=1)
    number = gateway.hold(name)
    await gateway.up()
    await gateway.text(name, number, "count").answer()
    assert gateway.said == [Post((number,), b"1 1", True), ("head", 0)]
    assert made.host(1).host.events == 0


async def test_nothing_leaves_before_the_commit(cluster):
    """Neither what the handler sent nor the acknowledgement (S1, W3)."""
    made = cluster(Thing, hosts=1)
    gateway, name = Gateway(made, 7), made.name(seat=1)
    number = gateway.hold(name)
    await gateway.up()
    disk = made.host(1)._engines.of("disk").sync = Disk()
    await gateway.text(name, number, "write").answer()  # its file is there: the loop does not wait
    gateway.said.clear()
    disk.go.clear()
    event = gateway.text(name, number, "write")
    await made.until(lambda: made.host(1).host.events)
    await settle()
    assert gateway.said == []
    disk.go.set()
    await event.answer()
    assert gateway.said == [Post((number,), b"written", True), ("head", 0)]


async def test_a_handler_that_waits_is_acknowledged_and_goes_on(cluster):
    """The next message may come meanwhile, and a drain waits for the handler (7.9)."""
    made = cluster(Thing, hosts=1)
    gateway, name = Gateway(made, 7), made.name(seat=1)
    number = gateway.hold(name)
    await gateway.up()
    await gateway.text(name, number, "wait").answer()
    assert gateway.said == [Post((number,), b"before", True), ("head", 0)]
    assert made.host(1).host.events == 0
    await made.release(1, deadline=5)
    await settle()
    assert made.told["h1"].last(Released) is None
    Thing.go.set()
    await made.until(lambda: made.told["h1"].last(Released) is not None)
    assert gateway.told(Post)[-1] == Post((number,), b"after", True)


async def test_a_handler_that_fails_is_acknowledged(cluster):
    """Its message was handled; nobody sends it again."""
    made = cluster(Thing, hosts=1)
    gateway, name = Gateway(made, 7), made.name(seat=1)
    number = gateway.hold(name)
    await gateway.up()
    await gateway.text(name, number, "raise").answer()
    assert gateway.said == [("head", 0)]
    assert made.host(1).host.events == 0


@pytest.mark.parametrize("size", [10, 3_000_000])
async def test_a_message_arrives_whole(cluster, size):
    """A large one comes under credit behind its head (D2)."""
    made = cluster(Thing, hosts=1)
    gateway, name = Gateway(made, 7), made.name(seat=1)
    number = gateway.hold(name)
    await gateway.up()
    event = gateway.event(name, b"message", SocketEvent(number), b"b" * size)
    await event.answer()
    assert gateway.said == [Post((number,), b"bytes %d" % size, True), ("head", 0)]


async def test_a_close_is_the_last_event_of_a_socket(cluster):
    """The object has it no more afterwards (7.10)."""
    made = cluster(Thing, hosts=1)
    gateway, name = Gateway(made, 7), made.name(seat=1)
    number = gateway.hold(name)
    await gateway.up()
    await gateway.closed(name, number, 1001).answer()
    assert Thing.log[0][:2] == (1001, True)
    assert await count(made, name).answer() == (200, b"1 0")


async def test_an_event_for_another_owner_is_refused(cluster):
    """It is sent again, whole, to whoever has the seat next, which has the mirror first (D1, W4)."""
    made = cluster(Thing, hosts=1, gateways=(7,))
    gateway, name = Gateway(made, 7), made.name(seat=1)
    number = gateway.hold(name)
    await gateway.up()
    await made.release(1, deadline=5)
    event = gateway.event(name, b"message", SocketEvent(number), b"b" * 200_000)
    await made.until(lambda: made.told["h1"].last(Released) is not None)
    made.add(2, 1, 2, gateways=(7,))
    made.publish()
    await event.answer()
    assert gateway.said == [Post((number,), b"bytes 200000", True), ("head", 0)]


# --- upgrades


async def test_a_socket_is_bound_before_its_answer_leaves(cluster):
    """The gateway knows whose it is, and what was sent already (W1)."""
    made = cluster(Thing, hosts=1)
    gateway, name = Gateway(made, 7), made.name(seat=1)
    await gateway.up()
    number, client = gateway.upgrade(name)
    status, _ = await client.answer()
    assert status == 101
    assert b"x-room: 1" in client.block
    bind, post = gateway.said
    assert (bind.socket, bind.hibernates, bind.tags) == (number, True, ("lobby",))
    assert bind.key[-32:] == made.ids.from_name(name).raw
    assert post == Post((number,), b"welcome", True)


@pytest.mark.parametrize("seat", [1, 2])
async def test_a_relayed_upgrade_binds_directly(cluster, seat):
    """The object's host speaks to the gateway itself; the relay passes headers on (W1)."""
    made = cluster(Thing, entrypoint=Default, hosts=2)
    gateway, name = Gateway(made, 7), made.name(seat=seat)
    await gateway.up(1)
    await gateway.up(2)
    number, client = gateway.upgrade(name, b"/relay/" + name.encode(), entry=True)
    assert (await client.answer())[0] == 101
    assert b"x-room: 1" in client.block
    await made.until(lambda: len(gateway.said) == 2)
    assert gateway.said[0].socket == number
    assert gateway.said[1] == Post((number,), b"welcome", True)


async def test_a_request_that_wants_no_socket_gets_an_error(cluster, caplog):
    """An answer of 101 without a capability leads nowhere."""
    made = cluster(Thing, hosts=1)
    name = made.name(seat=1)
    with caplog.at_level(logging.ERROR):
        assert (await made.client(name, kind=Kind.FETCH, method=b"GET").answer())[0] == 500
    assert "Tried to return a WebSocket in a response" in caplog.text


async def test_the_entrypoint_may_take_a_socket(cluster):
    """It is a plain one, whose listeners run in the host."""
    made = cluster(Thing, entrypoint=Default, hosts=1)
    gateway = Gateway(made, 7)
    link = await gateway.up()
    number, client = gateway.upgrade("any", b"/", entry=True)
    assert (await client.answer())[0] == 101
    assert gateway.told(Bind)[0].hibernates is False
    link.tell(Message(number, b"one", True))
    await made.until(lambda: gateway.told(Post))
    assert gateway.told(Post) == [Post((number,), b"entry one", True)]


async def test_a_drain_ends_plain_sockets(cluster):
    """They cannot move: the client is told to come again, and so is the object (W2)."""
    made = cluster(Thing, hosts=1)
    gateway, name = Gateway(made, 7), made.name(seat=1)
    link = await gateway.up()
    number, client = gateway.upgrade(name, b"/plain")
    await client.answer()
    link.tell(Opened(number, "", ""))
    link.tell(Message(number, b"one", True))
    await made.until(lambda: gateway.told(Post))
    await made.release(1, deadline=5)
    await made.until(lambda: gateway.told(CloseSocket))
    assert [(each.socket, each.code) for each in gateway.told(CloseSocket)] == [(number, 1012)]
    await made.until(lambda: Thing.log)
    assert Thing.log == [1012]


async def test_a_plain_socket_ends_with_the_link_to_its_gateway(cluster):
    """Nobody else will tell the object (W2)."""
    made = cluster(Thing, hosts=1)
    gateway, name = Gateway(made, 7), made.name(seat=1)
    link = await gateway.up()
    _, client = gateway.upgrade(name, b"/plain")
    await client.answer()
    link.drop()
    await made.until(lambda: Thing.log)
    assert Thing.log == [1006]


async def test_a_plain_socket_may_be_closed_by_its_client(cluster):
    """The listener hears the code."""
    made = cluster(Thing, hosts=1)
    gateway, name = Gateway(made, 7), made.name(seat=1)
    link = await gateway.up()
    number, client = gateway.upgrade(name, b"/plain")
    await client.answer()
    link.tell(Closed(number, 1001, "bye", True))
    await made.until(lambda: Thing.log)
    assert Thing.log == [1001]


async def test_settings_are_told_to_the_gateway_of_a_new_socket(cluster):
    """A gateway without sockets of an object keeps none of its settings."""

    class Setting(Thing):
        async def fetch(self, request):
            from sourdough.sockets import WebSocketRequestResponsePair

            pair = WebSocketRequestResponsePair("ping", "pong")
            self.ctx.set_web_socket_auto_response(pair)
            return await super().fetch(request)

    made = cluster(Setting, hosts=1)
    gateway, name = Gateway(made, 7), made.name(seat=1)
    await gateway.up()
    _, client = gateway.upgrade(name)
    await client.answer()
    kinds = [type(each) for each in gateway.said]
    assert kinds.index(Settings) < kinds.index(Bind) or kinds.count(Settings) == 1
    assert gateway.told(Settings)[-1].response == "pong"


def test_numbers_name_their_gateway():
    """The serial number stands above the counter (W1)."""
    assert socket_number(7, 3) >> 40 == 7

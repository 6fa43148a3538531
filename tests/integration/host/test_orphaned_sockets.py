"""Sockets whose end no gateway tells, so their hosts do: of programs, or not noted in time (W4)."""

from __future__ import annotations

import pytest

from sourdough.objects.durable_object import DurableObject
from sourdough.wire.messages import Gateways
from sourdough.wire.sockets import DOORS, SocketEvent

from .gateways import Gateway, settle

DOOR = DOORS + 5


class Thing(DurableObject):
    """It notes which sockets it hears the end of, and how many it had when it heard."""

    log: list

    def web_socket_message(self, ws, message):
        ws.send(message)

    def web_socket_close(self, ws, code, reason, was_clean):
        tags = self.ctx.get_tags(ws)
        self.log.append((self.ctx.id.name, *tags, code, was_clean))


@pytest.fixture(autouse=True)
def fresh():
    Thing.log = []


async def test_each_socket_of_a_program_that_is_gone_has_its_close_event(cluster):
    """Once, with code 1006; the sockets of other gateways are left alone."""
    made = cluster(Thing, hosts=1, gateways=(7, DOOR))
    gateway, door = Gateway(made, 7), Gateway(made, DOOR)
    name, other = made.name(seat=1), made.name(seat=1, number=1)
    kept = gateway.hold(name, tags=("kept",))
    for number in range(3):
        door.hold(name, tags=(f"lost-{number}",))
    door.hold(other, tags=("elsewhere",))
    await gateway.up()
    await door.up()
    await gateway.text(name, kept, "hello").answer()
    door.drop()
    await settle()
    assert Thing.log == []  # it may be about to link again
    made.host(1).receive(Gateways(serials=(7,)))
    await made.until(lambda: len(Thing.log) == 4)
    made.host(1).receive(Gateways(serials=(7,)))
    await settle()
    lost = {(name, f"lost-{number}", 1006, False) for number in range(3)}
    assert len(Thing.log) == 4
    assert set(Thing.log) == lost | {(other, "elsewhere", 1006, False)}
    assert len(made.host(1).host.sockets.store) == 1


async def test_what_a_program_said_last_comes_before_its_end(cluster):
    """The coordinator may see its end before the host has read all of it."""
    made = cluster(Thing, hosts=1, gateways=(DOOR,))
    door, name = Gateway(made, DOOR), made.name(seat=1)
    number = door.hold(name, tags=("lost",))
    await door.up()
    made.host(1).receive(Gateways(serials=()))
    await settle()
    assert Thing.log == []
    await door.event(name, b"message", SocketEvent(number, text=True), b"last").answer()
    door.drop()
    await made.until(lambda: Thing.log == [(name, "lost", 1006, False)])


async def test_a_socket_that_a_dead_gateway_had_not_noted_ends_too(cluster):
    """Its successor has told all it knows, and does not name it: the host is the only one left."""
    made = cluster(Thing, hosts=1, gateways=(7, 8))
    dead, other, name = Gateway(made, 7), Gateway(made, 8), made.name(seat=1)
    noted, kept = dead.hold(name, tags=("noted",)), other.hold(name, tags=("kept",))
    dead.hold(name, tags=("not noted",))
    await dead.up()
    await other.up()
    await other.text(name, kept, "hello").answer()
    dead.drop()
    made.host(1).receive(Gateways(serials=(8,)))
    await settle()
    assert Thing.log == []  # the next gateway may know more
    made.host(1).receive(Gateways(serials=(8, 9)))
    successor = Gateway(made, 9)
    successor.hold(name, tags=("noted",), socket=noted, closing=True)
    await successor.up()
    await made.until(lambda: Thing.log == [(name, "not noted", 1006, False)])
    await settle()
    assert len(Thing.log) == 1
    assert len(made.host(1).host.sockets.store) == 2


async def test_a_socket_that_ended_while_there_was_no_link_has_its_close_event(cluster):
    """What its gateway does not name any more has ended, and nobody else will tell."""
    made = cluster(Thing, hosts=1, gateways=(7,))
    gateway, name = Gateway(made, 7), made.name(seat=1)
    kept = gateway.hold(name, tags=("kept",))
    gateway.hold(name, tags=("ended",))
    link = await gateway.up()
    await gateway.text(name, kept, "hello").answer()
    gateway.held.pop()
    link.drop()
    await made.until(lambda: Thing.log == [(name, "ended", 1006, False)])
    assert len(made.host(1).host.sockets.store) == 1

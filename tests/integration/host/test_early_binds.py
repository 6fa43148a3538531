"""A client that is accepted before its gateway has linked to the host that accepts it (W1)."""

from __future__ import annotations

import asyncio

import pytest

from sourdough.http import Response
from sourdough.objects.durable_object import DurableObject, WorkerEntrypoint
from sourdough.sockets import WebSocketPair
from sourdough.wire.sockets import Bind, Broadcast, Post, socket_number

from .gateways import Gateway, settle


class Thing(DurableObject):
    log: list

    def fetch(self, request):
        client, server = WebSocketPair()
        self.ctx.accept_web_socket(server)
        server.send("welcome")
        self.ctx.broadcast("all")
        return Response(None, status=101, web_socket=client)

    def web_socket_close(self, ws, code, reason, was_clean):
        self.log.append((code, was_clean))


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return await self.env.THING.get_by_name(request.path[1:]).fetch(request)


class Late(Gateway):
    """One that links to one host alone: its requests reach the other through the entrypoint."""

    def __init__(self, cluster, serial):
        self.open = asyncio.Event()
        super().__init__(cluster, serial)
        connect = self.peers._connect

        async def after(path, factory):
            if path != cluster.entries[1].path:
                await self.open.wait()
            return await connect(path, factory)

        self.peers._connect = after


@pytest.fixture(autouse=True)
def fresh():
    Thing.log = []


async def test_what_is_said_to_a_gateway_waits_for_its_link(cluster):
    """The Bind and all behind it, in order."""
    made = cluster(Thing, hosts=2, entrypoint=Default)
    gateway = Late(made, 7)
    await gateway.up(1)
    name = made.name(seat=2)
    _, client = gateway.upgrade(name, b"/" + name.encode(), entry=True)
    await client.ended.wait()
    assert gateway.said == []
    gateway.open.set()
    await gateway.up(2)
    await made.until(lambda: len(gateway.said) == 3)
    assert [type(each) for each in gateway.said] == [Bind, Post, Broadcast]
    await settle()
    assert Thing.log == []


async def test_a_gateway_that_never_links_has_lost_the_client(cluster):
    """The object hears of the end, as of every other."""
    made = cluster(Thing, hosts=2, entrypoint=Default)
    gateway = Late(made, 7)
    await gateway.up(1)
    name = made.name(seat=2)
    number, client = gateway.upgrade(name, b"/" + name.encode(), entry=True)
    assert number == socket_number(7, 1)
    await client.ended.wait()
    made.clock.advance(9.0)
    await settle()
    assert Thing.log == []
    made.clock.advance(1.5)
    await made.until(lambda: Thing.log == [(1006, False)])

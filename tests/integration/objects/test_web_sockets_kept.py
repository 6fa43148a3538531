"""What an object keeps with its hibernating WebSockets, and what it keeps them through."""

from __future__ import annotations

import asyncio
import datetime as dt

import pytest

from sourdough.http import Request, Response
from sourdough.objects.web_sockets.binding import bind_answer
from sourdough.sockets import WebSocketPair, WebSocketRequestResponsePair
from sourdough.values import decode
from sourdough.wire.sockets import Bind, CloseAll, Doubt, Held, Opened, Reported, Settings
from tests.integration.objects.rooms import evict, numbers, turns

# --- attachments and settings


async def test_attachments(gateways, inside, world):
    """semantics 7.5: copies; kept by the gateway, over hibernation."""

    def attach(self):
        [ws] = self.ctx.get_web_sockets()
        value = {"name": "Ann", "seen": [1]}
        ws.serialize_attachment(value)
        value["seen"].append(2)
        with pytest.raises(ValueError, match="cannot be larger than 16384 bytes"):
            ws.serialize_attachment(bytes(16_384))
        return ws.deserialize_attachment()

    def look(self):
        return [each.deserialize_attachment() for each in self.ctx.get_web_sockets()]

    number = await gateways.open()
    assert await inside(look) == [None]
    expected = {"name": "Ann", "seen": [1]}
    assert await inside(attach) == expected
    await turns()
    assert decode(gateways.attached[number]) == expected
    evict(world)
    assert await inside(look) == [expected]


async def test_an_attachment_before_the_answer(gateways, inside, room):
    """semantics 7.5: the gateway gets it with the socket."""

    async def fetch(self, request):
        client, server = WebSocketPair()
        self.ctx.accept_web_socket(server)
        server.serialize_attachment("early")
        return Response(None, status=101, web_socket=client)

    room.fetch = fetch
    number = await gateways.open()
    assert decode(gateways.of(Bind)[0].attachment) == "early"
    await turns()
    assert set(gateways.attached) == {number}


async def test_an_attachment_waits_for_its_own_commit(gateways, inside, world):
    """S1, semantics 7.14: an answer that is passed on takes along what was attached by then."""
    responses = []

    async def take(self):
        client, server = WebSocketPair()
        self.ctx.accept_web_socket(server)
        server.serialize_attachment("first")
        responses.append(Response(None, status=101, web_socket=client))
        await self.ctx.storage.put("k", "first")

    async def again(self, value):
        [ws] = self.ctx.get_web_sockets()
        await self.ctx.storage.put("k", value)
        ws.serialize_attachment(value)

    await inside(take)
    await turns()
    world.disk.go.clear()
    held = [inside(again, "second")]
    while not world.disk.held:
        await asyncio.sleep(0.001)
    number = gateways.number()
    request = Request.received(b"GET", b"/", b"", b"host: x\r\n", b"", False, 1, 0, number)
    bind_answer(responses[0], request, gateways.store)
    held.append(inside(again, "third"))
    await turns()
    assert gateways.told == []
    world.disk.go.set()
    await asyncio.gather(*held)
    await turns()
    (bind,) = gateways.of(Bind)
    assert decode(bind.attachment) == "second"
    assert decode(gateways.attached[number]) == "third"


async def test_the_automatic_answer(gateways, inside, world):
    """semantics 7.6: of the whole object; gateways that come to hold a socket are told as well."""

    def set_(self):
        self.ctx.set_web_socket_auto_response(WebSocketRequestResponsePair("ping", "pong"))
        return self.ctx.get_web_socket_auto_response().response

    def clear(self):
        self.ctx.set_web_socket_auto_response()
        return self.ctx.get_web_socket_auto_response()

    await gateways.open()
    assert await inside(set_) == "pong"
    await turns()
    expected = Settings(world.key(), "ping", "pong")
    assert gateways.of(Settings) == [expected]
    await gateways.open()
    assert gateways.of(Settings) == [expected, expected]
    assert await inside(clear) is None
    await turns()
    assert gateways.of(Settings)[-1] == Settings(world.key())


async def test_when_it_was_answered(gateways, inside):
    """semantics 7.6: gateways tell."""

    def when(self):
        [ws] = self.ctx.get_web_sockets()
        return self.ctx.get_web_socket_auto_response_timestamp(ws)

    number = await gateways.open()
    assert await inside(when) is None
    gateways.store.answered([(number, 1_700_000_000_500), (77, 1)])
    assert await inside(when) == dt.datetime(2023, 11, 14, 22, 13, 20, 500_000, dt.UTC)


# --- broadcast


async def test_a_broadcast_is_one_message(gateways, inside):
    """invariant W5: the gateway knows who has which tag."""
    one, two = await gateways.open("/?tag=x"), await gateways.open("/?tag=x")

    def all_(self):
        first = min(self.ctx.get_web_sockets(), key=lambda each: each.number)
        self.ctx.broadcast("hi", tag="x", exclude=[first])

    await inside(all_)
    await turns()
    assert (gateways.to(one), gateways.to(two)) == ([], [("all", "x", "hi")])


async def test_a_broadcast_is_for_those_that_are_there(gateways, room, inside, world):
    """semantics 7.14: not for who is taken behind the call, though it leaves later."""
    one = await gateways.open()
    await inside(lambda self: self.ctx.storage.kv.put("k", 0))  # it has a file from here on
    world.disk.go.clear()

    def all_(self):
        self.ctx.storage.kv.put("k", 1)
        self.ctx.broadcast("hi")

    called = inside(all_)
    await turns()
    answer = gateways.ask()
    await turns()
    world.disk.go.set()
    await called
    await answer
    await turns()
    assert gateways.to(one) == [("all", None, "hi")]
    assert gateways.to(answer.request.socket) == []


# --- hibernation and reset


async def test_an_object_with_nothing_but_sockets_leaves_memory(gateways, room, world):
    """semantics 3.6, 7.16: the next message makes a new instance, which has them."""
    number = await gateways.open("/chat?tag=x")
    gateways.store.opened(Opened(number, "chat", "permessage-deflate"))
    evict(world)
    assert world.container() is None

    async def message(self, ws, text):
        self.seen.append([ws.url, ws.protocol, ws.extensions, self.ctx.get_tags(ws)])
        ws.send("again")

    room.steps["message"] = message
    await gateways.says(number, "x")
    assert room.seen == [["http://x/chat?tag=x", "chat", "permessage-deflate", ["x"]]]
    assert len(room.instances) == 2
    assert gateways.to(number) == ["again"]


def aborts(self):
    self.ctx.storage.kv.put("k", 1)
    for each in self.ctx.get_web_sockets():
        each.send("never")
    self.ctx.abort("as asked")


@pytest.mark.parametrize("policy", ["close", "keep"])
async def test_a_reset(gateways, room, inside, world, policy):
    """semantics 7.17: closes all of them, or none; what was said in the same step is dropped."""
    object.__setattr__(next(iter(world.registry._classes.values())), "sockets_on_reset", policy)
    number = await gateways.open()
    with pytest.raises(Exception, match="as asked"):
        await inside(aborts)
    await turns(20)
    assert gateways.to(number) == ([(1011, "the object was reset")] if policy == "close" else [])
    assert await inside(numbers) == ([number] if policy == "keep" else [])
    assert room.seen == []


async def test_a_constructor_that_fails(gateways, room, inside, world):
    """semantics 3.3: drops the sockets; nothing that it has said leaves."""
    number = await gateways.open()
    evict(world)

    def construct(self):
        for each in self.ctx.get_web_sockets():
            each.send("never")
        raise ValueError("not today")

    room.steps["construct"] = construct
    with pytest.raises(Exception, match="not today"):
        await inside(numbers)
    del room.steps["construct"]
    await turns(20)
    assert gateways.to(number) == [(1011, "the object was reset")]
    assert await inside(numbers) == []


async def test_a_commit_that_fails(gateways, room, world):
    """semantics 4.2.4: what waited for it is dropped, and is not acknowledged."""

    async def message(self, ws, text):
        await self.ctx.storage.put("k", text)
        ws.send(text)

    room.steps["message"] = message
    number = await gateways.open()
    await gateways.says(number, "first")
    world.disk.error = OSError(5, "I/O error")
    reply = gateways.says(number, "second")
    with pytest.raises(Exception, match="the disk failed"):
        await reply
    await turns()
    assert gateways.to(number) == ["first"]
    assert gateways.of(CloseAll) == []  # not by its own failure: its host ends


async def test_a_socket_of_a_dead_instance(gateways, room, inside, world):
    """semantics 3.11: raises as its storage does."""
    await gateways.open()
    kept = []
    await inside(lambda self: kept.extend(self.ctx.get_web_sockets()))
    evict(world)
    await turns()
    with pytest.raises(Exception, match="no longer accessible"):
        kept[0].send("x")


async def test_a_message_in_doubt(gateways, room, inside, world):
    """invariant W3: the new instance can look from its constructor on; the gateway is told then."""
    key = world.key()
    for number, doubt in ((1 << 41, Doubt(b"pay", text=True)), (1 << 42, None), (1 << 43, Doubt(None, text=False))):  # fmt: skip
        held = Held(number, key, b"a", ("x",), None, accepted=number, doubt=doubt)
        gateways.store.mirrored(held)
    told = []

    def look(self):
        told.append([(each.web_socket.number, each.message) for each in self.ctx.sockets_restored])
        return told

    room.steps["construct"] = look
    expected = [(1 << 41, "pay"), (1 << 43, None)]
    assert await inside(look) == [expected, expected]
    assert gateways.told == [Reported(key)]
    evict(world)
    await inside(look)
    assert told[2:] == [[], []]


async def test_events_of_unknown_sockets_are_acknowledged(gateways, room):
    """semantics 7.17: they were closed by a reset, the gateway did not know yet."""
    await gateways.says(1 << 50, "x")
    assert room.seen == []


async def test_handlers_cannot_be_called_from_outside(gateways, world):
    """semantics 2.4."""
    with pytest.raises(TypeError, match="'web_socket_message' is a reserved method"):
        await world.call("web_socket_message", None, "x")


async def test_what_a_drain_says(gateways, room, world):
    """The handler is named."""

    async def message(self, ws, text):
        await self.door.wait()

    room.steps["message"] = message
    number = await gateways.open()
    reply = gateways.says(number, "x")
    await reply
    container = world.container()
    assert [container.waiting(each).what for each in container.events] == ["web_socket_message()"]
    room.instances[0].door.set()


@pytest.mark.parametrize("way", ["hibernates", "accepted"])
@pytest.mark.parametrize("fails", [False, True])
async def test_an_answer_that_goes_ahead_of_its_commit(gateways, inside, world, way, fails):
    """invariant S1, W1: inside a host it does; the gateway is told when the commit is durable."""
    await inside(lambda self: self.ctx.storage.kv.put("k", 0))
    number = gateways.number()
    world.disk.go.clear()

    def answers(self):
        client, server = WebSocketPair()
        if way == "hibernates":
            self.ctx.accept_web_socket(server)
        else:
            server.accept()
        server.send("hello")
        self.ctx.storage.kv.put("k", 1)
        request = Request.received(b"GET", b"/", b"", b"host: x\r\n", b"", False, 1, 0, number)
        bind_answer(Response(None, status=101, web_socket=client), request, gateways.store)

    called = inside(answers)
    await turns(20)
    assert gateways.told == []
    if fails:
        world.disk.error = OSError(5, "I/O error")
    world.disk.go.set()
    await asyncio.wait([called])
    await turns()
    [bind] = gateways.of(Bind)
    assert bind.hibernates == (way == "hibernates" and not fails)
    assert gateways.to(number) == ([(1011, "the object was reset")] if fails else ["hello"])

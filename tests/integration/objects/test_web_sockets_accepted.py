"""WebSockets of `accept()`, and pairs whose two ends are used in one process (semantics 7.1)."""

from __future__ import annotations

import asyncio
import logging

import pytest

from sourdough.http import Response
from sourdough.sockets import WebSocket, WebSocketPair, WebSocketRequestResponsePair
from sourdough.wire.sockets import Bind, Closed, CloseSocket, Message, Opened
from tests.integration.objects.rooms import evict, numbers, turns


@pytest.fixture
def accepting(room):
    """Rooms take their clients by `accept`, and do with them what a test says."""

    def with_(step):
        async def fetch(self, request):
            client, server = WebSocketPair()
            server.accept()
            step(self, server)
            return Response(None, status=101, web_socket=client)

        room.fetch = fetch

    return with_


@pytest.fixture
def plain(gateways):
    """What the gateway of a client's socket tells the host."""

    class Plain:
        def says(self, number, data):
            text = isinstance(data, str)
            gateways.store.hear(Message(number, data.encode() if text else data, text))

        def closes(self, number, code=1000, reason="", clean=True, error=None):
            gateways.store.hear(Closed(number, code, reason, clean, error))

    return Plain()


async def test_listeners_are_called_for_the_object(gateways, room, accepting, plain, world):
    """semantics 7.1, 4.2: sync or async; what they write and send passes the gate."""

    def listen(self, ws):
        async def message(event):
            await self.ctx.storage.put("k", event.data)
            ws.send(f"stored {await self.ctx.storage.get('k')}")

        ws.add_event_listener("message", message)
        ws.add_event_listener("message", lambda event: self.seen.append(event.data))
        ws.add_event_listener(
            "close", lambda event: self.seen.append((event.code, event.reason, event.was_clean))
        )

    accepting(listen)
    number = await gateways.open()
    assert gateways.of(Bind) == [
        Bind(number, hibernates=False, key=world.key(), url="http://x/"),
    ]
    plain.says(number, "text")
    plain.says(number, b"\x00")
    while len(gateways.to(number)) < 2 or gateways.taken(number) < 2:
        await asyncio.sleep(0.001)
    plain.closes(number, 3000, "bye")
    await turns()
    assert room.seen == ["text", b"\x00", (3000, "bye", True)]
    assert gateways.to(number) == ["stored text", "stored b'\\x00'"]
    assert gateways.taken(number) == 2


async def test_what_its_client_broke(gateways, room, accepting, plain):
    """semantics 7.10: the error, then the close."""

    def listen(self, ws):
        ws.add_event_listener("error", lambda event: self.seen.append(str(event.error)))
        ws.add_event_listener("close", lambda event: self.seen.append(event.code))

    accepting(listen)
    number = await gateways.open()
    plain.closes(number, 1007, clean=False, error="invalid UTF-8")
    await turns()
    assert room.seen == ["invalid UTF-8", 1007]
    assert gateways.store.plain == {}


async def test_a_listener_that_raises(gateways, room, accepting, plain, caplog):
    """semantics 7.10: is logged, and ends nothing."""

    def listen(self, ws):
        def message(event):
            raise ValueError(event.data)

        ws.add_event_listener("message", message)
        ws.add_event_listener("message", lambda event: ws.send(event.data))

    accepting(listen)
    number = await gateways.open()
    with caplog.at_level(logging.ERROR):
        plain.says(number, "x")
        await turns()
    assert gateways.to(number) == ["x"]
    assert [str(each.exc_info[1]) for each in caplog.records] == ["x"]


async def test_a_loop_over_messages(gateways, room, accepting, plain):
    """semantics 7.1: each that is taken lets another come; the loop ends with the socket."""

    def read(self, ws):
        async def loop():
            async for message in ws:
                self.seen.append(message)
            self.seen.append(ws.ready_state)

        self.ctx.wait_until(loop())

    accepting(read)
    number = await gateways.open()
    plain.says(number, "one")
    await turns()
    plain.says(number, b"two")
    plain.says(number, "three")
    await turns()
    plain.says(number, "last")
    plain.closes(number)
    await turns()
    assert room.seen == ["one", b"two", "three", "last", WebSocket.CLOSED]
    assert gateways.taken(number) == 3


async def test_a_reader_waits_for_critical_sections(gateways, room, accepting, plain, inside):
    """semantics 4.1: what comes in from outside does so for readers as well."""

    def read(self, ws):
        async def loop():
            self.seen.append(await ws.receive())

        self.ctx.wait_until(loop())

    accepting(read)
    number = await gateways.open()

    async def section(self):
        await self.ctx.block_concurrency_while(self.door.wait)

    held = inside(section)
    await turns()
    plain.says(number, "x")
    await turns()
    assert room.seen == []
    room.instances[0].door.set()
    await held
    await turns()
    assert room.seen == ["x"]


async def test_it_keeps_its_object_in_memory(gateways, accepting, plain, world):
    """semantics 3.9, 7.1: for 15 minutes after the last message, then it is closed."""
    accepting(lambda self, ws: ws.add_event_listener("message", print))
    number = await gateways.open()
    evict(world)
    assert world.container() is not None
    world.clock.advance(890)
    plain.says(number, "still here")
    await turns()
    world.clock.advance(890)
    world.registry.sweep()
    assert world.container() is not None
    world.clock.advance(1000)
    world.registry.sweep()
    assert world.container() is None
    while not gateways.of(CloseSocket):
        await asyncio.sleep(0.001)
    assert gateways.to(number) == [(1012, "the object has left memory")]


async def test_its_end_lets_the_object_go(gateways, accepting, plain, world):
    """semantics 3.6."""
    accepting(lambda self, ws: None)
    number = await gateways.open()
    plain.closes(number)
    await turns()
    evict(world)
    assert world.container() is None


async def test_a_reset_closes_it(gateways, room, accepting, inside):
    """semantics 7.17: whatever becomes of those that hibernate."""
    accepting(lambda self, ws: ws.send("hello"))
    number = await gateways.open()
    await turns()

    def abort(self):
        self.ctx.abort()

    with pytest.raises(Exception, match="abort"):
        await inside(abort)
    assert gateways.to(number) == ["hello", (1011, "the object was reset")]
    assert gateways.store.plain == {}


async def test_a_host_that_gives_its_seat_up_closes_it(gateways, room, accepting):
    """invariant W2: 1012; the object hears of it."""
    accepting(
        lambda self, ws: ws.add_event_listener("close", lambda event: self.seen.append(event.code))
    )
    number = await gateways.open()
    gateways.store.close_plain()
    await turns()
    assert gateways.to(number) == [(1012, "the host was replaced")]
    assert room.seen == [1012]


async def test_what_was_agreed_upon(gateways, room, accepting):
    """semantics 7.16: is known when the handshake is complete."""
    kept = []
    accepting(lambda self, ws: kept.append(ws))
    number = await gateways.open()
    gateways.store.opened(Opened(number, "chat", "permessage-deflate"))
    assert [(ws.url, ws.protocol, ws.extensions) for ws in kept] == [
        ("http://x/", "chat", "permessage-deflate")
    ]


# --- both ends in one process


async def test_a_hibernating_end_may_have_its_other_end_here(room, inside, world):
    """semantics 2.1, 7.1: whoever has called `fetch` accepts it; events are those of any socket."""
    got = []
    client = WebSocketPair()[0]

    def here(self):
        nonlocal client
        client, server = WebSocketPair()
        self.ctx.accept_web_socket(server, ["here"])
        server.send("before")

    await inside(here)
    client.add_event_listener("message", lambda event: got.append(event.data))
    client.add_event_listener("close", lambda event: got.append((event.code, event.reason)))
    client.accept()
    evict(world)
    assert world.container() is None
    for text in ("one", "two"):
        client.send(text)
    while len(got) < 3:
        await asyncio.sleep(0.001)
    assert room.seen == ["one", "two"]
    assert got == ["before", "one", "two"]
    client.close(3000, "enough")
    while len(got) < 4 or len(room.seen) < 3:
        await asyncio.sleep(0.001)
    assert room.seen[-1] == (3000, "enough", True)
    assert got[-1] == (3000, "enough")
    assert await inside(numbers) == []


async def test_the_object_closes_such_a_socket(room, inside):
    """semantics 7.10, 7.11: both sides hear of the end once."""
    client = await _coupled(inside)

    def close(self):
        self.ctx.get_web_sockets()[0].close(3001, "bye")

    await inside(close)
    end = await client.wait_closed()
    await turns()
    assert (end.code, end.reason, end.was_clean) == (3001, "bye", True)
    assert room.seen == [(3001, "bye", True)]


async def test_settings_and_broadcasts_reach_it(room, inside):
    """semantics 7.6, W5: as they do a client of a gateway."""
    client = await _coupled(inside)

    def set_(self):
        self.ctx.set_web_socket_auto_response(WebSocketRequestResponsePair("ping", "pong"))
        self.ctx.broadcast("all", tag="here")
        self.ctx.broadcast("others", tag="there")

    await inside(set_)
    await turns()
    client.send("ping")
    assert [await client.receive(), await client.receive()] == ["all", "pong"]
    assert room.seen == []

    def when(self):
        [ws] = self.ctx.get_web_sockets()
        return self.ctx.get_web_socket_auto_response_timestamp(ws) is not None

    assert await inside(when)


async def test_a_reset_closes_such_a_socket(inside):
    """semantics 7.17."""
    client = await _coupled(inside)

    def abort(self):
        self.ctx.abort()

    with pytest.raises(Exception, match="abort"):
        await inside(abort)
    assert (await client.wait_closed()).code == 1011


async def test_a_pair_inside_of_one_object(room, inside):
    """semantics 7.1: both ends accepted: what is said on one is heard on the other."""

    async def talk(self):
        left, right = WebSocketPair()
        left.accept()
        right.accept()
        left.send("to the right")
        right.send(b"to the left")
        heard = [await right.receive(), await left.receive()]
        left.close(1000, "done")
        end = await right.wait_closed()
        return [*heard, end.code, end.reason, right.ready_state]

    assert await inside(talk) == ["to the right", b"to the left", 1000, "done", WebSocket.CLOSED]


async def _coupled(inside):
    made = []

    def here(self):
        client, server = WebSocketPair()
        made.append(client)
        self.ctx.accept_web_socket(server, ["here"])

    await inside(here)
    [client] = made
    client.accept()
    return client


async def test_what_is_sent_before_the_101_has_left_is_bounded(gateways, room, accepting):
    """W5: the socket ends at the bound; its client is told why when the answer leaves."""

    def overfill(self, ws):
        for _ in range(9):
            ws.send(bytes(8 * 1024 * 1024))

    async def fetch(self, request):
        client, server = WebSocketPair()
        server.accept()
        overfill(self, server)
        self.seen.append(await server.wait_closed())
        return Response(None, status=101, web_socket=client)

    room.fetch = fetch
    number = await gateways.open()
    assert [each.code for each in room.seen] == [1013]
    assert gateways.to(number) == [(1013, "nobody reads what is sent")]


async def test_a_hibernating_socket_is_bounded_as_well(gateways, room):
    """W5, semantics 7.10: its object hears of its end, its client of a close."""

    async def fetch(self, request):
        client, server = WebSocketPair()
        self.ctx.accept_web_socket(server)
        for _ in range(9):
            server.send(bytes(8 * 1024 * 1024))
        await turns(20)
        return Response(None, status=101, web_socket=client)

    room.fetch = fetch
    number = await gateways.open()
    await turns(20)
    assert [each[0] for each in room.seen] == [1006]
    assert gateways.to(number) == [(1011, "the object's end has ended before")]
    assert gateways.of(Bind)[0].hibernates is False

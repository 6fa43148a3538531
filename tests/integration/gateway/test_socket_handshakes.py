"""The handshake: who is let in, and what becomes of an upgrade that nobody completes (W1)."""

from __future__ import annotations

import asyncio

import pytest
import uvloop
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode

from sourdough.wire.frames import ResetCode
from sourdough.wire.sockets import Bind, Broadcast, Closed, CloseSocket, Message, Opened, Post

from .hosts import Place

ASK = (
    b"GET /room/a HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


async def raw(place, data=ASK):
    """Connect a client that sends what it likes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", place.port)
    writer.write(data)
    return reader, writer


async def asked(place, connecting):
    """Wait until the host has got a handshake; return (link, stream, head)."""
    await place.until(lambda: place.host.requests)
    assert not connecting.done()
    return place.host.requests.popleft()


async def test_the_answer_is_that_of_the_rfc(place):
    """The example of RFC 6455 1.3, and the handler's own headers without those of the handshake."""
    place.host.accept = lambda *at: place.host.hold(
        *at, headers=b"x-own: 1\r\nSec-WebSocket-Accept: no\r\nsec-websocket-protocol: chat\r\n"
        b"upgrade: x\r\ndate: now\r\n"
    )  # fmt: skip
    reader, writer = await raw(place)
    head = await reader.readuntil(b"\r\n\r\n")
    assert head == (
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
        b"sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nx-own: 1\r\n"
        b"sec-websocket-protocol: chat\r\ndate: now\r\n\r\n"
    )
    await place.until(lambda: place.host.told_of(Opened))
    assert place.host.told_of(Opened)[0].protocol == "chat"
    writer.close()


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_the_connection_changes_hands_on_both_loops(loop):
    """A transport with a new protocol, paused and read on, closed by either side."""

    async def speak():
        place = Place()
        await place.gateway.start()
        place.host = place.seat(1)
        place.host.heeding = True
        client, number, _ = await place.held()
        connection = place.gateway._sockets._roster.by_number[number].connection
        connection.read(False)
        await client.send(bytes(500_000))
        connection.read(True)
        assert len((await place.event(place.host)).data) == 500_000
        place.host.tell(CloseSocket(number, 4000, "x"))
        with pytest.raises(ConnectionClosed):
            await client.recv()
        assert (await place.event(place.host)).said.clean
        await place.until(lambda: not place.gateway._edge.connections)
        await place.held()
        await place.close()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(asyncio.wait_for(speak(), 20))


async def test_the_handler_sees_the_request(place):
    """Its headers, and the number by which the client can be accepted."""
    client = await place_connect(place, subprotocols=["a", "b"], origin="http://x")
    head = place.host.requests[0][2]
    lines = head.headers.lower()
    assert b"upgrade: websocket\r\n" in lines
    assert b"sec-websocket-protocol: a, b\r\n" in lines
    assert b"origin: http://x\r\n" in lines
    assert head.socket >> 40 == 7
    await client.close()


async def place_connect(place, **options):
    place.host.accept = place.host.hold
    return await place.connect(**options)


async def test_bytes_behind_the_request_wait(place):
    """A client that does not wait for the answer is understood all the same, up to 64 KiB."""
    _, writer = await raw(place, ASK + Frame(Opcode.TEXT, b"early").serialize(mask=True))
    link, number, head = await asked(place, asyncio.Future())
    writer.write(Frame(Opcode.TEXT, b"later").serialize(mask=True))
    place.host.heeding = True
    place.host.hold(link, number, head)
    assert (await place.event(place.host)).data == b"early"
    assert (await place.event(place.host)).data == b"later"
    reader, impatient = await raw(place, ASK + bytes(70_000))
    assert await reader.read() == b""
    writer.close()
    impatient.close()


async def test_a_request_before_it_on_the_connection_is_answered_first(place):
    """The handshake waits its turn as any request."""
    host = place.host
    reader, writer = await raw(place, b"GET /room/b HTTP/1.1\r\nHost: a\r\n\r\n" + ASK)
    link, number, _ = await asked(place, asyncio.Future())
    assert not host.requests
    host.answer(link, number, 200, b"", b"first")
    host.hold(*await asked(place, asyncio.Future()))
    assert (await reader.readuntil(b"first")).endswith(b"first")
    assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 101")
    writer.close()


async def test_another_answer_than_101_is_passed_on(place):
    """The client gets it; an object that has accepted it all the same hears of the end."""
    place.host.accept = lambda link, number, _: place.host.answer(link, number, 403, b"", b"no")
    with pytest.raises(InvalidStatus) as caught:
        await place.connect()
    assert caught.value.response.status_code == 403
    link, _, head = place.host.requests.popleft()
    link.tell(Bind(head.socket, hibernates=True, key=head.key))
    event = await place.event(place.host)
    assert (event.method, event.said.code, event.said.socket) == (b"close", 1006, head.socket)
    event.heed()
    await place.passed(place.host)
    assert not place.gateway._sockets._roster.by_key
    link.tell(Bind(head.socket, hibernates=False))
    await place.until(lambda: place.host.told_of(Closed))
    assert place.host.told_of(Closed)[0].code == 1006


async def test_an_accepted_client_that_is_answered_otherwise_is_an_end(place):
    """First bound, then refused: the same."""

    def refuse(link, number, head):
        link.tell(Bind(head.socket, hibernates=True, key=head.key))
        place.host.answer(link, number, 500)

    place.host.accept = refuse
    with pytest.raises(InvalidStatus):
        await place.connect()
    assert (await place.event(place.host)).said.code == 1006
    assert len(place.gateway._sockets) == 0


async def test_a_client_that_leaves_while_it_waits(place):
    """The object that accepts it later gets the one close event."""
    _, writer = await raw(place)
    link, number, head = await asked(place, asyncio.Future())
    assert len(place.gateway._sockets) == 1
    writer.write_eof()
    await place.until(lambda: len(place.gateway._sockets) == 0)
    place.host.hold(link, number, head)
    event = await place.event(place.host)
    assert (event.method, event.said.code) == (b"close", 1006)
    writer.close()


async def test_a_relayed_101_may_come_before_the_socket_is_bound(places):
    """Links of different hosts keep no order among each other."""
    place = await places(seats=2)
    relay, owner = place.seat(1, 1), place.seat(2, 2)
    place.host = relay
    relay_or_owner = {1: relay, 2: owner}
    connecting = asyncio.create_task(place.connect())
    await place.until(lambda: relay.requests or owner.requests)
    asked_of = relay if relay.requests else owner
    other = next(each for each in relay_or_owner.values() if each is not asked_of)
    link, number, head = asked_of.requests.popleft()
    asked_of.answer(link, number, 101)
    await place.passed(asked_of)
    assert not connecting.done()
    await place.until(lambda: other.links and other.link.up)
    other.tell(Post((head.socket,), b"before anybody is bound", True))
    other.tell(Bind(head.socket, hibernates=False))
    client = await connecting
    assert await client.recv() == "before anybody is bound"
    await client.send("x")
    await place.until(lambda: other.told_of(Message))


async def test_a_101_that_nobody_stands_behind_is_an_error(place):
    """The host that accepted the client is gone before it could say so."""
    connecting = asyncio.create_task(place.connect())
    link, number, _ = await asked(place, connecting)
    place.host.answer(link, number, 101)
    await place.passed(place.host)
    place.tick(12)
    with pytest.raises(InvalidStatus) as caught:
        await connecting
    assert caught.value.response.status_code == 500


async def test_what_is_said_before_the_handshake_is_complete_comes_behind_it(place):
    """Messages and the close, in their order."""
    connecting = asyncio.create_task(place.connect())
    link, number, head = await asked(place, connecting)
    link.tell(Bind(head.socket, hibernates=True, key=head.key))
    link.tell(Post((head.socket,), b"1", True))
    link.tell(Broadcast(head.key, None, (), b"2", True))
    link.tell(CloseSocket(head.socket, 4000, "3"))
    place.host.answer(link, number, 101)
    client = await connecting
    assert [message async for message in _until_closed(client)] == ["1", "2"]
    assert client.close_code == 4000


async def _until_closed(client):
    while True:
        try:
            yield await client.recv()
        except ConnectionClosed:
            return


async def test_too_much_before_the_handshake_is_an_error(place):
    """Bounded at 1 MiB: the client gets an error, the object an error event."""
    connecting = asyncio.create_task(place.connect())
    link, _, head = await asked(place, connecting)
    link.tell(Bind(head.socket, hibernates=True, key=head.key))
    for _ in range(3):
        link.tell(Post((head.socket,), bytes(400_000), False))
    with pytest.raises(InvalidStatus) as caught:
        await connecting
    assert caught.value.response.status_code == 500
    event = await place.event(place.host)
    assert event.method == b"error"
    assert "1 MiB" in event.said.error


async def test_a_handshake_that_is_lost_is_503(place):
    """As any request whose host ends (D3)."""
    connecting = asyncio.create_task(place.connect())
    link, _, head = await asked(place, connecting)
    link.tell(Bind(head.socket, hibernates=True, key=head.key))
    await place.passed(place.host)
    place.crash(1)
    with pytest.raises(InvalidStatus) as caught:
        await connecting
    assert caught.value.response.status_code == 503
    assert (await place.event(place.seat(2))).said.code == 1006


async def test_a_handshake_that_is_refused_goes_to_the_next_owner(place):
    """With the same number: it may be accepted there."""
    place.host.refusing = True
    connecting = asyncio.create_task(place.connect())
    await place.until(lambda: place.gateway._peers.parked)
    host = place.seat(2)
    host.accept = host.hold
    client = await connecting
    assert client.response.status_code == 101


async def test_compression_is_agreed_upon_when_it_is_on(places):
    """permessage-deflate without contexts: messages both ways, also by a broadcast."""
    place = await places(compression=True)
    host = place.host = place.seat(1)
    host.accept = host.hold
    client = await place.connect(compression="deflate")
    agreed = client.response.headers["Sec-WebSocket-Extensions"]
    assert "server_no_context_takeover" in agreed
    assert "client_no_context_takeover" in agreed
    plain = await place.connect(compression=None)
    key = host.requests[0][2].key
    for round_ in range(2):
        text = f"{round_} " + "x" * 5000
        await client.send(text)
        event = await place.event(host)
        assert event.data == text.encode()
        event.heed()
        host.tell(Broadcast(key, None, (), text.encode(), True))
        assert await client.recv() == await plain.recv() == text
    opened = host.told_of(Opened)
    assert [bool(each.extensions) for each in opened] == [True, False]


async def test_compression_is_off_by_default(place):
    """It costs time and memory for each message."""
    client = await place_connect(place, compression="deflate")
    assert "Sec-WebSocket-Extensions" not in client.response.headers


async def test_a_page_of_another_origin_is_refused(places):
    """websockets.origins lists those that are let in."""
    place = await places(origins=("https://good.example",))
    place.host = place.seat(1)
    place.host.accept = place.host.hold
    await place.connect(origin="https://good.example")
    for origin in ("https://bad.example", None):
        with pytest.raises(InvalidStatus) as caught:
            await place.connect(origin=origin)
        assert caught.value.response.status_code == 403


async def test_a_reset_of_the_handshake_is_an_error(place):
    """The host says that it could not answer."""
    connecting = asyncio.create_task(place.connect())
    link, number, _ = await asked(place, connecting)
    link.write(5, 0, ResetCode.FAILED, number, b"")
    with pytest.raises(InvalidStatus) as caught:
        await connecting
    assert caught.value.response.status_code == 500
    assert len(place.gateway._sockets) == 0

"""What a client may not do, and how long it may take: nothing waits for ever, nothing grows (W5)."""

from __future__ import annotations

import asyncio
import struct
import sys

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from sourdough.wire.sockets import Closed, CloseSocket, Post

from .test_socket_handshakes import ASK, raw


async def code_of(client):
    """Return the code that the server closes a client with."""
    with pytest.raises(ConnectionClosed) as caught:
        await client.recv()
    return caught.value.rcvd.code


async def raw_held(place):
    """Open a socket whose client the test plays byte by byte."""
    place.host.accept = place.host.hold
    reader, writer = await raw(place)
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer, place.host.requests.pop()[2].socket


def masked(opcode, data, **flags):
    return Frame(opcode, data, **flags).serialize(mask=True)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (masked(Opcode.TEXT, b"\xff\xfe"), 1007),
        (masked(Opcode.CLOSE, b"\x03\xe8\xff"), 1007),
        (Frame(Opcode.TEXT, b"not masked").serialize(mask=False), 1002),
        (masked(Opcode.CONT, b"x"), 1002),
        (masked(Opcode.CLOSE, b"\x00\x01"), 1002),
        (bytes((0xC1, 0x80, 0, 0, 0, 0)), 1002),
        (masked(Opcode.BINARY, bytes(1001)), 1009),
        (masked(Opcode.BINARY, bytes(600), fin=False) + masked(Opcode.CONT, bytes(600)), 1009),
    ],
    ids=["utf-8", "reason", "mask", "continuation", "code", "reserved", "size", "fragments"],
)
async def test_what_the_rfc_forbids_is_an_error_event(places, data, code):
    """The client gets the code, the object one error event and no close event."""
    place = await places(message_bytes=1000)
    place.host = place.seat(1)
    reader, writer, _ = await raw_held(place)
    writer.write(masked(Opcode.TEXT, b"before") + data + masked(Opcode.TEXT, b"behind"))
    event = await place.event(place.host)
    assert event.data == b"before"
    event.heed()
    event = await place.event(place.host)
    assert (event.method, event.said.clean) == (b"error", False)
    assert event.said.error
    event.heed()
    head = await reader.readexactly(4)
    assert (head[0], struct.unpack("!H", head[2:])[0]) == (0x88, code)
    writer.close()
    await place.until(lambda: not place.gateway._edge.connections)
    await place.passed(place.host)
    assert not place.host.events


async def test_a_client_may_close_in_the_middle_of_a_message(place):
    """An orderly close (RFC 6455 5.4): what had come of the message is forgotten."""
    reader, writer, _ = await raw_held(place)
    writer.write(masked(Opcode.TEXT, b"x", fin=False) + masked(Opcode.CLOSE, b"\x03\xe8"))
    event = await place.event(place.host)
    assert (event.method, event.said.code, event.said.clean) == (b"close", 1000, True)
    assert await reader.read() == b"\x88\x02\x03\xe8"
    writer.close()


async def test_fragments_take_no_more_room_than_what_is_in_them(place):
    """A client that sends a message in the smallest pieces costs nothing more."""
    _, writer, number = await raw_held(place)
    await place.until(lambda: place.gateway._sockets._roster.by_number[number].connection)
    connection = place.gateway._sockets._roster.by_number[number].connection
    writer.write(masked(Opcode.TEXT, b"", fin=False) + 1000 * masked(Opcode.CONT, b"xy", fin=False))
    await place.until(lambda: connection._parts is not None and len(connection._parts) == 2000)
    assert sys.getsizeof(connection._parts) < 4000
    writer.write(masked(Opcode.CONT, b"z"))
    event = await place.event(place.host)
    assert event.data == b"xy" * 1000 + b"z"
    writer.close()


async def test_a_plain_socket_hears_of_an_error_too(place):
    """In the one message of its end."""
    client, number = await place.plain()
    client.transport.write(masked(Opcode.TEXT, b"\xff"))
    await place.until(lambda: place.host.told_of(Closed))
    (closed,) = place.host.told_of(Closed)
    assert (closed.socket, closed.code) == (number, 1007)
    assert "UTF-8" in closed.error


async def test_a_client_that_sends_faster_than_the_object_heeds_is_not_read(place):
    """At most some messages wait in the gateway; the others in the client's own buffers."""
    client, number, _ = await place.held()
    await client.send("0")
    first = await place.event(place.host)
    connection = place.gateway._sockets._roster.by_number[number].connection
    for count in range(20):
        await client.send(str(count))
    await place.until(lambda: not connection._reading)
    place.host.heeding = True
    first.heed()
    await place.until(lambda: len(place.host.events) == 20)
    assert [int(event.data) for event in place.host.events] == list(range(20))
    assert connection._reading
    assert place.gateway._sockets._courier.kept == 0


async def test_too_much_for_the_gateway_closes_the_socket_that_exceeds_it(places):
    """Others keep what they have; the object hears of the end behind what was kept."""
    place = await places(parked_bytes=100_000)
    place.host = place.seat(1)
    one, first, _ = await place.held()
    two, second, _ = await place.held()
    await one.send(bytes(90_000))
    kept = await place.event(place.host)
    await two.send(bytes(20_000))
    assert await code_of(two) == 1013
    event = await place.event(place.host)
    assert (event.said.socket, event.method, event.said.code) == (second, b"close", 1013)
    kept.heed()
    await one.send("1")
    event = await place.event(place.host)
    assert (event.said.socket, event.data) == (first, b"1")


async def test_a_client_that_does_not_read_is_dropped(places):
    """Above websockets.buffer_bytes; what others get does not wait for it."""
    place = await places(buffer_bytes=64 * 1024)
    place.host = place.seat(1)
    reader, writer, number = await raw_held(place)
    writer.transport.pause_reading()
    other, second, _ = await place.held()
    sent = 0
    while not place.host.events:
        place.host.tell(Post((number, second), bytes(1 << 20), False))
        await other.recv()
        sent += 1
        assert sent < 100
    event = place.host.events.popleft()
    assert (event.method, event.said.code, event.said.socket) == (b"close", 1013, number)
    event.heed()
    place.tick(5)
    await place.until(lambda: len(place.gateway._edge.connections) == 1)
    writer.close()
    assert await place.passed(place.host) is None
    assert not place.host.events
    assert reader


async def test_a_silent_client_is_pinged_and_then_dropped(place):
    """Every byte counts as a sign of life, the pong as well."""
    reader, writer, _ = await raw_held(place)
    place.tick(62)
    assert await reader.readexactly(2) == b"\x89\x00"
    writer.write(masked(Opcode.PONG, b""))
    connection = next(iter(place.gateway._edge.connections))
    await place.until(lambda: connection._wait_kind is place.gateway._sockets._waits.quiet)
    place.tick(62)
    assert await reader.readexactly(2) == b"\x89\x00"
    place.tick(22)
    assert await reader.read() == b""
    event = await place.event(place.host)
    assert (event.said.code, event.said.clean) == (1006, False)
    writer.close()


async def test_a_client_that_does_not_answer_a_close_is_dropped(place):
    """After 10 seconds; the end is not a clean one."""
    reader, writer, number = await raw_held(place)
    place.host.tell(CloseSocket(number, 4000, "go"))
    assert await reader.readexactly(6) == b"\x88\x04" + struct.pack("!H", 4000) + b"go"
    place.tick(12)
    event = await place.event(place.host)
    assert (event.said.code, event.said.clean) == (1006, False)
    writer.close()


async def test_messages_behind_the_objects_close_still_arrive(place):
    """Until the client has closed too, as in a half-closed conversation."""
    reader, writer, number = await raw_held(place)
    place.host.heeding = True
    place.host.tell(CloseSocket(number, 1000, ""))
    await reader.readexactly(4)
    writer.write(masked(Opcode.TEXT, b"last") + masked(Opcode.CLOSE, b"\x03\xe8"))
    assert (await place.event(place.host)).data == b"last"
    assert (await place.event(place.host)).said.clean
    writer.close()


async def test_a_stop_says_1001_and_waits_for_the_ends_to_be_told(place):
    """Drained: the clients are gone, and the objects know it."""
    place.host.heeding = True
    client, _, _ = await place.held()
    plain, _ = await place.plain()
    draining = asyncio.create_task(place.drain())
    assert await code_of(client) == 1001
    assert await code_of(plain) == 1001
    await draining
    assert [event.method for event in place.host.events] == [b"close"]
    assert len(place.host.told_of(Closed)) == 1
    assert place.said[-1].clean


async def test_a_stop_does_not_wait_for_ever(place):
    """A client that says nothing, an object that heeds nothing: the time is over."""
    _, writer, _ = await raw_held(place)
    await place.drain(0.05)
    assert not place.said[-1].clean
    writer.close()


async def test_a_handshake_under_way_ends_with_the_stop(place):
    """It is completed, and closed at once."""
    reader, writer = await raw(place, ASK)
    await place.until(lambda: place.host.requests)
    place.host.heeding = True
    draining = asyncio.create_task(place.drain())
    await place.until(lambda: place.gateway._edge.draining)
    place.host.hold(*place.host.requests.pop())
    await reader.readuntil(b"\r\n\r\n")
    assert (await reader.readexactly(4))[2:] == struct.pack("!H", 1001)
    writer.write(masked(Opcode.CLOSE, b"\x03\xe9"))
    await draining
    writer.close()


async def test_the_heartbeat_counts_sockets(place):
    """And the limit of connections counts them too."""
    await place.held()
    await place.plain()
    place.said.clear()
    place.gateway._timer.cancel()
    place.gateway._tick()
    await place.until(lambda: place.said)
    assert (place.said[0].sockets, place.said[0].connections) == (2, 2)


async def test_a_client_that_floods_behind_the_objects_close_waits_too(place):
    """The close handshake does not lift the bound, and keeps its own."""
    reader, writer, number = await raw_held(place)
    connection = place.gateway._sockets._roster.by_number[number].connection
    place.host.tell(CloseSocket(number, 1000, ""))
    await reader.readexactly(4)
    writer.write(masked(Opcode.TEXT, b"x") * 30)
    await place.until(lambda: not connection._reading)
    place.tick(12)
    await place.until(lambda: not place.gateway._edge.connections)
    place.host.heeding = True
    (await place.event(place.host)).heed()
    await place.until(lambda: place.host.events and place.host.events[-1].method == b"close")
    assert place.host.events[-1].said.code == 1006
    writer.close()

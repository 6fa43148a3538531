"""Hibernating sockets: a client, a gateway, and the hosts that own the object (W1-W5)."""

from __future__ import annotations

from sourdough.wire.sockets import (
    Opened,
    Post,
)


async def opened(place, name="a", host=None, **options):
    """Open a socket that an object holds; return it with its number."""
    host = host or place.host
    host.accept = host.hold
    client = await place.connect(name, **options)
    head = host.requests.pop()[2]
    return client, head.socket, head.key


async def test_a_client_and_an_object_speak(place):
    """Handshake, messages both ways, the close handshake begun by the client."""
    client, number, _ = await opened(place)
    await client.send("hello")
    event = await place.event(place.host)
    assert (event.method, event.data, event.said.text) == (b"message", b"hello", True)
    assert event.said.socket == number
    event.heed()
    place.host.tell(Post((number,), b"\x00\x01", False))
    place.host.tell(Post((number,), "é".encode(), True))
    assert await client.recv() == b"\x00\x01"
    assert await client.recv() == "é"
    await client.close(4000, "bye")
    event = await place.event(place.host)
    assert (event.method, event.said.code, event.said.reason) == (b"close", 4000, "bye")
    assert event.said.clean
    assert place.host.told_of(Opened)[0].socket == number


async def test_one_event_of_a_socket_is_under_way(place):
    """The next message goes when the last one is acknowledged; other sockets do not wait."""
    client, number, _ = await opened(place)
    other, _, _ = await opened(place)
    await client.send("1")
    await client.send("2")
    await client.close()
    first = await place.event(place.host)
    await other.send("x")
    beside = await place.event(place.host)
    assert (first.data, beside.data) == (b"1", b"x")
    await place.passed(place.host)
    assert not place.host.events
    first.heed()
    second = await place.event(place.host)
    assert second.data == b"2"
    second.heed()
    assert (await place.event(place.host)).method == b"close"

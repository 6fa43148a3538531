"""Sockets that do not hibernate: bound to the host that accepted them (W2)."""

from __future__ import annotations

import pytest
from websockets.exceptions import ConnectionClosed

from sourdough.wire.sockets import Closed, CloseSocket, Message, Opened, Post, Taken


async def test_a_client_and_a_host_speak(place):
    """Messages both ways, and the end."""
    client, number = await place.plain()
    await client.send("1")
    await client.send(b"2")
    place.host.tell(Post((number,), b"x", True))
    assert await client.recv() == "x"
    await client.close(1000, "bye")
    await place.until(lambda: place.host.told_of(Closed))
    assert [each for each in place.host.told if not isinstance(each, Opened)][1:] == [
        Message(number, b"1", True),
        Message(number, b"2", False),
        Closed(number, 1000, "bye", True),
    ]
    assert place.host.told_of(Opened) == [Opened(number, "", "")]
    assert not place.gateway._sockets._roster.by_link


async def test_it_ends_with_its_host(place):
    """The client is told to come again."""
    client, _ = await place.plain()
    place.crash(1)
    with pytest.raises(ConnectionClosed):
        await client.recv()
    assert client.close_code == 1012


async def test_a_host_closes_it(place):
    """The end is what the client answers."""
    client, number = await place.plain()
    place.host.tell(CloseSocket(number))
    with pytest.raises(ConnectionClosed):
        await client.recv()
    assert client.close_code == 1005
    await place.until(lambda: place.host.told_of(Closed))
    assert place.host.told_of(Closed) == [Closed(number, 1005, "", True)]


async def test_a_reader_that_takes_nothing_stops_the_client(place):
    """Only what was read already is on its way; what is taken makes room."""
    client, number = await place.plain()
    data = bytes(100_000)
    for _ in range(3):
        await client.send(data)
    await place.until(lambda: len(place.host.told_of(Message)) == 3)
    connection = place.gateway._sockets._roster.by_number[number].connection
    assert not connection._reading
    await client.send(b"more")
    place.host.tell(Taken(number, 3))
    await place.until(lambda: len(place.host.told_of(Message)) == 4)
    assert connection._reading

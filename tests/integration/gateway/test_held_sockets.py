"""Hibernating sockets: a client, a gateway, and the hosts that own the object (W1-W5)."""

from __future__ import annotations

import pytest
from websockets.exceptions import ConnectionClosed

from sourdough.wire.frames import ResetCode
from sourdough.wire.sockets import (
    AnsweredBySelf,
    Attach,
    Broadcast,
    CloseAll,
    CloseSocket,
    Doubt,
    Mirror,
    Opened,
    Post,
    Reported,
    Settings,
)


async def closed(client):
    """Return code and reason that the client is closed with."""
    with pytest.raises(ConnectionClosed) as caught:
        await client.recv()
    received = caught.value.rcvd
    return received.code, received.reason


async def test_a_client_and_an_object_speak(place):
    """Handshake, messages both ways, the close handshake begun by the client."""
    client, number, _ = await place.held()
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
    client, _, _ = await place.held()
    other, _, _ = await place.held()
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


async def test_a_large_message_comes_in_pieces(place):
    """What is larger than a frame of the link flows under credit, both ways."""
    data = bytes(range(256)) * 4000
    client, number, _ = await place.held()
    await client.send(data)
    event = await place.event(place.host)
    assert event.data == data
    event.heed()
    place.host.tell(Post((number,), data, False))
    assert await client.recv() == data


async def test_fragments_and_pings_are_of_no_concern_to_the_object(place):
    """A message in fragments is one message; a ping is answered by the gateway."""
    client, _, _ = await place.held()
    await client.send(["a", "b", "", "c"])
    pong = await client.ping()
    await pong
    event = await place.event(place.host)
    assert (event.data, event.said.text) == (b"abc", True)


async def test_a_dropped_client_is_a_close_with_1006(place):
    """Without a Close frame (semantics 7.10)."""
    client, _, _ = await place.held()
    client.transport.abort()
    event = await place.event(place.host)
    assert (event.method, event.said.code, event.said.clean) == (b"close", 1006, False)
    assert event.said.reason == "WebSocket disconnected without sending Close frame."


async def test_an_object_closes_and_hears_of_the_end(place):
    """Every code that an object may give; the end is what the client answers."""
    client, number, _ = await place.held()
    place.host.tell(CloseSocket(number, 2500, "enough"))
    await place.until(lambda: place.host.events)
    event = place.host.events.popleft()
    assert event.method == b"close"
    client, number, _ = await place.held()
    place.host.tell(CloseSocket(number, 4001, "enough"))
    place.host.tell(Post((number,), b"behind the close", True))
    assert await closed(client) == (4001, "enough")
    event = await place.event(place.host)
    assert (event.said.code, event.said.reason, event.said.clean) == (4001, "enough", True)


async def test_a_broadcast_reaches_those_who_are_meant(place):
    """All of an object, those with a tag, without those that are left out."""
    host = place.host
    one, first, key = await place.held(tags=("red",))
    two, second, _ = await place.held(tags=("red", "blue"))
    other, elsewhere, _ = await place.held("b")
    host.tell(Broadcast(key, None, (), b"all", True))
    host.tell(Broadcast(key, "blue", (), b"blue", True))
    host.tell(Broadcast(key, "red", (second,), b"red", True))
    host.tell(Post((first, second, elsewhere), b"end", True))
    assert [await one.recv(), await one.recv(), await one.recv()] == ["all", "red", "end"]
    assert [await two.recv(), await two.recv(), await two.recv()] == ["all", "blue", "end"]
    assert await other.recv() == "end"


async def test_what_is_parked_goes_to_the_next_owner(place):
    """A message of a client whose object's seat is vacant waits (D1)."""
    client, number, _ = await place.held()
    place.crash(1)
    await client.send("1")
    await client.send("2")
    host = place.seat(2)
    event = await place.event(host)
    assert event.data == b"1"
    (mirror,) = host.told_of(Mirror)
    assert [held.socket for held in mirror.sockets] == [number]
    assert mirror.sockets[0].doubt is None
    event.heed()
    assert (await place.event(host)).data == b"2"


async def test_a_refused_event_goes_to_the_next_owner(place):
    """NOT_OWNER proves that it did not run."""
    client, _, _ = await place.held()
    place.host.refusing = True
    await client.send("1")
    host = place.seat(2)
    assert (await place.event(host)).data == b"1"


async def test_the_message_of_a_crash_is_in_doubt(place):
    """It is not sent again; the next instance hears of it once (W3)."""
    client, number, key = await place.held()
    await client.send("1")
    await client.send("2")
    await place.event(place.host)
    place.crash(1)
    host = place.seat(2)
    event = await place.event(host)
    assert event.data == b"2"
    (mirror,) = host.told_of(Mirror)
    assert [(held.socket, held.doubt) for held in mirror.sockets] == [(number, Doubt(b"1", True))]
    host.tell(Reported(key))
    event.heed()
    await place.passed(host)
    place.crash(2)
    host = place.seat(3)
    await place.until(lambda: host.told_of(Mirror))
    assert host.told_of(Mirror)[0].sockets[0].doubt is None


async def test_an_end_is_told_once_also_over_a_crash(place):
    """Delivered and lost, it is not told again; the socket is forgotten."""
    client, _, _ = await place.held()
    await client.close()
    await place.event(place.host)
    place.crash(1)
    host = place.seat(2)
    await place.until(lambda: host.told_of(Mirror))
    await place.passed(host)
    assert host.told_of(Mirror)[0].sockets == ()
    assert not host.events


async def test_an_end_that_nobody_took_is_told_to_the_next_owner(place):
    """No host comes in time: the client is closed, and the object hears of that later."""
    client, _, _ = await place.held()
    place.crash(1)
    await client.send("1")
    await place.until(lambda: place.gateway._peers.parked)
    place.tick(40)
    assert (await closed(client))[0] == 1013
    place.tick(40)
    host = place.seat(2)
    event = await place.event(host)
    assert (event.method, event.said.code, event.data) == (b"close", 1013, b"")
    event.heed()
    await place.passed(host)
    assert not host.events


@pytest.mark.parametrize("code", [ResetCode.FAILED, ResetCode.OVERLOADED])
async def test_a_host_that_does_not_take_a_message(place, code):
    """A failure in the host is no reason to stop; one that is overloaded loses the client."""
    client, _, _ = await place.held()
    await client.send("1")
    event = await place.event(place.host)
    await client.send("2")
    event.reset(code)
    event = await place.event(place.host)
    if code == ResetCode.FAILED:
        assert event.data == b"2"
    else:
        assert (event.method, event.said.code) == (b"close", 1013)


async def test_a_reset_closes_all_sockets_of_the_object(place):
    """Its clients get the code, and it hears nothing more of them, also not what is under way."""
    client, _, key = await place.held()
    other, number, _ = await place.held("b")
    await client.send("1")
    event = await place.event(place.host)
    await client.send("2")
    place.host.tell(CloseAll(key, 1011, "the object was reset"))
    assert await closed(client) == (1011, "the object was reset")
    event.heed()
    place.host.tell(Post((number,), b"x", True))
    assert await other.recv() == "x"
    await place.passed(place.host)
    assert not place.host.events
    place.crash(1)
    host = place.seat(2)
    await place.until(lambda: host.told_of(Mirror))
    assert [held.socket for held in host.told_of(Mirror)[0].sockets] == [number]


async def test_the_gateway_answers_by_itself(place):
    """An exact text, not while the object has closed its side; the host hears when (7.6)."""
    host = place.host
    client, number, key = await place.held()
    host.tell(Settings(key, "ping", "pong"))
    await place.passed(host)
    await client.send("ping")
    assert await client.recv() == "pong"
    await client.send(b"ping")
    event = await place.event(host)
    assert event.data == b"ping"
    event.heed()
    assert host.told_of(AnsweredBySelf)[0].times == ((number, 1_700_000_000_000),)
    host.tell(Settings(key))
    await place.passed(host)
    await client.send("ping")
    assert (await place.event(host)).data == b"ping"


async def test_settings_told_before_the_first_socket_hold(place):
    """Hosts tell them just before the socket is bound."""
    _, _, key = await place.held()
    place.host.tell(CloseAll(key, 1011, ""))
    place.host.tell(Settings(key, "a", "b"))
    client, _, _ = await place.held()
    await client.send("a")
    assert await client.recv() == "b"


async def test_a_mirror_says_everything(place):
    """Tags, attachment, order, settings, whether the object closed, when it was answered."""
    host = place.host
    one, first, key = await place.held(tags=("x",))
    _, second, _ = await place.held()
    host.tell(Settings(key, "a", "b", 5000))
    host.tell(Attach(first, b"note"))
    await place.passed(host)
    await one.send("a")
    await one.recv()
    one.transport.pause_reading()
    host.tell(CloseSocket(first, 1000, ""))
    await place.passed(host)
    place.crash(1)
    host = place.seat(2)
    await place.until(lambda: host.told_of(Mirror))
    (mirror,) = host.told_of(Mirror)
    held = {each.socket: each for each in mirror.sockets}
    assert mirror.settings == (Settings(key, "a", "b", 5000),)
    assert (held[first].tags, held[first].attachment, held[first].closing) == (
        ("x",),
        b"note",
        True,
    )
    assert held[first].answered == 1_700_000_000_000
    assert (held[first].name, held[first].url, held[second].closing) == (b"a", "u", False)
    assert held[first].accepted < held[second].accepted
    assert mirror.end


async def test_a_mirror_holds_only_what_is_in_the_seat(places):
    """Each host hears of its own objects."""
    place = await places(seats=2)
    hosts = {1: place.seat(1, 1), 2: place.seat(2, 2)}
    numbers = {1: set(), 2: set()}
    for name in "abcdefgh":
        for host in hosts.values():
            host.accept = host.hold
        await place.connect(name)
        for seat, host in hosts.items():
            numbers[seat] |= {head.socket for _, _, head in host.requests}
            host.requests.clear()
    assert all(numbers.values())
    for seat in (1, 2):
        place.crash(seat)
        host = place.seat(seat + 10, seat)
        await place.until(lambda host=host: host.told_of(Mirror))
        assert {held.socket for held in host.told_of(Mirror)[0].sockets} == numbers[seat]

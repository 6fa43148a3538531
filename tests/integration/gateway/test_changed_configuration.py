"""What a reload brings holds for the next client, and for what waits from then on."""

from __future__ import annotations

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from sourdough.config.limits import Limits

from .test_socket_handshakes import raw


async def test_origins(place):
    """Pages of others are refused from now on; who is there stays."""
    client, _, _ = await place.held()
    place.configure(origins=("https://good.example",))
    with pytest.raises(InvalidStatus, match="403"):
        await place.connect("b", origin="https://bad.example")
    await client.send("still here")
    assert (await place.event(place.host)).data == b"still here"


async def test_compression_and_sizes_of_new_sockets(place):
    """An open socket keeps what was agreed with its client."""
    old, _, _ = await place.held()
    place.configure(message_bytes=10, compression=True)
    new = await place.connect("b", compression="deflate")
    assert [each.name for each in new.protocol.extensions] == ["permessage-deflate"]
    await new.send("x" * 11)
    with pytest.raises(ConnectionClosed) as caught:
        await new.recv()
    assert caught.value.rcvd.code == 1009
    await old.send("x" * 11)
    await place.until(lambda: any(each.data == b"x" * 11 for each in place.host.events))


async def test_how_long_a_client_may_say_nothing(place):
    """Also one that was there before: it is asked sooner."""
    place.host.accept = place.host.hold
    reader, writer = await raw(place)
    await reader.readuntil(b"\r\n\r\n")
    place.configure(idle_timeout=5)
    place.tick(7)
    assert (await reader.readexactly(2))[0] == 0x89
    writer.close()


async def test_what_may_wait_for_objects(place):
    """A message that cannot be kept closes with 1013."""
    client, _, _ = await place.held()
    place.configure(parked_bytes=64 * 1024)
    place.host.heeding = False
    await client.send("x" * 65_537)
    with pytest.raises(ConnectionClosed) as caught:
        await client.recv()
    assert caught.value.rcvd.code == 1013


async def test_limits_of_requests(place):
    """The edge and what is parked at the gateway are bounded by the new ones."""
    place.configure(limits=Limits(url_bytes=100, parked_requests=7, park_timeout=3.0))
    with pytest.raises(InvalidStatus, match="414"):
        await place.connect("b" * 200)
    assert place.gateway._peers._parked_limit == 7
    assert place.gateway._peers._park_seconds == 3.0

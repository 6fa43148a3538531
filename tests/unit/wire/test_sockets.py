"""Messages about WebSockets: any message comes back, cut into pieces or mixed with others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sourdough.errors import WireError
from sourdough.wire.frames import END
from sourdough.wire.sockets import (
    Attach,
    Barrier,
    Bind,
    Broadcast,
    Closed,
    CloseSocket,
    FromGateway,
    FromHost,
    Held,
    Message,
    Mirror,
    Post,
    Settings,
    SocketEvent,
    SocketReader,
    pieces,
    socket_number,
)

MESSAGES = [
    Bind(socket_number(3, 1), True, b"Room" + bytes(32), b"lobby", ("a", "b"), b"\x00x", "/ws"),
    Post((1, 2), b"hello", True),
    Broadcast(b"Room" + bytes(32), None, (7,), b"\xff" * 700_000, False),
    CloseSocket(5, 1000, "bye"),
    Attach(5, None),
    Barrier(9),
    Mirror((Held(5, b"Room" + bytes(32), None, ("t",), b"\x00"),), (Settings(b"k", "a", "b", 5),)),
    Message(5, b"\x01", False),
    Closed(5, 1006, "", False, "no reason"),
]


@given(order=st.permutations(range(len(MESSAGES))), data=st.data())
def test_messages_of_one_link_may_be_mixed(order, data):
    """Pieces of several messages arrive in any mixture; each is put together from its own."""
    reader = SocketReader(FromHost | FromGateway)
    waiting = {number: list(pieces(MESSAGES[number])) for number in order}
    found = {}
    while waiting:
        number = data.draw(st.sampled_from(sorted(waiting)))
        flags, piece = waiting[number].pop(0)
        message = reader.receive(flags, number, bytes(piece))
        if message is not None:
            found[number] = message
            del waiting[number]
    assert found == dict(enumerate(MESSAGES))


def test_a_large_message_is_cut():
    """Frames stay far below the limit, so that others go in between."""
    sizes = [len(piece) for _, piece in pieces(Post((1,), bytes(1_000_000), False))]
    assert max(sizes) <= 256 * 1024
    assert sum(sizes) > 1_000_000


@pytest.mark.parametrize("payload", [b"", b"\xc1", b"\x91\xa4Nope", b"\x92\xa4Post\x01"])
def test_nonsense_is_refused(payload):
    """The peer's fault is a WireError, nothing else."""
    with pytest.raises(WireError):
        SocketReader(FromHost | FromGateway).receive(END, 1, payload)


def test_an_event_comes_back():
    """The target of an event's head says what happened."""
    event = SocketEvent(7, True, 1001, "going", True, "")
    assert SocketEvent.decode(event.encode()) == event
    with pytest.raises(WireError):
        SocketEvent.decode(b"\x00")

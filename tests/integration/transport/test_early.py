"""A busy turn of the loop does not keep everything to its end."""

from __future__ import annotations

import asyncio
import socket

import msgspec
import pytest

from sourdough.transport.link import Hello, Link
from sourdough.transport.stream import Stream
from sourdough.wire.frames import PROTOCOL_VERSION, FrameReader, Type, encode


@pytest.fixture
async def link():
    """A link that is up, and the socket at its other end."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    up = asyncio.Event()
    loop = asyncio.get_running_loop()
    hello = Hello(role="gateway", serial=1)
    made = Link(loop=loop, hello=hello, on_up=lambda _: up.set(), on_down=lambda _: None)
    await loop.create_unix_connection(lambda: made, sock=ours)
    answer = msgspec.msgpack.encode(Hello(role="host", serial=2))
    await loop.sock_sendall(theirs, encode(Type.HELLO, 0, PROTOCOL_VERSION, 0, answer))
    await up.wait()
    await loop.sock_recv(theirs, 65536)
    yield made, theirs
    made.drop()
    theirs.close()


async def test_many_frames_of_one_turn_leave_before_its_end(link):
    """The other side begins with the first of them while the rest is still being written."""
    made, theirs = link
    for _ in range(6):
        made.open(Stream(), b"head", end=True)
    frames = FrameReader().receive(theirs.recv(65536))
    assert [number for _, _, _, number, _ in frames] == [1, 2, 3, 4]
    await asyncio.sleep(0)
    rest = await asyncio.get_running_loop().sock_recv(theirs, 65536)
    assert [frame[3] for frame in FrameReader().receive(rest)] == [5, 6]


async def test_a_full_socket_keeps_the_order(link):
    """What the socket does not take goes through the transport, and nothing overtakes it."""
    made, theirs = link
    loop = asyncio.get_running_loop()
    sent = [bytes([number % 256]) * 50_000 for number in range(40)]
    for payload in sent:
        made.open(Stream(), payload, end=True)
    reader, got = FrameReader(), []
    while len(got) < len(sent):
        got += [frame[4] for frame in reader.receive(await loop.sock_recv(theirs, 65536))]
    assert got == sent

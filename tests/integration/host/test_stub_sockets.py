"""A WebSocket that code opens to an object itself: to one of this host, and of another."""

from __future__ import annotations

import asyncio

import pytest

from sourdough.errors import WebSocketClosedError
from sourdough.http import Request

from .rooms import Thing

UPGRADE = {"upgrade": "websocket", "connection": "upgrade"}


@pytest.fixture(autouse=True)
def fresh():
    Thing.log, Thing.go = [], asyncio.Event()


@pytest.fixture(params=[1, 2], ids=["here", "elsewhere"])
async def opened(cluster, request):
    """Open sockets from the host of seat 1 to an object on seat 1 or 2."""
    made = cluster(Thing)
    name = made.name(seat=request.param)

    async def open_(path):
        response = await made.stub(name, seat=1).fetch(Request(path, headers=UPGRADE))
        assert response.status == 101
        response.web_socket.accept()
        return response.web_socket

    open_.made, open_.seat = made, request.param
    return open_


async def test_messages_go_both_ways(opened):
    """With the listeners of a plain end."""
    socket = await opened("/plain")
    socket.send("one")
    socket.send("zwei")
    assert [await socket.receive(), await socket.receive()] == ["echo one", "echo zwei"]
    socket.close(4000, "bye")
    end = await socket.wait_closed()
    assert (end.code, end.reason) == (4000, "bye")
    await opened.made.until(lambda: Thing.log)
    assert Thing.log == [4000]


async def test_an_end_that_hibernates(opened):
    """With the handlers of the class; a message above what a frame of the link holds."""
    socket = await opened("/held")
    assert await socket.receive() == "welcome"
    socket.send(b"x" * 3_000_000)
    assert await socket.receive() == "bytes 3000000"
    socket.close(4001)
    await opened.made.until(lambda: Thing.log)
    assert Thing.log[0][:2] == (4001, True)


async def test_an_answer_without_a_socket(opened):
    """What asked for a socket and got an ordinary answer has none."""
    made, seat = opened.made, opened.seat
    stub = made.stub(made.name(seat=seat), seat=1)
    response = await stub.fetch(Request("/count", headers=UPGRADE))
    assert (response.status, response.web_socket, await response.text()) == (200, None, "0 0")


async def test_the_host_of_the_object_gives_its_seat_up(opened):
    """A socket that does not hibernate ends with its host, 1012; no drain waits for it (W2)."""
    socket = await opened("/plain")
    async with asyncio.timeout(5):
        await opened.made.release(opened.seat, deadline=5)
        with pytest.raises(WebSocketClosedError) as ended:
            await socket.receive()
    assert ended.value.code == 1012


async def test_the_caller_throws_its_end_away(opened):
    """The object hears of it as of a connection that broke."""
    socket = await opened("/plain")
    socket.send("one")
    assert await socket.receive() == "echo one"
    made, seat = opened.made, opened.seat
    response = await made.stub(made.name(seat=seat), seat=1).fetch(
        Request("/plain", headers=UPGRADE)
    )
    del response
    await made.until(lambda: Thing.log)
    assert len(Thing.log) == 1
    socket.send("two")
    assert await socket.receive() == "echo two"

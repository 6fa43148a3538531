"""Control channels: messages in order, both ways, over memory and over a socket pair."""

from __future__ import annotations

import asyncio
import socket

import pytest

from sourdough.transport.channel import MemoryChannel, SocketChannel
from sourdough.wire.messages import FromChild, HostGone, Ready, ToChild


class Ends:
    """The two ends of a channel, and what came out of them."""

    def __init__(self) -> None:
        self.coordinator = None
        self.child = None
        self.heard_by_child: list = []
        self.heard_by_coordinator: list = []
        self.closed: list[str] = []

    async def until(self, condition) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0)


@pytest.fixture(params=["memory", "socket"])
async def ends(request):
    """Both ends, listening."""
    made = Ends()
    to_child, to_coordinator = made.heard_by_child.append, made.heard_by_coordinator.append
    gone = (lambda: made.closed.append("child"), lambda: made.closed.append("coordinator"))
    if request.param == "memory":
        made.coordinator, made.child = MemoryChannel.pair(asyncio.get_running_loop())
        made.child.listen(to_child, gone[0])
        made.coordinator.listen(to_coordinator, gone[1])
    else:
        one, two = socket.socketpair()
        made.coordinator = await SocketChannel.open(one, FromChild, to_coordinator, gone[1])
        made.child = await SocketChannel.open(two, ToChild, to_child, gone[0])
    yield made
    made.coordinator.close()
    made.child.close()
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_messages_arrive_in_order(ends):
    """Both ways, as many as there are."""
    for number in range(100):
        ends.coordinator.send(HostGone(serial=number))
        ends.child.send(Ready(pid=number))
    await ends.until(lambda: len(ends.heard_by_child) == len(ends.heard_by_coordinator) == 100)
    assert [each.serial for each in ends.heard_by_child] == list(range(100))
    assert [each.pid for each in ends.heard_by_coordinator] == list(range(100))


async def test_the_other_end_hears_of_a_close(ends):
    """What is sent afterwards is lost without a fault."""
    ends.coordinator.close()
    await ends.until(lambda: "child" in ends.closed)
    ends.coordinator.send(HostGone(serial=1))
    ends.child.send(Ready(pid=1))
    await asyncio.sleep(0)
    assert ends.heard_by_child == ends.heard_by_coordinator == []


async def test_messages_that_come_before_anybody_listens_stay_in_order():
    """Early ones first, then those that were on their way (memory only)."""
    loop = asyncio.get_running_loop()
    one, two = MemoryChannel.pair(loop)
    heard: list[HostGone] = []
    one.send(HostGone(serial=0))
    await asyncio.sleep(0)
    loop.call_soon(two.listen, heard.append, lambda: None)
    one.send(HostGone(serial=1))
    for _ in range(3):
        await asyncio.sleep(0)
    one.send(HostGone(serial=2))
    for _ in range(3):
        await asyncio.sleep(0)
    assert [each.serial for each in heard] == [0, 1, 2]

"""Pairs of links over both kinds of connection: memory, and a real Unix socket."""

from __future__ import annotations

import asyncio

import pytest

from sourdough.transport import memory
from sourdough.transport.link import Hello, Link
from sourdough.transport.stream import Stream

from .hosts import World


class Talk(Stream):
    """A stream that writes down what arrives, and takes it when told."""

    def __init__(self, *, taking: bool = True) -> None:
        super().__init__()
        self.taking = taking
        self.head = None
        self.chunks: list[bytes] = []
        self.ended = asyncio.Event()
        self.reset_with = None
        self.lost = None
        self.writable = 0
        self.untaken = 0
        self.most_untaken = 0

    def on_head(self, flags, status, payload):
        self.head = (flags, status, payload)
        if flags & 1:
            self.ended.set()

    def on_body(self, chunk, end):
        self.chunks.append(bytes(chunk))
        self.untaken += len(chunk)
        self.most_untaken = max(self.most_untaken, self.untaken)
        if self.taking:
            self.take()
        if end:
            self.ended.set()

    def take(self):
        amount, self.untaken = self.untaken, 0
        if amount:
            self.consumed(amount)

    def on_reset(self, code, sentence):
        self.reset_with = (code, sentence)
        self.ended.set()

    def on_lost(self, delivered):
        self.lost = delivered
        self.ended.set()

    def on_writable(self):
        self.writable += 1

    @property
    def body(self):
        return b"".join(self.chunks)


class Pair:
    """Two links joined with each other; `near` opens streams, `far` answers them."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.ups: list[Link] = []
        self.downs: list[Link] = []
        self.accepted: list[Talk] = []
        self.payloads: list[bytes] = []
        self.make = Talk
        self.near = self._link("gateway")
        self.far = self._link("host", self._accept)

    def _link(self, role, accept=None) -> Link:
        return Link(
            loop=self.loop,
            hello=Hello(role=role, serial=1),
            on_up=self.ups.append,
            on_down=self.downs.append,
            accept=accept,
        )

    def _accept(self, link, number, flags, payload):
        stream = self.make()
        stream.link, stream.number = link, number
        self.accepted.append(stream)
        self.payloads.append(payload)
        return stream

    async def until(self, condition) -> None:
        """Let the loop turn until something holds; the test's own timeout bounds it."""
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0)

    async def up(self) -> Pair:
        await self.until(lambda: len(self.ups) == 2)
        return self

    async def opened(self, stream=None, payload=b"head", end=True):
        stream = stream or Talk()
        count = len(self.accepted)
        self.near.open(stream, payload, end)
        await self.until(lambda: len(self.accepted) > count)
        return stream, self.accepted[-1]


@pytest.fixture(params=["memory", "socket"])
async def joined(request, tmp_path):
    """A pair whose HELLOs are under way."""
    pair = Pair()
    loop = asyncio.get_running_loop()
    if request.param == "memory":
        memory.connect(loop, pair.near, pair.far)
        yield pair
    else:
        path = str(tmp_path / "link.sock")
        server = await loop.create_unix_server(lambda: pair.far, path)
        await loop.create_unix_connection(lambda: pair.near, path)
        yield pair
        server.close()
    pair.near.drop()
    pair.far.drop()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)


@pytest.fixture
async def pair(joined):
    """A pair that is up."""
    return await joined.up()


@pytest.fixture
async def world():
    """A world whose links are all dropped at the end."""
    made = World()
    yield made
    made.peers.close()
    for _ in range(30):  # let the links end
        await asyncio.sleep(0)

"""Hosts of memory, and the peers that send events to them."""

from __future__ import annotations

import asyncio

from sourdough.placement import seat_of
from sourdough.testing import FakeClock
from sourdough.transport import memory
from sourdough.transport.link import Hello, Link
from sourdough.transport.outgoing import Outgoing
from sourdough.transport.peers import Peers
from sourdough.wire.frames import END, ResetCode, Type
from sourdough.wire.messages import Leaving, SeatEntry, Table

SEATS = 2


def slot(seat: int, number: int = 0) -> int:
    """Return some slot of a seat."""
    return [each for each in range(4096) if seat_of(each, SEATS) == seat][number]


class Sent(Outgoing):
    """An event of the test."""

    def __init__(self, label: str, where: int) -> None:
        super().__init__(where, False)
        self.label = label
        self.encoded = 0
        self.answered = False
        self.failures: list[ResetCode] = []

    def encode(self) -> bytes:
        self.encoded += 1
        return f"{self.label} {self.epoch}".encode()

    def on_head(self, flags, status, payload):
        self.answered = True
        self.close()

    def on_failed(self, code, sentence):
        self.failures.append(code)


class InMemoryHost:
    """A host that notes what comes, and refuses while it is told to."""

    def __init__(self, loop, serial: int) -> None:
        self.loop = loop
        self.serial = serial
        self.got: list[str] = []
        self.links: list[Link] = []
        self.refusing = False
        self.answering = True
        self.waiting: list[tuple[Link, int]] = []

    def link(self) -> Link:
        link = Link(
            loop=self.loop,
            hello=Hello(role="host", serial=self.serial),
            on_up=lambda _: None,
            on_down=lambda _: None,
            accept=self.accept,
        )
        self.links.append(link)
        return link

    def accept(self, link, number, flags, payload):
        if self.refusing:
            link.write(Type.RESET, 0, ResetCode.NOT_OWNER, number, b"")
            return
        self.got.append(payload.decode())
        if self.answering:
            link.write(Type.HEAD, END, 200, number, b"")
        else:
            self.waiting.append((link, number))


class World:
    """Peers, and the hosts that they can reach."""

    def __init__(self, *, parked_limit: int = 100) -> None:
        self.loop = asyncio.get_running_loop()
        self.clock = FakeClock()
        self.hosts: dict[str, InMemoryHost] = {}
        self.connects = 0
        self.version = 0
        self.local: list[Outgoing] = []
        self.peers = self.make(parked_limit=parked_limit)

    def make(self, *, serial: int = 0, parked_limit: int = 100, local=None) -> Peers:
        return Peers(
            loop=self.loop,
            hello=Hello(role="gateway", serial=serial),
            clock=self.clock,
            connect=self.connect,
            parked_limit=parked_limit,
            park_seconds=30.0,
            local=local,
        )

    async def connect(self, path, factory):
        self.connects += 1
        host = self.hosts.get(path)
        if host is None:
            raise ConnectionRefusedError(path)
        protocol = factory()
        memory.connect(self.loop, protocol, host.link())
        return protocol

    def host(self, serial: int) -> InMemoryHost:
        host = self.hosts[f"h{serial}"] = InMemoryHost(self.loop, serial)
        return host

    def publish(
        self,
        entries: dict[int, tuple[int, int]],
        *,
        leaving: dict[int, tuple[int, int]] | None = None,
        peers: Peers | None = None,
    ) -> None:
        """Publish who sits where, and who leaves: seat -> (serial, epoch)."""
        self.version += 1
        left = tuple(
            Leaving(seat, epoch, serial, f"h{serial}", self.version)
            for seat, (serial, epoch) in (leaving or {}).items()
        )
        listed = tuple(
            SeatEntry(seat, epoch, serial, f"h{serial}")
            for seat, (serial, epoch) in entries.items()
        )
        table = Table(version=self.version, seats=SEATS, entries=listed, leaving=left)
        (peers or self.peers).publish(table)

    def send(self, label: str, where: int | None = None) -> Sent:
        event = Sent(label, slot(1) if where is None else where)
        self.peers.send(event)
        return event

    async def until(self, condition) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0)

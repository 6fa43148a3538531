"""Two hosts in one loop, joined by links of memory, that run classes of the test."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sourdough.config.model import Binding, Config, DurableObjects, Limits
from sourdough.config.packed import pack
from sourdough.host.loading import Loaded
from sourdough.host.runtime import HostRuntime
from sourdough.ids import IdFactory
from sourdough.observe.breadcrumb import Breadcrumb
from sourdough.placement import seat_of, slot_of
from sourdough.testing import FakeClock
from sourdough.transport import memory
from sourdough.transport.link import Hello
from sourdough.transport.outgoing import ENTRY, Outgoing
from sourdough.transport.peers import Peers
from sourdough.wire.frames import END
from sourdough.wire.heads import RequestHead, decode_answer
from sourdough.wire.messages import Assign, Gateways, Leaving, Release, SeatEntry, Setup, Table

APPLICATION, NAME = "app", "Thing"


class Told:
    """What a host says to its coordinator: the host's end of a control channel."""

    def __init__(self) -> None:
        self.messages: list = []

    def send(self, message) -> None:
        self.messages.append(message)

    def close(self) -> None: ...

    def last(self, kind):
        return next((each for each in reversed(self.messages) if isinstance(each, kind)), None)


class Client(Outgoing):
    """A request as a gateway sends it."""

    def __init__(self, head: RequestHead, *, body_follows: bool = False) -> None:
        slot = slot_of(head.key[-32:]) if head.key else ENTRY
        super().__init__(slot, body_follows)
        self.request = head
        self.status = None
        self.block = b""
        self.chunks: list[bytes] = []
        self.granted_bytes = 0
        self.failure = None
        self.ended = asyncio.Event()
        self.head_came = asyncio.Event()

    def encode(self) -> bytes:
        self.request.version, self.request.epoch = self.version, self.epoch
        return self.request.encode()

    def on_head(self, flags, status, payload):
        self.block, body, _ = decode_answer(payload)
        self.status = status
        self.head_came.set()
        if body:
            self.chunks.append(body)
        if flags & END:
            self.close()
            self.ended.set()

    def on_body(self, chunk, end):
        self.chunks.append(bytes(chunk))
        self.consumed(len(chunk))
        if end:
            self.close()
            self.ended.set()

    def on_granted(self, amount):
        self.granted_bytes += amount

    def on_failed(self, code, sentence):
        self.failure = code
        self.ended.set()

    async def answer(self) -> tuple[int, bytes]:
        await asyncio.wait_for(self.ended.wait(), 10)
        return self.status, b"".join(self.chunks)


class Cluster:
    """Hosts 1..n on seats 1..n, and a gateway's peers."""

    def __init__(
        self,
        folder,
        cls: type,
        *,
        entrypoint=None,
        hosts: int = 2,
        limits=None,
        gateways: tuple[int, ...] = (),
        keeps_sockets: bool = False,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.ids = IdFactory(APPLICATION, NAME)
        self.hosts: dict[str, HostRuntime] = {}
        self.told: dict[str, Told] = {}
        self.version = 0
        self.seats = hosts
        self.clock = FakeClock()
        self.entries: dict[int, SeatEntry] = {}
        self.leaving: dict[int, Leaving] = {}
        self.gateways: list = []
        """Scripted ones (`gateways.Gateway`), besides `peers`."""
        binding = Binding(
            name="THING",
            class_name="Thing",
            module="thing",
            sockets_on_reset="keep" if keeps_sockets else "close",
        )
        self.config = Config(
            name=APPLICATION,
            main="main" if entrypoint else None,
            durable_objects=DurableObjects(bindings=(binding,)),
            vars={"greeting": "hello"},
            limits=limits or Limits(),
        )
        self.folder = folder
        self.loaded = Loaded(classes={("thing", "Thing"): cls}, entrypoint=entrypoint)
        self.peers = Peers(
            loop=self.loop,
            hello=Hello(role="gateway", serial=99),
            clock=self.clock,
            connect=self._connect,
            parked_limit=1000,
            park_seconds=30.0,
        )
        for seat in range(1, hosts + 1):
            self.add(seat, seat, seat, gateways=gateways)
        self.publish()

    def add(
        self, serial: int, seat: int, epoch: int, *, gateways: tuple[int, ...] = ()
    ) -> HostRuntime:
        """Start a host and give it a seat; the table names it when it is published.

        gateways: who lives, as the coordinator says before it assigns a seat.
        """
        path = f"h{serial}"
        told = self.told[path] = Told()
        host = HostRuntime(
            loop=self.loop,
            setup=Setup(
                config=pack(self.config), root="/nowhere", storage=str(self.folder),
                application=APPLICATION, storage_names={"Thing": NAME}, mode="serve",
                serial=serial, index=0,
            ),
            config=self.config, loaded=self.loaded, clock=self.clock, channel=told,
            connect=self._connect, breadcrumb=Breadcrumb(None), on_exit=lambda _: None, pid=1,
        )  # fmt: skip
        self.hosts[path] = host
        host.start()
        host.receive(Gateways(serials=gateways))
        host.receive(Assign(seat=seat, epoch=epoch))
        self.entries[seat] = SeatEntry(seat, epoch, serial, path)
        self.leaving.pop(seat, None)
        return host

    async def _connect(self, path, factory):
        protocol = factory()
        memory.connect(self.loop, protocol, self.hosts[path].new_link())
        return protocol

    def publish(self) -> int:
        """Tell everybody who sits where; return the table's version."""
        self.version += 1
        table = self.table()
        for host in self.hosts.values():
            host.receive(table)
        for peers in (self.peers, *(gateway.peers for gateway in self.gateways)):
            peers.publish(table)
        return self.version

    def table(self) -> Table:
        entries = tuple(self.entries.values())
        leaving = tuple(self.leaving.values())
        return Table(version=self.version, seats=self.seats, entries=entries, leaving=leaving)

    def host(self, seat: int) -> HostRuntime:
        return self.hosts[self.entries[seat].path]

    def stub(self, name: str, *, seat: int) -> Any:
        """Return a stub of the host on `seat` for the object of a name."""
        env = self.host(seat).host.registry.class_of(NAME).env
        return env.THING.get_by_name(name)

    def name(self, *, seat: int, number: int = 0) -> str:
        """Return a name whose object lives on a seat."""
        found = 0
        for each in range(10_000):
            if seat_of(slot_of(self.ids.from_name(f"n{each}").raw), self.seats) == seat:
                if found == number:
                    return f"n{each}"
                found += 1
        raise AssertionError("no such name")

    def client(self, name: str, **fields: Any) -> Client:
        """Send a request or a call as a gateway does."""
        body_follows = fields.pop("body_follows", False)
        key = NAME.encode() + self.ids.from_name(name).raw
        head = RequestHead(key=key, name=name.encode(), **fields)
        client = Client(head, body_follows=body_follows)
        self.peers.send(client)
        return client

    def entry(self, **fields: Any) -> Client:
        client = Client(RequestHead(key=b"", name=None, **fields))
        self.peers.send(client)
        return client

    async def release(self, seat: int, *, deadline: float) -> HostRuntime:
        """Take a seat back; the table without it is published first (P2)."""
        host = self.host(seat)
        left = self.entries.pop(seat)
        self.leaving[seat] = Leaving(seat, left.epoch, left.serial, left.path, self.version + 1)
        version = self.publish()
        host.receive(Release(version=version, deadline=deadline))
        return host

    async def until(self, condition) -> None:
        """Let the loop turn until something holds."""
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0.001)

    async def close(self) -> None:
        """End the hosts; one whose events never end, because a test has failed, is an error."""
        for peers in (self.peers, *(gateway.peers for gateway in self.gateways)):
            peers.close()
        async with asyncio.timeout(10):
            for host in self.hosts.values():
                await host.close()
        for _ in range(10):
            await asyncio.sleep(0)


@pytest.fixture
async def cluster(tmp_path):
    """Makes clusters whose hosts are closed at the end."""
    made: list[Cluster] = []

    def build(cls: type, **options: Any) -> Cluster:
        cluster = Cluster(tmp_path, cls, **options)
        made.append(cluster)
        return cluster

    yield build
    for each in made:
        await each.close()

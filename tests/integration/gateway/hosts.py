"""A real gateway, clients of another make, and a host that the test plays over a real link."""

from __future__ import annotations

import asyncio
import os
import socket
from collections import deque
from dataclasses import dataclass

import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as connect_client

from sourdough.config.model import Binding, Config, DurableObjects, Route
from sourdough.config.packed import pack
from sourdough.config.websockets import WebSockets
from sourdough.gateway.gateway import Gateway
from sourdough.testing import FakeClock
from sourdough.transport import memory
from sourdough.transport.channel import MemoryChannel
from sourdough.transport.link import Hello, Link
from sourdough.transport.stream import Stream
from sourdough.wire.frames import END, ResetCode, Type
from sourdough.wire.heads import Kind, RequestHead, encode_answer
from sourdough.wire.messages import Drain, Drained, HostGone, SeatEntry, Setup, Table
from sourdough.wire.sockets import Barrier, Bind, Passed, SocketEvent

CONFIG = Config(
    name="rooms",
    durable_objects=DurableObjects(
        bindings=(Binding(name="ROOM", class_name="Room", module="room"),)
    ),
    routes=(Route(pattern="/room/{name}", binding="ROOM", id="{name}"),),
)


@dataclass
class Event:
    """An event of a held socket, as the host got it."""

    link: Link
    stream: int
    head: RequestHead
    method: bytes
    said: SocketEvent
    data: bytes

    def heed(self) -> None:
        self.link.write(Type.HEAD, END, 0, self.stream, encode_answer(b"", b""))

    def reset(self, code: ResetCode) -> None:
        self.link.write(Type.RESET, 0, code, self.stream, b"")


class _Large(Stream):
    """An event whose data comes in pieces."""

    def __init__(self, host: Host, link: Link, number: int, head: RequestHead) -> None:
        super().__init__()
        self.host, self.head, self.data = host, head, b""
        self.link, self.number = link, number
        link.grant(number, 256 * 1024)

    def on_body(self, chunk, end):
        self.data += chunk
        self.consumed(len(chunk))
        if end:
            self.host.got(self.link, self.number, self.head, self.data)


class Host:
    """A host: what comes waits to be looked at; handshakes are answered by `accept`."""

    def __init__(self, loop, serial: int) -> None:
        self.loop = loop
        self.serial = serial
        self.requests: deque[tuple[Link, int, RequestHead]] = deque()
        self.events: deque[Event] = deque()
        self.told: list[object] = []
        self.links: list[Link] = []
        self.refusing = False
        self.heeding = False
        self.accept = None

    def new_link(self) -> Link:
        link = Link(
            loop=self.loop, hello=Hello(role="host", serial=self.serial),
            on_up=lambda _: None, on_down=lambda _: None,
            accept=self._accept, on_message=lambda _, message: self.told.append(message),
        )  # fmt: skip
        self.links.append(link)
        return link

    @property
    def link(self) -> Link:
        return self.links[-1]

    def _accept(self, link, number, flags, payload):
        head = RequestHead.decode(payload)
        if self.refusing:
            link.write(Type.RESET, 0, ResetCode.NOT_OWNER, number, b"")
        elif head.kind != Kind.SOCKET:
            self.requests.append((link, number, head))
            if self.accept is not None:
                self.accept(link, number, head)
        elif flags & END:
            self.got(link, number, head, head.body)
        else:
            return _Large(self, link, number, head)
        return None

    def got(self, link, number, head, data):
        event = Event(link, number, head, head.method, SocketEvent.decode(head.target), data)
        self.events.append(event)
        if self.heeding:
            event.heed()

    def hold(self, link, number, head, *, headers: bytes = b"", **fields) -> None:
        """Accept a client as `accept_web_socket` does."""
        link.tell(
            Bind(head.socket, hibernates=True, key=head.key, name=head.name, url="u", **fields)
        )
        self.answer(link, number, 101, headers)

    def take(self, link, number, head) -> None:
        """Accept a client as `ws.accept()` does."""
        link.tell(Bind(head.socket, hibernates=False, key=head.key, name=head.name))
        self.answer(link, number, 101)

    def answer(self, link, number, status, headers: bytes = b"", body: bytes = b"") -> None:
        link.write(Type.HEAD, END, status, number, encode_answer(headers, body))

    def tell(self, message) -> None:
        self.link.tell(message)

    def told_of(self, kind):
        """Return what was told of a kind so far."""
        return [each for each in self.told if isinstance(each, kind)]


class Place:
    """A gateway with hosts; every wait is bounded."""

    def __init__(self, *, ledger: str | None = None, seats: int = 1, **websockets) -> None:
        self.loop = asyncio.get_running_loop()
        self.clock = FakeClock()
        self.seats = seats
        self.hosts: dict[int, Host] = {}
        self.clients: list[ClientConnection] = []
        self.seated: dict[int, tuple[int, int]] = {}
        self.version = 0
        self.config = msgspec.structs.replace(CONFIG, websockets=WebSockets(**websockets))
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.said: list[object] = []
        self.gateway = self._make(ledger, 7)

    def _setup(self, ledger, serial) -> Setup:
        return Setup(
            config=pack(self.config), root="", storage="", application="rooms",
            storage_names={"Room": "Room"}, mode="serve", serial=serial, index=1, ledger=ledger,
        )  # fmt: skip

    def configure(self, *, limits=None, **websockets) -> None:
        """The configuration was changed, and a reload has brought it."""
        config = msgspec.structs.replace(self.config, websockets=WebSockets(**websockets))
        self.config = msgspec.structs.replace(config, limits=limits or config.limits)
        self.gateway.receive(self._setup(None, 7))

    def _make(self, ledger, serial) -> Gateway:
        channel, theirs = MemoryChannel.pair(self.loop)
        setup = self._setup(ledger, serial)
        gateway = Gateway(
            loop=self.loop, setup=setup, config=self.config, clock=self.clock, channel=theirs,
            connect=self._connect, listening=self.sock, on_exit=lambda: None, pid=os.getpid(),
            descriptors=2000,
        )  # fmt: skip
        channel.listen(self.said.append, lambda: None)
        theirs.listen(gateway.receive, lambda: None)
        self.channel = channel
        return gateway

    async def _connect(self, path, factory):
        protocol = factory()
        host = self.hosts.get(int(path))
        if host is None:
            raise ConnectionRefusedError(path)
        memory.connect(self.loop, protocol, host.new_link())
        return protocol

    def seat(self, serial: int, seat: int = 1) -> Host:
        """Put a new host on a seat."""
        host = self.hosts[serial] = Host(self.loop, serial)
        self.seated[seat] = (serial, serial)
        self.publish()
        return host

    def publish(self) -> None:
        self.version += 1
        entries = tuple(
            SeatEntry(seat, epoch, serial, str(serial))
            for seat, (serial, epoch) in self.seated.items()
        )
        self.gateway.receive(Table(version=self.version, seats=self.seats, entries=entries))

    def crash(self, serial: int) -> None:
        """A host dies."""
        self.hosts.pop(serial)
        self.seated = {seat: who for seat, who in self.seated.items() if who[0] != serial}
        self.gateway.receive(HostGone(serial=serial))
        self.publish()

    async def connect(self, name: str = "a", **options):
        """Open a WebSocket."""
        options.setdefault("compression", None)
        url = f"ws://127.0.0.1:{self.port}/room/{name}"
        client = await connect_client(url, ping_interval=None, **options)
        self.clients.append(client)
        return client

    async def held(self, name: str = "a", host: Host | None = None, **options):
        """Open a WebSocket that an object holds; return it with its number and the object's key."""
        host = host or self.host
        host.accept = lambda *asked: host.hold(*asked, **options)
        client = await self.connect(name)
        head = host.requests.pop()[2]
        return client, head.socket, head.key

    async def plain(self):
        """Open a WebSocket that the host itself accepts; return it with its number."""
        self.host.accept = self.host.take
        client = await self.connect()
        return client, self.host.requests.pop()[2].socket

    async def until(self, condition) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0.001)

    async def event(self, host: Host) -> Event:
        """Return the next event of a held socket."""
        await self.until(lambda: host.events)
        return host.events.popleft()

    async def passed(self, host: Host) -> None:
        """Wait until the gateway has heeded everything that the host said."""
        number = len(host.told) + 1
        host.tell(Barrier(number))
        await self.until(lambda: Passed(number) in host.told)

    def tick(self, seconds: int) -> None:
        """Let time pass for the edge, tick by tick."""
        for _ in range(seconds):
            self.clock.advance(1)
            self.gateway._edge.tick()
            self.gateway._sockets.tick()
            self.gateway._peers.expire()

    async def close(self) -> None:
        """End the gateway, then let go of clients that have not noticed."""
        await self.gateway.close()
        for client in self.clients:
            client.transport.abort()
            await client.wait_closed()

    async def drain(self, seconds: float = 5.0) -> None:
        self.channel.send(Drain(deadline=seconds))
        await self.until(lambda: any(isinstance(each, Drained) for each in self.said))

"""A gateway that does what a test says: it holds sockets, and notes what hosts tell it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sourdough.transport.link import Hello
from sourdough.transport.peers import Peers
from sourdough.wire.frames import INLINE_BODY
from sourdough.wire.heads import Kind, RequestHead
from sourdough.wire.sockets import Barrier, Held, Mirror, Passed, SocketEvent, socket_number

from .conftest import NAME, Client, Cluster

if TYPE_CHECKING:
    from sourdough.transport.link import Link
    from sourdough.wire.messages import SeatEntry


class SocketClient(Client):
    """An event of a socket; a large message follows its head."""

    def __init__(self, head: RequestHead, rest: bytes) -> None:
        super().__init__(head, body_follows=bool(rest))
        self.rest = rest

    def on_granted(self, amount):
        super().on_granted(amount)
        if self.rest:
            rest, self.rest = self.rest, b""
            self.send_body(rest, end=True)


class Gateway:
    """A scripted gateway with links to every host of a cluster."""

    def __init__(self, cluster: Cluster, serial: int, *, mirrors: bool = True) -> None:
        """mirrors: whether it tells what it holds as soon as there is a link."""
        self.cluster = cluster
        self.serial = serial
        self.mirrors = mirrors
        self.passes = True
        self.barriers: list[tuple[Link, int]] = []
        self.held: list[Held] = []
        self.links: dict[int, Link] = {}
        self.said: list = []
        """What hosts told, and ("head", status) for each answer, in their order."""
        self.count = 0
        self.peers = Peers(
            loop=cluster.loop,
            hello=Hello(role="gateway", serial=serial),
            clock=cluster.clock,
            connect=cluster._connect,
            parked_limit=1000,
            park_seconds=30.0,
            on_up=self._up,
            on_message=self._message,
        )
        cluster.gateways.append(self)
        self.peers.publish(cluster.table())

    def _up(self, link: Link, entry: SeatEntry) -> None:
        self.links[entry.serial] = link
        if self.mirrors:
            link.tell(Mirror(tuple(self.held)))

    def _message(self, link: Link, message) -> None:
        if isinstance(message, Barrier):
            self.barriers.append((link, message.number))
            if self.passes:
                self.pass_barriers()
        else:
            self.said.append(message)

    def pass_barriers(self) -> None:
        for link, number in self.barriers:
            link.tell(Passed(number))
        self.barriers.clear()

    def told(self, kind: type) -> list:
        return [each for each in self.said if isinstance(each, kind)]

    def link(self, seat: int = 1) -> Link:
        return self.links[self.cluster.entries[seat].serial]

    async def up(self, seat: int = 1) -> Link:
        """Wait until there is a link to a seat's host."""
        serial = self.cluster.entries[seat].serial
        await self.cluster.until(lambda: serial in self.links and self.links[serial].up)
        return self.links[serial]

    def number(self) -> int:
        """Return the capability of one more client."""
        self.count += 1
        return socket_number(self.serial, self.count)

    def hold(self, name: str, *, tags: tuple[str, ...] = (), **fields) -> int:
        """Hold a socket of an object, as if it had been bound before; return its number."""
        number = fields.pop("socket", None) or self.number()
        key = NAME.encode() + self.cluster.ids.from_name(name).raw
        self.held.append(
            Held(number, key, name.encode(), tags, fields.pop("attachment", None),
                 accepted=len(self.held), **fields)
        )  # fmt: skip
        return number

    def upgrade(
        self, name: str, target: bytes = b"/", *, entry: bool = False
    ) -> tuple[int, Client]:
        """Send a client's wish for a WebSocket to an object, or to the entrypoint."""
        number = self.number()
        key = b"" if entry else NAME.encode() + self.cluster.ids.from_name(name).raw
        head = RequestHead(
            kind=Kind.ENTRY if entry else Kind.FETCH, key=key, name=name.encode(), method=b"GET",
            target=target, headers=b"host: here\r\nupgrade: websocket\r\n", socket=number,
        )  # fmt: skip
        client = Client(head)
        self.peers.send(client)
        return number, client

    def event(self, name: str, what: bytes, told: SocketEvent, data: bytes = b"") -> SocketClient:
        """Tell the owner of a held socket what happened on it."""
        key = NAME.encode() + self.cluster.ids.from_name(name).raw
        whole = len(data) <= INLINE_BODY
        head = RequestHead(
            kind=Kind.SOCKET, key=key, name=name.encode(), method=what, target=told.encode(),
            body=data if whole else b"",
        )  # fmt: skip
        client = SocketClient(head, b"" if whole else data)
        said, before = self.said, client.on_head

        def on_head(flags, status, payload):
            said.append(("head", status))
            before(flags, status, payload)

        client.on_head = on_head
        self.peers.send(client)
        return client

    def text(self, name: str, socket: int, text: str) -> SocketClient:
        return self.event(name, b"message", SocketEvent(socket, text=True), text.encode())

    def closed(self, name: str, socket: int, code: int = 1000) -> SocketClient:
        return self.event(name, b"close", SocketEvent(socket, code=code, clean=True))

    def drop(self) -> None:
        """End, as a process that is killed."""
        self.peers.close()


async def settle() -> None:
    """Let what is on its way over links of memory arrive."""
    for _ in range(8):
        await asyncio.sleep(0)

"""All WebSockets of a gateway, as the gateway needs them: handshakes, links, its own life."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sourdough.gateway.sockets.connection import DROPPED, SocketConnection
from sourdough.gateway.sockets.courier import Courier
from sourdough.gateway.sockets.extensions import negotiate
from sourdough.gateway.sockets.held import DISMISSED, HeldSocket
from sourdough.gateway.sockets.instructions import Instructions
from sourdough.gateway.sockets.mirror import mirrors
from sourdough.gateway.sockets.roster import Roster
from sourdough.gateway.sockets.socket import Socket
from sourdough.gateway.sockets.waits import Waits
from sourdough.placement import seat_of, slot_of_key
from sourdough.wire import close_codes
from sourdough.wire.sockets import socket_number

if TYPE_CHECKING:
    import asyncio

    from sourdough.clock import Clock
    from sourdough.config.websockets import WebSockets
    from sourdough.gateway.edge import Edge, Exchange
    from sourdough.gateway.sockets.socket import Request
    from sourdough.transport.link import Link
    from sourdough.transport.peers import Peers
    from sourdough.wire.messages import SeatEntry
    from sourdough.wire.sockets import SocketMessage

HOST_LOST = "the host restarts"
# Headers of a 101 that belong to the handshake, which is the gateway's.
_OURS = (b"sec-websocket-accept:", b"sec-websocket-extensions:", b"sec-websocket-version:")
_PROTOCOL = b"sec-websocket-protocol:"


class Sockets:
    """Makes sockets, and sees to them over changes of hosts, of configuration and of gateways."""

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        edge: Edge,
        peers: Peers,
        config: WebSockets,
        serial: int,
        ledger: str | None,
    ) -> None:
        """serial: of this process. ledger: path of the file for the successor, if there is one."""
        self._edge = edge
        self._peers = peers
        self._config = config
        self._serial = serial
        self._count = 0
        self._waits = Waits(edge, quiet_seconds=config.idle_timeout)
        self._roster = roster = Roster(loop, ledger)
        self._courier = Courier(
            loop=loop,
            clock=clock,
            peers=peers,
            ledger=roster.ledger,
            settings=roster.settings,
            kept_limit=config.parked_bytes,
            forget=roster.forget_held,
        )
        self._instructions = Instructions(clock=clock, roster=roster, courier=self._courier)

    def __len__(self) -> int:
        """Return how many clients' sockets there are."""
        return len(self._roster.by_number)

    # --- the gateway

    def start(self) -> None:
        """Take over what the last gateway of this number has left: its sockets are gone (W4)."""
        noted = self._roster.ledger.open()
        left = []
        for held in noted.sockets.values():
            adopted = HeldSocket(self._courier, None, held, held.accepted)
            adopted.protocol, adopted.extensions = held.protocol, held.extensions
            self._roster.hold(adopted)
            left.append(adopted)
            settings = noted.settings.get(held.key)
            if settings is not None:
                self._roster.settings.put(settings, has_sockets=True)
        self._roster.ledger.tend()
        for adopted in left:
            adopted.ended(DROPPED)

    def configure(self, config: WebSockets) -> None:
        """Take a changed configuration: for sockets that come, what may wait for all of them."""
        self._config = config
        self._waits.quiet.seconds = config.idle_timeout
        self._courier.kept_limit = config.parked_bytes

    def tick(self) -> None:
        """Look after what takes its time; called once a second."""
        self._courier.retry()
        self._roster.ledger.tend()

    async def settled(self) -> None:
        """Wait until objects have heard of the end of every socket."""
        await self._roster.emptied()

    def stop(self) -> None:
        """Send no more events."""
        self._courier.stopped = True
        self._roster.ledger.flush()
        self._roster.ledger.close()

    # --- handshakes

    def ask(self, exchange: Exchange, request: Request) -> Socket:
        """A client asks for a WebSocket: give it a number."""
        upgrade = exchange.upgrade
        assert upgrade is not None
        self._count += 1
        number = exchange.socket = socket_number(self._serial, self._count)
        socket = self._roster.by_number[number] = Socket(number, request, self._roster.forget)
        offers = upgrade.extensions if self._config.compression else b""
        accept = upgrade.accept_lines
        upgrade.take_over = lambda lines: self._take_over(socket, accept, offers, lines)
        return socket

    def wait_for_bind(self, socket: Socket) -> None:
        """Its 101 has come, and nobody has accepted it yet."""
        self._waits.binds.waiting[socket] = self._waits.now

    def _take_over(
        self, socket: Socket, accept: bytes, offers: bytes, lines: bytes
    ) -> tuple[bytes, SocketConnection]:
        """Return the header lines of a 101, and who speaks with the client from now on."""
        agreed, extensions = negotiate(offers)
        kept, protocol = _handlers_lines(lines)
        socket.agreed = (protocol, agreed)
        if agreed:
            kept += f"sec-websocket-extensions: {agreed}\r\n".encode()
        connection = SocketConnection(
            edge=self._edge,
            waits=self._waits,
            owner=socket,
            extensions=extensions,
            message_bytes=self._config.message_bytes,
            buffer_bytes=self._config.buffer_bytes,
        )
        return accept + kept, connection

    # --- links

    def link_up(self, link: Link, entry: SeatEntry) -> None:
        """Tell a host of the sockets in its seat, before anything else (W4)."""
        roster, seats = self._roster, self._peers.table.seats
        keys = [key for key in roster.by_key if seat_of(slot_of_key(key), seats) == entry.seat]
        sockets = (held.to_held() for key in keys for held in roster.by_key[key].values())
        settings = (found for key in keys if (found := roster.settings.of(key)) is not None)
        for mirror in mirrors(sockets, settings):
            link.tell(mirror)

    def link_down(self, link: Link) -> None:
        """What lives only as long as its host ends (W2)."""
        for plain in self._roster.by_link.pop(link, ()):
            socket = plain.socket
            socket.bound = DISMISSED
            socket.close(close_codes.RESTART, HOST_LOST)

    def receive(self, link: Link, message: SocketMessage) -> None:
        """Take what a host says."""
        self._instructions.take(link, message)


def _handlers_lines(lines: bytes) -> tuple[bytes, str]:
    """Return the handler's lines without those of the handshake, and the protocol it has chosen."""
    kept, protocol = b"", ""
    for line in lines.splitlines(keepends=True):
        lowered = line.lower()
        if lowered.startswith(_PROTOCOL):
            protocol = line[len(_PROTOCOL) :].strip().decode("latin-1")
        if not lowered.startswith(_OURS):
            kept += line
    return kept, protocol

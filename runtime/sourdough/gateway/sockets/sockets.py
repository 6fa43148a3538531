"""All WebSockets of a gateway, and what hosts say about them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sourdough.gateway.sockets.connection import DROPPED, SocketConnection
from sourdough.gateway.sockets.courier import Courier
from sourdough.gateway.sockets.extensions import negotiate
from sourdough.gateway.sockets.frames import message_frame
from sourdough.gateway.sockets.held import DISMISSED, HeldSocket
from sourdough.gateway.sockets.ledger import Ledger
from sourdough.gateway.sockets.ledger_records import Bound
from sourdough.gateway.sockets.mirror import mirrors
from sourdough.gateway.sockets.plain import PlainSocket
from sourdough.gateway.sockets.socket import Socket
from sourdough.gateway.sockets.waits import Waits
from sourdough.placement import seat_of, slot_of_key
from sourdough.wire.sockets import (
    Attach,
    Barrier,
    Bind,
    Broadcast,
    CloseAll,
    CloseSocket,
    Passed,
    Post,
    Reported,
    Settings,
    SocketMessage,
    Taken,
    socket_number,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sourdough.clock import Clock
    from sourdough.config.websockets import WebSockets
    from sourdough.gateway.edge import Edge, Exchange
    from sourdough.gateway.sockets.ledger_records import Record
    from sourdough.gateway.sockets.socket import Request
    from sourdough.transport.link import Link
    from sourdough.transport.peers import Peers
    from sourdough.wire.messages import SeatEntry

HOST_LOST, HOST_LOST_REASON = 1012, "the host restarts"
# Headers of a 101 that belong to the handshake, which is the gateway's.
_OURS = (b"sec-websocket-accept:", b"sec-websocket-extensions:", b"sec-websocket-version:")
_PROTOCOL = b"sec-websocket-protocol:"


class Sockets:
    """The table of sockets; each is known by the number that was made for its request (W1)."""

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
        self._clock = clock
        self._edge = edge
        self._peers = peers
        self._config = config
        self._serial = serial
        self._count = 0
        self._accepted = 0
        self._sockets: dict[int, Socket] = {}
        self._by_key: dict[bytes, dict[int, HeldSocket]] = {}
        self._by_link: dict[Link, set[PlainSocket]] = {}
        self._settled: asyncio.Event | None = None
        self._waits = Waits(edge, quiet_seconds=config.idle_timeout)
        self._ledger = Ledger(loop, ledger, self._live)
        self._courier = Courier(
            loop=loop,
            clock=clock,
            peers=peers,
            ledger=self._ledger,
            kept_limit=config.parked_bytes,
            forget=self._forget_held,
        )
        self._takes: dict[type[SocketMessage], Callable[[Link, Any], None]] = {
            Bind: self._bind,
            Post: self._post,
            Broadcast: self._broadcast,
            CloseSocket: self._close,
            CloseAll: self._close_all,
            Attach: self._attach,
            Taken: self._taken,
            Reported: self._reported,
            Barrier: lambda link, barrier: link.tell(Passed(barrier.number)),
            Settings: self._set,
        }

    def __len__(self) -> int:
        """Return how many clients' sockets there are."""
        return len(self._sockets)

    # --- the gateway

    def start(self) -> None:
        """Take over what the last gateway of this number has left: its sockets are gone (W4)."""
        noted = self._ledger.open()
        for held in noted.sockets.values():
            adopted = HeldSocket(self._courier, None, held, held.accepted)
            adopted.protocol, adopted.extensions = held.protocol, held.extensions
            self._hold(adopted)
            settings = noted.settings.get(held.key)
            if settings is not None:
                self._courier.settings.put(settings, has_sockets=True)
        self._ledger.tend()
        for key in list(self._by_key):
            for adopted in list(self._by_key[key].values()):
                adopted.ended(DROPPED)

    def tick(self) -> None:
        """Look after what takes its time; called once a second."""
        self._courier.retry()
        self._ledger.tend()

    async def settled(self) -> None:
        """Wait until objects have heard of the end of every socket."""
        self._settled = asyncio.Event()
        self._look_settled()
        await self._settled.wait()

    def stop(self) -> None:
        """Send no more events."""
        self._courier.stopped = True
        self._ledger.flush()
        self._ledger.close()

    def _look_settled(self) -> None:
        if self._settled is not None and not self._by_key and not self._sockets:
            self._settled.set()

    # --- handshakes

    def ask(self, exchange: Exchange, request: Request) -> Socket:
        """A client asks for a WebSocket: give it a number."""
        upgrade = exchange.upgrade
        assert upgrade is not None
        self._count += 1
        number = exchange.socket = socket_number(self._serial, self._count)
        socket = self._sockets[number] = Socket(number, request, self._forget)
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

    def _forget(self, socket: Socket) -> None:
        self._sockets.pop(socket.number, None)
        self._look_settled()

    # --- links

    def link_up(self, link: Link, entry: SeatEntry) -> None:
        """Tell a host of the sockets in its seat, before anything else (W4)."""
        seats = self._peers.table.seats
        keys = [key for key in self._by_key if seat_of(slot_of_key(key), seats) == entry.seat]
        sockets = (held.to_held() for key in keys for held in self._by_key[key].values())
        of = self._courier.settings.of
        settings = (found for key in keys if (found := of(key)) is not None)
        for mirror in mirrors(sockets, settings):
            link.tell(mirror)

    def link_down(self, link: Link) -> None:
        """What lives only as long as its host ends (W2)."""
        for plain in self._by_link.pop(link, ()):
            socket = plain.socket
            socket.bound = DISMISSED
            socket.close(HOST_LOST, HOST_LOST_REASON)

    def receive(self, link: Link, message: SocketMessage) -> None:
        """Take what a host says; about a socket that is gone, it is ignored."""
        takes = self._takes.get(type(message))
        if takes is not None:
            takes(link, message)

    # --- what hosts say

    def _bind(self, link: Link, bind: Bind) -> None:
        socket = self._sockets.get(bind.socket)
        if socket is not None and socket.bound is not None:
            return
        if bind.hibernates:
            self._accepted = max(self._accepted + 1, int(self._clock.now() * 1e9))
            held = HeldSocket(self._courier, socket, bind, self._accepted)
            self._hold(held)
            self._ledger.bind(held.to_held())
            if socket is None:
                held.ended(DROPPED)  # the client has left (W1)
            else:
                socket.bind(held)
        elif socket is not None:
            plain = PlainSocket(socket, link, self._forget_plain)
            self._by_link.setdefault(link, set()).add(plain)
            socket.bind(plain)
        else:
            gone = Socket(bind.socket, _NO_REQUEST, self._forget)
            PlainSocket(gone, link, self._forget_plain).ended(DROPPED)

    def _hold(self, held: HeldSocket) -> None:
        known = self._by_key.get(held.key)
        if known is None:
            known = self._by_key[held.key] = {}
            settings = self._courier.settings.socket_bound(held.key)
            if settings is not None:
                self._ledger.settings(settings)
        known[held.number] = held

    def _forget_held(self, held: HeldSocket) -> None:
        known = self._by_key.get(held.key)
        if known is None or known.pop(held.number, None) is None:
            return
        self._ledger.gone(held.number)
        if not known:
            del self._by_key[held.key]
            self._courier.settings.forget(held.key)
            self._look_settled()

    def _forget_plain(self, plain: PlainSocket) -> None:
        known = self._by_link.get(plain.link)
        if known is not None:
            known.discard(plain)
            if not known:
                del self._by_link[plain.link]

    def _post(self, link: Link, post: Post) -> None:
        found = (self._sockets.get(number) for number in post.sockets)
        self._say((socket for socket in found if socket is not None), post.data, post.text)

    def _broadcast(self, link: Link, broadcast: Broadcast) -> None:
        tag, exclude = broadcast.tag, frozenset(broadcast.exclude)
        known = tuple(self._by_key.get(broadcast.key, {}).values())
        chosen = (
            held.socket
            for held in known
            if held.socket is not None
            and (tag is None or tag in held.tags)
            and held.number not in exclude
            and not held.closing
        )
        self._say(chosen, broadcast.data, broadcast.text)

    def _say(self, sockets: Iterable[Socket], data: bytes, text: bool) -> None:
        frame = message_frame(data, text)  # once for all: it is the same for each
        for socket in sockets:
            socket.say(frame, data, text)

    def _close(self, link: Link, close: CloseSocket) -> None:
        socket = self._sockets.get(close.socket)
        if socket is None:
            return
        if isinstance(socket.bound, HeldSocket):
            socket.bound.closing = True
        socket.close(close.code, close.reason)

    def _close_all(self, link: Link, close: CloseAll) -> None:
        for held in tuple(self._by_key.get(close.key, {}).values()):
            socket, held.socket = held.socket, None
            self._courier.dismiss(held)
            self._forget_held(held)
            if socket is not None:
                socket.bound = DISMISSED
                socket.close(close.code, close.reason)

    def _attach(self, link: Link, attach: Attach) -> None:
        held = self._held(attach.socket)
        if held is not None:
            held.attachment = attach.attachment
            self._ledger.attach(held.number, held.attachment)

    def _taken(self, link: Link, taken: Taken) -> None:
        socket = self._sockets.get(taken.socket)
        if socket is not None and isinstance(socket.bound, PlainSocket):
            socket.bound.taken(taken.count)

    def _reported(self, link: Link, reported: Reported) -> None:
        for held in self._by_key.get(reported.key, {}).values():
            self._courier.reported(held)

    def _set(self, link: Link, settings: Settings) -> None:
        has_sockets = settings.key in self._by_key
        self._courier.settings.put(settings, has_sockets=has_sockets)
        if has_sockets:
            self._ledger.settings(settings)

    def _held(self, number: int) -> HeldSocket | None:
        socket = self._sockets.get(number)
        bound = socket.bound if socket is not None else None
        return bound if isinstance(bound, HeldSocket) else None

    # --- the ledger

    def _live(self) -> Iterator[Record]:
        for key, known in self._by_key.items():
            settings = self._courier.settings.of(key)
            if settings is not None:
                yield settings
            for held in known.values():
                yield Bound(held.to_held())


class _NoRequest:
    """The request of a client that has left."""

    def proceed(self) -> None:
        """Nobody reads it."""

    def give_up(self, sentence: str) -> None:
        """Nobody reads it."""


_NO_REQUEST = _NoRequest()


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

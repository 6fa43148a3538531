"""A gateway: owns client connections and passes requests to the hosts that own the objects.

It runs no user code and lives on through every crash and reload of a host: what is not yet
delivered waits here for the next owner.
"""

from __future__ import annotations

import asyncio
import resource
import secrets
import time
from typing import TYPE_CHECKING

import msgspec

from sourdough.config.packed import unpack
from sourdough.gateway.edge import Edge, EdgeLimits, Exchange, Failure, Listener, Stream
from sourdough.gateway.forward import Forward
from sourdough.gateway.handshake import Handshake
from sourdough.gateway.router import Router
from sourdough.gateway.sockets import Sockets
from sourdough.movable import ShiftedClock
from sourdough.observe.histogram import Histogram
from sourdough.observe.records import RequestServed
from sourdough.observe.request_log import RequestLog
from sourdough.observe.usage import resident_bytes
from sourdough.transport.link import Hello
from sourdough.transport.peers import Connect, Peers
from sourdough.wire.messages import (
    ClockMoved,
    Drain,
    Drained,
    Exit,
    Heartbeat,
    HostGone,
    Lines,
    Message,
    MoveClock,
    Ready,
    Setup,
    Table,
)  # fmt: skip

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from sourdough.clock import Clock
    from sourdough.config.model import Config, Server
    from sourdough.transport.channel import Channel
    from sourdough.transport.link import Link
    from sourdough.wire.messages import SeatEntry
    from sourdough.wire.sockets import SocketMessage

# New lines of the request log reach the screen this often; a batch is one message.
_LOG_SECONDS = 0.1
# Links to hosts, the control channel, what Python itself keeps open.
_RESERVED_DESCRIPTORS = 128


class _Refused:
    """The stream of a request that was answered before it went anywhere."""

    def send(self, chunk: bytes, end: bool) -> None: ...

    def consumed(self, n: int) -> None: ...

    def cancel(self) -> None: ...


_REFUSED = _Refused()


class Gateway:
    """The edge, the router and the links of one gateway; speaks with the coordinator."""

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        setup: Setup,
        config: Config,
        clock: Clock,
        channel: Channel,
        connect: Connect,
        listening: socket.socket,
        on_exit: Callable[[], None],
        pid: int,
        descriptors: int | None = None,
        entrypoint: Connect | None = None,
    ) -> None:
        """Put the parts together. descriptors: its share, where the process is not its alone.

        entrypoint: leads to the one that answers all requests, where that is no host; see `enter`.
        """
        self._loop = loop
        self._clock = clock
        self._channel = channel
        self._config = config
        self._on_exit = on_exit
        self._pid = pid
        self._descriptors = descriptors
        self._ticks = 0
        self._notes: dict[int, bytes] = {}
        self._waiting: dict[int, Forward] = {}
        self._latency = Histogram()
        self._log = RequestLog(self._latency)
        self._expected = 0.0
        self._ending: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._log_timer: asyncio.TimerHandle | None = None
        self._router = Router(
            config, application=setup.application, storage_names=setup.storage_names
        )
        self._serial = setup.serial
        self._peers = self._new_peers(connect)
        self._entrance = self._peers if entrypoint is None else self._new_peers(entrypoint)
        server: Server = config.dev if setup.mode == "dev" else config.serve
        self._edge = edge = Edge(
            upstream=self,
            clock=clock,
            on_finished=self._finished,
            limits=_edge_limits(config, descriptors),
            trusted_proxies=server.trusted_proxies,
            origins=config.websockets.origins,
        )
        self._sockets = Sockets(
            loop=loop,
            clock=clock,
            edge=edge,
            peers=self._peers,
            config=config.websockets,
            serial=setup.serial,
            ledger=setup.ledger,
        )
        # Request ids must differ between gateways and from those before a restart.
        self._edge.number = secrets.randbits(24) << 24
        self._listener = Listener(self._edge, listening)

    def _new_peers(self, connect: Connect) -> Peers:
        return Peers(
            loop=self._loop,
            hello=Hello(role="gateway", serial=self._serial),
            clock=self._clock,
            connect=connect,
            parked_limit=self._config.limits.parked_requests,
            park_seconds=self._config.limits.park_timeout,
            on_up=self._link_up,
            on_down=self._link_down,
            on_message=self._heard,
        )

    def _link_up(self, link: Link, entry: SeatEntry) -> None:
        self._sockets.link_up(link, entry)

    def _link_down(self, link: Link) -> None:
        self._sockets.link_down(link)

    def _heard(self, link: Link, message: SocketMessage) -> None:
        self._sockets.receive(link, message)

    async def start(self) -> None:
        """Begin to accept; requests wait until a table has come."""
        self._sockets.start()
        await self._listener.start()
        self._expected = self._loop.time()
        self._tick()
        self._send_lines()
        self._channel.send(Ready(pid=self._pid))

    # --- the coordinator speaks

    def receive(self, message: Message) -> None:
        """Take a message of the coordinator."""
        if isinstance(message, Table):
            self._peers.publish(message)
        elif isinstance(message, Setup):
            self._configure(message)
        elif isinstance(message, HostGone):
            self._peers.host_gone(message.serial)
        elif isinstance(message, Drain):
            self._ending = self._loop.create_task(self._drain(message.deadline))
        elif isinstance(message, Exit):
            self._ending = self._loop.create_task(self._exit())
        elif isinstance(message, MoveClock):
            self._move_clock(message)

    def enter(self, table: Table) -> None:
        """Send requests to the entrypoint that this table names, beside the hosts."""
        self._entrance.publish(table)

    def begin_anew(self) -> None:
        """Another coordinator has taken over, with other hosts; requests go where they went."""
        self._peers.begin_anew(self._serial)

    def _configure(self, setup: Setup) -> None:
        """Take a changed configuration: its routes and limits, for what comes from now on."""
        self._config = config = unpack(setup.config)
        self._router = Router(
            config, application=setup.application, storage_names=setup.storage_names
        )
        self._edge.configure(_edge_limits(config, self._descriptors), config.websockets.origins)
        self._sockets.configure(config.websockets)
        for peers in self._all_peers:
            peers.configure(
                parked_limit=config.limits.parked_requests,
                park_seconds=config.limits.park_timeout,
            )

    async def _drain(self, seconds: float) -> None:
        self._listener.drain()
        clean = True
        try:
            async with asyncio.timeout(seconds):
                await self._listener.drained()
                await self._sockets.settled()
        except TimeoutError:
            clean = False
        self._flush_lines()
        self._channel.send(Drained(clean=clean))

    async def _exit(self) -> None:
        await self.close()
        self._on_exit()

    async def close(self) -> None:
        """Drop every connection and link."""
        for timer in (self._timer, self._log_timer):
            if timer is not None:
                timer.cancel()
        self._flush_lines()
        await self._listener.close()
        self._sockets.stop()
        for peers in self._all_peers:
            peers.close()

    # --- requests: edge.Upstream

    def open(self, exchange: Exchange) -> Stream:
        """Pass a request on."""
        destination = self._router.route(exchange)
        if isinstance(destination, Failure):
            exchange.on_fail(destination)
            return _REFUSED
        if exchange.upgrade is None:
            forward = Forward(self, exchange, destination)
        else:
            forward = Handshake(self, exchange, destination, self._sockets)
        self._waiting[exchange.number] = forward
        self._entrance.send(forward)
        return forward

    def answered(self, number: int) -> None:
        """The head of an answer has come, or none will."""
        self._waiting.pop(number, None)

    def note(self, number: int, note: bytes) -> None:
        """Keep what a host said about a failure until its line is written."""
        self._notes[number] = note

    def _finished(self, exchange: Exchange, status: int, seconds: float, error: str | None) -> None:
        self._latency.add(seconds)
        if self._log.wants(status):
            self._log.lines.append(self._line(exchange, status, seconds, error))
        elif self._notes:
            self._notes.pop(exchange.number, None)

    def _line(
        self, exchange: Exchange, status: int, seconds: float, error: str | None
    ) -> RequestServed:
        what, place, note = "", "", error or ""
        said = self._notes.pop(exchange.number, None)
        if said is not None:
            what, place, *rest = said.decode("utf-8", "replace").split("\0")
            note = rest[0] if rest else ""
        path, _, query = exchange.target.partition(b"?")
        found = self._router.locate(path, query, lambda: exchange.headers)
        known = None if isinstance(found, Failure) else found
        return RequestServed(
            ts=self._clock.now(),
            method=exchange.method.decode("latin-1"),
            path=path.decode("latin-1"),
            status=status,
            ms=seconds * 1e3,
            request_id=exchange.request_id,
            class_name=known.class_name if known else None,
            object=known.label if known else None,
            note=note or None,
            error=what or None,
            error_at=place or None,
        )

    # --- time

    def _tick(self) -> None:
        period = self._config.limits.heartbeat
        now = self._loop.time()
        lag = max(0.0, now - self._expected)
        self._expected = now + period
        self._timer = self._loop.call_later(period, self._tick)
        self._expire_parked()
        self._expire()
        self._sockets.tick()
        self._channel.send(
            Heartbeat(
                lag=lag,
                connections=len(self._edge.connections),
                sockets=len(self._sockets),
                events=len(self._waiting),
                parked=sum(peers.parked for peers in self._all_peers),
                memory=resident_bytes(),
                cpu=time.process_time(),
                requests=self._latency.total,
                latency=tuple(self._latency.counts),
            )
        )

    @property
    def _all_peers(self) -> set[Peers]:
        return {self._peers, self._entrance}

    def _expire_parked(self) -> None:
        for peers in self._all_peers:
            peers.expire()

    def _expire(self) -> None:
        limit = self._config.limits.request_timeout
        if not limit:
            return
        oldest = self._clock.monotonic() - limit
        late = []
        for number, forward in self._waiting.items():
            if forward.started > oldest:
                break
            late.append(number)
        for number in late:
            forward_or_none = self._waiting.pop(number, None)
            if forward_or_none is not None:
                forward_or_none.timed_out(limit)

    def _move_clock(self, message: MoveClock) -> None:
        assert isinstance(self._clock, ShiftedClock)
        self._clock.move_to(message.ahead)
        self._expire_parked()
        self._edge.tick()
        self._expire()
        self._channel.send(ClockMoved(ahead=message.ahead))

    def _send_lines(self) -> None:
        self._log_timer = self._loop.call_later(_LOG_SECONDS, self._send_lines)
        self._ticks += 1
        whole_second = self._ticks % round(1 / _LOG_SECONDS) == 0
        self._flush_lines(fold=whole_second)

    def _flush_lines(self, *, fold: bool = True) -> None:
        if fold:
            records = self._log.tick(self._clock.now())
        else:
            records, self._log.lines = [*self._log.lines], []
        if records:
            encoder = msgspec.msgpack.Encoder()
            self._channel.send(Lines(records=tuple(encoder.encode(each) for each in records)))


def _edge_limits(config: Config, descriptors: int | None) -> EdgeLimits:
    limits = config.limits
    allowed = descriptors or resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return EdgeLimits(
        # Out of descriptors a gateway could only refuse; above the limit clients wait instead.
        connections=max(1, min(limits.connections, allowed - _RESERVED_DESCRIPTORS)),
        target=limits.url_bytes,
        head=limits.header_bytes,
        headers=limits.headers,
        body=limits.body_bytes or 1 << 62,
        idle_timeout=limits.idle_timeout,
        head_timeout=limits.header_timeout,
        body_timeout=limits.body_timeout,
    )

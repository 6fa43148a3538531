"""A host: runs user code for the seat it occupies.

    standby --Assign--> serving --Release--> draining --> released

standby: modules imported, no slots. draining: events stamped with the table version of the
release, or a later one, are refused with NOT_OWNER; those whose root began before it still enter,
because what is in flight may need them to end (A -> B -> A). released: every database is closed,
every instance dead; whatever still comes is refused, and the coordinator may give the seat away
(invariant P2).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal

from sourdough.host.acknowledgement import Acknowledgement
from sourdough.host.calls import Calls
from sourdough.host.contexts import Contexts
from sourdough.host.incoming import Incoming
from sourdough.host.last_words import LastWords
from sourdough.host.longest import longest_of
from sourdough.host.overdue import Overdue
from sourdough.host.streams import Streams
from sourdough.http import BodyReader, Request
from sourdough.objects.chain import lead, unpack
from sourdough.objects.event import Event, ReadEvent
from sourdough.objects.refusal import TOO_MANY
from sourdough.objects.shutdown import ShutdownReason
from sourdough.objects.web_sockets.delivery import SocketDelivery
from sourdough.observe.histogram import Histogram
from sourdough.placement import seat_table, slot_of_key
from sourdough.wire.credit import STREAM_WINDOW
from sourdough.wire.frames import END, ResetCode, Type
from sourdough.wire.heads import READS, SECURE, Kind, RequestHead
from sourdough.wire.sockets import SocketEvent

if TYPE_CHECKING:
    from collections.abc import Callable

    from sourdough.config.model import Config
    from sourdough.host.entrypoint import Entrypoint
    from sourdough.host.sockets import HostSockets
    from sourdough.http.body import BodySource
    from sourdough.objects.registry import Registry
    from sourdough.observe.breadcrumb import Breadcrumb
    from sourdough.transport.link import Link
    from sourdough.transport.outgoing import Outgoing
    from sourdough.transport.peers import Peers
    from sourdough.transport.stream import Stream
    from sourdough.wire.messages import Table, Waiting


# Looked up as globals: as attributes of their class they would cost more than the rest of a test.
_ENTRY, _CALL, _SOCKET = Kind.ENTRY, Kind.CALL, Kind.SOCKET
_decode, _received = RequestHead.decode, Request.received

_KINDS: dict[bytes, Literal["message", "close", "error"]] = {
    b"message": "message", b"close": "close", b"error": "error",
}  # fmt: skip
"""The methods of events of sockets."""

# What a drain waits for is named this often.
_REPORT_SECONDS = 1.0
# Work without a caller on a link says nothing when it ends: a drain looks this often.
_LOOK_SECONDS = 0.02


class Phase(Enum):
    """What a host is doing."""

    STANDBY = "standby"
    SERVING = "serving"
    DRAINING = "draining"
    RELEASED = "released"


_SERVING = Phase.SERVING  # for each event, as above


class Host:
    """The seat's occupant: admits events and hands them to objects or to the entrypoint."""

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        config: Config,
        debug: bool,
        breadcrumb: Breadcrumb,
    ) -> None:
        self._loop = loop
        self._limit = config.limits.host_events
        self.debug = debug
        self._breadcrumb = breadcrumb
        self._links: set[Link] = set()
        self._collecting: set[asyncio.Task[None]] = set()
        self._seat_by_slot: list[int] = []
        self._idle: asyncio.Event = asyncio.Event()
        self._release_version = 0
        self._release: asyncio.Task[tuple[bool, int]] | None = None
        self._deadline = 0.0
        self._patience = 0.0
        self.phase = Phase.STANDBY
        self.seat = 0
        self.epoch = 0
        self.events = 0
        self.streams = Streams()
        self.talks: set[Incoming] = set()
        """Calls through which objects of this host have passed something by reference, or got it."""
        self.contexts = Contexts(loop)
        self.caller: Calls
        self.overdue = Overdue()
        self.latency = Histogram()
        self.registry: Registry
        self.entrypoint: Entrypoint | None = None
        self.peers: Peers
        self.sockets: HostSockets

    def wire(
        self,
        *,
        registry: Registry,
        entrypoint: Entrypoint | None,
        peers: Peers,
        sockets: HostSockets,
    ) -> None:
        """Connect the parts that need each other: objects hold stubs, stubs need the host."""
        self.registry = registry
        self.sockets = sockets
        self.entrypoint = entrypoint
        if entrypoint is not None:
            entrypoint.on_ended = self.contexts.ended
        self.peers = peers

    def calls(self, peers: Peers) -> Calls:
        """Return what stubs of this host call through."""
        self.caller = Calls(self, peers)
        return self.caller

    # --- seat

    def assign(self, seat: int, epoch: int) -> None:
        """Take a seat."""
        self.seat, self.epoch = seat, epoch
        self.phase = Phase.SERVING
        self.sockets.mirrors.begin()

    def publish(self, table: Table) -> None:
        """Learn who occupies the other seats."""
        if len(self._seat_by_slot) == 0 or table.seats != self.peers.table.seats:
            self._seat_by_slot = seat_table(table.seats)
        self.peers.publish(table)

    def owns(self, key: bytes) -> bool:
        """Whether an object's slot belongs to this host's seat."""
        slots = self._seat_by_slot
        return bool(slots) and slots[slot_of_key(key)] == self.seat

    def runs_here(self, key: bytes, version: int) -> bool:
        """Whether an event of a stub of this host may be delivered without leaving it."""
        return self.owns(key) and self._open_to(version)

    def serves(self, key: bytes) -> bool:
        """Whether an event that comes from nobody, an alarm, may begin here now."""
        return self.phase is Phase.SERVING and self.owns(key)

    def holds(self, key: bytes) -> bool:
        """Whether nobody but this host may open the object's database now."""
        return self.phase in {Phase.SERVING, Phase.DRAINING} and self.owns(key)

    def _open_to(self, version: int) -> bool:
        if self.phase is _SERVING:
            return True
        return self.phase is Phase.DRAINING and version < self._release_version

    async def release(
        self,
        version: int,
        seconds: float,
        report: Callable[[Waiting], None],
        reason: ShutdownReason = ShutdownReason.INACTIVE,
    ) -> tuple[bool, int]:
        """Finish what is in flight, then close everything; return (clean, objects released).

        clean: nothing was cut short by the deadline. reason: what `before_shutdown` is told.
        """
        deadline = self._loop.time() + seconds
        if self._release is None:
            if self.phase is not Phase.SERVING:
                self.phase = Phase.RELEASED
                return True, 0
            self._deadline, self._patience = deadline, seconds
            self._release = self._loop.create_task(self._give_up(version, report, reason))
        else:
            # Asked again, by a stop during a reload: done when it is done, the earlier end counts.
            self._deadline = min(self._deadline, deadline)
            self._patience = min(self._patience, seconds)
            self._idle.set()
        return await asyncio.shield(self._release)

    async def _give_up(
        self, version: int, report: Callable[[Waiting], None], reason: ShutdownReason
    ) -> tuple[bool, int]:
        self._release_version = version
        self.phase = Phase.DRAINING
        self.streams.end_endless()
        self.sockets.close_plain()
        last = LastWords(self._loop, self.registry, reason, version - 1)
        clean = await self._drained(report, last)
        self.phase = Phase.RELEASED
        released = last.objects + await self.registry.release_all()
        await self.sockets.leave()
        for incoming in list(self.talks):
            incoming.end_session()
        return clean, released

    async def _drained(self, report: Callable[[Waiting], None], last: LastWords) -> bool:
        report_at = self._loop.time() + _REPORT_SECONDS
        while self._works() or last.begin(self._deadline):
            self._idle.clear()
            now = self._loop.time()
            if now >= self._deadline:
                return False
            if now >= report_at:
                report_at = now + _REPORT_SECONDS
                self._report_longest(report)
            look = _REPORT_SECONDS if self.events else _LOOK_SECONDS
            pause = min(look, last.begin_early(self._deadline))
            next_cut = self.streams.cut_older(self._patience)
            if next_cut is not None:
                pause = min(pause, next_cut)
            with suppress(TimeoutError):
                async with asyncio.timeout(min(pause, self._deadline - now)):
                    await self._idle.wait()
        return self.streams.whole

    def _works(self) -> bool:
        """Whether anything runs; also what has no caller any more, or one in this process.

        Not what has had its time: its client got a 504.
        """
        return (
            self.events > 0
            or self.registry.works(self.overdue)
            or (self.entrypoint is not None and self.entrypoint.works(self.overdue))
        )

    async def tell_longest(self, report: Callable[[Waiting], None]) -> None:
        """Say once a second what a stop waits for, until the seat itself is asked back."""
        while True:
            await asyncio.sleep(_REPORT_SECONDS)
            if self.phase is not Phase.SERVING:
                return
            self._report_longest(report)

    def _report_longest(self, report: Callable[[Waiting], None]) -> None:
        longest = longest_of(self.registry, self.entrypoint)
        if longest is not None:
            report(longest)

    # --- links

    def link_up(self, link: Link) -> None:
        self._links.add(link)
        self.sockets.link_up(link)

    def link_down(self, link: Link) -> None:
        self._links.discard(link)
        self.sockets.link_down(link)

    def all_links(self) -> list[Link]:
        return list(self._links)

    @property
    def links(self) -> int:
        """How many processes still hold a link to this host."""
        return len(self._links)

    # --- events

    def await_sockets(self, waiting: bool) -> None:
        """Have events for objects wait, or go on (invariant W4)."""
        self.registry.await_sockets(waiting)

    def accept(self, link: Link, number: int, flags: int, payload: bytes) -> Stream | None:
        """Take an event from a link, or refuse it before anything has run (invariant D1)."""
        head = _decode(payload)
        if not self._admits(head):
            link.write(Type.RESET, 0, ResetCode.NOT_OWNER, number, b"")
            return None
        # Of a socket there is one event at most, and gateways bound their bytes.
        if self.events >= self._limit and head.kind != _SOCKET:
            link.write(Type.RESET, 0, ResetCode.OVERLOADED, number, TOO_MANY.encode())
            return None
        # A socket's event is taken as a call is: whole, and answered by a value.
        is_call = head.kind >= _CALL
        incoming = Incoming(link, number, head.number, is_call, self)
        self.events += 1
        if not flags & END:
            # The event is ours: from now on its body may flow (invariant D2).
            link.streams[number] = incoming
            incoming.body = BodyReader(incoming.consumed)
            link.grant(number, STREAM_WINDOW)
        if is_call and incoming.body is not None:
            task = self._loop.create_task(self._collect(head, incoming))
            self._collecting.add(task)
            task.add_done_callback(self._collecting.discard)
        else:
            self._deliver(head, incoming)
        return incoming

    def _admits(self, head: RequestHead) -> bool:
        if not self._open_to(head.version):
            return False
        if head.kind == _ENTRY:
            return self.entrypoint is not None
        return self.owns(head.key) and head.epoch == self.epoch

    async def _collect(self, head: RequestHead, incoming: Incoming) -> None:
        """Wait for the arguments of a large call, or for a large message."""
        assert incoming.body is not None
        try:
            head.body = b"".join([chunk async for chunk in incoming.body])
        except ConnectionError:
            return  # the caller left; `Incoming` has ended
        self._deliver(head, incoming)

    def _deliver(self, head: RequestHead, incoming: Incoming) -> None:
        try:
            self._hand_on(head, incoming)
        except Exception as error:  # noqa: BLE001 (an event that was taken is answered and counted off)
            incoming.failed(error)

    def _hand_on(self, head: RequestHead, incoming: Incoming) -> None:
        body: BodySource = head.body if incoming.body is None else incoming.body
        if incoming.is_call:
            if head.kind == _SOCKET:
                self.registry.deliver(head.key, head.name, self._socket_event(head, incoming))
                return
            kind = ReadEvent if head.flags & READS else Event
            event = incoming.event = kind(
                incoming, head.number, head.version, None,
                head.method.decode("utf-8", "replace"), head.body,
                incoming.started,
            )  # fmt: skip
        else:
            request = _received(
                head.method, head.target, head.client, head.headers, body,
                bool(head.flags & SECURE), head.number, head.mount, head.socket,
            )  # fmt: skip
            incoming.request = request
            event = Event(incoming, head.number, head.version, request, started=incoming.started)
        if head.kind == _ENTRY and self.entrypoint is not None:
            self.entrypoint.deliver(event)
            return
        if head.chain:
            lead(event, unpack(head.chain), self.registry.get(head.key))
        self.registry.deliver(head.key, head.name, event)

    def _socket_event(self, head: RequestHead, incoming: Incoming) -> SocketDelivery:
        """Return what happened on a hibernating socket. Raises WireError or KeyError for nonsense."""
        told = SocketEvent.decode(head.target)
        reply = Acknowledgement(incoming, self.sockets.store)
        event = reply.event = SocketDelivery(
            reply,
            socket=told.socket,
            kind=_KINDS[head.method],
            number=head.number,
            version=head.version,
            started=incoming.started,
            data=head.body,
            text=told.text,
            code=told.code,
            reason=told.reason,
            clean=told.clean,
            error=told.error,
            repeatable=True,
        )
        return event

    def finished(self, seconds: float) -> None:
        """An event of a link has been answered, `seconds` after it came."""
        self.latency.add(seconds)
        self.settled()

    def settled(self) -> None:
        """Something that was counted in `events` has ended."""
        self.events -= 1
        if not self.events:
            self._breadcrumb.clear()
            self._idle.set()

    @staticmethod
    def became_local(event: Outgoing) -> None:
        """A parked call found that its object now lives here."""
        local: Any = event
        local.became_local()

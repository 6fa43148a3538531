"""Sends every event to the host that owns it, and keeps it while nobody does.

The coordinator publishes a table: which seat is occupied by which host process, under which
epoch. `Peers` holds one link to each occupant and a look-up table slot -> link. An event for a
vacant seat is parked, bounded in number and time, and sent when the table names the next owner.
Only two kinds of event ever go to a second owner: one never written, and one refused with
NOT_OWNER (invariant D1).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple

from sourdough.placement import SLOTS, seat_table
from sourdough.transport.link import Hello, Link, TakeMessage
from sourdough.transport.outgoing import ENTRY, Outgoing
from sourdough.wire.frames import ResetCode
from sourdough.wire.messages import Leaving, SeatEntry, Table

if TYPE_CHECKING:
    from sourdough.clock import Clock

log = logging.getLogger("sourdough.peers")

Connect = Callable[[str, Callable[[], asyncio.Protocol]], Awaitable[object]]
"""Connects a protocol to the socket at a path (or to a host in this process)."""

# A connect that fails is tried again this soon, as long as the table names the host.
_RECONNECT_SECONDS = 0.05
ENTRY_SEAT = 0
"""Events for the entrypoint are parked under this seat: any host may take them."""


class _Former(NamedTuple):
    """Who leaves a seat in an orderly way: still there for what began before `version`."""

    link: Link
    epoch: int
    version: int


class Peers:
    """All hosts, as one gateway or host sees them."""

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        hello: Hello,
        clock: Clock,
        connect: Connect,
        parked_limit: int,
        park_seconds: float,
        local: Callable[[Outgoing], None] | None = None,
        on_up: Callable[[Link, SeatEntry], None] | None = None,
        on_down: Callable[[Link], None] | None = None,
        on_message: TakeMessage | None = None,
    ) -> None:
        """on_up: called when there is a link to a seat's occupant, before any event is sent on it.

        on_down: called when a link is gone, before its streams fail.
        """
        self._loop = loop
        self._hello = hello
        self.clock = clock
        self._connect = connect
        self._parked_limit = parked_limit
        self._park_seconds = park_seconds
        self._local = local
        self._on_up = on_up
        self._on_down = on_down
        self._on_message = on_message
        self._links: dict[int, Link] = {}  # by serial; only links that are up
        self._all_links: dict[int, Link] = {}  # by serial; the dying ones are dropped from here
        self._former: dict[int, _Former] = {}  # by seat, while it is vacant
        self._connecting: dict[int, asyncio.Task[None]] = {}
        self._by_slot: list[Link | None] = [None] * SLOTS
        self._epoch_by_slot: list[int] = [0] * SLOTS
        self._seat_by_slot: list[int] = [1] * SLOTS
        self._local_slots: set[int] = set()
        self._parked: dict[int, deque[Outgoing]] = {}
        # Sent before those that were parked at once, so they go before them again (D4).
        self._returned: dict[int, deque[Outgoing]] = {}
        self._gone: set[int] = set()
        self._closed = False
        self.parked = 0
        self.table = Table(version=0, seats=1, entries=())

    def configure(self, *, parked_limit: int, park_seconds: float) -> None:
        """Take changed bounds of what waits for an owner."""
        self._parked_limit = parked_limit
        self._park_seconds = park_seconds

    # --- sending

    def send(self, event: Outgoing) -> None:
        """Send an event to its owner, or park it until there is one."""
        event.peers = self
        slot = event.slot
        if slot == ENTRY:
            self._send_entry(event)
            return
        link = self._by_slot[slot]
        if not event.version:
            event.version = self.table.version
        if link is not None:
            event.epoch = self._epoch_by_slot[slot]
            link.open(event, event.encode(), not event.body_follows)
        elif slot in self._local_slots and self._local is not None:
            self._local(event)
        else:
            self._send_former(self._seat_by_slot[slot], event)

    def _send_former(self, seat: int, event: Outgoing) -> None:
        """Nobody sits there. What began before the release may still go to who did (D6).

        Two hosts that drain at the same time need each other for it: A -> B -> A. Who has refused
        an event already is not asked again: those made after it would go ahead (invariant D4).
        """
        former = self._former.get(seat)
        asked = former is not None and event.epoch >= former.epoch
        if former is None or asked or event.version >= former.version:
            self._park(seat, event, self._returned if event.epoch else None)
            return
        event.epoch = former.epoch
        former.link.open(event, event.encode(), not event.body_follows)

    def _send_entry(self, event: Outgoing) -> None:
        free = (link for link in self._links.values() if link not in event.refused_by)
        link = min(free, key=_load, default=None)
        if link is None:
            self._park(ENTRY_SEAT, event, self._returned if event.refused_by else None)
            event.refused_by = ()
            return
        event.via = link
        event.version = event.version or self.table.version
        link.open(event, event.encode(), not event.body_follows)

    def epoch_of(self, slot: int) -> int:
        """Return the epoch of a slot's present owner; 0 while it has none."""
        return self._epoch_by_slot[slot]

    def link_of(self, slot: int) -> Link | None:
        """Return the link to a slot's present owner, if there is one."""
        return self._by_slot[slot]

    def refused(self, event: Outgoing) -> None:
        """A host answered NOT_OWNER: wait for a table newer than the one that misled us.

        The entrypoint runs in any host: one that has not refused it may take it at once.
        """
        slot = event.slot
        if slot == ENTRY:
            event.refused_by = (*event.refused_by, event.via)
            self._send_entry(event)
        elif self._by_slot[slot] is not None and self._epoch_by_slot[slot] > event.epoch:
            self.send(event)
        else:
            self._park(self._seat_by_slot[slot], event, self._returned)

    # --- parking

    def _park(
        self, seat: int, event: Outgoing, where: dict[int, deque[Outgoing]] | None = None
    ) -> None:
        if self.parked >= self._parked_limit and event.counted:
            event.on_failed(ResetCode.OVERLOADED, "too many requests wait for a host")
            return
        event.peers = self  # whose caller leaves is taken out again, also before it was ever sent
        event.parked_at = event.parked_at or self.clock.monotonic()
        queues = self._parked if where is None else where
        queues.setdefault(seat, deque()).append(event)
        self.parked += 1

    def _queues(self) -> list[deque[Outgoing]]:
        return [*self._returned.values(), *self._parked.values()]

    def unpark(self, event: Outgoing) -> None:
        """Forget an event whose caller has left."""
        for queue in self._queues():
            if event in queue:
                queue.remove(event)
                self.parked -= 1
                return

    def _flush_parked(self, seat: int) -> None:
        if not self.parked:
            return
        events = [*self._returned.pop(seat, ()), *self._parked.pop(seat, ())]
        self.parked -= len(events)
        for event in events:
            self.send(event)

    def expire(self) -> None:
        """Fail what has waited too long; called once a second."""
        oldest = self.clock.monotonic() - self._park_seconds
        for queue in self._queues():
            while queue and queue[0].parked_at < oldest:
                self.parked -= 1
                queue.popleft().on_failed(ResetCode.EXPIRED, "no host took this request in time")

    # --- the table

    def publish(self, table: Table) -> None:
        """Take a newer table: connect to new occupants, retire links to former ones."""
        if table.version <= self.table.version:
            return
        if table.seats != self.table.seats or self.table.version == 0:
            self._seat_by_slot = seat_table(table.seats)
        self.table = table
        self._retire_missing()
        self._rebuild()
        for entry in self._named():
            if self._is_local(entry) or entry.serial in self._links or entry.seat in self._former:
                self._flush_parked(entry.seat)
            else:
                self._begin(entry.serial)
        if self._links:
            self._flush_parked(ENTRY_SEAT)

    def _named(self) -> list[SeatEntry | Leaving]:
        """Return whom the table names as far as this process sends them anything.

        Those who are leaving take what hosts need for events that began before (D6), also from
        hosts that came later: A -> B -> A, while B has a new owner already and A has not.
        """
        return [*self.table.entries, *(self.table.leaving if self._local is not None else ())]

    def _retire_missing(self) -> None:
        """Open nothing new on the links to hosts that the table no longer names.

        Whoever is leaving keeps the link: what its objects still say to WebSockets comes over it.
        """
        current = {entry.serial for entry in self.table.entries}
        named = current | {entry.serial for entry in self.table.leaving}
        for serial, link in self._all_links.items():
            if serial not in current:
                self._links.pop(serial, None)
            if serial not in named:
                link.retire()

    def host_gone(self, serial: int) -> None:
        """The kernel says that a host has ended: nothing more will come from it (P3)."""
        self._gone.add(serial)
        link = self._all_links.get(serial)
        if link is not None:
            link.finish()

    def begin_anew(self, serial: int) -> None:
        """Another coordinator has taken over: its serial numbers, ours too, and versions begin anew.

        What was in flight fails; what is parked waits for the new table.
        """
        self._hello = Hello(role=self._hello.role, serial=serial)
        self.table = Table(version=0, seats=1, entries=())
        self._gone.clear()
        self._former.clear()
        self._drop_links()

    def close(self) -> None:
        """Drop every link; what was in flight fails."""
        self._closed = True
        self._drop_links()
        for queue in self._queues():
            while queue:
                queue.popleft().on_failed(ResetCode.EXPIRED, "the server is stopping")
        self.parked = 0

    def _drop_links(self) -> None:
        connecting, self._connecting = self._connecting, {}
        for task in connecting.values():
            task.cancel()
        links, self._all_links, self._links = self._all_links, {}, {}
        self._rebuild()
        for link in links.values():
            link.drop()

    def _is_local(self, entry: SeatEntry | Leaving) -> bool:
        return self._local is not None and entry.serial == self._hello.serial

    def _rebuild(self) -> None:
        by_seat: dict[int, tuple[Link | None, int]] = {}
        local = 0
        for entry in self.table.entries:
            by_seat[entry.seat] = (self._links.get(entry.serial), entry.epoch)
            if self._is_local(entry):
                local = entry.seat
        vacant: tuple[Link | None, int] = (None, 0)
        found = [by_seat.get(seat, vacant) for seat in self._seat_by_slot]
        self._by_slot = [link for link, _ in found]
        self._epoch_by_slot = [epoch for _, epoch in found]
        seats = enumerate(self._seat_by_slot)
        self._local_slots = {slot for slot, seat in seats if seat == local} if local else set()
        self._former = {}
        for each in self.table.leaving if self._local is not None else ():
            link = self._all_links.get(each.serial)
            if link is not None and link.up and not self._is_local(each):
                self._former[each.seat] = _Former(link, each.epoch, each.version)

    # --- links

    def _begin(self, serial: int) -> None:
        """Connect to a host of the table, unless that is done or under way."""
        if serial in self._connecting or serial in self._all_links or not self._wanted(serial):
            return
        entry = next(each for each in self._named() if each.serial == serial)
        self._connecting[serial] = self._loop.create_task(self._keep_trying(entry))

    async def _keep_trying(self, entry: SeatEntry | Leaving) -> None:
        try:
            while self._wanted(entry.serial):
                try:
                    await self._connect(entry.path, lambda: self._new_link(entry.serial))
                except OSError as error:
                    log.debug("connecting to host %d: %s", entry.serial, error)
                    await asyncio.sleep(_RECONNECT_SECONDS)
                else:
                    return
        finally:
            if self._connecting.get(entry.serial) is asyncio.current_task():
                del self._connecting[entry.serial]

    def _wanted(self, serial: int) -> bool:
        if self._closed or serial in self._gone:
            return False
        return any(entry.serial == serial for entry in self._named())

    def _new_link(self, serial: int) -> Link:
        link = Link(
            loop=self._loop,
            hello=self._hello,
            on_up=lambda link: self._up(serial, link),
            on_down=lambda link: self._down(serial, link),
            on_message=self._on_message,
        )
        self._all_links[serial] = link
        return link

    def _up(self, serial: int, link: Link) -> None:
        if not self._wanted(serial) or self._all_links.get(serial) is not link:
            link.drop()
            return
        entry = next((each for each in self.table.entries if each.serial == serial), None)
        if entry is not None:
            self._links[serial] = link
            if self._on_up is not None:
                self._on_up(link, entry)
        self._rebuild()
        for named in self._named():
            if named.serial == serial:
                self._flush_parked(named.seat)
        self._flush_parked(ENTRY_SEAT)

    def _down(self, serial: int, link: Link) -> None:
        if self._all_links.get(serial) is link:
            del self._all_links[serial]
        if self._links.get(serial) is link:
            del self._links[serial]
        self._rebuild()
        if self._on_down is not None:
            self._on_down(link)
        if self._wanted(serial):
            # The process may live on (it dropped a link it could not read): try again, not at
            # once, because a link that ends before its HELLO would make this a busy loop.
            self._loop.call_later(_RECONNECT_SECONDS, self._begin, serial)


def _load(link: Link) -> int:
    return len(link.streams)

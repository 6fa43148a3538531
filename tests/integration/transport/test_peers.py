"""Events on their way to their owners, which come and go."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from sourdough.placement import seat_of, slot_of
from sourdough.testing import FakeClock
from sourdough.transport import memory
from sourdough.transport.link import Hello, Link
from sourdough.transport.peers import ENTRY, Outgoing, Peers
from sourdough.wire.frames import END, ResetCode, Type
from sourdough.wire.messages import SeatEntry, Table

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

    def publish(self, entries: dict[int, tuple[int, int]], *, peers: Peers | None = None) -> None:
        """Publish who sits where: seat -> (serial, epoch)."""
        self.version += 1
        listed = tuple(
            SeatEntry(seat, epoch, serial, f"h{serial}")
            for seat, (serial, epoch) in entries.items()
        )
        (peers or self.peers).publish(Table(version=self.version, seats=SEATS, entries=listed))

    def send(self, label: str, where: int | None = None) -> Sent:
        event = Sent(label, slot(1) if where is None else where)
        self.peers.send(event)
        return event

    async def until(self, condition) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0)


async def settle(turns: int = 30) -> None:
    """Let what is ready run."""
    for _ in range(turns):
        await asyncio.sleep(0)


@pytest.fixture
async def world():
    """A world whose links are all dropped at the end."""
    made = World()
    yield made
    made.peers.close()
    await settle()


def test_the_slot_of_a_key_is_that_of_its_id():
    """The id is the end of the key."""
    raw = hashlib.sha256(b"a").digest()
    assert slot_of(raw) == raw[0] << 4 | raw[1] >> 4


async def test_events_wait_while_the_seat_is_vacant_and_go_in_order(world):
    """Parked events are sent, in order, as soon as a table names an owner."""
    events = [world.send(str(number)) for number in range(5)]
    assert world.peers.parked == 5
    host = world.host(1)
    world.publish({1: (1, 7)})
    await world.until(lambda: all(event.answered for event in events))
    assert host.got == [f"{number} 7" for number in range(5)]
    assert world.peers.parked == 0


async def test_events_go_to_the_owner_of_their_slot(world):
    """Two hosts get their own."""
    one, two = world.host(1), world.host(2)
    world.publish({1: (1, 1), 2: (2, 2)})
    events = [world.send("a", slot(1)), world.send("b", slot(2)), world.send("c", slot(1, 9))]
    await world.until(lambda: all(event.answered for event in events))
    assert one.got == ["a 1", "c 1"]
    assert two.got == ["b 2"]


async def test_a_refused_event_waits_for_a_newer_table(world):
    """NOT_OWNER: the event is sent again whole, to the next owner, once (invariant D1)."""
    old, new = world.host(1), world.host(2)
    old.refusing = True
    world.publish({1: (1, 1)})
    event = world.send("a")
    await world.until(lambda: world.peers.parked == 0 and event.encoded == 1)
    await world.until(lambda: world.peers.parked == 1)
    world.publish({})
    await settle()
    assert event.encoded == 1
    world.publish({1: (2, 2)})
    await world.until(lambda: event.answered)
    assert new.got == ["a 2"]
    assert old.got == []


async def test_refused_events_go_before_those_parked_after_them(world):
    """The order of the calls survives a hand-over (invariant D4)."""
    old = world.host(1)
    old.refusing = True
    world.publish({1: (1, 1)})
    await world.until(lambda: world.peers._links)
    events = [world.send(name) for name in "ab"]
    world.publish({})
    events.append(world.send("c"))
    await world.until(lambda: world.peers.parked == 3)
    new = world.host(2)
    world.publish({1: (2, 2)})
    await world.until(lambda: all(event.answered for event in events))
    assert new.got == ["a 2", "b 2", "c 2"]


async def test_what_was_never_written_goes_to_the_next_owner(world):
    """An event of the very turn in which the host died was not delivered (invariant D1)."""
    world.host(1)
    world.publish({1: (1, 1)})
    await world.until(lambda: world.peers._links)
    event = world.send("a")
    world.peers.host_gone(1)
    assert event.failures == []
    assert world.peers.parked == 1
    new = world.host(2)
    world.publish({1: (2, 2)})
    await world.until(lambda: event.answered)
    assert new.got == ["a 2"]


async def test_what_was_delivered_is_lost_and_never_sent_again(world):
    """A delivered event is not repeated, whatever becomes of it (invariants D1, D3)."""
    old = world.host(1)
    old.answering = False
    world.publish({1: (1, 1)})
    event = world.send("a")
    await world.until(lambda: old.got)
    world.peers.host_gone(1)
    assert event.failures == [ResetCode.LOST]
    new = world.host(2)
    world.publish({1: (2, 2)})
    await settle()
    assert new.got == []
    assert event.failures == [ResetCode.LOST]


async def test_parked_events_expire(world):
    """Nothing waits longer than the limit."""
    early = world.send("early")
    world.clock.advance(20)
    late = world.send("late")
    world.clock.advance(11)
    world.peers.expire()
    assert early.failures == [ResetCode.EXPIRED]
    assert late.failures == []
    assert world.peers.parked == 1


async def test_refused_events_expire_too(world):
    """An event that was refused counts from the moment it was first parked."""
    old = world.host(1)
    old.refusing = True
    world.publish({1: (1, 1)})
    event = world.send("a")
    await world.until(lambda: old.links and world.peers.parked == 1 and event.encoded == 1)
    world.clock.advance(31)
    world.peers.expire()
    assert event.failures == [ResetCode.EXPIRED]
    assert world.peers.parked == 0


async def test_the_number_of_parked_events_is_bounded():
    """More than the limit are refused as overloaded."""
    world = World(parked_limit=2)
    events = [world.send(name) for name in "abc"]
    assert [event.failures for event in events] == [[], [], [ResetCode.OVERLOADED]]


async def test_a_parked_event_whose_caller_leaves_is_forgotten(world):
    """It is never sent."""
    event, other = world.send("a"), world.send("b")
    event.cancel()
    assert world.peers.parked == 1
    host = world.host(1)
    world.publish({1: (1, 1)})
    await world.until(lambda: other.answered)
    assert host.got == ["b 1"]


async def test_entrypoint_events_go_to_the_least_busy_host(world):
    """Any host may run the entrypoint; the one with the fewest streams gets it."""
    one, two = world.host(1), world.host(2)
    one.answering = two.answering = False
    world.publish({1: (1, 1), 2: (2, 2)})
    await world.until(lambda: len(world.peers._links) == 2)
    for name in "abcd":
        world.send(name, ENTRY)
    await world.until(lambda: len(one.got) + len(two.got) == 4)
    assert len(one.got) == len(two.got) == 2


async def test_entrypoint_events_wait_for_any_host(world):
    """Without a host they are parked like others."""
    event = world.send("a", ENTRY)
    assert world.peers.parked == 1
    host = world.host(2)
    world.publish({2: (2, 1)})
    await world.until(lambda: event.answered)
    assert len(host.got) == 1


async def test_older_tables_are_ignored(world):
    """A table that was overtaken changes nothing."""
    host = world.host(1)
    world.publish({1: (1, 1)})
    table = world.peers.table
    world.peers.publish(Table(version=table.version, seats=SEATS, entries=()))
    world.peers.publish(Table(version=0, seats=SEATS, entries=()))
    assert world.peers.table is table
    event = world.send("a")
    await world.until(lambda: event.answered)
    assert host.got == ["a 1"]


async def test_a_link_that_ends_before_its_hello_is_tried_again(world):
    """A connect into the backlog of a dead process is not a link (invariant D2)."""

    class Dead(InMemoryHost):
        def link(self):
            link = super().link()
            self.loop.call_soon(link.drop)
            return link

    world.hosts["h1"] = Dead(world.loop, 1)
    world.publish({1: (1, 1)})
    event = world.send("a")
    await world.until(lambda: world.connects == 1)
    await settle()
    host = world.host(1)
    await asyncio.wait_for(_answered(event), 5)
    assert host.got == ["a 1"]
    assert world.connects == 2


async def _answered(event: Sent) -> None:
    while not event.answered:
        await asyncio.sleep(0.005)


async def test_a_host_that_cannot_be_reached_yet_is_tried_again(world):
    """A refused connect is repeated while the table names the host."""
    world.publish({1: (1, 1)})
    event = world.send("a")
    await world.until(lambda: world.connects == 1)
    world.host(1)
    await asyncio.wait_for(_answered(event), 5)


async def test_a_newer_table_opens_no_second_link(world):
    """A link that waits for its HELLO is not opened twice."""
    host = world.host(1)
    world.publish({1: (1, 1)})
    await world.until(lambda: world.connects == 1)
    world.publish({1: (1, 1)})
    await settle()
    world.publish({1: (1, 1)})
    await settle()
    assert len(host.links) == 1


async def test_a_host_that_is_gone_is_not_connected_to(world):
    """What the kernel says counts more than an old table (invariant P3)."""
    world.peers.host_gone(1)
    world.host(1)
    world.publish({1: (1, 1)})
    await settle()
    assert world.connects == 0


async def test_events_for_an_own_seat_stay_in_the_process(world):
    """A parked call finds that its object now lives here."""
    local: list[Outgoing] = []
    world.peers = world.make(serial=5, local=local.append)
    event = world.send("a")
    world.publish({1: (5, 1)})
    assert local == [event]
    assert world.connects == 0


async def test_links_to_hosts_that_left_are_retired(world):
    """What is in flight on them ends first."""
    host = world.host(1)
    host.answering = False
    world.publish({1: (1, 1)})
    event = world.send("a")
    await world.until(lambda: host.got)
    world.publish({})
    await settle()
    link, number = host.waiting[0]
    assert link.up
    link.write(Type.HEAD, END, 200, number, b"")
    await world.until(lambda: not link.up)
    assert event.answered


async def test_closing_ends_what_is_parked_and_opens_nothing_again(world):
    """After close() nobody waits and nothing is connected."""
    world.host(1)
    world.publish({1: (1, 1)})
    await world.until(lambda: world.peers._links)
    parked = world.send("a", slot(2))
    connects = world.connects
    world.peers.close()
    await settle()
    assert parked.failures == [ResetCode.EXPIRED]
    assert world.connects == connects
    assert not world.peers._connecting


async def test_what_began_before_a_release_still_reaches_the_former_owner(world):
    """Hosts that drain together need each other: A -> B -> A; what began later waits (D6)."""
    peers = world.make(serial=1, local=world.local.append)
    old = world.host(2)
    world.publish({1: (1, 1), 2: (2, 2)}, peers=peers)
    before = Sent("before", slot(2))
    peers.send(before)
    await world.until(lambda: before.answered)
    world.publish({}, peers=peers)
    nested, later = Sent("nested", slot(2)), Sent("later", slot(2))
    nested.version = before.version
    peers.send(nested)
    peers.send(later)
    await world.until(lambda: nested.answered)
    assert old.got == ["before 2", "nested 2"]
    assert peers.parked == 1
    new = world.host(3)
    world.publish({1: (1, 1), 2: (3, 3)}, peers=peers)
    await world.until(lambda: later.answered)
    assert new.got == ["later 3"]
    await world.until(lambda: not old.links[0].up)
    peers.close()

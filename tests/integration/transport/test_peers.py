"""Events on their way to their owners, which come and go."""

from __future__ import annotations

import asyncio

from sourdough.transport.outgoing import ENTRY, Outgoing
from sourdough.wire.frames import END, ResetCode, Type
from sourdough.wire.messages import Table

from .hosts import SEATS, InMemoryHost, Sent, World, slot


async def settle(turns: int = 30) -> None:
    """Let what is ready run."""
    for _ in range(turns):
        await asyncio.sleep(0)


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


async def test_an_event_that_was_never_sent_is_forgotten_too_when_its_caller_leaves(world):
    """One that waited behind a refused one of its stub is parked without having been sent."""
    event, other = Sent("a", slot(1)), world.send("b")
    world.peers.refused(event)
    event.cancel()
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


async def test_a_refused_entrypoint_event_goes_to_another_host_at_once(world):
    """Any host may run it: it does not wait for the next table while one has not refused it."""
    draining, other = world.host(1), world.host(2)
    draining.refusing = True
    other.answering = False
    world.publish({1: (1, 1), 2: (2, 2)})
    await world.until(lambda: len(world.peers._links) == 2)
    world.send("busy", slot(2))
    event = world.send("a", ENTRY)
    await world.until(lambda: len(other.got) == 2)
    assert event.encoded == 2
    assert world.peers.parked == 0


async def test_an_entrypoint_event_that_all_refuse_waits_for_a_table(world):
    """It is not sent round and round."""
    hosts = [world.host(1), world.host(2)]
    for host in hosts:
        host.refusing = True
    world.publish({1: (1, 1), 2: (2, 2)})
    await world.until(lambda: len(world.peers._links) == 2)
    event = world.send("a", ENTRY)
    await world.until(lambda: world.peers.parked == 1)
    await settle()
    assert event.encoded == 2
    hosts[1].refusing = False
    world.publish({1: (1, 1), 2: (2, 2)})
    await world.until(lambda: event.answered)


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


async def test_with_another_coordinator_everything_begins_anew(world):
    """Numbers and versions start over: what was in flight fails, what waited goes to the new host."""
    old = world.host(1)
    old.answering = False
    world.publish({1: (1, 9)})
    lost = world.send("lost")
    await world.until(lambda: old.waiting)
    world.peers.begin_anew(5)
    assert lost.failures == [ResetCode.LOST]
    waiting = world.send("waiting")
    assert world.peers.parked == 1
    # The same serial number, seat and a lower version and epoch: another process all the same.
    new = world.host(1)
    world.version = 0
    world.publish({1: (1, 1)})
    await world.until(lambda: waiting.answered)
    assert new.got == ["waiting 1"]
    assert old.got == ["lost 9"]


async def test_a_link_of_the_former_coordinator_that_comes_up_late_is_dropped(world):
    """A connect may be under way when the coordinator changes; its host is not the new one."""
    old = world.host(1)
    world.publish({1: (1, 1)})
    await asyncio.sleep(0)  # the connect has begun, nothing is up
    world.peers.begin_anew(5)
    new = world.host(1)
    world.version = 0
    world.publish({1: (1, 1)})
    event = world.send("a")
    await world.until(lambda: event.answered)
    assert (old.got, new.got) == ([], ["a 1"])
    assert len(world.peers._all_links) == 1

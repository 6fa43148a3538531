"""Those who are leaving a seat still take what began before they were asked for it (D6)."""

from __future__ import annotations

import asyncio

from .hosts import Sent, slot


async def test_what_began_before_a_release_still_reaches_the_former_owner(world):
    """Hosts that drain together need each other: A -> B -> A; what began later waits (D6)."""
    peers = world.make(serial=1, local=world.local.append)
    old = world.host(2)
    world.publish({1: (1, 1), 2: (2, 2)}, peers=peers)
    before = Sent("before", slot(2))
    peers.send(before)
    await world.until(lambda: before.answered)
    world.publish({}, leaving={1: (1, 1), 2: (2, 2)}, peers=peers)
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


async def test_a_host_that_came_later_reaches_those_who_are_leaving(world):
    """A -> B -> A, when B has a new owner already and A has not: nothing would end otherwise (D6)."""
    peers = world.make(serial=4, local=world.local.append)
    old = world.host(1)
    world.version = 7
    world.publish({2: (4, 4)}, leaving={1: (1, 1)}, peers=peers)
    nested, later = Sent("nested", slot(1)), Sent("later", slot(1))
    nested.version = world.version - 1
    peers.send(nested)
    peers.send(later)
    await world.until(lambda: nested.answered)
    assert old.got == ["nested 1"]
    assert peers.parked == 1
    new = world.host(3)
    world.publish({1: (3, 3), 2: (4, 4)}, peers=peers)
    await world.until(lambda: later.answered)
    assert new.got == ["later 3"]
    peers.close()


async def test_a_gateway_hears_those_who_are_leaving_to_the_end(world):
    """Their objects still speak to WebSockets, until somebody else has the seat (W4)."""
    old = world.host(1)
    world.publish({1: (1, 1)})
    await world.until(lambda: old.links and old.links[0].up)
    world.publish({}, leaving={1: (1, 1)})
    waiting = world.send("a")
    for _ in range(5):
        await asyncio.sleep(0)
    assert old.links[0].up
    assert (world.peers.parked, old.got) == (1, [])
    new = world.host(2)
    world.publish({1: (2, 2)})
    await world.until(lambda: waiting.answered and not old.links[0].up)
    assert new.got == ["a 2"]
